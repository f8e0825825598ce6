//! Problems for the dense convolutions: `conv` with each of its tiles, `conv_plain`, `conv_sum`, and each place where
//! sums go.

use ssd_interpreter::Data;

use crate::case::{Case, Draw, Wanted, fields, program, tolerance};
use crate::kernel::Precision;
use crate::layers::{Layer, activate};

/// A tile: the constants that a launch replaces, and its rows and columns.
type Tile<'a> = (&'a [(&'static str, u32)], [usize; 2]);

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

/// Where sums go: the bindings for it, members of `info`, and what is there in the end.
struct Ending {
    data: Vec<(&'static str, Data)>,
    info: Vec<(&'static str, usize)>,
    wanted: Wanted,
}

/// By the kernel's name.
fn ending(
    name: &str,
    draw: &mut Draw,
    Convolution { layer, sums, .. }: &Convolution,
    residual: bool,
    precision: Precision,
) -> Ending {
    let (width, columns) = (layer.quads_out() * 4, layer.outputs);
    let shift = draw.quarters(width);
    if name.ends_with("_heads") {
        // The columns of a cell: four offsets of each prior, then four logits of each. Cells stand in for priors here.
        let (cells, offsets) = (layer.rows() / layer.images, columns / 2);
        let (logits, base) = (columns - offsets, 3);
        let priors = base + cells + 2;
        let start = layer.images * priors * offsets;
        let mut wanted = vec![None; start + layer.images * priors * logits];
        for (row, sums) in sums.chunks_exact(width).enumerate() {
            let prior = row / cells * priors + base + row % cells;
            for column in 0..columns {
                let index =
                    if column < offsets { prior * offsets + column } else { start + prior * logits + column - offsets };
                wanted[index] = Some(sums[column] + shift[column]);
            }
        }
        let priors_of_cell = columns / 8;
        let info = vec![
            ("prior_base", base * priors_of_cell),
            ("priors", priors * priors_of_cell),
            ("offset_columns", offsets),
            ("logits_start", start),
            ("logits", 4),
        ];
        let data = vec![("shift", Data::Numbers(shift)), ("predictions", Data::Anything(wanted.len()))];
        return Ending { data, info, wanted: Wanted::Some("predictions", wanted, 1e-5) };
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
    Ending { data, info: Vec::new(), wanted: Wanted::Numbers("output", wanted, tolerance(precision)) }
}

/// The same layer for a kernel whose columns are those of priors: of four offsets and four logits each.
fn suited(name: &str, layer: Layer) -> Layer {
    if name.ends_with("_heads") { Layer { outputs: layer.outputs / 8 * 8, activation: 0, ..layer } } else { layer }
}

/// `conv` and its relatives, with every tile.
pub fn tiled(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(11);
    let mut cases = Vec::new();
    // The larger tiles differ in what a thread does, not in what a layer or a number is.
    let all = LAYERS.iter().map(|layer| (TILES[0], *layer));
    let larger = TILES[if precision == Precision::Single { 1 } else { 3 }..]
        .iter()
        .flat_map(|tile| [(*tile, LAYERS[1]), (*tile, LAYERS[3])]);
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
        let tile: Tile<'_> = (&constants, [rows, columns]);
        cases.extend(problems(name, precision, &mut draw, suited(name, layer), Some(tile)));
        if name.ends_with("_parts") {
            cases.push(planes(name, &mut draw, Some(tile)));
        }
    }
    cases
}

/// `conv_plain` and its relatives.
pub fn plain(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(12);
    let mut cases = Vec::new();
    for layer in LAYERS {
        cases.extend(problems(name, precision, &mut draw, suited(name, layer), None));
    }
    if name.ends_with("_parts") {
        cases.push(planes(name, &mut draw, None));
    }
    cases
}

/// A product with each kind of ending that the kernel has.
fn problems(
    name: &'static str,
    precision: Precision,
    draw: &mut Draw,
    layer: Layer,
    tile: Option<Tile<'_>>,
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
        let Ending { mut data, info: extra, wanted } = if in_parts {
            let data = vec![("parts", Data::Anything(parts * convolution.sums.len()))];
            let wanted = Wanted::Sum("parts", convolution.sums.clone(), parts, tolerance(precision));
            Ending { data, info: Vec::new(), wanted }
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

/// The product of three Winograd planes, each of which has a map and weights of its own.
fn planes(name: &'static str, draw: &mut Draw, tile: Option<Tile<'_>>) -> Case {
    let layer = Layer::new(1, [1, 9], [8, 12], 1);
    let all = [(); 3].map(|()| Convolution::draw(draw, layer));
    let depth = if tile.is_some() { layer.inputs.next_multiple_of(DEPTH) } else { layer.inputs };
    let (constants, [rows, columns]) = tile.unwrap_or((&[], [32, 32]));
    let stride = layer.outputs.next_multiple_of(if tile.is_some() { columns } else { 4 }) / 4;
    let mut info = layer.info();
    let product = [
        ("weights_stride", stride),
        ("slices", depth / DEPTH),
        ("input_plane", layer.rows() * layer.quads_in()),
        ("weights_plane", depth * stride),
    ];
    info.extend(product.map(|(member, value)| (member, vec![value as u32])));
    let sums = all.iter().flat_map(|one| one.sums.clone()).collect::<Vec<_>>();
    Case {
        label: format!("{name}: planes, {tile:?}"),
        program: program(name, Precision::Single, constants),
        groups: [layer.rows().div_ceil(rows), layer.outputs.div_ceil(columns), all.len()].map(|n| n as u32),
        data: vec![
            fields(info),
            ("input", Data::Numbers(all.iter().flat_map(|one| one.map.clone()).collect())),
            ("weights", Data::Numbers(all.iter().flat_map(|one| one.packed(depth, stride)).collect())),
            ("parts", Data::Anything(sums.len())),
        ],
        wanted: vec![Wanted::Numbers("parts", sums, 1e-5)],
    }
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
        let Ending { mut data, info: extra, wanted } = ending(name, &mut draw, &convolution, false, precision);
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
