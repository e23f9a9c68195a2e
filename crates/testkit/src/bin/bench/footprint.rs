//! What a server occupies, seen from outside.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use testkit::Server;

/// Bytes of a MiB.
pub const MIB: f64 = 1024.0 * 1024.0;

/// Returns the server's resident memory in bytes.
pub fn memory(server: &Server) -> anyhow::Result<u64> {
    let path = format!("/proc/{}/status", server.id().context("the server runs")?);
    let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {path}"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("a process has memory")?;
    let kib: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .trim()
        .parse()
        .context("memory is a number")?;
    Ok(kib * 1024)
}

/// Returns what the files below `folder` occupy on disk, in bytes.
pub fn disk(folder: &Path) -> anyhow::Result<u64> {
    let mut pending: Vec<PathBuf> = vec![folder.to_owned()];
    let mut bytes = 0;
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder)
            .with_context(|| format!("could not list {}", folder.display()))?
        {
            let entry = entry?;
            // A file that the server has just removed occupies nothing.
            let Ok(told) = entry.metadata() else { continue };
            match told.is_dir() {
                true => pending.push(entry.path()),
                false => bytes += told.blocks() * 512,
            }
        }
    }
    Ok(bytes)
}
