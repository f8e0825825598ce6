//! Opens the device that `--device` names. A missing GPU is an error, never a panic.

use burn::tensor::wgpu::{WgpuBackend, WgpuInitError, wgpu};
use burn::tensor::{Device, DeviceKind as WgpuKind};
use ssd_gpu::Gpu;

use crate::device::choice::{DeviceChoice, DeviceChoices, DeviceKind, Lender, Place};
use crate::device::lent::{self, LentError};

/// An open device and its name.
#[derive(Debug, Clone)]
pub struct OpenDevice {
    /// Burn's handle, without autodiff.
    pub device: Device,
    /// The adapter's name, or that of the CPU backend with its threads. Reveals nothing about where a lent device is.
    pub name: String,
    /// The same device for our WGSL kernels, if they run on it.
    pub gpu: Option<Gpu>,
    /// Its lender, if it is not on this machine.
    pub lender: Option<Lender>,
}

impl OpenDevice {
    /// Whether it is the processor, through the CPU backend that our own kernels run on.
    pub fn is_cpu(&self) -> bool {
        self.device == Device::flex()
    }

    /// The name, and a lent device's address.
    pub fn described(&self) -> String {
        match &self.lender {
            Some(lender) => format!("{} ({lender})", self.name),
            None => self.name.clone(),
        }
    }
}

/// A device that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// Not compiled in; its feature has its name.
    #[error(
        "this build has no {0} device: build with the feature `{0}` (cargo build --release --features {0}), \
         or use --device wgpu or cpu"
    )]
    NotBuilt(&'static str),
    /// No adapter.
    #[error(
        "no graphics adapter was found; install a Vulkan driver (Mesa's lavapipe works without a GPU), or use \
         --device cpu"
    )]
    NoAdapter,
    /// Too few adapters.
    #[error("there is no wgpu adapter {index}; there are {count}: {names}")]
    NoSuchAdapter {
        /// The one asked for.
        index: usize,
        /// How many there are.
        count: usize,
        /// Their names.
        names: String,
    },
    /// The adapter of this name exists but gives no device.
    #[error("{0} could not be opened ({1}); update its driver, or use --device cpu")]
    Refused(String, #[source] WgpuInitError),
    /// An index where there is only one device.
    #[error("there is no {0}: the processor is one device, and auto takes the first GPU; leave the index out")]
    OneOnly(DeviceChoice),
    /// Too few NVIDIA GPUs.
    #[error(
        "there is no CUDA device {index}, the driver shows {count}; install NVIDIA's driver, or use --device wgpu or \
         cpu"
    )]
    NoCuda {
        /// The one asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A lent device cannot be used.
    #[error(transparent)]
    Lent(#[from] LentError),
}

/// Opens all devices of a run: the main one, and the others.
///
/// # Errors
/// Those of [`open`], for the first that fails.
pub fn open_all(choices: &DeviceChoices) -> Result<(OpenDevice, Vec<OpenDevice>), DeviceError> {
    let others = choices.others.iter().map(open_place);
    Ok((open_place(&choices.main)?, others.collect::<Result<_, _>>()?))
}

fn open_place(place: &Place) -> Result<OpenDevice, DeviceError> {
    match place {
        Place::Here(choice) => open(choice),
        Place::Lent(lender) => {
            let device = lent::connect(lender)?;
            Ok(OpenDevice { device, name: "a lent device".into(), gpu: None, lender: Some(lender.clone()) })
        }
    }
}

/// Opens a device. `auto` takes the first hardware GPU, or else the CPU, which beats a software adapter.
///
/// # Errors
/// If the build lacks the kind, or the machine lacks the adapter.
pub fn open(choice: &DeviceChoice) -> Result<OpenDevice, DeviceError> {
    match choice.kind {
        DeviceKind::Auto | DeviceKind::Cpu if choice.index > 0 => Err(DeviceError::OneOnly(*choice)),
        DeviceKind::Cpu => Ok(cpu()),
        DeviceKind::Auto => {
            first_hardware().map_or_else(|| Ok(cpu()), |adapter| open_adapter(adapter, WgpuBackend::Auto))
        }
        DeviceKind::Wgpu => open_adapter(wgpu_adapter(choice.index)?, WgpuBackend::Auto),
        DeviceKind::Vulkan if cfg!(feature = "vulkan") => {
            open_adapter(wgpu_adapter(choice.index)?, WgpuBackend::Vulkan)
        }
        DeviceKind::Vulkan => Err(DeviceError::NotBuilt("vulkan")),
        DeviceKind::Metal if cfg!(feature = "metal") => open_adapter(wgpu_adapter(choice.index)?, WgpuBackend::Metal),
        DeviceKind::Metal => Err(DeviceError::NotBuilt("metal")),
        DeviceKind::Cuda => cuda(choice.index),
    }
}

/// Burn opens it at its first use and panics if it is missing, so devices are counted first.
#[cfg(feature = "cuda")]
fn cuda(index: usize) -> Result<OpenDevice, DeviceError> {
    let count = Device::enumerate(burn::tensor::DeviceType::Cuda).into_vec().len();
    if index >= count {
        return Err(DeviceError::NoCuda { index, count });
    }
    Ok(OpenDevice { device: Device::cuda(index), name: format!("CUDA device {index}"), gpu: None, lender: None })
}

#[cfg(not(feature = "cuda"))]
fn cuda(_: usize) -> Result<OpenDevice, DeviceError> {
    Err(DeviceError::NotBuilt("cuda"))
}

fn cpu() -> OpenDevice {
    let threads = rayon::current_num_threads();
    let name = format!("CPU (Burn flex, {threads} threads)");
    OpenDevice { device: Device::flex(), name, gpu: None, lender: None }
}

/// An adapter as Burn counts them: by kind, then by index within the kind.
struct Adapter {
    kind: WgpuKind,
    name: String,
}

fn adapters() -> Vec<Adapter> {
    // One graphics API, Burn's choice: others would list the same adapters again.
    let backends = if cfg!(target_os = "macos") { wgpu::Backends::METAL } else { wgpu::Backends::VULKAN };
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = pollster::block_on(instance.enumerate_adapters(backends));
    let (mut discrete, mut integrated, mut virtuals) = (0.., 0.., 0..);
    let next = |kind: fn(usize) -> WgpuKind, counter: &mut std::ops::RangeFrom<usize>| counter.next().map(kind);
    found
        .iter()
        .filter_map(|adapter| {
            let info = adapter.get_info();
            let kind = match info.device_type {
                wgpu::DeviceType::DiscreteGpu => next(WgpuKind::DiscreteGpu, &mut discrete),
                wgpu::DeviceType::IntegratedGpu => next(WgpuKind::IntegratedGpu, &mut integrated),
                wgpu::DeviceType::VirtualGpu => next(WgpuKind::VirtualGpu, &mut virtuals),
                wgpu::DeviceType::Cpu => Some(WgpuKind::Cpu),
                wgpu::DeviceType::Other => None,
            }?;
            Some(Adapter { kind, name: format!("{} ({})", info.name, info.backend) })
        })
        .collect()
}

fn first_hardware() -> Option<Adapter> {
    adapters().into_iter().find(|adapter| !matches!(adapter.kind, WgpuKind::Cpu))
}

/// The `index`-th adapter, hardware first.
fn wgpu_adapter(index: usize) -> Result<Adapter, DeviceError> {
    let (software, mut all): (Vec<_>, Vec<_>) =
        adapters().into_iter().partition(|adapter| matches!(adapter.kind, WgpuKind::Cpu));
    all.extend(software);
    let names = all.iter().map(|adapter| adapter.name.as_str()).collect::<Vec<_>>().join(", ");
    match all.len() {
        0 => Err(DeviceError::NoAdapter),
        count if index >= count => Err(DeviceError::NoSuchAdapter { index, count, names }),
        _ => Ok(all.swap_remove(index)),
    }
}

fn open_adapter(Adapter { kind, name }: Adapter, api: WgpuBackend) -> Result<OpenDevice, DeviceError> {
    match Device::wgpu_options().device_kind(kind).graphics_api(api).init_with_setup() {
        Ok((device, setup)) => {
            let gpu = Gpu::new(device.clone(), &setup, Some(name.clone()));
            Ok(OpenDevice { device, name, gpu: Some(gpu), lender: None })
        }
        Err(error) => Err(DeviceError::Refused(name, error)),
    }
}
