// conv_plain: the same matrix product as conv, without workgroup memory and without barriers.
//
// One thread computes four rows of one quad, reading input and weights straight from their buffers; neighbours along
// the quads read the same input. For GPUs whose caches do what workgroup memory does elsewhere, for software adapters,
// where a barrier costs more than a sum, and as an introduction to conv.

const THREADS = 64u;
const TILE_ROWS = 32u;
const TILE_QUADS = 8u;

@group(0) @binding(0) var<uniform> info: LayerInfo;
// As in conv.
@group(0) @binding(1) var<storage, read> input: array<Stored4>;
@group(0) @binding(2) var<storage, read> weights: array<Stored4>;
// 3 to 5: common/store_*.wgsl

// The first quad of the pixel under a tap, or -1 outside the map.
fn source(row: u32, tap_y: u32, tap_x: u32, plane: u32) -> i32 {
  let pixels = info.height_out * info.width_out;
  let pixel = row % pixels;
  let y = i32(pixel / info.width_out * info.stride + tap_y * info.dilation) - i32(info.pad_top);
  let x = i32(pixel % info.width_out * info.stride + tap_x * info.dilation) - i32(info.pad_left);
  if (row >= info.rows || y < 0 || x < 0 || y >= i32(info.height_in) || x >= i32(info.width_in)) {
    return -1;
  }
  let at = (row / pixels * info.height_in + u32(y)) * info.width_in + u32(x);
  return i32(plane + at * info.quads_in);
}

fn fetch(source: i32, quad: u32) -> vec4<f32> {
  if (source < 0) {
    return vec4<f32>(0.0);
  }
  return vec4<f32>(input[u32(source) + quad]);
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.x * TILE_ROWS + local / TILE_QUADS * 4u;
  let out = group.y * TILE_QUADS + local % TILE_QUADS;
  if (row >= info.rows || out >= info.weights_stride) {
    return;
  }
  let plane = group.z * info.input_plane;
  var weight = group.z * info.weights_plane + out;
  var sum0 = vec4<f32>(0.0);
  var sum1 = vec4<f32>(0.0);
  var sum2 = vec4<f32>(0.0);
  var sum3 = vec4<f32>(0.0);
  for (var tap_y = 0u; tap_y < info.kernel; tap_y++) {
    for (var tap_x = 0u; tap_x < info.kernel; tap_x++) {
      let source0 = source(row, tap_y, tap_x, plane);
      let source1 = source(row + 1u, tap_y, tap_x, plane);
      let source2 = source(row + 2u, tap_y, tap_x, plane);
      let source3 = source(row + 3u, tap_y, tap_x, plane);
      for (var quad = 0u; quad < info.quads_in; quad++) {
        let b0 = vec4<f32>(weights[weight]);
        let b1 = vec4<f32>(weights[weight + info.weights_stride]);
        let b2 = vec4<f32>(weights[weight + 2u * info.weights_stride]);
        let b3 = vec4<f32>(weights[weight + 3u * info.weights_stride]);
        let a0 = fetch(source0, quad);
        let a1 = fetch(source1, quad);
        let a2 = fetch(source2, quad);
        let a3 = fetch(source3, quad);
        sum0 += a0.x * b0 + a0.y * b1 + a0.z * b2 + a0.w * b3;
        sum1 += a1.x * b0 + a1.y * b1 + a1.z * b2 + a1.w * b3;
        sum2 += a2.x * b0 + a2.y * b1 + a2.z * b2 + a2.w * b3;
        sum3 += a3.x * b0 + a3.y * b1 + a3.z * b2 + a3.w * b3;
        weight += 4u * info.weights_stride;
      }
    }
  }
  store(group.z, row, out, sum0);
  store(group.z, row + 1u, out, sum1);
  store(group.z, row + 2u, out, sum2);
  store(group.z, row + 3u, out, sum3);
}
