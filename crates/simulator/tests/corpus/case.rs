//! One recorded case: a definition, an input, and what AWS did with them.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

/// What stands for the scrubbed ARN of an activity.
const ACTIVITY: &str = "arn:aws:states:us-east-1:111111111111:activity:A";

/// A recorded case.
pub struct Case {
    /// Where it is, below the corpus.
    pub name: String,
    /// The definition's text.
    pub definition: String,
    /// The execution's input, as it was given.
    pub input: String,
    /// `status`, `output`, `error`, `cause` and, in histories, `history`.
    pub expected: Value,
}

impl Case {
    /// Returns the recorded events.
    pub fn history(&self) -> &[Value] {
        self.expected["history"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }
}

/// Returns the folder of recordings, when there is one.
pub fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = env::var_os("STEPD_CORPUS").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Returns the cases below `folder` of the corpus, in the order of their names.
pub fn cases(corpus: &Path, folder: &str) -> Vec<Case> {
    let mut files = Vec::new();
    let mut open = vec![corpus.join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the corpus can be listed") {
            let path = entry.expect("an entry of the corpus can be read").path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files.iter().map(|file| read(corpus, file)).collect()
}

fn read(corpus: &Path, file: &Path) -> Case {
    let text = fs::read_to_string(file).expect("a case can be read");
    let scrubbed = ACTIVITY
        .replace("arn:aws:", "arn:<partition>:")
        .replace("us-east-1", "<region>");
    let text = text.replace("activity_arn", &scrubbed);
    let mut json: Value = serde_json::from_str(&text).expect("a case is JSON");
    let definition = match json.get("definition_text").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => json["definition"].to_string().replace(&scrubbed, ACTIVITY),
    };
    Case {
        name: file
            .strip_prefix(corpus)
            .unwrap_or(file)
            .display()
            .to_string(),
        definition,
        input: json["input"].as_str().unwrap_or("{}").to_owned(),
        expected: json["expected"].take(),
    }
}
