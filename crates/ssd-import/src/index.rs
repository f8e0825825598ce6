//! What the readers of the formats find in a file: tensors, and the byte ranges that hold their numbers.

use std::collections::{BTreeMap, HashMap};

use crate::error::{FileError, quoted};
use crate::pickle::{self, Contents, Pickle, StorageRef, TensorRef, Unread};
use crate::tensor::{Place, Storage, TensorInfo};

/// All that is known of a file without reading its numbers.
pub(crate) struct Index {
    /// In the file's order.
    pub(crate) tensors: Vec<TensorInfo>,
    pub(crate) storages: Vec<Storage>,
    /// What the file says besides.
    pub(crate) metadata: BTreeMap<String, String>,
    /// What a pickle holds of classes that are not known.
    pub(crate) unread: Vec<Unread>,
    /// Where in `tensors` a name is.
    names: HashMap<String, usize>,
}

impl Index {
    /// Checks that every tensor lies in its storage and that no two have the same name.
    pub(crate) fn new(
        tensors: Vec<TensorInfo>,
        storages: Vec<Storage>,
        metadata: BTreeMap<String, String>,
        file_len: u64,
    ) -> Result<Self, FileError> {
        if tensors.is_empty() {
            return Err(FileError::StateDict("there are no tensors in the file".into()));
        }
        let mut names = HashMap::with_capacity(tensors.len());
        for (place, tensor) in tensors.iter().enumerate() {
            tensor.check(&storages[tensor.place.storage], file_len)?;
            if names.insert(tensor.name.clone(), place).is_some() {
                let name = quoted(&tensor.name);
                return Err(FileError::StateDict(format!("two tensors of the file are called {name}")));
            }
        }
        Ok(Self { tensors, storages, metadata, unread: Vec::new(), names })
    }

    /// The index of a pickle whose storages are called `prefix` and their key. They must be as long as the pickle says.
    pub(crate) fn of_pickle(
        pickle: &Pickle,
        storages: Vec<Storage>,
        prefix: &str,
        file_len: u64,
    ) -> Result<Self, FileError> {
        let mut by_name = HashMap::with_capacity(storages.len());
        for (place, storage) in storages.iter().enumerate() {
            if by_name.insert(storage.name.as_str(), place).is_some() {
                return Err(FileError::damaged(format!("it has {} twice", quoted(&storage.name))));
            }
        }
        let place = |reference: &StorageRef| {
            let name = format!("{prefix}{}", reference.key);
            let wrong = |what| FileError::damaged(format!("its storage {} {what}", quoted(&name)));
            let place = *by_name.get(name.as_str()).ok_or_else(|| wrong("is missing"))?;
            match reference.bytes() == Some(storages[place].len) {
                true => Ok(place),
                false => Err(wrong("is not as long as its pickle says")),
            }
        };
        let places = pickle.storages.iter().map(place).collect::<Result<Vec<usize>, _>>()?;
        let mut tensors = Vec::new();
        let Contents { tensors: found, unread } = pickle::contents(pickle)?;
        if found.is_empty()
            && let Some(unread) = unread.iter().find(|unread| unread.holds_tensors).or(unread.first())
        {
            return Err(unread.without_tensors());
        }
        for (name, tensor) in found {
            let storage = tensor.storage as usize;
            tensors.push(info(name, tensor, &pickle.storages[storage], places[storage])?);
        }
        Ok(Self { unread, ..Self::new(tensors, storages, BTreeMap::new(), file_len)? })
    }

    /// A tensor by its name.
    pub(crate) fn get(&self, name: &str) -> Option<&TensorInfo> {
        self.names.get(name).map(|place| &self.tensors[*place])
    }
}

/// A tensor of a pickle, with its place in bytes.
fn info(name: String, tensor: &TensorRef, storage: &StorageRef, place: usize) -> Result<TensorInfo, FileError> {
    let wrong = |why: &str| FileError::Tensor(quoted(&name), why.into());
    let dtype = tensor.dtype.clone().or_else(|| storage.dtype.clone()).ok_or_else(|| wrong("it has no dtype"))?;
    let size = dtype.size().unwrap_or(1) as u64;
    let offset = tensor.offset.checked_add(storage.first).and_then(|offset| offset.checked_mul(size));
    let offset = offset.ok_or_else(|| wrong("it starts beyond the end of any file"))?;
    let strides = (!in_order(&tensor.shape, &tensor.strides)).then(|| tensor.strides.clone());
    let place = Place { storage: place, offset, strides };
    Ok(TensorInfo { name, dtype, shape: tensor.shape.clone(), quantisation: None, place })
}

/// Whether numbers lie in the order of the shape, the last side fastest. The stride of a side of length 1 does not
/// matter.
fn in_order(shape: &[usize], strides: &[u64]) -> bool {
    let mut expected = Some(1_u64);
    shape.iter().zip(strides).rev().all(|(side, stride)| {
        let fits = *side == 1 || expected == Some(*stride);
        expected = expected.and_then(|expected| expected.checked_mul(*side as u64));
        fits
    })
}
