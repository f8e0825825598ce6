//! The machine that a pickle runs on: values, a stack of them with marks, and a memo. What instructions mean is not
//! known here.
//!
//! Everything that is added is counted, so that no pickle takes more memory than [`MAX_VALUES`] allows.

use super::value::{Id, Pickle, Value};
use crate::error::FileError;
use crate::source::Reader;

/// Values that a pickle may make, or push onto its stack. A checkpoint with an optimiser's state has some forty for a
/// tensor; a value takes up to 40 bytes.
const MAX_VALUES: usize = 1 << 21;

/// Shared values, at the start of the list.
pub(super) const OTHER: Id = 0;
pub(super) const TRUE: Id = 1;
pub(super) const FALSE: Id = 2;

pub(super) struct Unpickler<'a, 'b> {
    pub(super) reader: &'a mut Reader<'b>,
    /// Where the pickle starts.
    pub(super) start: u64,
    pub(super) pickle: Pickle,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: Vec<Option<Id>>,
    /// How many places of the memo are filled: MEMOIZE takes the next.
    memoized: usize,
    /// How much of [`MAX_VALUES`] is used up.
    spent: usize,
}

impl<'a, 'b> Unpickler<'a, 'b> {
    /// A machine before its first instruction.
    pub(super) fn new(reader: &'a mut Reader<'b>) -> Self {
        let start = reader.position();
        let values = vec![Value::Other, Value::Bool(true), Value::Bool(false)];
        let pickle = Pickle { values, root: OTHER, storages: Vec::new(), tensors: Vec::new(), parts: Vec::new() };
        Self { reader, start, pickle, stack: Vec::new(), marks: Vec::new(), memo: Vec::new(), memoized: 0, spent: 0 }
    }

    // The memo: values that are referred to again.

    pub(super) fn put(&mut self, width: u32) -> Result<(), FileError> {
        let place = self.reader.number(width)?;
        self.remember(place)
    }

    pub(super) fn memoize(&mut self) -> Result<(), FileError> {
        self.remember(self.memoized as u64)
    }

    fn remember(&mut self, place: u64) -> Result<(), FileError> {
        let top = self.top()?;
        // A pickler counts places up by one, so there are fewer of them than bytes.
        if place > self.reader.position() - self.start || place >= MAX_VALUES as u64 {
            return Err(FileError::damaged("its pickle keeps a value at a place that cannot be reached"));
        }
        let place = place as usize;
        if place >= self.memo.len() {
            self.memo.resize(place + 1, None);
        }
        if self.memo[place].replace(top).is_none() {
            self.memoized += 1;
        }
        Ok(())
    }

    pub(super) fn recall(&mut self, width: u32) -> Result<(), FileError> {
        let place = self.reader.number(width)?;
        let value = usize::try_from(place).ok().and_then(|place| *self.memo.get(place)?);
        self.push(value.ok_or_else(|| FileError::damaged("its pickle refers to a value that it does not have"))?)
    }

    // Values and the stack.

    pub(super) fn spend(&mut self, count: usize) -> Result<(), FileError> {
        self.spent += count;
        if self.spent > MAX_VALUES {
            return Err(FileError::too_much(format_args!("more than {MAX_VALUES} values besides its tensors")));
        }
        Ok(())
    }

    pub(super) fn add(&mut self, value: Value) -> Result<Id, FileError> {
        self.spend(1)?;
        let id = self.pickle.values.len() as Id;
        self.pickle.values.push(value);
        Ok(id)
    }

    pub(super) fn mark(&mut self) -> Result<(), FileError> {
        self.spend(1)?;
        self.marks.push(self.stack.len());
        Ok(())
    }

    pub(super) fn push(&mut self, id: Id) -> Result<(), FileError> {
        self.spend(1)?;
        self.stack.push(id);
        Ok(())
    }

    pub(super) fn make(&mut self, value: Value) -> Result<(), FileError> {
        let id = self.add(value)?;
        self.push(id)
    }

    pub(super) fn get(&self, id: Id) -> &Value {
        self.pickle.get(id)
    }

    /// Removes the value on top, if there is one above the last mark.
    pub(super) fn pop(&mut self) -> Result<Id, FileError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.pop() {
            Some(top) if self.stack.len() >= floor => Ok(top),
            _ => Err(FileError::damaged("its pickle removes more from its stack than it put there")),
        }
    }

    /// Removes the value on top, or the mark if that is on top.
    pub(super) fn pop_or_mark(&mut self) -> Result<(), FileError> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    pub(super) fn pop_to_mark(&mut self) -> Result<Vec<Id>, FileError> {
        let mark =
            self.marks.pop().ok_or_else(|| FileError::damaged("its pickle closes a list that it did not open"))?;
        Ok(self.stack.split_off(mark))
    }

    /// Another value of an opaque one's origin, made with `parts`.
    pub(super) fn opaque_with(&mut self, origin: Id, parts: &[Id]) -> Result<Id, FileError> {
        let Value::Opaque { module, name, stored } = *self.get(origin) else { return Ok(OTHER) };
        let made = self.add(Value::Opaque { module, name, stored })?;
        self.hand_over(made, parts)?;
        Ok(made)
    }

    /// Puts values into an opaque one.
    pub(super) fn hand_over(&mut self, opaque: Id, parts: &[Id]) -> Result<(), FileError> {
        self.spend(parts.len())?;
        self.pickle.parts.extend(parts.iter().map(|part| (opaque, *part)));
        Ok(())
    }

    pub(super) fn top(&mut self) -> Result<Id, FileError> {
        let top = self.pop()?;
        self.stack.push(top);
        Ok(top)
    }
}
