//! Sizes: whether a picture is the one that was annotated, and whether its annotator saw it turned.
//!
//! Where an annotation has a size, boxes refer to the picture of that size, as stored or as turned by its EXIF
//! orientation; any other picture is not the one annotated. Where it has none, or both sizes are equal, boxes refer to
//! the turned picture, as viewers show it, unless the sizes of other pictures of the set tell otherwise.

use image::metadata::Orientation;

use crate::images::Header;

/// Whether boxes refer to the picture as its EXIF orientation turns it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Turn {
    pub orientation: Orientation,
    /// `None` while nothing has told.
    pub decided: Option<bool>,
}

/// The size that an annotation gives, where it is one: tools write 0, -1 or nothing for an unknown one.
pub(super) fn known(width: Option<f64>, height: Option<f64>) -> Option<(f64, f64)> {
    let size = width.zip(height);
    size.filter(|(width, height)| width.is_finite() && height.is_finite() && *width >= 1.0 && *height >= 1.0)
}

/// The size of the picture that boxes refer to, and whether it is turned.
///
/// # Errors
/// A clause about the picture, which is not the one annotated.
pub(super) fn frame(header: &Header, written: Option<(f64, f64)>) -> Result<((u32, u32), Turn), String> {
    let (stored, upright) = (header.stored_px, header.upright_px());
    let turned = |decided| Turn { orientation: header.orientation, decided };
    let is = |(width, height): (u32, u32)| written == Some((f64::from(width), f64::from(height)));
    match written {
        None => Ok((upright, turned(if stored == upright { None } else { Some(true) }))),
        Some(_) if stored == upright && is(stored) => Ok((stored, turned(None))),
        Some(_) if is(upright) => Ok((upright, turned(Some(true)))),
        Some(_) if is(stored) => Ok((stored, turned(Some(false)))),
        Some((width, height)) => {
            let (own_width, own_height) = stored;
            Err(format!("it has {own_width} x {own_height} pixels, but its boxes are for {width} x {height}"))
        }
    }
}

/// Decides for the pictures of a set whose sizes do not tell, as for most of those whose sizes do. Returns a note.
pub(super) fn settle<'a>(pictures: impl Iterator<Item = &'a mut Turn>) -> Option<String> {
    let mut marked: Vec<_> = pictures.filter(|turn| turn.orientation != Orientation::NoTransforms).collect();
    let decided = |turned: bool| marked.iter().filter(|turn| turn.decided == Some(turned)).count();
    let most = decided(true) >= decided(false);
    marked.iter_mut().for_each(|turn| {
        turn.decided.get_or_insert(most);
    });
    let turned = marked.iter().filter(|turn| turn.decided == Some(true)).count();
    let stored = marked.len() - turned;
    let sentence = match (turned, stored) {
        (0, 0) => return None,
        (turned, 0) => format!("{turned} pictures are turned by their EXIF orientation, as viewers show them"),
        (0, stored) => format!("{stored} pictures have an EXIF orientation, but boxes for the picture as stored"),
        (turned, stored) => format!(
            "{turned} pictures are turned by their EXIF orientation, {stored} with such a mark are not, since their \
             boxes are for the picture as stored"
        ),
    };
    Some(sentence)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn header(stored_px: (u32, u32), orientation: Orientation) -> Header {
        Header { stored_px, orientation, cut_off: false }
    }

    #[test]
    fn the_size_of_the_annotation_tells_which_way_up_its_boxes_are() {
        let phone = header((40, 20), Orientation::Rotate90);
        let decided = |written| frame(&phone, written).map(|(size, turn)| (size, turn.decided));
        assert_eq!(decided(Some((20.0, 40.0))), Ok(((20, 40), Some(true))));
        assert_eq!(decided(Some((40.0, 20.0))), Ok(((40, 20), Some(false))));
        assert_eq!(decided(None), Ok(((20, 40), Some(true))), "as viewers do");
        assert!(decided(Some((80.0, 40.0))).unwrap_err().contains("boxes are for 80 x 40"));
        // Of a picture upside down, the size does not tell.
        let upside_down = header((40, 20), Orientation::Rotate180);
        assert_eq!(frame(&upside_down, Some((40.0, 20.0))).unwrap().1.decided, None);
        let plain = header((40, 20), Orientation::NoTransforms);
        assert!(frame(&plain, Some((20.0, 40.0))).is_err());
    }

    #[test]
    fn a_size_that_is_none_is_not_compared() {
        assert_eq!(known(Some(640.0), Some(480.0)), Some((640.0, 480.0)));
        for (width, height) in
            [(Some(0.0), Some(0.0)), (Some(-1.0), Some(480.0)), (None, Some(480.0)), (Some(f64::NAN), Some(1.0))]
        {
            assert_eq!(known(width, height), None, "{width:?} {height:?}");
        }
    }
}
