//! A [`Report`] as text for a terminal. Values are in percent, with a dash where a measure is undefined.

use std::fmt;

use crate::Report;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest =
            self.per_class.iter().map(|class| class.label.chars().count()).max().unwrap_or(0).max("class".len());
        writeln!(f, "{:widest$}  {:>8}  {:>9}  {:>9}  {:>9}", "class", "objects", "AP50 11pt", "AP50 all", "COCO AP")?;
        for class in &self.per_class {
            let [eleven, all, coco] = [class.ap50_11pt, class.ap50_all_point, class.ap].map(percent);
            writeln!(f, "{:widest$}  {:>8}  {eleven:>9}  {all:>9}  {coco:>9}", class.label, class.ground_truths)?;
        }
        let objects: usize = self.per_class.iter().map(|class| class.ground_truths).sum();
        let [eleven, all, ap] = [self.voc07_11pt, self.voc_all_point, self.coco.ap].map(percent);
        writeln!(f, "{:widest$}  {objects:>8}  {eleven:>9}  {all:>9}  {ap:>9}\n", "mean")?;

        let coco = &self.coco;
        let mut line = |title: &str, values: &[(&str, Option<f64>)]| {
            write!(f, "{title:<25}")?;
            values.iter().try_for_each(|(name, value)| write!(f, "  {name} {}", percent(*value)))?;
            writeln!(f)
        };
        line("Pascal VOC mAP at IoU .50", &[("11-point", self.voc07_11pt), ("all-point", self.voc_all_point)])?;
        line("COCO AP, IoU .50:.05:.95", &[("all", coco.ap), ("IoU .50", coco.ap50), ("IoU .75", coco.ap75)])?;
        line("COCO AP by area", &[("small", coco.ap_small), ("medium", coco.ap_medium), ("large", coco.ap_large)])?;
        line("COCO AR by detections", &[("1", coco.ar_1), ("10", coco.ar_10), ("100", coco.ar_100)])?;
        write!(f, "{} images; values in percent, - without such objects", self.images)
    }
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{:.1}", value * 100.0))
}
