//! `--engine` and `--precision`: what computes a detector, and with which numbers.

use clap::ValueEnum;
use ssd_gpu::kernel::Precision;
use ssd_gpu::pipeline::PrecisionChoice;

/// What a detector is to be run with.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct EngineArgs {
    /// Our own kernels, or Burn's forward, which they are measured against
    #[arg(long, value_enum, default_value = "own", value_name = "ENGINE")]
    pub engine: EngineName,
    /// Numbers that our kernels compute with: f16 takes half the memory traffic; auto takes it where the adapter has it and
    /// its detections are those of f32
    #[arg(long, value_enum, default_value = "auto", value_name = "TYPE")]
    pub precision: PrecisionName,
}

/// What computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// Our kernels: WGSL on a GPU, loops on the CPU
    Own,
    /// Burn
    Burn,
}

/// Which numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PrecisionName {
    /// f16 where it is right
    Auto,
    /// 32 bits
    F32,
    /// 16 bits
    F16,
}

impl PrecisionName {
    /// As the kernels have it.
    pub fn choice(self) -> PrecisionChoice {
        match self {
            Self::Auto => PrecisionChoice::Auto,
            Self::F32 => PrecisionChoice::Only(Precision::Single),
            Self::F16 => PrecisionChoice::Only(Precision::Half),
        }
    }
}

impl Default for EngineArgs {
    fn default() -> Self {
        Self { engine: EngineName::Own, precision: PrecisionName::Auto }
    }
}
