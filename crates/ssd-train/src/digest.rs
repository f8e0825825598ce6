//! SHA-256 as it is written: in hexadecimal.

use sha2::{Digest as _, Sha256};

/// Of one piece of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(Sha256::new_with_prefix(bytes))
}

/// Of all that was fed to it.
pub(crate) fn hexadecimal(sum: Sha256) -> String {
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
