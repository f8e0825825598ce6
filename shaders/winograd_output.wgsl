// winograd_output: the 36 sums of each tile of a band to its 16 pixels, with bias, residual and activation.
//
// One thread does one channel of one tile. A tile is cut off at the edge of the map.

const THREADS = 64u;
const RESIDUAL = 0u; // 1: there is one

@group(0) @binding(0) var<uniform> info: LayerInfo;
@group(0) @binding(1) var<storage, read> planes: array<f32>; // [36, tiles, channels]
@group(0) @binding(2) var<storage, read> shift: array<f32>; // [channels]
@group(0) @binding(3) var<storage, read> residual: array<Stored>; // [images, H, W, channels], or any buffer
@group(0) @binding(4) var<storage, read_write> output: array<Stored>; // [images, H, W, channels]

fn transform(m: Six) -> vec4<f32> {
  let near_sum = m.b + m.c;
  let near = m.b - m.c;
  let far_sum = m.d + m.e;
  let far = m.d - m.e;
  return vec4<f32>(
    m.a + near_sum + far_sum,
    HALF_ROOT * near + ROOT * far,
    0.5 * near_sum + 2.0 * far_sum,
    0.5 * HALF_ROOT * near + 2.0 * ROOT * far + m.f,
  );
}

// The sums of a column of the tile.
fn column(at: u32, plane: u32) -> vec4<f32> {
  let size = info.tiles * info.quads_out * 4u;
  return transform(Six(
    planes[plane * size + at], planes[(plane + 6u) * size + at], planes[(plane + 12u) * size + at],
    planes[(plane + 18u) * size + at], planes[(plane + 24u) * size + at], planes[(plane + 30u) * size + at],
  ));
}

fn put(at: vec3<u32>, y: u32, channel: u32, sums: vec4<f32>) {
  if (at.y + y >= info.height_out) {
    return;
  }
  for (var x = 0u; x < 4u; x++) {
    if (at.x + x < info.width_out) {
      let pixel = (at.z * info.height_out + at.y + y) * info.width_out + at.x + x;
      let place = pixel * info.quads_out * 4u + channel;
      var value = sums[x] + shift[channel];
      if (RESIDUAL == 1u) {
        value += f32(residual[place]);
      }
      output[place] = Stored(activate(vec4<f32>(value), info.activation).x);
    }
  }
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let channels = info.quads_out * 4u;
  let tile = id.x / channels;
  let channel = id.x % channels;
  if (tile >= info.tiles) {
    return;
  }
  let c0 = column(id.x, 0u);
  let c1 = column(id.x, 1u);
  let c2 = column(id.x, 2u);
  let c3 = column(id.x, 3u);
  let c4 = column(id.x, 4u);
  let c5 = column(id.x, 5u);
  let at = corner(info.first_tile + tile);
  put(at, 0u, channel, transform(Six(c0.x, c1.x, c2.x, c3.x, c4.x, c5.x)));
  put(at, 1u, channel, transform(Six(c0.y, c1.y, c2.y, c3.y, c4.y, c5.y)));
  put(at, 2u, channel, transform(Six(c0.z, c1.z, c2.z, c3.z, c4.z, c5.z)));
  put(at, 3u, channel, transform(Six(c0.w, c1.w, c2.w, c3.w, c4.w, c5.w)));
}
