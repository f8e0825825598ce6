//! `data.yaml` of a YOLO data set: the class names and where the splits are.
//!
//! Looks at no folder. The YAML is read as a stream of events, of which only the top level and one below it are kept,
//! so nesting and aliases cannot blow it up.

use std::collections::BTreeMap;
use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::{split, tree};

/// Larger files are refused; ten thousand class names have about 200 KB.
const MAX_BYTES: u64 = 1 << 20;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Description {
    /// The folder that the other paths are relative to.
    pub path: Option<String>,
    /// Name of each class by its index.
    pub names: BTreeMap<usize, String>,
    /// Folders, list files or pictures of each split.
    pub splits: BTreeMap<String, Vec<String>>,
}

/// A value, as far as it is read.
#[derive(Debug, PartialEq)]
enum Value {
    Null,
    Scalar(String),
    /// `None` for an item that is not a scalar.
    List(Vec<Option<String>>),
    /// Without entries whose key or value is not a scalar.
    Map(Vec<(String, String)>),
    Other,
}

/// Reads a file. The error is a clause about the file.
pub(super) fn read(path: &Path) -> Result<Description, String> {
    parse(&tree::read_text(path, MAX_BYTES)?)
}

/// Parses the text of a file.
pub(super) fn parse(text: &str) -> Result<Description, String> {
    let mut description = Description::default();
    let mut has_names = false;
    for (key, value) in top_level(text)? {
        match (key.as_str(), value) {
            ("path", Value::Scalar(path)) => description.path = Some(path),
            ("names", value) => {
                description.names = names(value)?;
                has_names = true;
            }
            ("kpt_shape", _) => {
                return Err("it describes keypoints (kpt_shape), not boxes; a data set of boxes is needed".into());
            }
            (split, Value::Scalar(place)) if split::is_split(split) && !place.is_empty() => {
                description.splits.insert(key.to_lowercase(), vec![place]);
            }
            (split, Value::List(places)) if split::is_split(split) => {
                let places = places.into_iter().collect::<Option<Vec<_>>>();
                let places = places.ok_or_else(|| format!("its list {split} holds something other than paths"))?;
                description.splits.insert(key.to_lowercase(), places);
            }
            _ => {}
        }
    }
    if has_names { Ok(description) } else { Err("it has no names for the classes".into()) }
}

/// The classes: a list, or a map from the index to the name.
fn names(value: Value) -> Result<BTreeMap<usize, String>, String> {
    let names: BTreeMap<usize, String> = match value {
        Value::List(names) => {
            let names = names.into_iter().collect::<Option<Vec<_>>>();
            names.ok_or("its list of names holds something other than names")?.into_iter().enumerate().collect()
        }
        Value::Map(names) => {
            let numbered = names.into_iter().map(|(index, name)| match index.trim().parse() {
                Ok(index) => Ok((index, name)),
                Err(_) => Err(format!("its names have \"{index}\" instead of a class number")),
            });
            numbered.collect::<Result<_, _>>()?
        }
        _ => return Err("its names are neither a list nor a map from number to name".into()),
    };
    if names.is_empty() { Err("its names are empty".into()) } else { Ok(names) }
}

/// The keys and values of the top-level mapping.
fn top_level(text: &str) -> Result<Vec<(String, Value)>, String> {
    let mut events = Parser::new_from_str(text);
    let mut pairs = Vec::new();
    loop {
        match next(&mut events)? {
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
            Event::MappingStart(..) => break,
            _ => return Err("it is not a YAML mapping".into()),
        }
    }
    loop {
        match next(&mut events)? {
            Event::MappingEnd => return Ok(pairs),
            Event::Scalar(key, ..) => pairs.push((key.into_owned(), value(&mut events)?)),
            other => {
                skip(&other, &mut events)?;
                value(&mut events)?;
            }
        }
    }
}

/// One value of the top-level mapping.
fn value<'a>(events: &mut impl Iterator<Item = Result<(Event<'a>, Span), ScanError>>) -> Result<Value, String> {
    match next(events)? {
        Event::Scalar(text, ScalarStyle::Plain, ..) if ["", "~", "null"].contains(&&*text) => Ok(Value::Null),
        Event::Scalar(text, ..) => Ok(Value::Scalar(text.into_owned())),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match next(events)? {
                    Event::SequenceEnd => return Ok(Value::List(items)),
                    event => items.push(scalar(event, events)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut pairs = Vec::new();
            loop {
                let key = match next(events)? {
                    Event::MappingEnd => return Ok(Value::Map(pairs)),
                    event => scalar(event, events)?,
                };
                let event = next(events)?;
                pairs.extend(key.zip(scalar(event, events)?));
            }
        }
        other => {
            skip(&other, events)?;
            Ok(Value::Other)
        }
    }
}

/// The text of a scalar; `None` for anything else, which is skipped.
fn scalar<'a>(
    event: Event<'a>,
    events: &mut impl Iterator<Item = Result<(Event<'a>, Span), ScanError>>,
) -> Result<Option<String>, String> {
    if let Event::Scalar(text, ..) = event {
        return Ok(Some(text.into_owned()));
    }
    skip(&event, events)?;
    Ok(None)
}

/// Skips the rest of what `event` began.
fn skip<'a>(
    event: &Event<'a>,
    events: &mut impl Iterator<Item = Result<(Event<'a>, Span), ScanError>>,
) -> Result<(), String> {
    let step = |event: &Event| match event {
        Event::SequenceStart(..) | Event::MappingStart(..) => 1,
        Event::SequenceEnd | Event::MappingEnd => -1,
        _ => 0,
    };
    let mut depth = step(event);
    while depth > 0 {
        depth += step(&next(events)?);
    }
    Ok(())
}

fn next<'a>(events: &mut impl Iterator<Item = Result<(Event<'a>, Span), ScanError>>) -> Result<Event<'a>, String> {
    match events.next() {
        Some(Ok((event, _))) => Ok(event),
        Some(Err(error)) => Err(format!("it is not valid YAML ({error})")),
        None => Err("it ends in the middle".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn names_are_a_list_or_a_map_and_splits_a_path_or_several() {
        let text = "# as exported\ntrain: ../train/images\nval: [a.txt, 'b c.txt']\ntest:\nnc: 2\n\
                    names: ['cat', \"dog\"]\nroboflow: {workspace: {deep: [1, {x: y}]}}\n";
        let description = parse(text).unwrap();
        assert_eq!(description.names, [(0, "cat".into()), (1, "dog".into())].into());
        let splits = [("train", vec!["../train/images"]), ("val", vec!["a.txt", "b c.txt"])];
        let splits = splits.map(|(name, places)| (name.into(), places.into_iter().map(String::from).collect()));
        assert_eq!(description.splits, splits.into());
        assert_eq!(description.path, None);

        let description = parse("path: /data/set\nnames:\n  0: cat\n  7: traffic light\n").unwrap();
        assert_eq!(description.names, [(0, "cat".into()), (7, "traffic light".into())].into());
        assert_eq!(description.path.as_deref(), Some("/data/set"));
    }

    #[test]
    fn invalid_descriptions_are_refused() {
        for text in [
            "",
            "names",
            "- a\n- b",
            "names:",
            "names: cat",
            "names: []",
            "names: {a: b}",
            "names: [[a], b]",
            "train: x",
            "names: [a",
            "kpt_shape: [17, 3]\nnames: [person]",
            "a: &x [1]\nnames: *x",
            "names: [a]\ntrain: [{a: b}]",
        ] {
            assert!(parse(text).is_err(), "{text:?} was accepted: {:?}", parse(text));
        }
    }
}
