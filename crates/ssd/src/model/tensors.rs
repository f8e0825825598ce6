//! The tensors of a network by path and shape, as in a weights file, without drawing any weight.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};

use super::Ssd;
use crate::arch::Arch;

/// A tensor of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its path, such as `backbone.convs.0.conv.weight`.
    pub path: String,
    /// Its shape, as Burn and PyTorch have it.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// Whether it is a convolution's weight or bias, which a file in half precision holds as f16. Norms stay f32 there.
    pub fn of_convolution(&self) -> bool {
        self.path.ends_with(".weight") || self.path.ends_with(".bias")
    }
}

/// The tensors of the network of `arch` with `columns` logits for each prior.
pub fn tensors(arch: Arch, columns: usize) -> Vec<TensorSpec> {
    let mut list = List::default();
    Ssd::undrawn(arch, columns, &Device::flex()).visit(&mut list);
    list.found
}

#[derive(Default)]
struct List {
    /// The path of the current module; variants of enumerations are not part of it.
    path: Vec<String>,
    found: Vec<TensorSpec>,
}

fn counts(container: &str) -> bool {
    !container.starts_with("Enum:")
}

impl ModuleVisitor for List {
    fn enter_module(&mut self, name: &str, container: &str) {
        if counts(container) {
            self.path.push(name.to_owned());
        }
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        if counts(container) {
            self.path.pop();
        }
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let shape = param.lazy_shape().to_vec();
        self.found.push(TensorSpec { path: self.path.join("."), shape });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use safetensors::SafeTensors;

    use super::*;
    use crate::weights::{self, Dtype, Header, Provenance};

    #[test]
    fn they_are_those_of_a_weights_file() {
        for arch in [Arch::Ssd300MobileNetV2Lite, Arch::SsdLite320MobileNetV3Large] {
            let header = Header::new(arch, vec!["a".into(), "b".into()], Provenance::default());
            let model = Ssd::new(arch, 3, &Device::flex());
            for (dtype, half) in [(Dtype::F32, false), (Dtype::F16, true)] {
                let bytes = weights::save(&header, &model, dtype).unwrap();
                let file = SafeTensors::deserialize(&bytes).unwrap();
                let listed = tensors(arch, 3);
                assert_eq!(listed.len(), file.len(), "{arch}");
                for spec in listed {
                    let view = file.tensor(&spec.path).unwrap();
                    assert_eq!(view.shape(), spec.shape, "{}", spec.path);
                    let expected = half && spec.of_convolution();
                    assert_eq!(view.dtype() == safetensors::Dtype::F16, expected, "{}", spec.path);
                }
            }
        }
    }
}
