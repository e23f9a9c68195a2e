//! What functions write: one file a function, rotated and bounded, and live to whoever follows.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use parking_lot::Mutex;
use tokio::sync::broadcast;
use vocab::Timestamp;

/// Where one file ends and the next begins.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// Older files that are kept beside the newest.
const OLD_FILES_MAX: u32 = 2;
/// How much of the past a new reader is shown.
const PAST_BYTES_MAX: u64 = 256 << 10;
/// Entries that a follower may lag behind before it misses some.
const FOLLOWER_ENTRIES_MAX: usize = 4096;

/// One line that a function, or the service for it, wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When the line was read from the function's output.
    pub time: Timestamp,
    /// The instance that wrote it: the last part of its log stream's name.
    pub instance: Arc<str>,
    /// The line without its end.
    pub message: String,
}

/// The logs of all functions.
pub struct Logs {
    directory: PathBuf,
    functions: Mutex<HashMap<String, Arc<FunctionLog>>>,
}

impl Logs {
    /// Keeps logs as files in `directory`, which is created.
    pub fn open(directory: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        Ok(Self { directory, functions: Mutex::default() })
    }

    /// Returns the log of `function`, whose name is known to be one.
    pub fn of(&self, function: &str) -> Arc<FunctionLog> {
        let mut functions = self.functions.lock();
        if let Some(log) = functions.get(function) {
            return Arc::clone(log);
        }
        let log = Arc::new(FunctionLog {
            path: self.directory.join(format!("{function}.log")),
            writer: Mutex::new(Writer { file: None, size: 0 }),
            live: broadcast::channel(FOLLOWER_ENTRIES_MAX).0,
        });
        functions.insert(function.to_owned(), Arc::clone(&log));
        log
    }
}

/// The log of one function.
pub struct FunctionLog {
    path: PathBuf,
    writer: Mutex<Writer>,
    live: broadcast::Sender<LogEntry>,
}

struct Writer {
    file: Option<File>,
    size: u64,
}

impl FunctionLog {
    /// Appends `entries`. A full disk costs log lines, never an invocation.
    pub fn append(&self, entries: Vec<LogEntry>) {
        let mut text = String::new();
        for entry in &entries {
            text.push_str(&format!("{}\t{}\t{}\n", entry.time, entry.instance, entry.message));
        }
        let mut writer = self.writer.lock();
        if let Err(error) = self.write(&mut writer, &text) {
            tracing::warn!(%error, "could not write the log of a function");
            writer.file = None;
        }
        for entry in entries {
            // Nobody follows: that is usual.
            let _ = self.live.send(entry);
        }
    }

    fn write(&self, writer: &mut Writer, text: &str) -> io::Result<()> {
        if writer.size >= FILE_BYTES_MAX {
            writer.file = None;
            self.rotate()?;
        }
        if writer.file.is_none() {
            let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
            writer.size = file.metadata()?.len();
            writer.file = Some(file);
        }
        if let Some(file) = &mut writer.file {
            file.write_all(text.as_bytes())?;
        }
        writer.size += text.len() as u64;
        Ok(())
    }

    fn rotate(&self) -> io::Result<()> {
        let old = |number: u32| self.path.with_extension(format!("{number}.log"));
        for number in (1..OLD_FILES_MAX).rev() {
            if old(number).exists() {
                fs::rename(old(number), old(number + 1))?;
            }
        }
        fs::rename(&self.path, old(1))
    }

    /// Returns the latest entries and then, if asked, every new one as it is written.
    ///
    /// A follower that is too slow misses entries rather than holding up the function.
    pub fn tail(&self, follow: bool) -> BoxStream<'static, LogEntry> {
        // Nothing is written between what is read and what is followed.
        let writer = self.writer.lock();
        let past = self.past().unwrap_or_default();
        let live = follow.then(|| self.live.subscribe());
        drop(writer);
        let past = stream::iter(past);
        let Some(live) = live else {
            return past.boxed();
        };
        let live = stream::unfold(live, async |mut live| {
            loop {
                match live.recv().await {
                    Ok(entry) => return Some((entry, live)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        });
        past.chain(live).boxed()
    }

    fn past(&self) -> io::Result<Vec<LogEntry>> {
        let mut file = File::open(&self.path)?;
        let size = file.metadata()?.len();
        let start = size.saturating_sub(PAST_BYTES_MAX);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(PAST_BYTES_MAX).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        // The first line may have lost its beginning; then it does not parse or is left out.
        let skip = usize::from(start > 0);
        Ok(text.lines().skip(skip).filter_map(parse_line).collect())
    }
}

fn parse_line(line: &str) -> Option<LogEntry> {
    let mut fields = line.splitn(3, '\t');
    let time = Timestamp::parse_rfc3339(fields.next()?)?;
    let instance = fields.next()?.into();
    Some(LogEntry { time, instance, message: fields.next()?.to_owned() })
}

/// The last 4 KiB that an invocation wrote, as `LogType: Tail` asks for.
#[derive(Debug, Default)]
pub struct LogTail(VecDeque<u8>);

impl LogTail {
    const BYTES_MAX: usize = 4096;

    /// Adds one line.
    pub fn push(&mut self, line: &str) {
        self.0.extend(line.as_bytes());
        self.0.push_back(b'\n');
        let excess = self.0.len().saturating_sub(Self::BYTES_MAX);
        self.0.drain(..excess);
    }

    /// Returns the bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(message: &str) -> LogEntry {
        LogEntry { time: Timestamp::from_millis(1_000), instance: "i".into(), message: message.to_owned() }
    }

    #[tokio::test]
    async fn past_and_live_entries_follow_each_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let logs = Logs::open(directory.path().join("logs")).expect("logs");
        let log = logs.of("f");
        log.append(vec![entry("one"), entry("two\twith a tab")]);
        let mut tail = log.tail(true);
        log.append(vec![entry("three")]);
        for expected in ["one", "two\twith a tab", "three"] {
            assert_eq!(tail.next().await, Some(entry(expected)));
        }
        let all: Vec<LogEntry> = log.tail(false).collect().await;
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn files_are_bounded() {
        let directory = tempfile::tempdir().expect("a directory");
        let logs = Logs::open(directory.path().to_owned()).expect("logs");
        let log = logs.of("f");
        let long = "x".repeat(1 << 20);
        for _ in 0..40 {
            log.append(vec![entry(&long)]);
        }
        let sizes: Vec<u64> = fs::read_dir(directory.path())
            .expect("the directory")
            .map(|file| file.and_then(|file| file.metadata()).expect("a file").len())
            .collect();
        assert_eq!(sizes.len(), 1 + OLD_FILES_MAX as usize);
        assert!(sizes.iter().all(|size| *size < FILE_BYTES_MAX + (2 << 20)), "{sizes:?}");
    }

    #[test]
    fn a_tail_keeps_the_end() {
        let mut tail = LogTail::default();
        for number in 0..2000 {
            tail.push(&number.to_string());
        }
        let bytes = tail.into_bytes();
        assert_eq!(bytes.len(), LogTail::BYTES_MAX);
        assert!(bytes.ends_with(b"1998\n1999\n"));
    }
}
