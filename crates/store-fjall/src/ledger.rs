//! The ledger: what the data directory is, and up to which group its commits were acknowledged.
//!
//! A small file of three pages, overwritten in place. The first says the format in a line for
//! people; the other two take turns in holding the number of the last acknowledged group, so that
//! a torn write never loses the number before it. See `docs/adr/0002-store-damage.md`.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use store::{Space, StoreError};
use xxhash_rust::xxh3::xxh3_64;

use crate::fault;

const FILE: &str = "stepd.ledger";
/// The format this code writes and the newest it reads.
const FORMAT: u32 = 1;
const PAGE: usize = 4096;
/// The last bytes of a page: the checksum of the others.
const CHECKSUM: usize = 8;

/// How far the making of the data directory has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing was ever acknowledged; whatever lies there may be removed.
    Creating,
    /// In use, with this many spaces.
    Ready {
        /// Spaces 0 to this exist.
        spaces: usize,
    },
}

/// The open ledger.
#[derive(Debug)]
pub(crate) struct Ledger {
    file: File,
    path: PathBuf,
    pub(crate) stage: Stage,
    /// The last group whose batches were acknowledged; 0 before the first.
    pub(crate) acknowledged: u64,
}

impl Ledger {
    /// Opens the ledger of `directory`; `None` if there is none.
    pub(crate) fn open(directory: &Path) -> Result<Option<Self>, StoreError> {
        let path = directory.join(FILE);
        let content = match std::fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(fault::open(&path, source)),
        };
        let stage = read_header(&content).map_err(|what| fault::damaged(&path, what))??;
        let numbers = [1, 2].map(|page| read_number(&content, page));
        let Some(acknowledged) = numbers.into_iter().flatten().max() else {
            return Err(fault::damaged(
                &path,
                "neither of its two numbers can be read",
            ));
        };
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.map_err(|source| fault::open(&path, source))?;
        Ok(Some(Self {
            file,
            path,
            stage,
            acknowledged,
        }))
    }

    /// Makes the ledger of a new data directory. Once this returns, it is on disk.
    pub(crate) fn create(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let file =
            replace(&path, Stage::Creating, 0).map_err(|source| fault::open(&path, source))?;
        Ok(Self {
            file,
            path,
            stage: Stage::Creating,
            acknowledged: 0,
        })
    }

    /// Records how far the directory has come. Once this returns, it is on disk.
    pub(crate) fn set_stage(&mut self, stage: Stage) -> Result<(), StoreError> {
        let replaced = replace(&self.path, stage, self.acknowledged);
        self.file = replaced.map_err(|source| fault::open(&self.path, source))?;
        self.stage = stage;
        Ok(())
    }

    /// Records that every group up to `number` is about to be acknowledged. Once this returns, an
    /// opening that finds fewer groups knows that something was lost.
    pub(crate) fn acknowledge(&mut self, number: u64) -> io::Result<()> {
        let page = 1 + number % 2;
        self.file.seek(SeekFrom::Start(page * PAGE as u64))?;
        self.file.write_all(&number_page(number))?;
        // The length of the file never changes: the data is all that has to reach the disk.
        self.file.sync_data()?;
        self.acknowledged = number;
        Ok(())
    }
}

/// Puts a new ledger in the place of the one at `path`, whole or not at all.
fn replace(path: &Path, stage: Stage, acknowledged: u64) -> io::Result<File> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&new)?;
    let number = number_page(acknowledged);
    for page in [header_page(stage), number, number] {
        file.write_all(&page)?;
    }
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    sync_directory(path.parent().unwrap_or(Path::new(".")))?;
    Ok(file)
}

/// Brings the names in `directory` to disk.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn sealed(content: &[u8]) -> [u8; PAGE] {
    let mut page = [0; PAGE];
    page[..content.len()].copy_from_slice(content);
    let checksum = xxh3_64(&page[..PAGE - CHECKSUM]);
    page[PAGE - CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
    page
}

/// Returns the content of a page whose checksum holds.
fn unsealed(content: &[u8], page: usize) -> Option<&[u8]> {
    let page = content.get(page * PAGE..(page + 1) * PAGE)?;
    let (body, checksum) = page.split_at(PAGE - CHECKSUM);
    (checksum == xxh3_64(body).to_le_bytes()).then_some(body)
}

fn header_page(stage: Stage) -> [u8; PAGE] {
    let stage = match stage {
        Stage::Creating => "creating".to_owned(),
        Stage::Ready { spaces } => format!("spaces {spaces}"),
    };
    sealed(format!("stepd store, format {FORMAT}, {stage}\n").as_bytes())
}

fn number_page(number: u64) -> [u8; PAGE] {
    sealed(&number.to_le_bytes())
}

fn read_number(content: &[u8], page: usize) -> Option<u64> {
    let body = unsealed(content, page)?;
    Some(u64::from_le_bytes(body.first_chunk().copied()?))
}

/// Reads the first page. The outer error is damage; the inner one a format we do not know.
fn read_header(content: &[u8]) -> Result<Result<Stage, StoreError>, &'static str> {
    const UNREADABLE: &str = "its first page cannot be read";
    let body = unsealed(content, 0).ok_or(UNREADABLE)?;
    let line = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| UNREADABLE)?;
    let rest = line
        .strip_prefix("stepd store, format ")
        .ok_or(UNREADABLE)?;
    let (format, stage) = rest.split_once(", ").ok_or(UNREADABLE)?;
    let format: u32 = format.parse().map_err(|_| UNREADABLE)?;
    if format != FORMAT {
        return Ok(Err(newer(
            format!("format {format}"),
            format!("format {FORMAT}"),
        )));
    }
    let stage = match stage.strip_prefix("spaces ").map(str::parse) {
        Some(Ok(spaces)) if spaces > Space::ALL.len() => {
            let known = format!("{} spaces", Space::ALL.len());
            return Ok(Err(newer(format!("{spaces} spaces"), known)));
        }
        Some(Ok(spaces)) => Stage::Ready { spaces },
        None if stage == "creating" => Stage::Creating,
        Some(Err(_)) | None => return Err(UNREADABLE),
    };
    Ok(Ok(stage))
}

fn newer(found: String, known: String) -> StoreError {
    StoreError::Unavailable {
        operation: "open",
        source: WrittenByAnother { found, known }.into(),
    }
}

/// The data directory was written by another release.
#[derive(Debug, thiserror::Error)]
#[error(
    "the data directory has {found}, and this stepd knows {known}: use the release that wrote it, or a newer one"
)]
struct WrittenByAnother {
    found: String,
    known: String,
}

#[cfg(test)]
impl Ledger {
    /// Makes every later write fail, as a disk does that has gone.
    pub(crate) fn fail_from_now_on(&mut self) {
        self.file = File::open(&self.path).expect("the ledger is there");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens a ledger whose first page says `line`; returns what the opening says.
    fn check(line: &str) -> String {
        let root = tempfile::tempdir().expect("a temporary directory");
        let pages = [sealed(line.as_bytes()), number_page(7), number_page(8)].concat();
        std::fs::write(root.path().join(FILE), pages).expect("writes");
        match Ledger::open(root.path()) {
            Ok(Some(ledger)) => format!("{:?} {}", ledger.stage, ledger.acknowledged),
            Ok(None) => "none".into(),
            Err(StoreError::Unavailable { source, .. }) => source.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn headers() {
        let cases = [
            ("stepd store, format 1, spaces 2\n", "Ready { spaces: 2 } 8"),
            ("stepd store, format 1, creating\n", "Creating 8"),
            (
                "stepd store, format 2, whatever comes\n",
                "has format 2, and this stepd knows format 1",
            ),
            (
                "stepd store, format 1, spaces 99\n",
                "has 99 spaces, and this stepd knows",
            ),
            (
                "stepd store, format 1, spaces\n",
                "its first page cannot be read",
            ),
            ("something else\n", "its first page cannot be read"),
        ];
        for (line, expected) in cases {
            let found = check(line);
            assert!(found.contains(expected), "{line:?}: {found}");
        }
    }

    #[test]
    fn a_torn_number_leaves_the_one_before() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let path = root.path().join(FILE);
        let mut ledger = Ledger::create(root.path()).expect("creates");
        for number in 1..=4 {
            ledger.acknowledge(number).expect("writes");
        }
        let acknowledged = || {
            Ledger::open(root.path())
                .expect("opens")
                .expect("is there")
                .acknowledged
        };
        assert_eq!(acknowledged(), 4);
        let whole = std::fs::read(&path).expect("reads");
        let mut torn = whole.clone();
        torn[PAGE] ^= 1;
        std::fs::write(&path, &torn).expect("writes");
        assert_eq!(acknowledged(), 3);
        torn[2 * PAGE] ^= 1;
        std::fs::write(&path, &torn).expect("writes");
        assert!(matches!(
            Ledger::open(root.path()),
            Err(StoreError::Corrupted { .. })
        ));
    }
}
