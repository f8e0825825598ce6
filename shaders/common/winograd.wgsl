// Shared by the Winograd kernels: F(4x4, 3x3) with the points 0, +-sqrt(1/2), +-sqrt(2) and infinity, in 32 bits.
//
// A tile is 4 x 4 pixels of the output. Its 6 x 6 pixels of the input and the 3 x 3 weights each become 36 numbers,
// whose products, summed over the input channels, become the 16 outputs: 36 multiplications instead of 144.

const TILE = 4u;
const PLANES = (TILE + 2u) * (TILE + 2u);
const HALF_ROOT = 0.70710678f; // sqrt(1/2)
const ROOT = 1.41421356f; // sqrt(2)

// One column or row of a transformed tile.
struct Six {
  a: f32,
  b: f32,
  c: f32,
  d: f32,
  e: f32,
  f: f32,
}

// The first output pixel of a tile: x, y, image.
fn corner(tile: u32) -> vec3<u32> {
  let tiles = info.tiles_y * info.tiles_x;
  let in_image = tile % tiles;
  return vec3<u32>(in_image % info.tiles_x * TILE, in_image / info.tiles_x * TILE, tile / tiles);
}
