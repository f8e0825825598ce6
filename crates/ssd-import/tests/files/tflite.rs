//! TensorFlow Lite files that are built here: numbers, rows, names and what is refused.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use ssd::postprocess::ScoreActivation;
use ssd::weights::{Dtype, Header};
use ssd_import::{Conversion, Format, ImportError, Options};

use crate::build;
use crate::detector::*;

fn convert(bytes: &[u8], options: &Options) -> Result<Conversion, ImportError> {
    Conversion::new(build::open(bytes).unwrap_or_else(|error| panic!("{error}")), options)
}

/// The header and the tensors of the weights file.
fn converted(what: &Detector, options: &Options) -> (Header, BTreeMap<String, Vec<f32>>) {
    let conversion = convert(&detector(what), options).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    assert!(conversion.plan.unused.is_empty(), "{:?}", conversion.plan.unused);
    let bytes = conversion.to_bytes(Dtype::F32, &mut |_, _| {}).expect("finite numbers");
    let file = SafeTensors::deserialize(&bytes).expect("a file");
    let numbers = |data: &[u8]| data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let tensors = file.tensors().into_iter().map(|(name, view)| (name, numbers(view.data()))).collect();
    (conversion.plan.header.clone().expect("a detector"), tensors)
}

#[test]
fn weights_become_real_numbers_in_our_order() {
    for stored in [Stored::Bytes, Stored::ByChannel, Stored::Halves] {
        let (header, tensors) = converted(&Detector { stored, ..Detector::default() }, &Options::default());
        assert_eq!(header.arch, ARCH);
        let real = |convolution: usize, place: usize, output: usize| {
            let code = f32::from(code(convolution, place));
            match stored {
                Stored::Bytes => SCALE * (code - ZERO),
                Stored::ByChannel => scale_of(output) * (code - 128.0),
                Stored::Halves => code * SCALE,
            }
        };
        // Outputs, inputs, rows, columns: of three inputs in the stem, of none in the depthwise convolution after it.
        for (place, number) in tensors["backbone.stem.conv.weight"].iter().enumerate() {
            let (output, input, tap) = (place / 27, place / 9 % 3, place % 9);
            assert_eq!(*number, real(0, output * 27 + tap * 3 + input, output), "{stored:?} {place}");
        }
        for (place, number) in tensors["backbone.blocks.0.depthwise.conv.weight"].iter().enumerate() {
            let (output, tap) = (place / 9, place % 9);
            assert_eq!(*number, real(1, tap * 16 + output, output), "{stored:?} {place}");
        }
        assert_eq!(tensors["backbone.stem.conv.bias"][7], SCALE * 2.0);
    }
}

#[test]
fn offsets_change_places_and_columns_without_a_class_are_left_out() {
    let labels = ["???", "a", "???", "c"].map(String::from).to_vec();
    let options = Options { labels: Some(labels), ..Options::default() };
    let (header, tensors) = converted(&Detector::default(), &options);
    assert_eq!(header.labels, ["a", "c"]);
    assert_eq!((header.score_activation, header.classes()), (ScoreActivation::Sigmoid, 3));
    // A bias is its output's number, less 5. Theirs are y, x, height, width.
    let outputs = |path: &str| -> Vec<f32> { tensors[path].iter().map(|bias| bias / SCALE + 5.0).collect() };
    assert_eq!(outputs("heads.0.offsets.conv.bias")[..8], [1.0, 0.0, 3.0, 2.0, 5.0, 4.0, 7.0, 6.0]);
    // Four columns a prior, the first of which is the background.
    assert_eq!(outputs("heads.0.logits.conv.bias"), [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]);
}

#[test]
fn a_header_says_what_the_file_says() {
    let (header, _) = converted(&Detector::default(), &Options::default());
    assert_eq!(header.labels, ["class 1", "class 2", "class 3"]);
    assert_eq!((header.normalization.mean, header.normalization.std), ([128.0; 3], [128.0; 3]));
    assert_eq!((header.score, header.iou, header.top_k, header.max), (0.5, 0.45, 400, 200));
    // Rounded to bytes, they are TensorFlow's all the same.
    assert_eq!(header.priors, ARCH.prior_scheme());
    let (header, _) = converted(&Detector { shifted: 0.02, ..Detector::default() }, &Options::default());
    let listed = header.priors.listed.expect("each prior");
    let (got, want) = (listed[0], ARCH.prior_scheme().priors()[0]);
    assert!((got[0] - want.cx - 0.02).abs() < 0.004 && (got[3] - want.h - 0.02).abs() < 0.004, "{got:?}");
    let twice = Detector { scales_xy: [20.0, 20.0], ..Detector::default() };
    assert_eq!(converted(&twice, &Options::default()).0.priors.variances.center, 0.05);
}

#[test]
fn a_packed_label_file_gives_the_names() {
    let lines: &[u8] = b"one\ntwo\nthree\n";
    let packed = [detector(&Detector::default()), Vec::new()].concat();
    let archive = build::zip_at(packed.len(), &[("labelmap.txt", lines)]);
    let file = [packed, archive].concat();
    let conversion = convert(&file, &Options::default()).expect("a detector");
    assert_eq!(conversion.plan.header.expect("a detector").labels, ["one", "two", "three"]);
}

#[test]
fn what_cannot_be_taken_over_is_named() {
    let refusal = |what: Detector| convert(&detector(&what), &Options::default()).expect_err("an error").to_string();
    let sentence = refusal(Detector { scales_xy: [10.0, 9.0], ..Detector::default() });
    assert!(sentence.contains("by different numbers"), "{sentence}");
    let labels = Options { labels: Some(vec!["a".into(); 5]), ..Options::default() };
    let sentence = convert(&detector(&Detector::default()), &labels).expect_err("an error").to_string();
    assert!(sentence.contains("5 labels") && sentence.contains("3 classes"), "{sentence}");
    let layout = Options {
        layout: Some(ssd_import::Layout::named("amdegroot-ssd300").expect("a layout")),
        ..Options::default()
    };
    let sentence = convert(&detector(&Detector::default()), &layout).expect_err("an error").to_string();
    assert!(sentence.contains("says both itself"), "{sentence}");
    // A number of the options that is none.
    let mut bytes = detector(&Detector::default());
    let name = bytes.windows(11).position(|part| part == b"num_classes").expect("an option");
    bytes[name] = b'N';
    assert!(build::refusal(&bytes).contains("options of its post-processing"));
}

#[test]
fn the_format_is_told_by_its_identifier() {
    let mut bytes = detector(&Detector::default());
    assert_eq!(build::open(&bytes).expect("a file").format(), Format::TensorFlowLite);
    bytes[7] = b'2';
    assert!(build::refusal(&bytes).contains("of an unknown format"));
}
