//! Layouts of detectors and trunks on VGG16. All name the convolutions by their places in the same sequence.

use ssd::Arch;
use ssd::preprocess::Normalization;
use ssd::priors::Clip;

use super::rules::{Order, Rules};
use super::sizes::Sizes;
use super::spec::{Contents, Habits, Layout};

pub(super) static LAYOUTS: [Layout; 7] = [
    Layout {
        name: "torchvision-ssd300-vgg16",
        maker: "torchvision",
        signature: &["head.classification_head.module_list.0.weight", "backbone.features.0.weight"],
        arch: |_| Arch::Ssd300Vgg16,
        rules: torchvision,
        contents: Contents::Detector(Habits {
            // Caffe's mean as fractions of 255, rounded: `ssd.py`.
            normalization: Normalization { mean: [0.48235 * 255.0, 0.45882 * 255.0, 0.40784 * 255.0], std: [1.0; 3] },
            clip: Clip::Size,
            sizes: |_| Some(Sizes::Coco),
            ..Habits::CAFFE
        }),
    },
    Layout {
        // From version 2.14.
        name: "mmdetection-ssd300",
        maker: "mmdetection",
        signature: &["bbox_head.cls_convs.0.0.weight", "backbone.features.0.weight"],
        arch: |_| Arch::Ssd300Vgg16,
        rules: mmdetection,
        contents: Contents::Detector(Habits {
            // ImageNet's mean, undivided: `configs/ssd/ssd300_coco.py`.
            normalization: Normalization { mean: [123.675, 116.28, 103.53], std: [1.0; 3] },
            clip: Clip::None,
            ..Habits::CAFFE
        }),
    },
    Layout {
        // Of 300 or 512 pixels.
        name: "lufficc-vgg",
        maker: "lufficc",
        signature: &["box_head.predictor.cls_headers.0.weight", "backbone.vgg.0.weight"],
        arch: |file| if file.has("backbone.extras.9.weight") { Arch::Ssd512Vgg16 } else { Arch::Ssd300Vgg16 },
        rules: lufficc,
        contents: Contents::Detector(Habits::CAFFE),
    },
    Layout {
        name: "amdegroot-ssd300",
        maker: "ssd.pytorch",
        signature: &["conf.0.weight", "vgg.0.weight"],
        arch: |_| Arch::Ssd300Vgg16,
        rules: amdegroot,
        contents: Contents::Detector(Habits::CAFFE),
    },
    Layout {
        name: "qfgaohao-vgg16-ssd",
        maker: "pytorch-ssd",
        signature: &["classification_headers.0.weight", "base_net.2.weight"],
        // Before 2018-09 it had the paper's normalisation of conv4_3.
        arch: |file| match file.has("source_layer_add_ons.0.scale") {
            true => Arch::Ssd300Vgg16,
            false => Arch::Ssd300Vgg16SourceBn,
        },
        rules: qfgaohao,
        contents: Contents::Detector(Habits { sizes: |_| Some(Sizes::Voc), ..Habits::CAFFE }),
    },
    Layout {
        name: "torchvision-vgg16",
        maker: "torchvision",
        signature: &["features.0.weight", "features.28.weight"],
        arch: |_| Arch::Ssd300Vgg16,
        rules: torchvision_trunk,
        // There are two files of the same names: the one made for SSD, whose pixels are caffe's and whose classifier is
        // NaN, and the classifier proper.
        contents: Contents::Trunk(|file| {
            let classifier = file.get("classifier.0.bias").map(|bias| file.file.read_f32(bias)).transpose()?;
            let made_for_ssd = classifier.is_some_and(|bias| bias.iter().any(|value| value.is_nan()));
            Ok((!made_for_ssd).then_some(Normalization::IMAGENET))
        }),
    },
    Layout {
        name: "amdegroot-vgg16-reducedfc",
        maker: "ssd.pytorch",
        signature: &["0.weight", "31.weight", "33.weight"],
        arch: |_| Arch::Ssd300Vgg16,
        rules: |rules| trunk(rules, &|place| place.to_string()),
        contents: Contents::Trunk(|_| Ok(None)),
    },
];

/// Places of conv1_1 to conv5_3 in VGG16's sequence of convolutions, ReLUs and poolings.
const CONVS: [usize; 13] = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28];
/// Places of fc6 and fc7, where they continue the sequence.
const FC6: usize = 31;
const FC7: usize = 33;
/// Convolutions of the extras in the largest variant.
const EXTRAS: usize = 10;

/// The rules of a detector from the names that differ between makers: of the convolution at a place of the sequence, of
/// one of the extras, counted from 0, of the scale of the L2 normalisation, and of a head's two branches before and
/// after the number of the level.
fn detector(
    rules: &mut Rules,
    sequence: &dyn Fn(usize) -> String,
    extra: &dyn Fn(usize) -> String,
    [l2norm, offsets, logits, end]: [&str; 4],
) {
    trunk(rules, sequence);
    rules.tensor("backbone.l2norm.scale", l2norm, Order::Ours);
    for index in 0..EXTRAS {
        rules.conv(&format!("backbone.extras.{index}.conv"), &extra(index));
    }
    for level in 0..rules.boxes().len() {
        rules.conv(&format!("heads.{level}.offsets.conv"), &format!("{offsets}.{level}{end}"));
        rules.conv(&format!("heads.{level}.logits.conv"), &format!("{logits}.{level}{end}"));
    }
}

fn trunk(rules: &mut Rules, sequence: &dyn Fn(usize) -> String) {
    convs(rules, sequence);
    rules.conv("backbone.fc6.conv", &sequence(FC6));
    rules.conv("backbone.fc7.conv", &sequence(FC7));
}

fn convs(rules: &mut Rules, sequence: &dyn Fn(usize) -> String) {
    for (index, place) in CONVS.into_iter().enumerate() {
        rules.conv(&format!("backbone.convs.{index}.conv"), &sequence(place));
    }
}

/// `ssd.py`: the sequence is cut after conv4_3.
fn torchvision(rules: &mut Rules) {
    let sequence = |place: usize| match place {
        FC6 => "backbone.extra.0.7.1".into(),
        FC7 => "backbone.extra.0.7.3".into(),
        // The rest begins with pool4, which has the place 23.
        24.. => format!("backbone.extra.0.{}", place - 23),
        _ => format!("backbone.features.{place}"),
    };
    let extra = |index| format!("backbone.extra.{}.{}", index / 2 + 1, index % 2 * 2);
    let [offsets, logits] = ["head.regression_head.module_list", "head.classification_head.module_list"];
    detector(rules, &sequence, &extra, ["backbone.scale_weight", offsets, logits, ""]);
}

/// `ssd_vgg.py`, `ssd_neck.py`, `ssd_head.py`: the background comes after the other classes.
fn mmdetection(rules: &mut Rules) {
    let sequence = |place| format!("backbone.features.{place}");
    let extra = |index| format!("neck.extra_layers.{}.{}.conv", index / 2, index % 2);
    detector(rules, &sequence, &extra, ["neck.l2_norm.weight", "bbox_head.reg_convs", "bbox_head.cls_convs", ".0"]);
    for (level, boxes) in rules.boxes().into_iter().enumerate() {
        let (ours, theirs) = (format!("heads.{level}.logits.conv"), format!("bbox_head.cls_convs.{level}.0"));
        rules.head(&ours, &theirs, Order::BackgroundLast { boxes });
    }
}

/// `ssd/modeling/backbone/vgg.py` and `box_head/box_predictor.py`.
fn lufficc(rules: &mut Rules) {
    let [sequence, extra] = ["vgg", "extras"].map(|part| move |place| format!("backbone.{part}.{place}"));
    let [offsets, logits] = ["box_head.predictor.reg_headers", "box_head.predictor.cls_headers"];
    detector(rules, &sequence, &extra, ["backbone.l2_norm.weight", offsets, logits, ""]);
}

/// `ssd.py`.
fn amdegroot(rules: &mut Rules) {
    let [sequence, extra] = ["vgg", "extras"].map(|part| move |place| format!("{part}.{place}"));
    detector(rules, &sequence, &extra, ["L2Norm.weight", "loc", "conf", ""]);
}

/// `vgg_ssd.py`: batch norm on conv4_3, in older files the L2 normalisation.
fn qfgaohao(rules: &mut Rules) {
    let (sequence, l2norm) = (|place| format!("base_net.{place}"), "source_layer_add_ons.0.scale");
    let extra = |index| format!("extras.{}.{}", index / 2, index % 2 * 2);
    detector(rules, &sequence, &extra, [l2norm, "regression_headers", "classification_headers", ""]);
    rules.ones("backbone.source_norm.conv.weight");
    rules.norm("backbone.source_norm.norm", "source_layer_add_ons.0");
}

/// conv1_1 to conv5_3.
fn torchvision_trunk(rules: &mut Rules) {
    convs(rules, &|place| format!("features.{place}"));
    rules.ignore("classifier.");
}
