//! Charts of measurements: the curves of a training, precision over recall, and which class is mistaken for which.
//!
//! Measures nothing. A picture depends on its arguments alone; the font is built in.

pub mod confusion;
pub mod curves;
mod lines;
pub mod precision_recall;
mod sheet;

use std::convert::Infallible;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{ImageFormat, RgbImage};
use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use ssd_data::{WriteError, write_atomic};

use self::sheet::{FONT, Sheet, text_width};

/// Colour of text and axes.
pub(crate) const INK: RGBColor = RGBColor(34, 34, 34);

/// A part of a sheet.
pub(crate) type Area<'a> = DrawingArea<Sheet<'a>, Shift>;
pub(crate) type DrawError = DrawingAreaErrorKind<Infallible>;
pub(crate) type DrawResult = Result<(), DrawError>;

/// A chart that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// The metrics of a run cannot be read.
    #[error("{0} does not open: {1}; a run writes it into its --out folder.")]
    Metrics(PathBuf, #[source] std::io::Error),
    /// The drawing library failed.
    #[error("The picture cannot be drawn: {0}; the measurements are unaffected.")]
    Draw(String),
    /// It was drawn but not written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// A white picture of a size in pixels, drawn on by `draw`.
pub(crate) fn drawn(size_px: (u32, u32), draw: impl FnOnce(&Area) -> DrawResult) -> Result<RgbImage, ChartError> {
    // For plotters' own legend, which measures text before drawing it. It gives no reason when it refuses a font.
    register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_| ChartError::Draw("the built-in font was refused".to_owned()))?;
    let mut picture = RgbImage::new(size_px.0, size_px.1);
    let root = Sheet::new(&mut picture).into_drawing_area();
    let result = root.fill(&WHITE).and_then(|()| draw(&root));
    drop(root);
    result.map_err(|e| ChartError::Draw(e.to_string()))?;
    Ok(picture)
}

/// Writes a picture as PNG, whole or not at all.
pub(crate) fn write_png(path: &Path, picture: &RgbImage) -> Result<(), ChartError> {
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).map_err(|e| ChartError::Draw(e.to_string()))?;
    write_atomic(path, png.get_ref())?;
    Ok(())
}

/// A line of text anchored at its left end, middle or right end, and vertically centred.
fn write_text(area: &Area, text: &str, at: (i32, i32), size_px: u32, color: &impl Color, from: HPos) -> DrawResult {
    let style = (FONT, size_px).into_font().color(color).pos(Pos::new(from, VPos::Center));
    area.draw_text(text, &style, at)
}

/// A text cut to fit, ending in an ellipsis.
fn shortened(text: &str, size_px: u32, max_width_px: u32) -> String {
    // Names of a thousand letters are cut first: a hundred are already too long for any picture.
    let mut kept: Vec<char> = text.chars().take(100).collect();
    let mut short: String = kept.iter().collect();
    while text_width(&short, size_px) > max_width_px && kept.pop().is_some() {
        short = kept.iter().chain(&['…']).collect();
    }
    short
}
