// What the convolutions share: their shapes, and what follows the sum.

struct Info {
  channels_in: u32,
  channels_out: u32,
  height_in: u32,
  width_in: u32,
  height_out: u32,
  width_out: u32,
  kernel: u32, // taps in each direction
  stride: u32,
  padding: u32,
  dilation: u32,
  activation: u32, // 0 nothing, 1 ReLU, 2 ReLU6
  reserved: u32,
}

// Four channels of one pixel.
fn activate(sum: vec4<f32>, activation: u32) -> vec4<f32> {
  if (activation == 0u) {
    return sum;
  }
  let positive = max(sum, vec4<f32>(0.0));
  return select(positive, min(positive, vec4<f32>(6.0)), activation == 2u);
}
