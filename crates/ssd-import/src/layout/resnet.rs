//! Layouts of detectors and trunks on ResNet.

use ssd::Arch;
use ssd::arch::Depth;

use super::rules::{Rows, Rules};

/// Names of conv1, its norm and conv2 to conv4.
fn trunk(rules: &mut Rules, stem: [&str; 2], stages: [&str; 3]) {
    rules.unit("backbone.stem", stem[0], stem[1]);
    let mut block = 0;
    for (stage, count) in stages.into_iter().zip(Depth::BLOCKS) {
        for index in 0..count {
            let theirs = format!("{stage}.{index}");
            let ours = format!("backbone.blocks.{block}");
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
pub(super) fn torchvision_trunk(rules: &mut Rules) {
    trunk(rules, ["conv1", "bn1"], ["layer1", "layer2", "layer3"]);
    rules.ignore("layer4.");
    rules.ignore("fc.");
}

/// NVIDIA's SSD300, `ssd/model.py`: the trunk is a sequence of torchvision's parts, and the heads' channels are box by box innermost.
pub(super) fn nvidia(rules: &mut Rules, arch: Arch) {
    let part = |index: usize| format!("feature_extractor.feature_extractor.{index}");
    let [stem, norm, conv2, conv3, conv4] = [0, 1, 4, 5, 6].map(part);
    trunk(rules, [&stem, &norm], [&conv2, &conv3, &conv4]);
    for index in 0..5 {
        for (half, place) in [(0, 0), (1, 3)] {
            let [conv, norm] = [place, place + 1].map(|place| format!("additional_blocks.{index}.{place}"));
            rules.unit(&format!("backbone.extras.{}", 2 * index + half), &conv, &norm);
        }
    }
    for (level, map) in arch.feature_maps().iter().enumerate() {
        let rows = Rows::BoxInnermost { boxes: map.boxes_per_cell() };
        rules.head(&format!("heads.{level}.offsets.conv"), &format!("loc.{level}"), rows);
        rules.head(&format!("heads.{level}.logits.conv"), &format!("conf.{level}"), rows);
    }
}
