// max_pool: the largest number in each window. Pixels outside the map do not count.
//
// One thread does one quad of one output pixel.

const THREADS = 64u;

@group(0) @binding(0) var<uniform> info: LayerInfo;
@group(0) @binding(1) var<storage, read> input: array<Stored4>; // [images, H, W, quads]
@group(0) @binding(2) var<storage, read_write> output: array<Stored4>; // [images, H', W', quads]

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let quads = info.quads_in;
  let row = id.x / quads;
  if (row >= info.rows) {
    return;
  }
  let x = row % info.width_out;
  let y = row / info.width_out % info.height_out;
  let image = row / info.width_out / info.height_out;
  // The first window may start before the map and the last one end after it; each has a pixel inside.
  let left = max(x * info.stride, info.pad_left) - info.pad_left;
  let top = max(y * info.stride, info.pad_top) - info.pad_top;
  let right = min(x * info.stride + info.kernel - info.pad_left, info.width_in);
  let bottom = min(y * info.stride + info.kernel - info.pad_top, info.height_in);

  var largest = vec4<f32>(-3.0e38);
  for (var source_y = top; source_y < bottom; source_y++) {
    for (var source_x = left; source_x < right; source_x++) {
      let pixel = (image * info.height_in + source_y) * info.width_in + source_x;
      largest = max(largest, vec4<f32>(input[pixel * quads + id.x % quads]));
    }
  }
  output[id.x] = Stored4(largest);
}
