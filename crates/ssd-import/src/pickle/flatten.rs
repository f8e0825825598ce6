//! Names for tensors: the keys that lead to each through dictionaries and lists, joined by dots.

use super::globals::refused;
use super::value::{Id, Pickle, TensorRef, Value};
use crate::error::{FileError, quoted};

/// Levels of dictionaries and lists: a checkpoint has four.
const MAX_DEPTH: usize = 64;

/// Visits of values; a value may be in several places, so there can be more visits than values.
const MAX_VISITS: usize = 1 << 22;

/// Bytes of a name.
const MAX_NAME: usize = 512;

/// Names that a file may give its tensors.
const MAX_NAMES: usize = 1 << 16;

/// Opaque values that are remembered.
const MAX_UNREAD: usize = 1 << 12;

/// The name of a tensor that is alone in its file.
const ALONE: &str = "tensor";

/// What stands where a tensor could, made by a class or function that is not known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unread {
    /// Its name, as a tensor's; empty for the whole file.
    pub(crate) name: String,
    /// The class or function.
    pub(crate) global: String,
    /// Whether numbers of tensors went into it.
    pub(crate) holds_tensors: bool,
}

impl Unread {
    /// The refusal of a file that has no tensor besides.
    pub(crate) fn without_tensors(&self) -> FileError {
        if self.holds_tensors || self.name.is_empty() {
            return self.refusal();
        }
        let (name, global) = (quoted(&self.name), &self.global);
        FileError::StateDict(format!("there are no tensors in the file, and {name} is of {global}, which is not read"))
    }

    /// The refusal of a file in which this should have been tensors.
    pub(crate) fn refusal(&self) -> FileError {
        match &self.name[..] {
            "" => refused(&self.global),
            name => FileError::Pickle(format!("has {}, which no tensor is made of, as {}", self.global, quoted(name))),
        }
    }
}

/// What a pickle holds, by name.
pub(crate) struct Contents<'a> {
    pub(crate) tensors: Vec<(String, &'a TensorRef)>,
    pub(crate) unread: Vec<Unread>,
}

/// All tensors of a pickle with their names, such as `model.vgg.0.weight` or `optimizer.state.0.exp_avg`, in its order;
/// one in two places is there twice. Opaque values are listed by themselves. Everything else is left out, and so are
/// tensors whose key is neither a text nor a whole number. Values that are nested too deep or refer to each other in a
/// circle are refused, unless that is within an opaque one.
pub(crate) fn contents(pickle: &Pickle) -> Result<Contents<'_>, FileError> {
    let seen = vec![false; pickle.values.len()];
    let mut walk = Walk { pickle, name: String::new(), visits: 0, found: Vec::new(), unread: Vec::new(), seen };
    walk.visit(pickle.root, 0)?;
    Ok(Contents { tensors: walk.found, unread: walk.unread })
}

struct Walk<'a> {
    pickle: &'a Pickle,
    /// The name of the value that is visited.
    name: String,
    visits: usize,
    found: Vec<(String, &'a TensorRef)>,
    unread: Vec<Unread>,
    /// Values that were looked at within opaque ones, each once.
    seen: Vec<bool>,
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
            Value::Opaque { .. } if self.unread.len() < MAX_UNREAD => {
                let holds_tensors = self.holds_tensors(id);
                let global = pickle.origin(id).unwrap_or_default();
                self.unread.push(Unread { name: self.name.chars().take(MAX_NAME).collect(), global, holds_tensors });
            }
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

    /// Whether numbers of tensors went into an opaque value that no earlier one shares.
    fn holds_tensors(&mut self, opaque: Id) -> bool {
        let pickle = self.pickle;
        let mut within = vec![opaque];
        let mut holds = false;
        while let Some(id) = within.pop() {
            if std::mem::replace(&mut self.seen[id as usize], true) {
                continue;
            }
            match pickle.get(id) {
                Value::Tensor(_) | Value::Storage(_) => holds = true,
                Value::Opaque { stored, .. } => {
                    holds |= stored;
                    within.extend(pickle.parts_of(id).iter().map(|(_, part)| *part));
                }
                Value::Dict(entries) => within.extend(entries.iter().flat_map(|(key, value)| [*key, *value])),
                Value::List(items) => within.extend(items),
                Value::Tuple(items) => within.extend(items),
                _ => {}
            }
        }
        holds
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
