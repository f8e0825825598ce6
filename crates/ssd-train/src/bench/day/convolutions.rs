//! Every method for every convolution, and the rows of the table that follow.

use ssd_gpu::bench::{method_tolerance, shape_methods};
use ssd_gpu::methods::Row;

use super::super::report::Rates;
use super::plan::Problem;
use super::report::ConvolutionReport;
use super::{Day, until};
use crate::failure::Failure;

/// A row is worth it where its method takes less than this share of the time: below that, runs differ by as much.
const WORTH: f64 = 0.95;

/// Measures them while there is time, and returns the rows of the table for this card.
pub(super) fn measure(day: &mut Day<'_>) -> Result<Vec<Row>, Failure> {
    let problems = day.plan.convolutions(day.gpu.has_f16());
    day.progress.set_length((problems.len() + 1) as u64);
    let (gpu, stopwatch, mut part) = (day.gpu.clone(), day.stopwatch(), day.clock.part(until::CONVOLUTIONS));
    // What is left out keeps its row.
    let (mut rows, mut left_out) = (gpu.adapter().measured.to_vec(), Vec::new());
    for problem in problems {
        let Problem { arch, layers, dense, images, precision } = &problem;
        day.begin(format!("methods of {arch}: {layers}"));
        let tried = part.piece(|| shape_methods(&gpu, (layers, *dense), (*images, *precision), &stopwatch));
        match tried {
            None => left_out.push(problem),
            Some(Err(error)) => day.failed(&format!("{layers} of {arch}"), &error),
            Some(Ok(measured)) => {
                let tolerance = method_tolerance(*precision);
                let better = measured.correction(tolerance, WORTH).map(|index| measured.methods[index].way);
                let known = rows.iter().position(|row| row.is_for(&dense.shape, dense.size_in, (*images, *precision)));
                let new = better.map(|way| Row::new(&dense.shape, dense.size_in, (*images, *precision), way));
                match (known, new) {
                    (Some(index), Some(new)) => rows[index] = new,
                    (None, new) => rows.extend(new),
                    // It is still the best.
                    (Some(_), None) => {}
                }
                let rates = Rates { images: *images, peak_gflops: day.report.peak.unwrap_or_default().gflops };
                day.report.convolutions.push(ConvolutionReport {
                    arch: arch.name(),
                    batch: *images,
                    precision: precision.name(),
                    corrected: better.is_some(),
                    methods: rates.methods(&measured, tolerance),
                });
            }
        }
        day.keep(&rows)?;
    }
    day.report.left_out.extend(sentences(&left_out));
    Ok(rows)
}

/// What is left out, by network, batch and precision.
fn sentences(left_out: &[Problem]) -> Vec<String> {
    let group = |problem: &Problem| (problem.arch, problem.images, problem.precision);
    let groups = left_out.chunk_by(|a, b| group(a) == group(b));
    let sentence = |some: &[Problem]| {
        let Problem { arch, images, precision, .. } = &some[0];
        let layers = some.iter().map(|problem| problem.layers.as_str()).collect::<Vec<_>>().join(", ");
        format!("methods of {arch}, {}, batch {images}: {layers}", precision.name())
    };
    groups.map(sentence).collect()
}
