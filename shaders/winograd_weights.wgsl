// winograd_weights: 3 x 3 weights to a plane for each of their 36 numbers. Runs once, when a model is loaded.
//
// One thread does the weights from one input channel to one output channel.

const THREADS = 64u;

@group(0) @binding(0) var<uniform> info: LayerInfo;
@group(0) @binding(1) var<storage, read> raw: array<f32>; // [columns, channels_in, 3, 3]
@group(0) @binding(2) var<storage, read_write> planes: array<f32>; // [36, channels_in, weights_stride * 4]

fn transform(g0: f32, g1: f32, g2: f32) -> Six {
  let even = g0 + 0.5 * g2;
  let odd = HALF_ROOT * g1;
  let far_even = g0 + 2.0 * g2;
  let far_odd = ROOT * g1;
  return Six(g0, (even + odd) / -1.5, (even - odd) / -1.5, (far_even + far_odd) / 6.0, (far_even - far_odd) / 6.0, g2);
}

fn put(at: u32, plane: u32, row: Six) {
  let size = info.weights_plane * 4u;
  planes[plane * size + at] = row.a;
  planes[(plane + 1u) * size + at] = row.b;
  planes[(plane + 2u) * size + at] = row.c;
  planes[(plane + 3u) * size + at] = row.d;
  planes[(plane + 4u) * size + at] = row.e;
  planes[(plane + 5u) * size + at] = row.f;
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let channels = info.quads_in * 4u;
  let column = id.x % info.columns;
  let channel = id.x / info.columns;
  if (channel >= channels) {
    return;
  }
  let first = (column * channels + channel) * 9u;
  let c0 = transform(raw[first], raw[first + 3u], raw[first + 6u]);
  let c1 = transform(raw[first + 1u], raw[first + 4u], raw[first + 7u]);
  let c2 = transform(raw[first + 2u], raw[first + 5u], raw[first + 8u]);
  let at = channel * info.weights_stride * 4u + column;
  put(at, 0u, transform(c0.a, c1.a, c2.a));
  put(at, 6u, transform(c0.b, c1.b, c2.b));
  put(at, 12u, transform(c0.c, c1.c, c2.c));
  put(at, 18u, transform(c0.d, c1.d, c2.d));
  put(at, 24u, transform(c0.e, c1.e, c2.e));
  put(at, 30u, transform(c0.f, c1.f, c2.f));
}
