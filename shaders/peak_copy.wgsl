// peak_copy: the device's peak of memory traffic, copying from one buffer to another.
//
// One thread moves every `threads`-th quad. The host chooses the size of the buffers: larger than any cache, or
// smaller.

const THREADS = 256u;

struct PeakCopyInfo {
  quads: u32,
  threads: u32, // in the whole grid
}

@group(0) @binding(0) var<uniform> info: PeakCopyInfo;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4<f32>>;

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  for (var at = id.x; at < info.quads; at += info.threads) {
    output[at] = input[at];
  }
}
