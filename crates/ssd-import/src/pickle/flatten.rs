//! Names for tensors: the way to each through dictionaries and lists, joined by dots.

use super::value::{Id, Pickle, TensorRef, Value};
use crate::error::FileError;

/// A dictionary in a dictionary in a dictionary: a checkpoint has four.
const MAX_DEPTH: usize = 64;

/// Values looked at; since one may stand in several places, they can be more than were read.
const MAX_VISITS: usize = 1 << 22;

/// Bytes of a name.
const MAX_NAME: usize = 512;

/// Names that a file may give its tensors.
const MAX_NAMES: usize = 1 << 16;

/// What a tensor is called that stands alone in its file.
const ALONE: &str = "tensor";

/// A tensor and its name.
pub(crate) struct Named<'a> {
    /// The way to it: `model.vgg.0.weight`, `optimizer.state.0.exp_avg`.
    pub(crate) name: String,
    /// What it is.
    pub(crate) tensor: &'a TensorRef,
}

/// All tensors of a pickle in its order, one that stands in two places twice. What is no tensor is left out, and what stands
/// under a key that is neither a text nor a whole number.
///
/// # Errors
///
/// [`FileError::TooMuch`] where values are nested too deep, refer to each other in a circle, or have names without end.
pub(crate) fn tensors(pickle: &Pickle) -> Result<Vec<Named<'_>>, FileError> {
    let mut walk = Walk { pickle, name: String::new(), visits: 0, found: Vec::new() };
    walk.visit(pickle.root, 0)?;
    Ok(walk.found)
}

struct Walk<'a> {
    pickle: &'a Pickle,
    /// The way to the value that is visited.
    name: String,
    visits: usize,
    found: Vec<Named<'a>>,
}

impl Walk<'_> {
    fn visit(&mut self, id: Id, depth: usize) -> Result<(), FileError> {
        self.visits += 1;
        if self.visits > MAX_VISITS || depth > MAX_DEPTH {
            return Err(FileError::TooMuch("lists or dictionaries nested too deep, or in a circle".into()));
        }
        let pickle = self.pickle;
        match pickle.get(id) {
            Value::Dict(entries) => {
                for (key, value) in entries {
                    match pickle.get(*key) {
                        Value::Text(key) => self.below(key, *value, depth)?,
                        Value::Int(key) => self.below(&key.to_string(), *value, depth)?,
                        _ => {}
                    }
                }
            }
            Value::List(items) => self.items(items, depth)?,
            Value::Tuple(items) => self.items(items, depth)?,
            Value::Tensor(number) => self.found(*number)?,
            _ => {}
        }
        Ok(())
    }

    fn items(&mut self, items: &[Id], depth: usize) -> Result<(), FileError> {
        for (place, item) in items.iter().enumerate() {
            self.below(&place.to_string(), *item, depth)?;
        }
        Ok(())
    }

    fn below(&mut self, key: &str, id: Id, depth: usize) -> Result<(), FileError> {
        let len = self.name.len();
        if len > 0 {
            self.name.push('.');
        }
        self.name.push_str(key);
        self.visit(id, depth + 1)?;
        self.name.truncate(len);
        Ok(())
    }

    fn found(&mut self, number: u32) -> Result<(), FileError> {
        if self.name.len() > MAX_NAME {
            return Err(FileError::TooMuch(format!("a tensor with a name of {} bytes", self.name.len())));
        }
        if self.found.len() == MAX_NAMES {
            return Err(FileError::TooMuch(format!("more than {MAX_NAMES} names of tensors")));
        }
        let name = if self.name.is_empty() { ALONE.into() } else { self.name.clone() };
        self.found.push(Named { name, tensor: &self.pickle.tensors[number as usize] });
        Ok(())
    }
}
