//! Where a server keeps its data, and what it says there about itself.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The address that is listened on unless another is given; AWS tools know it as an emulator's.
pub const LISTEN: &str = "127.0.0.1:4566";

/// The file in which a running server says where it listens.
const ENDPOINT_FILE: &str = "endpoint";

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

/// Writes down where the server listens, for `stepd env`.
pub fn announce(data_dir: &Path, endpoint: &str) -> anyhow::Result<()> {
    std::fs::write(data_dir.join(ENDPOINT_FILE), endpoint)
        .context("the endpoint cannot be written down")
}

/// Returns where the server of `data_dir` listens, or listened last.
pub fn endpoint(data_dir: &Path) -> String {
    let written = std::fs::read_to_string(data_dir.join(ENDPOINT_FILE)).ok();
    written
        .filter(|endpoint| !endpoint.is_empty())
        .unwrap_or_else(|| format!("http://{LISTEN}"))
}
