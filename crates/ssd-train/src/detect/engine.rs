//! `--engine` and `--precision`: what computes a detector's network, and in which number format.

use clap::ValueEnum;
use ssd_gpu::kernel::Precision;
use ssd_gpu::pipeline::PrecisionChoice;

/// How a detector's network is computed.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct EngineArgs {
    /// Our own kernels, or Burn's forward pass, their reference
    #[arg(long, value_enum, default_value = "own", value_name = "ENGINE")]
    pub engine: EngineName,
    /// Number format of our kernels; auto takes f16, which halves memory traffic, where it detects the same as f32
    #[arg(long, value_enum, default_value = "auto", value_name = "TYPE")]
    pub precision: PrecisionName,
}

/// What computes the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// Our kernels: WGSL on a GPU, loops on the CPU
    Own,
    /// Burn
    Burn,
}

/// The number format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PrecisionName {
    /// f16 if it is correct
    Auto,
    /// 32 bits
    F32,
    /// 16 bits
    F16,
}

impl PrecisionName {
    /// The kernels' own type for it.
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
