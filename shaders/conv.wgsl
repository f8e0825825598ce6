// conv: a dense convolution as one matrix product, without the matrix of windows ever being written.
//
// The product has a row for each output pixel, a column for each output channel, and sums over (tap, input channel). A
// workgroup computes a tile of it. It goes down the sum in slices of DEPTH: all threads fetch a slice of the input and
// one of the weights into workgroup memory, then each multiplies ROWS pixels by QUADS quads of channels from there.
// Rows and quads of a thread are interleaved with its neighbours', so that neighbours read neighbouring words.
//
// z counts the parts of a sum (split-K) or the planes of a Winograd product; common/store_*.wgsl stores them. The host
// replaces the constants and writes out the loops marked "unroll": no shader compiler of a browser does it.

const TILE_ROWS = 32u;
const TILE_COLUMNS = 32u;
const ROWS = 4u; // of a thread: 4 or 8
const QUADS = 1u; // of a thread: 1 or 2
const DEPTH = 16u;

const STEPS = DEPTH / 4u;
const TILE_QUADS = TILE_COLUMNS / 4u;
const ACROSS = TILE_QUADS / QUADS; // threads along the columns
const DOWN = TILE_ROWS / ROWS; // threads along the rows
const THREADS = ACROSS * DOWN;
const LANES = THREADS / STEPS; // rows that are fetched at once
const FETCHES = TILE_ROWS / LANES;
const WEIGHT_FETCHES = DEPTH * TILE_QUADS / THREADS;

@group(0) @binding(0) var<uniform> info: LayerInfo;
// [images, H, W, quads_in] and [kernel, kernel, channels_in, weights_stride], or planes of [rows, quads_in] and weights
@group(0) @binding(1) var<storage, read> input: array<Stored4>;
@group(0) @binding(2) var<storage, read> weights: array<Stored4>;
// 3 to 5: common/store_*.wgsl

var<workgroup> sh_input: array<vec4<f32>, STEPS * TILE_ROWS>; // [four terms, row]
var<workgroup> sh_weights: array<vec4<f32>, DEPTH * TILE_QUADS>; // [term, quad]

// The window of a row: its upper left corner, and the first pixel of its image.
struct Place {
  corner: vec2<i32>,
  image: u32,
}

fn place(row: u32) -> Place {
  let pixels = info.height_out * info.width_out;
  let pixel = row % pixels;
  let corner = vec2<u32>(pixel % info.width_out, pixel / info.width_out) * info.stride;
  // A row after the last one is outside every map.
  let shift = select(vec2<i32>(i32(info.pad_left), i32(info.pad_top)), vec2<i32>(1 << 30u), row >= info.rows);
  return Place(vec2<i32>(corner) - shift, row / pixels * info.height_in * info.width_in);
}

// Four channels of the pixel under a tap, zero outside the map and after the last tap.
fn fetch(at: Place, tap: vec2<u32>, quad: u32, plane: u32) -> vec4<f32> {
  let pixel = at.corner + vec2<i32>(tap * info.dilation);
  let size = vec2<i32>(i32(info.width_in), i32(info.height_in));
  let inside = all(pixel >= vec2<i32>(0)) && all(pixel < size) && tap.y < info.kernel;
  let index = select(0u, at.image + u32(pixel.y) * info.width_in + u32(pixel.x), inside);
  return select(vec4<f32>(0.0), vec4<f32>(input[plane + index * info.quads_in + quad]), inside);
}

// Four terms of the sum for one pixel and four channels.
fn multiply(sum: vec4<f32>, a: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
  return sum + a.x * b0 + a.y * b1 + a.z * b2 + a.w * b3;
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let step = local % STEPS;
  let lane = local / STEPS;
  let across = local % ACROSS;
  let down = local / ACROSS;
  let first_row = group.x * TILE_ROWS;
  let first_quad = group.y * TILE_QUADS;

  let place0 = place(first_row + lane);
  let place1 = place(first_row + lane + LANES);
  let place2 = place(first_row + lane + 2u * LANES);
  let place3 = place(first_row + lane + 3u * LANES);

  let planes = min(info.input_plane, 1u);
  let first_slice = (1u - planes) * group.z * info.slices;
  let input_plane = group.z * info.input_plane;
  var weight = group.z * info.weights_plane + first_slice * DEPTH * info.weights_stride + first_quad;
  var quad = first_slice * STEPS + step;
  let first_tap = quad / info.quads_in;
  quad %= info.quads_in;
  var tap = vec2<u32>(first_tap % info.kernel, first_tap / info.kernel);

  // Single variables: an array of them would not stay in registers.
  var s00 = vec4<f32>(0.0); var s01 = vec4<f32>(0.0);
  var s10 = vec4<f32>(0.0); var s11 = vec4<f32>(0.0);
  var s20 = vec4<f32>(0.0); var s21 = vec4<f32>(0.0);
  var s30 = vec4<f32>(0.0); var s31 = vec4<f32>(0.0);
  var s40 = vec4<f32>(0.0); var s41 = vec4<f32>(0.0);
  var s50 = vec4<f32>(0.0); var s51 = vec4<f32>(0.0);
  var s60 = vec4<f32>(0.0); var s61 = vec4<f32>(0.0);
  var s70 = vec4<f32>(0.0); var s71 = vec4<f32>(0.0);

  for (var slice = 0u; slice < info.slices; slice++) {
    sh_input[step * TILE_ROWS + lane] = fetch(place0, tap, quad, input_plane);
    if (FETCHES > 1u) { sh_input[step * TILE_ROWS + lane + LANES] = fetch(place1, tap, quad, input_plane); }
    if (FETCHES > 2u) {
      sh_input[step * TILE_ROWS + lane + 2u * LANES] = fetch(place2, tap, quad, input_plane);
      sh_input[step * TILE_ROWS + lane + 3u * LANES] = fetch(place3, tap, quad, input_plane);
    }
    quad += STEPS;
    while (quad >= info.quads_in) {
      quad -= info.quads_in;
      tap.x += 1u;
      if (tap.x == info.kernel) {
        tap = vec2<u32>(0u, tap.y + 1u);
      }
    }
    for (var i = 0u; i < WEIGHT_FETCHES; i++) { // unroll
      let at = local + i * THREADS;
      sh_weights[at] = vec4<f32>(weights[weight + (at / TILE_QUADS) * info.weights_stride + at % TILE_QUADS]);
    }
    weight += DEPTH * info.weights_stride;
    workgroupBarrier();

    for (var k = 0u; k < STEPS; k++) { // unroll
      let a = k * TILE_ROWS + down;
      let b = k * 4u * TILE_QUADS + across;
      let b0 = sh_weights[b];
      let b1 = sh_weights[b + TILE_QUADS];
      let b2 = sh_weights[b + 2u * TILE_QUADS];
      let b3 = sh_weights[b + 3u * TILE_QUADS];
      let a0 = sh_input[a];
      let a1 = sh_input[a + DOWN];
      let a2 = sh_input[a + 2u * DOWN];
      let a3 = sh_input[a + 3u * DOWN];
      s00 = multiply(s00, a0, b0, b1, b2, b3);
      s10 = multiply(s10, a1, b0, b1, b2, b3);
      s20 = multiply(s20, a2, b0, b1, b2, b3);
      s30 = multiply(s30, a3, b0, b1, b2, b3);
      if (QUADS > 1u) {
        let c0 = sh_weights[b + ACROSS];
        let c1 = sh_weights[b + TILE_QUADS + ACROSS];
        let c2 = sh_weights[b + 2u * TILE_QUADS + ACROSS];
        let c3 = sh_weights[b + 3u * TILE_QUADS + ACROSS];
        s01 = multiply(s01, a0, c0, c1, c2, c3);
        s11 = multiply(s11, a1, c0, c1, c2, c3);
        s21 = multiply(s21, a2, c0, c1, c2, c3);
        s31 = multiply(s31, a3, c0, c1, c2, c3);
        if (ROWS > 4u) {
          s41 = multiply(s41, sh_input[a + 4u * DOWN], c0, c1, c2, c3);
          s51 = multiply(s51, sh_input[a + 5u * DOWN], c0, c1, c2, c3);
          s61 = multiply(s61, sh_input[a + 6u * DOWN], c0, c1, c2, c3);
          s71 = multiply(s71, sh_input[a + 7u * DOWN], c0, c1, c2, c3);
        }
      }
      if (ROWS > 4u) {
        s40 = multiply(s40, sh_input[a + 4u * DOWN], b0, b1, b2, b3);
        s50 = multiply(s50, sh_input[a + 5u * DOWN], b0, b1, b2, b3);
        s60 = multiply(s60, sh_input[a + 6u * DOWN], b0, b1, b2, b3);
        s70 = multiply(s70, sh_input[a + 7u * DOWN], b0, b1, b2, b3);
      }
    }
    workgroupBarrier();
  }

  let row = first_row + down;
  let out = first_quad + across;
  store(group.z, row, out, s00);
  store(group.z, row + DOWN, out, s10);
  store(group.z, row + 2u * DOWN, out, s20);
  store(group.z, row + 3u * DOWN, out, s30);
  if (ROWS > 4u) {
    store(group.z, row + 4u * DOWN, out, s40);
    store(group.z, row + 5u * DOWN, out, s50);
    store(group.z, row + 6u * DOWN, out, s60);
    store(group.z, row + 7u * DOWN, out, s70);
  }
  if (QUADS > 1u) {
    store(group.z, row, out + ACROSS, s01);
    store(group.z, row + DOWN, out + ACROSS, s11);
    store(group.z, row + 2u * DOWN, out + ACROSS, s21);
    store(group.z, row + 3u * DOWN, out + ACROSS, s31);
  }
  if (QUADS > 1u && ROWS > 4u) {
    store(group.z, row + 4u * DOWN, out + ACROSS, s41);
    store(group.z, row + 5u * DOWN, out + ACROSS, s51);
    store(group.z, row + 6u * DOWN, out + ACROSS, s61);
    store(group.z, row + 7u * DOWN, out + ACROSS, s71);
  }
}
