//! One server a data directory: an operating system's lock on a file of its own.
//!
//! The kernel lets go of the lock when the process ends, however it ends; nothing is cleaned up by
//! hand. The number in the file is for the operator only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use store::StoreError;

use crate::fault;

const FILE: &str = "stepd.lock";

/// How long whoever holds the lock may take to leave. A server that was killed while it started a function leaves
/// a child behind that holds it until it is a program of its own.
const LEAVING_MAX: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Holds the data directory until it is dropped.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Locks `directory`, or says who holds it.
    pub(crate) fn acquire(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let mut file = open.map_err(|source| fault::open(&path, source))?;
        let deadline = Instant::now() + LEAVING_MAX;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(LOOK_AGAIN),
                Err(TryLockError::WouldBlock) => return Err(in_use(directory, &mut file)),
                Err(TryLockError::Error(source)) => return Err(fault::open(&path, source)),
            }
        }
        write_holder(&mut file).map_err(|source| fault::open(&path, source))?;
        Ok(Self { _file: file })
    }
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn in_use(directory: &Path, file: &mut File) -> StoreError {
    let mut holder = String::new();
    // The number is a courtesy: without it the answer is still right.
    let holder = match file.read_to_string(&mut holder).map(|_| holder.trim()) {
        Ok(holder) if !holder.is_empty() => format!(" (process {holder})"),
        Ok(_) | Err(_) => String::new(),
    };
    let directory = directory.display();
    StoreError::InUse {
        detail: format!(
            "the data directory {directory} is in use by another stepd{holder}: stop that one, or give this one a \
             data directory of its own"
        ),
    }
}
