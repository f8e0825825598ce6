// pointwise: a 1x1 convolution with its folded batch norm and activation.
//
// One thread does four output channels of four neighbouring pixels, so that each weight is read once for four pixels and
// each pixel once for four channels. The four pixels may run over the end of the map: the last one is then computed again
// and not written. No workgroup memory: the maps of light networks are small enough for the caches.

@group(0) @binding(0) var<storage, read_write> input: array<f32>; // [channels_in, H * W]
@group(0) @binding(1) var<storage, read_write> weights: array<vec4<f32>>; // [channels_in, ceil(channels_out / 4)]
@group(0) @binding(2) var<storage, read_write> shift: array<vec4<f32>>; // [ceil(channels_out / 4)]
@group(0) @binding(3) var<storage, read_write> output: array<f32>; // [channels_out, H * W]
@group(0) @binding(4) var<uniform> info: Info;

fn write(channel: u32, pixel: u32, pixels: u32, sum: vec4<f32>) {
  if (pixel >= pixels) {
    return;
  }
  let value = activate(sum, info.activation);
  for (var i = 0u; i < 4u; i++) {
    if (channel + i < info.channels_out) {
      output[(channel + i) * pixels + pixel] = value[i];
    }
  }
}

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let pixels = info.height_in * info.width_in;
  let pixel_quads = (pixels + 3u) / 4u;
  let channel_quads = (info.channels_out + 3u) / 4u;
  let quad = id.x / pixel_quads;
  if (quad >= channel_quads) {
    return;
  }
  let p0 = (id.x % pixel_quads) * 4u;
  let p1 = min(p0 + 1u, pixels - 1u);
  let p2 = min(p0 + 2u, pixels - 1u);
  let p3 = min(p0 + 3u, pixels - 1u);

  var sum0 = shift[quad];
  var sum1 = sum0;
  var sum2 = sum0;
  var sum3 = sum0;
  var row = 0u;
  var at = quad;
  for (var channel = 0u; channel < info.channels_in; channel++) {
    let weight = weights[at];
    sum0 += weight * input[row + p0];
    sum1 += weight * input[row + p1];
    sum2 += weight * input[row + p2];
    sum3 += weight * input[row + p3];
    row += pixels;
    at += channel_quads;
  }

  write(quad * 4u, p0, pixels, sum0);
  write(quad * 4u, p0 + 1u, pixels, sum1);
  write(quad * 4u, p0 + 2u, pixels, sum2);
  write(quad * 4u, p0 + 3u, pixels, sum3);
}
