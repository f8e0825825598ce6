//! What a run leaves: the JSON document, and what its Markdown is made of.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::super::report::{DeviceReport, MethodReport, Peak, Report};

/// All that was measured so far.
#[derive(Debug, Clone, Serialize)]
pub struct DayReport {
    pub(super) device: DeviceReport,
    /// Name and version; empty where they are not known.
    pub(super) driver: String,
    /// When the run began, in UTC.
    pub(super) date: String,
    pub(super) budget_s: f64,
    pub(super) seconds: f64,
    /// What was being measured when this was written; null at the end of the run.
    pub(super) under_way: Option<String>,
    /// Null until it is measured.
    pub(super) peak: Option<Peak>,
    pub(super) convolutions: Vec<ConvolutionReport>,
    /// How many rows the table of methods has for this device, after this run.
    pub(super) rows: usize,
    /// With the methods of that table.
    pub(super) networks: Vec<Report>,
    pub(super) training: Option<TrainingReport>,
    /// What there was no time for.
    pub(super) left_out: Vec<String>,
    /// What failed, and why.
    pub(super) failed: Vec<String>,
}

/// Every method for a convolution.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ConvolutionReport {
    /// The first network that has it.
    pub(super) arch: String,
    pub(super) batch: usize,
    pub(super) precision: &'static str,
    /// Whether the table gets a row for it.
    pub(super) corrected: bool,
    pub(super) methods: Vec<MethodReport>,
}

impl ConvolutionReport {
    pub(super) fn chosen(&self) -> Option<&MethodReport> {
        self.methods.iter().find(|method| method.chosen)
    }

    pub(super) fn best(&self) -> Option<&MethodReport> {
        self.methods.iter().find(|method| method.best)
    }
}

/// Steps of learning, by Burn.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TrainingReport {
    pub(super) arch: String,
    /// Pictures of a step.
    pub(super) batch: usize,
    /// Until the first step had ended, kernels compiled and tuned.
    pub(super) first_step_ms: f64,
    /// The median of those after it.
    pub(super) step_ms: f64,
    pub(super) steps: usize,
    pub(super) pictures_per_s: f64,
    /// Of a step that waits for the device after each part.
    pub(super) parts: Vec<PartReport>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct PartReport {
    pub(super) name: &'static str,
    pub(super) ms: f64,
}

impl DayReport {
    pub(super) fn new(device: DeviceReport, driver: String, budget_s: f64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            device,
            driver,
            date: utc(now.as_secs()),
            budget_s,
            seconds: 0.0,
            under_way: Some("peaks".into()),
            peak: None,
            convolutions: Vec::new(),
            rows: 0,
            networks: Vec::new(),
            training: None,
            left_out: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// What is wrong, in a sentence.
    ///
    /// # Errors
    /// The sentence.
    pub fn verdict(&self) -> Result<(), String> {
        if let Some(first) = self.failed.first() {
            return Err(format!("{} measurements failed, the first: {first}", self.failed.len()));
        }
        self.networks.iter().try_for_each(|report| {
            report.verdict().map_err(|sentence| format!("{}, {}: {sentence}", report.arch, report.precision))
        })
    }
}

/// Seconds since 1970 as a date and a time. The days by Howard Hinnant's `civil_from_days`.
fn utc(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", of_day / 3600, of_day / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_calendars() {
        assert_eq!(utc(0), "1970-01-01 00:00 UTC");
        assert_eq!(utc(951_782_399), "2000-02-28 23:59 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(utc(1_796_083_200), "2026-12-01 00:00 UTC");
    }
}
