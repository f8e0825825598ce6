// conv: a dense k x k convolution with its folded batch norm and activation.
//
// One thread does four output channels of one pixel: neighbours in a workgroup read the same weights and neighbouring
// pixels. Taps outside the map count as zero and are left out.

@group(0) @binding(0) var<storage, read_write> input: array<f32>; // [channels_in, H, W]
@group(0) @binding(1) var<storage, read_write> weights: array<vec4<f32>>; // [k, k, channels_in, ceil(channels_out / 4)]
@group(0) @binding(2) var<storage, read_write> shift: array<vec4<f32>>; // [ceil(channels_out / 4)]
@group(0) @binding(3) var<storage, read_write> output: array<f32>; // [channels_out, H', W']
@group(0) @binding(4) var<uniform> info: Info;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let pixels_in = info.height_in * info.width_in;
  let pixels_out = info.height_out * info.width_out;
  let channel_quads = (info.channels_out + 3u) / 4u;
  let quad = id.x / pixels_out;
  if (quad >= channel_quads) {
    return;
  }
  let pixel = id.x % pixels_out;
  // Signed: a tap may lie above or left of the map.
  let top = i32((pixel / info.width_out) * info.stride) - i32(info.padding);
  let left = i32((pixel % info.width_out) * info.stride) - i32(info.padding);

  var sum = shift[quad];
  for (var ky = 0u; ky < info.kernel; ky++) {
    let y = top + i32(ky * info.dilation);
    if (y < 0 || y >= i32(info.height_in)) {
      continue;
    }
    for (var kx = 0u; kx < info.kernel; kx++) {
      let x = left + i32(kx * info.dilation);
      if (x < 0 || x >= i32(info.width_in)) {
        continue;
      }
      var source = u32(y) * info.width_in + u32(x);
      var at = (ky * info.kernel + kx) * info.channels_in * channel_quads + quad;
      for (var channel = 0u; channel < info.channels_in; channel++) {
        sum += weights[at] * input[source];
        source += pixels_in;
        at += channel_quads;
      }
    }
  }

  let value = activate(sum, info.activation);
  for (var i = 0u; i < 4u; i++) {
    if (quad * 4u + i < info.channels_out) {
      output[(quad * 4u + i) * pixels_out + pixel] = value[i];
    }
  }
}
