//! Looks at fjall's manifests before fjall does.
//!
//! A manifest names the table files of a keyspace. fjall stores a checksum of each and does not
//! compare it; a manifest that lost a name would make it delete the table as an orphan, and a
//! keyspace whose manifest is missing would be made anew, empty.

use std::path::Path;

use store::StoreError;
use xxhash_rust::xxh3::xxh3_128;

use crate::fault;

/// Checks the manifests of keyspaces 0 to `keyspaces` in fjall's directory `rows`.
pub(crate) fn check(rows: &Path, keyspaces: usize) -> Result<(), StoreError> {
    let version = rows.join("version");
    if !version.exists() {
        // fjall would take the directory for an empty one and begin anew in it.
        return Err(fault::damaged(&version, "the file is gone"));
    }
    (0..keyspaces).try_for_each(|id| check_one(&rows.join("keyspaces").join(id.to_string())))
}

fn check_one(keyspace: &Path) -> Result<(), StoreError> {
    let path = keyspace.join("current");
    let current = std::fs::read(&path).map_err(|error| fault::damaged(&path, error))?;
    // The number of the manifest, its checksum, and the kind of checksum.
    let (Some(number), Some(checksum), [0]) = (
        current.first_chunk().copied().map(u64::from_le_bytes),
        current
            .get(8..)
            .and_then(|rest| rest.first_chunk().copied())
            .map(u128::from_le_bytes),
        current.get(24..).unwrap_or_default(),
    ) else {
        return Err(fault::damaged(&path, "it does not name a manifest"));
    };
    let path = keyspace.join(format!("v{number}"));
    let manifest = std::fs::read(&path).map_err(|error| fault::damaged(&path, error))?;
    if xxh3_128(&manifest) != checksum {
        return Err(fault::damaged(
            &path,
            "the manifest is not what was written",
        ));
    }
    Ok(())
}
