// decode: predictions to scores and boxes.
//
// One thread does one prior; a workgroup does 64 neighbours, which write neighbouring words. Scores are the softmax
// over background and classes, or where there is no logit for the background, the sigmoid of each: a row of priors for
// each class. A box is the prior moved and stretched by its offsets, in corner form, clipped to the picture. A prior
// with a NaN, or anything too large, gets a score and a box of zero; the test is on bits, because a shader compiler may
// assume that NaN and infinity do not happen.

struct DecodeInfo {
  priors: u32,
  columns: u32, // logits of a prior
  background: u32, // logits before the first class: 1 for softmax, 0 for sigmoid
  center_variance: f32,
  size_variance: f32,
  size_exponent_max: f32, // upper bound of a size offset times its variance
  magnitude_max_bits: u32, // bits of the largest valid number
  sigmoid_logit_max: f32, // beyond it a sigmoid is 0 or 1
  logits_start: u32, // index of the first logit
}

@group(0) @binding(0) var<uniform> info: DecodeInfo;
// bits of f32: offsets [images, P, 4], then logits [images, P, C]
@group(0) @binding(1) var<storage, read> predictions: array<u32>;
@group(0) @binding(2) var<storage, read> priors: array<vec4<f32>>; // [P] center form
@group(0) @binding(3) var<storage, read_write> scores: array<f32>; // [images, classes, P]
@group(0) @binding(4) var<storage, read_write> boxes: array<vec4<f32>>; // [images, P] corner form

fn is_valid(bits: u32) -> bool {
  return (bits & 0x7fffffffu) <= info.magnitude_max_bits;
}

fn decode_box(offset: vec4<f32>, prior: vec4<f32>) -> vec4<f32> {
  let center = prior.xy + offset.xy * info.center_variance * prior.zw;
  let size = prior.zw * exp(min(offset.zw * info.size_variance, vec2<f32>(info.size_exponent_max)));
  let corners = vec4<f32>(center - 0.5 * size, center + 0.5 * size);
  return clamp(corners, vec4<f32>(0.0), vec4<f32>(1.0));
}

fn logit(index: u32) -> f32 {
  return bitcast<f32>(predictions[index]);
}

// Scores of one prior by softmax. The logits begin at `row`, the scores at `first_score`.
fn softmax(row: u32, first_score: u32) {
  var top = logit(row);
  for (var column = 1u; column < info.columns; column += 1u) {
    top = max(top, logit(row + column));
  }
  var sum = 0.0;
  for (var column = 0u; column < info.columns; column += 1u) {
    sum += exp(logit(row + column) - top);
  }
  for (var column = info.background; column < info.columns; column += 1u) {
    let share = exp(logit(row + column) - top) / sum;
    scores[first_score + (column - info.background) * info.priors] = min(share, 1.0);
  }
}

// The same by sigmoid.
fn sigmoid(row: u32, first_score: u32) {
  for (var column = 0u; column < info.columns; column += 1u) {
    let limited = clamp(logit(row + column), -info.sigmoid_logit_max, info.sigmoid_logit_max);
    scores[first_score + column * info.priors] = 1.0 / (1.0 + exp(-limited));
  }
}

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let prior = id.x;
  if (prior >= info.priors) {
    return;
  }
  // y: the image
  let at = id.y * info.priors + prior;
  let first = at * 4u;
  let row = info.logits_start + at * info.columns;
  let classes = info.columns - info.background;
  let first_score = id.y * classes * info.priors + prior;

  var usable = true;
  for (var i = 0u; i < 4u; i += 1u) {
    usable = usable && is_valid(predictions[first + i]);
  }
  for (var column = 0u; column < info.columns; column += 1u) {
    usable = usable && is_valid(predictions[row + column]);
  }
  if (!usable) {
    for (var class_row = 0u; class_row < classes; class_row += 1u) {
      scores[first_score + class_row * info.priors] = 0.0;
    }
    boxes[at] = vec4<f32>(0.0);
    return;
  }

  if (info.background == 0u) {
    sigmoid(row, first_score);
  } else {
    softmax(row, first_score);
  }

  let offset = vec4<u32>(predictions[first], predictions[first + 1u], predictions[first + 2u], predictions[first + 3u]);
  boxes[at] = decode_box(bitcast<vec4<f32>>(offset), priors[prior]);
}
