//! The links and the whole chain: boxes stay on their pixels, and the window shows what copies would.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use image::{Rgb, RgbImage};
use rand::RngExt;
use ssd::CornerBox;
use ssd::preprocess::{Normalization, preprocess_rgb};

use super::*;
use crate::seeded::seeded;

/// Width and height of [`marked`].
pub const MARKED_PX: (u32, u32) = (200, 160);

/// A black picture with two painted boxes, told apart by colour: the first is red, the second green.
pub fn marked() -> (RgbImage, Vec<GroundTruth>) {
    let (width, height) = MARKED_PX;
    let boxes = [([20, 30, 70, 90], Rgb([255, 0, 0])), ([110, 50, 190, 150], Rgb([0, 255, 0]))];
    let mut image = RgbImage::new(width, height);
    let mut truths = Vec::new();
    for (i, ([x1, y1, x2, y2], color)) in boxes.into_iter().enumerate() {
        for (x, y) in (y1..y2).flat_map(|y| (x1..x2).map(move |x| (x, y))) {
            image.put_pixel(x, y, color);
        }
        let bbox_px = CornerBox::new(x1 as f32, y1 as f32, x2 as f32, y2 as f32);
        let bbox = bbox_px.scaled(1.0 / width as f32, 1.0 / height as f32);
        truths.push(GroundTruth { bbox, class: i + 1, difficult: i == 1 });
    }
    (image, truths)
}

/// The tight box, in pixels, around a class's colour in planes `[3, height, width]` of `0..=255`.
pub fn found(planes: &[f32], width: usize, class: usize) -> Option<CornerBox> {
    let plane = planes.len() / 3;
    let shown = (0..plane).filter(|i| {
        let [own, other, blue] = [class - 1, 2 - class, 2].map(|c| planes[c * plane + i]);
        own > 127.5 && other < 100.0 && blue < 100.0
    });
    shown.fold(None, |b, i| {
        let (x1, y1) = ((i % width) as f32, (i / width) as f32);
        let b = b.unwrap_or(CornerBox::new(x1, y1, x1, y1));
        Some(CornerBox::new(b.x1.min(x1), b.y1.min(y1), b.x2.max(x1 + 1.0), b.y2.max(y1 + 1.0)))
    })
}

/// Normalisation without effect.
const PLAIN: Normalization = Normalization { mean: [0.0; 3], std: [1.0; 3] };

/// A chain without links.
fn nothing() -> AugmentConfig {
    AugmentConfig {
        photometric: Photometric::none(),
        expand: Expand { probability: 0.0, ..Expand::default() },
        crop: Crop::none(),
        flip: Flip { probability: 0.0 },
        ..AugmentConfig::default()
    }
}

/// Each link alone, and all of them; without photometric changes, so that the marks can be found again.
fn chains() -> Vec<(&'static str, AugmentConfig)> {
    let all = AugmentConfig { photometric: Photometric::none(), ..AugmentConfig::default() };
    vec![
        ("expand", AugmentConfig { expand: Expand { probability: 1.0, ..Expand::default() }, ..nothing() }),
        ("crop", AugmentConfig { crop: Crop::default(), ..nothing() }),
        ("flip", AugmentConfig { flip: Flip { probability: 1.0 }, ..nothing() }),
        ("all", all),
    ]
}

fn assert_near(a: CornerBox, b: CornerBox, bound: f32, what: &str) {
    let off = [a.x1 - b.x1, a.y1 - b.y1, a.x2 - b.x2, a.y2 - b.y2];
    assert!(off.iter().all(|d| d.abs() <= bound), "{what}: box {a:?}, pixels {b:?}");
}

#[test]
fn boxes_stay_on_their_pixels_through_each_link_and_all_of_them() {
    let (image, truths) = marked();
    for (name, config) in chains() {
        let mut kept = 0;
        for index in 0..150 {
            let what = format!("{name} {index}");
            let rng = || seeded(&[1, index]);
            // The view in its own size: pixel for pixel, so boxes fit exactly.
            let drawn = Augmentation::draw(MARKED_PX, &truths, &config, &mut rng());
            let copied = reference::augment(&image, &truths, &config, &mut rng());
            let (width, height) = drawn.view.size_px();
            assert_eq!(copied.image.dimensions(), (width, height), "{what}");
            let planes = planes_of(&copied.image);
            let seen = drawn.truths(300);
            assert!(!seen.is_empty(), "{what}: all objects are lost");
            for truth in seen {
                assert!(truth.bbox.is_proper() && truth.bbox == truth.bbox.clipped(), "{what}: {truth:?}");
                assert_eq!(truth.difficult, truth.class == 2, "{what}: the flag moved to another object");
                let pixels = found(&planes, width as usize, truth.class).unwrap();
                assert_near(truth.bbox.scaled(width as f32, height as f32), pixels, 0.01, &what);
                kept += 1;
            }
        }
        assert!(kept >= 180, "{name}: only {kept} boxes of 300 were kept");
    }
}

/// A picture as `[3, height, width]`.
fn planes_of(image: &RgbImage) -> Vec<f32> {
    (0..3).flat_map(|c| image.pixels().map(move |pixel| f32::from(pixel[c]))).collect()
}

#[test]
fn the_window_shows_to_the_bit_what_copies_of_the_picture_would() {
    let always = AugmentConfig {
        photometric: Photometric { channel_swap: 0.5, ..Photometric::default() },
        expand: Expand { probability: 0.7, max_ratio: 5.0, fill: [7, 130, 250] },
        ..AugmentConfig::default()
    };
    for index in 0..400 {
        let dice = &mut seeded(&[3, index]);
        let (width, height) = (dice.random_range(1..90), dice.random_range(1..90));
        let image = RgbImage::from_fn(width, height, |_, _| Rgb([0; 3].map(|_: u8| dice.random::<u8>())));
        let input_size = [1, 20, 64][index as usize % 3];
        let spec = Preprocess { input_size, normalization: Normalization::CAFFE };
        let (_, truths) = marked();
        let truths = if index % 4 == 0 { Vec::new() } else { truths };

        let drawn = Augmentation::draw((width, height), &truths, &always, &mut seeded(&[4, index]));
        let copied = reference::augment(&image, &truths, &always, &mut seeded(&[4, index]));
        let (w, h) = copied.image.dimensions();
        assert_eq!(drawn.view.size_px(), (w, h));
        assert_eq!(drawn.view.truths_px, copied.truths_px);
        let expected = preprocess_rgb(copied.image.as_raw(), w as usize, h as usize, &spec);
        assert!(drawn.pixels(&image, &spec) == expected, "picture {index}: {width}x{height}, seen as {w}x{h}");
    }
}

#[test]
fn links_in_another_order_compose_as_well() {
    let (image, truths) = marked();
    let mut view = View::whole(MARKED_PX, &truths);
    view.flip();
    view.expand(expand::Placement { left: 30, top: 10, canvas_px: (300, 240) }, [9; 3]);
    view.crop(crop::Patch { x: 20, y: 5, width: 150, height: 150 });
    view.flip();
    view.crop(crop::Patch { x: 0, y: 0, width: 150, height: 150 });
    let planes = view.pixels(&image, &Change::NONE, (150, 150), &PLAIN);
    assert_eq!(view.truths_px.len(), 1, "the centre of the red box is outside");
    // The green box, 110..190 by 50..150: mirrored 10..90, moved by 10 and 5, mirrored again, cut at the lower edge.
    let bbox_px = view.truths_px[0].bbox;
    assert_eq!(bbox_px, CornerBox::new(50.0, 55.0, 130.0, 150.0));
    assert_eq!(found(&planes, 150, 2), Some(bbox_px));
}

#[test]
fn what_is_too_small_for_the_network_is_left_out() {
    let truth =
        |w: f32, h: f32| GroundTruth { bbox: CornerBox::new(0.5, 0.5, 0.5 + w, 0.5 + h), class: 1, difficult: false };
    let truths = [truth(0.25, 0.25), truth(0.25, 0.0625), truth(0.0625, 0.25), truth(0.125, 0.125)];
    let drawn = |min_side_px| {
        let config = AugmentConfig { min_side_px, ..nothing() };
        Augmentation::draw((64, 64), &truths, &config, &mut seeded(&[0])).truths(8)
    };
    assert_eq!(drawn(1.0), [truths[0], truths[3]], "an eighth of eight pixels is one, and stays");
    assert_eq!(drawn(0.0), truths);
    assert!(drawn(3.0).is_empty());
}

#[test]
fn same_seed_gives_same_picture_and_another_seed_another() {
    let (image, truths) = marked();
    let spec = Preprocess { input_size: 30, normalization: PLAIN };
    let run = |seed| {
        let drawn = Augmentation::draw(MARKED_PX, &truths, &AugmentConfig::default(), &mut seeded(&[seed]));
        (drawn.pixels(&image, &spec), drawn.truths(30))
    };
    assert_eq!(run(3), run(3));
    assert!((0..10).any(|seed| run(seed) != run(3)));
}

#[test]
fn pictures_without_objects_and_of_one_pixel_go_through() {
    let spec = Preprocess { input_size: 5, normalization: PLAIN };
    for index in 0..100 {
        let config = AugmentConfig::default();
        let drawn = Augmentation::draw((1, 1), &[], &config, &mut seeded(&[2, index]));
        assert_eq!(drawn.pixels(&RgbImage::new(1, 1), &spec).len(), 75);
        assert!(drawn.truths(5).is_empty());
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused_in_a_sentence() {
    let cases = [
        (r#"{"photometric": {"probability": 1.5}}"#, "photometric.probability is 1.5; it has to be a probability"),
        (r#"{"photometric": {"brightness": -1}}"#, "photometric.brightness"),
        (r#"{"photometric": {"contrast": [1.5, 0.5]}}"#, "the smaller one first"),
        (r#"{"photometric": {"saturation": [-1, 0.5]}}"#, "photometric.saturation"),
        (r#"{"photometric": {"hue_deg": 360}}"#, "photometric.hue_deg is 360.0; it has to be a number from 0 to 180"),
        (r#"{"photometric": {"channel_swap": -0.1}}"#, "photometric.channel_swap"),
        (r#"{"expand": {"probability": 2}}"#, "expand.probability"),
        (r#"{"expand": {"max_ratio": 0.5}}"#, "expand.max_ratio"),
        (r#"{"expand": {"max_ratio": 1e9}}"#, "expand.max_ratio"),
        (r#"{"crop": {"min_ious": [0.5, 1.1]}}"#, "crop.min_ious is 1.1"),
        (r#"{"crop": {"scale": [0.0, 1.0]}}"#, "crop.scale"),
        (r#"{"crop": {"scale": [0.3, 1.5]}}"#, "crop.scale"),
        (r#"{"crop": {"aspect_ratio": [2.0, 3.0]}}"#, "crop.aspect_ratio"),
        (r#"{"crop": {"trials": 0}}"#, "crop.trials"),
        (r#"{"flip": {"probability": -1}}"#, "flip.probability"),
        (r#"{"mosaic": {"probability": 1.5}}"#, "mosaic.probability"),
        (r#"{"mosaic": {"center": [0.0, 0.5]}}"#, "mosaic.center"),
        (r#"{"mixup": {"probability": -1}}"#, "mixup.probability"),
        (r#"{"mixup": {"share": [0.6, 0.4]}}"#, "the smaller one first"),
        (r#"{"min_side_px": -1}"#, "min_side_px"),
    ];
    for (json, part) in cases {
        let config: AugmentConfig = serde_json::from_str(json).unwrap();
        let message = config.checked().unwrap_err().to_string();
        assert!(message.contains(part) && message.ends_with('.'), "{json}: {message}");
    }
    assert_eq!(AugmentConfig::default().checked(), Ok(AugmentConfig::default()));
    assert_eq!(nothing().checked(), Ok(nothing()));
    assert!(serde_json::from_str::<AugmentConfig>(r#"{"flips": {}}"#).is_err(), "an unknown name is refused");
}
