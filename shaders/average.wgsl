// average: the mean of each channel over all pixels of its image.
//
// One workgroup does four quads of one image, so that neighbouring threads read neighbouring words: each of its lanes
// adds up every 64th pixel; then the lanes are halved until one is left.

const THREADS = 256u;
const QUADS = 4u;
const LANES = THREADS / QUADS;

@group(0) @binding(0) var<uniform> info: LayerInfo;
@group(0) @binding(1) var<storage, read> input: array<Stored4>; // [images, H, W, quads]
@group(0) @binding(2) var<storage, read_write> output: array<Stored4>; // [images, quads]

var<workgroup> sh_sums: array<vec4<f32>, THREADS>; // [lane, quad]

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let quads = info.quads_in;
  let quad = group.x * QUADS + local % QUADS;
  let pixels = info.height_in * info.width_in;
  let image = group.y * pixels;
  var sum = vec4<f32>(0.0);
  if (quad < quads) {
    for (var pixel = local / QUADS; pixel < pixels; pixel += LANES) {
      sum += vec4<f32>(input[(image + pixel) * quads + quad]);
    }
  }
  sh_sums[local] = sum;
  workgroupBarrier();
  for (var half = THREADS / 2u; half >= QUADS; half /= 2u) {
    if (local < half) {
      sh_sums[local] += sh_sums[local + half];
    }
    workgroupBarrier();
  }
  if (local < QUADS && quad < quads) {
    output[group.y * quads + quad] = Stored4(sh_sums[local] / f32(pixels));
  }
}
