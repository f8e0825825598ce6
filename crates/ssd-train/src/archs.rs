//! `--arch list`: the architectures by name, with what they cost.

use burn::tensor::Device;
use serde::Serialize;
use ssd::{Arch, Ssd};

/// A row of `--arch list`.
#[derive(Debug, Serialize)]
pub struct ArchRow {
    name: String,
    /// With 20 classes.
    parameters: usize,
    /// Of one picture's convolutions, counting a multiply-add as two.
    gflop: f64,
    priors: usize,
}

/// The rows of `--arch list`, in the order of the table.
pub fn list() -> Vec<ArchRow> {
    let device = Device::flex();
    let row = |arch: Arch| {
        let model = Ssd::new(arch, arch.scores().columns(20), &device);
        ArchRow {
            name: arch.name(),
            parameters: model.parameters(arch.input_size()),
            gflop: 2e-9 * model.multiply_adds(arch.input_size()) as f64,
            priors: arch.prior_scheme().len(),
        }
    };
    Arch::ALL.map(row).into()
}

/// The list as a table, for people.
pub fn table() -> String {
    let mut text = format!("{:30} {:>13} {:>8} {:>8}\n", "architecture", "parameters", "GFLOP", "priors");
    for ArchRow { name, parameters, gflop, priors } in list() {
        text += &format!("{name:30} {parameters:>13} {gflop:>8.2} {priors:>8}\n");
    }
    text
}
