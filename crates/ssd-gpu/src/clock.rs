//! The device's own clock, around the passes of a command encoder.

use crate::gpu::Gpu;

/// Times of some passes, each taken at its start and its end. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    tick_ns: f32,
}

impl Clock {
    /// For so many passes; `None` where the device has no clock.
    pub(crate) fn new(gpu: &Gpu, passes: u32) -> Option<Self> {
        if !gpu.has_timestamps() {
            return None;
        }
        let queries = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("clock"),
            ty: wgpu::QueryType::Timestamp,
            count: 2 * passes,
        });
        let resolved = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("clock"),
            size: Self::bytes(passes),
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        Some(Self { queries, resolved, tick_ns: gpu.queue.get_timestamp_period() })
    }

    /// Bytes of the times of so many passes.
    pub(crate) fn bytes(passes: u32) -> u64 {
        u64::from(2 * passes) * size_of::<u64>() as u64
    }

    /// A pass that is timed where there is a clock.
    pub(crate) fn pass<'a>(
        clock: Option<&Self>,
        encoder: &'a mut wgpu::CommandEncoder,
        index: u32,
    ) -> wgpu::ComputePass<'a> {
        let timestamp_writes = clock.map(|clock| wgpu::ComputePassTimestampWrites {
            query_set: &clock.queries,
            beginning_of_pass_write_index: Some(2 * index),
            end_of_pass_write_index: Some(2 * index + 1),
        });
        encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes })
    }

    /// Copies the times of all passes to the start of `staging`.
    pub(crate) fn copy(&self, encoder: &mut wgpu::CommandEncoder, staging: &wgpu::Buffer) {
        encoder.resolve_query_set(&self.queries, 0..self.queries.count(), &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, staging, 0, self.resolved.size());
    }

    /// Milliseconds of each pass, from the bytes of the times.
    pub(crate) fn ms(&self, bytes: &[u8]) -> Vec<f64> {
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(bytes);
        // A clock may have been reset in between.
        let ms = |[start, end]: &[u64; 2]| end.saturating_sub(*start) as f64 * f64::from(self.tick_ns) * 1e-6;
        ticks.as_chunks().0.iter().map(ms).collect()
    }

    pub(crate) fn destroy(self) {
        self.resolved.destroy();
        self.queries.destroy();
    }
}
