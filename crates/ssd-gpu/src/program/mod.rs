//! Programs: lists of kernel launches that are written down once and run again and again.
//!
//! A [`Recording`] says which kernels run on which slots. [`Recording::compile`] turns it into a [`Program`]: slots that live
//! from one step to another share buffers ([`memory`]), and every buffer, bind group and pipeline exists from then on. Running
//! a program makes nothing new. This module knows no network and no stage.

mod compiled;
mod memory;

pub(crate) use compiled::{Program, Progress};

use burn::tensor::wgpu::wgpu;
use bytemuck::NoUninit;

use crate::gpu::Gpu;
use crate::kernel::Kernel;

/// A place for numbers: what a step reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Slot(usize);

/// What stands behind a slot.
#[derive(Debug)]
enum Storage {
    /// Another program's buffer.
    Shared(wgpu::Buffer),
    /// A buffer that was filled for this program: weights.
    Filled(wgpu::Buffer),
    /// Numbers that only steps before the first run read; freed when they have.
    Raw(wgpu::Buffer),
    /// Needed from the first step that names it to the last; shares memory with others.
    Passing { bytes: u64 },
    /// A buffer of its own, to be read when the program has run.
    Kept { bytes: u64 },
}

impl Storage {
    /// The buffer of a slot that was filled for this program.
    fn uploaded(&self) -> Option<&wgpu::Buffer> {
        match self {
            Self::Filled(buffer) | Self::Raw(buffer) => Some(buffer),
            Self::Shared(_) | Self::Passing { .. } | Self::Kept { .. } => None,
        }
    }
}

/// One launch.
#[derive(Debug)]
pub(crate) struct Dispatch {
    /// The layer or stage that it belongs to.
    pub(crate) label: String,
    pub(crate) kernel: Kernel,
    /// Bindings beside binding 0, which is `info`.
    pub(crate) bindings: Vec<(u32, Slot)>,
    /// The bytes of the kernel's `Info`.
    pub(crate) info: Vec<u8>,
    pub(crate) workgroups: [u32; 3],
}

impl Dispatch {
    /// A launch of `kernel` over the slots `bindings`, with the struct that is its binding 0.
    pub(crate) fn new(
        label: impl Into<String>,
        kernel: Kernel,
        bindings: Vec<(u32, Slot)>,
        info: &impl NoUninit,
        workgroups: [usize; 3],
    ) -> Self {
        let info = bytemuck::bytes_of(info).to_vec();
        Self { label: label.into(), kernel, bindings, info, workgroups: workgroups.map(|count| count as u32) }
    }
}

/// A program being written.
#[derive(Debug)]
pub(crate) struct Recording<'a> {
    pub(crate) gpu: &'a Gpu,
    slots: Vec<Storage>,
    steps: Vec<Dispatch>,
    once: Vec<Dispatch>,
}

impl<'a> Recording<'a> {
    pub(crate) fn new(gpu: &'a Gpu) -> Self {
        Self { gpu, slots: Vec::new(), steps: Vec::new(), once: Vec::new() }
    }

    fn slot(&mut self, storage: Storage) -> Slot {
        self.slots.push(storage);
        Slot(self.slots.len() - 1)
    }

    /// A slot for a buffer of another program.
    pub(crate) fn shared(&mut self, buffer: &wgpu::Buffer) -> Slot {
        self.slot(Storage::Shared(buffer.clone()))
    }

    /// A slot with these numbers, uploaded now.
    pub(crate) fn floats(&mut self, label: &str, values: &[f32]) -> Slot {
        self.bytes(label, bytemuck::cast_slice(values))
    }

    /// A slot with these bytes, uploaded now.
    pub(crate) fn bytes(&mut self, label: &str, bytes: &[u8]) -> Slot {
        let buffer = self.gpu.upload(label, bytes);
        self.slot(Storage::Filled(buffer))
    }

    /// A slot with numbers for [`Self::push_once`].
    pub(crate) fn raw(&mut self, label: &str, values: &[f32]) -> Slot {
        let buffer = self.gpu.upload(label, bytemuck::cast_slice(values));
        self.slot(Storage::Raw(buffer))
    }

    /// A slot of zeros, for [`Self::push_once`] to write and the steps to read.
    pub(crate) fn zeros(&mut self, label: &str, bytes: usize) -> Slot {
        let buffer = self.gpu.zeros(label, bytes as u64);
        self.slot(Storage::Filled(buffer))
    }

    /// A slot that is needed while the program runs.
    pub(crate) fn passing(&mut self, bytes: usize) -> Slot {
        self.slot(Storage::Passing { bytes: bytes as u64 })
    }

    /// A slot that is read when the program has run.
    pub(crate) fn kept(&mut self, bytes: usize) -> Slot {
        self.slot(Storage::Kept { bytes: bytes as u64 })
    }

    /// Keeps a passing slot's numbers for who reads them afterwards.
    pub(crate) fn keep(&mut self, slot: Slot) {
        if let Storage::Passing { bytes } = self.slots[slot.0] {
            self.slots[slot.0] = Storage::Kept { bytes };
        }
    }

    /// Adds a step. Those added before are done before it.
    pub(crate) fn push(&mut self, dispatch: Dispatch) {
        self.steps.push(dispatch);
    }

    /// Adds a step that is done once, when the program is compiled.
    pub(crate) fn push_once(&mut self, dispatch: Dispatch) {
        self.once.push(dispatch);
    }
}
