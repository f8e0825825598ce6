// Shared by nms and soft_nms: the overlap of two boxes in corner form.

// Zero for a box without width or height, or an inverted one.
fn area(box: vec4<f32>) -> f32 {
  let size = max(box.zw - box.xy, vec2<f32>(0.0, 0.0));
  return size.x * size.y;
}

fn intersection(a: vec4<f32>, b: vec4<f32>) -> f32 {
  return area(vec4<f32>(max(a.xy, b.xy), min(a.zw, b.zw)));
}
