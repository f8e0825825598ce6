//! The classes and functions that a pickle may name, and what calling them makes. Nothing is called: each is a case here.
//!
//! It is the set that `torch.save` needs for tensors and for what stands beside them in a checkpoint (`torch/_utils.py`,
//! `torch/_tensor.py` and `torch/serialization.py` of PyTorch 0.4 to 2.15).

use super::machine::Unpickler;
use super::value::{Id, TensorRef, Value};
use crate::dtype::DType;
use crate::error::{FileError, quoted};

/// More sides than a tensor of a network has.
const MAX_SIDES: usize = 16;

/// A known class or function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Global {
    /// `collections.OrderedDict`.
    OrderedDict,
    /// Makes something that holds no tensors, from whatever: `set`, `torch.device`, `collections.Counter`.
    Plain,
    /// `collections.defaultdict`: filled after it was made.
    DefaultDict,
    /// `torch.Size`: a tuple of its argument.
    Size,
    /// `torch._utils._rebuild_tensor`, also in its second form.
    Tensor,
    /// `torch._utils._rebuild_tensor_v3`: with a dtype.
    TypedTensor,
    /// `torch._utils._rebuild_parameter`: its first argument, a tensor.
    Parameter,
    /// `torch._tensor._rebuild_from_type_v2`: calls one of those for tensors.
    FromType,
    /// A class that is named and not called: `torch.Tensor`, or what a `defaultdict` makes.
    Type,
    /// A dtype: `torch.float32`.
    DType(DType),
    /// A typed storage: `torch.FloatStorage`; `None` for those that are counted in bytes.
    Storage(Option<DType>),
}

/// What a name stands for.
///
/// # Errors
///
/// [`FileError::Global`] for every name that is not known.
pub(super) fn find(module: &str, name: &str) -> Result<Global, FileError> {
    known(module, name).ok_or_else(|| FileError::Global(format!("{}.{}", quoted(module), quoted(name))))
}

fn known(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Global::OrderedDict,
        ("collections", "defaultdict") => Global::DefaultDict,
        ("collections", "Counter") | ("_codecs", "encode") | ("torch", "device") => Global::Plain,
        // Python 2 has another name for the module, and protocol 2 keeps to it.
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

impl Unpickler<'_, '_> {
    /// What `function(*args)` makes.
    pub(super) fn call(&mut self, function: &Global, args: &[Id]) -> Result<Id, FileError> {
        match (function, args) {
            (Global::OrderedDict | Global::DefaultDict, []) => self.add(Value::Dict(Vec::new())),
            (Global::DefaultDict, [_default]) => self.add(Value::Dict(Vec::new())),
            // Python 2 hands the entries over as a list of pairs.
            (Global::OrderedDict, [entries]) => {
                let entries = self.pairs(*entries)?;
                self.add(Value::Dict(entries))
            }
            (Global::Plain, _) => self.add(Value::Other),
            (Global::Size, [sides]) if matches!(self.get(*sides), Value::Tuple(_) | Value::List(_)) => Ok(*sides),
            (Global::Tensor, [storage, offset, shape, strides, rest @ ..]) => {
                // After two that do not matter here: marks of a tensor whose numbers are to be conjugated or negated.
                let lazily =
                    rest.get(2).is_some_and(|marks| matches!(self.get(*marks), Value::Dict(d) if !d.is_empty()));
                let dtype = lazily.then(|| DType::Other("lazily conjugated or negated numbers".into()));
                self.tensor([*storage, *offset, *shape, *strides], dtype)
            }
            (Global::TypedTensor, [storage, offset, shape, strides, _grad, _hooks, dtype, ..]) => {
                let Value::Global(Global::DType(dtype)) = self.get(*dtype) else {
                    return Err(FileError::damaged("a tensor's dtype is none"));
                };
                let dtype = dtype.clone();
                self.tensor([*storage, *offset, *shape, *strides], Some(dtype))
            }
            (Global::Parameter, [tensor, ..]) if matches!(self.get(*tensor), Value::Tensor(_)) => Ok(*tensor),
            (Global::FromType, [function, _class, args, _state]) => {
                let (Value::Global(function), Value::Tuple(args)) = (self.get(*function), self.get(*args)) else {
                    return Err(FileError::damaged("a tensor of a class of its own is not built from a tensor"));
                };
                let (function, args) = (function.clone(), args.clone());
                if !matches!(function, Global::Tensor | Global::TypedTensor | Global::Parameter) {
                    return Err(FileError::damaged("a tensor of a class of its own is built by what builds no tensor"));
                }
                self.call(&function, &args)
            }
            _ => Err(FileError::damaged("its pickle calls a function with arguments that it does not take")),
        }
    }

    fn tensor(&mut self, [storage, offset, shape, strides]: [Id; 4], dtype: Option<DType>) -> Result<Id, FileError> {
        let wrong = || FileError::damaged("its pickle builds a tensor from what is no storage, shape and strides");
        let Value::Storage(storage) = *self.get(storage) else { return Err(wrong()) };
        let Value::Int(offset) = *self.get(offset) else { return Err(wrong()) };
        let offset = u64::try_from(offset).map_err(|_| wrong())?;
        let shape = self.sides(shape)?.into_iter().map(usize::try_from).collect::<Result<Vec<_>, _>>();
        let shape = shape.map_err(|_| wrong())?;
        let strides = self.sides(strides)?;
        if shape.len() != strides.len() {
            return Err(wrong());
        }
        self.add_tensor(TensorRef { storage, dtype, offset, shape, strides })
    }

    /// A tuple or list of numbers that are not negative.
    fn sides(&self, id: Id) -> Result<Vec<u64>, FileError> {
        let items: &[Id] = match self.get(id) {
            Value::Tuple(items) => items,
            Value::List(items) => items,
            _ => return Err(FileError::damaged("a tensor's shape is no tuple")),
        };
        if items.len() > MAX_SIDES {
            return Err(FileError::TooMuch(format!("a tensor with {} sides", items.len())));
        }
        let side = |id: &Id| match self.get(*id) {
            Value::Int(side) => u64::try_from(*side).ok(),
            _ => None,
        };
        let sides: Option<Vec<u64>> = items.iter().map(side).collect();
        sides.ok_or_else(|| FileError::damaged("a side of a tensor is no whole number, or negative"))
    }

    /// The entries in a list of pairs.
    fn pairs(&mut self, id: Id) -> Result<Vec<(Id, Id)>, FileError> {
        let Value::List(items) = self.get(id) else {
            return Err(FileError::damaged("its pickle makes a dictionary of what is no list"));
        };
        let pair = |id: &Id| match self.get(*id) {
            Value::Tuple(pair) => <[Id; 2]>::try_from(&**pair).ok(),
            Value::List(pair) => <[Id; 2]>::try_from(&pair[..]).ok(),
            _ => None,
        };
        let pairs: Option<Vec<(Id, Id)>> = items.iter().map(|id| pair(id).map(Into::into)).collect();
        let pairs = pairs.ok_or_else(|| FileError::damaged("its pickle makes a dictionary of what are no pairs"))?;
        // A list may be called upon again and again, and each time it is copied.
        self.spend(pairs.len())?;
        Ok(pairs)
    }
}
