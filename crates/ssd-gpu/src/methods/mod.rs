//! The ways of doing a dense convolution, and the table of those that were measured to be better than what the rules of
//! `network/method.rs` choose: a card's rows, in `measured.rs`.
//!
//! `bench --day` writes that file anew: the rows of all other cards as they are, and those of the card at hand.

mod measured;

use std::fmt::Write as _;

use ssd_cpu::ConvShape;

use crate::kernel::Precision;

/// The tile of the matrix product that a workgroup computes, and a thread's share of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Output pixels.
    pub rows: usize,
    /// Output channels.
    pub columns: usize,
    /// Output pixels of a thread.
    pub thread_rows: usize,
    /// Quads of output channels of a thread.
    pub thread_quads: usize,
    /// Terms of the sum in workgroup memory at once.
    pub depth: usize,
}

impl Tile {
    /// 64 threads, 4 KiB.
    pub const SMALL: Self = Self { rows: 32, columns: 32, thread_rows: 4, thread_quads: 1, depth: 16 };
    /// 128 threads, 8 KiB.
    pub const MEDIUM: Self = Self { rows: 64, columns: 64, thread_rows: 8, thread_quads: 1, depth: 16 };
    /// 128 threads, 12 KiB.
    pub const LARGE: Self = Self { rows: 128, columns: 64, thread_rows: 8, thread_quads: 2, depth: 16 };

    /// Threads of a workgroup.
    pub fn threads(&self) -> usize {
        self.rows / self.thread_rows * (self.columns / 4 / self.thread_quads)
    }

    /// The constants of `conv.wgsl`.
    pub fn constants(&self) -> Vec<(&'static str, u32)> {
        let constants = [
            ("TILE_ROWS", self.rows),
            ("TILE_COLUMNS", self.columns),
            ("ROWS", self.thread_rows),
            ("QUADS", self.thread_quads),
            ("DEPTH", self.depth),
            ("STEPS", self.depth / 4),
            ("WEIGHT_FETCHES", self.depth * self.columns / 4 / self.threads()),
        ];
        constants.map(|(name, value)| (name, value as u32)).to_vec()
    }

    /// How many of them a matrix takes.
    pub(crate) fn tiles(&self, rows: usize, columns: usize) -> usize {
        rows.div_ceil(self.rows) * columns.div_ceil(self.columns)
    }
}

/// A way of doing a dense convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// `conv_plain.wgsl`.
    Plain,
    /// `conv.wgsl`, its sum in so many parts (`conv_sum.wgsl` adds them up when there are several).
    Tiled(Tile, usize),
    /// `winograd_*.wgsl` around a product by `conv.wgsl`, in so many bands of tiles.
    Winograd(Option<Tile>, usize),
}

/// The rows of a card.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Card {
    /// A part of its name, in lower case.
    name: &'static str,
    rows: &'static [Row],
}

/// A convolution, and the method that was measured to be the fastest for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Kernel, stride, dilation, channels in and out, height and width of the input.
    shape: [usize; 7],
    images: usize,
    precision: Precision,
    method: Method,
}

/// A row, as `measured.rs` has it.
const fn row(shape: [usize; 7], images: usize, precision: Precision, method: Method) -> Row {
    Row { shape, images, precision, method }
}

fn numbers(shape: &ConvShape, [height, width]: [usize; 2]) -> [usize; 7] {
    [shape.kernel, shape.stride, shape.dilation, shape.channels_in, shape.channels_out, height, width]
}

impl Row {
    /// The row for a convolution of so many pictures whose input is `size_in`, height and width.
    pub fn new(
        shape: &ConvShape,
        size_in: [usize; 2],
        (images, precision): (usize, Precision),
        method: Method,
    ) -> Self {
        row(numbers(shape, size_in), images, precision, method)
    }
    /// Whether it is for this convolution.
    pub fn is_for(&self, shape: &ConvShape, size_in: [usize; 2], (images, precision): (usize, Precision)) -> bool {
        (self.shape, self.images, self.precision) == (numbers(shape, size_in), images, precision)
    }
}

/// What was measured on the card of that name, in lower case.
pub(crate) fn of(name: &str) -> &'static [Row] {
    measured::CARDS.iter().find(|card| name.contains(card.name)).map_or(&[], |card| card.rows)
}

/// The method of a row, if there is one for this convolution.
pub(crate) fn find(rows: &[Row], shape: &ConvShape, size_in: [usize; 2], of: (usize, Precision)) -> Option<Method> {
    rows.iter().find(|row| row.is_for(shape, size_in, of)).map(|row| row.method)
}

/// `measured.rs` with these rows for a card, whose name is in lower case. What it has of other cards stays.
pub fn table(name: &str, rows: &[Row]) -> String {
    let others = measured::CARDS.iter().filter(|card| card.name != name).map(|card| (card.name, card.rows));
    let here = Some((name, rows)).filter(|(_, rows)| !rows.is_empty());
    text(&others.chain(here).collect::<Vec<_>>())
}

const HEAD: &str = "//! Written by `bench --day`: per card, the convolutions for which a better method than the rules' \
                    was measured.\n";

/// The file, as rustfmt leaves it.
fn text(cards: &[(&str, &[Row])]) -> String {
    let rows = || cards.iter().flat_map(|(_, rows)| *rows);
    let tile = |row: &Row| matches!(row.method, Method::Tiled(..) | Method::Winograd(Some(_), _));
    let names: &[&str] = match (rows().next(), rows().any(tile)) {
        (None, _) => &["Card"],
        (_, false) => &["Card", "Method", "row"],
        (_, true) => &["Card", "Method", "Tile", "row"],
    };
    let mut text = format!("{HEAD}\nuse super::{};\n", braced(names));
    if rows().next().is_some() {
        text.push_str("use crate::kernel::Precision;\n");
    }
    text.push_str("\npub(super) const CARDS: &[Card] = &[");
    // Comments keep rustfmt from putting the rows of a short list side by side.
    if !cards.is_empty() {
        text.push_str("\n    // The first whose name is a part of the adapter's counts.");
    }
    // Writing to a string does not fail.
    for (name, rows) in cards {
        let _ = write!(text, "\n    Card {{\n        name: {name:?},\n        rows: &[");
        text.push_str("\n            // Kernel, stride, dilation, channels in and out, height, width; pictures.");
        for Row { shape, images, precision, method } in *rows {
            let method = source(*method);
            let _ = write!(text, "\n            row({shape:?}, {images}, Precision::{precision:?}, {method}),");
        }
        text.push_str("\n        ],\n    },");
    }
    text.push_str(if cards.is_empty() { "];\n" } else { "\n];\n" });
    text
}

fn braced(names: &[&str]) -> String {
    if let [name] = names { (*name).to_owned() } else { format!("{{{}}}", names.join(", ")) }
}

/// A method in Rust.
fn source(method: Method) -> String {
    let tile = |tile: Tile| {
        let known = [("SMALL", Tile::SMALL), ("MEDIUM", Tile::MEDIUM), ("LARGE", Tile::LARGE)];
        let name = known.iter().find(|(_, known)| *known == tile).map_or("SMALL", |(name, _)| name);
        format!("Tile::{name}")
    };
    match method {
        Method::Plain => "Method::Plain".to_owned(),
        Method::Tiled(of, parts) => format!("Method::Tiled({}, {parts})", tile(of)),
        Method::Winograd(None, bands) => format!("Method::Winograd(None, {bands})"),
        Method::Winograd(Some(of), bands) => format!("Method::Winograd(Some({}), {bands})", tile(of)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_in_use_is_what_would_be_written() {
        assert_eq!(table("a card that nobody has", &[]), include_str!("measured.rs"));
    }

    #[test]
    fn a_new_card_is_added_and_a_known_one_is_replaced() {
        let shape = ConvShape::dense(512, 256, 3);
        let rows = [
            Row::new(&shape, [38, 19], (8, Precision::Half), Method::Winograd(Some(Tile::LARGE), 2)),
            Row::new(&shape, [3, 3], (1, Precision::Single), Method::Tiled(Tile::SMALL, 16)),
        ];
        let text = table("nvidia h999", &rows);
        let want = "pub(super) const CARDS: &[Card] = &[
    // The first whose name is a part of the adapter's counts.
    Card {
        name: \"nvidia h999\",
        rows: &[
            // Kernel, stride, dilation, channels in and out, height, width; pictures.
            row([3, 1, 1, 512, 256, 38, 19], 8, Precision::Half, Method::Winograd(Some(Tile::LARGE), 2)),
            row([3, 1, 1, 512, 256, 3, 3], 1, Precision::Single, Method::Tiled(Tile::SMALL, 16)),
        ],
    },
];
";
        assert!(text.ends_with(want), "{text}");
        assert!(text.contains("use super::{Card, Method, Tile, row};\nuse crate::kernel::Precision;\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 120));
        assert_eq!(find(&rows, &shape, [3, 3], (1, Precision::Single)), Some(Method::Tiled(Tile::SMALL, 16)));
        assert_eq!(find(&rows, &shape, [3, 3], (8, Precision::Single)), None);
    }
}
