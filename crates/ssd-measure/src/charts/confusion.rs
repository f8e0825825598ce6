//! `eval --confusion`: which class is mistaken for which, as a square of cells.
//!
//! Rows are objects, columns detections; the last row and column are the background. Colour is the share of the row,
//! blue where object and detection agree and red where they differ; cells with room for it show the count. Cells shrink
//! as classes grow in number. Beyond `MAX_CLASSES`, the classes with most objects keep their rows and the rest share
//! one, which bounds the picture's size.

use std::path::Path;

use image::RgbImage;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, ChartError, DrawResult, FONT, INK, drawn, shortened, text_width, write_png, write_text};
use crate::confusion::{BACKGROUND, Confusion, MATCH_IOU};

/// Beyond this many classes, the rest share a row.
const MAX_CLASSES: usize = 120;
/// Preferred width of all cells together, within the limits for one below.
const WANTED_PX: usize = 760;
const CELL_PX: (usize, usize) = (18, 64);
/// Most room for names; longer ones are cut.
const NAME_PX: u32 = 170;
/// From a name to the cells.
const GAP_PX: i32 = 8;
/// Height of the title and the colour scale.
const HEAD_PX: i32 = 104;
/// Room for the name of an axis.
const AXIS_PX: i32 = 30;
const MARGIN_PX: i32 = 16;
/// Sizes tried for a count.
const COUNT_PX: [u32; 3] = [14, 12, 10];

const RIGHT: RGBColor = RGBColor(16, 82, 168);
const WRONG: RGBColor = RGBColor(190, 40, 30);

/// Draws the counts, made with threshold `min_score`, and writes them as PNG. `labels[c - 1]` names class `c`.
///
/// # Errors
/// [`ChartError`] if the file cannot be written.
pub fn write_confusion(
    path: &Path,
    confusion: &Confusion,
    labels: &[String],
    min_score: f64,
) -> Result<(), ChartError> {
    write_png(path, &draw(&Table::new(confusion, labels), min_score)?)
}

/// Names and counts, row by row.
struct Table {
    /// Of rows and columns; the background is last.
    names: Vec<String>,
    /// `[row][column]`.
    counts: Vec<Vec<usize>>,
}

impl Table {
    fn new(confusion: &Confusion, labels: &[String]) -> Self {
        let (kept, names) = kept_classes(confusion, labels);
        // Indices from 0, the background last; classes without a row share the one before it.
        let place = |class: usize| match class {
            BACKGROUND => names.len() - 1,
            class => kept.binary_search(&class).unwrap_or(names.len() - 2),
        };
        let placed = confusion.renamed(place);
        let counts = (0..names.len()).map(|row| (0..names.len()).map(|column| placed.get(row, column)).collect());
        Self { counts: counts.collect(), names }
    }

    fn share(&self, row: usize, column: usize) -> f64 {
        let sum: usize = self.counts[row].iter().sum();
        if sum == 0 { 0.0 } else { self.counts[row][column] as f64 / sum as f64 }
    }
}

/// The classes with a row of their own, rising, and the names of all rows.
fn kept_classes(confusion: &Confusion, labels: &[String]) -> (Vec<usize>, Vec<String>) {
    let mut kept: Vec<usize> = (1..=labels.len()).collect();
    if kept.len() > MAX_CLASSES {
        kept.sort_by_key(|&class| std::cmp::Reverse(confusion.row_sum(class)));
        kept.truncate(MAX_CLASSES);
        kept.sort_unstable();
    }
    let rest = labels.len() - kept.len();
    let mut names: Vec<String> = kept.iter().map(|&class| labels[class - 1].clone()).collect();
    if rest > 0 {
        names.push(format!("{rest} others"));
    }
    names.push("background".to_owned());
    (kept, names)
}

/// Positions in pixels of the picture.
struct Layout {
    cell: i32,
    /// Side of all cells together.
    side: i32,
    /// Upper left corner of the cells.
    left: i32,
    top: i32,
    text_px: u32,
    /// The names, cut to fit.
    names: Vec<String>,
}

impl Layout {
    fn new(table: &Table) -> Self {
        let cells = table.names.len();
        let cell = (WANTED_PX / cells).clamp(CELL_PX.0, CELL_PX.1);
        let text_px = (cell as u32 - 2).min(17);
        let names: Vec<String> = table.names.iter().map(|name| shortened(name, text_px, NAME_PX)).collect();
        let widest = names.iter().map(|name| text_width(name, text_px)).max().unwrap_or(0) as i32;
        let left = MARGIN_PX + AXIS_PX + widest + GAP_PX;
        let top = HEAD_PX + AXIS_PX + widest + GAP_PX;
        Self { cell: cell as i32, side: (cell * cells) as i32, left, top, text_px, names }
    }

    /// Middle of a row or column, from the corner of the cells.
    fn middle(&self, i: usize) -> i32 {
        i as i32 * self.cell + self.cell / 2
    }
}

fn draw(table: &Table, min_score: f64) -> Result<RgbImage, ChartError> {
    let layout = Layout::new(table);
    // The title is wider than the cells of one class.
    let width = (layout.left + layout.side + MARGIN_PX).max(620);
    drawn((width as u32, (layout.top + layout.side + MARGIN_PX) as u32), |root| {
        draw_title(root, min_score)?;
        draw_names(root, &layout)?;
        draw_cells(root, table, &layout)
    })
}

fn draw_title(root: &Area, min_score: f64) -> DrawResult {
    let title = format!("Confusion matrix, score from {min_score:.2}, IoU from {MATCH_IOU:.2}");
    write_text(root, &title, (MARGIN_PX, 26), 24, &INK, HPos::Left)?;
    let how = "Numbers: counts. Colours: share of the row, from 0 (light) to 100 % (dark).";
    write_text(root, how, (MARGIN_PX, 54), 16, &INK, HPos::Left)?;
    // The two scales, in samples of a tenth.
    for (color, x, name) in [(RIGHT, MARGIN_PX, "right"), (WRONG, MARGIN_PX + 220, "confused, missed, false positive")]
    {
        for tenth in 0..10 {
            let at = [(x + tenth * 12, 72), (x + (tenth + 1) * 12, 86)];
            root.draw(&Rectangle::new(at, tint(color, f64::from(tenth + 1) / 10.0).filled()))?;
        }
        write_text(root, name, (x + 130, 79), 16, &INK, HPos::Left)?;
    }
    Ok(())
}

fn draw_names(root: &Area, layout: &Layout) -> DrawResult {
    let Layout { side, left, top, text_px, .. } = *layout;
    for (i, name) in layout.names.iter().enumerate() {
        let middle = layout.middle(i);
        write_text(root, name, (left - GAP_PX, top + middle), text_px, &INK, HPos::Right)?;
        write_upwards(root, name, (left + middle, top - GAP_PX), text_px, HPos::Left)?;
    }
    let axis_px = 18;
    write_text(root, "detected", (left + side / 2, HEAD_PX + AXIS_PX / 2), axis_px, &INK, HPos::Center)?;
    write_upwards(root, "ground truth", (MARGIN_PX + AXIS_PX / 2 - 4, top + side / 2), axis_px, HPos::Center)
}

/// A line of text that reads upwards.
fn write_upwards(root: &Area, text: &str, at: (i32, i32), size_px: u32, from: HPos) -> DrawResult {
    let style = (FONT, size_px).into_font().transform(FontTransform::Rotate270).color(&INK);
    root.draw_text(text, &style.pos(Pos::new(from, VPos::Center)), at)
}

fn draw_cells(root: &Area, table: &Table, layout: &Layout) -> DrawResult {
    let Layout { cell, side, left, top, .. } = *layout;
    let cells = table.names.len();
    for row in 0..cells {
        for column in 0..cells {
            let count = table.counts[row][column];
            if count > 0 {
                let (x, y) = (left + column as i32 * cell, top + row as i32 * cell);
                let color = tint(if row == column { RIGHT } else { WRONG }, table.share(row, column));
                root.draw(&Rectangle::new([(x, y), (x + cell, y + cell)], color.filled()))?;
                draw_count(root, count, (x + cell / 2, y + cell / 2), cell, color)?;
            }
        }
    }
    for i in 0..=cells as i32 {
        // The background is set apart from the classes.
        let style = if i + 1 == cells as i32 { INK.mix(0.6) } else { BLACK.mix(0.12) };
        root.draw(&PathElement::new([(left + i * cell, top), (left + i * cell, top + side)], style))?;
        root.draw(&PathElement::new([(left, top + i * cell), (left + side, top + i * cell)], style))?;
    }
    Ok(())
}

/// The count in the largest size that fits, if any.
fn draw_count(root: &Area, count: usize, middle: (i32, i32), cell: i32, ground: RGBColor) -> DrawResult {
    let text = count.to_string();
    let fits = |size_px: &u32| text_width(&text, *size_px) as i32 + 3 <= cell;
    let Some(size_px) = COUNT_PX.into_iter().find(fits) else { return Ok(()) };
    let luminance = 0.3 * f64::from(ground.0) + 0.59 * f64::from(ground.1) + 0.11 * f64::from(ground.2);
    let ink = if luminance > 140.0 { INK } else { WHITE };
    write_text(root, &text, middle, size_px, &ink, HPos::Center)
}

/// From nearly white to the full colour; one in a thousand is still visible.
fn tint(color: RGBColor, share: f64) -> RGBColor {
    let strength = 0.08 + 0.92 * share.clamp(0.0, 1.0);
    let mixed = |channel: u8| (255.0 + (f64::from(channel) - 255.0) * strength).round() as u8;
    RGBColor(mixed(color.0), mixed(color.1), mixed(color.2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssd_data::{TruthPx, XywhPx};

    use crate::{DetectionPx, ImageResult};

    /// `found[i]` is (class of the object, class detected), each object far from the others; 0 for none.
    fn confusion(found: &[(usize, usize)], classes: usize) -> Confusion {
        let bbox_px = |i: usize| XywhPx { x: i as f64 * 50.0, y: 0.0, w: 10.0, h: 10.0 };
        let mut image = ImageResult::default();
        for (i, &(there, detected)) in found.iter().enumerate() {
            if there > 0 {
                let (bbox_px, area_px) = (bbox_px(i), 100.0);
                image.truths.push(TruthPx { class: there, bbox_px, area_px, difficult: false, crowd: false });
            }
            if detected > 0 {
                image.detections.push(DetectionPx { class: detected, bbox_px: bbox_px(i), score: 0.9 });
            }
        }
        Confusion::count(&[image], classes, 0.5)
    }

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|class| format!("class {class}")).collect()
    }

    #[test]
    fn rows_are_objects_and_the_background_is_last() {
        let table = Table::new(&confusion(&[(1, 1), (1, 2), (1, 0), (1, 1), (0, 2)], 2), &names(2));
        assert_eq!(table.names, ["class 1", "class 2", "background"]);
        assert_eq!(table.counts, [[2, 1, 1], [0, 0, 0], [0, 1, 0]]);
        assert_eq!([table.share(0, 0), table.share(1, 1), table.share(2, 1)], [0.5, 0.0, 1.0]);
    }

    #[test]
    fn classes_beyond_the_limit_share_a_row() {
        let classes = MAX_CLASSES + 30;
        // Every class but the first 30 has an object.
        let found: Vec<(usize, usize)> = (31..=classes).map(|class| (class, class)).chain([(31, 1)]).collect();
        let table = Table::new(&confusion(&found, classes), &names(classes));
        assert_eq!(table.names.len(), MAX_CLASSES + 2);
        assert_eq!(table.names[..1], ["class 31"]);
        assert_eq!(table.names[MAX_CLASSES..], ["30 others", "background"]);
        assert_eq!((table.counts[0][0], table.counts[0][MAX_CLASSES]), (1, 1));
    }

    #[test]
    fn every_number_of_classes_gives_a_picture_of_bounded_size() {
        for classes in [1, 20, 80, 1000] {
            let found: Vec<(usize, usize)> = (1..=classes).map(|class| (class, class)).collect();
            let table = Table::new(&confusion(&found, classes), &names(classes));
            let picture = draw(&table, 0.5).expect("it is drawn");
            assert!(picture.width() <= 2500 && picture.height() <= 2500, "{classes}: {:?}", picture.dimensions());
            let full = [RIGHT.0, RIGHT.1, RIGHT.2];
            let cells = picture.pixels().filter(|p| p.0 == full).count();
            assert!(cells > table.names.len() * 60, "{classes} classes, {cells} pixels: the diagonal is full");
        }
    }
}
