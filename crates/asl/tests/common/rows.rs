//! A machine of one state in one language, and the table of what is said about such machines.

// Each test file uses its own part of this.
#![allow(dead_code)]

use asl::{MachineType, Severity, diagnose_for, joined};

pub const P: &str = "JSONPath";
pub const J: &str = "JSONata";

/// Checks the errors of a machine whose state `A` is `state`, beside a Succeed state `B` that `A` leads
/// to by `Next`, or by nothing where `A` has none. `SCHEMA_VALIDATION_FAILED` is not written out.
pub fn check(language: &str, machine_type: MachineType, state: &str, expected: &str) {
    let other = match state.contains(r#""B""#) {
        true => r#","B":{"Type":"Succeed"}"#,
        false => "",
    };
    let definition = format!(
        r#"{{"QueryLanguage":"{language}","StartAt":"A","States":{{"A":{state}{other}}}}}"#
    );
    let mut findings = diagnose_for(&definition, machine_type);
    findings
        .retain(|finding| finding.severity == Severity::Error && finding.code != "NOT_BUILT_YET");
    let said = joined(&findings).replace("SCHEMA_VALIDATION_FAILED: ", "");
    assert_eq!(said, expected, "{definition}");
}

/// Checks rows of `fields | expected`: a state of the type `kind` with these fields and a `Next`, and
/// what is said, with `@` for the place of the state.
pub fn rows(language: &str, kind: &str, table: &str) {
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (fields, expected) = row.split_once(" |").unwrap_or((row, ""));
        let written = fields.trim_start_matches('-');
        let own: serde_json::Value =
            serde_json::from_str(&format!("{{{written}}}")).expect("rows hold JSON");
        let next = match kind {
            "Choice" | "Succeed" | "Fail" => "",
            _ if own.get("Next").is_some() || own.get("End").is_some() => "",
            _ => r#","Next":"B""#,
        };
        let comma = if fields == "-" { "" } else { "," };
        let state = format!(r#"{{"Type":"{kind}"{comma}{written}{next}}}"#);
        check(
            language,
            MachineType::Standard,
            &state,
            &expected.trim().replace('@', "/States/A"),
        );
    }
}
