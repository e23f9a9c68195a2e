//! Puts the built console (`console/dist`) into the binary, if it was built.
//!
//! Writes a table of the files, each compressed by the console's own build (`NAME.gz`). Without them
//! the table is empty, and the server serves a page that says how to build the console.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../console/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    collect(&dist, &dist, &mut files);
    files.sort();
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where"));
    let mut table = String::from("&[\n");
    for (number, (name, path)) in files.iter().enumerate() {
        // A copy: the console may be built anew while this is compiled.
        let copy = out.join(number.to_string());
        std::fs::copy(path, &copy).expect("a file that was found can be copied");
        writeln!(table, "    ({name:?}, include_bytes!({copy:?})),").expect("text grows");
    }
    table.push_str("]\n");
    std::fs::write(out.join("files.rs"), table).expect("the table can be written");
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
            continue;
        }
        let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) else {
            continue;
        };
        if let Some(name) = name.strip_suffix(".gz") {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push((name.to_owned(), path.clone()));
        }
    }
}
