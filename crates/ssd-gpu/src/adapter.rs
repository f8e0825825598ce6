//! What the choice of kernels depends on: a table, by the adapter's name. Nothing is tried out in the user's browser.
//!
//! The rows are starting values, from core counts and from what other projects found for such kernels. What `bench
//! --day` measured on a card stands in [`crate::methods`], convolution by convolution, and comes before them.

use wgpu::DeviceType;

use crate::methods::{self, Row};

/// An adapter as the choice of kernels sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adapter {
    /// Its cores: how many workgroups it takes to keep all of them busy.
    pub cores: usize,
    /// Whether workgroup memory and barriers are worth it.
    pub barriers: bool,
    /// Whether a thread has the registers for eight rows of two quads.
    pub large_tiles: bool,
    /// Whether it is a processor that poses as a graphics adapter.
    pub software: bool,
    /// The convolutions for which another method was measured to be better.
    pub measured: &'static [Row],
}

/// Where a browser tells little, or a card is not in the table.
const UNKNOWN: Adapter = Adapter { cores: 24, barriers: true, large_tiles: false, software: false, measured: &[] };

/// Parts of names in lower case, and what they stand for; the first match counts.
const KNOWN: [(&str, Adapter); 23] = [
    ("h200", Adapter { cores: 132, large_tiles: true, ..UNKNOWN }),
    ("h100", Adapter { cores: 132, large_tiles: true, ..UNKNOWN }),
    ("a100-", Adapter { cores: 108, large_tiles: true, ..UNKNOWN }),
    ("a100 ", Adapter { cores: 108, large_tiles: true, ..UNKNOWN }),
    ("4090", Adapter { cores: 128, large_tiles: true, ..UNKNOWN }),
    ("5090", Adapter { cores: 170, large_tiles: true, ..UNKNOWN }),
    ("nvidia", DISCRETE),
    ("geforce", DISCRETE),
    ("quadro", DISCRETE),
    ("tesla", DISCRETE),
    // Processors with graphics: "AMD Radeon Graphics", "AMD Radeon(TM) Graphics", "AMD Radeon 780M Graphics".
    ("m graphics", Adapter { cores: 12, ..UNKNOWN }),
    ("radeon graphics", Adapter { cores: 12, ..UNKNOWN }),
    ("radeon(tm) graphics", Adapter { cores: 12, ..UNKNOWN }),
    ("radeon", DISCRETE),
    // A browser calls both kinds "amd rdna-3".
    ("amd", Adapter { cores: 32, ..UNKNOWN }),
    ("apple", Adapter { cores: 10, ..UNKNOWN }),
    ("arc(tm)", Adapter { cores: 28, ..UNKNOWN }),
    ("hpg", Adapter { cores: 28, ..UNKNOWN }),
    ("intel", Adapter { cores: 8, ..UNKNOWN }),
    ("adreno", NO_BARRIERS),
    ("qualcomm", NO_BARRIERS),
    ("mali", NO_BARRIERS),
    ("arm", NO_BARRIERS),
];

/// A mid-range card.
const DISCRETE: Adapter = Adapter { cores: 40, large_tiles: true, ..UNKNOWN };
/// A phone's, whose caches do what workgroup memory does elsewhere.
const NO_BARRIERS: Adapter = Adapter { cores: 8, barriers: false, ..UNKNOWN };

const SOFTWARE: Adapter = Adapter { cores: 2, barriers: false, software: true, ..UNKNOWN };
const SOFTWARE_NAMES: [&str; 5] = ["swiftshader", "llvmpipe", "lavapipe", "basic render", "software"];

impl Adapter {
    /// The row for an adapter of that name and kind.
    pub(crate) fn new(name: &str, kind: DeviceType) -> Self {
        let name = name.to_lowercase();
        if kind == DeviceType::Cpu || SOFTWARE_NAMES.iter().any(|part| name.contains(part)) {
            return SOFTWARE;
        }
        let by_name = KNOWN.iter().find(|(part, _)| name.contains(part)).map_or(UNKNOWN, |(_, adapter)| *adapter);
        Self { measured: methods::of(&name), ..by_name }
    }

    /// A discrete card by the table, whatever the machine has. For tests and for the bench.
    pub const HARDWARE: Self = DISCRETE;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_known_by_a_part_of_its_name() {
        let new = |name| Adapter::new(name, DeviceType::Other);
        assert_eq!(new("NVIDIA H200").cores, 132);
        assert!(!new("apple metal-3").large_tiles);
        assert!(!new("Adreno (TM) 740").barriers);
        assert_eq!(new("NVIDIA RTX A1000"), DISCRETE);
        assert_eq!(new("NVIDIA A100-SXM4-40GB").cores, 108);
        assert_eq!(new("Tesla T4"), DISCRETE);
        assert_eq!(new("AMD Radeon RX 7900 XT"), DISCRETE);
        for name in ["AMD Radeon(TM) Graphics", "AMD Radeon 780M Graphics", "AMD Radeon Graphics (RADV RENOIR)"] {
            assert_eq!(new(name).cores, 12, "{name}");
        }
        assert_eq!(new("amd rdna-3").cores, 32);
        assert_eq!([new("Intel(R) Arc(TM) A770 Graphics").cores, new("intel gen-12lp").cores], [28, 8]);
        assert_eq!(new("something new"), UNKNOWN);
    }

    #[test]
    fn a_processor_that_poses_as_an_adapter_is_recognised() {
        assert!(Adapter::new("Google SwiftShader", DeviceType::Other).software);
        assert!(Adapter::new("llvmpipe (LLVM 15.0.6, 256 bits)", DeviceType::DiscreteGpu).software);
        assert!(Adapter::new("something", DeviceType::Cpu).software);
    }
}
