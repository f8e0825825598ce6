//! `eval --curves`: precision over recall at IoU 0.5, a thin line for each class and a thick one for their mean.
//!
//! Lines are the curves made monotone, so the area below each is the all-point AP beside its name. With more classes
//! than colours can tell apart, only the best and the worst are coloured.

use std::path::Path;

use image::RgbImage;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, ChartError, DrawResult, FONT, INK, drawn, shortened, write_png, write_text};
use crate::precision_recall::{ClassCurve, STEPS, mean_ap, mean_curve};

const SIZE_PX: (u32, u32) = (1100, 760);
const LEGEND_PX: u32 = 290;
/// As many lines as colours can tell apart.
const NAMED: usize = 10;
/// Readable on white and beside each other; all but the last three are also far apart to red-green colour blindness.
const COLORS: [RGBColor; NAMED] = [
    RGBColor(0, 107, 190),
    RGBColor(222, 110, 0),
    RGBColor(0, 146, 110),
    RGBColor(196, 60, 150),
    RGBColor(74, 176, 232),
    RGBColor(160, 120, 0),
    RGBColor(104, 78, 186),
    RGBColor(198, 40, 40),
    RGBColor(92, 150, 40),
    RGBColor(130, 84, 60),
];
const GREY: RGBColor = RGBColor(196, 196, 196);

/// Draws the curves and writes them as PNG.
///
/// # Errors
/// [`ChartError`] if the file cannot be written.
pub fn write_precision_recall(path: &Path, curves: &[ClassCurve]) -> Result<(), ChartError> {
    write_png(path, &draw(curves)?)
}

/// The classes that have a colour, best first.
struct Ranking<'c> {
    /// All of them if few, else the best half of [`NAMED`].
    best: Vec<&'c ClassCurve>,
    /// The worst half of [`NAMED`], or none.
    worst: Vec<&'c ClassCurve>,
    /// Those between.
    others: Vec<&'c ClassCurve>,
}

fn ranking(curves: &[ClassCurve]) -> Ranking<'_> {
    let mut best: Vec<&ClassCurve> = curves.iter().collect();
    best.sort_by(|a, b| b.ap.total_cmp(&a.ap));
    if best.len() <= NAMED {
        return Ranking { best, worst: Vec::new(), others: Vec::new() };
    }
    let worst = best.split_off(best.len() - NAMED / 2);
    let others = best.split_off(NAMED / 2);
    Ranking { best, worst, others }
}

fn draw(curves: &[ClassCurve]) -> Result<RgbImage, ChartError> {
    let ranking = ranking(curves);
    drawn(SIZE_PX, |root| {
        let (chart, legend) = root.split_horizontally(SIZE_PX.0 - LEGEND_PX);
        draw_chart(&chart, curves, &ranking)?;
        draw_legend(&legend, curves, &ranking)
    })
}

fn draw_chart(area: &Area, curves: &[ClassCurve], ranking: &Ranking) -> DrawResult {
    let mut chart = ChartBuilder::on(area)
        .caption("Precision over recall, IoU 0.50", (FONT, 22))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        // A little beyond 0 and 1, where many lines run.
        .build_cartesian_2d(-0.008..1.008, -0.008..1.012)?;
    chart
        .configure_mesh()
        .x_desc("recall")
        .y_desc("precision")
        .x_label_formatter(&|value| format!("{value:.1}"))
        .y_label_formatter(&|value| format!("{value:.1}"))
        .label_style((FONT, 15).into_font().color(&INK))
        .axis_desc_style((FONT, 17).into_font().color(&INK))
        .bold_line_style(BLACK.mix(0.12))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for curve in &ranking.others {
        chart.draw_series(LineSeries::new(line(&curve.precision), GREY))?;
    }
    let named: Vec<_> = ranking.best.iter().chain(&ranking.worst).zip(COLORS).collect();
    // The best one last, above the others.
    for (curve, color) in named.into_iter().rev() {
        chart.draw_series(LineSeries::new(line(&curve.precision), color.stroke_width(2)))?;
    }
    if curves.is_empty() {
        return write_text(area, "no objects to find", (360, 360), 20, &INK, HPos::Center);
    }
    chart.draw_series(LineSeries::new(line(&mean_curve(curves)), INK.stroke_width(4)))?;
    Ok(())
}

/// (recall, precision) from left to right in steps; ends with a drop at the recall reached, not along the axis.
fn line(precision: &[f64]) -> Vec<(f64, f64)> {
    let reached = precision.iter().rposition(|&p| p > 0.0).map_or(0, |i| i + 1);
    let mut points = Vec::new();
    let (mut recall, mut before) = (0.0, precision[0]);
    for (i, &p) in precision.iter().enumerate().take(reached) {
        if p != before {
            points.push((recall, p));
        }
        recall = i as f64 / STEPS as f64;
        points.push((recall, p));
        before = p;
    }
    points.push((recall, 0.0));
    points
}

/// Lines of text below each other.
struct Legend<'a, 'b> {
    area: &'b Area<'a>,
    y: i32,
}

const ROW_PX: i32 = 25;
const TEXT_PX: u32 = 16;

impl Legend<'_, '_> {
    fn heading(&mut self, text: &str) -> DrawResult {
        self.y += ROW_PX / 2;
        write_text(self.area, text, (0, self.y), TEXT_PX, &INK.mix(0.75), HPos::Left)?;
        self.y += ROW_PX;
        Ok(())
    }

    /// A piece of line, the AP, the name.
    fn row(&mut self, style: impl Into<ShapeStyle>, ap: Option<f64>, name: &str) -> DrawResult {
        let name_x = 36 + ap.map_or(0, |_| 54);
        self.area.draw(&PathElement::new([(0, self.y), (26, self.y)], style))?;
        if let Some(ap) = ap {
            write_text(self.area, &format!("{ap:.3}"), (36, self.y), TEXT_PX, &INK, HPos::Left)?;
        }
        let name = shortened(name, TEXT_PX, LEGEND_PX - name_x as u32 - 12);
        write_text(self.area, &name, (name_x, self.y), TEXT_PX, &INK, HPos::Left)?;
        self.y += ROW_PX;
        Ok(())
    }
}

fn draw_legend(area: &Area, curves: &[ClassCurve], ranking: &Ranking) -> DrawResult {
    let mut legend = Legend { area, y: 56 };
    legend.heading("AP, the area below the curve")?;
    if let Some(ap) = mean_ap(curves) {
        let classes = if curves.len() == 1 { "1 class".to_owned() } else { format!("{} classes", curves.len()) };
        legend.row(INK.stroke_width(4), Some(ap), &format!("mean of {classes}"))?;
    }
    let mut colors = COLORS.into_iter();
    let mut rows = |legend: &mut Legend, curves: &[&ClassCurve]| -> DrawResult {
        curves
            .iter()
            .zip(colors.by_ref())
            .try_for_each(|(curve, color)| legend.row(color.stroke_width(3), Some(curve.ap), &curve.label))
    };
    if ranking.worst.is_empty() {
        legend.y += ROW_PX / 2;
        return rows(&mut legend, &ranking.best);
    }
    legend.heading("best")?;
    rows(&mut legend, &ranking.best)?;
    legend.heading("worst")?;
    rows(&mut legend, &ranking.worst)?;
    match ranking.others.len() {
        0 => Ok(()),
        others => {
            legend.y += ROW_PX / 2;
            legend.row(GREY.stroke_width(3), None, &format!("{others} between"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A curve that stays at `ap` up to recall 1.
    fn flat(label: &str, ap: f64) -> ClassCurve {
        ClassCurve { label: label.to_owned(), ap, precision: vec![ap; STEPS + 1] }
    }

    fn pixels_of(picture: &RgbImage, color: RGBColor) -> usize {
        picture.pixels().filter(|p| p.0 == [color.0, color.1, color.2]).count()
    }

    #[test]
    fn few_classes_are_all_named_of_many_the_best_and_worst() {
        let many: Vec<ClassCurve> = (0..80).map(|i| flat(&i.to_string(), f64::from(i * 37 % 80) / 80.0)).collect();
        let aps = |curves: &[&ClassCurve]| curves.iter().map(|c| (c.ap * 80.0) as usize).collect::<Vec<_>>();
        let ranked = ranking(&many);
        assert_eq!(aps(&ranked.best), [79, 78, 77, 76, 75]);
        assert_eq!(aps(&ranked.worst), [4, 3, 2, 1, 0]);
        assert_eq!(ranked.others.len(), 70);
        let ranked = ranking(&many[..NAMED]);
        assert_eq!((ranked.best.len(), ranked.worst.len(), ranked.others.len()), (NAMED, 0, 0));
    }

    #[test]
    fn every_amount_of_classes_gives_a_picture() {
        let draw = |curves: &[ClassCurve]| draw(curves).expect("it is drawn");
        assert!(pixels_of(&draw(&[]), INK) > 0, "a sheet without objects says so");
        let one = draw(&[flat("a name that is much longer than the picture has room for, 猫", 0.9)]);
        assert!(pixels_of(&one, COLORS[0]) > 60 && pixels_of(&one, COLORS[1]) == 0);
        let many: Vec<ClassCurve> = (0..80).map(|i| flat(&i.to_string(), f64::from(i) / 80.0)).collect();
        let many = draw(&many);
        for color in COLORS.into_iter().chain([GREY]) {
            assert!(pixels_of(&many, color) > 60, "{color:?} is in the legend");
        }
    }

    #[test]
    fn a_line_falls_where_its_recall_ends() {
        let half: Vec<f64> = (0..=STEPS).map(|i| if i <= STEPS / 2 { 0.8 } else { 0.0 }).collect();
        let line = line(&half);
        assert_eq!((line[0], line[line.len() - 2], line[line.len() - 1]), ((0.0, 0.8), (0.5, 0.8), (0.5, 0.0)));
        assert_eq!(super::line(&[0.0; STEPS + 1]), [(0.0, 0.0)]);
    }
}
