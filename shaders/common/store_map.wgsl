// A finished sum goes into a feature map, with a residual added before the activation if there is one.

const RESIDUAL = 0u; // 1: there is one

@group(0) @binding(3) var<storage, read> shift: array<vec4<f32>>; // [quads_out]
@group(0) @binding(4) var<storage, read> residual: array<Stored4>; // [rows, quads_out], or any buffer
@group(0) @binding(5) var<storage, read_write> output: array<Stored4>; // [rows, quads_out]

fn store(part: u32, row: u32, quad: u32, sum: vec4<f32>) {
  if (row >= info.rows || quad >= info.quads_out) {
    return;
  }
  let at = row * info.quads_out + quad;
  var value = sum + shift[quad];
  if (RESIDUAL == 1u) {
    value += vec4<f32>(residual[at]);
  }
  output[at] = Stored4(activate(value, info.activation));
}
