// Shared by the network's kernels: the shape of a step, and the activation.
//
// A feature map is [image, y, x, channel], its channels padded with zeros to a multiple of four; four of them are a
// quad. (After a hard sigmoid the padding is one half; weights and factors for it are zero.) A row is a pixel of the
// output, counted through all images; a column is a channel of the output.

struct LayerInfo {
  height_in: u32,
  width_in: u32,
  quads_in: u32, // of one input pixel
  height_out: u32,
  width_out: u32,
  rows: u32, // output pixels of all images
  quads_out: u32, // of one output pixel
  columns: u32, // output channels, without padding
  kernel: u32, // taps in each direction
  stride: u32,
  pad_top: u32, // rows of zeros above the input; beyond its other edges it reads as zero, too
  pad_left: u32,
  dilation: u32,
  activation: u32, // one of the constants below
  weights_stride: u32, // quads from one row of the weights to the next
  slices: u32, // of the sum, that a workgroup adds up
  parts: u32, // partial sums of a whole one
  input_plane: u32, // quads from one plane of a Winograd product to the next, in the input
  weights_plane: u32, // and in the weights
  first_tile: u32, // of a band of Winograd tiles
  tiles: u32, // in the band
  tiles_y: u32, // of one image
  tiles_x: u32,
  prior_base: u32, // the first prior of this level
  priors: u32, // of one image
  offset_columns: u32, // columns that are offsets; logits follow
  logits_start: u32, // index of the first logit
  logits: u32, // of a prior
}

const NONE = 0u;
const RELU = 1u;
const RELU6 = 2u;
const HARD_SWISH = 3u;
const HARD_SIGMOID = 4u;

fn activate(sum: vec4<f32>, activation: u32) -> vec4<f32> {
  if (activation == NONE) {
    return sum;
  }
  if (activation >= HARD_SWISH) {
    let gate = clamp(sum + 3.0, vec4<f32>(0.0), vec4<f32>(6.0)) / 6.0;
    return select(gate, sum * gate, activation == HARD_SWISH);
  }
  let positive = max(sum, vec4<f32>(0.0));
  return select(positive, min(positive, vec4<f32>(6.0)), activation == RELU6);
}
