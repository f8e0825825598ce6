//! Layouts of detectors and trunks on VGG16. All name the convolutions by their places in the same sequence.

use super::rules::{Rows, Rules};

/// Places of conv1_1 to conv5_3 in VGG16's sequence of convolutions, ReLUs and poolings.
const CONVS: [usize; 13] = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28];
/// Places of fc6 and fc7, where they follow in the same sequence.
const FC6: usize = 31;
const FC7: usize = 33;
/// Convolutions of the extras and feature maps, of the largest variant.
const EXTRAS: usize = 10;
const LEVELS: usize = 7;

/// Names that differ from one maker to the other.
struct Names<'a> {
    /// Of the convolution at a place of the sequence, fc6 and fc7 among them.
    sequence: &'a dyn Fn(usize) -> String,
    /// Of the scale of the L2 normalisation.
    l2norm: &'a str,
    /// Of a convolution of the extras, counted from 0.
    extra: &'a dyn Fn(usize) -> String,
    /// Of the branches of a head.
    offsets: &'a str,
    logits: &'a str,
    /// What follows the number of a level there.
    end: &'a str,
    /// The order of the logits.
    classes: Rows,
}

fn detector(rules: &mut Rules, names: &Names<'_>) {
    trunk(rules, names.sequence);
    rules.tensor("backbone.l2norm.scale", names.l2norm, Rows::Ours);
    for index in 0..EXTRAS {
        rules.conv(&format!("backbone.extras.{index}.conv"), &(names.extra)(index));
    }
    for level in 0..LEVELS {
        let theirs = |branch: &str| format!("{branch}.{level}{}", names.end);
        rules.conv(&format!("heads.{level}.offsets.conv"), &theirs(names.offsets));
        rules.head(&format!("heads.{level}.logits.conv"), &theirs(names.logits), names.classes);
    }
}

fn trunk(rules: &mut Rules, sequence: &dyn Fn(usize) -> String) {
    for (index, place) in CONVS.into_iter().enumerate() {
        rules.conv(&format!("backbone.convs.{index}.conv"), &sequence(place));
    }
    rules.conv("backbone.fc6.conv", &sequence(FC6));
    rules.conv("backbone.fc7.conv", &sequence(FC7));
}

/// torchvision, `ssd.py`: the sequence is cut after conv4_3.
pub(super) fn torchvision(rules: &mut Rules) {
    let sequence = |place: usize| match place {
        FC6 => "backbone.extra.0.7.1".into(),
        FC7 => "backbone.extra.0.7.3".into(),
        // What follows begins with pool4, which has the place 23.
        24.. => format!("backbone.extra.0.{}", place - 23),
        _ => format!("backbone.features.{place}"),
    };
    let names = Names {
        sequence: &sequence,
        l2norm: "backbone.scale_weight",
        extra: &|index| format!("backbone.extra.{}.{}", index / 2 + 1, index % 2 * 2),
        offsets: "head.regression_head.module_list",
        logits: "head.classification_head.module_list",
        end: "",
        classes: Rows::Ours,
    };
    detector(rules, &names);
}

/// ssd.pytorch, `ssd.py`.
pub(super) fn amdegroot(rules: &mut Rules) {
    let names = Names {
        sequence: &|place| format!("vgg.{place}"),
        l2norm: "L2Norm.weight",
        extra: &|index| format!("extras.{index}"),
        offsets: "loc",
        logits: "conf",
        end: "",
        classes: Rows::Ours,
    };
    detector(rules, &names);
}

/// lufficc's SSD, `ssd/modeling/backbone/vgg.py` and `box_head/box_predictor.py`.
pub(super) fn lufficc(rules: &mut Rules) {
    let names = Names {
        sequence: &|place| format!("backbone.vgg.{place}"),
        l2norm: "backbone.l2_norm.weight",
        extra: &|index| format!("backbone.extras.{index}"),
        offsets: "box_head.predictor.reg_headers",
        logits: "box_head.predictor.cls_headers",
        end: "",
        classes: Rows::Ours,
    };
    detector(rules, &names);
}

/// mmdetection, `ssd_vgg.py`, `ssd_neck.py`, `ssd_head.py`.
pub(super) fn mmdetection(rules: &mut Rules, classes: usize) {
    let names = Names {
        sequence: &|place| format!("backbone.features.{place}"),
        l2norm: "neck.l2_norm.weight",
        extra: &|index| format!("neck.extra_layers.{}.{}.conv", index / 2, index % 2),
        offsets: "bbox_head.reg_convs",
        logits: "bbox_head.cls_convs",
        end: ".0",
        classes: Rows::BackgroundLast { classes },
    };
    detector(rules, &names);
}

/// pytorch-ssd, `vgg_ssd.py`: batch norm on conv4_3, in older files the L2 normalisation.
pub(super) fn qfgaohao(rules: &mut Rules) {
    let names = Names {
        sequence: &|place| format!("base_net.{place}"),
        l2norm: "source_layer_add_ons.0.scale",
        extra: &|index| format!("extras.{}.{}", index / 2, index % 2 * 2),
        offsets: "regression_headers",
        logits: "classification_headers",
        end: "",
        classes: Rows::Ours,
    };
    detector(rules, &names);
    rules.ones("backbone.source_norm.conv.weight");
    rules.norm("backbone.source_norm.norm", "source_layer_add_ons.0");
}

/// torchvision `vgg16`: conv1_1 to conv5_3. In the file of features alone the classifier is all NaN.
pub(super) fn torchvision_trunk(rules: &mut Rules) {
    for (index, place) in CONVS.into_iter().enumerate() {
        rules.conv(&format!("backbone.convs.{index}.conv"), &format!("features.{place}"));
    }
    rules.ignore("classifier.");
}

/// ssd.pytorch's `vgg16_reducedfc`: up to fc7.
pub(super) fn amdegroot_trunk(rules: &mut Rules) {
    trunk(rules, &|place| place.to_string());
}
