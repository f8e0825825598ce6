// l2norm: each pixel's channels divided by their length, then multiplied by a learned scale for each channel.
//
// One workgroup does one pixel: its threads add up the squares of their quads; then the row of sums is halved until one
// is left.

const THREADS = 64u;
const EPSILON = 1e-10f; // keeps a pixel of zeros at zero

@group(0) @binding(0) var<uniform> info: LayerInfo;
@group(0) @binding(1) var<storage, read> input: array<Stored4>; // [rows, quads]
@group(0) @binding(2) var<storage, read> scale: array<vec4<f32>>; // [quads]
@group(0) @binding(3) var<storage, read_write> output: array<Stored4>; // [rows, quads]

var<workgroup> sh_sums: array<f32, THREADS>;

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.x * info.quads_in;
  var sum = 0.0;
  for (var quad = local; quad < info.quads_in; quad += THREADS) {
    let value = vec4<f32>(input[row + quad]);
    sum += dot(value, value);
  }
  sh_sums[local] = sum;
  workgroupBarrier();
  for (var half = THREADS / 2u; half > 0u; half /= 2u) {
    if (local < half) {
      sh_sums[local] += sh_sums[local + half];
    }
    workgroupBarrier();
  }
  let length = sqrt(sh_sums[0] + EPSILON);
  for (var quad = local; quad < info.quads_in; quad += THREADS) {
    output[row + quad] = Stored4(vec4<f32>(input[row + quad]) / length * scale[quad]);
  }
}
