//! Problems for the dense convolutions: `conv` with each of its tiles, `conv_plain`, `conv_sum`, and each place where
//! sums go.

use ssd_interpreter::Data;

use crate::case::{ANYTHING, Case, Draw, Wanted, fields, program, tolerance};
use crate::kernel::Precision;
use crate::layers::{Layer, activate};

/// What a launch may choose for `conv`: rows and columns of a tile, rows and quads of a thread.
const TILES: [[usize; 4]; 3] = [[32, 32, 4, 1], [64, 64, 8, 1], [128, 64, 8, 2]];

/// Terms of a sum in workgroup memory at once.
const DEPTH: usize = 16;

/// Layers with more rows or columns than a small tile, windows of each kind, and channels that do not fill their quads.
const LAYERS: [Layer; 4] = [
    Layer { activation: 1, ..Layer::new(2, [5, 4], [5, 38], 3) },
    Layer { stride: 2, activation: 3, ..Layer::new(1, [9, 7], [6, 8], 3) },
    Layer { dilation: 2, padding: 2, activation: 2, ..Layer::new(1, [6, 6], [3, 10], 3) },
    Layer { activation: 4, ..Layer::new(2, [3, 3], [18, 33], 1) },
];

/// A convolution: its map, its weights `[O, I, k * k]`, and its sums `[rows, quads_out * 4]`.
pub struct Convolution {
    pub layer: Layer,
    pub map: Vec<f32>,
    pub weights: Vec<f32>,
    pub sums: Vec<f32>,
}

impl Convolution {
    pub fn draw(draw: &mut Draw, layer: Layer) -> Self {
        let taps = layer.kernel * layer.kernel;
        let (map, weights) = (layer.map(draw), draw.quarters(layer.outputs * layer.inputs * taps));
        let mut sums = Vec::new();
        for row in 0..layer.rows() {
            for output in 0..layer.quads_out() * 4 {
                let mut sum = 0.0;
                for (tap, at) in layer.taps().enumerate().filter(|_| output < layer.outputs) {
                    for input in 0..layer.inputs {
                        let weight = weights[(output * layer.inputs + input) * taps + tap];
                        sum += weight * layer.at(&map, row, at, input).unwrap_or(0.0);
                    }
                }
                sums.push(sum);
            }
        }
        Self { layer, map, weights, sums }
    }

    /// The weights as `[k * k, I in fours, stride quads]`, filled with zeros to `depth` rows.
    fn packed(&self, depth: usize, stride: usize) -> Vec<f32> {
        let (layer, taps) = (self.layer, self.layer.kernel * self.layer.kernel);
        let mut packed = vec![0.0; depth * stride * 4];
        for (index, weight) in self.weights.iter().enumerate() {
            let (output, input, tap) = (index / taps / layer.inputs, index / taps % layer.inputs, index % taps);
            packed[(tap * layer.quads_in() * 4 + input) * stride * 4 + output] = *weight;
        }
        packed
    }
}

/// Where sums go, by the kernel's name: the bindings for it, members of `info`, and what they hold in the end.
fn ending(
    name: &str,
    draw: &mut Draw,
    Convolution { layer, sums, .. }: &Convolution,
    residual: bool,
    precision: Precision,
) -> (Vec<(&'static str, Data)>, Vec<(&'static str, usize)>, Wanted) {
    let (width, columns) = (layer.quads_out() * 4, layer.outputs);
    let shift = draw.quarters(width);
    if name.ends_with("_heads") {
        // The columns of a cell are those of its two priors: offsets, then logits.
        let (cells, offsets) = (layer.rows() / layer.images, 4 * (columns / 8).max(1));
        let (logits, base) = (columns - offsets, 3);
        let priors = base + cells + 2;
        let start = layer.images * priors * offsets;
        let mut wanted = vec![f32::from_bits(ANYTHING); start + layer.images * priors * logits];
        for (row, sums) in sums.chunks_exact(width).enumerate() {
            let prior = row / cells * priors + base + row % cells;
            for column in 0..columns {
                let index = if column < offsets {
                    prior * offsets + column
                } else {
                    start + prior * logits + column - offsets
                };
                wanted[index] = sums[column] + shift[column];
            }
        }
        // The shader counts priors of four offsets; here each cell is one prior with all offsets and logits.
        let per_prior = offsets / 4;
        let info = vec![
            ("prior_base", base * per_prior),
            ("priors", priors * per_prior),
            ("offset_columns", offsets),
            ("logits_start", start),
            ("logits", logits / per_prior),
        ];
        assert!(logits.is_multiple_of(per_prior), "{columns} columns are not those of whole priors");
        let data = vec![("shift", Data::Numbers(shift)), ("predictions", Data::Anything(wanted.len()))];
        return (data, info, Wanted::Numbers("predictions", wanted, 1e-5));
    }
    let added = draw.quarters(sums.len());
    let mut wanted = Vec::new();
    for (index, sum) in sums.iter().enumerate() {
        let residual = if residual { added[index] } else { 0.0 };
        wanted.push(activate(sum + shift[index % width] + residual, layer.activation));
    }
    let data = vec![
        ("shift", Data::Numbers(shift)),
        ("residual", if residual { Data::Numbers(added) } else { Data::Anything(4) }),
        ("output", Data::Anything(wanted.len())),
    ];
    (data, Vec::new(), Wanted::Numbers("output", wanted, tolerance(precision)))
}

/// `columns` for a kernel whose columns are those of priors.
fn suited(name: &str, layer: Layer) -> Layer {
    if name.ends_with("_heads") { Layer { outputs: layer.outputs / 8 * 8, activation: 0, ..layer } } else { layer }
}

/// `conv` and its relatives, with every tile.
pub fn tiled(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(11);
    let mut cases = Vec::new();
    // The larger tiles differ in what a thread does, not in what a layer is.
    let all = LAYERS.iter().map(|layer| (TILES[0], *layer));
    let larger = TILES[1..].iter().flat_map(|tile| [(*tile, LAYERS[1]), (*tile, LAYERS[3])]);
    for ([rows, columns, thread_rows, quads], layer) in all.chain(larger) {
        let threads = rows / thread_rows * (columns / 4 / quads);
        let constants = [
            ("TILE_ROWS", rows),
            ("TILE_COLUMNS", columns),
            ("ROWS", thread_rows),
            ("QUADS", quads),
            ("DEPTH", DEPTH),
            ("STEPS", DEPTH / 4),
            ("WEIGHT_FETCHES", DEPTH * columns / 4 / threads),
        ];
        let constants = constants.map(|(name, value)| (name, value as u32));
        cases.extend(problems(name, precision, &mut draw, suited(name, layer), Some((&constants, [rows, columns]))));
    }
    cases
}

/// `conv_plain` and its relatives.
pub fn plain(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(12);
    LAYERS.into_iter().flat_map(|layer| problems(name, precision, &mut draw, suited(name, layer), None)).collect()
}

/// A product with each kind of ending that the kernel has.
fn problems(
    name: &'static str,
    precision: Precision,
    draw: &mut Draw,
    layer: Layer,
    tile: Option<(&[(&'static str, u32)], [usize; 2])>,
) -> Vec<Case> {
    let convolution = Convolution::draw(draw, layer);
    let sum = layer.kernel * layer.kernel * layer.quads_in() * 4;
    let in_parts = name.ends_with("_parts");
    // `conv_plain` never splits a sum; with planes, a launch along z has weights and maps of its own.
    let parts = if in_parts && tile.is_some() { 2 } else { 1 };
    let slices = sum.div_ceil(DEPTH * parts);
    let depth = if tile.is_some() { slices * DEPTH * parts } else { sum };
    let across = tile.map_or(4, |(_, [_, columns])| columns);
    let stride = layer.outputs.next_multiple_of(across) / 4;
    let [tile_rows, tile_columns] = tile.map_or([32, 32], |(_, size)| size);
    let mut cases = Vec::new();
    for residual in [false, true].into_iter().take(if name == "conv" || name == "conv_plain" { 2 } else { 1 }) {
        let (mut data, extra, wanted) = if in_parts {
            let data = vec![("parts", Data::Anything(parts * convolution.sums.len()))];
            let whole = Wanted::Sum("parts", convolution.sums.clone(), parts, tolerance(precision));
            (data, Vec::new(), whole)
        } else {
            ending(name, draw, &convolution, residual, precision)
        };
        let mut info = layer.info();
        info.retain(|(member, _)| *member != "parts");
        let product = [("weights_stride", stride), ("slices", slices), ("parts", parts)];
        info.extend(product.into_iter().chain(extra).map(|(member, value)| (member, vec![value as u32])));
        data.extend([
            fields(info),
            ("input", Data::Numbers(convolution.map.clone())),
            ("weights", Data::Numbers(convolution.packed(depth, stride))),
        ]);
        let mut constants = tile.map_or_else(Vec::new, |(constants, _)| constants.to_vec());
        constants.extend(residual.then_some(("RESIDUAL", 1)));
        cases.push(Case {
            label: format!("{name} {precision:?}: {layer:?}, {tile:?}"),
            program: program(name, precision, &constants),
            groups: [layer.rows().div_ceil(tile_rows), layer.outputs.div_ceil(tile_columns), parts].map(|n| n as u32),
            data,
            wanted: vec![wanted],
        });
    }
    cases
}

/// `conv_sum` and its relative: three parts of a sum.
pub fn sum(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(13);
    let mut cases = Vec::new();
    for layer in LAYERS.map(|layer| suited(name, layer)) {
        let mut convolution = Convolution::draw(&mut draw, layer);
        let parts: Vec<f32> = draw.quarters(3 * convolution.sums.len());
        let plane = convolution.sums.len();
        convolution.sums = (0..plane).map(|at| (0..3).map(|part| parts[part * plane + at]).sum()).collect();
        let (mut data, extra, wanted) = ending(name, &mut draw, &convolution, false, precision);
        let mut info = layer.info();
        info.retain(|(member, _)| *member != "parts");
        let members = extra.into_iter().chain([("parts", 3)]);
        info.extend(members.map(|(member, value)| (member, vec![value as u32])));
        data.extend([fields(info), ("parts", Data::Numbers(parts))]);
        cases.push(Case {
            label: format!("{name} {precision:?}: {layer:?}"),
            program: program(name, precision, &[]),
            groups: [(plane / 4).div_ceil(64) as u32, 1, 1],
            data,
            wanted: vec![wanted],
        });
    }
    cases
}
