//! Pickles of PyTorch: parsed, never executed.
//!
//! A pickle is a program for a machine with a stack. Here it runs on values of ours, from which nothing leads out: a call is a case
//! in `globals`, and what is not in there is refused by name. Read are the instructions that CPython's pickler writes in
//! protocols 2 to 5 for dictionaries, lists, plain values and tensors.
//!
//! Memory is bounded by what is read: a text is there before it gets room, and the number of values has a limit.

mod flatten;
mod globals;
mod machine;
mod opcodes;
mod value;

pub(crate) use flatten::{Named, tensors};
pub(crate) use value::{Pickle, StorageRef, TensorRef, Value};

use crate::error::FileError;
use crate::source::Reader;
use globals::Global;
use machine::{FALSE, OTHER, TRUE, Unpickler};
use value::Id;

/// Tensors, and references to storages, that a pickle may hold.
const MAX_TENSORS: usize = 1 << 16;

/// Texts above this many bytes are no names: they are stepped over.
const MAX_TEXT: u64 = 4096;

/// A storage's name: a number in decimals.
const MAX_KEY: usize = 64;

/// Reads one pickle, up to its STOP.
///
/// # Errors
///
/// [`FileError::Opcode`] and [`FileError::Global`] for what is no part of a state dict, else what is wrong with the bytes.
pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Pickle, FileError> {
    let mut machine = Unpickler::new(reader);
    loop {
        let opcode = machine.reader.byte()?;
        if opcode == opcodes::STOP {
            machine.pickle.root = machine.pop()?;
            return Ok(machine.pickle);
        }
        machine.step(opcode)?;
    }
}

impl Unpickler<'_, '_> {
    fn step(&mut self, opcode: u8) -> Result<(), FileError> {
        match opcode {
            opcodes::PROTO => match self.reader.byte()? {
                0..=5 => Ok(()),
                newer => Err(FileError::damaged(format!("its pickle has protocol {newer}, and there are five"))),
            },
            // How a reader may divide its work.
            opcodes::FRAME => self.reader.skip(8),
            opcodes::MARK => self.mark(),

            opcodes::NONE => self.push(OTHER),
            opcodes::NEWTRUE => self.push(TRUE),
            opcodes::NEWFALSE => self.push(FALSE),
            opcodes::BININT => self.whole_number(4),
            opcodes::BININT1 => self.plain_number(1),
            opcodes::BININT2 => self.plain_number(2),
            opcodes::LONG1 => self.long(1),
            opcodes::LONG4 => self.long(4),
            opcodes::BINFLOAT => self.pass(8),

            opcodes::SHORT_BINSTRING | opcodes::SHORT_BINUNICODE => self.text(1),
            opcodes::BINSTRING | opcodes::BINUNICODE => self.text(4),
            opcodes::BINUNICODE8 => self.text(8),
            opcodes::SHORT_BINBYTES => self.counted(1),
            opcodes::BINBYTES => self.counted(4),
            opcodes::BINBYTES8 | opcodes::BYTEARRAY8 => self.counted(8),

            opcodes::EMPTY_TUPLE => self.make(Value::Tuple(Box::default())),
            opcodes::TUPLE1 => self.tuple(1),
            opcodes::TUPLE2 => self.tuple(2),
            opcodes::TUPLE3 => self.tuple(3),
            opcodes::TUPLE => {
                let items = self.pop_to_mark()?;
                self.make(Value::Tuple(items.into()))
            }
            opcodes::EMPTY_LIST => self.make(Value::List(Vec::new())),
            opcodes::APPEND => {
                let item = self.pop()?;
                self.append(&[item])
            }
            opcodes::APPENDS => {
                let items = self.pop_to_mark()?;
                self.append(&items)
            }
            opcodes::EMPTY_DICT => self.make(Value::Dict(Vec::new())),
            opcodes::SETITEM => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(&[key, value])
            }
            opcodes::SETITEMS => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)
            }
            // Tensors do not lie in sets: what does is let go.
            opcodes::EMPTY_SET => self.push(OTHER),
            opcodes::ADDITEMS => self.pop_to_mark().map(drop),
            opcodes::FROZENSET => {
                self.pop_to_mark()?;
                self.push(OTHER)
            }

            opcodes::BINGET => self.recall(1),
            opcodes::LONG_BINGET => self.recall(4),
            opcodes::BINPUT => self.put(1),
            opcodes::LONG_BINPUT => self.put(4),
            opcodes::MEMOIZE => self.memoize(),

            opcodes::GLOBAL => {
                let (module, name) = (self.line()?, self.line()?);
                self.make(Value::Global(globals::find(&module, &name)?))
            }
            opcodes::STACK_GLOBAL => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (self.get(module), self.get(name)) else {
                    return Err(FileError::damaged("its pickle names a class by what is no text"));
                };
                let global = globals::find(module, name)?;
                self.make(Value::Global(global))
            }
            opcodes::REDUCE => self.reduce(),
            opcodes::BUILD => self.build(),
            opcodes::BINPERSID => self.storage(),
            _ => Err(FileError::Opcode(opcodes::refused(opcode))),
        }
    }

    // Plain values.

    fn whole_number(&mut self, width: u32) -> Result<(), FileError> {
        let bits = 64 - 8 * width;
        let number = ((self.reader.number(width)? << bits) as i64) >> bits;
        self.make(Value::Int(number))
    }

    fn plain_number(&mut self, width: u32) -> Result<(), FileError> {
        let number = self.reader.number(width)? as i64;
        self.make(Value::Int(number))
    }

    fn long(&mut self, width: u32) -> Result<(), FileError> {
        match self.reader.number(width)? {
            0 => self.make(Value::Int(0)),
            bytes @ 1..=8 => self.whole_number(bytes as u32),
            more => self.pass(more),
        }
    }

    fn text(&mut self, width: u32) -> Result<(), FileError> {
        let len = self.reader.number(width)?;
        if len > MAX_TEXT {
            return self.pass(len);
        }
        match String::from_utf8(self.reader.bytes(len)?) {
            Ok(text) => self.make(Value::Text(text)),
            // Bytes of Python 2, or half of a surrogate pair: no name of a tensor.
            Err(_) => self.push(OTHER),
        }
    }

    fn counted(&mut self, width: u32) -> Result<(), FileError> {
        let len = self.reader.number(width)?;
        self.pass(len)
    }

    /// Steps over the bytes of a value that does not matter.
    fn pass(&mut self, len: u64) -> Result<(), FileError> {
        self.reader.skip(len)?;
        self.push(OTHER)
    }

    fn line(&mut self) -> Result<String, FileError> {
        let mut line = Vec::new();
        loop {
            match self.reader.byte()? {
                b'\n' => break,
                _ if line.len() as u64 == MAX_TEXT => {
                    return Err(FileError::damaged("its pickle names a class without end"));
                }
                byte => line.push(byte),
            }
        }
        String::from_utf8(line).map_err(|_| FileError::damaged("its pickle names a class by what is no text"))
    }

    // What holds values.

    fn tuple(&mut self, len: usize) -> Result<(), FileError> {
        let mut items = vec![OTHER; len];
        for item in items.iter_mut().rev() {
            *item = self.pop()?;
        }
        self.make(Value::Tuple(items.into()))
    }

    fn append(&mut self, more: &[Id]) -> Result<(), FileError> {
        match self.top_mut()? {
            Value::List(items) => items.extend_from_slice(more),
            _ => return Err(FileError::damaged("its pickle appends to what is no list")),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), FileError> {
        let (pairs, rest) = items.as_chunks::<2>();
        match self.top_mut()? {
            Value::Dict(entries) if rest.is_empty() => entries.extend(pairs.iter().map(|[key, value]| (*key, *value))),
            _ => return Err(FileError::damaged("its pickle fills what is no dictionary")),
        }
        Ok(())
    }

    // Calls, and what stands for the numbers.

    fn reduce(&mut self) -> Result<(), FileError> {
        let (args, function) = (self.pop()?, self.pop()?);
        let (Value::Global(function), Value::Tuple(args)) = (self.get(function), self.get(args)) else {
            return Err(FileError::damaged("its pickle calls what is no function"));
        };
        // Copies, since what is called may add values; arguments beyond what any function takes are not looked at.
        let (function, args) = (function.clone(), args[..args.len().min(8)].to_vec());
        let made = self.call(&function, &args)?;
        self.push(made)
    }

    /// Attributes of the object on top. Those of an `OrderedDict` are version numbers of layers; nothing else has any.
    fn build(&mut self) -> Result<(), FileError> {
        self.pop()?;
        match self.top_mut()? {
            Value::Dict(_) => Ok(()),
            _ => Err(FileError::Opcode("BUILD of something that is no dictionary".into())),
        }
    }

    /// `("storage", type, key, device, count)`, in legacy files with a view or `None` behind.
    fn storage(&mut self) -> Result<(), FileError> {
        let id = self.pop()?;
        let wrong = || FileError::damaged("its pickle refers to what is no storage");
        let Value::Tuple(parts) = self.get(id) else { return Err(wrong()) };
        let (parts, view) = match **parts {
            [tag, class, key, _device, count] => ([tag, class, key, count], OTHER),
            [tag, class, key, _device, count, view] => ([tag, class, key, count], view),
            _ => return Err(wrong()),
        };
        let [Value::Text(tag), Value::Global(Global::Storage(dtype)), Value::Text(key), Value::Int(count)] =
            parts.map(|part| self.get(part))
        else {
            return Err(wrong());
        };
        if tag != "storage" || key.len() > MAX_KEY {
            return Err(wrong());
        }
        let count = u64::try_from(*count).map_err(|_| wrong())?;
        let first = match self.get(view) {
            Value::Other => 0,
            Value::Tuple(view) => self.view(view, count).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        let storage = StorageRef { key: key.clone(), dtype: dtype.clone(), count, first };
        let number = self.pickle.storages.len();
        if number == MAX_TENSORS {
            return Err(FileError::TooMuch(format!("more than {MAX_TENSORS} references to storages")));
        }
        self.pickle.storages.push(storage);
        self.make(Value::Storage(number as u32))
    }

    /// Where the part of a storage starts that `(key, start, count)` names; it has to lie in the storage.
    fn view(&self, view: &[Id], storage_count: u64) -> Option<u64> {
        let [_key, start, count] = view else { return None };
        let [Value::Int(start), Value::Int(count)] = [start, count].map(|part| self.get(*part)) else { return None };
        let (start, count) = (u64::try_from(*start).ok()?, u64::try_from(*count).ok()?);
        (start.checked_add(count)? <= storage_count).then_some(start)
    }

    fn add_tensor(&mut self, tensor: TensorRef) -> Result<Id, FileError> {
        let number = self.pickle.tensors.len();
        if number == MAX_TENSORS {
            return Err(FileError::TooMuch(format!("more than {MAX_TENSORS} tensors")));
        }
        self.pickle.tensors.push(tensor);
        self.add(Value::Tensor(number as u32))
    }
}
