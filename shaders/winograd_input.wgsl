// winograd_input: the tiles of a band to a plane for each of their 36 numbers.
//
// One thread does one channel of one tile; neighbours do neighbouring channels. With single channels instead of quads
// the 36 numbers fit the registers everywhere.

const THREADS = 64u;

@group(0) @binding(0) var<uniform> info: LayerInfo;
@group(0) @binding(1) var<storage, read> input: array<Stored>; // [images, H, W, channels]
@group(0) @binding(2) var<storage, read_write> planes: array<f32>; // [36, tiles, channels]

fn transform(d0: f32, d1: f32, d2: f32, d3: f32, d4: f32, d5: f32) -> Six {
  let even = d4 - 2.0 * d2;
  let odd = HALF_ROOT * (d3 - 2.0 * d1);
  let far_even = d4 - 0.5 * d2;
  let far_odd = ROOT * (d3 - 0.5 * d1);
  return Six(d0 - 2.5 * d2 + d4, even + odd, even - odd, far_even + far_odd, far_even - far_odd, d1 - 2.5 * d3 + d5);
}

fn load(image: u32, y: i32, x: i32, channel: u32) -> f32 {
  if (y < 0 || x < 0 || y >= i32(info.height_in) || x >= i32(info.width_in)) {
    return 0.0;
  }
  let pixel = (image * info.height_in + u32(y)) * info.width_in + u32(x);
  return f32(input[pixel * info.quads_in * 4u + channel]);
}

fn column(image: u32, y: i32, x: i32, channel: u32) -> Six {
  return transform(
    load(image, y, x, channel), load(image, y + 1, x, channel), load(image, y + 2, x, channel),
    load(image, y + 3, x, channel), load(image, y + 4, x, channel), load(image, y + 5, x, channel),
  );
}

fn put(at: u32, plane: u32, row: Six) {
  let size = info.tiles * info.quads_in * 4u;
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
  let tile = id.x / channels;
  let channel = id.x % channels;
  if (tile >= info.tiles) {
    return;
  }
  let at = corner(info.first_tile + tile);
  let y = i32(at.y) - i32(info.pad_top);
  let x = i32(at.x) - i32(info.pad_left);
  let c0 = column(at.z, y, x, channel);
  let c1 = column(at.z, y, x + 1, channel);
  let c2 = column(at.z, y, x + 2, channel);
  let c3 = column(at.z, y, x + 3, channel);
  let c4 = column(at.z, y, x + 4, channel);
  let c5 = column(at.z, y, x + 5, channel);
  put(id.x, 0u, transform(c0.a, c1.a, c2.a, c3.a, c4.a, c5.a));
  put(id.x, 6u, transform(c0.b, c1.b, c2.b, c3.b, c4.b, c5.b));
  put(id.x, 12u, transform(c0.c, c1.c, c2.c, c3.c, c4.c, c5.c));
  put(id.x, 18u, transform(c0.d, c1.d, c2.d, c3.d, c4.d, c5.d));
  put(id.x, 24u, transform(c0.e, c1.e, c2.e, c3.e, c4.e, c5.e));
  put(id.x, 30u, transform(c0.f, c1.f, c2.f, c3.f, c4.f, c5.f));
}
