//! Definitions as large as they may be, and of hostile shapes: parsed, refused, never stuck.

#![expect(
    clippy::disallowed_methods,
    reason = "the time that it takes is what is tested"
)]

use std::time::{Duration, Instant};

use asl::diagnose;
use asl::explain::explain;
use asl::outline::Outline;
use vocab::limits::DEFINITION_BYTES_MAX;

/// Far more than any of these takes on a busy machine, and far less than a quadratic one would.
const PATIENCE: Duration = Duration::from_secs(20);

/// Diagnoses and explains `definition`; returns the codes of the findings, each once.
fn check(name: &str, definition: &str, expected: &[&str]) {
    let start = Instant::now();
    let findings = diagnose(definition);
    let diagnosed = start.elapsed();
    let outline = Outline::of_json(definition);
    for finding in &findings {
        explain(finding, definition, &outline);
    }
    let explained = start.elapsed();
    println!(
        "{name}: {} bytes, {} findings in {diagnosed:?}, explained in {:?}",
        definition.len(),
        findings.len(),
        explained - diagnosed
    );
    let mut codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, expected, "{name}");
    assert!(explained < PATIENCE, "{name} took {explained:?}");
}

/// A chain of states: `member` makes the state of a number.
fn chain(states: usize, member: impl Fn(usize) -> String) -> String {
    let states: Vec<String> = (0..states)
        .map(|at| format!(r#""S{at}":{}"#, member(at)))
        .collect();
    format!(r#"{{"StartAt":"S0","States":{{{}}}}}"#, states.join(","))
}

/// A Pass state around `result`.
fn pass(fields: &str) -> String {
    format!(r#"{{"StartAt":"A","States":{{"A":{{"Type":"Pass",{fields},"End":true}}}}}}"#)
}

const STATES: usize = 10_000;

#[test]
fn ten_thousand_states() {
    let last = STATES - 1;
    let good = chain(STATES, |at| match at {
        _ if at == last => r#"{"Type":"Succeed"}"#.to_owned(),
        _ => format!(r#"{{"Type":"Pass","Next":"S{}"}}"#, at + 1),
    });
    check("a chain", &good, &[]);
    let islands = chain(STATES, |_| r#"{"Type":"Succeed"}"#.to_owned());
    check("islands", &islands, &["MISSING_TRANSITION_TARGET"]);
    let dangling = chain(STATES, |at| format!(r#"{{"Type":"Pass","Next":"T{at}"}}"#));
    check(
        "dangling",
        &dangling,
        &["MISSING_END_STATE", "MISSING_TRANSITION_TARGET"],
    );
    let untyped = chain(STATES, |_| "{}".to_owned());
    check("untyped", &untyped, &["SCHEMA_VALIDATION_FAILED"]);
    let rules: Vec<String> = (0..STATES)
        .map(|_| r#"{"Variable":"$.a","IsNull":true,"Next":"B"}"#.to_owned())
        .collect();
    let choices = format!(
        r#"{{"StartAt":"A","States":{{"A":{{"Type":"Choice","Choices":[{}]}},"B":{{"Type":"Succeed"}}}}}}"#,
        rules.join(",")
    );
    check("choices", &choices, &[]);
    let branches: Vec<String> = (0..STATES)
        .map(|at| format!(r#"{{"StartAt":"B{at}","States":{{"B{at}":{{"Type":"Succeed"}}}}}}"#))
        .collect();
    let wide = format!(
        r#"{{"StartAt":"A","States":{{"A":{{"Type":"Parallel","End":true,"Branches":[{}]}}}}}}"#,
        branches.join(",")
    );
    check("branches", &wide, &[]);
    let same: Vec<String> = (0..STATES)
        .map(|_| r#"{"StartAt":"B","States":{"B":{"Type":"Succeed"}}}"#.to_owned())
        .collect();
    let doubles = format!(
        r#"{{"StartAt":"A","States":{{"A":{{"Type":"Parallel","End":true,"Branches":[{}]}}}}}}"#,
        same.join(",")
    );
    check("doubles", &doubles, &["DUPLICATE_STATE_NAME"]);
    let variables = chain(STATES / 2, |at| {
        format!(
            r#"{{"Type":"Pass","Assign":{{"v{at}.$":"$.a"}},"Next":"S{}"}}"#,
            at + 1
        )
    });
    check(
        "variables",
        &variables,
        &["MISSING_END_STATE", "MISSING_TRANSITION_TARGET"],
    );
}

/// Repeats `unit` until a definition around it is as long as it may be.
fn filled(unit: &str) -> String {
    unit.repeat((DEFINITION_BYTES_MAX - 200) / unit.len())
}

#[test]
fn hostile_shapes() {
    let zeros = format!("[{}0]", filled("0,"));
    check("an array", &pass(&format!(r#""Result":{zeros}"#)), &[]);
    let empties = format!("[{}[]]", filled("[],"));
    check(
        "empty arrays",
        &pass(&format!(r#""Parameters":{empties}"#)),
        &[],
    );
    let key = filled("k");
    check(
        "a long key",
        &pass(&format!(r#""Parameters":{{"{key}.$":"$.a"}}"#)),
        &[],
    );
    check(
        "a long unknown field",
        &pass(&format!(r#""{key}":1"#)),
        &["SCHEMA_VALIDATION_FAILED"],
    );
    let path = filled(".a");
    check(
        "a long path",
        &pass(&format!(r#""InputPath":"${path}""#)),
        &[],
    );
    let call = format!("States.Array({}1)", filled("1,"));
    check(
        "a long call",
        &pass(&format!(r#""Parameters":{{"a.$":"{call}"}}"#)),
        &[],
    );
    let nested = filled("States.Array(");
    check(
        "calls without end",
        &pass(&format!(r#""Parameters":{{"a.$":"{nested}"}}"#)),
        &["SCHEMA_VALIDATION_FAILED"],
    );
    let filter = filled("[?(@.a)]");
    check(
        "filters",
        &pass(&format!(r#""InputPath":"${filter}""#)),
        &[],
    );
    let bad: String = (0..30_000).map(|at| format!(r#""a{at}.$":"a","#)).collect();
    check(
        "bad fields",
        &pass(&format!(r#""Parameters":{{{bad}"z":1}}"#)),
        &["SCHEMA_VALIDATION_FAILED"],
    );
    let warned: String = (0..30_000).map(|at| format!(r#""a{at}":"$.a","#)).collect();
    check(
        "warned fields",
        &pass(&format!(r#""Parameters":{{{warned}"z":1}}"#)),
        &["NO_DOLLAR"],
    );
}

/// Rules, values, branches and maps inside each other: as deep as the reader lets them be, and deeper.
#[test]
fn deep_shapes() {
    let rule = |depth: usize| {
        let rule = format!(
            r#"{}{{"Variable":"$.a","IsNull":true}}{}"#,
            r#"{"Not":"#.repeat(depth),
            "}".repeat(depth)
        );
        format!(
            r#"{{"StartAt":"A","States":{{"A":{{"Type":"Choice","Default":"B","Choices":[{{"Next":"B","Not":{rule}}}]}},"B":{{"Type":"Succeed"}}}}}}"#
        )
    };
    check("120 rules", &rule(120), &[]);
    check("1000 rules", &rule(1000), &["TOO_DEEPLY_NESTED"]);
    let parallel = |depth: usize| {
        let inner = (0..depth).fold(r#"{"Type":"Succeed"}"#.to_owned(), |inner, at| {
            format!(
                r#"{{"Type":"Parallel","End":true,"Branches":[{{"StartAt":"S{at}","States":{{"S{at}":{inner}}}}}]}}"#
            )
        });
        format!(r#"{{"StartAt":"A","States":{{"A":{inner}}}}}"#)
    };
    check("31 branches", &parallel(31), &[]);
    check("1000 branches", &parallel(1000), &["TOO_DEEPLY_NESTED"]);
    let value = |depth: usize| {
        pass(&format!(
            r#""Result":{}{}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        ))
    };
    check("100 arrays", &value(100), &[]);
    check("1000 arrays", &value(1000), &["TOO_DEEPLY_NESTED"]);
}
