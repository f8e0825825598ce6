// peak_copy: how many bytes the device moves in a second, reading one buffer and writing another.
//
// One thread moves one quad; the host's buffers are larger than any cache, or smaller, as it wants to know.

const THREADS = 256u;

struct Info {
  quads: u32,
  threads: u32, // in the whole grid
  reserved0: u32,
  reserved1: u32,
}

@group(0) @binding(0) var<uniform> info: Info;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4<f32>>;

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  for (var at = id.x; at < info.quads; at += info.threads) {
    output[at] = input[at];
  }
}
