// A partial sum goes into the plane of its part, for conv_sum or winograd_output.

@group(0) @binding(3) var<storage, read_write> parts: array<vec4<f32>>; // [parts, rows, quads_out]

fn store(part: u32, row: u32, quad: u32, sum: vec4<f32>) {
  if (row < info.rows && quad < info.quads_out) {
    parts[(part * info.rows + row) * info.quads_out + quad] = sum;
  }
}
