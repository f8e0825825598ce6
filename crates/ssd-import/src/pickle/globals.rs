//! The classes and functions whose meaning is known, and those that are refused wherever they stand. Any other one is
//! an opaque value.
//!
//! The known ones are the set that `torch.save` needs for tensors and for what accompanies them in a checkpoint
//! (`torch/_utils.py`, `torch/_tensor.py` and `torch/serialization.py` of PyTorch 0.4 to 2.15).

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

/// What a name refers to; `None` for an unknown one.
///
/// # Errors
///
/// [`FileError::Pickle`] for a name by which a pickle runs a program.
pub(super) fn find(module: &str, name: &str) -> Result<Option<Global>, FileError> {
    match runs_programs(module, name) {
        true => Err(refused(&shown(module, name))),
        false => Ok(known(module, name)),
    }
}

/// The refusal of a class or function.
pub(crate) fn refused(global: &str) -> FileError {
    FileError::Pickle(format!("asks for {global}, which is no part of a tensor"))
}

/// A class or function as people write it.
pub(crate) fn shown(module: &str, name: &str) -> String {
    format!("{}.{}", quoted(module), quoted(name))
}

/// Modules by which a pickle runs a program, opens files or reaches the network where it is loaded: no checkpoint needs
/// them, so a file that has one is refused whole. This warns people; here nothing would be called either way.
const HARMFUL: [&str; 27] = [
    "_pickle",
    "_posixsubprocess",
    "asyncio",
    "bdb",
    "cProfile",
    "ctypes",
    "ftplib",
    "http",
    "importlib",
    "marshal",
    "nt",
    "os",
    "pdb",
    "pickle",
    "pip",
    "posix",
    "pty",
    "requests",
    "runpy",
    "shutil",
    "smtplib",
    "socket",
    "subprocess",
    "sys",
    "timeit",
    "urllib",
    "webbrowser",
];

/// Names of Python's built-in functions of which the same is true.
const HARMFUL_BUILTINS: [&str; 11] =
    ["__import__", "apply", "breakpoint", "compile", "delattr", "eval", "exec", "execfile", "input", "open", "setattr"];

/// Whether a name is one by which a pickle runs a program. A dotted name may reach a module through another one.
fn runs_programs(module: &str, name: &str) -> bool {
    let first = module.split('.').next().unwrap_or(module);
    let way = name.rsplit_once('.').map_or("", |(way, _)| way);
    let builtin = matches!(module, "builtins" | "__builtin__") && HARMFUL_BUILTINS.contains(&name);
    builtin || HARMFUL.contains(&first) || way.split('.').any(|part| HARMFUL.contains(&part))
}

pub(super) fn known(module: &str, name: &str) -> Option<Global> {
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
