//! Every recorded request of AWS against the generated layer: what AWS's own generated layer refused
//! is refused with the same words, and all else passes it.
//!
//! The recordings are no part of the project: `STEPD_CORPUS` names their folder, and without them the
//! test says so and passes.

use std::path::{Path, PathBuf};

use aws_model::states::Operation;
use serde_json::Value;

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let (mut found, mut waiting) = (Vec::new(), vec![folder]);
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                found.push(path);
            }
        }
    }
    found
}

/// Undoes what the recordings scrubbed: shortened tokens become long again, the account is one.
fn restored(text: &str) -> String {
    let mut text = text
        .replace("111111111111", "000000000000")
        .replace("<region>", "us-east-1");
    text = text.replace("<partition>", "aws");
    for length in [1025usize, 3097] {
        text = text.replace(
            &format!("<invalid_token_{length}_chars>"),
            &"x".repeat(length),
        );
    }
    text
}

/// Returns AWS's message, where the recording holds one of the generated layer.
fn recorded_message(expected: &Value) -> Option<String> {
    let error = &expected["error"];
    let text = error["Error"]["Message"]
        .as_str()
        .or_else(|| error["exception_value"].as_str())?;
    let end = text.find(" detected: ")?;
    let start = text[..end].find(" validation error")?;
    let start = text[..start]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |before| before + 1);
    Some(text[start..].to_owned())
}

/// Returns the recorded request as it went over the wire.
fn request(witness: &Value) -> Option<Value> {
    // An SDK refused these before AWS saw them.
    if witness["expected"]["error"]["exception_typename"] == "ParamValidationError" {
        return None;
    }
    let mut request = witness["request"].as_object()?.clone();
    // Objects stand where the recorder found text that was JSON.
    for name in ["definition", "input", "output", "context", "variables"] {
        if let Some(value) = request
            .get_mut(name)
            .filter(|value| value.is_object() || value.is_array())
        {
            *value = Value::String(value.to_string());
        }
    }
    Some(Value::Object(request))
}

#[test]
fn agrees_with_what_aws_answered() {
    let folder = std::env::var_os("STEPD_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    if !folder.is_dir() {
        println!(
            "SKIPPED: no recorded cases at {} (set STEPD_CORPUS)",
            folder.display()
        );
        return;
    }
    let (mut refused, mut taken, mut problems) = (0, 0, Vec::new());
    for path in files(folder.join("api_error"))
        .into_iter()
        .chain(files(folder.join("api_response")))
    {
        let text = std::fs::read_to_string(&path).expect("a recording can be read");
        let witness: Value = serde_json::from_str(&restored(&text)).expect("a recording is JSON");
        let operation = witness["operation"].as_str().and_then(Operation::from_name);
        let Some((operation, mut request)) = operation.zip(request(&witness)) else {
            continue;
        };
        let found = operation
            .model()
            .input
            .and_then(|shape| aws_model::explain(shape, &mut request).err());
        let found = found.map(|invalid| invalid.message);
        let expected = recorded_message(&witness["expected"]);
        *(if expected.is_some() {
            &mut refused
        } else {
            &mut taken
        }) += 1;
        if found != expected {
            problems.push(format!(
                "{}\n  AWS: {expected:?}\n  we:  {found:?}",
                path.display()
            ));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(
        refused > 0 && taken > 0,
        "no recordings in {}",
        folder.display()
    );
    println!("recorded requests: {refused} refused and {taken} taken as AWS did");
}
