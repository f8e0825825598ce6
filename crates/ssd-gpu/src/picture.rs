//! preprocess: pictures of any size to the network's input, on the GPU.
//!
//! Each image of a batch has a texture, which is kept as long as pictures fit into it, so that a stream of frames
//! allocates nothing. The arithmetic is that of [`ssd::preprocess`].

use ssd::preprocess::{Normalization, Preprocess};

use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::{Kernel, Precision};
use crate::network::pack;
use crate::wgsl::{PREPROCESS, PreprocessInfo};

/// A picture's pixels.
#[derive(Debug, Clone)]
pub enum Picture<'a> {
    /// `[height, width, 4]` bytes; alpha is ignored.
    Rgba {
        /// Row by row.
        bytes: &'a [u8],
        /// In pixels.
        width: usize,
        /// In pixels.
        height: usize,
    },
    /// An image of the browser, copied without leaving the GPU.
    #[cfg(target_arch = "wasm32")]
    External {
        /// A bitmap, a video frame, a canvas.
        source: wgpu::ExternalImageSource,
        /// In pixels.
        width: usize,
        /// In pixels.
        height: usize,
    },
}

impl Picture<'_> {
    fn size(&self) -> [usize; 2] {
        match self {
            Self::Rgba { width, height, .. } => [*width, *height],
            #[cfg(target_arch = "wasm32")]
            Self::External { width, height, .. } => [*width, *height],
        }
    }

    /// The pixels, for engines without GPU textures.
    pub(crate) fn rgba(&self) -> Result<(&[u8], [usize; 2]), GpuError> {
        match self {
            Self::Rgba { bytes, width, height } if bytes.len() == width * height * 4 && !bytes.is_empty() => {
                Ok((bytes, [*width, *height]))
            }
            Self::Rgba { bytes, width, height } => {
                Err(GpuError::Picture { got: bytes.len(), width: *width, height: *height })
            }
            #[cfg(target_arch = "wasm32")]
            Self::External { width, height, .. } => Err(GpuError::Picture { got: 0, width: *width, height: *height }),
        }
    }
}

/// The preprocessing of a frame.
#[derive(Debug)]
pub(crate) struct PictureInput {
    pipeline: wgpu::ComputePipeline,
    input: wgpu::Buffer,
    precision: Precision,
    /// Side of the input.
    side: usize,
    images: Vec<ImageInput>,
}

/// One image of the batch.
#[derive(Debug)]
struct ImageInput {
    info: wgpu::Buffer,
    /// The contents of `info`.
    current: PreprocessInfo,
    texture: Option<(wgpu::Texture, wgpu::BindGroup)>,
}

impl PictureInput {
    /// Writes into `input`, `[images, S, S]` quads.
    pub(crate) async fn new(
        gpu: &Gpu,
        input: &wgpu::Buffer,
        spec: Preprocess,
        images: usize,
        precision: Precision,
    ) -> Result<Self, GpuError> {
        let kernel = Kernel { precision, ..Kernel::plain(&PREPROCESS) };
        let pipeline = gpu.pipeline(&kernel).await?;
        let Normalization { mean, std } = spec.normalization;
        let image = |index| {
            let current = PreprocessInfo {
                width: 1,
                height: 1,
                size: spec.input_size as u32,
                image: index as u32,
                mean: [mean[0], mean[1], mean[2], 0.0],
                deviation: [std[0], std[1], std[2], 1.0],
            };
            let info = gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("preprocess"),
                size: size_of::<PreprocessInfo>() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            gpu.queue.write_buffer(&info, 0, bytemuck::bytes_of(&current));
            ImageInput { info, current, texture: None }
        };
        let images = (0..images).map(image).collect();
        Ok(Self { pipeline, input: input.clone(), precision, side: spec.input_size, images })
    }

    /// Copies a picture to the GPU.
    ///
    /// # Errors
    /// When the picture does not have its pixels, or is too large for a texture.
    pub(crate) fn upload(&mut self, gpu: &Gpu, image: usize, picture: &Picture<'_>) -> Result<(), GpuError> {
        let [width, height] = picture.size();
        let most = gpu.device.limits().max_texture_dimension_2d as usize;
        if ![width, height].iter().all(|side| (1..=most).contains(side)) {
            return Err(GpuError::PictureSize { width, height, most });
        }
        let slot = &mut self.images[image];
        let fits = |texture: &wgpu::Texture| texture.width() as usize >= width && texture.height() as usize >= height;
        let texture = match &slot.texture {
            Some((texture, _)) if fits(texture) => texture.clone(),
            old => {
                // As large as both, so that alternating portrait and landscape pictures do not replace it each time.
                let grown = |new: usize, had: fn(&wgpu::Texture) -> u32| {
                    old.as_ref().map_or(new, |(texture, _)| new.max(had(texture) as usize))
                };
                let texture = texture(gpu, grown(width, wgpu::Texture::width), grown(height, wgpu::Texture::height));
                // Frames in flight keep it alive.
                if let Some((old, _)) = old {
                    old.destroy();
                }
                let bind_group = bind(gpu, &self.pipeline, &slot.info, &texture, &self.input);
                slot.texture = Some((texture.clone(), bind_group));
                texture
            }
        };
        let info = PreprocessInfo { width: width as u32, height: height as u32, ..slot.current };
        if info != slot.current {
            gpu.queue.write_buffer(&slot.info, 0, bytemuck::bytes_of(&info));
            slot.current = info;
        }
        copy(gpu, picture, &texture)
    }

    /// Numbers of a preprocessed picture.
    pub(crate) fn numbers(&self) -> usize {
        3 * self.side * self.side
    }

    /// Fills the input with preprocessed pictures, `[B, 3, S, S]`.
    pub(crate) fn write(&self, gpu: &Gpu, pictures: &[f32]) {
        let area = self.side * self.side;
        let quads = pictures.chunks_exact(self.numbers()).flat_map(|picture| {
            (0..area).flat_map(move |at| [picture[at], picture[area + at], picture[2 * area + at], 0.0])
        });
        let quads: Vec<f32> = quads.collect();
        gpu.queue.write_buffer(&self.input, 0, &pack::stored(&quads, self.precision));
    }

    /// Puts the launches for the first `images` images into a pass.
    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>, images: usize) {
        let groups = PREPROCESS.groups(self.side * self.side) as u32;
        for (_, bind_group) in self.images[..images].iter().filter_map(|image| image.texture.as_ref()) {
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, bind_group, &[]);
            pass.dispatch_workgroups(groups, 1, 1);
        }
    }

    /// Bytes of the textures on the GPU.
    pub(crate) fn bytes(&self) -> u64 {
        let textures = self.images.iter().filter_map(|image| image.texture.as_ref());
        textures.map(|(texture, _)| u64::from(texture.width()) * u64::from(texture.height()) * 4).sum()
    }

    pub(crate) fn destroy(&self) {
        for image in &self.images {
            image.info.destroy();
            if let Some((texture, _)) = &image.texture {
                texture.destroy();
            }
        }
    }
}

fn texture(gpu: &Gpu, width: usize, height: usize) -> wgpu::Texture {
    gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size: extent(width, height),
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        // Not `-srgb`: networks expect the encoded numbers.
        format: wgpu::TextureFormat::Rgba8Unorm,
        // Browsers demand the last one for their copies.
        usage: wgpu::TextureUsages::TEXTURE_BINDING
            | wgpu::TextureUsages::COPY_DST
            | wgpu::TextureUsages::RENDER_ATTACHMENT,
        view_formats: &[],
    })
}

fn extent(width: usize, height: usize) -> wgpu::Extent3d {
    wgpu::Extent3d { width: width as u32, height: height as u32, depth_or_array_layers: 1 }
}

fn bind(
    gpu: &Gpu,
    pipeline: &wgpu::ComputePipeline,
    info: &wgpu::Buffer,
    texture: &wgpu::Texture,
    input: &wgpu::Buffer,
) -> wgpu::BindGroup {
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
    gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("preprocess"),
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[
            entry(0, info.as_entire_binding()),
            entry(1, wgpu::BindingResource::TextureView(&view)),
            entry(2, input.as_entire_binding()),
        ],
    })
}

fn copy(gpu: &Gpu, picture: &Picture<'_>, texture: &wgpu::Texture) -> Result<(), GpuError> {
    match picture {
        Picture::Rgba { width, height, .. } => {
            let (bytes, _) = picture.rgba()?;
            let layout =
                wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(*width as u32 * 4), rows_per_image: None };
            gpu.queue.write_texture(texture.as_image_copy(), bytes, layout, extent(*width, *height));
        }
        #[cfg(target_arch = "wasm32")]
        Picture::External { source, width, height } => {
            let from = wgpu::CopyExternalImageSourceInfo {
                source: source.clone(),
                origin: wgpu::Origin2d::ZERO,
                flip_y: false,
            };
            let to = texture.as_image_copy().to_tagged(wgpu::PredefinedColorSpace::Srgb, false);
            gpu.queue.copy_external_image_to_texture(&from, to, extent(*width, *height));
        }
    }
    Ok(())
}
