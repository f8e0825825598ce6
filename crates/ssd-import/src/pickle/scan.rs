//! The names that a pickle asks for, read off its instructions without following them.
//!
//! A refusal has to name them also where the pickle itself is not read: it has an instruction that weights do not need,
//! or `torch.save` did not write it.

use std::rc::Rc;

use super::{MAX_TEXT, globals};
use crate::error::FileError;
use crate::source::Reader;

/// What the instructions of a pickle ask for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The first class or function that is harmful, else the first that is not known, as `module.name`.
    pub(crate) global: Option<String>,
    /// Whether the pickle came to its end.
    pub(crate) ended: bool,
    /// Whether all names could be those of Python.
    pub(crate) plausible: bool,
}

/// Goes over the instructions from here to the end of the pickle, or to the first invalid one.
pub(crate) fn asked(reader: &mut Reader<'_>) -> Asked {
    let mut scan = Scan { asked: Asked { plausible: true, ..Asked::default() }, ..Scan::default() };
    // What was found before an invalid instruction or the end of the file will do.
    let ended = scan.run(reader);
    Asked { ended: ended.is_ok(), ..scan.asked }
}

#[derive(Default)]
struct Scan {
    asked: Asked,
    /// Whether the name in `asked` is a harmful one.
    harmful: bool,
    /// The last two texts that were pushed: STACK_GLOBAL takes them.
    texts: [Option<Rc<str>>; 2],
    /// Whether the value on top is the last of them.
    fresh: bool,
    memo: Vec<Option<Rc<str>>>,
    memoized: u64,
}

impl Scan {
    fn run(&mut self, reader: &mut Reader<'_>) -> Result<(), FileError> {
        loop {
            let fresh = std::mem::take(&mut self.fresh);
            match reader.byte()? {
                b'.' => return Ok(()),
                b'c' | b'i' => {
                    let (module, name) = (line(reader)?, line(reader)?);
                    self.names(&module, &name);
                }
                0x93 => {
                    if let [Some(module), Some(name)] = self.texts.clone() {
                        self.names(&module, &name);
                    }
                }
                b'V' | b'S' => {
                    let text = line(reader)?;
                    self.push(text.trim_matches(['\'', '"']).into());
                }
                b'U' | 0x8C => self.text(reader, 1)?,
                b'T' | b'X' => self.text(reader, 4)?,
                0x8D => self.text(reader, 8)?,
                b'q' => self.put(fresh, reader.number(1)?),
                b'r' => self.put(fresh, reader.number(4)?),
                0x94 => self.put(fresh, self.memoized),
                b'p' => self.put(fresh, line(reader)?.trim().parse().map_err(|_| FileError::Cut)?),
                b'h' => self.recall(reader.number(1)?),
                b'j' => self.recall(reader.number(4)?),
                b'g' => self.recall(line(reader)?.trim().parse().map_err(|_| FileError::Cut)?),
                b'F' | b'I' | b'L' | b'P' => drop(line(reader)?),
                0x80 | 0x82 | b'K' => reader.skip(1)?,
                0x83 | b'M' => reader.skip(2)?,
                0x84 | b'J' => reader.skip(4)?,
                0x95 | b'G' => reader.skip(8)?,
                b'C' | 0x8A => skip_counted(reader, 1)?,
                b'B' | 0x8B => skip_counted(reader, 4)?,
                0x8E | 0x96 => skip_counted(reader, 8)?,
                b'(' | b')' | b'0' | b'1' | b'2' | b'N' | b'R' | b'Q' | b'b' | b'o' | b'd' | b'e' | b'l' | b's'
                | b't' | b'u' | b'a' | b']' | b'}' => {}
                0x81 | 0x85..=0x89 | 0x8F..=0x92 | 0x97 | 0x98 => {}
                _ => return Err(FileError::Cut),
            }
        }
    }

    fn names(&mut self, module: &str, name: &str) {
        let of_python =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_.<>".contains(c));
        self.asked.plausible &= of_python(module) && of_python(name);
        let harmful = match globals::find(module, name) {
            Ok(Some(_)) => return,
            Ok(None) => false,
            Err(_) => true,
        };
        if self.asked.global.is_none() || harmful && !self.harmful {
            self.asked.global = Some(globals::shown(module, name));
            self.harmful = harmful;
        }
    }

    fn text(&mut self, reader: &mut Reader<'_>, width: u32) -> Result<(), FileError> {
        let len = reader.number(width)?;
        if len > MAX_TEXT {
            return reader.skip(len);
        }
        let text = String::from_utf8_lossy(&reader.bytes(len)?).into();
        self.push(text);
        Ok(())
    }

    fn push(&mut self, text: Rc<str>) {
        self.texts.rotate_left(1);
        self.texts[1] = Some(text);
        self.fresh = true;
    }

    fn put(&mut self, fresh: bool, place: u64) {
        self.memoized += 1;
        self.fresh = fresh;
        // Picklers number places one by one, so what is remembered is bounded by the file.
        if let Some(text) = self.texts[1].as_ref().filter(|_| fresh && place < self.memoized) {
            let place = place as usize;
            self.memo.resize(self.memo.len().max(place + 1), None);
            self.memo[place] = Some(text.clone());
        }
    }

    fn recall(&mut self, place: u64) {
        let text = usize::try_from(place).ok().and_then(|place| self.memo.get(place)?.clone());
        if let Some(text) = text {
            self.push(text);
        }
    }
}

fn line(reader: &mut Reader<'_>) -> Result<String, FileError> {
    let mut line = Vec::new();
    loop {
        match reader.byte()? {
            b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
            _ if line.len() as u64 == MAX_TEXT => return Err(FileError::Cut),
            byte => line.push(byte),
        }
    }
}

fn skip_counted(reader: &mut Reader<'_>, width: u32) -> Result<(), FileError> {
    let len = reader.number(width)?;
    reader.skip(len)
}
