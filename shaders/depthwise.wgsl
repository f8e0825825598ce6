// depthwise: a k x k convolution of each channel by itself, with its folded batch norm and activation.
//
// One thread does one output pixel of one channel. Taps outside the map count as zero; the test is made for a row, then for
// a column, before anything is read.

@group(0) @binding(0) var<storage, read_write> input: array<f32>; // [C, H, W]
@group(0) @binding(1) var<storage, read_write> weights: array<f32>; // [C, k, k]
@group(0) @binding(2) var<storage, read_write> shift: array<f32>; // [C]
@group(0) @binding(3) var<storage, read_write> output: array<f32>; // [C, H', W']
@group(0) @binding(4) var<uniform> info: Info;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let pixels_out = info.height_out * info.width_out;
  let channel = id.x / pixels_out;
  if (channel >= info.channels_out) {
    return;
  }
  let pixel = id.x % pixels_out;
  // Signed: a tap may lie above or left of the map.
  let top = i32((pixel / info.width_out) * info.stride) - i32(info.padding);
  let left = i32((pixel % info.width_out) * info.stride) - i32(info.padding);
  let plane = channel * info.height_in * info.width_in;
  let taps = channel * info.kernel * info.kernel;

  var sum = shift[channel];
  for (var ky = 0u; ky < info.kernel; ky++) {
    let y = top + i32(ky * info.dilation);
    if (y < 0 || y >= i32(info.height_in)) {
      continue;
    }
    let row = plane + u32(y) * info.width_in;
    for (var kx = 0u; kx < info.kernel; kx++) {
      let x = left + i32(kx * info.dilation);
      if (x >= 0 && x < i32(info.width_in)) {
        sum += weights[taps + ky * info.kernel + kx] * input[row + u32(x)];
      }
    }
  }
  output[id.x] = activate(vec4<f32>(sum), info.activation).x;
}
