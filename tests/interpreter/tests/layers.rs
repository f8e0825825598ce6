//! Problems for the kernels around the convolutions.

use ssd_interpreter::Data;

use crate::case::{ANYTHING, Case, Draw, Info, Wanted, fields, program, tolerance};
use crate::kernel::Precision;

/// What a layer is. Maps are `[image, y, x, channel]`.
#[derive(Debug, Clone, Copy)]
pub struct Layer {
    pub images: usize,
    /// Height and width.
    pub size: [usize; 2],
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub stride: usize,
    /// On each side.
    pub padding: usize,
    pub dilation: usize,
    pub activation: u32,
}

impl Layer {
    pub const fn new(images: usize, size: [usize; 2], [inputs, outputs]: [usize; 2], kernel: usize) -> Self {
        Self { images, size, inputs, outputs, kernel, stride: 1, padding: kernel / 2, dilation: 1, activation: 0 }
    }

    pub fn size_out(&self) -> [usize; 2] {
        self.size.map(|size| (size + 2 * self.padding - self.dilation * (self.kernel - 1) - 1) / self.stride + 1)
    }

    /// Output pixels of all images.
    pub fn rows(&self) -> usize {
        self.images * self.size_out().iter().product::<usize>()
    }

    pub fn quads_in(&self) -> usize {
        self.inputs.div_ceil(4)
    }

    pub fn quads_out(&self) -> usize {
        self.outputs.div_ceil(4)
    }

    pub fn info(&self) -> Info {
        let ([height_in, width_in], [height_out, width_out]) = (self.size, self.size_out());
        let members = [
            ("height_in", height_in),
            ("width_in", width_in),
            ("quads_in", self.quads_in()),
            ("height_out", height_out),
            ("width_out", width_out),
            ("rows", self.rows()),
            ("quads_out", self.quads_out()),
            ("columns", self.outputs),
            ("kernel", self.kernel),
            ("stride", self.stride),
            ("pad_top", self.padding),
            ("pad_left", self.padding),
            ("dilation", self.dilation),
            ("activation", self.activation as usize),
            ("parts", 1),
        ];
        members.map(|(name, value)| (name, vec![value as u32])).to_vec()
    }

    /// An input map.
    pub fn map(&self, draw: &mut Draw) -> Vec<f32> {
        draw.quarters(self.images * self.size[0] * self.size[1] * self.quads_in() * 4)
    }

    /// The number of an input map at a pixel of a window, or `None` outside of the map.
    pub fn at(&self, map: &[f32], row: usize, tap: [usize; 2], channel: usize) -> Option<f32> {
        let [height, width] = self.size_out();
        let pixel = [row / width % height, row % width];
        let source =
            [0, 1].map(|axis| (pixel[axis] * self.stride + tap[axis] * self.dilation).checked_sub(self.padding));
        let [y, x] = [source[0]?, source[1]?];
        if y >= self.size[0] || x >= self.size[1] {
            return None;
        }
        let image = row / (height * width);
        map.get(((image * self.size[0] + y) * self.size[1] + x) * self.quads_in() * 4 + channel).copied()
    }

    /// The taps of a window.
    pub fn taps(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        let kernel = self.kernel;
        (0..kernel * kernel).map(move |tap| [tap / kernel, tap % kernel])
    }
}

/// As `activate` in `common/convolution.wgsl`.
pub fn activate(sum: f32, activation: u32) -> f32 {
    let gate = (sum + 3.0).clamp(0.0, 6.0) / 6.0;
    match activation {
        0 => sum,
        1 => sum.max(0.0),
        2 => sum.clamp(0.0, 6.0),
        3 => sum * gate,
        _ => gate,
    }
}

pub fn preprocess(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(1);
    let mut case = |size: usize, [height, width]: [usize; 2]| {
        // The texture may be larger than the picture.
        let across = width + 1;
        let texels: Vec<[f32; 4]> =
            (0..across * (height + 1)).map(|_| [0; 4].map(|_| draw.below(256) as f32 / 255.0)).collect();
        let tap = |at: usize, source: usize| {
            let position = ((at as f32 + 0.5) * (source as f32 / size as f32) - 0.5).max(0.0);
            let first = (position as usize).min(source - 1);
            (first, (first + 1).min(source - 1), position - first as f32)
        };
        let (mean, deviation) = ([10.0, 20.0, 30.0, 0.0], [2.0, 4.0, 8.0, 1.0]);
        let mut wanted = vec![0.0; size * size * 4];
        for (pixel, wanted) in wanted.chunks_exact_mut(4).enumerate() {
            let ((x0, x1, u), (y0, y1, v)) = (tap(pixel % size, width), tap(pixel / size, height));
            for channel in 0..3 {
                let load = |x: usize, y: usize| (texels[y * across + x][channel] * 255.0).round();
                let [top, bottom] = [y0, y1].map(|y| load(x0, y) + (load(x1, y) - load(x0, y)) * u);
                wanted[channel] = (top + (bottom - top) * v - mean[channel]) / deviation[channel];
            }
        }
        let info = vec![
            ("width", vec![width as u32]),
            ("height", vec![height as u32]),
            ("size", vec![size as u32]),
            ("image", vec![1]),
            ("mean", mean.map(f32::to_bits).to_vec()),
            ("deviation", deviation.map(f32::to_bits).to_vec()),
        ];
        Case {
            label: format!("{name} {precision:?}: {height} x {width} to {size}"),
            program: program(name, precision, &[]),
            groups: [(size * size).div_ceil(64) as u32, 1, 1],
            data: vec![
                fields(info),
                ("picture", Data::Texture(across as u32, texels)),
                // Of two images, this is the second one.
                ("input", Data::Anything(2 * wanted.len())),
            ],
            wanted: vec![Wanted::Tail("input", wanted, tolerance(precision))],
        }
    };
    vec![case(9, [5, 13]), case(6, [6, 6]), case(5, [1, 40])]
}

pub fn depthwise(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(2);
    let mut case = |kernel: usize, stride: usize, activation: u32| {
        let layer = Layer { stride, activation, ..Layer::new(2, [6, 7], [6, 6], kernel) };
        let quads = layer.quads_in();
        let (map, weights, shift) =
            (layer.map(&mut draw), draw.quarters(kernel * kernel * quads * 4), draw.quarters(quads * 4));
        let mut wanted = Vec::new();
        for row in 0..layer.rows() {
            for channel in 0..quads * 4 {
                let taps = layer.taps().enumerate().filter_map(|(tap, at)| {
                    Some(layer.at(&map, row, at, channel)? * weights[tap * quads * 4 + channel])
                });
                wanted.push(activate(shift[channel] + taps.sum::<f32>(), activation));
            }
        }
        let [height, width] = layer.size_out();
        let threads = layer.images * height * width.div_ceil(4) * quads;
        let constants = [("KERNEL", kernel), ("STRIDE", stride), ("SPAN", 3 * stride + kernel)];
        Case {
            label: format!("{name} {precision:?}: {layer:?}"),
            program: program(name, precision, &constants.map(|(name, value)| (name, value as u32))),
            groups: [threads.div_ceil(64) as u32, 1, 1],
            data: vec![
                fields(layer.info()),
                ("input", Data::Numbers(map)),
                ("weights", Data::Numbers(weights)),
                ("shift", Data::Numbers(shift)),
                ("output", Data::Anything(wanted.len())),
            ],
            wanted: vec![Wanted::Numbers("output", wanted, tolerance(precision))],
        }
    };
    [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2)].into_iter().zip([0, 1, 2, 3, 4]).map(|((k, s), a)| case(k, s, a)).collect()
}

pub fn max_pool(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(3);
    let mut case = |layer: Layer| {
        let map = layer.map(&mut draw);
        let mut wanted = Vec::new();
        for row in 0..layer.rows() {
            for channel in 0..layer.quads_in() * 4 {
                wanted.push(layer.taps().filter_map(|tap| layer.at(&map, row, tap, channel)).fold(-3e38, f32::max));
            }
        }
        Case {
            label: format!("{name} {precision:?}: {layer:?}"),
            program: program(name, precision, &[]),
            groups: [(layer.rows() * layer.quads_in()).div_ceil(64) as u32, 1, 1],
            data: vec![fields(layer.info()), ("input", Data::Numbers(map)), ("output", Data::Anything(wanted.len()))],
            wanted: vec![Wanted::Numbers("output", wanted, 0.0)],
        }
    };
    let halving = Layer { stride: 2, padding: 0, ..Layer::new(2, [6, 8], [8, 8], 2) };
    vec![case(halving), case(Layer::new(2, [5, 4], [8, 8], 3))]
}

pub fn average(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(4);
    let mut case = |size: [usize; 2], channels: usize| {
        let layer = Layer::new(2, size, [channels, channels], 1);
        let (map, width) = (layer.map(&mut draw), layer.quads_in() * 4);
        let pixels = size[0] * size[1];
        let mut wanted = Vec::new();
        for image in map.chunks_exact(pixels * width) {
            let sum = |channel: usize| image.chunks_exact(width).map(|pixel| pixel[channel]).sum::<f32>();
            wanted.extend((0..width).map(|channel| sum(channel) / pixels as f32));
        }
        Case {
            label: format!("{name} {precision:?}: {layer:?}"),
            program: program(name, precision, &[]),
            groups: [layer.quads_in().div_ceil(4) as u32, 2, 1],
            data: vec![fields(layer.info()), ("input", Data::Numbers(map)), ("output", Data::Anything(wanted.len()))],
            wanted: vec![Wanted::Numbers("output", wanted, tolerance(precision))],
        }
    };
    vec![case([9, 8], 21), case([1, 3], 8)]
}

pub fn scale(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(5);
    let layer = Layer::new(2, [3, 5], [10, 10], 1);
    let width = layer.quads_in() * 4;
    let (map, factors) = (layer.map(&mut draw), draw.quarters(2 * width));
    let factor = |index: usize| factors[index / (15 * width) * width + index % width];
    let wanted: Vec<f32> = map.iter().enumerate().map(|(index, number)| number * factor(index)).collect();
    vec![Case {
        label: format!("{name} {precision:?}"),
        program: program(name, precision, &[]),
        groups: [(layer.rows() * layer.quads_in()).div_ceil(64) as u32, 1, 1],
        data: vec![
            fields(layer.info()),
            ("output", Data::Anything(wanted.len())),
            ("input", Data::Numbers(map)),
            ("factors", Data::Numbers(factors)),
        ],
        wanted: vec![Wanted::Numbers("output", wanted, tolerance(precision))],
    }]
}

pub fn l2norm(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(6);
    let mut case = |channels: usize| {
        let layer = Layer::new(1, [1, 3], [channels, channels], 1);
        let (map, scale) = (layer.map(&mut draw), draw.quarters(channels));
        let mut wanted = Vec::new();
        for pixel in map.chunks_exact(channels) {
            let length = (pixel.iter().map(|number| number * number).sum::<f32>() + 1e-10).sqrt();
            wanted.extend(pixel.iter().zip(&scale).map(|(number, scale)| number / length * scale));
        }
        Case {
            label: format!("{name} {precision:?}: {channels} channels"),
            program: program(name, precision, &[]),
            groups: [3, 1, 1],
            data: vec![
                fields(layer.info()),
                ("input", Data::Numbers(map)),
                ("scale", Data::Numbers(scale)),
                ("output", Data::Anything(wanted.len())),
            ],
            wanted: vec![Wanted::Numbers("output", wanted, tolerance(precision))],
        }
    };
    vec![case(12), case(4 * 150)]
}

pub fn peak_fma(name: &'static str, precision: Precision) -> Vec<Case> {
    let info = [("factor", 0.5f32), ("addend", 1.0), ("never", -1.0)];
    vec![Case {
        label: name.into(),
        program: program(name, precision, &[("ROUNDS", 2)]),
        groups: [2, 1, 1],
        data: vec![
            fields(info.map(|(name, value)| (name, vec![value.to_bits()])).to_vec()),
            ("output", Data::Anything(1)),
        ],
        wanted: vec![Wanted::Words("output", vec![ANYTHING])],
    }]
}

pub fn peak_copy(name: &'static str, precision: Precision) -> Vec<Case> {
    let numbers = Draw::new(7).quarters(4 * 1100);
    vec![Case {
        label: name.into(),
        program: program(name, precision, &[]),
        groups: [2, 1, 1],
        data: vec![
            fields(vec![("quads", vec![1100]), ("threads", vec![512])]),
            ("input", Data::Numbers(numbers.clone())),
            ("output", Data::Anything(numbers.len())),
        ],
        wanted: vec![Wanted::Numbers("output", numbers, 0.0)],
    }]
}
