// soft_nms: the other form of nms, which lowers scores instead of removing boxes (Bodla et al., arXiv 1704.04503).
//
// One workgroup does one class; a thread owns the slots `local` and `local + 256`. In each round all threads find the
// best remaining candidate (score descending, then prior ascending) by atomics on integers, whose result does not
// depend on their order. It is kept with its present score, and every other score falls by exp(-iou * iou / sigma). A
// score that is not above the threshold drops out. The rounds end when no candidate remains, or after `max`. Each has
// four barriers.

const NOBODY = 0xffffffffu;

struct SoftNmsInfo {
  floor_bits: u32, // bits of the score threshold
  max: u32,
  sigma: f32,
  rows: u32, // of one image: C-1
  priors: u32,
}

@group(0) @binding(0) var<uniform> info: SoftNmsInfo;
@group(0) @binding(1) var<storage, read> candidates: array<Candidate>; // [images, C-1, SLOTS], best first
@group(0) @binding(2) var<storage, read> counts: array<u32>; // [images, C-1]
@group(0) @binding(3) var<storage, read> boxes: array<vec4<f32>>; // [images, P] corner form
@group(0) @binding(4) var<storage, read_write> kept: array<Candidate>; // [images, C-1, SLOTS], best first, then zero

var<workgroup> sh_boxes: array<vec4<f32>, SLOTS>;
var<workgroup> sh_score_bits: array<u32, SLOTS>; // zero: dropped, kept, or no candidate
var<workgroup> sh_best: atomic<u32>; // the best score's bits
var<workgroup> sh_first: atomic<u32>; // prior and slot of the candidate that has it
var<workgroup> sh_winner: u32;

fn iou(a: vec4<f32>, b: vec4<f32>) -> f32 {
  let inter = intersection(a, b);
  let whole = area(a) + area(b) - inter;
  return select(0.0, inter / max(whole, 1e-30), whole > 0.0);
}

// The score's bits after one more round in which `winner` was kept.
fn lowered(slot: u32, winner: u32) -> u32 {
  let overlap = iou(sh_boxes[slot], sh_boxes[winner]);
  let score = bitcast<f32>(sh_score_bits[slot]) * exp(-overlap * overlap / info.sigma);
  let bits = bitcast<u32>(score);
  return select(0u, bits, bits > info.floor_bits);
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  // x: the class, y: the image
  let row_index = group.y * info.rows + group.x;
  let row = row_index * SLOTS;
  let first_box = group.y * info.priors;
  for (var slot = local; slot < SLOTS; slot += THREADS) {
    sh_boxes[slot] = vec4<f32>(0.0);
    sh_score_bits[slot] = 0u;
    if (slot < counts[row_index]) {
      sh_boxes[slot] = boxes[first_box + candidates[row + slot].prior];
      sh_score_bits[slot] = candidates[row + slot].score_bits;
    }
  }

  var total = 0u;
  while (total < info.max) {
    if (local == 0u) {
      atomicStore(&sh_best, 0u);
      atomicStore(&sh_first, NOBODY);
    }
    workgroupBarrier();
    atomicMax(&sh_best, max(sh_score_bits[local], sh_score_bits[local + THREADS]));
    workgroupBarrier();
    let best = atomicLoad(&sh_best);
    for (var slot = local; slot < SLOTS; slot += THREADS) {
      if (best != 0u && sh_score_bits[slot] == best) {
        // 20 bits of prior above 9 bits of slot
        atomicMin(&sh_first, candidates[row + slot].prior * SLOTS + slot);
      }
    }
    workgroupBarrier();
    if (local == 0u) {
      sh_winner = atomicLoad(&sh_first);
    }
    let first = workgroupUniformLoad(&sh_winner);
    if (first == NOBODY) {
      break;
    }

    let winner = first % SLOTS;
    for (var slot = local; slot < SLOTS; slot += THREADS) {
      if (slot == winner) {
        kept[row + total] = Candidate(best, first / SLOTS);
        sh_score_bits[slot] = 0u;
      } else if (sh_score_bits[slot] != 0u) {
        sh_score_bits[slot] = lowered(slot, winner);
      }
    }
    total += 1u;
  }

  for (var slot = total + local; slot < SLOTS; slot += THREADS) {
    kept[row + slot] = Candidate(0u, 0u);
  }
}
