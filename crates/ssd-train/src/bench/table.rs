//! The report as text, for a person.

use std::fmt::Write as _;

use super::report::{ByScore, LayerReport, MethodReport, Report};
use super::tracks::TRACKS;

/// The whole report.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    head(report, &mut text);
    layers(report, &mut text);
    totals(report, &mut text);
    methods(&report.methods, &mut text);
    // Columns may be empty to the right.
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

// Writing to a string does not fail, so what `writeln!` returns is dropped throughout.

fn head(report: &Report, text: &mut String) {
    let Report { device, arch, classes, batch, engine, precision, peak, .. } = report;
    let _ = writeln!(text, "{arch}, {classes} classes, batch {batch}, engine {engine}, {precision}");
    let _ = writeln!(text, "device   {}, {} host threads", device.name, device.threads);
    let half = peak.gflops_f16.map_or_else(String::new, |gflops| format!(", {gflops:.0} in f16"));
    let _ = writeln!(
        text,
        "peaks    {:.0} GFLOP/s of multiply-adds in f32{half}, {:.0} GB/s of copying {} MiB, measured in this run",
        peak.gflops, peak.gbytes_per_s, peak.copy_mib
    );
    if device.software {
        let _ = writeln!(
            text,
            "         This adapter is software: the processor poses as a GPU, and its times say nothing about one."
        );
    }
    text.push('\n');
}

fn layers(report: &Report, text: &mut String) {
    let wide = |column: fn(&LayerReport) -> &str| report.layers.iter().map(|layer| column(layer).len()).max();
    let name = wide(|layer| &layer.name).unwrap_or_default().max(7);
    let method = wide(|layer| &layer.method).unwrap_or_default().max(6);
    let mut row = |cells: [&str; 8]| {
        let [layer, how, gflop, ms, rate, share, burn, ratio] = cells;
        let _ =
            writeln!(text, "{layer:name$}  {how:method$} {gflop:>8} {ms:>9} {rate:>9} {share:>6} {burn:>9} {ratio:>6}");
    };
    row(["layer", "method", "GFLOP", "ms", "GFLOP/s", "peak", "Burn ms", "ratio"]);
    for layer in &report.layers {
        let [count, rate, share] = if layer.gflop > 0.0 {
            [gflop(layer.gflop), format!("{:.1}", layer.gflops), percent(layer.share_of_peak)]
        } else {
            Default::default()
        };
        let (burn, ratio) = beside(layer.burn_ms, layer.ms);
        row([&layer.name, &layer.method, &count, &ms(layer.ms), &rate, &share, &burn, &ratio]);
    }
    let network = &report.network;
    let (burn, ratio) = beside(network.burn_ms, network.ms);
    let [rate, share] = [format!("{:.1}", network.gflops), percent(network.share_of_peak)];
    row(["network", "", &gflop(network.gflop), &ms(network.ms), &rate, &share, &burn, &ratio]);
    if report.layers.iter().any(|layer| layer.method.contains("Winograd")) {
        text.push_str(
            "GFLOP are the direct convolution's. Winograd multiplies up to four times less, so its GFLOP/s are \
             an effective rate.\n",
        );
    }
    text.push('\n');
}

fn totals(report: &Report, text: &mut String) {
    let Report { postprocess_ms, postprocess_candidates, frame, correct, .. } = report;
    let _ = writeln!(text, "preprocess    {} ms", ms(report.preprocess_ms));
    let ByScore { high, low } = postprocess_ms;
    let _ = writeln!(
        text,
        "postprocess   {} ms at 0.5{}, {} ms at 0.01{}; drawn predictions, at 0.01 nearly every prior in every class",
        ms(*high),
        candidates(postprocess_candidates.high),
        ms(*low),
        candidates(postprocess_candidates.low)
    );
    let _ = writeln!(
        text,
        "frame         {} ms median, {} ms 95th percentile of {}; {:.1} pictures/s with two in flight; {} bytes \
         read back",
        ms(frame.latency_ms),
        ms(frame.latency_p95_ms),
        frame.runs,
        frame.pictures_per_s,
        report.readback_bytes
    );
    let _ = writeln!(text, "tracks        {} ms a step of {TRACKS} objects, on the host", ms(report.track_step_ms));
    if let Some(bytes) = report.memory_bytes {
        let _ = writeln!(text, "GPU memory    {:.1} MiB", bytes as f64 / f64::from(1 << 20));
    }
    let _ = writeln!(
        text,
        "correctness   {}: {:.1e} of the largest number from Burn's forward on the CPU, {:.0e} is allowed",
        if correct.ok { "ok" } else { "WRONG" },
        correct.max_difference,
        correct.tolerance
    );
}

fn methods(methods: &[MethodReport], text: &mut String) {
    let mut layers = "";
    for method in methods {
        if method.layers != layers {
            layers = &method.layers;
            let MethodReport { shape, .. } = method;
            let _ = writeln!(
                text,
                "\n{layers}: {shape}\n  {:28} {:>9} {:>9} {:>10}",
                "method", "ms", "GFLOP/s", "difference"
            );
        }
        let marks = [(method.best, "best"), (method.chosen, "chosen"), (!method.ok, "WRONG")];
        let marks: Vec<&str> = marks.iter().filter(|(holds, _)| *holds).map(|(_, mark)| *mark).collect();
        let mark = marks.join(", ");
        let (time, rate) = match (method.ms, method.gflops) {
            (Some(time), Some(rate)) => (ms(time), format!("{rate:.1}")),
            _ => ("too large".to_owned(), String::new()),
        };
        let _ = writeln!(text, "  {:28} {time:>9} {rate:>9} {:>10.1e}  {mark}", method.method, method.max_difference);
    }
}

/// Three figures that count.
pub(super) fn ms(ms: f64) -> String {
    match ms {
        ms if ms >= 100.0 => format!("{ms:.0}"),
        ms if ms >= 10.0 => format!("{ms:.1}"),
        ms if ms >= 1.0 => format!("{ms:.2}"),
        ms => format!("{ms:.4}"),
    }
}

/// Layers differ by a million times.
pub(super) fn gflop(gflop: f64) -> String {
    if gflop < 0.001 { format!("{gflop:.1e}") } else { format!("{gflop:.4}") }
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// Burn's time, and how many times ours it is.
fn beside(burn_ms: Option<f64>, own_ms: f64) -> (String, String) {
    burn_ms.map_or_else(Default::default, |burn_ms| (ms(burn_ms), format!("{:.1}x", burn_ms / own_ms)))
}

fn candidates(count: Option<u32>) -> String {
    count.map_or_else(String::new, |count| format!(" ({count} candidates a picture)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_figures_and_ratios_say_how_much_faster() {
        assert_eq!([ms(1234.5), ms(12.345), ms(1.2345), ms(0.012_345)], ["1234", "12.3", "1.23", "0.0123"]);
        assert_eq!(beside(Some(30.0), 10.0), ("30.0".to_owned(), "3.0x".to_owned()));
        assert_eq!(beside(None, 10.0), (String::new(), String::new()));
    }
}
