//! Damage on disk: every damaged directory is either fully intact or reported, never in between.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use store::{Batch, Key, Range, Space, Store, StoreError};
use store_fjall::{FjallStore, Options};
use tempfile::TempDir;

/// How often each file is flipped and cut, at places spread over its length.
const PLACES: u64 = 4;
const LEDGER: &str = "stepd.ledger";

type Rows = BTreeMap<Key, Bytes>;

/// How a file is damaged.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// One bit of the byte at this place is another.
    Flip(u64),
    /// Eight bytes from here on are zeros.
    Zero(u64),
    /// The file ends here.
    Cut(u64),
    /// The file is not there.
    Remove,
}

fn open(directory: &Path, unflushed_bytes: u64) -> Result<FjallStore, StoreError> {
    FjallStore::open(
        directory,
        Options {
            unflushed_bytes,
            worker_threads: 1,
            ..Options::default()
        },
    )
}

fn numbered(number: u64) -> Batch {
    let row = |space: Space| {
        let value = vec![number as u8 ^ space as u8; (number * 37 % 1_500) as usize];
        (
            Key::new(space, number.to_be_bytes().to_vec()),
            Bytes::from(value),
        )
    };
    let delete = Key::new(Space::Outbox, number.wrapping_sub(2).to_be_bytes().to_vec());
    Batch {
        put: [Space::Journal, Space::Outbox, Space::Executions]
            .map(row)
            .to_vec(),
        delete: vec![delete],
        ..Batch::default()
    }
}

/// Makes a directory with batches 0 to `batches` in it, and says what it holds.
async fn build(directory: &Path, batches: u64, unflushed_bytes: u64) -> Rows {
    let store = open(directory, unflushed_bytes).expect("an empty directory opens");
    let mut rows = Rows::new();
    for number in 0..batches {
        let batch = numbered(number);
        batch.delete.iter().for_each(|key| drop(rows.remove(key)));
        rows.extend(batch.put.iter().cloned());
        store.commit(batch).await.expect("commits");
    }
    drop(store);
    // fjall allocates its journal in advance; opened again, it is as long as what is in it.
    drop(open(directory, unflushed_bytes).expect("an intact directory opens"));
    rows
}

/// Reads everything twice, by scans and by gets.
async fn read(store: &FjallStore, expected: &Rows) -> Result<Rows, StoreError> {
    let mut rows = Rows::new();
    for space in Space::ALL {
        let found = store.scan(&Range::prefix(space, b""), usize::MAX).await?;
        rows.extend(
            found
                .into_iter()
                .map(|(key, value)| (Key::new(space, key), value)),
        );
    }
    for key in expected.keys() {
        let found = store.get(key).await?;
        assert_eq!(
            found.as_ref(),
            rows.get(key),
            "a get and a scan of {key:?} differ"
        );
    }
    Ok(rows)
}

/// A directory and what was in it once. Cases share it: thousands of copies would be slow.
struct Site {
    root: TempDir,
    contents: BTreeMap<PathBuf, Vec<u8>>,
}

impl Site {
    /// Remembers what is in `root` now.
    fn new(root: TempDir) -> Self {
        let contents = files(root.path())
            .into_iter()
            .map(|path| (path.clone(), fs::read(path).expect("reads")));
        Self {
            contents: contents.collect(),
            root,
        }
    }

    /// Puts back what is no longer as remembered.
    fn restore(&self) {
        for path in files(self.root.path()) {
            if !self.contents.contains_key(&path) {
                fs::remove_file(path).expect("removes");
            }
        }
        for (path, content) in &self.contents {
            if fs::read(path).ok().as_ref() != Some(content) {
                fs::write(path, content).expect("writes");
            }
        }
    }

    fn file(&self, file: &str) -> PathBuf {
        self.root.path().join(file)
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        let entries = fs::read_dir(next)
            .expect("lists")
            .flatten()
            .map(|entry| entry.path());
        let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        open.extend(directories);
        found.extend(files);
    }
    found.sort();
    found
}

fn harm(path: &Path, damage: Damage) {
    if let Damage::Remove = damage {
        return fs::remove_file(path).expect("removes");
    }
    let mut content = fs::read(path).expect("reads");
    match damage {
        Damage::Flip(at) => content[at as usize] ^= 1 << (at % 8),
        Damage::Zero(at) => content
            .iter_mut()
            .skip(at as usize)
            .take(8)
            .for_each(|byte| *byte = 0),
        Damage::Cut(at) => content.truncate(at as usize),
        Damage::Remove => {}
    }
    fs::write(path, content).expect("writes");
}

/// The damages that each file suffers, one at a time.
fn damages(length: u64) -> Vec<Damage> {
    let places = (0..PLACES).map(|place| place * length.saturating_sub(1) / (PLACES - 1));
    let at_places = places
        .filter(|_| length > 0)
        .flat_map(|at| [Damage::Flip(at), Damage::Zero(at), Damage::Cut(at)]);
    at_places.chain([Damage::Remove]).collect()
}

/// Damages the site, opens and reads it: it must hold `expected`, or say that it is damaged.
/// Returns what it says.
async fn check(site: &Site, file: &Path, damage: Damage, expected: &Rows) -> Option<String> {
    site.restore();
    harm(file, damage);
    for opening in 0..2 {
        let found = match open(site.root.path(), u64::MAX) {
            Ok(store) => read(&store, expected).await,
            Err(error) => Err(error),
        };
        let context = format!("{damage:?} of {}, opening {opening}", file.display());
        match found {
            Ok(rows) => assert!(rows == *expected, "{context}: loss without a word"),
            Err(StoreError::Corrupted { detail }) => return Some(detail),
            Err(error) => panic!("{context}: not called damage: {error:?}"),
        }
    }
    None
}

async fn check_all(unflushed_bytes: u64) {
    let root = TempDir::new().expect("a temporary directory");
    let expected = build(root.path(), 60, unflushed_bytes).await;
    let site = Site::new(root);
    let (mut intact, mut reported) = (0, 0);
    for (path, content) in &site.contents {
        for damage in damages(content.len() as u64) {
            match check(&site, path, damage, &expected).await {
                Some(_) => reported += 1,
                None => intact += 1,
            }
        }
    }
    println!("{reported} reported, {intact} intact");
    assert!(
        reported > intact,
        "most damage is to something that matters: {reported} reported, {intact} intact"
    );
}

#[tokio::test]
async fn damage_to_a_store_with_everything_in_the_journal_is_reported() {
    check_all(u64::MAX).await;
}

#[tokio::test]
async fn damage_to_a_store_with_tables_is_reported() {
    check_all(50_000).await;
}

/// A loss of power between a group's write and its acknowledgement leaves any part of the group;
/// the same damage after the acknowledgement is loss.
#[tokio::test]
async fn a_torn_tail_is_taken_off_unless_it_was_acknowledged() {
    const ACKNOWLEDGED: u64 = 20;
    let root = TempDir::new().expect("a temporary directory");
    let before = build(root.path(), ACKNOWLEDGED, u64::MAX).await;
    let ledger = fs::read(root.path().join(LEDGER)).expect("reads");
    let begins = fs::metadata(root.path().join("rows/0.jnl"))
        .expect("is there")
        .len();
    let store = open(root.path(), u64::MAX).expect("an intact directory opens");
    store.commit(numbered(ACKNOWLEDGED)).await.expect("commits");
    drop(store);
    let site = Site::new(root);
    let journal = site.file("rows/0.jnl");
    let ends = site.contents[&journal].len() as u64;
    let mut after = before.clone();
    after.remove(&numbered(ACKNOWLEDGED).delete[0]);
    after.extend(numbered(ACKNOWLEDGED).put);

    // A batch begins with a tag, the number of its items, and its sequence number. Another number that
    // is still above those before it changes no row: the batch is whole, and nothing is lost.
    let number = begins + 5..begins + 13;
    // The first bytes are the batch's header, where every byte is something else.
    let places = (begins..begins + 30)
        .step_by(5)
        .chain((begins + 30..ends).step_by(131))
        .chain([ends - 1]);
    for damage in places.flat_map(|at| [Damage::Cut(at), Damage::Flip(at), Damage::Zero(at)]) {
        if matches!(damage, Damage::Flip(at) | Damage::Zero(at) if number.contains(&at)) {
            continue;
        }
        // With the ledger as of now, the group was acknowledged.
        let harmless = harmless(&site.contents[&journal], damage);
        let said = check(&site, &journal, damage, &after).await;
        assert_eq!(
            said.is_none(),
            harmless,
            "{damage:?}, the group begins at {begins} and ends at {ends}: {said:?}"
        );
        // With the ledger as of before, it was not: it is there in whole, or not at all.
        site.restore();
        harm(&journal, damage);
        fs::write(site.file(LEDGER), &ledger).expect("writes");
        let expected = if harmless { &after } else { &before };
        check_goes_on(
            site.root.path(),
            expected,
            &format!("{damage:?}, the group begins at {begins}"),
        )
        .await;
    }
}

/// Says whether `damage` leaves the file as it is: zeros over zeros.
fn harmless(content: &[u8], damage: Damage) -> bool {
    matches!(damage, Damage::Zero(at) if content.iter().skip(at as usize).take(8).all(|byte| *byte == 0))
}

/// Opens what must be intact, commits to it, and opens it again.
async fn check_goes_on(directory: &Path, expected: &Rows, context: &str) {
    let store = open(directory, u64::MAX).unwrap_or_else(|error| panic!("{context}: {error}"));
    assert!(
        read(&store, expected).await.expect("reads") == *expected,
        "{context}"
    );
    let row = Key::new(Space::Meta, "after");
    let batch = Batch {
        put: vec![(row.clone(), Bytes::from("the crash"))],
        ..Batch::default()
    };
    store.commit(batch).await.expect("commits");
    drop(store);
    let store =
        open(directory, u64::MAX).unwrap_or_else(|error| panic!("{context}, again: {error}"));
    let found = store.get(&row).await.expect("reads");
    assert_eq!(
        found.as_deref(),
        Some(&b"the crash"[..]),
        "{context}, again"
    );
}

/// The server dies while it makes its directory, or the directory is something else.
#[tokio::test]
async fn a_directory_that_is_no_store_is_not_made_one_over_somebodys_rows() {
    let root = TempDir::new().expect("a temporary directory");
    build(root.path(), 3, u64::MAX).await;
    fs::remove_file(root.path().join(LEDGER)).expect("removes");
    let error = open(root.path(), u64::MAX)
        .err()
        .expect("rows without a ledger");
    assert!(
        matches!(&error, StoreError::Corrupted { detail } if detail.contains("ledger")),
        "{error}"
    );
}

#[test]
fn a_second_server_is_refused_and_told_why() {
    let root = TempDir::new().expect("a temporary directory");
    let first = open(root.path(), u64::MAX).expect("an empty directory opens");
    let error = open(root.path(), u64::MAX)
        .err()
        .expect("the directory is in use");
    let StoreError::InUse { detail } = error else {
        panic!("{error:?}")
    };
    let process = format!("process {}", std::process::id());
    let directory = root.path().display().to_string();
    assert!(
        detail.contains(&process) && detail.contains(&directory),
        "{detail}"
    );
    drop(first);
    open(root.path(), u64::MAX).expect("the directory is free again");
}
