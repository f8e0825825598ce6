//! What calling a known class or function makes. Nothing is executed: each is a case here.

use super::globals::Global;
use super::machine::Unpickler;
use super::value::{Id, TensorRef, Value};
use crate::dtype::DType;
use crate::error::FileError;

/// More sides than a tensor of a network has.
const MAX_SIDES: usize = 16;

impl Unpickler<'_, '_> {
    /// What `function(*args)` makes: an opaque value, if it depends on one.
    pub(super) fn call(&mut self, function: &Global, args: &[Id]) -> Result<Id, FileError> {
        if *function != Global::Plain
            && *function != Global::DefaultDict
            && let Some(opaque) = self.opaque_among(args)
        {
            return self.opaque_with(opaque, args);
        }
        match (function, args) {
            (Global::OrderedDict | Global::DefaultDict, []) => self.add(Value::Dict(Vec::new())),
            (Global::DefaultDict, [_default]) => self.add(Value::Dict(Vec::new())),
            // Python 2 passes the entries as a list of pairs.
            (Global::OrderedDict, [entries]) => {
                let entries = self.pairs(*entries)?;
                self.add(Value::Dict(entries))
            }
            (Global::Plain, _) => self.add(Value::Other),
            (Global::Size, [sides]) if matches!(self.get(*sides), Value::Tuple(_) | Value::List(_)) => Ok(*sides),
            (Global::Tensor, [storage, offset, shape, strides, rest @ ..]) => {
                // After two that do not matter here: flags of a tensor whose numbers are still to be conjugated or
                // negated.
                let lazily =
                    rest.get(2).is_some_and(|marks| matches!(self.get(*marks), Value::Dict(d) if !d.is_empty()));
                let dtype = lazily.then(|| DType::Other("lazily conjugated or negated numbers".into()));
                self.tensor([*storage, *offset, *shape, *strides], dtype)
            }
            (Global::TypedTensor, [storage, offset, shape, strides, _grad, _hooks, dtype, ..]) => {
                let Value::Global(Global::DType(dtype)) = self.get(*dtype) else {
                    return Err(FileError::damaged("a tensor's dtype is not a dtype"));
                };
                let dtype = dtype.clone();
                self.tensor([*storage, *offset, *shape, *strides], Some(dtype))
            }
            (Global::Parameter, [tensor, ..]) if matches!(self.get(*tensor), Value::Tensor(_)) => Ok(*tensor),
            (Global::FromType, [function, _class, args, _state]) => {
                let (Value::Global(function), Value::Tuple(args)) = (self.get(*function), self.get(*args)) else {
                    return Err(FileError::damaged("a tensor subclass is not built from a tensor"));
                };
                let (function, args) = (function.clone(), args.clone());
                if !matches!(function, Global::Tensor | Global::TypedTensor | Global::Parameter) {
                    return Err(FileError::damaged("a tensor subclass is built by a function that builds no tensor"));
                }
                self.call(&function, &args)
            }
            _ => Err(FileError::damaged("its pickle calls a function with arguments that it does not take")),
        }
    }

    /// The first opaque value among arguments, or in a tuple or list that could be a shape.
    fn opaque_among(&self, args: &[Id]) -> Option<Id> {
        let opaque = |id: &Id| matches!(self.get(*id), Value::Opaque { .. });
        args.iter().find_map(|arg| match self.get(*arg) {
            Value::Opaque { .. } => Some(*arg),
            Value::Tuple(items) => items.iter().take(MAX_SIDES).copied().find(opaque),
            Value::List(items) => items.iter().take(MAX_SIDES).copied().find(opaque),
            _ => None,
        })
    }

    fn tensor(&mut self, [storage, offset, shape, strides]: [Id; 4], dtype: Option<DType>) -> Result<Id, FileError> {
        let wrong = || FileError::damaged("its pickle builds a tensor without a storage, a shape and strides");
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

    /// A tuple or list of numbers of at least 0.
    fn sides(&self, id: Id) -> Result<Vec<u64>, FileError> {
        let items: &[Id] = match self.get(id) {
            Value::Tuple(items) => items,
            Value::List(items) => items,
            _ => return Err(FileError::damaged("a tensor's shape is not a tuple")),
        };
        if items.len() > MAX_SIDES {
            return Err(FileError::too_much(format_args!("a tensor with {} sides", items.len())));
        }
        let side = |id: &Id| match self.get(*id) {
            Value::Int(side) => u64::try_from(*side).ok(),
            _ => None,
        };
        let sides: Option<Vec<u64>> = items.iter().map(side).collect();
        sides.ok_or_else(|| FileError::damaged("a side of a tensor is not a whole number, or is negative"))
    }

    /// The entries in a list of pairs.
    fn pairs(&mut self, id: Id) -> Result<Vec<(Id, Id)>, FileError> {
        let Value::List(items) = self.get(id) else {
            return Err(FileError::damaged("its pickle makes a dictionary without a list of pairs"));
        };
        let pair = |id: &Id| match self.get(*id) {
            Value::Tuple(pair) => <[Id; 2]>::try_from(&**pair).ok(),
            Value::List(pair) => <[Id; 2]>::try_from(&pair[..]).ok(),
            _ => None,
        };
        let pairs: Option<Vec<(Id, Id)>> = items.iter().map(|id| pair(id).map(Into::into)).collect();
        let pairs = pairs.ok_or_else(|| FileError::damaged("its pickle makes a dictionary without pairs"))?;
        // A list may be used again and again, and each time it is copied.
        self.spend(pairs.len())?;
        Ok(pairs)
    }
}
