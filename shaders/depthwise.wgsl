// depthwise: a convolution of each channel by itself.
//
// One thread does one quad of channels for four neighbouring pixels of a row: the input columns that their windows
// share are read once. No workgroup memory.

const THREADS = 64u;
const KERNEL = 3u;
const STRIDE = 1u;
const SPAN = 6u; // columns under four windows: 3 * STRIDE + KERNEL

@group(0) @binding(0) var<uniform> info: LayerInfo;
@group(0) @binding(1) var<storage, read> input: array<Stored4>; // [images, H, W, quads]
@group(0) @binding(2) var<storage, read> weights: array<Stored4>; // [kernel, kernel, quads]
@group(0) @binding(3) var<storage, read> shift: array<vec4<f32>>; // [quads]
@group(0) @binding(4) var<storage, read_write> output: array<Stored4>; // [images, H', W', quads]

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let quads = info.quads_in;
  let fours = (info.width_out + 3u) / 4u;
  let quad = id.x % quads;
  let four = id.x / quads % fours;
  let line = id.x / quads / fours; // through all images
  if (line * info.width_out >= info.rows) {
    return;
  }
  let image = line / info.height_out;
  let top = i32(line % info.height_out * STRIDE) - i32(info.pad_top);
  let left = i32(four * 4u * STRIDE) - i32(info.pad_left);

  var sum0 = shift[quad];
  var sum1 = sum0;
  var sum2 = sum0;
  var sum3 = sum0;
  for (var tap_y = 0u; tap_y < KERNEL; tap_y++) {
    let y = top + i32(tap_y);
    if (y < 0 || y >= i32(info.height_in)) {
      continue;
    }
    let row = (image * info.height_in + u32(y)) * info.width_in;
    let taps = tap_y * KERNEL * quads + quad;
    for (var column = 0u; column < SPAN; column++) { // unroll
      let x = left + i32(column);
      if (x >= 0 && x < i32(info.width_in)) {
        let value = vec4<f32>(input[(row + u32(x)) * quads + quad]);
        if (column < KERNEL) {
          sum0 += value * vec4<f32>(weights[taps + column * quads]);
        }
        if (column >= STRIDE && column < STRIDE + KERNEL) {
          sum1 += value * vec4<f32>(weights[taps + (column - STRIDE) * quads]);
        }
        if (column >= 2u * STRIDE && column < 2u * STRIDE + KERNEL) {
          sum2 += value * vec4<f32>(weights[taps + (column - 2u * STRIDE) * quads]);
        }
        if (column >= 3u * STRIDE) {
          sum3 += value * vec4<f32>(weights[taps + (column - 3u * STRIDE) * quads]);
        }
      }
    }
  }

  let x = four * 4u;
  let at = (line * info.width_out + x) * quads + quad;
  output[at] = Stored4(activate(sum0, info.activation));
  if (x + 1u < info.width_out) { output[at + quads] = Stored4(activate(sum1, info.activation)); }
  if (x + 2u < info.width_out) { output[at + 2u * quads] = Stored4(activate(sum2, info.activation)); }
  if (x + 3u < info.width_out) { output[at + 3u * quads] = Stored4(activate(sum3, info.activation)); }
}
