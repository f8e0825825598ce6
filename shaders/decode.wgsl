// decode: predictions to scores and boxes.
//
// One thread does one prior; a workgroup does 64 neighbours, which write neighbouring words. Scores are the softmax
// over the classes, without the background, in a row of priors for each class. A box is the prior moved and stretched
// by its offsets, in corner form, clipped to the picture. A prior with a NaN, or anything too large, gets a score and a
// box of zero; the test is on bits, because a shader compiler may assume that NaN and infinity do not happen.

struct DecodeInfo {
  priors: u32,
  classes: u32,
  center_variance: f32,
  size_variance: f32,
  size_exponent_max: f32, // upper bound of a size offset times its variance
  magnitude_max_bits: u32, // bits of the largest valid number
  logits_start: u32, // index of the first logit
}

@group(0) @binding(0) var<uniform> info: DecodeInfo;
// bits of f32: offsets [images, P, 4], then logits [images, P, C]
@group(0) @binding(1) var<storage, read> predictions: array<u32>;
@group(0) @binding(2) var<storage, read> priors: array<vec4<f32>>; // [P] center form
@group(0) @binding(3) var<storage, read_write> scores: array<f32>; // [images, C-1, P]
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

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let prior = id.x;
  if (prior >= info.priors) {
    return;
  }
  // y: the image
  let at = id.y * info.priors + prior;
  let first = at * 4u;
  let row = info.logits_start + at * info.classes;
  let first_score = id.y * (info.classes - 1u) * info.priors + prior;

  var usable = true;
  for (var i = 0u; i < 4u; i += 1u) {
    usable = usable && is_valid(predictions[first + i]);
  }
  for (var class_id = 0u; class_id < info.classes; class_id += 1u) {
    usable = usable && is_valid(predictions[row + class_id]);
  }
  if (!usable) {
    for (var class_id = 1u; class_id < info.classes; class_id += 1u) {
      scores[first_score + (class_id - 1u) * info.priors] = 0.0;
    }
    boxes[at] = vec4<f32>(0.0);
    return;
  }

  var top = bitcast<f32>(predictions[row]);
  for (var class_id = 1u; class_id < info.classes; class_id += 1u) {
    top = max(top, bitcast<f32>(predictions[row + class_id]));
  }
  var sum = 0.0;
  for (var class_id = 0u; class_id < info.classes; class_id += 1u) {
    sum += exp(bitcast<f32>(predictions[row + class_id]) - top);
  }
  for (var class_id = 1u; class_id < info.classes; class_id += 1u) {
    let share = exp(bitcast<f32>(predictions[row + class_id]) - top) / sum;
    scores[first_score + (class_id - 1u) * info.priors] = min(share, 1.0);
  }

  let offset = vec4<u32>(predictions[first], predictions[first + 1u], predictions[first + 2u], predictions[first + 3u]);
  boxes[at] = decode_box(bitcast<vec4<f32>>(offset), priors[prior]);
}
