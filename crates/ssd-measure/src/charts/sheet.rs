//! The canvas that plotters draws on here: an [`RgbImage`], with properly set text.
//!
//! plotters' own bitmap ignores the space to the left of each letter and rounds positions to whole pixels, so that
//! small words run together. Here letters are placed by fractions of a pixel, and a line's middle is that of its
//! capitals. Lines, circles and areas are plotters' own.

use std::convert::Infallible;

use ab_glyph::{Font, FontRef, Glyph, OutlinedGlyph, PxScale, ScaleFont, point};
use image::RgbImage;
use plotters::prelude::DrawingBackend;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, DrawingErrorKind};

/// The name of the built-in font.
pub(crate) const FONT: &str = "sans-serif";

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// Line height for a font size, as plotters takes it: charts are laid out with this.
const LINE_HEIGHT: f64 = 1.0 / 1.24;
/// Height of the font's capitals for a font size.
const CAPITALS: f32 = 0.62;

/// A picture being drawn.
pub(crate) struct Sheet<'p> {
    picture: &'p mut RgbImage,
    font: FontRef<'static>,
}

impl<'p> Sheet<'p> {
    /// Draws into `picture`, over its contents.
    pub fn new(picture: &'p mut RgbImage) -> Self {
        Self { picture, font: font() }
    }
}

impl DrawingBackend for Sheet<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.picture.dimensions()
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return Ok(()) };
        if let Some(pixel) = self.picture.get_pixel_mut_checked(x, y) {
            let (r, g, b) = color.rgb;
            for (old, new) in pixel.0.iter_mut().zip([r, g, b]) {
                let mixed = f64::from(*old) + (f64::from(new) - f64::from(*old)) * color.alpha.clamp(0.0, 1.0);
                *old = mixed.round() as u8;
            }
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let line = Line::new(&self.font, text, style.size() as f32);
        let (width, height) = (line.width_px, style.size() * LINE_HEIGHT);
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Right => -width,
            HPos::Center => -width / 2.0,
        };
        let top = match style.anchor().v_pos {
            VPos::Top => 0.0,
            VPos::Center => -height / 2.0,
            VPos::Bottom => -height,
        };
        let baseline = top + height / 2.0 + f64::from(CAPITALS) * style.size() / 2.0;
        let (left, baseline) = (left.round() as i32, baseline.round() as i32);
        let (color, turn) = (style.color(), style.transform());
        for glyph in &line.glyphs {
            let bounds = glyph.px_bounds();
            let (x0, y0) = (left + bounds.min.x as i32, baseline + bounds.min.y as i32);
            glyph.draw(|dx, dy, coverage| {
                let (x, y) = turn.transform(x0 + dx as i32, y0 + dy as i32);
                let color = BackendColor { alpha: color.alpha * f64::from(coverage), ..color };
                // Pixels outside the picture are ignored: this cannot fail.
                let _ = self.draw_pixel((at.0 + x, at.1 + y), color);
            });
        }
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let line = Line::new(&self.font, text, style.size() as f32);
        Ok((line.width_px.ceil() as u32, (style.size() * LINE_HEIGHT).ceil() as u32))
    }
}

/// Width of a line of text, in pixels.
pub(crate) fn text_width(text: &str, size_px: u32) -> u32 {
    Line::new(&font(), text, size_px as f32).width_px.ceil() as u32
}

/// The font is compiled in and the tests draw with it: no input can make this fail.
fn font() -> FontRef<'static> {
    FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).expect("the built-in font is valid")
}

/// A line of text as outlines, from the origin to the right, the baseline at 0.
struct Line {
    glyphs: Vec<OutlinedGlyph>,
    width_px: f64,
}

impl Line {
    fn new(font: &FontRef, text: &str, size_px: f32) -> Self {
        let scaled = font.as_scaled(PxScale::from(size_px));
        let (mut glyphs, mut x, mut before) = (Vec::new(), 0.0, None);
        for id in text.chars().map(|c| scaled.glyph_id(c)) {
            x += before.map_or(0.0, |before| scaled.kern(before, id));
            let glyph = Glyph { id, scale: PxScale::from(size_px), position: point(x, 0.0) };
            glyphs.extend(scaled.outline_glyph(glyph));
            x += scaled.h_advance(id);
            before = Some(id);
        }
        Self { glyphs, width_px: f64::from(x) }
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use plotters::prelude::*;
    use plotters::style::text_anchor::Pos;

    use super::*;

    /// Left, upper, right and lower end of all ink, the last two exclusive.
    fn ink(text: &str, turn: FontTransform, pos: Pos) -> [u32; 4] {
        let mut picture = RgbImage::from_pixel(200, 200, Rgb([255; 3]));
        let area = Sheet::new(&mut picture).into_drawing_area();
        let style = (FONT, 20).into_font().transform(turn).color(&BLACK).pos(pos);
        area.draw_text(text, &style, (100, 100)).expect("it is drawn");
        drop(area);
        let dark = || picture.enumerate_pixels().filter(|(.., p)| p.0[0] < 128);
        let ends = |at: &dyn Fn(u32, u32) -> u32| {
            let places = dark().map(|(x, y, _)| at(x, y));
            places.fold((u32::MAX, 0), |(low, high), v| (low.min(v), high.max(v + 1)))
        };
        let ((left, right), (top, bottom)) = (ends(&|x, _| x), ends(&|_, y| y));
        [left, top, right, bottom]
    }

    #[test]
    fn text_lies_where_its_anchor_says() {
        let middle = Pos::new(HPos::Center, VPos::Center);
        let [left, top, right, bottom] = ink("HHHH", FontTransform::None, middle);
        assert!(
            (left + right).abs_diff(200) <= 2 && (top + bottom).abs_diff(200) <= 2,
            "{left} {top} {right} {bottom}"
        );
        // Rotated: width becomes height.
        let [up_left, up_top, up_right, up_bottom] = ink("HHHH", FontTransform::Rotate270, middle);
        assert_eq!((up_right - up_left, up_bottom - up_top), (bottom - top, right - left));
        let [left, ..] = ink("HHHH", FontTransform::None, Pos::new(HPos::Left, VPos::Center));
        let [_, _, right, _] = ink("HHHH", FontTransform::None, Pos::new(HPos::Right, VPos::Center));
        assert!((100..104).contains(&left) && (97..=100).contains(&right), "{left} {right}");
    }

    #[test]
    fn what_extends_beyond_the_picture_is_cut() {
        let mut picture = RgbImage::from_pixel(3, 3, Rgb([255; 3]));
        let area = Sheet::new(&mut picture).into_drawing_area();
        area.draw(&PathElement::new([(-50, 1), (50, 1)], BLACK)).expect("it is drawn");
        area.draw_text("far too long, 猫", &(FONT, 30).into_font().into(), (-9, -9)).expect("it is drawn");
        drop(area);
        assert_eq!(picture.get_pixel(2, 1), &Rgb([0; 3]));
        assert_eq!((text_width("", 16), text_width("ii", 16) < text_width("mm", 16)), (0, true));
    }
}
