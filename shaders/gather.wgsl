// gather: the best `max` of all classes, as the small buffers that a frame reads back.
//
// One workgroup does one image. An item is a slot in the classes' rows of kept candidates, counted class by class;
// since a row is sorted, "score descending, then item ascending" (common/select.wgsl) is score descending, class
// ascending, prior ascending. No class keeps more than `max`, so only that many slots of each row are visited; what a
// class lost by that limit is not among the best `max` of all.

struct GatherInfo {
  rows: u32, // C-1
  max: u32,
  floor_bits: u32, // bits of the score threshold
  priors: u32,
}

struct Record {
  x1: f32,
  y1: f32,
  x2: f32,
  y2: f32,
  score_bits: u32,
  class_id: u32, // 1-based
  prior: u32,
}

struct Header {
  count: u32,
  candidates: u32, // that went into nms
  reserved0: u32,
  reserved1: u32,
}

@group(0) @binding(0) var<uniform> info: GatherInfo;
@group(0) @binding(1) var<storage, read> kept: array<Candidate>; // [images, C-1, SLOTS]
@group(0) @binding(2) var<storage, read> counts: array<u32>; // [images, C-1] candidates before nms
@group(0) @binding(3) var<storage, read> boxes: array<vec4<f32>>; // [images, P] corner form
@group(0) @binding(4) var<storage, read_write> headers: array<Header>; // [images]
@group(0) @binding(5) var<storage, read_write> records: array<Record>; // [images, max], zero beyond the count

var<workgroup> sh_candidates: atomic<u32>;

fn slot_of(item: u32) -> u32 {
  return (item / info.max) * SLOTS + item % info.max;
}

// A row is an image: the slots of all its classes.
fn key_of(row: u32, item: u32) -> u32 {
  return kept[row * info.rows * SLOTS + slot_of(item)].score_bits;
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let image = group.x;
  if (local == 0u) {
    atomicStore(&sh_candidates, 0u);
  }
  workgroupBarrier();
  for (var row = local; row < info.rows; row += THREADS) {
    atomicAdd(&sh_candidates, counts[image * info.rows + row]);
  }

  let count = select_best(local, image, info.rows * info.max, info.max, info.floor_bits);

  for (var i = local; i < info.max; i += THREADS) {
    var record = Record(0.0, 0.0, 0.0, 0.0, 0u, 0u, 0u);
    if (i < count) {
      let item = sh_items[i];
      let prior = kept[image * info.rows * SLOTS + slot_of(item)].prior;
      let box = boxes[image * info.priors + prior];
      record = Record(box.x, box.y, box.z, box.w, sh_keys[i], item / info.max + 1u, prior);
    }
    records[image * info.max + i] = record;
  }
  if (local == 0u) {
    headers[image] = Header(count, atomicLoad(&sh_candidates), 0u, 0u);
  }
}
