// nms: greedy non-maximum suppression, class by class.
//
// One workgroup does one class. Going down its candidates, best first, one is kept unless a kept one overlaps it by
// more than `iou`, until `max` are kept. Candidates are taken in chunks of 32:
//   1. all pairs of the chunk are tested at once, which gives one mask of 32 bits for each candidate;
//   2. one thread goes down the chunk with these masks, without looking at boxes;
//   3. all candidates after the chunk are tested against those it kept, each by its own thread.
// So the number of barriers grows with the chunks, not with the kept boxes.

const CHUNK = 32u;

struct NmsInfo {
  iou: f32,
  max: u32,
  rows: u32, // of one image: C-1
  priors: u32,
}

@group(0) @binding(0) var<uniform> info: NmsInfo;
@group(0) @binding(1) var<storage, read> candidates: array<Candidate>; // [images, C-1, SLOTS], best first
@group(0) @binding(2) var<storage, read> counts: array<u32>; // [images, C-1]
@group(0) @binding(3) var<storage, read> boxes: array<vec4<f32>>; // [images, P] corner form
@group(0) @binding(4) var<storage, read_write> kept: array<Candidate>; // [images, C-1, SLOTS], best first, then zero

var<workgroup> sh_boxes: array<vec4<f32>, SLOTS>;
var<workgroup> sh_dead: array<u32, SLOTS>; // 1: suppressed, or no candidate
var<workgroup> sh_masks: array<atomic<u32>, CHUNK>; // bit j of mask i: candidate i of the chunk suppresses candidate j
var<workgroup> sh_count: u32;
var<workgroup> sh_keep: u32; // bit i: candidate i of the chunk is kept

fn suppresses(a: u32, b: u32) -> bool {
  let inter = intersection(sh_boxes[a], sh_boxes[b]);
  return inter > info.iou * (area(sh_boxes[a]) + area(sh_boxes[b]) - inter);
}

// The candidates that a chunk keeps, at most `room`, as a mask.
fn resolve(chunk: u32, room: u32) -> u32 {
  var keep = 0u;
  var dead = 0u;
  for (var i = 0u; i < CHUNK; i += 1u) {
    let lives = sh_dead[chunk + i] == 0u && ((dead >> i) & 1u) == 0u;
    if (lives && countOneBits(keep) < room) {
      keep |= 1u << i;
      dead |= atomicLoad(&sh_masks[i]);
    }
  }
  return keep;
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  // x: the class, y: the image
  let row_index = group.y * info.rows + group.x;
  let row = row_index * SLOTS;
  let first_box = group.y * info.priors;
  if (local == 0u) {
    sh_count = counts[row_index];
  }
  let count = workgroupUniformLoad(&sh_count);
  for (var slot = local; slot < SLOTS; slot += THREADS) {
    sh_boxes[slot] = vec4<f32>(0.0);
    sh_dead[slot] = 1u;
    if (slot < count) {
      sh_boxes[slot] = boxes[first_box + candidates[row + slot].prior];
      sh_dead[slot] = 0u;
    }
  }

  var total = 0u;
  for (var chunk = 0u; chunk < count && total < info.max; chunk += CHUNK) {
    if (local < CHUNK) {
      atomicStore(&sh_masks[local], 0u);
    }
    workgroupBarrier();
    for (var pair = local; pair < CHUNK * CHUNK; pair += THREADS) {
      let i = pair / CHUNK;
      let j = pair % CHUNK;
      if (i < j && suppresses(chunk + i, chunk + j)) {
        atomicOr(&sh_masks[i], 1u << j);
      }
    }
    workgroupBarrier();
    if (local == 0u) {
      sh_keep = resolve(chunk, info.max - total);
    }
    let keep = workgroupUniformLoad(&sh_keep);

    if (local < CHUNK && ((keep >> local) & 1u) == 1u) {
      let slot = total + countOneBits(keep & ((1u << local) - 1u));
      kept[row + slot] = candidates[row + chunk + local];
    }
    for (var slot = chunk + CHUNK + local; slot < count; slot += THREADS) {
      for (var left = keep; left != 0u && sh_dead[slot] == 0u; left &= left - 1u) {
        if (suppresses(chunk + countTrailingZeros(left), slot)) {
          sh_dead[slot] = 1u;
        }
      }
    }
    total += countOneBits(keep);
  }

  for (var slot = total + local; slot < SLOTS; slot += THREADS) {
    kept[row + slot] = Candidate(0u, 0u);
  }
}
