//! Recorded cases, read from a folder that is not part of the project.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Returns the cases below `folder`, with their names; `None` (said plainly) where there are none.
pub fn cases(folder: &str) -> Option<Vec<(String, Value)>> {
    let root = std::env::var_os("STEPD_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    let start = root.join(folder);
    if !start.is_dir() {
        println!(
            "SKIPPED: no recorded cases at {} (set STEPD_CORPUS)",
            start.display()
        );
        return None;
    }
    let mut cases = Vec::new();
    let mut folders = vec![start];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of cases can be read") {
            let path = entry.expect("an entry of a folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let text = std::fs::read_to_string(&path).expect("a case can be read");
                let case = serde_json::from_str(&text).expect("a case is JSON");
                let name = path
                    .strip_prefix(&root)
                    .unwrap_or(&path)
                    .display()
                    .to_string();
                cases.push((name, case));
            }
        }
    }
    cases.sort_by(|left, right| left.0.cmp(&right.0));
    Some(cases)
}

/// Returns the definition of a case as text, with stand-ins for what was scrubbed from it.
pub fn definition(case: &Value) -> String {
    let text = match (case.get("definition_text"), &case["definition"]) {
        (Some(Value::String(text)), _) | (_, Value::String(text)) => text.clone(),
        (_, json) => json.to_string(),
    };
    let activity = "\"arn:aws:states:us-east-1:111111111111:activity:worker\"";
    text.replace("\"activity_arn\"", activity)
        .replace("<partition>", "aws")
}
