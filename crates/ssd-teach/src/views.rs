//! Views of a picture: the whole, its mirror image, and crops, some of them mirrored.
//!
//! Colours stay: features of recoloured pictures were not worth their time.

use ssd::GroundTruth;
use ssd_data::augment::{AugmentConfig, Augmentation, Crop, Expand, Flip, Photometric};
use ssd_data::seeded::seeded;

/// The views of picture number `picture`, of this size in pixels and with these objects, the whole first.
pub fn views(
    size_px: (u32, u32),
    truths: &[GroundTruth],
    crops: usize,
    [seed, picture]: [u64; 2],
) -> Vec<Augmentation> {
    let views = [(Crop::none(), 0.0), (Crop::none(), 1.0)].into_iter();
    let views = views.chain((0..crops).map(|_| (Crop::default(), 0.5)));
    let drawn = views.enumerate().map(|(view, (crop, mirrored))| {
        let config = AugmentConfig {
            photometric: Photometric::none(),
            expand: Expand { probability: 0.0, ..Expand::default() },
            crop,
            flip: Flip { probability: mirrored },
            ..AugmentConfig::default()
        };
        Augmentation::draw(size_px, truths, &config, &mut seeded(&[seed, picture, view as u64]))
    });
    drawn.collect()
}

#[cfg(test)]
mod tests {
    use ssd::CornerBox;

    use super::*;

    fn truth() -> GroundTruth {
        GroundTruth { bbox: CornerBox::new(0.1, 0.2, 0.3, 0.8), class: 1, difficult: false }
    }

    #[test]
    fn the_whole_comes_first_then_its_mirror_image() {
        let views = views((200, 100), &[truth()], 3, [1, 2]);
        assert_eq!(views.len(), 5);
        let boxes: Vec<CornerBox> = views[..2].iter().map(|view| view.truths(300)[0].bbox).collect();
        let near =
            |a: CornerBox, b: [f32; 4]| [a.x1, a.y1, a.x2, a.y2].iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(near(boxes[0], [0.1, 0.2, 0.3, 0.8]) && near(boxes[1], [0.7, 0.2, 0.9, 0.8]), "{boxes:?}");
    }

    #[test]
    fn crops_follow_from_the_seed_and_the_picture() {
        let drawn = |seeds| views((200, 100), &[truth()], 4, seeds);
        assert_eq!(drawn([1, 2]), drawn([1, 2]));
        assert_ne!(drawn([1, 2]), drawn([1, 3]));
        assert_ne!(drawn([1, 2]), drawn([2, 2]));
    }

    #[test]
    fn an_empty_picture_has_as_many_views() {
        let views = views((64, 64), &[], 4, [0, 0]);
        assert!(views.len() == 6 && views.iter().all(|view| view.truths(300).is_empty()));
    }
}
