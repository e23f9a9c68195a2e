//! Where a server keeps its data, and what it says there about itself.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The address that is listened on unless another is given; AWS tools know it as an emulator's.
pub const LISTEN: &str = "127.0.0.1:4566";

/// The region unless another is given.
pub const REGION: &str = "us-east-1";

/// The file in which a running server says where it listens.
const ENDPOINT_FILE: &str = "endpoint";
/// The file in which it says which region it is.
const REGION_FILE: &str = "region";

/// Returns the data directory of a user who names none.
pub fn default_data_dir() -> PathBuf {
    let data_home = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
    data_home
        .or_else(home)
        .unwrap_or_else(|| PathBuf::from("."))
        .join("stepd")
}

/// Creates the data directory, for this user alone.
pub fn create_data_dir(data_dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(data_dir).with_context(|| {
        format!(
            "the data directory {} cannot be created",
            data_dir.display()
        )
    })?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(data_dir, std::fs::Permissions::from_mode(0o700)).with_context(
            || {
                format!(
                    "the data directory {} cannot be closed to others",
                    data_dir.display()
                )
            },
        )?;
    }
    Ok(())
}

/// Writes down where the server listens and which region it is, for `stepd env` and `stepd login`.
pub fn announce(data_dir: &Path, endpoint: &str, region: &str) -> anyhow::Result<()> {
    for (file, text) in [(ENDPOINT_FILE, endpoint), (REGION_FILE, region)] {
        std::fs::write(data_dir.join(file), text)
            .with_context(|| format!("the {file} cannot be written down"))?;
    }
    Ok(())
}

/// Returns where the server of `data_dir` listens, or listened last.
pub fn endpoint(data_dir: &Path) -> String {
    written(data_dir, ENDPOINT_FILE).unwrap_or_else(|| format!("http://{LISTEN}"))
}

/// Returns which region the server of `data_dir` is, or was last.
pub fn region(data_dir: &Path) -> String {
    written(data_dir, REGION_FILE).unwrap_or_else(|| REGION.to_owned())
}

fn written(data_dir: &Path, file: &str) -> Option<String> {
    let written = std::fs::read_to_string(data_dir.join(file)).ok();
    written.filter(|text| !text.is_empty())
}
