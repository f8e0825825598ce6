//! A program being written: slots, and launches on them.

use bytemuck::NoUninit;

use crate::gpu::Gpu;
use crate::kernel::Kernel;

/// A place for numbers: what a step reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Slot(pub(super) usize);

/// A launch of a program, by its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step(pub(super) usize);

/// What is behind a slot.
#[derive(Debug)]
pub(super) enum Storage {
    /// Another program's buffer.
    Shared(wgpu::Buffer),
    /// A buffer that was filled for this program: weights.
    Filled(wgpu::Buffer),
    /// Numbers for the steps that run once; freed after them.
    Raw(wgpu::Buffer),
    /// Needed from the first step that names it to the last; shares memory with others.
    Transient { bytes: u64 },
    /// A buffer of its own, to be read after the program has run.
    Kept { bytes: u64 },
}

impl Storage {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Shared(buffer) | Self::Filled(buffer) | Self::Raw(buffer) => buffer.size(),
            Self::Transient { bytes } | Self::Kept { bytes } => *bytes,
        }
    }

    /// The buffer of a slot that was filled for this program.
    pub(super) fn uploaded(&self) -> Option<&wgpu::Buffer> {
        match self {
            Self::Filled(buffer) | Self::Raw(buffer) => Some(buffer),
            Self::Shared(_) | Self::Transient { .. } | Self::Kept { .. } => None,
        }
    }
}

/// One launch.
#[derive(Debug)]
pub(crate) struct Dispatch {
    /// The layer or stage that it belongs to.
    pub(super) label: String,
    pub(super) kernel: Kernel,
    pub(super) bindings: Vec<(u32, Slot)>,
    /// The bytes of the kernel's `info`, which is binding 0.
    pub(super) info: Vec<u8>,
    pub(super) workgroups: [u32; 3],
}

impl Dispatch {
    /// A launch of `kernel` on `slots`, in the order of the shader's bindings after `info`.
    pub(crate) fn new(
        label: impl Into<String>,
        kernel: Kernel,
        slots: &[Slot],
        info: &impl NoUninit,
        workgroups: [usize; 3],
    ) -> Self {
        let shader = kernel.shader;
        debug_assert_eq!(slots.len(), shader.bindings.len(), "{}: one slot for each binding", shader.name);
        debug_assert_eq!(size_of_val(info), shader.info_bytes, "{}: the shader's own info", shader.name);
        let bindings = shader.bindings.iter().copied().zip(slots.iter().copied()).collect();
        let mut info = bytemuck::bytes_of(info).to_vec();
        // Some backends bind uniforms in units of 16 bytes.
        info.resize(info.len().next_multiple_of(16), 0);
        Self { label: label.into(), kernel, bindings, info, workgroups: workgroups.map(|count| count as u32) }
    }
}

/// A program being written.
#[derive(Debug)]
pub(crate) struct Recording<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) slots: Vec<Storage>,
    pub(super) steps: Vec<Dispatch>,
    pub(super) once: Vec<Dispatch>,
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

    /// A slot with numbers for the steps of [`Self::push_once`].
    pub(crate) fn raw(&mut self, label: &str, values: &[f32]) -> Slot {
        let buffer = self.gpu.upload(label, bytemuck::cast_slice(values));
        self.slot(Storage::Raw(buffer))
    }

    /// A slot of zeros that steps of [`Self::push_once`] write and others read.
    pub(crate) fn zeros(&mut self, label: &str, bytes: usize) -> Slot {
        let buffer = self.gpu.zeros(label, bytes as u64);
        self.slot(Storage::Filled(buffer))
    }

    /// A slot that only steps write and read.
    pub(crate) fn transient(&mut self, bytes: usize) -> Slot {
        self.slot(Storage::Transient { bytes: bytes as u64 })
    }

    /// A slot that is read after the program has run.
    pub(crate) fn kept(&mut self, bytes: usize) -> Slot {
        self.slot(Storage::Kept { bytes: bytes as u64 })
    }

    /// Keeps the contents of a transient slot for later reading.
    pub(crate) fn keep(&mut self, slot: Slot) {
        if let Storage::Transient { bytes } = self.slots[slot.0] {
            self.slots[slot.0] = Storage::Kept { bytes };
        }
    }

    /// Adds a step, which runs after those added before.
    pub(crate) fn push(&mut self, dispatch: Dispatch) -> Step {
        self.steps.push(dispatch);
        Step(self.steps.len() - 1)
    }

    /// Adds a step that runs once, when the program is compiled.
    pub(crate) fn push_once(&mut self, dispatch: Dispatch) {
        self.once.push(dispatch);
    }
}
