// Shared by the stages after decode: a prior whose score has passed the threshold.

// The length of a row of candidates, whatever `top_k` and `max` are: it bounds what may be asked for, not what a
// picture may hold.
const SLOTS = 512u;

// The workgroup of a row.
const THREADS = 256u;

// A score as its bits, and its prior; all zero: an empty slot. From 0 to 1 the bits are in the order of the numbers,
// and comparing them leaves a compiler nothing to assume about NaN.
struct Candidate {
  score_bits: u32,
  prior: u32,
}
