//! Histories as text: a definition, commands, and what came of each. `STEPD_UPDATE=1` writes what comes
//! of them now; read it before it is committed.
//!
//! A file is a header (`input`, `seed`, `history_events_max`, `payload_bytes_max`, `turn_events_max`,
//! then the definition), a blank line, and blocks: a line `> command`, then its outcome.

mod play;

use std::path::Path;
use std::{env, fs};

#[test]
fn histories() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder of histories can be listed")
        .map(|entry| entry.expect("an entry can be read").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "there are histories");
    let failed: Vec<String> = files.iter().filter_map(|file| check(file).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

fn check(file: &Path) -> Result<(), String> {
    let expected = fs::read_to_string(file).map_err(|error| format!("{file:?}: {error}"))?;
    let made = play::play(&expected)
        .map_err(|why| format!("{file:?}: {why}"))?
        .text;
    if env::var_os("STEPD_UPDATE").is_some() {
        return fs::write(file, made).map_err(|error| format!("{file:?}: {error}"));
    }
    if made == expected {
        return Ok(());
    }
    let differs = made
        .lines()
        .zip(expected.lines())
        .position(|(made, expected)| made != expected);
    let line = differs.unwrap_or_else(|| made.lines().count().min(expected.lines().count()));
    let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
    let (expected, made) = (at(&expected), at(&made));
    Err(format!(
        "{}:{}\n  expected {expected}\n  made     {made}",
        file.display(),
        line + 1
    ))
}
