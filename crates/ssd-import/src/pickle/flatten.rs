//! Names for tensors: the keys that lead to each through dictionaries and lists, joined by dots.

use super::value::{Id, Pickle, TensorRef, Value};
use crate::error::FileError;

/// Levels of dictionaries and lists: a checkpoint has four.
const MAX_DEPTH: usize = 64;

/// Visits of values; a value may be in several places, so there can be more visits than values.
const MAX_VISITS: usize = 1 << 22;

/// Bytes of a name.
const MAX_NAME: usize = 512;

/// Names that a file may give its tensors.
const MAX_NAMES: usize = 1 << 16;

/// The name of a tensor that is alone in its file.
const ALONE: &str = "tensor";

/// All tensors of a pickle with their names, such as `model.vgg.0.weight` or `optimizer.state.0.exp_avg`, in its order;
/// one in two places is there twice. Everything else is left out, and so are tensors whose key is neither a text nor a
/// whole number. Values that are nested too deep or refer to each other in a circle are refused.
pub(crate) fn tensors(pickle: &Pickle) -> Result<Vec<(String, &TensorRef)>, FileError> {
    let mut walk = Walk { pickle, name: String::new(), visits: 0, found: Vec::new() };
    walk.visit(pickle.root, 0)?;
    Ok(walk.found)
}

struct Walk<'a> {
    pickle: &'a Pickle,
    /// The name of the value that is visited.
    name: String,
    visits: usize,
    found: Vec<(String, &'a TensorRef)>,
}

impl Walk<'_> {
    fn visit(&mut self, id: Id, depth: usize) -> Result<(), FileError> {
        self.visits += 1;
        if self.visits > MAX_VISITS || depth > MAX_DEPTH {
            return Err(FileError::too_much("lists or dictionaries nested too deep, or in a circle"));
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
            return Err(FileError::too_much(format_args!("a tensor with a name of {} bytes", self.name.len())));
        }
        if self.found.len() == MAX_NAMES {
            return Err(FileError::too_much(format_args!("more than {MAX_NAMES} names of tensors")));
        }
        let name = if self.name.is_empty() { ALONE.into() } else { self.name.clone() };
        self.found.push((name, &self.pickle.tensors[number as usize]));
        Ok(())
    }
}
