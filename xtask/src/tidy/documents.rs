//! The documents that speak of the whole: the map, the decisions, the licence.

use std::collections::BTreeMap;

use super::{Crate, File, Problems};

const LICENSE: &str = "Apache-2.0";
const MAP: &str = "ARCHITECTURE.md";
const DECISIONS: &str = "docs/adr/";

/// Checks the documents against the crates.
pub fn check(crates: &[Crate], files: &[File], problems: &mut Problems) {
    let find = |path: &str| files.iter().find(|file| file.path == path);
    for path in ["README.md", "STYLE.md", "LICENSE", MAP] {
        if find(path).is_none() {
            problems.push(format!("{path}: missing"));
        }
    }
    for one in crates {
        if one.license.as_deref() != Some(LICENSE) {
            problems.push(format!(
                "{}/Cargo.toml: the licence is not {LICENSE}",
                one.folder
            ));
        }
        if find(MAP).is_some_and(|map| !names(&map.text, &one.name)) {
            problems.push(format!("{MAP}: does not name the crate {}", one.name));
        }
        if !["src/lib.rs", "src/main.rs"].iter().any(|root| {
            find(&format!("{}/{root}", one.folder))
                .is_some_and(|file| file.text.contains("#![forbid(unsafe_code)]"))
        }) {
            problems.push(format!(
                "{}: its root does not say #![forbid(unsafe_code)]",
                one.folder
            ));
        }
    }
    decisions(files, problems);
}

/// Checks that every decision has a number of its own: `docs/adr/0007-what-it-is.md`.
fn decisions(files: &[File], problems: &mut Problems) {
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for path in files.iter().map(|file| file.path.as_str()) {
        let Some(name) = path.strip_prefix(DECISIONS) else {
            continue;
        };
        let Some((number, _)) = name.split_once('-').filter(|(number, _)| is_number(number)) else {
            if name != "README.md" {
                problems.push(format!(
                    "{path}: a decision's name begins with four digits and a hyphen"
                ));
            }
            continue;
        };
        if let Some(other) = taken.insert(number, path) {
            problems.push(format!("{path}: has the number of {other}"));
        }
    }
}

fn is_number(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Says whether `text` holds `name` as a word; `store` is not named by `store-fjall`.
fn names(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_crate_is_named_by_its_whole_name() {
        assert!(names("the `store` trait", "store"));
        assert!(!names("the `store-fjall` backend", "store"));
    }
}
