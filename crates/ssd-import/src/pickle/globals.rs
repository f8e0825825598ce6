//! The classes and functions that a pickle may name.
//!
//! It is the set that `torch.save` needs for tensors and for what accompanies them in a checkpoint (`torch/_utils.py`,
//! `torch/_tensor.py` and `torch/serialization.py` of PyTorch 0.4 to 2.15).

use crate::dtype::DType;
use crate::error::{FileError, quoted};

/// A known class or function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Global {
    /// `collections.OrderedDict`.
    OrderedDict,
    /// Makes something without tensors from any arguments: `set`, `torch.device`, `collections.Counter`.
    Plain,
    /// `collections.defaultdict`: filled after it was made.
    DefaultDict,
    /// `torch.Size`: its argument as a tuple.
    Size,
    /// `torch._utils._rebuild_tensor`, also in its second form.
    Tensor,
    /// `torch._utils._rebuild_tensor_v3`: with a dtype.
    TypedTensor,
    /// `torch._utils._rebuild_parameter`: its first argument, a tensor.
    Parameter,
    /// `torch._tensor._rebuild_from_type_v2`: calls one of the three functions for tensors.
    FromType,
    /// A class that is named and not called: `torch.Tensor`, or the argument of a `defaultdict`.
    Type,
    /// A dtype: `torch.float32`.
    DType(DType),
    /// A typed storage: `torch.FloatStorage`; `None` for those that are counted in bytes.
    Storage(Option<DType>),
}

/// What a name refers to; an unknown one is [`FileError::Pickle`].
pub(super) fn find(module: &str, name: &str) -> Result<Global, FileError> {
    known(module, name).ok_or_else(|| {
        let name = format!("{}.{}", quoted(module), quoted(name));
        FileError::Pickle(format!("asks for {name}, which is no part of a tensor"))
    })
}

fn known(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Global::OrderedDict,
        ("collections", "defaultdict") => Global::DefaultDict,
        ("collections", "Counter") | ("_codecs", "encode") | ("torch", "device") => Global::Plain,
        // The module's name in Python 2, which protocol 2 keeps.
        ("builtins" | "__builtin__", "set" | "frozenset" | "bytearray" | "complex") => Global::Plain,
        ("builtins" | "__builtin__", "dict" | "list" | "int" | "float") => Global::Type,
        ("torch", "Size") => Global::Size,
        ("torch", "Tensor") | ("torch.nn.parameter", "Parameter") => Global::Type,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::Tensor,
        ("torch._utils", "_rebuild_tensor_v3") => Global::TypedTensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Global::Parameter,
        ("torch._tensor", "_rebuild_from_type_v2") => Global::FromType,
        ("torch.storage" | "torch", "UntypedStorage" | "_UntypedStorage") => Global::Storage(None),
        ("torch" | "torch.cuda", name) if name.ends_with("Storage") => {
            Global::Storage(Some(DType::from_storage(name.strip_suffix("Storage")?)?))
        }
        ("torch", name) => Global::DType(DType::from_torch(name)?),
        _ => return None,
    })
}
