//! The text of a kernel, and where in its files a part of it stands.

use std::fmt;

use naga::Span;

use crate::Error;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// As it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The files of a kernel, joined.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// Names, and how many lines each has.
    files: Vec<(String, usize)>,
    text: String,
}

impl Source {
    /// Files in the order in which they are joined: names and texts.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut source = Self::default();
        for (name, text) in files {
            source.files.push((name.to_owned(), text.lines().count()));
            source.text.extend(text.lines().flat_map(|line| [line, "\n"]));
        }
        source
    }

    /// The same with `value` in the place of the one that a line `const NAME = 1u;` has.
    ///
    /// # Errors
    /// When there is no such line.
    pub fn with(mut self, name: &str, value: u32) -> Result<Self, Error> {
        let start = format!("const {name} = ");
        let line = self.text.lines().find(|line| line.starts_with(&start));
        let line = line.ok_or_else(|| Error::Constant(name.to_owned()))?.to_owned();
        self.text = self.text.replacen(&line, &format!("{start}{value}u;"), 1);
        Ok(self)
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where a part of the text begins.
    pub(crate) fn place(&self, span: Span) -> Place {
        let start = span.to_range().map_or(0, |range| range.start);
        self.place_of(self.text.as_bytes().iter().take(start).filter(|byte| **byte == b'\n').count())
    }

    /// Where a line of the text stands, counted from zero.
    fn place_of(&self, mut line: usize) -> Place {
        for (file, lines) in &self.files {
            if line < *lines {
                return Place { file: file.clone(), line: line + 1 };
            }
            line -= lines;
        }
        Place { file: "the end".into(), line }
    }
}
