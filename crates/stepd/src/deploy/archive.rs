//! ZIP archives that are the same, byte for byte, whenever the files are the same: the server knows
//! them by their hash.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use zip::write::SimpleFileOptions;

/// Folders that no function needs.
const LEFT_OUT: [&str; 5] = [".git", ".aws-sam", ".DS_Store", "__pycache__", ".bin"];

/// Deepest nesting of folders; links may lead in circles.
const DEPTH_MAX: usize = 64;

/// Files by the names that they have in the archive.
#[derive(Default)]
pub(crate) struct Files(BTreeMap<String, PathBuf>);

impl Files {
    /// Adds one file.
    pub(super) fn add(&mut self, name: String, path: PathBuf) {
        self.0.insert(name, path);
    }

    /// Adds all files under `folder`, under `prefix`, but for those whose first name is in `without`.
    pub(super) fn add_folder(
        &mut self,
        folder: &Path,
        prefix: &str,
        without: &[&str],
    ) -> anyhow::Result<()> {
        let mut open = vec![(folder.to_owned(), prefix.to_owned(), 0)];
        while let Some((folder, prefix, depth)) = open.pop() {
            if depth > DEPTH_MAX {
                bail!(
                    "{} is nested deeper than {DEPTH_MAX} folders",
                    folder.display()
                );
            }
            let unreadable = || format!("{} cannot be read", folder.display());
            for entry in std::fs::read_dir(&folder).with_context(unreadable)? {
                let entry = entry.with_context(unreadable)?;
                let Ok(name) = entry.file_name().into_string() else {
                    bail!("the name of {} is not UTF-8", entry.path().display());
                };
                if LEFT_OUT.contains(&name.as_str())
                    || (depth == 0 && without.contains(&name.as_str()))
                {
                    continue;
                }
                let path = entry.path();
                // Follows links: the archive holds what they lead to.
                let metadata = std::fs::metadata(&path)
                    .with_context(|| format!("{} leads nowhere", path.display()))?;
                let name = format!("{prefix}{name}");
                if metadata.is_dir() {
                    open.push((path, format!("{name}/"), depth + 1));
                } else if metadata.is_file() {
                    self.add(name, path);
                }
            }
        }
        Ok(())
    }

    /// Writes the files below `folder`, which is made.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        for (name, path) in &self.0 {
            let place = folder.join(name);
            let unwritten = || format!("{} cannot be written", place.display());
            if let Some(parent) = place.parent() {
                std::fs::create_dir_all(parent).with_context(unwritten)?;
            }
            std::fs::copy(path, &place).with_context(unwritten)?;
        }
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))
    }

    /// Returns the archive: sorted, without times, with no mode but whether a file can be run.
    pub(super) fn archive(&self) -> anyhow::Result<Vec<u8>> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, path) in &self.0 {
            let bytes = std::fs::read(path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            let mode = if can_be_run(path) { 0o755 } else { 0o644 };
            let options = SimpleFileOptions::default()
                .last_modified_time(zip::DateTime::default())
                .unix_permissions(mode);
            archive
                .start_file(name.as_str(), options)
                .with_context(|| format!("{name} cannot be packed"))?;
            archive
                .write_all(&bytes)
                .with_context(|| format!("{name} cannot be packed"))?;
        }
        Ok(archive
            .finish()
            .context("the archive cannot be finished")?
            .into_inner())
    }
}

#[cfg(unix)]
fn can_be_run(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn can_be_run(_: &Path) -> bool {
    false
}
