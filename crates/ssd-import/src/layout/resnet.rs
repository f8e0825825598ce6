//! Layouts of detectors and trunks on ResNet.

use ssd::Arch;
use ssd::arch::Depth;
use ssd::preprocess::Normalization;

use super::rules::{Order, Rules};
use super::sizes::Sizes;
use super::spec::{Contents, Habits, Layout, Tensors};

pub(super) static LAYOUTS: [Layout; 2] = [
    Layout {
        name: "nvidia-ssd300",
        maker: "NVIDIA",
        signature: &["additional_blocks.0.0.weight", "feature_extractor.feature_extractor.0.weight"],
        arch: |file| of_depth(file, "feature_extractor.feature_extractor.4.0.conv3.weight"),
        rules: nvidia,
        contents: Contents::Detector(Habits {
            normalization: Normalization::IMAGENET,
            sizes: |_| Some(Sizes::Coco),
            iou: 0.5,
            ..Habits::CAFFE
        }),
    },
    Layout {
        name: "torchvision-resnet",
        maker: "torchvision",
        signature: &["layer1.0.conv1.weight", "layer3.0.conv1.weight", "conv1.weight"],
        arch: |file| of_depth(file, "layer1.0.conv3.weight"),
        rules: torchvision_trunk,
        contents: Contents::Trunk(|_| Ok(None)),
    },
];

/// The blocks of ResNet-50 have a third convolution.
fn of_depth(file: &Tensors<'_>, third: &str) -> Arch {
    if file.has(third) { Arch::Ssd300ResNet50 } else { Arch::Ssd300ResNet34 }
}

/// The trunk by the names of conv1, its norm and conv2 to conv4.
fn trunk(rules: &mut Rules, [conv1, bn1]: [&str; 2], stages: [&str; 3]) {
    rules.unit("backbone.stem", conv1, bn1);
    let mut block = 0;
    for (stage, count) in stages.into_iter().zip(Depth::BLOCKS) {
        for index in 0..count {
            let (ours, theirs) = (format!("backbone.blocks.{block}"), format!("{stage}.{index}"));
            for conv in 0..3 {
                let [conv_name, norm_name] = ["conv", "bn"].map(|what| format!("{theirs}.{what}{}", conv + 1));
                rules.unit(&format!("{ours}.convs.{conv}"), &conv_name, &norm_name);
            }
            rules.sequence(&format!("{ours}.shortcut"), &format!("{theirs}.downsample"));
            block += 1;
        }
    }
}

/// torchvision `resnet34` and `resnet50`: up to conv4.
fn torchvision_trunk(rules: &mut Rules) {
    trunk(rules, ["conv1", "bn1"], ["layer1", "layer2", "layer3"]);
    rules.ignore("layer4.");
    rules.ignore("fc.");
}

/// NVIDIA's SSD300 on ResNet-50 or ResNet-34, `ssd/model.py`: the trunk is a sequence of torchvision's parts, and in
/// the heads' channels the boxes of a cell are innermost.
fn nvidia(rules: &mut Rules) {
    let part = |index: usize| format!("feature_extractor.feature_extractor.{index}");
    let [stem, norm, conv2, conv3, conv4] = [0, 1, 4, 5, 6].map(part);
    trunk(rules, [&stem, &norm], [&conv2, &conv3, &conv4]);
    for index in 0..5 {
        for (half, place) in [(0, 0), (1, 3)] {
            let [conv, norm] = [place, place + 1].map(|place| format!("additional_blocks.{index}.{place}"));
            rules.unit(&format!("backbone.extras.{}", 2 * index + half), &conv, &norm);
        }
    }
    for (level, boxes) in rules.boxes().into_iter().enumerate() {
        let order = Order::BoxInnermost { boxes };
        rules.head(&format!("heads.{level}.offsets.conv"), &format!("loc.{level}"), order);
        rules.head(&format!("heads.{level}.logits.conv"), &format!("conf.{level}"), order);
    }
}
