//! A program with its buffers, bind groups and pipelines.

use bytemuck::NoUninit;

use super::memory::{Life, share};
use super::recording::{Dispatch, Recording, Slot, Step, Storage};
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::Kernel;

/// Is told how many kernels are compiled, and of how many.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(usize, usize);

/// Steps that run one after the other, as often as wanted.
#[derive(Debug)]
pub(crate) struct Program {
    steps: Vec<Launch>,
    /// One for each slot.
    buffers: Vec<wgpu::Buffer>,
    /// Buffers that are freed with the program.
    owned: Vec<wgpu::Buffer>,
    /// The `info`s of all steps, one after the other.
    infos: wgpu::Buffer,
}

#[derive(Debug)]
struct Launch {
    label: String,
    kernel: Kernel,
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 3],
}

impl Recording<'_> {
    /// Makes everything the program needs, and runs the steps that run once.
    ///
    /// # Errors
    /// When the device refuses a kernel, or a buffer or a launch exceeds its limits.
    pub(crate) async fn compile(self, progress: Progress<'_>) -> Result<Program, GpuError> {
        let uploaded: Vec<wgpu::Buffer> = self.slots.iter().filter_map(Storage::uploaded).cloned().collect();
        let made = self.make(progress).await;
        if made.is_err() {
            // A browser would keep them until its next garbage collection.
            uploaded.iter().for_each(wgpu::Buffer::destroy);
        }
        made
    }

    async fn make(self, progress: Progress<'_>) -> Result<Program, GpuError> {
        let Self { gpu, slots, steps, once } = self;
        let total = steps.len() + once.len();
        let mut pipelines = Vec::with_capacity(total);
        for (done, step) in once.iter().chain(&steps).enumerate() {
            progress(done, total);
            check_size(gpu, step)?;
            pipelines.push(gpu.pipeline(&step.kernel).await?);
        }
        progress(total, total);

        let Memory { buffers, raw, owned } = memory(gpu, &slots, &steps)?;
        let after = pipelines.split_off(once.len());
        if !once.is_empty() {
            let (steps, infos) = link(gpu, once, pipelines, &buffers);
            let once = Program { steps, infos, buffers: Vec::new(), owned: Vec::new() };
            once.run(gpu);
            raw.iter().chain([&once.infos]).for_each(wgpu::Buffer::destroy);
        }
        let (steps, infos) = link(gpu, steps, after, &buffers);
        Ok(Program { steps, infos, buffers, owned })
    }
}

fn check_size(gpu: &Gpu, step: &Dispatch) -> Result<(), GpuError> {
    let most = gpu.device.limits().max_compute_workgroups_per_dimension;
    match step.workgroups.iter().find(|count| **count > most) {
        Some(&got) => {
            let (got, most) = (got as usize, most as usize);
            Err(GpuError::Size { name: "the number of workgroups of a launch", got, least: 1, most })
        }
        None => Ok(()),
    }
}

/// Bytes from one step's `info` to the next.
fn info_stride(gpu: &Gpu) -> u64 {
    u64::from(gpu.device.limits().min_uniform_buffer_offset_alignment.max(256))
}

/// Launches with their bind groups, and the buffer of their `info`s.
fn link(
    gpu: &Gpu,
    steps: Vec<Dispatch>,
    pipelines: Vec<wgpu::ComputePipeline>,
    buffers: &[wgpu::Buffer],
) -> (Vec<Launch>, wgpu::Buffer) {
    let stride = info_stride(gpu);
    let infos = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("infos"),
        size: stride * steps.len().max(1) as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let linked = steps.into_iter().zip(pipelines).enumerate().map(|(index, (dispatch, pipeline))| {
        let offset = index as u64 * stride;
        gpu.queue.write_buffer(&infos, offset, &dispatch.info);
        let size = wgpu::BufferSize::new(dispatch.info.len() as u64);
        let info = wgpu::BufferBinding { buffer: &infos, offset, size };
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
        Launch { label, kernel, pipeline, bind_group, workgroups }
    });
    (linked.collect(), infos)
}

/// The buffers of a program.
struct Memory {
    /// One for each slot.
    buffers: Vec<wgpu::Buffer>,
    /// Those that are freed after the steps that run once.
    raw: Vec<wgpu::Buffer>,
    /// Those that are freed with the program.
    owned: Vec<wgpu::Buffer>,
}

fn memory(gpu: &Gpu, slots: &[Storage], steps: &[Dispatch]) -> Result<Memory, GpuError> {
    let most = gpu.device.limits().max_storage_buffer_binding_size;
    if let Some(bytes) = slots.iter().map(Storage::bytes).find(|&bytes| bytes > most) {
        let (got, most) = (bytes as usize, most as usize);
        return Err(GpuError::Size { name: "the largest buffer of the network", got, least: 1, most });
    }
    let plan = share(&lives(slots, steps));
    let shared: Vec<wgpu::Buffer> = plan.sizes.iter().map(|bytes| gpu.zeros("shared", *bytes)).collect();
    let mut places = plan.buffer_of.iter().map(|place| &shared[*place]);
    let mut memory = Memory { buffers: Vec::with_capacity(slots.len()), raw: Vec::new(), owned: shared.clone() };
    for storage in slots {
        let buffer = match storage {
            Storage::Shared(buffer) | Storage::Filled(buffer) | Storage::Raw(buffer) => buffer.clone(),
            Storage::Kept { bytes } => gpu.zeros("kept", *bytes),
            Storage::Transient { .. } => places.next().unwrap_or(&shared[0]).clone(),
        };
        match storage {
            Storage::Filled(_) | Storage::Kept { .. } => memory.owned.push(buffer.clone()),
            Storage::Raw(_) => memory.raw.push(buffer.clone()),
            Storage::Shared(_) | Storage::Transient { .. } => {}
        }
        memory.buffers.push(buffer);
    }
    Ok(memory)
}

/// The lives of the transient slots, in the order of the slots.
fn lives(slots: &[Storage], steps: &[Dispatch]) -> Vec<Life> {
    let life = |(slot, storage): (usize, &Storage)| {
        let Storage::Transient { bytes } = *storage else { return None };
        let uses = |step: &Dispatch| step.bindings.iter().any(|(_, used)| *used == Slot(slot));
        let (first, last) = (steps.iter().position(uses), steps.iter().rposition(uses));
        Some(Life { bytes, first: first.unwrap_or(usize::MAX), last: last.unwrap_or(0) })
    };
    slots.iter().enumerate().filter_map(life).collect()
}

impl Launch {
    fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        let [x, y, z] = self.workgroups;
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}

impl Program {
    /// Puts all steps into a pass.
    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.steps.iter().for_each(|launch| launch.encode(pass));
    }

    /// Puts one step into a pass.
    pub(crate) fn encode_step(&self, pass: &mut wgpu::ComputePass<'_>, step: Step) {
        self.steps[step.0].encode(pass);
    }

    /// The steps in their order.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Step> {
        (0..self.steps.len()).map(Step)
    }

    /// A step's layer or stage, its kernel and its workgroups.
    pub(crate) fn step(&self, Step(index): Step) -> (&str, &Kernel, [u32; 3]) {
        let Launch { label, kernel, workgroups, .. } = &self.steps[index];
        (label.as_str(), kernel, *workgroups)
    }

    /// Changes the `info` of a step for the frames to come.
    pub(crate) fn write_info(&self, gpu: &Gpu, Step(index): Step, info: &impl NoUninit) {
        let launch = &self.steps[index];
        debug_assert_eq!(size_of_val(info), launch.kernel.shader.info_bytes, "{}: the shader's own info", launch.label);
        gpu.queue.write_buffer(&self.infos, index as u64 * info_stride(gpu), bytemuck::bytes_of(info));
    }

    /// The buffer behind a slot.
    pub(crate) fn buffer(&self, slot: Slot) -> &wgpu::Buffer {
        &self.buffers[slot.0]
    }

    /// Bytes on the GPU, without the buffers of other programs.
    pub(crate) fn bytes(&self) -> u64 {
        self.owned.iter().chain([&self.infos]).map(wgpu::Buffer::size).sum()
    }

    /// Runs all steps in a submit of their own. For load and for tests.
    pub(crate) fn run(&self, gpu: &Gpu) {
        gpu.submit(|pass| self.encode(pass));
    }

    /// Frees the buffers now; a browser waits for its next garbage collection.
    pub(crate) fn destroy(self) {
        self.owned.iter().chain([&self.infos]).for_each(wgpu::Buffer::destroy);
    }
}
