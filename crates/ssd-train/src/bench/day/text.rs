//! A day as Markdown: for `BENCHMARKS.md`, and for a look at what the table of methods misses.

use std::fmt::Write as _;

use super::super::report::{ByScore, MethodReport, Report};
use super::super::table::{ms, percent};
use super::report::{ConvolutionReport, DayReport};

// Writing to a string does not fail, so what `writeln!` returns is dropped throughout.

/// The whole report.
pub fn markdown(day: &DayReport) -> String {
    let DayReport { device, driver, date, budget_s, seconds, under_way, .. } = day;
    let mut text =
        format!("# {}\n\n{date}. Driver: {driver}. `bench --day`, {seconds:.0} of {budget_s:.0} s", device.name);
    text.push_str(&match under_way {
        None => ".\n".to_owned(),
        Some(what) => format!(" so far. Under way, or cut off: {what}.\n"),
    });
    if device.software {
        text.push_str("\nThis adapter is software: its times say nothing about a card.\n");
    }
    if let Some(peak) = &day.peak {
        let half = peak.gflops_f16.map_or_else(String::new, |gflops| format!(", {gflops:.0} in f16"));
        let _ = writeln!(
            text,
            "\nPeaks: {:.0} GFLOP/s of multiply-adds in f32{half}; {:.0} GB/s of copying {} MiB.",
            peak.gflops, peak.gbytes_per_s, peak.copy_mib
        );
    }
    networks(day, &mut text);
    training(day, &mut text);
    convolutions(day, &mut text);
    list("Left out, for want of time", &day.left_out, &mut text);
    list("Failed", &day.failed, &mut text);
    text
}

fn table(head: &[&str], text: &mut String) {
    let _ = writeln!(text, "| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()));
}

fn networks(day: &DayReport, text: &mut String) {
    if day.networks.is_empty() {
        return;
    }
    text.push_str("\n## Networks\n\nTimes are milliseconds for the batch; the share is of the f32 peak.\n\n");
    table(
        &[
            "network",
            "numbers",
            "batch",
            "classes",
            "network ms",
            "GFLOP/s",
            "share",
            "Burn ms",
            "preprocess",
            "postprocess 0.5",
            "0.01",
            "frame ms",
            "pictures/s",
            "GPU MiB",
            "numbers agree",
        ],
        text,
    );
    for report in &day.networks {
        let Report { network, frame, correct, postprocess_ms: ByScore { high, low }, .. } = report;
        let memory = report.memory_bytes.map_or_else(String::new, |bytes| format!("{:.0}", bytes as f64 / 1048576.0));
        let cells = [
            format!("`{}`", report.arch),
            report.precision.to_owned(),
            report.batch.to_string(),
            report.classes.to_string(),
            ms(network.ms),
            format!("{:.0}", network.gflops),
            percent(network.share_of_peak),
            network.burn_ms.map_or_else(String::new, ms),
            ms(report.preprocess_ms),
            ms(*high),
            ms(*low),
            ms(frame.latency_ms),
            format!("{:.0}", frame.pictures_per_s),
            memory,
            if correct.ok { format!("{:.1e}", correct.max_difference) } else { "**wrong**".to_owned() },
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
}

fn training(day: &DayReport, text: &mut String) {
    let Some(training) = &day.training else { return };
    let _ = writeln!(
        text,
        "\n## Learning\n\n`{}`, {} pictures a step, by Burn: {} ms a step, the median of {}; {:.1} pictures/s. The \
         first step took {} ms. A step that waits for the device after each part, in ms:\n",
        training.arch,
        training.batch,
        ms(training.step_ms),
        training.steps,
        training.pictures_per_s,
        ms(training.first_step_ms)
    );
    for part in &training.parts {
        let _ = writeln!(text, "- {}: {}", part.name, ms(part.ms));
    }
}

fn convolutions(day: &DayReport, text: &mut String) {
    if day.convolutions.is_empty() {
        return;
    }
    let wrong = |all: &ConvolutionReport| all.methods.iter().filter(|method| !method.ok).count();
    let wrong: usize = day.convolutions.iter().map(wrong).sum();
    let corrected = day.convolutions.iter().filter(|convolution| convolution.corrected).count();
    let _ = writeln!(
        text,
        "\n## Methods\n\n{} convolutions tried; for {corrected} another method than today's goes into `measured.rs`, \
         which then has {} rows for this device; {wrong} results were wrong, and none of them is chosen.\n",
        day.convolutions.len(),
        day.rows
    );
    table(&["network", "layers", "convolution", "numbers", "batch", "today's", "ms", "best", "ms", "wrong"], text);
    for convolution in &day.convolutions {
        let cell = |method: Option<&MethodReport>| {
            let time = method.and_then(|method| method.ms).map_or_else(String::new, ms);
            (method.map_or("", |method| method.method.as_str()).to_owned(), time)
        };
        let (chosen, chosen_ms) = cell(convolution.chosen());
        let (best, best_ms) = cell(convolution.best());
        let wrong: Vec<&str> =
            convolution.methods.iter().filter(|method| !method.ok).map(|method| &*method.method).collect();
        let (layers, shape) = convolution.methods.first().map_or(("", ""), |method| (&method.layers, &method.shape));
        let cells = [
            format!("`{}`", convolution.arch),
            layers.to_owned(),
            shape.to_owned(),
            convolution.precision.to_owned(),
            convolution.batch.to_string(),
            chosen,
            chosen_ms,
            if convolution.corrected { format!("**{best}**") } else { best },
            best_ms,
            wrong.join("; "),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
}

fn list(title: &str, items: &[String], text: &mut String) {
    if !items.is_empty() {
        let _ = writeln!(text, "\n## {title}\n");
        items.iter().for_each(|item| text.push_str(&format!("- {item}\n")));
    }
}
