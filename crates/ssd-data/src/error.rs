//! Errors of data sets, each one sentence: which file, what is wrong, what to do.

use std::path::{Path, PathBuf};

/// An error in opening a data set, reading one of its pictures or writing pictures of a batch.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// `--data shapes:…` with invalid arguments.
    #[error("\"{given}\" does not name a generated set: {why}; write shapes, shapes:SEED or shapes:SEED:COUNT")]
    Generated {
        /// The argument as given.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// A generated set together with other data.
    #[error("{given} is named together with other data; a generated set is used alone, so leave one of them out")]
    GeneratedBeside {
        /// The generated set as given.
        given: String,
    },
    /// No format was named and none was recognised.
    #[error(
        "{path} is not a data set of a known format: it has neither {looked_for}; give the folder that holds one of \
         these, or name the format with --format{hint}"
    )]
    Unrecognised {
        /// The data asked for.
        path: PathBuf,
        /// What each format is recognised by.
        looked_for: String,
        /// What else is known of it.
        hint: String,
    },
    /// The data is not in the format named.
    #[error("{path} is not a {format} data set: {why}")]
    OtherLayout {
        /// The data asked for.
        path: PathBuf,
        /// Name of the format.
        format: &'static str,
        /// What was looked for, and what to do.
        why: String,
    },
    /// An unusable file that describes a whole data set.
    #[error("{path} cannot be used: {why}")]
    Description {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// A split that the data set lacks.
    #[error("{path} has no split \"{split}\"; {hint}")]
    NoSplit {
        /// The data asked for.
        path: PathBuf,
        /// The split asked for.
        split: String,
        /// The splits there are, or what to do if there are none.
        hint: String,
    },
    /// A file or folder that cannot be read.
    #[error("{path} cannot be read ({source}); check that it exists and that its permissions allow it")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A class that is not among the given labels.
    #[error("{path} holds an object of class \"{class}\", which is not among the labels ({labels}); {advice}")]
    UnknownClass {
        /// The annotation.
        path: PathBuf,
        /// The name in it.
        class: String,
        /// The labels, or the first of them, separated by commas.
        labels: String,
        /// What to do.
        advice: String,
    },
    /// A picture that does not decode.
    #[error("{path} does not decode as a picture ({why}); replace the file or take it out of the split")]
    Picture {
        /// The picture.
        path: PathBuf,
        /// The decoder's reason.
        why: String,
    },
    /// Nothing to train on or to measure with.
    #[error("{path} has nothing usable in split {split}: {why}; check the annotations and the split's list")]
    Nothing {
        /// The data asked for.
        path: PathBuf,
        /// Name of the split, or "all".
        split: String,
        /// What became of the files found.
        why: String,
    },
    /// An index past the end: the caller's mistake, not the data's.
    #[error("image {index} was asked for, but the data set has {len}; ask for a smaller index")]
    OutOfRange {
        /// The index asked for.
        index: usize,
        /// Number of images.
        len: usize,
    },
    /// A worker thread that ended before its item was ready.
    #[error(
        "a thread that prepares batches ended early while reading {name}; run with --workers 1 and report what is \
         printed above this line"
    )]
    Worker {
        /// The item that was due.
        name: String,
    },
    /// A picture of a batch that could not be written.
    #[error("{path} cannot be written ({why}); check that the folder may be written to and has room")]
    Write {
        /// The picture or its folder.
        path: PathBuf,
        /// The reason.
        why: String,
    },
}

impl DataError {
    /// The error for an unknown class; points out a label that differs in capitals or white space alone.
    pub(crate) fn unknown_class(path: &Path, class: &str, labels: &[String]) -> Self {
        let plain = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let advice = match labels.iter().find(|label| plain(label) == plain(class)) {
            Some(label) => {
                format!("it differs from \"{label}\" only in capitals or white space; spell them alike")
            }
            None => "move a picture with it into the training split, rename it or remove it".into(),
        };
        Self::UnknownClass { path: path.into(), class: class.into(), labels: some_of(labels), advice }
    }
}

/// Most names listed in a sentence.
const LISTED: usize = 10;

/// Names for a sentence, at most [`LISTED`].
pub(crate) fn some_of(names: &[impl AsRef<str>]) -> String {
    let first: Vec<&str> = names.iter().take(LISTED).map(AsRef::as_ref).collect();
    let rest = names.len().saturating_sub(LISTED);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_lists_ten_names_at_most() {
        let names: Vec<String> = (0..80).map(|i| format!("n{i}")).collect();
        assert_eq!(some_of(&names[..10]), "n0, n1, n2, n3, n4, n5, n6, n7, n8, n9");
        assert!(some_of(&names).ends_with("n9 and 70 more"));
        let error = DataError::unknown_class(Path::new("a.xml"), "emu", &names).to_string();
        assert!(error.contains("n9 and 70 more); move a picture with it into the training split"), "{error}");
    }
}
