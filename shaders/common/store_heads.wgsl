// A finished sum goes straight into the rows of priors that decode reads.
//
// The channels of a cell are the numbers of its priors one after the other, and the cells of an image follow each
// other, so the place is the cell times the channels.

@group(0) @binding(3) var<storage, read> shift: array<vec4<f32>>; // [columns, in fours]
// offsets [images, P, 4], then logits [images, P, C]
@group(0) @binding(4) var<storage, read_write> predictions: array<f32>;

fn store(part: u32, row: u32, quad: u32, sum: vec4<f32>) {
  if (row >= info.rows || quad * 4u >= info.columns) {
    return;
  }
  let cells = info.height_out * info.width_out;
  let image = row / cells;
  let cell = row % cells;
  let first_prior = image * info.priors + info.prior_base;
  let offsets = first_prior * 4u + cell * info.offset_columns;
  let logits = info.logits_start + first_prior * info.logits + cell * (info.columns - info.offset_columns);
  let value = sum + shift[quad];
  for (var i = 0u; i < 4u; i++) {
    let column = quad * 4u + i;
    if (column < info.offset_columns) {
      predictions[offsets + column] = value[i];
    } else if (column < info.columns) {
      predictions[logits + column - info.offset_columns] = value[i];
    }
  }
}
