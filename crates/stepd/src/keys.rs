//! The server's secrets: made at the first start, readable by their owner alone, never printed but by
//! `stepd env`, and by `stepd keys rotate` where it makes another.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

const KEYS_FILE: &str = "keys.json";

/// The secrets of one data directory.
#[derive(Clone, Serialize, Deserialize)]
pub struct Keys {
    /// The root access key's id.
    pub root_access_key_id: String,
    /// The root access key's secret.
    pub root_secret_access_key: String,
    /// Seals temporary credentials, 32 bytes as hex.
    master: String,
    /// Seals task tokens, 32 bytes as hex.
    tokens: String,
}

impl Keys {
    /// Returns the keys of `data_dir`; makes them if there are none yet. A chosen root key is kept.
    pub fn open(data_dir: &Path, chosen: Option<&RootAccessKey>) -> anyhow::Result<Self> {
        let path = data_dir.join(KEYS_FILE);
        let mut keys = match std::fs::read(&path) {
            Ok(bytes) => Self::parse(&bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::random(),
            Err(error) => return Err(error).context("the server's keys cannot be read"),
        };
        if let Some(RootAccessKey { id, secret }) = chosen {
            keys.root_access_key_id.clone_from(id);
            keys.root_secret_access_key.clone_from(secret);
        }
        keys.write(&path)
            .context("the server's keys cannot be written")?;
        Ok(keys)
    }

    /// Makes a new root access key for `data_dir`; once this returns, it is on disk.
    pub fn rotate(data_dir: &Path) -> anyhow::Result<Self> {
        let new = Self::random();
        let keys = Self {
            root_access_key_id: new.root_access_key_id,
            root_secret_access_key: new.root_secret_access_key,
            ..Self::read(data_dir)?
        };
        keys.write(&data_dir.join(KEYS_FILE))
            .context("the server's keys cannot be written")?;
        Ok(keys)
    }

    /// Returns the keys of a data directory that a server has used.
    pub fn read(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(KEYS_FILE);
        let bytes = std::fs::read(&path).with_context(|| {
            format!(
                "no server has used {} yet: start one with `stepd serve`",
                data_dir.display()
            )
        })?;
        Self::parse(&bytes)
    }

    /// Returns the key that seals temporary credentials.
    pub fn master(&self) -> anyhow::Result<[u8; 32]> {
        bytes_of(&self.master)
    }

    /// Returns the key that seals task tokens.
    pub fn tokens(&self) -> anyhow::Result<[u8; 32]> {
        bytes_of(&self.tokens)
    }

    fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let keys: Self = serde_json::from_slice(bytes).context("the server's keys are damaged")?;
        keys.master()?;
        keys.tokens()?;
        Ok(keys)
    }

    fn random() -> Self {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        const ANY: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let draw = |from: &[u8], count: usize| -> String {
            (0..count)
                .map(|_| char::from(from[rand::random_range(0..from.len())]))
                .collect()
        };
        Self {
            root_access_key_id: format!("AKIA{}", draw(LETTERS, 16)),
            root_secret_access_key: draw(ANY, 40),
            master: hex::encode(rand::random::<[u8; 32]>()),
            tokens: hex::encode(rand::random::<[u8; 32]>()),
        }
    }

    /// Writes the file whole or not at all: a half-written key would lock everybody out.
    fn write(&self, path: &Path) -> anyhow::Result<()> {
        let new = path.with_extension("new");
        let _ = std::fs::remove_file(&new);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        if let Some(parent) = path.parent() {
            std::fs::File::open(parent)?.sync_all()?;
        }
        Ok(())
    }
}

fn bytes_of(text: &str) -> anyhow::Result<[u8; 32]> {
    let bytes = hex::decode(text)
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.context("the server's keys are damaged")
}

/// `ID:SECRET`, as the command line takes it.
#[derive(Clone)]
pub struct RootAccessKey {
    /// At least 16 letters, digits or underscores, as the AWS model has it.
    pub id: String,
    /// Not empty.
    pub secret: String,
}

impl std::str::FromStr for RootAccessKey {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some((id, secret)) = text.split_once(':') else {
            bail!("expected ID:SECRET")
        };
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if id.is_empty() || id.len() > 128 || !id.chars().all(word) {
            bail!("the id must be 1 to 128 letters, digits or underscores");
        }
        // Temporary credentials are told by this beginning.
        if id.starts_with("ASIA") {
            bail!("an id that begins with ASIA stands for temporary credentials");
        }
        if secret.is_empty() {
            bail!("the secret must not be empty");
        }
        Ok(Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_are_for_their_owner_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = Keys::open(dir.path(), None).expect("makes them");
        let again = Keys::open(dir.path(), None).expect("reads them");
        assert_eq!(first.root_secret_access_key, again.root_secret_access_key);
        assert_eq!(
            first.master().expect("32 bytes"),
            again.master().expect("32 bytes")
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(dir.path().join(KEYS_FILE))
                .expect("exists")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let chosen: RootAccessKey = "me:secret".parse().expect("a key");
        Keys::open(dir.path(), Some(&chosen)).expect("keeps the choice");
        assert_eq!(
            Keys::read(dir.path()).expect("reads").root_access_key_id,
            "me"
        );
        let master = chosen_master(dir.path());
        let rotated = Keys::rotate(dir.path()).expect("makes another");
        assert_ne!(rotated.root_access_key_id, "me");
        assert_eq!(chosen_master(dir.path()), master, "the rest stays");
        for bad in ["", "id", "id:", ":secret", "ASIAX:secret", "a b:secret"] {
            assert!(bad.parse::<RootAccessKey>().is_err(), "{bad}");
        }
    }

    fn chosen_master(dir: &Path) -> [u8; 32] {
        let keys = Keys::read(dir).expect("reads");
        keys.master().expect("32 bytes")
    }
}
