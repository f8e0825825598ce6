//! FlatBuffers, as far as a network's structure needs them: tables, vectors and texts at offsets, all of which are
//! checked against the bytes. <https://flatbuffers.dev/internals>
//!
//! A table begins with the distance back to its list of fields, which says how far behind the table's start each field
//! lies; a field that the writer left out has its default. Tables, vectors and texts in a field are distances forward.
//! Parts may be shared, so a small file can name a huge structure: what is read is counted, and may not be more than
//! the file holds.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;

use crate::error::FileError;
use crate::source::{ByteSource, CHUNK};

/// The most tables in one list. A detector has some hundred.
const MOST_TABLES: u64 = 1 << 16;

/// What every table takes besides its fields.
const TABLE: u64 = 4;

/// The bytes of a FlatBuffer, read in pages and held once.
pub(super) struct Flat<'a> {
    source: &'a dyn ByteSource,
    pages: RefCell<HashMap<u64, Vec<u8>>>,
    /// Bytes of structure that may still be read.
    left: Cell<u64>,
}

impl<'a> Flat<'a> {
    pub(super) fn new(source: &'a dyn ByteSource) -> Self {
        Self { source, pages: RefCell::default(), left: Cell::new(source.size()) }
    }

    /// The table in which all others are.
    pub(super) fn root(&self) -> Result<Table<'_>, FileError> {
        self.table(u64::from(u32::from_le_bytes(self.at(0)?)))
    }

    /// `N` bytes at a place.
    fn at<const N: usize>(&self, place: u64) -> Result<[u8; N], FileError> {
        let mut bytes = [0; N];
        self.fill(place, &mut bytes)?;
        Ok(bytes)
    }

    fn fill(&self, mut place: u64, mut into: &mut [u8]) -> Result<(), FileError> {
        let size = self.source.size();
        if place.checked_add(into.len() as u64).is_none_or(|end| end > size) {
            return Err(FileError::Cut);
        }
        let mut pages = self.pages.borrow_mut();
        while !into.is_empty() {
            let (number, within) = (place / CHUNK as u64, (place % CHUNK as u64) as usize);
            if let std::collections::hash_map::Entry::Vacant(entry) = pages.entry(number) {
                let start = number * CHUNK as u64;
                let mut page = vec![0; (size - start).min(CHUNK as u64) as usize];
                self.source.read_at(start, &mut page)?;
                entry.insert(page);
            }
            let page = pages.get(&number).and_then(|page| page.get(within..)).ok_or(FileError::Cut)?;
            let count = page.len().min(into.len());
            into[..count].copy_from_slice(&page[..count]);
            into = &mut into[count..];
            place += count as u64;
        }
        Ok(())
    }

    /// Counts bytes that are read into memory.
    fn count(&self, bytes: u64) -> Result<(), FileError> {
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.ok_or_else(|| FileError::damaged("its structure is larger than the file"))?);
        Ok(())
    }

    fn table(&self, place: u64) -> Result<Table<'_>, FileError> {
        let back = i64::from(i32::from_le_bytes(self.at(place)?));
        let fields = place.checked_add_signed(-back).ok_or(FileError::Cut)?;
        let [size, inline] = [0, 2].map(|offset| self.at(fields + offset).map(u16::from_le_bytes));
        let (size, inline) = (size?, inline?);
        self.count(TABLE + u64::from(inline))?;
        Ok(Table { flat: self, place, fields, size, inline })
    }

    /// Where the elements of a vector lie, each of `width` bytes.
    fn vector(&self, place: u64, width: u64) -> Result<Range<u64>, FileError> {
        let count = u64::from(u32::from_le_bytes(self.at(place)?));
        let elements = place + 4..place + 4 + count * width;
        if elements.end > self.source.size() { Err(FileError::Cut) } else { Ok(elements) }
    }
}

/// A table and the list of its fields.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    flat: &'a Flat<'a>,
    place: u64,
    /// Where the list is, and its length in bytes.
    fields: u64,
    size: u16,
    /// Bytes of the table itself.
    inline: u16,
}

impl<'a> Table<'a> {
    /// Where a field of `width` bytes lies; `None` where the writer left it out.
    fn place(&self, field: u16, width: u64) -> Result<Option<u64>, FileError> {
        // The list begins with its own length and the table's.
        let entry = 4 + 2 * u64::from(field);
        if entry + 2 > u64::from(self.size) {
            return Ok(None);
        }
        let offset = u64::from(u16::from_le_bytes(self.flat.at(self.fields + entry)?));
        match offset {
            0 => Ok(None),
            _ if offset < TABLE || offset + width > u64::from(self.inline) => {
                Err(FileError::damaged("a field of its structure lies outside its table"))
            }
            _ => Ok(Some(self.place + offset)),
        }
    }

    /// The bytes of a number.
    fn number<const N: usize>(&self, field: u16) -> Result<Option<[u8; N]>, FileError> {
        self.place(field, N as u64)?.map(|place| self.flat.at(place)).transpose()
    }

    pub(super) fn byte(&self, field: u16) -> Result<u8, FileError> {
        Ok(self.number(field)?.map_or(0, u8::from_le_bytes))
    }

    pub(super) fn u32(&self, field: u16) -> Result<u32, FileError> {
        Ok(self.number(field)?.map_or(0, u32::from_le_bytes))
    }

    pub(super) fn u64(&self, field: u16) -> Result<u64, FileError> {
        Ok(self.number(field)?.map_or(0, u64::from_le_bytes))
    }

    /// A number that is `default` where it is left out.
    pub(super) fn i32(&self, field: u16, default: i32) -> Result<i32, FileError> {
        Ok(self.number(field)?.map_or(default, i32::from_le_bytes))
    }

    /// Where a field leads: offsets are counted from the place where they stand.
    fn target(&self, field: u16) -> Result<Option<u64>, FileError> {
        let Some(place) = self.place(field, 4)? else { return Ok(None) };
        Ok(Some(place + u64::from(u32::from_le_bytes(self.flat.at(place)?))))
    }

    pub(super) fn table(&self, field: u16) -> Result<Option<Table<'a>>, FileError> {
        self.target(field)?.map(|place| self.flat.table(place)).transpose()
    }

    /// A list of tables; empty where it is left out.
    pub(super) fn tables(&self, field: u16) -> Result<Vec<Table<'a>>, FileError> {
        let Some(place) = self.target(field)? else { return Ok(Vec::new()) };
        let elements = self.flat.vector(place, 4)?;
        let count = (elements.end - elements.start) / 4;
        if count > MOST_TABLES {
            return Err(FileError::damaged(format!("it lists {count} parts of one kind, more than any network has")));
        }
        self.flat.count(4 * count)?;
        let table = |place: u64| self.flat.table(place + u64::from(u32::from_le_bytes(self.flat.at(place)?)));
        elements.step_by(4).map(table).collect()
    }

    /// The bytes of a list's numbers, `N` each; empty where it is left out.
    fn numbers<const N: usize>(&self, field: u16) -> Result<Vec<[u8; N]>, FileError> {
        let Some(place) = self.target(field)? else { return Ok(Vec::new()) };
        let elements = self.flat.vector(place, N as u64)?;
        self.flat.count(elements.end - elements.start)?;
        elements.step_by(N).map(|place| self.flat.at(place)).collect()
    }

    pub(super) fn i32s(&self, field: u16) -> Result<Vec<i32>, FileError> {
        Ok(self.numbers(field)?.into_iter().map(i32::from_le_bytes).collect())
    }

    pub(super) fn i64s(&self, field: u16) -> Result<Vec<i64>, FileError> {
        Ok(self.numbers(field)?.into_iter().map(i64::from_le_bytes).collect())
    }

    pub(super) fn f32s(&self, field: u16) -> Result<Vec<f32>, FileError> {
        Ok(self.numbers(field)?.into_iter().map(f32::from_le_bytes).collect())
    }

    /// Bytes as they are.
    pub(super) fn bytes(&self, field: u16) -> Result<Vec<u8>, FileError> {
        let place = self.bytes_at(field)?;
        self.flat.count(place.end - place.start)?;
        let mut bytes = vec![0; (place.end - place.start) as usize];
        self.flat.fill(place.start, &mut bytes)?;
        Ok(bytes)
    }

    /// A text; empty where it is left out. What is no UTF-8 is replaced.
    pub(super) fn text(&self, field: u16) -> Result<String, FileError> {
        Ok(String::from_utf8_lossy(&self.bytes(field)?).into_owned())
    }

    /// Where the bytes of a list lie in the file, of which nothing is read.
    pub(super) fn bytes_at(&self, field: u16) -> Result<Range<u64>, FileError> {
        Ok(self.target(field)?.map(|place| self.flat.vector(place, 1)).transpose()?.unwrap_or(0..0))
    }
}
