//! The purity of the pure crates: no clock, randomness, I/O, async or hash order.
//!
//! Three nets. Only libraries that are known to be pure may be used; `clippy.toml` refuses single
//! functions and types, in the same words in every pure crate; and whole modules of the standard
//! library, which clippy cannot refuse at once, are looked for in the text.

use super::{Crate, File, Problems};

/// Libraries that a pure crate may use, because they compute and do nothing else.
const LIBRARIES: &[&str] = &[
    "base64",
    "bytes",
    "chrono",
    "croner",
    "hex",
    "hmac",
    "http",
    "indexmap",
    "itoa",
    "jiff",
    "jlens-core",
    "md-5",
    "memchr",
    "minicbor",
    "percent-encoding",
    "regex",
    "regex-lite",
    "ryu",
    "saphyr-parser",
    "serde",
    "serde_json",
    "sha1",
    "sha2",
    "smallvec",
    "subtle",
    "thiserror",
];

/// What the text of a pure crate may not name outside of its tests.
const REFUSED: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io::stdin",
    "std::net",
    "std::process",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::sync::atomic",
    "std::sync::mpsc",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "thread_local!",
    "async fn",
    "println!",
    "eprintln!",
];

/// Names that one file may use all the same, with what makes it pure.
const EXCUSED: &[(&str, &str)] = &[(
    // The engine wants functions that can be shared; each is given to one evaluation, and the
    // counter in it starts anew.
    "crates/asl/src/query/jsonata/functions.rs",
    "std::sync::atomic",
)];

/// The pure crate whose `clippy.toml` the others repeat.
const MODEL: &str = "crates/vocab/clippy.toml";

/// Checks every crate that calls itself pure.
pub fn check(crates: &[Crate], files: &[File], problems: &mut Problems) {
    let find = |path: &str| files.iter().find(|file| file.path == path);
    let model = find(MODEL).map(|file| file.text.as_str());
    for pure in crates.iter().filter(|one| one.pure) {
        dependencies(pure, crates, problems);
        let lints = format!("{}/clippy.toml", pure.folder);
        match (find(&lints).map(|file| file.text.as_str()), model) {
            (None, _) => problems.push(format!(
                "{lints}: missing; a pure crate has a copy of {MODEL}"
            )),
            (Some(text), Some(model)) if text != model => {
                problems.push(format!(
                    "{lints}: differs from {MODEL}; pure means the same everywhere"
                ));
            }
            (Some(_), _) => {}
        }
        let sources = format!("{}/src/", pure.folder);
        for file in files
            .iter()
            .filter(|file| file.path.starts_with(&sources) && !is_test(&file.path))
        {
            for (number, line) in code_lines(&file.text) {
                let refused = REFUSED.iter().filter(|name| line.contains(**name));
                for name in refused.filter(|name| !EXCUSED.contains(&(&*file.path, **name))) {
                    problems.push(format!("{}:{number}: `{name}` in a pure crate", file.path));
                }
            }
        }
    }
}

fn dependencies(pure: &Crate, crates: &[Crate], problems: &mut Problems) {
    for dependency in &pure.dependencies {
        let is_pure = match dependency.ours {
            true => crates
                .iter()
                .any(|other| other.name == dependency.name && other.pure),
            false => LIBRARIES.contains(&dependency.name.as_str()),
        };
        if !is_pure {
            problems.push(format!(
                "{}/Cargo.toml: a pure crate uses {}, which is not known to be pure (xtask/src/tidy/purity.rs)",
                pure.folder, dependency.name
            ));
        }
    }
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Returns the numbered lines of `text` up to its test module, without comments.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let code = text
        .lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]");
    code.map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::code_lines;

    #[test]
    fn comments_and_tests_are_not_code() {
        let text = "//! std::fs\nuse a;\n    // std::fs\nlet b;\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        let numbers: Vec<usize> = code_lines(text).map(|(number, _)| number).collect();
        assert_eq!(numbers, [2, 4]);
    }
}
