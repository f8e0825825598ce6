//! A whole TensorFlow Lite detector of the smallest size, written by the format's description: TensorFlow's SSD on
//! MobileNetV1 of 16 channels for 32 pixels. Its weights follow a rule.

use ssd::Arch;
use ssd::arch::Scale;
use ssd::model::{Layer, layers};

use crate::flatbuffer::*;

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stored {
    /// As bytes with one scale.
    Bytes,
    /// As signed bytes with a scale for each output.
    ByChannel,
    /// As halves, each before a `DEQUANTIZE`.
    Halves,
}

/// What is written.
#[derive(Debug, Clone)]
pub struct Detector {
    pub stored: Stored,
    /// Classes without background.
    pub classes: usize,
    /// Moves the priors away from TensorFlow's.
    pub shifted: f32,
    /// What the post-processing multiplies x by, and y.
    pub scales_xy: [f32; 2],
}

impl Default for Detector {
    fn default() -> Self {
        Self { stored: Stored::Bytes, classes: 3, shifted: 0.0, scales_xy: [10.0, 10.0] }
    }
}

pub const ARCH: Arch = Arch::SsdMobileNetV1Tf(Scale { width: 1, input_px: 32 });

/// The rule: a byte for each place of a tensor of weights, counted from the first convolution.
pub fn code(convolution: usize, place: usize) -> u8 {
    ((convolution * 31 + place * 7) % 251) as u8
}

/// Scale and zero point of the bytes.
pub const SCALE: f32 = 0.0625;
pub const ZERO: f32 = 120.0;

/// The scale of an output, where they differ.
pub fn scale_of(output: usize) -> f32 {
    SCALE * (output + 1) as f32
}

/// The numbers of the schema for kinds of numbers and operators.
const F32: u8 = 0;
const F16: u8 = 1;
const I32: u8 = 2;
const U8: u8 = 3;
const I8: u8 = 9;
const CODES: [u8; 7] = [3, 4, 22, 2, 14, 6, 32];

/// Places in that list.
const CONVOLUTION: i32 = 0;
const DEPTHWISE: i32 = 1;
const RESHAPE: i32 = 2;
const CONCATENATION: i32 = 3;
const LOGISTIC: i32 = 4;
const DEQUANTIZE: i32 = 5;
const CUSTOM: i32 = 6;

/// Tensors, buffers and operators so far.
#[derive(Default)]
struct Writer {
    tensors: Vec<Part>,
    buffers: Vec<Part>,
    operators: Vec<Part>,
    convolutions: usize,
}

impl Writer {
    /// A value: scale and zero point where it is quantised, bytes where it is a constant.
    fn value(&mut self, name: &str, shape: &[usize], kind: u8, quantised: Option<Part>, data: Option<&[u8]>) -> i32 {
        let shape: Vec<i32> = shape.iter().map(|side| *side as i32).collect();
        let buffer = data.map_or(0, |_| self.buffers.len() as i32);
        if let Some(data) = data {
            self.buffers.push(Part::Table(vec![(0, bytes(data))]));
        }
        let mut fields = vec![(0, ints(&shape)), (1, byte(kind)), (2, int(buffer)), (3, text(name))];
        fields.extend(quantised.map(|quantised| (4, quantised)));
        self.tensors.push(Part::Table(fields));
        self.tensors.len() as i32 - 1
    }

    fn operator(&mut self, code: i32, inputs: &[i32], outputs: &[i32], more: Vec<(u16, Part)>) {
        let mut fields = vec![(0, int(code)), (1, ints(inputs)), (2, ints(outputs))];
        fields.extend(more);
        self.operators.push(Part::Table(fields));
    }

    /// A convolution of `outputs` channels; what it makes.
    fn convolution(&mut self, layer: &Layer, outputs: usize, input: i32, stored: Stored) -> i32 {
        let shape = layer.shape.expect("a convolution");
        let (depthwise, k) = (shape.groups > 1, shape.kernel);
        let sides = if depthwise { [1, k, k, outputs] } else { [outputs, k, k, shape.channels_in] };
        let count: usize = sides.iter().product();
        let codes: Vec<u8> = (0..count).map(|place| code(self.convolutions, place)).collect();
        let (weight, bias) = (format!("{}/weights", layer.name), format!("{}/bias", layer.name));
        self.convolutions += 1;
        let weight = match stored {
            Stored::Bytes => {
                self.value(&weight, &sides, U8, Some(quantised(&[SCALE], &[ZERO as i64], 0)), Some(&codes))
            }
            Stored::ByChannel => {
                let scales: Vec<f32> = (0..outputs).map(scale_of).collect();
                let axis = if depthwise { 3 } else { 0 };
                let signed: Vec<u8> = codes.iter().map(|code| code.wrapping_sub(128)).collect();
                self.value(&weight, &sides, I8, Some(quantised(&scales, &[0], axis)), Some(&signed))
            }
            Stored::Halves => {
                let halves = codes.iter().flat_map(|code| half::f16::from_f32(f32::from(*code) * SCALE).to_le_bytes());
                let stored = self.value(&weight, &sides, F16, None, Some(&halves.collect::<Vec<u8>>()));
                let weight = self.value("", &sides, F32, None, None);
                self.operator(DEQUANTIZE, &[stored], &[weight], Vec::new());
                weight
            }
        };
        let numbers: Vec<u8> = (0..outputs as i32).flat_map(|output| (output - 5).to_le_bytes()).collect();
        let bias = self.value(&bias, &[outputs], I32, Some(quantised(&[SCALE], &[0], 0)), Some(&numbers));
        let [rows, columns] = shape.size_out(layer.size_in);
        let relu6 = shape.activation == ssd_cpu::Activation::Relu6;
        // The range of a ReLU6, or of what is none.
        let range = if relu6 { quantised(&[6.0 / 255.0], &[0], 0) } else { quantised(&[0.1], &[100], 0) };
        let output = self.value(&layer.name, &[1, rows, columns, outputs], U8, Some(range), None);
        let stride = int(shape.stride as i32);
        // Half of them say so themselves.
        let fused = byte(if relu6 && self.convolutions % 2 == 0 { 3 } else { 0 });
        let (code, place) = if depthwise { (DEPTHWISE, 4) } else { (CONVOLUTION, 3) };
        let settings = Part::Table(vec![(1, stride.clone()), (2, stride), (place, fused)]);
        self.operator(code, &[input, weight, bias], &[output], vec![(4, settings)]);
        output
    }
}

/// Scales, zero points and the side along which they differ.
fn quantised(scales: &[f32], zero_points: &[i64], axis: i32) -> Part {
    Part::Table(vec![(2, floats(scales)), (3, longs(zero_points)), (6, int(axis))])
}

/// Bytes of the file.
pub fn detector(what: &Detector) -> Vec<u8> {
    let columns = what.classes + 1;
    let mut writer = Writer { buffers: vec![Part::Table(Vec::new())], ..Writer::default() };
    let input = writer.value("picture", &[1, 32, 32, 3], U8, Some(quantised(&[1.0 / 128.0], &[128], 0)), None);
    let (heads, trunk): (Vec<Layer>, Vec<Layer>) =
        layers(ARCH, what.classes).into_iter().partition(|layer| layer.level.is_some());
    // A map's number is its layer's place and 2: the input has 1.
    let mut maps = vec![input];
    for layer in &trunk {
        let outputs = layer.shape.expect("a convolution").channels_out;
        let map = writer.convolution(layer, outputs, maps[layer.input - 1], what.stored);
        maps.push(map);
    }
    let (mut boxes, mut scores) = (Vec::new(), Vec::new());
    for layer in &heads {
        let (of, shape) = (layer.name.ends_with("logits"), layer.shape.expect("a convolution"));
        let (outputs, width) =
            if of { (shape.channels_out / what.classes * columns, columns) } else { (shape.channels_out, 4) };
        let made = writer.convolution(layer, outputs, maps[layer.input - 1], what.stored);
        let cells = layer.size_in[0] * layer.size_in[1];
        let rows = writer.value("", &[1, cells * outputs / width, width], U8, None, None);
        writer.operator(RESHAPE, &[made], &[rows], Vec::new());
        if of { scores.push(rows) } else { boxes.push(rows) }
    }
    let priors = ARCH.prior_scheme().priors();
    let axis = || vec![(4, Part::Table(vec![(0, int(1))]))];
    let all_boxes = writer.value("boxes", &[1, priors.len(), 4], U8, None, None);
    writer.operator(CONCATENATION, &boxes, &[all_boxes], axis());
    let [logits, sigmoids] =
        ["logits", "scores"].map(|name| writer.value(name, &[1, priors.len(), columns], U8, None, None));
    writer.operator(CONCATENATION, &scores, &[logits], axis());
    writer.operator(LOGISTIC, &[logits], &[sigmoids], Vec::new());
    let step = 1.7 / 255.0;
    let stored = priors.iter().flat_map(|p| [p.cy, p.cx, p.h, p.w]);
    let stored: Vec<u8> = stored.map(|number| ((number + what.shifted) / step).round() as u8).collect();
    let anchors = writer.value("anchors", &[priors.len(), 4], U8, Some(quantised(&[step], &[0], 0)), Some(&stored));
    let [x, y] = what.scales_xy;
    let settings = options(&[
        ("h_scale", 5.0),
        ("max_detections", 10.0),
        ("num_classes", what.classes as f32),
        ("w_scale", 5.0),
        ("x_scale", x),
        ("y_scale", y),
    ]);
    let found = writer.value("found", &[], F32, None, None);
    writer.operator(CUSTOM, &[all_boxes, sigmoids, anchors], &[found], vec![(5, bytes(&settings))]);
    whole(writer, input, found)
}

fn whole(writer: Writer, input: i32, output: i32) -> Vec<u8> {
    let code = |number: &u8| {
        let name = if *number == 32 { "TFLite_Detection_PostProcess" } else { "" };
        // Old files have the byte alone, new ones both.
        Part::Table(vec![
            (0, byte(*number)),
            (1, text(name)),
            (3, int(if number % 2 == 0 { i32::from(*number) } else { 0 })),
        ])
    };
    let graph = Part::Table(vec![
        (0, Part::Tables(writer.tensors)),
        (1, ints(&[input])),
        (2, ints(&[output])),
        (3, Part::Tables(writer.operators)),
    ]);
    let root = [
        (0, int(3)),
        (1, Part::Tables(CODES.iter().map(code).collect())),
        (2, Part::Tables(vec![graph])),
        (3, text("by a test")),
        (4, Part::Tables(writer.buffers)),
    ];
    file(b"TFL3", &root)
}
