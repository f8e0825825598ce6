//! Whole networks in every way, and some of them by Burn.

use ssd::Arch;
use ssd_gpu::GpuError;
use ssd_gpu::bench::{burn_times, layers};
use ssd_gpu::kernel::Precision;
use ssd_gpu::methods::Row;

use super::super::measure::{Setup, measure as measure_one};
use super::super::report::{Rates, Report};
use super::super::subject::{Reference, Subject};
use super::plan::Case;
use super::{Day, until};
use crate::detect::detector::pipeline;
use crate::detect::engine::{EngineArgs, EngineName, PrecisionName};
use crate::failure::Failure;

/// Pictures of a reference: larger batches repeat them.
const REFERENCE: usize = 2;

/// Measures whole networks while there is time. Returns what was measured, in the order of the reports.
pub(super) fn measure(day: &mut Day<'_>, rows: &[Row]) -> Result<Vec<Case>, Failure> {
    let cases = day.plan.cases(day.gpu.has_f16());
    day.progress.inc_length(cases.len() as u64);
    let mut part = day.clock.part(until::NETWORKS);
    let mut done: Vec<Case> = Vec::new();
    let mut known: Option<((Arch, usize), Reference)> = None;
    for case in cases {
        day.begin(case.to_string());
        let measured = part.piece(|| {
            let of = (case.arch, case.classes);
            let reference = match known.take().filter(|(subject, _)| *subject == of) {
                Some((_, reference)) => reference,
                None => Subject::untrained(case.arch, case.classes, REFERENCE).predictions()?,
            };
            let report = whole(day, case, &reference);
            known = Some((of, reference));
            report
        });
        match measured {
            None => day.report.left_out.push(case.to_string()),
            Some(Err(error)) => day.failed(&case.to_string(), &error),
            Some(Ok(report)) => {
                day.report.networks.push(report);
                done.push(case);
            }
        }
        day.keep(rows)?;
    }
    day.write(rows)?;
    Ok(done)
}

fn whole(day: &Day<'_>, case: Case, reference: &Reference) -> Result<Report, GpuError> {
    let subject = Subject::untrained(case.arch, case.classes, case.images);
    let engine = engine(case);
    let setup = Setup { device: &day.device, engine, stopwatch: day.stopwatch(), burn: false, methods: false };
    let peak = day.report.peak.unwrap_or_default();
    measure_one(&subject, &reference.of(case.images), peak, &setup, &|_| {})
}

fn engine(case: Case) -> EngineArgs {
    let precision = match case.precision {
        Precision::Single => PrecisionName::F32,
        Precision::Half => PrecisionName::F16,
    };
    EngineArgs { engine: EngineName::Own, precision }
}

/// Adds Burn's times to some of the reports, while there is time.
pub(super) fn measure_beside(day: &mut Day<'_>, measured: &[Case], rows: &[Row]) -> Result<(), Failure> {
    let cases = day.plan.beside();
    day.progress.inc_length(cases.len() as u64);
    let mut part = day.clock.part(until::BURN);
    for case in cases {
        let what = format!("Burn's forward of {case}");
        day.begin(what.clone());
        // It tunes its kernels first, which takes as long as it takes: a run that is cut off has to say where.
        day.write(rows)?;
        // Without our own figures there is nothing to stand beside.
        let Some(index) = measured.iter().position(|known| *known == case) else {
            day.report.left_out.push(what);
            continue;
        };
        let burn = part.piece(|| {
            let subject = Subject::untrained(case.arch, case.classes, case.images);
            let pipeline = pipeline(subject.header.clone(), &subject.model, &day.device, engine(case), case.images)?;
            let (pictures, device) = (subject.pictures(), &day.device.device);
            let burn = burn_times(&pipeline, (&subject.model, device), &pictures, &day.stopwatch(), &|_| {})?;
            Ok::<_, GpuError>((layers(&subject.model, subject.header.input_size), burn))
        });
        match burn {
            None => day.report.left_out.push(what),
            Some(Err(error)) => day.failed(&what, &error),
            Some(Ok((plan, burn))) => Rates::beside(&mut day.report.networks[index], &plan, &burn),
        }
        day.keep(rows)?;
    }
    day.write(rows)
}
