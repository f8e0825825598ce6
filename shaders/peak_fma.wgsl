// peak_fma: the device's peak of multiplications with an addition, when nothing else holds it up.
//
// Each thread has eight independent quads, of the type of feature maps. The sums are written only if they have a value
// that they never have, so that no compiler drops them; the factors come from the host, so that no compiler knows them.

const THREADS = 256u;
const ROUNDS = 256u;
const UNROLLED = 8u;

struct PeakFmaInfo {
  factor: f32,
  addend: f32,
  never: f32,
}

@group(0) @binding(0) var<uniform> info: PeakFmaInfo;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let b = Stored4(Stored(info.factor));
  let c = Stored4(Stored(info.addend));
  // Small enough for 16 bits.
  var s0 = Stored4(Stored(f32(id.x % THREADS)));
  var s1 = s0 + 1.0; var s2 = s0 + 2.0; var s3 = s0 + 3.0;
  var s4 = s0 + 4.0; var s5 = s0 + 5.0; var s6 = s0 + 6.0; var s7 = s0 + 7.0;
  for (var round = 0u; round < ROUNDS; round++) {
    for (var i = 0u; i < UNROLLED; i++) { // unroll
      s0 = s0 * b + c;
      s1 = s1 * b + c;
      s2 = s2 * b + c;
      s3 = s3 * b + c;
      s4 = s4 * b + c;
      s5 = s5 * b + c;
      s6 = s6 * b + c;
      s7 = s7 * b + c;
    }
  }
  let sum = dot(vec4<f32>(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7), vec4<f32>(1.0));
  if (sum == info.never) {
    output[0] = sum;
  }
}
