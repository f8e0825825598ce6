//! Draws boxes and their labels into a picture, for `detect --annotate` and `train --show-batch`.
//!
//! Chooses no boxes and writes no files. The result depends on the arguments alone; the font is built in.
//!
//! Palette: class `c` has the colour `hsl(c * 137.508deg, 75%, 50%)`. The golden angle keeps neighbouring classes far
//! apart in hue, however many there are; the page takes its hues by the same angle. Text is black or white, whichever
//! contrasts more (WCAG 2 relative luminance).

use ab_glyph::{Font, FontRef, Glyph, GlyphId, OutlinedGlyph, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};
use ssd::CornerBox;

/// Step of the hue from one class to the next, in degrees.
const GOLDEN_ANGLE_DEG: f32 = 137.508;
/// Ends a label that was cut to fit into the picture.
const ELLIPSIS: char = '…';

/// A box and the text at its upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// Position, in pixels of the picture.
    pub bbox_px: CornerBox,
    /// The label; empty for an outline alone.
    pub text: String,
    /// The 1-based class, which selects the colour.
    pub class: usize,
}

/// The colour of a class, by the palette above.
pub fn class_color(class: usize) -> Rgb<u8> {
    let hue_deg = (class as f32 * GOLDEN_ANGLE_DEG).rem_euclid(360.0);
    rgb_from_hsl(hue_deg, 0.75, 0.5)
}

/// Draws the outline and the label of each box. Parts outside the picture are left out; labels are moved inside.
///
/// The first box is drawn on top, so a best-first list stays readable. Labels lie above all outlines.
pub fn annotate(image: &mut RgbImage, boxes: &[Labelled]) {
    let short_side = image.width().min(image.height()) as f32;
    let line_px = (short_side / 200.0).round().clamp(2.0, 8.0) as i64;
    let font_px = (short_side / 26.0).clamp(13.0, 40.0);

    for labelled in boxes.iter().rev() {
        draw_outline(image, labelled, line_px);
    }
    for labelled in boxes.iter().rev().filter(|labelled| !labelled.text.is_empty()) {
        draw_label(image, labelled, font_px, line_px);
    }
}

/// Four bars inside the box, `line_px` thick.
fn draw_outline(image: &mut RgbImage, labelled: &Labelled, line_px: i64) {
    let color = class_color(labelled.class);
    let b = labelled.bbox_px;
    // At least one pixel each way, so that the smallest box is visible. NaN becomes 0.
    let (x1, y1) = (b.x1.round() as i64, b.y1.round() as i64);
    let (x2, y2) = ((b.x2.round() as i64).max(x1 + 1), (b.y2.round() as i64).max(y1 + 1));
    fill(image, [x1, y1, x2, (y1 + line_px).min(y2)], color);
    fill(image, [x1, (y2 - line_px).max(y1), x2, y2], color);
    fill(image, [x1, y1, (x1 + line_px).min(x2), y2], color);
    fill(image, [(x2 - line_px).max(x1), y1, x2, y2], color);
}

/// The text on a bar of the class's colour: above the box where there is room, else inside its upper edge.
fn draw_label(image: &mut RgbImage, labelled: &Labelled, font_px: f32, line_px: i64) {
    let pad_px = (font_px * 0.3).round() as i64;
    let (image_w, image_h) = (i64::from(image.width()), i64::from(image.height()));
    let text = laid_out(&labelled.text, font_px, (image_w - 2 * pad_px) as f32);
    let (w, h) = (text.width_px.ceil() as i64 + 2 * pad_px, text.height_px.ceil() as i64 + pad_px);

    let x = (labelled.bbox_px.x1.round() as i64).min(image_w - w).max(0);
    let box_y = labelled.bbox_px.y1.round() as i64;
    let y = if box_y >= h { box_y - h } else { box_y.max(0) + line_px };
    let y = y.min(image_h - h).max(0);

    let background = class_color(labelled.class);
    let ink = readable_ink(background);
    fill(image, [x, y, x + w, y + h], background);
    for glyph in &text.glyphs {
        let bounds = glyph.px_bounds();
        let (left, top) = (x + pad_px + bounds.min.x as i64, y + pad_px / 2 + bounds.min.y as i64);
        glyph.draw(|dx, dy, coverage| blend(image, left + i64::from(dx), top + i64::from(dy), ink, coverage));
    }
}

/// A line of text as outlines, its upper left corner at the origin.
struct LaidOut {
    glyphs: Vec<OutlinedGlyph>,
    width_px: f32,
    height_px: f32,
}

/// Lays out the characters side by side, cut with an ellipsis at `max_width_px`.
fn laid_out(text: &str, font_px: f32, max_width_px: f32) -> LaidOut {
    // The font is compiled in and the tests draw with it: no input can make this fail.
    let font = FontRef::try_from_slice(epaint_default_fonts::HACK_REGULAR).expect("the built-in font is valid");
    let scaled = font.as_scaled(PxScale::from(font_px));
    let advance = |c: char| scaled.h_advance(scaled.glyph_id(c));

    let whole: f32 = text.chars().map(advance).sum();
    let mut shown: Vec<char> = text.chars().collect();
    if whole > max_width_px {
        let mut used = advance(ELLIPSIS);
        let kept = text.chars().take_while(|&c| {
            used += advance(c);
            used <= max_width_px
        });
        shown = kept.chain([ELLIPSIS]).collect();
    }

    let mut glyphs = Vec::new();
    let mut x = 0.0;
    for c in shown {
        let id: GlyphId = scaled.glyph_id(c);
        let glyph = Glyph { id, scale: PxScale::from(font_px), position: point(x, scaled.ascent()) };
        glyphs.extend(scaled.outline_glyph(glyph));
        x += scaled.h_advance(id);
    }
    LaidOut { glyphs, width_px: x, height_px: scaled.height() }
}

/// Paints `[x1, y1, x2, y2)`, clipped to the picture.
fn fill(image: &mut RgbImage, [x1, y1, x2, y2]: [i64; 4], color: Rgb<u8>) {
    let (w, h) = (i64::from(image.width()), i64::from(image.height()));
    for y in y1.clamp(0, h)..y2.clamp(0, h) {
        for x in x1.clamp(0, w)..x2.clamp(0, w) {
            image.put_pixel(x as u32, y as u32, color);
        }
    }
}

/// Blends `ink` into one pixel by its coverage, `0..=1`; pixels outside the picture are ignored.
fn blend(image: &mut RgbImage, x: i64, y: i64, ink: Rgb<u8>, coverage: f32) {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
    let Some(pixel) = image.get_pixel_mut_checked(x, y) else { return };
    for (old, new) in pixel.0.iter_mut().zip(ink.0) {
        *old = (f32::from(*old) + (f32::from(new) - f32::from(*old)) * coverage.clamp(0.0, 1.0)).round() as u8;
    }
}

/// Black or white, whichever contrasts more with the background.
fn readable_ink(background: Rgb<u8>) -> Rgb<u8> {
    let [r, g, b] = background.0.map(|v| {
        let v = f32::from(v) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    });
    let luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    // Where the two contrast ratios, (L + .05) / .05 and 1.05 / (L + .05), are equal.
    if luminance > 0.179 { Rgb([0, 0, 0]) } else { Rgb([255, 255, 255]) }
}

/// CSS `hsl()` with saturation and lightness in `0..=1`.
fn rgb_from_hsl(hue_deg: f32, saturation: f32, lightness: f32) -> Rgb<u8> {
    let amplitude = saturation * lightness.min(1.0 - lightness);
    let channel = |n: f32| {
        let k = (n + hue_deg / 30.0).rem_euclid(12.0);
        let value = lightness - amplitude * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (value * 255.0).round() as u8
    };
    Rgb([channel(0.0), channel(8.0), channel(4.0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREY: Rgb<u8> = Rgb([90, 90, 90]);

    #[test]
    fn palette_is_the_css_rule() {
        // hsl(0 75% 50%) and hsl(137.508 75% 50%), as CSS defines them.
        assert_eq!(class_color(0), Rgb([223, 32, 32]));
        assert_eq!(class_color(1), Rgb([32, 223, 88]));
    }

    #[test]
    fn an_outline_marks_the_edges_and_leaves_the_inside() {
        let mut image = RgbImage::from_pixel(100, 80, GREY);
        let bbox_px = CornerBox::new(10.0, 20.0, 60.0, 70.0);
        annotate(&mut image, &[Labelled { bbox_px, text: String::new(), class: 3 }]);
        for (x, y) in [(10, 20), (59, 69), (35, 20), (10, 40), (59, 40), (35, 69)] {
            assert_eq!(*image.get_pixel(x, y), class_color(3), "edge at {x}, {y}");
        }
        for (x, y) in [(9, 20), (60, 40), (35, 70), (35, 45), (13, 23)] {
            assert_eq!(*image.get_pixel(x, y), GREY, "not an edge at {x}, {y}");
        }
    }

    #[test]
    fn labels_stay_inside_whatever_the_box() {
        // Boxes in corners, beyond the picture and of NaNs; pictures smaller than any text.
        let nan = f32::NAN;
        let boxes =
            [[0.0, 0.0, 5.0, 5.0], [95.0, 75.0, 100.0, 80.0], [-50.0, -50.0, 500.0, 500.0], [nan, nan, nan, nan]];
        for (w, h) in [(100, 80), (3, 3), (400, 14)] {
            for [x1, y1, x2, y2] in boxes {
                let mut image = RgbImage::from_pixel(w, h, GREY);
                let bbox_px = CornerBox::new(x1, y1, x2, y2);
                annotate(&mut image, &[Labelled { bbox_px, text: "a rather long label 99%".into(), class: 1 }]);
                assert!(image.pixels().any(|p| *p != GREY), "{w}x{h}, box {bbox_px:?}");
            }
        }
        // At the right edge the label is moved, not cut: there is as much ink as at the left edge.
        let ink = |x: f32| {
            let mut image = RgbImage::from_pixel(200, 80, GREY);
            let bbox_px = CornerBox::new(x, 40.0, x + 4.0, 60.0);
            annotate(&mut image, &[Labelled { bbox_px, text: "dog 97%".into(), class: 1 }]);
            image.pixels().filter(|p| p.0.iter().all(|&v| v < 80)).count()
        };
        assert!(ink(0.0) > 0);
        assert_eq!(ink(0.0), ink(196.0));
    }
}
