//! The table of shaders, and the one way in which they are launched.
//!
//! A file that needs shared declarations is joined to the parts named here; WGSL does not mind the order. Rules that every
//! shader keeps, because Burn's launch relies on them, are in `shaders/README.md`.

use burn::backend::wgpu::{CubeTensor, KernelSource, SourceKernel, SourceTemplate};
use burn::cubecl::prelude::KernelId;
use burn::cubecl::server::{KernelArguments, MetadataBindingInfo};
use burn::cubecl::{CubeCount, CubeDim, ExecutionMode};
use bytemuck::NoUninit;

/// A kernel: the files that make its source, its own file last.
#[derive(Debug)]
pub struct Shader {
    /// The stage, and the name of the file.
    pub name: &'static str,
    /// The source in pieces.
    pub parts: &'static [&'static str],
    /// Threads in a workgroup, along x.
    pub threads: u32,
}

impl Shader {
    /// The whole source: exactly what the GPU gets.
    pub fn source(&self) -> String {
        self.parts.concat()
    }
}

const CANDIDATE: &str = include_str!("../../../shaders/common/candidate.wgsl");
const OVERLAP: &str = include_str!("../../../shaders/common/overlap.wgsl");
const SELECT: &str = include_str!("../../../shaders/common/select.wgsl");

const CONVOLUTION: &str = include_str!("../../../shaders/common/convolution.wgsl");

/// A 1x1 convolution.
pub static POINTWISE: Shader =
    Shader { name: "pointwise", parts: &[CONVOLUTION, include_str!("../../../shaders/pointwise.wgsl")], threads: 64 };

/// A convolution of each channel by itself.
pub static DEPTHWISE: Shader =
    Shader { name: "depthwise", parts: &[CONVOLUTION, include_str!("../../../shaders/depthwise.wgsl")], threads: 64 };

/// Any dense convolution.
pub static CONV: Shader =
    Shader { name: "conv", parts: &[CONVOLUTION, include_str!("../../../shaders/conv.wgsl")], threads: 64 };

/// Heads' outputs to scores and boxes.
pub static DECODE: Shader =
    Shader { name: "decode", parts: &[include_str!("../../../shaders/decode.wgsl")], threads: 64 };

/// Scores to the best candidates of each class.
pub static TOPK: Shader =
    Shader { name: "topk", parts: &[CANDIDATE, SELECT, include_str!("../../../shaders/topk.wgsl")], threads: 256 };

/// Candidates to those that no better one overlaps.
pub static NMS: Shader =
    Shader { name: "nms", parts: &[CANDIDATE, OVERLAP, include_str!("../../../shaders/nms.wgsl")], threads: 256 };

/// The other form of [`NMS`].
pub static SOFT_NMS: Shader = Shader {
    name: "soft_nms",
    parts: &[CANDIDATE, OVERLAP, include_str!("../../../shaders/soft_nms.wgsl")],
    threads: 256,
};

/// Kept candidates to the buffer that is read back.
pub static GATHER: Shader =
    Shader { name: "gather", parts: &[CANDIDATE, SELECT, include_str!("../../../shaders/gather.wgsl")], threads: 256 };

/// Every kernel there is.
pub static SHADERS: [&Shader; 8] = [&POINTWISE, &DEPTHWISE, &CONV, &DECODE, &TOPK, &NMS, &SOFT_NMS, &GATHER];

struct Kernel(&'static Shader);

impl KernelSource for Kernel {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.0.source())
    }

    // Compiled pipelines are kept under this, so it has to tell apart all that differs in the text. `Unchecked` spares the
    // counter that naga would put into every loop to make sure of its end.
    fn id(&self) -> KernelId {
        let dim = CubeDim::new_1d(self.0.threads).0;
        KernelId::new::<Self>().cube_dim(dim).mode(ExecutionMode::Unchecked).info(self.0.name)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Puts one dispatch into the device's queue. `buffers` are bound in their order, from 0; `info` is the last binding. At
/// least one buffer, none of them twice, all contiguous and of one device.
pub(crate) fn launch(shader: &'static Shader, workgroups: usize, buffers: &[&CubeTensor], info: &impl NoUninit) {
    let (words, rest) = bytemuck::bytes_of(info).as_chunks::<8>();
    debug_assert!(rest.is_empty(), "an info struct is a multiple of 16 bytes");
    let words = words.iter().map(|word| u64::from_ne_bytes(*word)).collect();
    let arguments = KernelArguments::new()
        .with_buffers(buffers.iter().map(|buffer| buffer.handle.clone().binding()).collect())
        .with_info(MetadataBindingInfo::custom(words));
    let kernel = SourceKernel::new(Kernel(shader), CubeDim::new_1d(shader.threads));
    buffers[0].client.launch(Box::new(kernel), CubeCount::Static(workgroups as u32, 1, 1), arguments);
}
