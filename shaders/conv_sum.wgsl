// conv_sum: adds up the parts of a convolution whose sum was split, in the order of the parts.
//
// One thread does one quad of one row; common/store_*.wgsl adds the bias and stores it.

const THREADS = 64u;

@group(0) @binding(0) var<uniform> info: LayerInfo;
@group(0) @binding(1) var<storage, read> parts: array<vec4<f32>>; // [parts, rows, quads_out]
// 3 to 5: common/store_*.wgsl

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let plane = info.rows * info.quads_out;
  if (id.x >= plane) {
    return;
  }
  var sum = vec4<f32>(0.0);
  for (var part = 0u; part < info.parts; part++) {
    sum += parts[part * plane + id.x];
  }
  store(0u, id.x / info.quads_out, id.x % info.quads_out, sum);
}
