//! Problems for the Winograd kernels: what the third makes of the product of the planes that the first two make is a
//! convolution.

use ssd_interpreter::{Data, Launch, Program};

use crate::case::{Case, Draw, Info, Wanted, fields, program};
use crate::convolution::Convolution;
use crate::kernel::Precision;
use crate::layers::{Layer, activate};

const PLANES: usize = 36;

/// Two images of a map that its tiles do not fill, and the tiles of one band of two.
const LAYER: Layer = Layer { activation: 1, ..Layer::new(2, [6, 9], [8, 12], 3) };
const TILES: [usize; 2] = [2, 3];
const FIRST: usize = 2;
const COUNT: usize = 9;

fn info() -> Info {
    let mut info = LAYER.info();
    let stride = LAYER.quads_out();
    let members = [
        ("tiles_y", TILES[0]),
        ("tiles_x", TILES[1]),
        ("first_tile", FIRST),
        ("tiles", COUNT),
        ("weights_stride", stride),
        ("weights_plane", LAYER.inputs * stride),
    ];
    info.extend(members.map(|(name, value)| (name, vec![value as u32])));
    info
}

fn convolution() -> Convolution {
    Convolution::draw(&mut Draw::new(21), LAYER)
}

fn groups(threads: usize) -> [u32; 3] {
    [threads.div_ceil(64) as u32, 1, 1]
}

pub fn input(name: &'static str, precision: Precision) -> Vec<Case> {
    vec![Case {
        label: format!("{name} {precision:?}"),
        program: program(name, precision, &[]),
        groups: groups(COUNT * LAYER.inputs),
        data: vec![
            fields(info()),
            ("input", Data::Numbers(convolution().map)),
            ("planes", Data::Anything(PLANES * COUNT * LAYER.inputs)),
        ],
        wanted: Vec::new(),
    }]
}

pub fn weights(name: &'static str, precision: Precision) -> Vec<Case> {
    vec![Case {
        label: name.into(),
        program: program(name, precision, &[]),
        groups: groups(LAYER.inputs * LAYER.outputs),
        data: vec![
            fields(info()),
            ("raw", Data::Numbers(convolution().weights)),
            ("planes", Data::Anything(PLANES * LAYER.inputs * LAYER.outputs)),
        ],
        wanted: Vec::new(),
    }]
}

/// With the planes that the other two kernels compute.
pub fn output(name: &'static str, precision: Precision) -> Vec<Case> {
    let convolution = convolution();
    let planes = |case: &Case| {
        let outcome = Launch::new(&case.program, case.groups, case.data.clone()).explore(1);
        outcome.expect("the buffers of the case").numbers("planes")
    };
    let inputs = planes(&input("winograd_input", Precision::Single)[0]);
    let weights = planes(&weights("winograd_weights", Precision::Single)[0]);
    let mut products = Vec::new();
    for plane in 0..PLANES {
        for tile in 0..COUNT {
            for output in 0..LAYER.outputs {
                let term = |input: usize| {
                    inputs[(plane * COUNT + tile) * LAYER.inputs + input]
                        * weights[(plane * LAYER.inputs + input) * LAYER.outputs + output]
                };
                products.push((0..LAYER.inputs).map(term).sum());
            }
        }
    }
    let mut draw = Draw::new(22);
    let (shift, residual) = (draw.quarters(LAYER.outputs), draw.quarters(convolution.sums.len()));
    let mut cases = Vec::new();
    for adds in [false, true] {
        let mut wanted = Vec::new();
        for (index, sum) in convolution.sums.iter().enumerate() {
            let (row, channel) = (index / LAYER.outputs, index % LAYER.outputs);
            let [height, width] = LAYER.size_out();
            let tile = (row / width / height * TILES[0] + row / width % height / 4) * TILES[1] + row % width / 4;
            let residual = if adds { residual[index] } else { 0.0 };
            let value = activate(sum + shift[channel] + residual, LAYER.activation);
            wanted.push((FIRST..FIRST + COUNT).contains(&tile).then_some(value));
        }
        let program: Program = program(name, precision, &[("RESIDUAL", u32::from(adds))]);
        cases.push(Case {
            label: format!("{name} {precision:?}, residual: {adds}"),
            program,
            groups: groups(COUNT * LAYER.outputs),
            data: vec![
                fields(info()),
                ("planes", Data::Numbers(products.clone())),
                ("shift", Data::Numbers(shift.clone())),
                ("residual", if adds { Data::Numbers(residual.clone()) } else { Data::Anything(1) }),
                ("output", Data::Anything(wanted.len())),
            ],
            wanted: vec![Wanted::Some("output", wanted, 3e-3)],
        });
    }
    cases
}
