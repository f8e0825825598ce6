//! Writes FlatBuffers and FlexBuffers: each part before the parts that it refers to, nothing shared.

/// A part of a FlatBuffer.
#[derive(Debug, Clone)]
pub enum Part {
    /// The bytes of a number, which lie in the table.
    Number(Vec<u8>),
    /// A list of bytes, of so many elements.
    List(usize, Vec<u8>),
    Tables(Vec<Part>),
    /// Fields by their places.
    Table(Vec<(u16, Part)>),
}

pub fn byte(value: u8) -> Part {
    Part::Number(vec![value])
}

pub fn int(value: i32) -> Part {
    Part::Number(value.to_le_bytes().to_vec())
}

pub fn ints(values: &[i32]) -> Part {
    Part::List(values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

pub fn longs(values: &[i64]) -> Part {
    Part::List(values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

pub fn floats(values: &[f32]) -> Part {
    Part::List(values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

pub fn bytes(bytes: &[u8]) -> Part {
    Part::List(bytes.len(), bytes.to_vec())
}

pub fn text(text: &str) -> Part {
    bytes(text.as_bytes())
}

/// A whole file with an identifier.
pub fn file(identifier: &[u8; 4], root: &[(u16, Part)]) -> Vec<u8> {
    let mut out = [&[0; 4][..], identifier].concat();
    let root = table(&mut out, root);
    out[..4].copy_from_slice(&(root as u32).to_le_bytes());
    out
}

/// Appends a part; its place.
fn part(out: &mut Vec<u8>, value: &Part) -> usize {
    match value {
        Part::Number(_) => unreachable!("a number lies in its table"),
        Part::Table(fields) => table(out, fields),
        Part::List(count, bytes) => {
            let place = count_of(out, *count);
            out.extend_from_slice(bytes);
            place
        }
        Part::Tables(tables) => {
            let place = count_of(out, tables.len());
            let first = out.len();
            out.resize(first + 4 * tables.len(), 0);
            for (index, table) in tables.iter().enumerate() {
                refer(out, first + 4 * index, table);
            }
            place
        }
    }
}

fn count_of(out: &mut Vec<u8>, count: usize) -> usize {
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend((count as u32).to_le_bytes());
    out.len() - 4
}

/// Appends what a place refers to.
fn refer(out: &mut Vec<u8>, place: usize, value: &Part) {
    let target = part(out, value);
    out[place..place + 4].copy_from_slice(&((target - place) as u32).to_le_bytes());
}

fn table(out: &mut Vec<u8>, fields: &[(u16, Part)]) -> usize {
    let mut inline = vec![0; 4];
    let places: Vec<usize> = fields.iter().map(|(_, value)| inline_part(&mut inline, value)).collect();
    let count = fields.iter().map(|(field, _)| usize::from(*field) + 1).max().unwrap_or(0);
    let mut list = vec![0_u16; 2 + count];
    (list[0], list[1]) = (4 + 2 * count as u16, inline.len() as u16);
    for ((field, _), place) in fields.iter().zip(&places) {
        list[2 + usize::from(*field)] = *place as u16;
    }
    let start = out.len();
    out.extend(list.into_iter().flat_map(u16::to_le_bytes));
    out.resize(out.len().next_multiple_of(4), 0);
    let at = out.len();
    inline[..4].copy_from_slice(&((at - start) as i32).to_le_bytes());
    out.extend(inline);
    for ((_, value), place) in fields.iter().zip(places) {
        if !matches!(value, Part::Number(_)) {
            refer(out, at + place, value);
        }
    }
    at
}

/// What lies in the table itself; its place there.
fn inline_part(inline: &mut Vec<u8>, value: &Part) -> usize {
    let bytes = match value {
        Part::Number(bytes) => bytes.clone(),
        _ => vec![0; 4],
    };
    inline.resize(inline.len().next_multiple_of(bytes.len()), 0);
    inline.extend(&bytes);
    inline.len() - bytes.len()
}

/// A FlexBuffer of a map of floats, whose names have to be in order.
pub fn options(numbers: &[(&str, f32)]) -> Vec<u8> {
    let mut out: Vec<u8> = numbers.iter().flat_map(|(name, _)| [name.as_bytes(), b"\0"].concat()).collect();
    let mut name_at = 0;
    out.extend((numbers.len() as u16).to_le_bytes());
    let keys = out.len();
    for (index, (name, _)) in numbers.iter().enumerate() {
        out.extend(((keys + 2 * index - name_at) as u16).to_le_bytes());
        name_at += name.len() + 1;
    }
    let back = (out.len() - keys) as u32;
    out.extend([back, 2, numbers.len() as u32].map(u32::to_le_bytes).concat());
    let values = out.len();
    out.extend(numbers.iter().flat_map(|(_, value)| value.to_le_bytes()));
    // A float of 4 bytes: 3 << 2 | 2. The root is a map of such: 9 << 2 | 2.
    out.extend(vec![14; numbers.len()]);
    let back = (out.len() - values) as u16;
    out.extend(back.to_le_bytes());
    out.extend([38, 2]);
    out
}
