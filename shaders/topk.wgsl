// topk: the candidates of a class, best first.
//
// One workgroup does one class: of the priors whose score is above the threshold it takes the best `top_k`, by score
// descending, then by prior ascending (common/select.wgsl). Each thread visits every 256th prior. A class that is
// switched off has no candidates. A NaN and scores above 1 fail the test on bits.

struct TopkInfo {
  priors: u32,
  top_k: u32,
  floor_bits: u32, // bits of the score threshold
  rows: u32, // of one image: C-1
  enabled: array<vec4<u32>, 8>, // a bit for each class, class 1 first
}

@group(0) @binding(0) var<uniform> info: TopkInfo;
@group(0) @binding(1) var<storage, read> scores: array<u32>; // [images, C-1, P] bits of f32
@group(0) @binding(2) var<storage, read_write> candidates: array<Candidate>; // [images, C-1, SLOTS], then zero
@group(0) @binding(3) var<storage, read_write> counts: array<u32>; // [images, C-1]

fn key_of(row: u32, item: u32) -> u32 {
  let bits = scores[row * info.priors + item];
  return select(0u, bits, bits > info.floor_bits && bits <= ONE_BITS);
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  // x: the class, y: the image
  let class_row = group.x;
  let row = group.y * info.rows + class_row;
  let enabled = (info.enabled[class_row / 128u][(class_row / 32u) % 4u] >> (class_row % 32u)) & 1u;
  let items = enabled * info.priors;

  let count = select_best(local, row, items, info.top_k, info.floor_bits);

  for (var slot = local; slot < SLOTS; slot += THREADS) {
    var candidate = Candidate(0u, 0u);
    if (slot < count) {
      candidate = Candidate(sh_keys[slot], sh_items[slot]);
    }
    candidates[row * SLOTS + slot] = candidate;
  }
  if (local == 0u) {
    counts[row] = count;
  }
}
