// preprocess: a picture of any size to one image of the network's input: resized to a square and normalised.
//
// One thread does one pixel: two taps in each direction with half-pixel centres and no antialiasing, in 32-bit
// arithmetic. A sampler would be faster but has 8-bit weights, which moves scores.

const THREADS = 64u;

struct PreprocessInfo {
  width: u32, // of the picture, which may be smaller than the texture
  height: u32,
  size: u32, // of the input
  image: u32,
  mean: vec4<f32>,
  deviation: vec4<f32>,
}

@group(0) @binding(0) var<uniform> info: PreprocessInfo;
@group(0) @binding(1) var picture: texture_2d<f32>; // encoded R, G, B, 0 to 1
@group(0) @binding(2) var<storage, read_write> input: array<Stored4>; // [images, S, S] R, G, B, 0

// The two source pixels, and the weight of the second.
struct Taps {
  first: u32,
  second: u32,
  weight: f32,
}

fn taps(at: u32, source: u32) -> Taps {
  let position = max((f32(at) + 0.5) * (f32(source) / f32(info.size)) - 0.5, 0.0);
  let first = min(u32(position), source - 1u);
  return Taps(first, min(first + 1u, source - 1u), position - f32(first));
}

// The byte that was stored, exactly.
fn load(x: u32, y: u32) -> vec4<f32> {
  return round(textureLoad(picture, vec2<u32>(x, y), 0) * 255.0);
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= info.size * info.size) {
    return;
  }
  let x = taps(id.x % info.size, info.width);
  let y = taps(id.x / info.size, info.height);
  let top = mix4(load(x.first, y.first), load(x.second, y.first), x.weight);
  let bottom = mix4(load(x.first, y.second), load(x.second, y.second), x.weight);
  let value = (mix4(top, bottom, y.weight) - info.mean) / info.deviation;
  input[info.image * info.size * info.size + id.x] = Stored4(vec4<f32>(value.rgb, 0.0));
}

// `mix` may be computed as a * (1 - t) + b * t, unlike the twin.
fn mix4(a: vec4<f32>, b: vec4<f32>, t: f32) -> vec4<f32> {
  return a + (b - a) * t;
}
