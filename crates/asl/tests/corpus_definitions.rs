//! Recorded definitions: those that AWS ran parse, those that AWS refused are refused in its words.

mod common;

use asl::{Diagnostic, MachineType};
use serde_json::Value;

#[test]
fn what_aws_ran_parses() {
    let Some(cases) = common::cases("history") else {
        return;
    };
    let (mut parsed, mut not_built) = (0, 0);
    let mut refused = Vec::new();
    for (name, case) in &cases {
        match asl::parse(&common::definition(case)) {
            Ok(_) => parsed += 1,
            Err(findings) if findings.iter().all(is_not_built) => not_built += 1,
            Err(findings) => refused.push(format!("{name}: {}", asl::joined(&findings))),
        }
    }
    println!("{parsed} recorded definitions parse, {not_built} use what is not built");
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(parsed > 0);
}

#[test]
fn what_aws_refused_is_refused_in_its_words() {
    let Some(cases) = common::cases("api_error") else {
        return;
    };
    let mut checked = 0;
    for (name, case) in &cases {
        let error = &case["expected"]["error"];
        let text = error["message"]
            .as_str()
            .or(error["exception_value"].as_str())
            .unwrap_or_default();
        let Some((_, expected)) = text.split_once("Invalid State Machine Definition: '") else {
            continue;
        };
        let Some(definition) = case["request"]["definition"].as_str() else {
            continue;
        };
        // A state alone is tested as the only one of a machine.
        let definition = if serde_json::from_str::<Value>(definition)
            .is_ok_and(|json| json.get("Type").is_some())
        {
            format!(r#"{{"StartAt":"StateName","States":{{"StateName":{definition}}}}}"#)
        } else {
            definition.to_owned()
        };
        let findings = asl::parse(&definition).expect_err(name);
        let expected = expected
            .trim_end_matches('\'')
            .replace("<partition>", "aws");
        assert_eq!(asl::joined(&findings), expected, "{name}");
        checked += 1;
    }
    println!("{checked} recorded refusals agree");
    assert!(checked > 0);
}

#[test]
fn diagnoses_as_recorded() {
    let Some(cases) = common::cases("validate_definition") else {
        return;
    };
    let (mut checked, mut not_built) = (0, 0);
    for (name, case) in &cases {
        let definition = case["request"]["definition"]
            .as_str()
            .expect("a definition");
        let machine_type = match case["request"]["type"].as_str() {
            Some("EXPRESS") => MachineType::Express,
            _ => MachineType::Standard,
        };
        let mut findings = asl::diagnose_for(definition, machine_type);
        // Nobody asked for warnings there.
        findings.retain(|finding| finding.severity == asl::Severity::Error);
        if !findings.is_empty() && findings.iter().all(is_not_built) {
            not_built += 1;
            continue;
        }
        let findings: Vec<Value> = findings.iter().map(as_json).collect();
        assert_eq!(
            Value::Array(findings),
            case["expected"]["response"]["diagnostics"],
            "{name}"
        );
        checked += 1;
    }
    println!("{checked} recorded diagnoses agree, {not_built} use what is not built");
    assert!(checked > 0);
}

fn is_not_built(finding: &Diagnostic) -> bool {
    finding.code == asl::diagnostic::NOT_BUILT_YET
}

fn as_json(finding: &Diagnostic) -> Value {
    serde_json::json!({
        "severity": finding.severity.name(),
        "code": finding.code,
        "message": finding.message,
        "location": finding.location,
    })
}
