//! Layouts of detectors and trunks on the MobileNets.

use ssd::Arch;
use ssd::preprocess::Normalization;
use ssd::priors::Clip;

use super::rules::Rules;
use super::spec::{Contents, Habits, Layout};

pub(super) static LAYOUTS: [Layout; 5] = [
    Layout {
        name: "torchvision-ssdlite320-mobilenet-v3-large",
        maker: "torchvision",
        signature: &["head.classification_head.module_list.0.0.0.weight", "backbone.features.0.0.0.weight"],
        // The first tensor that shows how wide the tail is.
        arch: |file| match file.get("backbone.features.1.0.3.0.weight").map(|tensor| tensor.shape.first()) {
            Some(Some(160)) => Arch::SsdLite320MobileNetV3LargeWide,
            _ => Arch::SsdLite320MobileNetV3Large,
        },
        rules: v3,
        contents: Contents::Detector(Habits {
            normalization: Normalization::UNIT,
            clip: Clip::Size,
            sizes: |_| None,
            iou: 0.55,
            top_k: 300,
            max: 300,
        }),
    },
    Layout {
        name: "qfgaohao-mb2-ssd-lite",
        maker: "pytorch-ssd",
        signature: &["classification_headers.0.0.weight", "base_net.1.conv.0.weight"],
        arch: |_| Arch::Ssd300MobileNetV2Lite,
        rules: v2,
        contents: Contents::Detector(QFGAOHAO),
    },
    Layout {
        name: "qfgaohao-mb1-ssd",
        maker: "pytorch-ssd",
        signature: &["classification_headers.0.weight", "base_net.1.3.weight"],
        arch: |_| Arch::Ssd300MobileNetV1,
        rules: v1,
        contents: Contents::Detector(QFGAOHAO),
    },
    Layout {
        name: "torchvision-mobilenet-v2",
        maker: "torchvision",
        signature: &["features.18.0.weight", "features.2.conv.0.0.weight"],
        arch: |_| Arch::Ssd300MobileNetV2Lite,
        rules: v2_trunk,
        contents: Contents::Trunk(|_| Ok(Some(Normalization::IMAGENET))),
    },
    Layout {
        name: "torchvision-mobilenet-v3-large",
        maker: "torchvision",
        signature: &["features.16.0.weight", "features.1.block.0.0.weight"],
        arch: |_| Arch::SsdLite320MobileNetV3LargeWide,
        rules: v3_trunk,
        contents: Contents::Trunk(|_| Ok(Some(Normalization::IMAGENET))),
    },
];

const QFGAOHAO: Habits = Habits { normalization: Normalization::MOBILENET, sizes: |_| None, ..Habits::CAFFE };

const LEVELS: usize = 6;
const EXTRAS: usize = 4;

/// pytorch-ssd `mb1-ssd`, `nn/mobilenet.py` and `mobilenetv1_ssd.py`.
fn v1(rules: &mut Rules) {
    rules.sequence("backbone.stem", "base_net.0");
    for block in 1..=13 {
        let (ours, theirs) = (format!("backbone.blocks.{}", block - 1), format!("base_net.{block}"));
        rules.unit(&format!("{ours}.depthwise"), &format!("{theirs}.0"), &format!("{theirs}.1"));
        rules.unit(&format!("{ours}.pointwise"), &format!("{theirs}.3"), &format!("{theirs}.4"));
    }
    for extra in 0..EXTRAS {
        rules.conv(&format!("backbone.extras.{}.conv", 2 * extra), &format!("extras.{extra}.0"));
        rules.conv(&format!("backbone.extras.{}.conv", 2 * extra + 1), &format!("extras.{extra}.2"));
    }
    for level in 0..LEVELS {
        rules.conv(&format!("heads.{level}.offsets.conv"), &format!("regression_headers.{level}"));
        rules.conv(&format!("heads.{level}.logits.conv"), &format!("classification_headers.{level}"));
    }
}

/// pytorch-ssd `mb2-ssd-lite`, `nn/mobilenet_v2.py` and `mobilenet_v2_ssd_lite.py`.
fn v2(rules: &mut Rules) {
    rules.sequence("backbone.stem", "base_net.0");
    for block in 1..=17 {
        inverted_residual(
            rules,
            &format!("backbone.blocks.{}", block - 1),
            &format!("base_net.{block}.conv"),
            parts_of(block),
        );
    }
    rules.sequence("backbone.last", "base_net.18");
    for extra in 0..EXTRAS {
        inverted_residual(rules, &format!("backbone.extras.{extra}"), &format!("extras.{extra}.conv"), &PARTS);
    }
    for level in 0..LEVELS {
        for (branch, name) in [("offsets", "regression_headers"), ("logits", "classification_headers")] {
            let (ours, theirs) = (format!("heads.{level}.{branch}"), format!("{name}.{level}"));
            if level + 1 == LEVELS {
                rules.conv(&format!("{ours}.conv"), &theirs);
                continue;
            }
            rules.sequence(&format!("{ours}.depthwise"), &theirs);
            rules.conv(&format!("{ours}.conv"), &format!("{theirs}.3"));
        }
    }
}

/// The units of an inverted residual in their order.
const PARTS: [&str; 3] = ["expand", "depthwise", "project"];

/// Those of a block of a trunk, counted from 1: the first does not expand.
fn parts_of(block: usize) -> &'static [&'static str] {
    if block == 1 { &PARTS[1..] } else { &PARTS }
}

/// Convolution, norm and ReLU6 of each unit in one sequence, the last without ReLU6.
fn inverted_residual(rules: &mut Rules, ours: &str, theirs: &str, parts: &[&str]) {
    for (index, part) in parts.iter().enumerate() {
        let [conv, norm] = [3 * index, 3 * index + 1].map(|place| format!("{theirs}.{place}"));
        rules.unit(&format!("{ours}.{part}"), &conv, &norm);
    }
}

/// torchvision `ssdlite320_mobilenet_v3_large`, `mobilenetv3.py` and `ssdlite.py`: the trunk is cut inside block 13,
/// after its first unit.
fn v3(rules: &mut Rules) {
    rules.sequence("backbone.stem", "backbone.features.0.0");
    for block in 1..=12 {
        let (ours, theirs) = (format!("backbone.blocks.{}", block - 1), format!("backbone.features.0.{block}.block"));
        gated_residual(rules, &ours, &theirs, parts_of(block), 0, gated(block));
    }
    rules.sequence("backbone.blocks.12.expand", "backbone.features.0.13");
    gated_residual(rules, "backbone.blocks.12", "backbone.features.1.0", &PARTS[1..], 1, true);
    for block in 14..=15 {
        let theirs = format!("backbone.features.1.{}.block", block - 13);
        gated_residual(rules, &format!("backbone.blocks.{}", block - 1), &theirs, &PARTS, 0, true);
    }
    rules.sequence("backbone.last", "backbone.features.1.3");
    for extra in 0..EXTRAS {
        let (ours, theirs) = (format!("backbone.extras.{extra}"), format!("backbone.extra.{extra}"));
        gated_residual(rules, &ours, &theirs, &PARTS, 0, false);
    }
    for level in 0..LEVELS {
        for (branch, name) in [("offsets", "regression_head"), ("logits", "classification_head")] {
            let (ours, theirs) = (format!("heads.{level}.{branch}"), format!("head.{name}.module_list.{level}"));
            rules.sequence(&format!("{ours}.depthwise"), &format!("{theirs}.0"));
            rules.conv(&format!("{ours}.conv"), &format!("{theirs}.1"));
        }
    }
}

/// torchvision `mobilenet_v2`, `mobilenetv2.py`: the last unit of a block is no sequence of its own.
fn v2_trunk(rules: &mut Rules) {
    rules.sequence("backbone.stem", "features.0");
    for block in 1..=17 {
        let (ours, theirs) = (format!("backbone.blocks.{}", block - 1), format!("features.{block}.conv"));
        for (place, part) in parts_of(block).iter().enumerate() {
            let (ours, conv) = (format!("{ours}.{part}"), format!("{theirs}.{place}"));
            match *part {
                "project" => rules.unit(&ours, &conv, &format!("{theirs}.{}", place + 1)),
                _ => rules.sequence(&ours, &conv),
            }
        }
    }
    rules.sequence("backbone.last", "features.18");
    rules.ignore("classifier.");
}

/// torchvision `mobilenet_v3_large`, `mobilenetv3.py`.
fn v3_trunk(rules: &mut Rules) {
    rules.sequence("backbone.stem", "features.0");
    for block in 1..=15 {
        let (ours, theirs) = (format!("backbone.blocks.{}", block - 1), format!("features.{block}.block"));
        gated_residual(rules, &ours, &theirs, parts_of(block), 0, gated(block));
    }
    rules.sequence("backbone.last", "features.16");
    rules.ignore("classifier.");
}

/// Whether a block of MobileNetV3-Large has a gate, counted from 1.
fn gated(block: usize) -> bool {
    matches!(block, 4..=6 | 11..)
}

/// Units that are a sequence each, numbered from `first`, the gate among them.
fn gated_residual(rules: &mut Rules, ours: &str, theirs: &str, parts: &[&str], first: usize, gated: bool) {
    let mut place = first;
    for part in parts {
        if *part == "project" && gated {
            for (our, their) in [("squeeze", "fc1"), ("excite", "fc2")] {
                let (ours, theirs) = (format!("{ours}.gate.{our}.conv"), format!("{theirs}.{place}.{their}"));
                rules.conv(&ours, &theirs);
            }
            place += 1;
        }
        rules.sequence(&format!("{ours}.{part}"), &format!("{theirs}.{place}"));
        place += 1;
    }
}
