//! Pickles of PyTorch: parsed, never executed.
//!
//! A pickle is a program for a stack machine. Here it runs on values of ours that reach nothing outside: a call is a
//! case in `calls`. A class or function that `globals` does not list becomes an opaque value, and so does all that
//! comes of it: what stands beside the tensors is passed over, and only what should have been a tensor is refused, by
//! that name. The instructions are those that CPython's pickler writes in protocols 2 to 5.
//!
//! Memory is bounded: nothing is allocated for bytes that the file does not have, and the number of values has a limit.
//!
//! `pytorch-reader` reads from paths alone, which a page does not have.

mod calls;
mod flatten;
mod globals;
mod machine;
mod scan;
mod value;

pub(crate) use flatten::{Contents, Unread, contents};
pub(crate) use globals::refused;
pub(crate) use scan::asked;
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

/// Reads one pickle, up to the instruction STOP, which is a full stop. Instructions that no checkpoint needs are
/// [`FileError::Pickle`].
pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Pickle, FileError> {
    let mut machine = Unpickler::new(reader);
    loop {
        let opcode = machine.reader.byte()?;
        if opcode == b'.' {
            machine.pickle.root = machine.pop()?;
            machine.pickle.parts.sort_unstable();
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
            0x8F => self.push(OTHER),                                            // EMPTY_SET
            0x90 => self.pop_to_mark().and_then(|items| self.add_items(&items)), // ADDITEMS
            0x91 => self.pop_to_mark().and_then(|_| self.push(OTHER)),           // FROZENSET

            b'h' => self.recall(1), // BINGET
            b'j' => self.recall(4), // LONG_BINGET
            b'q' => self.put(1),    // BINPUT
            b'r' => self.put(4),    // LONG_BINPUT
            0x94 => self.memoize(), // MEMOIZE

            b'c' => self.global(),            // GLOBAL
            0x93 => self.stack_global(),      // STACK_GLOBAL
            b'R' => self.reduce(),            // REDUCE
            0x81 => self.new_object(0x81, 1), // NEWOBJ
            0x92 => self.new_object(0x92, 2), // NEWOBJ_EX
            b'b' => self.build(),             // BUILD
            b'Q' => self.persistent(),        // BINPERSID

            // The pickler takes back what refers to itself and was finished meanwhile.
            b'0' => self.pop_or_mark(),           // POP
            b'1' => self.pop_to_mark().map(drop), // POP_MARK
            _ => Err(self.refused(&name(opcode))),
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
        let top = self.top()?;
        match &mut self.pickle.values[top as usize] {
            Value::List(items) => items.extend_from_slice(more),
            Value::Opaque { .. } => self.hand_over(top, more)?,
            _ => return Err(FileError::damaged("its pickle appends to something other than a list")),
        }
        Ok(())
    }

    fn add_items(&mut self, more: &[Id]) -> Result<(), FileError> {
        let top = self.top()?;
        match self.get(top) {
            Value::Opaque { .. } => self.hand_over(top, more),
            _ => Ok(()),
        }
    }

    fn set_item(&mut self) -> Result<(), FileError> {
        let (value, key) = (self.pop()?, self.pop()?);
        self.set_items(&[key, value])
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), FileError> {
        let (pairs, rest) = items.as_chunks::<2>();
        let top = self.top()?;
        match &mut self.pickle.values[top as usize] {
            Value::Dict(entries) if rest.is_empty() => entries.extend(pairs.iter().map(|[key, value]| (*key, *value))),
            Value::Opaque { .. } => self.hand_over(top, items)?,
            _ => return Err(FileError::damaged("its pickle sets items of something other than a dictionary")),
        }
        Ok(())
    }

    // Names, calls, and references to storages.

    fn global(&mut self) -> Result<(), FileError> {
        let (module, name) = (self.line()?, self.line()?);
        match globals::find(&module, &name)? {
            Some(global) => self.make(Value::Global(global)),
            None => {
                let (module, name) = (self.add(Value::Text(module))?, self.add(Value::Text(name))?);
                self.make(Value::Opaque { module, name, stored: false })
            }
        }
    }

    fn stack_global(&mut self) -> Result<(), FileError> {
        let (name, module) = (self.pop()?, self.pop()?);
        // A name that a call would make: hidden from readers of the file.
        if let Some(origin) = [module, name].into_iter().find_map(|part| self.pickle.origin(part)) {
            return Err(FileError::Pickle(format!("asks for a class whose name {origin} makes")));
        }
        let (Value::Text(module_text), Value::Text(name_text)) = (self.get(module), self.get(name)) else {
            return Err(FileError::damaged("the name of a class in its pickle is not a text"));
        };
        match globals::find(module_text, name_text)? {
            Some(global) => self.make(Value::Global(global)),
            None => self.make(Value::Opaque { module, name, stored: false }),
        }
    }

    fn reduce(&mut self) -> Result<(), FileError> {
        let (args, function) = (self.pop()?, self.pop()?);
        let made = match (self.get(function), self.get(args)) {
            (Value::Opaque { .. }, _) => self.opaque_with(function, &[args])?,
            (Value::Global(function), Value::Tuple(args)) => {
                // Copies, since a call may add values; more arguments than any function takes are ignored.
                let (function, args) = (function.clone(), args[..args.len().min(8)].to_vec());
                self.call(&function, &args)?
            }
            (Value::Global(_), Value::Opaque { .. }) => self.opaque_with(args, &[])?,
            _ => return Err(FileError::damaged("its pickle calls something other than a function")),
        };
        self.push(made)
    }

    /// An object of a class, from `args` values. None of the known classes is made so.
    fn new_object(&mut self, opcode: u8, args: usize) -> Result<(), FileError> {
        let args: Vec<Id> = (0..args).map(|_| self.pop()).collect::<Result<_, _>>()?;
        let class = self.pop()?;
        if !matches!(self.get(class), Value::Opaque { .. }) {
            return Err(self.refused(&name(opcode)));
        }
        let made = self.opaque_with(class, &args)?;
        self.push(made)
    }

    /// Attributes of the object on top. An `OrderedDict` has version numbers of layers; nothing else that is known has
    /// any.
    fn build(&mut self) -> Result<(), FileError> {
        let state = self.pop()?;
        let top = self.top()?;
        match self.get(top) {
            Value::Dict(_) => Ok(()),
            Value::Opaque { .. } => self.hand_over(top, &[state]),
            _ => Err(self.refused("BUILD of something other than a dictionary")),
        }
    }

    /// `("storage", type, key, device, count)`, in legacy files followed by a view or `None`; or in these, before a
    /// class of a module, `("module", class, file, source)`.
    fn persistent(&mut self) -> Result<(), FileError> {
        let id = self.pop()?;
        let wrong = || FileError::damaged("its pickle refers to something other than a storage");
        let Value::Tuple(parts) = self.get(id) else { return Err(wrong()) };
        let is = |part: Id, word: &str| matches!(self.get(part), Value::Text(text) if text == word);
        let (parts, view) = match **parts {
            [tag, class, _file, _source] if is(tag, "module") => return self.push(class),
            [tag, class, key, _device, count] if is(tag, "storage") => ([class, key, count], OTHER),
            [tag, class, key, _device, count, view] if is(tag, "storage") => ([class, key, count], view),
            _ => return Err(wrong()),
        };
        if let Value::Opaque { module, name, .. } = *self.get(parts[0]) {
            return self.make(Value::Opaque { module, name, stored: true });
        }
        let [Value::Global(Global::Storage(dtype)), Value::Text(key), Value::Int(count)] =
            parts.map(|part| self.get(part))
        else {
            return Err(wrong());
        };
        if key.len() > MAX_KEY {
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

    /// The refusal of an instruction, with what the pickle asks for.
    fn refused(&self, instruction: &str) -> FileError {
        let asked = asked(&mut self.reader.again(self.start)).global;
        let asked = asked.map(|global| format!(", and asks for {global}")).unwrap_or_default();
        FileError::Pickle(format!("has the instruction {instruction}, which weights do not need{asked}"))
    }
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
        b'2' => "DUP",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        _ => return format!("0x{opcode:02X}"),
    };
    name.into()
}
