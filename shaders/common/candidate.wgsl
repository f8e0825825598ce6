// Shared by every stage after decode: what remains of a prior once its score has passed the threshold.

// Rows of candidates are this long, whatever `top_k` and `max` say.
const SLOTS = 512u;

// The workgroup that works on a row.
const THREADS = 256u;

// A score as its bits, and whose it is. For numbers from 0 to 1 the order of the bits is the order of the numbers, and
// unlike a comparison of floats it leaves a compiler nothing to assume about NaN. All zero: an empty slot.
struct Candidate {
  score_bits: u32,
  prior: u32,
}
