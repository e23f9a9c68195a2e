//! Uploaded files, named by the SHA-256 of what is in them: the same file is uploaded once.

use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The bucket that stands for assets where a template wants one. No bucket of S3 can be called so.
pub const ASSET_BUCKET: &str = "_assets";

/// The files under `<data_dir>/assets`.
#[derive(Clone, Debug)]
pub struct Assets {
    directory: PathBuf,
}

/// Why an asset was not kept or not found.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    /// The name is not 64 lower case hexadecimal digits.
    #[error("an asset is named by the 64 hexadecimal digits of its SHA-256")]
    NotAHash,
    /// The bytes are not those that the name says.
    #[error("the bytes have the SHA-256 {found} instead of {wanted}")]
    WrongHash {
        /// What the name says.
        wanted: String,
        /// What the bytes say.
        found: String,
    },
    /// The disk failed.
    #[error("could not {operation} an asset")]
    Disk {
        /// `write`, `read` or `look for`.
        operation: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

fn disk(operation: &'static str) -> impl Fn(std::io::Error) -> AssetError {
    move |source| AssetError::Disk { operation, source }
}

impl Assets {
    /// Keeps assets under `data_dir`.
    pub fn open(data_dir: &Path) -> Result<Self, AssetError> {
        let directory = data_dir.join("assets");
        std::fs::create_dir_all(&directory).map_err(disk("write"))?;
        Ok(Self { directory })
    }

    /// Keeps `bytes` under their hash. Once this returns, they survive the loss of power.
    pub async fn put(&self, sha256: &str, bytes: Bytes) -> Result<(), AssetError> {
        let path = self.path(sha256)?;
        let (directory, wanted) = (self.directory.clone(), sha256.to_owned());
        blocking("write", move || {
            let found = hex::encode(Sha256::digest(&bytes));
            if found != wanted {
                return Err(AssetError::WrongHash { wanted, found });
            }
            write_durably(&directory, &path, &bytes).map_err(disk("write"))
        })
        .await
    }

    /// Says whether the asset is there.
    pub async fn has(&self, sha256: &str) -> Result<bool, AssetError> {
        let path = self.path(sha256)?;
        blocking("look for", move || {
            path.try_exists().map_err(disk("look for"))
        })
        .await
    }

    /// Returns the asset's bytes.
    pub async fn read(&self, sha256: &str) -> Result<Bytes, AssetError> {
        let path = self.path(sha256)?;
        blocking("read", move || {
            std::fs::read(path).map(Bytes::from).map_err(disk("read"))
        })
        .await
    }

    fn path(&self, sha256: &str) -> Result<PathBuf, AssetError> {
        let hash = sha256.len() == 64
            && sha256
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hash {
            Ok(self.directory.join(sha256))
        } else {
            Err(AssetError::NotAHash)
        }
    }
}

/// Writes beside the name and then renames, so that a file under its name is whole.
fn write_durably(directory: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    let draft = directory.join(format!("draft-{}", uuid::Uuid::new_v4()));
    let mut file = std::fs::File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    std::fs::File::open(directory)?.sync_all()
}

async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T, AssetError> + Send + 'static,
) -> Result<T, AssetError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => Err(AssetError::Disk {
            operation,
            source: std::io::Error::other(error),
        }),
    }
}
