//! What a pickle builds: values that refer to each other by number, since a list may be filled after others refer to
//! it.

use super::globals::Global;
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

    /// The value of a key, if this is a dictionary that has it.
    pub(crate) fn entry(&self, dict: &Value, name: &str) -> Option<&Value> {
        let Value::Dict(entries) = dict else { return None };
        let named = |id: Id| matches!(self.get(id), Value::Text(text) if text == name);
        entries.iter().find(|(key, _)| named(*key)).map(|(_, value)| self.get(*value))
    }
}
