//! What a pickle builds: values that refer to each other by number, since a list may be filled after others refer to
//! it.

use super::globals::{self, Global};
use crate::dtype::DType;

/// The number of a value in [`Pickle::values`].
pub(crate) type Id = u32;

/// A value, as far as tensors and their names need it.
#[derive(Debug)]
pub(crate) enum Value {
    /// Anything that is not a tensor and cannot hold one: `None`, floats, bytes, sets, long texts, devices.
    Other,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// A text short enough for a name.
    Text(String),
    /// A tuple, or a `torch.Size`.
    Tuple(Box<[Id]>),
    /// A list.
    List(Vec<Id>),
    /// A dictionary: keys and values, in order.
    Dict(Vec<(Id, Id)>),
    /// A class, a function or a dtype, by its name.
    Global(Global),
    /// An entry of [`Pickle::storages`].
    Storage(u32),
    /// An entry of [`Pickle::tensors`].
    Tensor(u32),
    /// A class or function that is not known, or whatever came of it. Module and name are texts; `stored` says that it
    /// stands for the numbers of a tensor. What was put into it is in [`Pickle::parts`].
    Opaque { module: Id, name: Id, stored: bool },
}

/// A tensor's numbers as the pickle refers to them; where they are, the file around it says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StorageRef {
    /// Its name in the file.
    pub(crate) key: String,
    /// Its kind of numbers; `None` where it is counted in bytes.
    pub(crate) dtype: Option<DType>,
    /// How many numbers there are.
    pub(crate) count: u64,
    /// Index of the first; old files may refer to a part of a storage.
    pub(crate) first: u64,
}

impl StorageRef {
    /// Bytes of the whole storage; `None` where they are not known or beyond u64.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let size = match &self.dtype {
            None => 1,
            Some(DType::Other(name)) if name == "complex64" => 8,
            Some(DType::Other(name)) if name == "complex128" => 16,
            Some(dtype) => dtype.size()? as u64,
        };
        self.count.checked_mul(size)
    }
}

/// A tensor as the pickle describes it, unchecked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TensorRef {
    /// The entry of [`Pickle::storages`].
    pub(crate) storage: u32,
    /// Its kind of numbers; `None` where the storage says it.
    pub(crate) dtype: Option<DType>,
    /// Index of its first number in the storage, or in the part of it.
    pub(crate) offset: u64,
    /// Its sides.
    pub(crate) shape: Vec<usize>,
    /// Numbers from one element to the next along each side.
    pub(crate) strides: Vec<u64>,
}

/// A pickle that was read.
#[derive(Debug)]
pub(crate) struct Pickle {
    /// All values; the first three are shared: other, true and false.
    pub(crate) values: Vec<Value>,
    /// What was pickled.
    pub(crate) root: Id,
    /// All references to storages.
    pub(crate) storages: Vec<StorageRef>,
    /// All tensors, in the order in which they were built.
    pub(crate) tensors: Vec<TensorRef>,
    /// Opaque values, each with one that was handed to it; sorted once the pickle is read.
    pub(crate) parts: Vec<(Id, Id)>,
}

impl Pickle {
    /// A value by its number.
    pub(crate) fn get(&self, id: Id) -> &Value {
        // Ids are made by the reader alone, and nothing is removed from the list.
        &self.values[id as usize]
    }

    /// What was pickled.
    pub(crate) fn root(&self) -> &Value {
        self.get(self.root)
    }

    /// What an opaque value is made of: `module.name`; `None` for any other value.
    pub(crate) fn origin(&self, id: Id) -> Option<String> {
        let Value::Opaque { module, name, .. } = *self.get(id) else { return None };
        let text = |id: Id| match self.get(id) {
            Value::Text(text) => &text[..],
            _ => "",
        };
        Some(globals::shown(text(module), text(name)))
    }

    /// What was handed to an opaque value.
    pub(crate) fn parts_of(&self, id: Id) -> &[(Id, Id)] {
        let start = self.parts.partition_point(|(owner, _)| *owner < id);
        let len = self.parts[start..].partition_point(|(owner, _)| *owner == id);
        &self.parts[start..start + len]
    }

    /// The value of a key, if this is a dictionary that has it.
    pub(crate) fn entry(&self, dict: &Value, name: &str) -> Option<&Value> {
        let Value::Dict(entries) = dict else { return None };
        let named = |id: Id| matches!(self.get(id), Value::Text(text) if text == name);
        entries.iter().find(|(key, _)| named(*key)).map(|(_, value)| self.get(*value))
    }
}
