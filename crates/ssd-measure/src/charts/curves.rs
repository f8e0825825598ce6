//! The curves of a run: `metrics.jsonl` drawn as `curves.png`.
//!
//! Three panels over the same steps: losses (raw values faint, their running mean strong), learning rate (logarithmic),
//! and the three mean average precisions of each validation. Measures nothing and keeps no state: the whole file is
//! read each time, so runs that were resumed or broken off are drawn, too. Lines that are not JSON (the last one of a
//! killed run) and values that are not finite are left out.

use std::ops::Range;
use std::path::Path;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use serde::Deserialize;

use super::lines::{below, smoothed, thinned};
use super::sheet::{FONT, Sheet};
use super::{Area, ChartError, DrawError, DrawResult, drawn, write_png};

const SIZE_PX: (u32, u32) = (1000, 1080);
/// Most decades on the axis of the learning rate.
const LR_DECADES: f64 = 4.0;
/// Beyond this many validations, the line has no dots.
const MAX_DOTS: usize = 40;

type Chart<'a, 'b, Y> = ChartContext<'b, Sheet<'a>, Cartesian2d<RangedCoordf64, Y>>;

/// Reads `metrics` and writes the picture to `out`, whole or not at all.
///
/// # Errors
/// [`ChartError`] if a file cannot be read or written.
pub fn write_curves(metrics: &Path, out: &Path) -> Result<(), ChartError> {
    let bytes = std::fs::read(metrics).map_err(|error| ChartError::Metrics(metrics.to_owned(), error))?;
    let metrics = Metrics::parse(&String::from_utf8_lossy(&bytes));
    let picture = drawn(SIZE_PX, |root| draw_panels(root, &metrics))?;
    write_png(out, &picture)
}

/// One line of the file: a step or a validation, told apart by their fields.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default)]
struct Line {
    step: Option<f64>,
    loss: Option<f64>,
    loss_box: Option<f64>,
    loss_class: Option<f64>,
    lr: Option<f64>,
    map_voc07: Option<f64>,
    map_voc: Option<f64>,
    map_coco: Option<f64>,
}

/// The lines of a run in order of their steps.
#[derive(Debug, Default)]
struct Metrics {
    steps: Vec<Line>,
    validations: Vec<Line>,
}

impl Metrics {
    fn parse(text: &str) -> Self {
        let mut metrics = Self::default();
        for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
            if line.map_voc07.or(line.map_voc).or(line.map_coco).is_some() {
                // A validation without a step belongs to the last one before it.
                let step = line.step.or(metrics.steps.last().and_then(|last| last.step));
                metrics.validations.push(Line { step: step.or(Some(0.0)), ..line });
            } else if let Some(step) = line.step {
                // A run resumed from an earlier checkpoint repeats steps; the later ones count.
                let before = |other: &Line| other.step.is_some_and(|s| s < step);
                while metrics.steps.pop_if(|last| !before(last)).is_some() {}
                while metrics.validations.pop_if(|last| !before(last)).is_some() {}
                metrics.steps.push(line);
            }
        }
        metrics
    }

    /// The steps that the panels span, never empty.
    fn span(&self) -> Range<f64> {
        let all = self.steps.iter().chain(&self.validations).filter_map(|line| line.step);
        let (low, high) = bounds(all).unwrap_or((0.0, 1.0));
        if low < high { low..high } else { (low - 1.0)..(high + 1.0) }
    }
}

/// The finite values of one measure, as `(step, value)`.
fn points(lines: &[Line], value: impl Fn(&Line) -> Option<f64>) -> Vec<(f64, f64)> {
    let finite = |v: f64| v.is_finite().then_some(v);
    lines.iter().filter_map(|line| Some((line.step?, value(line).and_then(finite)?))).collect()
}

/// Lowest and highest value; `None` if there are none.
fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |bounds, v| Some(bounds.map_or((v, v), |(low, high): (f64, f64)| (low.min(v), high.max(v)))))
}

fn draw_panels(root: &Area, metrics: &Metrics) -> DrawResult {
    let (losses, rest) = root.split_vertically(440);
    let (lr, maps) = rest.split_vertically(260);
    draw_losses(&losses, metrics)?;
    draw_lr(&lr, metrics)?;
    draw_maps(&maps, metrics)
}

const BLUE_INK: RGBColor = RGBColor(31, 99, 181);
const ORANGE_INK: RGBColor = RGBColor(214, 106, 18);
const GREEN_INK: RGBColor = RGBColor(34, 136, 68);

fn draw_losses(area: &Area, metrics: &Metrics) -> DrawResult {
    let series = [
        ("loss", BLUE_INK, points(&metrics.steps, |l| l.loss)),
        ("loss_box", ORANGE_INK, points(&metrics.steps, |l| l.loss_box)),
        ("loss_class", GREEN_INK, points(&metrics.steps, |l| l.loss_class)),
    ];
    if series.iter().all(|(.., points)| points.is_empty()) {
        return say(area, "no steps yet");
    }
    let top = loss_axis_top(&series[0].2, series.iter().flat_map(|(.., points)| points).map(|p| p.1));
    let mut chart = panel(area, "Loss", metrics.span(), 0.0..top)?;
    draw_axes(&mut chart, "loss", &|loss| format!("{loss:.1}"))?;
    for (_, color, raw) in &series {
        for part in below(&thinned(raw), top) {
            chart.draw_series(LineSeries::new(part, color.mix(0.25)))?;
        }
    }
    for (name, color, raw) in &series {
        draw_named(&mut chart, name, *color, below(&thinned(&smoothed(raw)), top))?;
    }
    draw_legend(&mut chart, SeriesLabelPosition::UpperRight)
}

/// Top of the axis, a little above nearly all losses: the first few steps can be a hundred times higher than the rest.
fn loss_axis_top(loss: &[(f64, f64)], all: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = loss.iter().map(|p| p.1).collect();
    sorted.sort_by(f64::total_cmp);
    let highest = bounds(all).map_or(1.0, |(_, high)| high);
    let nearly_all = sorted.get(sorted.len() * 99 / 100).copied().unwrap_or(highest);
    (nearly_all * 1.15).max(1e-6)
}

fn draw_lr(area: &Area, metrics: &Metrics) -> DrawResult {
    // A logarithmic axis has no place for 0, at which a warm-up may start.
    let lr: Vec<_> = points(&metrics.steps, |l| l.lr).into_iter().filter(|(_, lr)| *lr > 0.0).collect();
    let Some((low, high)) = bounds(lr.iter().map(|p| p.1)) else {
        return say(area, "no learning rate yet");
    };
    // Whole decades, since a logarithmic axis is labelled there; at least one on each side. But few: the last steps of
    // a cosine are nearly 0 and would leave no room for the rest.
    let high = (high.log10() + 0.01).ceil();
    let low = (low.log10() - 0.01).floor().max(high - LR_DECADES);
    let lr: Vec<_> = lr.into_iter().filter(|(_, lr)| *lr >= 10f64.powf(low)).collect();
    // Slightly beyond, so that rounding does not push the outer labels off the axis.
    let decades = (0.999 * 10f64.powf(low)..1.001 * 10f64.powf(high)).log_scale();
    let mut chart = panel(area, "Learning rate", metrics.span(), decades)?;
    draw_axes(&mut chart, "learning rate", &|lr| format!("{lr:.0e}"))?;
    draw_named(&mut chart, "lr", BLUE_INK, vec![thinned(&lr)])
}

fn draw_maps(area: &Area, metrics: &Metrics) -> DrawResult {
    let series = [
        ("map_voc07 (11-point, IoU .50)", BLUE_INK, points(&metrics.validations, |l| l.map_voc07)),
        ("map_voc (all-point, IoU .50)", ORANGE_INK, points(&metrics.validations, |l| l.map_voc)),
        ("map_coco (IoU .50:.95)", GREEN_INK, points(&metrics.validations, |l| l.map_coco)),
    ];
    let highest = bounds(series.iter().flat_map(|(.., points)| points).map(|p| p.1));
    let Some((_, highest)) = highest else {
        return say(area, "no validation yet");
    };
    let top = (highest * 1.15).clamp(0.05, 1.0);
    let mut chart = panel(area, "Validation", metrics.span(), 0.0..top)?;
    draw_axes(&mut chart, "mean average precision", &|map| format!("{map:.2}"))?;
    for (name, color, points) in series {
        let Some((_, best)) = bounds(points.iter().map(|p| p.1)) else { continue };
        draw_named(&mut chart, &format!("{name}, best {best:.3}"), color, vec![points.clone()])?;
        if points.len() <= MAX_DOTS {
            chart.draw_series(points.into_iter().map(|at| Circle::new(at, 3, color.filled())))?;
        }
    }
    draw_legend(&mut chart, SeriesLabelPosition::LowerRight)
}

/// A panel with its title, steps from left to right and `values` upwards.
fn panel<'a, 'b, Y: AsRangedCoord<Value = f64>>(
    area: &'b Area<'a>,
    title: &str,
    steps: Range<f64>,
    values: Y,
) -> Result<Chart<'a, 'b, Y::CoordDescType>, DrawError> {
    ChartBuilder::on(area)
        .caption(title, (FONT, 22))
        .margin(12)
        // Half the width of the last step's label.
        .margin_right(30)
        .x_label_area_size(40)
        .y_label_area_size(76)
        .build_cartesian_2d(steps, values)
}

/// Axes with their names, and faint lines at the labels.
fn draw_axes<Y: Ranged<ValueType = f64> + ValueFormatter<f64>>(
    chart: &mut Chart<Y>,
    name: &str,
    value_label: &dyn Fn(&f64) -> String,
) -> DrawResult {
    // A run of few steps has labels between steps, which would round to the same number: they stay empty.
    let step_label = |step: &f64| if step.fract() == 0.0 { format!("{step:.0}") } else { String::new() };
    chart
        .configure_mesh()
        .x_labels(10)
        .x_desc("step")
        .x_label_formatter(&step_label)
        .y_desc(name)
        .y_label_formatter(value_label)
        .label_style((FONT, 15))
        .axis_desc_style((FONT, 17))
        .bold_line_style(BLACK.mix(0.15))
        .light_line_style(TRANSPARENT)
        .draw()
}

fn draw_legend<'a: 'b, 'b, Y: Ranged<ValueType = f64>>(
    chart: &mut Chart<'a, 'b, Y>,
    position: SeriesLabelPosition,
) -> DrawResult {
    chart
        .configure_series_labels()
        .position(position)
        .label_font((FONT, 15))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()
}

/// A strong line, in one or more parts, with an entry in the legend; a single point is drawn as a dot.
fn draw_named<Y: Ranged<ValueType = f64>>(
    chart: &mut Chart<Y>,
    name: &str,
    color: RGBColor,
    parts: Vec<Vec<(f64, f64)>>,
) -> DrawResult {
    for part in parts {
        if let [only] = part[..] {
            chart.draw_series([Circle::new(only, 3, color.filled())])?;
        }
        chart.draw_series(LineSeries::new(part, color.stroke_width(2)))?;
    }
    // The entry has a line of its own, since there may be no part at all.
    chart
        .draw_series(LineSeries::new([], color.stroke_width(2)))?
        .label(name)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(3)));
    Ok(())
}

fn say(area: &Area, text: &str) -> DrawResult {
    let (width, height) = area.dim_in_pixel();
    area.draw(&Text::new(text.to_owned(), (width as i32 / 2 - 60, height as i32 / 2), (FONT, 20)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn step(step: usize, loss: &str) -> String {
        format!(
            r#"{{"step":{step},"epoch":0,"loss":{loss},"loss_box":0.5,"loss_class":1.5,"lr":0.001,"images_per_s":9}}"#
        )
    }

    #[test]
    fn steps_and_validations_are_told_apart_and_broken_lines_left_out() {
        let validation = r#"{"epoch":0,"map_voc07":0.25,"map_voc":0.2,"map_coco":null}"#;
        let text =
            [&step(1, "2.0"), &step(2, "null"), &step(3, "NaN"), validation, &step(4, "1.0"), r#"{"step":5,"lo"#];
        let metrics = Metrics::parse(&text.map(str::to_owned).join("\n"));
        assert_eq!(points(&metrics.steps, |l| l.loss), [(1.0, 2.0), (4.0, 1.0)]);
        assert_eq!(points(&metrics.validations, |l| l.map_voc07), [(2.0, 0.25)], "the step is the line above's");
        assert_eq!(points(&metrics.validations, |l| l.map_coco), []);
        assert_eq!(metrics.span(), 1.0..4.0);
    }

    #[test]
    fn a_resumed_run_goes_forward_only() {
        let validation = |step: usize| format!(r#"{{"step":{step},"epoch":0,"map_voc07":0.1}}"#);
        let text = [step(1, "3"), step(2, "2"), step(3, "9"), validation(3), step(3, "1"), validation(3)];
        let metrics = Metrics::parse(&text.join("\n"));
        assert_eq!(points(&metrics.steps, |l| l.loss), [(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]);
        assert_eq!(metrics.validations.len(), 1);
    }

    #[test]
    fn every_amount_of_metrics_gives_a_picture() {
        let folder = tempfile::tempdir().unwrap();
        let (metrics, out) = (folder.path().join("metrics.jsonl"), folder.path().join("curves.png"));
        let validation = r#"{"step":2,"epoch":0,"map_voc07":0.0,"map_voc":0.0,"map_coco":0.0}"#.to_owned();
        let ink = |lines: &[String]| {
            std::fs::write(&metrics, lines.join("\n")).unwrap();
            write_curves(&metrics, &out).unwrap();
            let picture = image::open(&out).unwrap().to_rgb8();
            picture.pixels().filter(|p| p.0 != [255, 255, 255]).count()
        };
        let amounts = [
            ink(&[]),
            ink(&[step(1, "2.0")]),
            ink(&[step(1, "2.0"), step(2, "0.0")]),
            ink(&[step(1, "2.0"), step(2, "1.0"), validation]),
        ];
        assert!(amounts[0] > 0, "an empty run says so");
        assert!(amounts.is_sorted() && amounts[1] > amounts[0] && amounts[3] > amounts[2], "{amounts:?}");
        let missing = write_curves(&folder.path().join("none.jsonl"), &out).unwrap_err().to_string();
        assert!(missing.contains("none.jsonl"), "{missing}");
    }
}
