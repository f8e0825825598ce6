//! Which network a list of convolutions is: the architectures that may be meant are gone through layer by layer, and
//! every shape, stride, padding, activation and connection is compared.

use std::collections::HashMap;

use ssd::Arch;
use ssd::arch::Scale;
use ssd::model::{Layer, layers, tensors};
use ssd_cpu::ConvShape;

use crate::tflite::{Convolution, Head, Tail};

/// The families, at any scale.
const FAMILIES: [fn(Scale) -> Arch; 3] =
    [Arch::SsdMobileNetV1Tf, Arch::SsdLiteMobileNetV2Tf, Arch::SsdLiteMobileNetV3SmallTf];

/// A network that the convolutions are.
#[derive(Debug)]
pub(super) struct Fit {
    pub(super) arch: Arch,
    pub(super) scale: Scale,
    /// Each layer by how the paths of its tensors start, with its convolution's place in the list.
    pub(super) layers: Vec<(String, usize)>,
}

/// Why they are no network, or not the closest.
#[derive(Debug)]
pub(super) enum Misfit {
    /// No architecture has such maps.
    Foreign,
    /// The first convolution that is not the architecture's, and its layer in words.
    Layer(Arch, usize, String),
    /// Convolutions that are there, and those that there should be.
    Count(Arch, [usize; 2]),
}

/// Finds the detector, of whose class columns `kept` are taken over.
pub(super) fn detector(list: &[Convolution], tail: &Tail, input_px: u16, kept: usize) -> Result<Fit, Misfit> {
    let has_maps = |arch: Arch| {
        let maps = arch.feature_maps();
        let fits = maps.iter().zip(&tail.heads).all(|(map, head)| {
            let reader = &list[head.boxes.first()];
            reader.channels_in == map.channels && reader.size_in == [map.priors.grid; 2]
        });
        fits && maps.len() == tail.heads.len()
    };
    let of_heads: Vec<usize> = tail.heads.iter().flat_map(Head::places).collect();
    let trunk: Vec<usize> = (0..list.len()).filter(|place| !of_heads.contains(place)).collect();
    closest(input_px, has_maps, |arch| {
        let network = Network::new(arch, kept);
        let mut compared = Compared::new(arch, list);
        for ((path, layer), place) in network.trunk.iter().zip(&trunk) {
            compared.add(path, Some(layer), *place, list[*place].channels_out)?;
        }
        compared.count(trunk.len(), network.trunk.len())?;
        for (level, head) in tail.heads.iter().enumerate() {
            for (name, branch) in [("offsets", &head.boxes), ("logits", &head.classes)] {
                let (path, name) = (format!("heads.{level}.{name}"), format!("head{}.{name}", level + 1));
                if let Some(place) = branch.depthwise {
                    let layer = network.heads.get(&format!("{name}.depthwise"));
                    compared.add(&format!("{path}.depthwise.conv"), layer, place, list[place].channels_out)?;
                }
                let all = list[branch.predictor].channels_out;
                let outputs = match name.ends_with("logits") {
                    true if all % tail.columns == 0 => all / tail.columns * kept,
                    true => 0,
                    false => all,
                };
                compared.add(&format!("{path}.conv"), network.heads.get(&name), branch.predictor, outputs)?;
            }
        }
        // Layers that the file does not have.
        compared.count(compared.layers.len(), network.trunk.len() + network.heads.len())?;
        Ok(compared.layers)
    })
}

/// Finds the trunk of a classifier, whose convolutions go on with its own.
pub(super) fn trunk(list: &[Convolution], input_px: u16) -> Result<Fit, Misfit> {
    let has_map = |arch: Arch| {
        let first = arch.feature_maps().into_iter().next();
        first.is_some_and(|map| list.iter().any(|convolution| convolution.channels_out == map.channels))
    };
    closest(input_px, has_map, |arch| {
        let network = Network::new(arch, 1);
        let mut compared = Compared::new(arch, list);
        let of_trunk = network.trunk.iter().filter(|(path, _)| !path.starts_with("backbone.extras."));
        for (place, (path, layer)) in of_trunk.enumerate() {
            let Some(there) = list.get(place) else {
                return compared.count(place, network.trunk.len()).map(|()| Vec::new());
            };
            match compared.add(path, Some(layer), place, there.channels_out) {
                // A narrow classifier keeps its last convolution wide.
                Err(_) if path.starts_with("backbone.last.") => {}
                added => added?,
            }
        }
        Ok(compared.layers)
    })
}

/// Tries the architectures that `may_be` it, and of several that fit takes the one with the roundest width; else the
/// misfit of the one that agrees longest.
fn closest(
    input_px: u16,
    may_be: impl Fn(Arch) -> bool,
    fitted: impl Fn(Arch) -> Result<Vec<(String, usize)>, (usize, Misfit)>,
) -> Result<Fit, Misfit> {
    let mut widths: Vec<u16> = Scale::WIDTHS.collect();
    widths.sort_by_key(|width| (width % 25 != 0, width % 5 != 0, *width));
    let mut best = (0, Misfit::Foreign);
    for family in FAMILIES {
        for width in &widths {
            let scale = Scale { width: *width, input_px };
            let arch = family(scale);
            if !may_be(arch) {
                continue;
            }
            match fitted(arch) {
                Ok(layers) => return Ok(Fit { arch, scale, layers }),
                Err(misfit) if misfit.0 > best.0 => best = misfit,
                Err(_) => {}
            }
        }
    }
    Err(best.1)
}

/// The convolutions of an architecture.
struct Network {
    /// In their order, each after how the paths of its tensors start.
    trunk: Vec<(String, Layer)>,
    /// By their names.
    heads: HashMap<String, Layer>,
}

impl Network {
    fn new(arch: Arch, columns: usize) -> Self {
        let convolutions = layers(arch, columns).into_iter().filter(|layer| layer.shape.is_some());
        let (heads, trunk): (Vec<_>, Vec<_>) = convolutions.partition(|layer| layer.name.starts_with("head"));
        // Both are in the order in which the network runs.
        let paths = tensors(arch, columns).into_iter().filter_map(|spec| {
            let path = spec.path.strip_suffix(".weight")?;
            path.starts_with("backbone.").then(|| path.to_owned())
        });
        let heads = heads.into_iter().map(|layer| (layer.name.clone(), layer)).collect();
        Self { trunk: paths.zip(trunk).collect(), heads }
    }
}

/// Layers that agree with convolutions so far.
struct Compared<'a> {
    arch: Arch,
    list: &'a [Convolution],
    layers: Vec<(String, usize)>,
    /// Our number of each of the file's maps, and theirs of each of ours.
    maps: [HashMap<usize, usize>; 2],
}

impl<'a> Compared<'a> {
    fn new(arch: Arch, list: &'a [Convolution]) -> Self {
        Self { arch, list, layers: Vec::new(), maps: Default::default() }
    }

    /// Compares a convolution, of which `outputs` channels are taken over, with a layer.
    fn add(&mut self, path: &str, layer: Option<&Layer>, place: usize, outputs: usize) -> Result<(), (usize, Misfit)> {
        let there = &self.list[place];
        let same = layer.is_some_and(|layer| {
            let [ours, theirs] = &mut self.maps;
            let connected = *ours.entry(there.input).or_insert(layer.input) == layer.input
                && *theirs.entry(layer.input).or_insert(there.input) == there.input;
            connected
                && there.size_in == layer.size_in
                && layer.shape.is_some_and(|shape| agree(there, outputs, &shape))
        });
        if same {
            self.layers.push((path.to_owned(), place));
            return Ok(());
        }
        let words = layer.map_or_else(|| "missing".into(), words);
        Err((self.layers.len(), Misfit::Layer(self.arch, place, words)))
    }

    fn count(&self, there: usize, wanted: usize) -> Result<(), (usize, Misfit)> {
        let misfit = || (self.layers.len(), Misfit::Count(self.arch, [there, wanted]));
        if there == wanted { Ok(()) } else { Err(misfit()) }
    }
}

fn agree(there: &Convolution, outputs: usize, shape: &ConvShape) -> bool {
    let groups = if there.depthwise { there.channels_in } else { 1 };
    [there.channels_in, outputs, groups] == [shape.channels_in, shape.channels_out, shape.groups]
        && there.kernel == [shape.kernel; 2]
        && there.stride == [shape.stride; 2]
        && there.dilation == [shape.dilation; 2]
        && there.padding == shape.padding
        && there.activation == shape.activation
}

/// A layer in words.
fn words(layer: &Layer) -> String {
    let Some(shape) = layer.shape else { return layer.name.clone() };
    let ConvShape { channels_in, channels_out, kernel, stride, activation, .. } = shape;
    let of = if shape.groups > 1 { "depthwise " } else { "" };
    let [rows, columns] = layer.size_in;
    let name = &layer.name;
    format!(
        "{name}: {of}{kernel}x{kernel} from {channels_in} to {channels_out} channels with stride {stride} and \
         {activation:?} on a map of {rows} x {columns}"
    )
}

/// A convolution in the same words.
pub(super) fn described(there: &Convolution) -> String {
    let Convolution { channels_in, channels_out, kernel: [height, width], stride: [stride, _], activation, .. } = there;
    let of = if there.depthwise { "depthwise " } else { "" };
    let [rows, columns] = there.size_in;
    format!(
        "{of}{height}x{width} from {channels_in} to {channels_out} channels with stride {stride} and {activation:?} on \
         a map of {rows} x {columns}"
    )
}
