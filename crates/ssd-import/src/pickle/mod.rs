//! Pickles of PyTorch: parsed, never executed.
//!
//! A pickle is a program for a stack machine. Here it runs on values of ours that reach nothing outside: a call is a
//! case in `calls`, and a name that `globals` does not list is refused by that name. The instructions are those that
//! CPython's pickler writes in protocols 2 to 5 for dictionaries, lists, plain values and tensors.
//!
//! Memory is bounded: nothing is allocated for bytes that the file does not have, and the number of values has a limit.
//!
//! `pytorch-reader` reads from paths alone, which a page does not have, and keeps unknown objects instead of refusing
//! them by name.

mod calls;
mod flatten;
mod globals;
mod machine;
mod value;

pub(crate) use flatten::tensors;
pub(crate) use value::{Pickle, StorageRef, TensorRef, Value};

use crate::error::FileError;
use crate::source::Reader;
use globals::Global;
use machine::{FALSE, OTHER, TRUE, Unpickler};
use value::Id;

/// Tensors, and references to storages, that a pickle may hold.
const MAX_TENSORS: usize = 1 << 16;

/// The longest text that can be a name; longer ones are skipped.
const MAX_TEXT: u64 = 4096;

/// The longest name of a storage, which is a decimal number.
const MAX_KEY: usize = 64;

/// Reads one pickle, up to the instruction STOP, which is a full stop. Instructions and names that a state dict does
/// not need are [`FileError::Pickle`].
pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Pickle, FileError> {
    let mut machine = Unpickler::new(reader);
    loop {
        let opcode = machine.reader.byte()?;
        if opcode == b'.' {
            machine.pickle.root = machine.pop()?;
            return Ok(machine.pickle);
        }
        machine.step(opcode)?;
    }
}

impl Unpickler<'_, '_> {
    fn step(&mut self, opcode: u8) -> Result<(), FileError> {
        match opcode {
            0x80 => self.protocol(),     // PROTO
            0x95 => self.reader.skip(8), // FRAME, a hint for buffering
            b'(' => self.mark(),         // MARK

            b'N' => self.push(OTHER),     // NONE
            0x88 => self.push(TRUE),      // NEWTRUE
            0x89 => self.push(FALSE),     // NEWFALSE
            b'J' => self.whole_number(4), // BININT
            b'K' => self.plain_number(1), // BININT1
            b'M' => self.plain_number(2), // BININT2
            0x8A => self.long(1),         // LONG1
            0x8B => self.long(4),         // LONG4
            b'G' => self.pass(8),         // BINFLOAT

            b'U' | 0x8C => self.text(1),    // SHORT_BINSTRING, SHORT_BINUNICODE
            b'T' | b'X' => self.text(4),    // BINSTRING, BINUNICODE
            0x8D => self.text(8),           // BINUNICODE8
            b'C' => self.counted(1),        // SHORT_BINBYTES
            b'B' => self.counted(4),        // BINBYTES
            0x8E | 0x96 => self.counted(8), // BINBYTES8, BYTEARRAY8

            b')' => self.make(Value::Tuple(Box::default())), // EMPTY_TUPLE
            0x85 => self.tuple(1),                           // TUPLE1
            0x86 => self.tuple(2),                           // TUPLE2
            0x87 => self.tuple(3),                           // TUPLE3
            b't' => self.pop_to_mark().and_then(|items| self.make(Value::Tuple(items.into()))), // TUPLE
            b']' => self.make(Value::List(Vec::new())),      // EMPTY_LIST
            b'a' => self.pop().and_then(|item| self.append(&[item])), // APPEND
            b'e' => self.pop_to_mark().and_then(|items| self.append(&items)), // APPENDS
            b'}' => self.make(Value::Dict(Vec::new())),      // EMPTY_DICT
            b's' => self.set_item(),                         // SETITEM
            b'u' => self.pop_to_mark().and_then(|items| self.set_items(&items)), // SETITEMS
            // There are no tensors in sets: what is in one is dropped.
            0x8F => self.push(OTHER),                                  // EMPTY_SET
            0x90 => self.pop_to_mark().map(drop),                      // ADDITEMS
            0x91 => self.pop_to_mark().and_then(|_| self.push(OTHER)), // FROZENSET

            b'h' => self.recall(1), // BINGET
            b'j' => self.recall(4), // LONG_BINGET
            b'q' => self.put(1),    // BINPUT
            b'r' => self.put(4),    // LONG_BINPUT
            0x94 => self.memoize(), // MEMOIZE

            b'c' => self.global(),       // GLOBAL
            0x93 => self.stack_global(), // STACK_GLOBAL
            b'R' => self.reduce(),       // REDUCE
            b'b' => self.build(),        // BUILD
            b'Q' => self.storage(),      // BINPERSID
            _ => Err(refused(&name(opcode))),
        }
    }

    fn protocol(&mut self) -> Result<(), FileError> {
        match self.reader.byte()? {
            0..=5 => Ok(()),
            newer => Err(FileError::damaged(format!("its pickle has the unknown protocol {newer}"))),
        }
    }

    // Plain values.

    fn whole_number(&mut self, width: u32) -> Result<(), FileError> {
        let bits = 64 - 8 * width;
        let number = ((self.reader.number(width)? << bits) as i64) >> bits;
        self.make(Value::Int(number))
    }

    fn plain_number(&mut self, width: u32) -> Result<(), FileError> {
        self.reader.number(width).and_then(|number| self.make(Value::Int(number as i64)))
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
            // Bytes of Python 2, or half of a surrogate pair: not the name of a tensor.
            Err(_) => self.push(OTHER),
        }
    }

    fn counted(&mut self, width: u32) -> Result<(), FileError> {
        self.reader.number(width).and_then(|len| self.pass(len))
    }

    /// Skips the bytes of a value that does not matter.
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
                    return Err(FileError::damaged("the name of a class in its pickle has no end"));
                }
                byte => line.push(byte),
            }
        }
        String::from_utf8(line).map_err(|_| FileError::damaged("the name of a class in its pickle is not a text"))
    }

    // Containers.

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
            _ => return Err(FileError::damaged("its pickle appends to something other than a list")),
        }
        Ok(())
    }

    fn set_item(&mut self) -> Result<(), FileError> {
        let (value, key) = (self.pop()?, self.pop()?);
        self.set_items(&[key, value])
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), FileError> {
        let (pairs, rest) = items.as_chunks::<2>();
        match self.top_mut()? {
            Value::Dict(entries) if rest.is_empty() => entries.extend(pairs.iter().map(|[key, value]| (*key, *value))),
            _ => return Err(FileError::damaged("its pickle sets items of something other than a dictionary")),
        }
        Ok(())
    }

    // Names, calls, and references to storages.

    fn global(&mut self) -> Result<(), FileError> {
        let (module, name) = (self.line()?, self.line()?);
        self.make(Value::Global(globals::find(&module, &name)?))
    }

    fn stack_global(&mut self) -> Result<(), FileError> {
        let (name, module) = (self.pop()?, self.pop()?);
        let (Value::Text(module), Value::Text(name)) = (self.get(module), self.get(name)) else {
            return Err(FileError::damaged("the name of a class in its pickle is not a text"));
        };
        let global = globals::find(module, name)?;
        self.make(Value::Global(global))
    }

    fn reduce(&mut self) -> Result<(), FileError> {
        let (args, function) = (self.pop()?, self.pop()?);
        let (Value::Global(function), Value::Tuple(args)) = (self.get(function), self.get(args)) else {
            return Err(FileError::damaged("its pickle calls something other than a function"));
        };
        // Copies, since a call may add values; more arguments than any function takes are ignored.
        let (function, args) = (function.clone(), args[..args.len().min(8)].to_vec());
        let made = self.call(&function, &args)?;
        self.push(made)
    }

    /// Attributes of the object on top. An `OrderedDict` has version numbers of layers; nothing else has any.
    fn build(&mut self) -> Result<(), FileError> {
        self.pop()?;
        match self.top_mut()? {
            Value::Dict(_) => Ok(()),
            _ => Err(refused("BUILD of something other than a dictionary")),
        }
    }

    /// `("storage", type, key, device, count)`, in legacy files followed by a view or `None`.
    fn storage(&mut self) -> Result<(), FileError> {
        let id = self.pop()?;
        let wrong = || FileError::damaged("its pickle refers to something other than a storage");
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
            return Err(FileError::too_much(format_args!("more than {MAX_TENSORS} references to storages")));
        }
        self.pickle.storages.push(storage);
        self.make(Value::Storage(number as u32))
    }

    /// Where the part of a storage starts that `(key, start, count)` names; the part has to be within the storage.
    fn view(&self, view: &[Id], storage_count: u64) -> Option<u64> {
        let [_key, start, count] = view else { return None };
        let [Value::Int(start), Value::Int(count)] = [start, count].map(|part| self.get(*part)) else { return None };
        let (start, count) = (u64::try_from(*start).ok()?, u64::try_from(*count).ok()?);
        (start.checked_add(count)? <= storage_count).then_some(start)
    }

    fn add_tensor(&mut self, tensor: TensorRef) -> Result<Id, FileError> {
        let number = self.pickle.tensors.len();
        if number == MAX_TENSORS {
            return Err(FileError::too_much(format_args!("more than {MAX_TENSORS} tensors")));
        }
        self.pickle.tensors.push(tensor);
        self.add(Value::Tensor(number as u32))
    }
}

fn refused(instruction: &str) -> FileError {
    FileError::Pickle(format!("has the instruction {instruction}, which weights do not need"))
}

/// The name of a refused instruction, as Python's `pickletools` has it.
fn name(opcode: u8) -> String {
    let name = match opcode {
        // These make an object of a class.
        b'i' => "INST",
        b'o' => "OBJ",
        0x81 => "NEWOBJ",
        0x92 => "NEWOBJ_EX",
        // These call a function that another program registered.
        0x82..=0x84 => return format!("EXT{}", 1 << (opcode - 0x82)),
        // Pickles as text, which PyTorch does not write.
        b'I' => "INT",
        b'L' => "LONG",
        b'F' => "FLOAT",
        b'S' => "STRING",
        b'V' => "UNICODE",
        b'l' => "LIST",
        b'd' => "DICT",
        b'g' => "GET",
        b'p' => "PUT",
        b'P' => "PERSID",
        // Never written for weights.
        b'0' => "POP",
        b'1' => "POP_MARK",
        b'2' => "DUP",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        _ => return format!("0x{opcode:02X}"),
    };
    name.into()
}
