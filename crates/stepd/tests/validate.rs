//! `stepd validate`, by files beside this one: `NAME` is checked and `NAME.txt` is what it prints.
//!
//! `UPDATE_GOLDEN=1 cargo test -p stepd --test validate` writes the texts anew; read them before they
//! are committed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validate")
}

/// Runs `stepd validate` in the folder, with `input` as its standard input.
fn validate(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepd"));
    command.arg("validate").args(arguments);
    command.current_dir(folder()).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary is built with its tests");
    let mut stdin = child.stdin.take().expect("it is a pipe");
    // A program that does not read its input may have closed it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// Compares what is printed for `arguments` with a golden file.
fn check(arguments: &[&str], golden: &str, exit_code: i32) {
    let output = validate(arguments, "");
    let text = String::from_utf8(output.stdout).expect("reports are text");
    let golden = folder().join(golden);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &text).expect("the folder can be written");
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(text, expected, "{arguments:?} and {}", golden.display());
    assert_eq!(output.status.code(), Some(exit_code), "{arguments:?}");
}

#[test]
fn reports_are_as_in_the_golden_files() {
    let cases: [(&[&str], &str, i32); 9] = [
        (&["good.asl.json"], "good.asl.json.txt", 0),
        (&["transitions.asl.json"], "transitions.asl.json.txt", 1),
        (&["fields.asl.yaml"], "fields.asl.yaml.txt", 1),
        (&["comma.asl.json"], "comma.asl.json.txt", 1),
        (&["indentation.yml"], "indentation.yml.txt", 1),
        (&["twice.asl.json"], "twice.asl.json.txt", 0),
        (&["callback.asl.json"], "callback.asl.json.txt", 0),
        (
            &["--type", "EXPRESS", "callback.asl.json"],
            "express.txt",
            1,
        ),
        (
            &["--json", "good.asl.json", "fields.asl.yaml"],
            "several.json.txt",
            1,
        ),
    ];
    for (arguments, golden, exit_code) in cases {
        check(arguments, golden, exit_code);
    }
}

#[test]
fn standard_input_is_json_or_yaml_by_its_first_character() {
    let cases = [
        (r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#, 0),
        ("StartAt: A\nStates: { A: { Type: Succeed } }\n", 0),
        ("StartAt: B\nStates: { A: { Type: Succeed } }\n", 1),
        ("", 1),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"${Arn}","End":true}}}"#,
            0,
        ),
        (
            "StartAt: A\nStates: { A: { Type: Task, Resource: '${Arn}', End: true } }\n",
            0,
        ),
    ];
    for (input, exit_code) in cases {
        let output = validate(&["-"], input);
        assert_eq!(output.status.code(), Some(exit_code), "{input}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let output = validate(&["nowhere.asl.json"], "");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("nowhere.asl.json"), "{told}");
}
