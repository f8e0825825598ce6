//! A program whose buffers, bind groups and pipelines are made.

use burn::tensor::wgpu::wgpu;

use super::memory::{Life, share};
use super::{Dispatch, Recording, Slot, Storage};
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::Kernel;

/// Hears how many kernels of how many are compiled.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(usize, usize);

/// Steps that can be run as often as wanted, one after the other.
#[derive(Debug)]
pub(crate) struct Program {
    steps: Vec<Step>,
    /// One for each slot.
    buffers: Vec<wgpu::Buffer>,
    /// Those that are freed with the program.
    owned: Vec<wgpu::Buffer>,
    /// The `Info`s of all steps, one after the other.
    infos: wgpu::Buffer,
    stride: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Step {
    label: String,
    kernel: Kernel,
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 3],
}

impl Recording<'_> {
    /// Makes all that the program needs, and does what is to be done once.
    ///
    /// # Errors
    ///
    /// When the device refuses a kernel, or a buffer or a launch is larger than it takes.
    pub(crate) async fn compile(self, progress: Progress<'_>) -> Result<Program, GpuError> {
        let Self { gpu, slots, steps, once } = self;
        let total = steps.len() + once.len();
        let mut pipelines = Vec::with_capacity(total);
        for (done, step) in once.iter().chain(&steps).enumerate() {
            progress(done, total);
            check_size(gpu, step)?;
            match gpu.pipeline(&step.kernel).await {
                Ok(pipeline) => pipelines.push(pipeline),
                Err(error) => {
                    // Weights are there already, and a browser would keep them until it next collects garbage.
                    slots.iter().filter_map(Storage::uploaded).for_each(wgpu::Buffer::destroy);
                    return Err(error);
                }
            }
        }
        progress(total, total);

        let Memory { buffers, raw, owned, bytes } = memory(gpu, slots, &steps)?;
        let after = pipelines.split_off(once.len());
        if !once.is_empty() {
            let (steps, infos) = link(gpu, once, pipelines, &buffers);
            let once = Program { steps, infos, buffers: Vec::new(), owned: Vec::new(), stride: 0, bytes: 0 };
            once.run(gpu);
            raw.iter().chain([&once.infos]).for_each(wgpu::Buffer::destroy);
        }
        let (steps, infos) = link(gpu, steps, after, &buffers);
        Ok(Program { steps, infos, buffers, owned, stride: info_stride(gpu), bytes })
    }
}

fn check_size(gpu: &Gpu, step: &Dispatch) -> Result<(), GpuError> {
    let most = gpu.device.limits().max_compute_workgroups_per_dimension;
    match step.workgroups.iter().max() {
        Some(&largest) if largest > most => {
            let (got, most) = (largest as usize, most as usize);
            Err(GpuError::Size { name: "the number of workgroups of a launch", got, least: 1, most })
        }
        _ => Ok(()),
    }
}

/// Bytes from one step's `Info` to the next.
fn info_stride(gpu: &Gpu) -> u64 {
    u64::from(gpu.device.limits().min_uniform_buffer_offset_alignment.max(256))
}

/// Steps with their bind groups, and the buffer of their `Info`s.
fn link(
    gpu: &Gpu,
    steps: Vec<Dispatch>,
    pipelines: Vec<wgpu::ComputePipeline>,
    buffers: &[wgpu::Buffer],
) -> (Vec<Step>, wgpu::Buffer) {
    let stride = info_stride(gpu);
    let infos = infos(gpu, &steps, stride);
    let linked = steps.into_iter().zip(pipelines).enumerate().map(|(index, (dispatch, pipeline))| {
        let info = wgpu::BufferBinding {
            buffer: &infos,
            offset: index as u64 * stride,
            size: wgpu::BufferSize::new(dispatch.info.len() as u64),
        };
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(info) }];
        entries.extend(dispatch.bindings.iter().map(|(binding, slot)| wgpu::BindGroupEntry {
            binding: *binding,
            resource: buffers[slot.0].as_entire_binding(),
        }));
        let bind_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&dispatch.label),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let Dispatch { label, kernel, workgroups, .. } = dispatch;
        Step { label, kernel, pipeline, bind_group, workgroups }
    });
    (linked.collect(), infos)
}

/// The buffers behind a program's slots.
struct Memory {
    /// One for each slot.
    buffers: Vec<wgpu::Buffer>,
    /// Those that are of no use after the first run.
    raw: Vec<wgpu::Buffer>,
    /// Those made for this program.
    owned: Vec<wgpu::Buffer>,
    /// What all but the raw ones take.
    bytes: u64,
}

fn memory(gpu: &Gpu, slots: Vec<Storage>, steps: &[Dispatch]) -> Result<Memory, GpuError> {
    let most = gpu.device.limits().max_storage_buffer_binding_size;
    let size = |storage: &Storage| match storage {
        Storage::Shared(buffer) | Storage::Filled(buffer) | Storage::Raw(buffer) => buffer.size(),
        Storage::Passing { bytes } | Storage::Kept { bytes } => *bytes,
    };
    if let Some(bytes) = slots.iter().map(size).find(|&bytes| bytes > most) {
        let (got, most) = (bytes as usize, most as usize);
        return Err(GpuError::Size { name: "the largest buffer of the network", got, least: 1, most });
    }
    let plan = share(&lives(&slots, steps));
    let shared: Vec<wgpu::Buffer> = plan.sizes.iter().map(|bytes| gpu.zeros("shared", *bytes)).collect();
    let mut memory =
        Memory { buffers: Vec::with_capacity(slots.len()), raw: Vec::new(), owned: shared.clone(), bytes: 0 };
    let mut places = plan.buffer_of.iter();
    for storage in slots {
        let buffer = match storage {
            Storage::Passing { .. } => shared[places.next().copied().unwrap_or_default()].clone(),
            Storage::Kept { bytes } => {
                let buffer = gpu.zeros("kept", bytes);
                memory.owned.push(buffer.clone());
                buffer
            }
            Storage::Shared(buffer) => buffer,
            Storage::Filled(buffer) => {
                memory.owned.push(buffer.clone());
                buffer
            }
            Storage::Raw(buffer) => {
                memory.raw.push(buffer.clone());
                buffer
            }
        };
        memory.buffers.push(buffer);
    }
    memory.bytes = memory.owned.iter().map(wgpu::Buffer::size).sum();
    Ok(memory)
}

/// When the passing slots are in use, in the order of the slots.
fn lives(slots: &[Storage], steps: &[Dispatch]) -> Vec<Life> {
    let mut lives: Vec<Option<Life>> = slots
        .iter()
        .map(|storage| match storage {
            Storage::Passing { bytes } => Some(Life { bytes: *bytes, first: usize::MAX, last: 0 }),
            Storage::Shared(_) | Storage::Filled(_) | Storage::Raw(_) | Storage::Kept { .. } => None,
        })
        .collect();
    for (index, step) in steps.iter().enumerate() {
        for (_, slot) in &step.bindings {
            if let Some(life) = &mut lives[slot.0] {
                life.first = life.first.min(index);
                life.last = index;
            }
        }
    }
    lives.into_iter().flatten().collect()
}

fn infos(gpu: &Gpu, steps: &[Dispatch], stride: u64) -> wgpu::Buffer {
    let mut bytes = vec![0; stride as usize * steps.len().max(1)];
    for (index, step) in steps.iter().enumerate() {
        let start = index * stride as usize;
        bytes[start..start + step.info.len()].copy_from_slice(&step.info);
    }
    let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("infos"),
        size: bytes.len() as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue.write_buffer(&buffer, 0, &bytes);
    buffer
}

impl Program {
    /// Puts all steps into a pass.
    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        for step in 0..self.steps.len() {
            self.encode_step(pass, step);
        }
    }

    /// Puts one step into a pass.
    pub(crate) fn encode_step(&self, pass: &mut wgpu::ComputePass<'_>, step: usize) {
        let Step { pipeline, bind_group, workgroups: [x, y, z], .. } = &self.steps[step];
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, bind_group, &[]);
        pass.dispatch_workgroups(*x, *y, *z);
    }

    /// Each step's layer or stage, its kernel and its workgroups.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (&str, &Kernel, [u32; 3])> {
        self.steps.iter().map(|step| (step.label.as_str(), &step.kernel, step.workgroups))
    }

    /// Changes the `Info` of a step for the frames to come.
    pub(crate) fn write_info(&self, gpu: &Gpu, step: usize, info: &[u8]) {
        gpu.queue.write_buffer(&self.infos, step as u64 * self.stride, info);
    }

    /// The buffer behind a slot.
    pub(crate) fn buffer(&self, slot: Slot) -> &wgpu::Buffer {
        &self.buffers[slot.0]
    }

    /// Bytes on the GPU, without buffers of other programs.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes + self.infos.size()
    }

    /// Runs all steps once, by themselves. For load and for tests.
    pub(crate) fn run(&self, gpu: &Gpu) {
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.encode(&mut encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default()));
        gpu.queue.submit([encoder.finish()]);
    }

    /// Frees the buffers now. A browser would do it when it next collects garbage, which it does not hurry to.
    pub(crate) fn destroy(self) {
        self.owned.iter().chain([&self.infos]).for_each(wgpu::Buffer::destroy);
    }
}
