//! Atomic writes: a file is replaced whole or not at all.

use std::io;
use std::path::Path;

/// A failed write; the old file, if any, is unchanged.
#[derive(Debug, thiserror::Error)]
#[error("{path} was not written: {source}; free some space or choose another place. Any old file is unchanged.")]
pub struct WriteError {
    path: String,
    source: io::Error,
}

/// Writes a file whole or not at all: a new file beside it, flushed to the disk, then renamed over it.
///
/// # Errors
/// [`WriteError`] for a full disk, a missing folder or missing rights; no temporary file is left behind.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    write_atomic_by(path, |file| {
        file.write_all(bytes).map_err(|source| WriteError { path: path.display().to_string(), source })
    })
}

/// [`write_atomic`] for content that `fill` produces while it writes.
///
/// # Errors
/// Those of [`write_atomic`] and of `fill`.
pub fn write_atomic_by<E: From<WriteError>>(
    path: &Path,
    fill: impl FnOnce(&mut dyn io::Write) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |source| WriteError { path: path.display().to_string(), source };
    let mut file = temporary_beside(path).map_err(failed)?;
    fill(&mut file)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn temporary_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    // Temporary files are private by default; this one becomes an ordinary file, subject to the umask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomic(&path, b"first").unwrap();
        write_atomic(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");

        // A folder in the file's place: the rename fails, the message names the file, nothing is left behind.
        let taken = folder.path().join("taken");
        std::fs::create_dir_all(taken.join("full")).unwrap();
        let message = write_atomic(&taken, b"third").unwrap_err().to_string();
        assert!(message.contains("taken"), "{message}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
