// scale: each channel of an image times its own factor.
//
// One thread does one quad of one pixel.

const THREADS = 64u;

@group(0) @binding(0) var<uniform> info: LayerInfo;
@group(0) @binding(1) var<storage, read> input: array<Stored4>; // [images, H, W, quads]
@group(0) @binding(2) var<storage, read> factors: array<Stored4>; // [images, quads]
@group(0) @binding(3) var<storage, read_write> output: array<Stored4>; // [images, H, W, quads]

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let quads = info.quads_in;
  let row = id.x / quads;
  if (row >= info.rows) {
    return;
  }
  let image = row / (info.height_out * info.width_out);
  let factor = vec4<f32>(factors[image * quads + id.x % quads]);
  output[id.x] = Stored4(vec4<f32>(input[id.x]) * factor);
}
