//! What is large, deep or endless takes bounded time and memory, and ends in words where AWS has some.

use std::time::{Duration, Instant};

use engine_core::{
    Command, Cue, Effect, EveryActivity, Execution, Identity, Limits, Outcome, Payload, step,
};
use serde_json::{Map, Value, json};
use simulator::shell::PlainTokens;
use vocab::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Far more than any case takes, on a busy machine too.
const TIME_MAX: Duration = Duration::from_secs(60);

/// What all events of a history may take on disk here: small states make small events.
const JOURNAL_BYTES_MAX: usize = 32 << 20;

/// Runs a machine that waits for nobody to its end: the output, or the error and its cause.
fn run(definition: &Value, input: &Value) -> Result<Value, (String, String)> {
    let begun = Instant::now();
    let machine = asl::parse(&definition.to_string())
        .unwrap_or_else(|findings| panic!("{}", asl::joined(&findings)));
    let limits = Limits::default();
    let (mut execution, mut bytes) = (Execution::new(), 0);
    let mut next = Some(Command::StartExecution(Box::new(identity(input))));
    while let Some(command) = next.take() {
        let cue = Cue {
            now: NOW,
            seed: 1,
            tokens: &PlainTokens,
            activities: &EveryActivity,
            limits: &limits,
        };
        let transition =
            step(&machine, &mut execution, command, &cue).expect("the command is in order");
        for event in &transition.events {
            bytes += minicbor::to_vec(event).expect("events are encoded").len();
        }
        let goes_on = transition.effects.contains(&Effect::Continue);
        next = goes_on.then_some(Command::Continue);
    }
    assert!(bytes < JOURNAL_BYTES_MAX, "{bytes} bytes");
    assert!(begun.elapsed() < TIME_MAX, "{:?}", begun.elapsed());
    match execution.closed() {
        Some((_, Outcome::Succeeded(output))) => Ok(output.value().clone()),
        Some((_, Outcome::Failed(error, cause))) => Err((
            error.as_deref().unwrap_or_default().to_owned(),
            cause.as_deref().unwrap_or_default().to_owned(),
        )),
        other => panic!("it waits for nobody, and is {other:?}"),
    }
}

fn identity(input: &Value) -> Identity {
    Identity {
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:m:e".into(),
        name: "e".into(),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
        state_machine_name: "m".into(),
        role_arn: "r".into(),
        input: Payload::from_value(input.clone()),
        deadline: NOW.plus_seconds(1_000_000),
        trace_header: None,
        region: "us-east-1".into(),
        version_arn: None,
        alias_arn: None,
    }
}

fn full() -> Result<Value, (String, String)> {
    Err((
        "States.Runtime".to_owned(),
        "The execution reached the maximum number of history events (25000).".to_owned(),
    ))
}

#[test]
fn ten_thousand_states_run() {
    let mut states = Map::new();
    for place in 0..10_000 {
        let next = format!("S{}", place + 1);
        states.insert(format!("S{place}"), json!({"Type": "Pass", "Next": next}));
    }
    states.insert("S10000".to_owned(), json!({"Type": "Succeed"}));
    let definition = json!({"StartAt": "S0", "States": states});
    assert_eq!(run(&definition, &json!({"a": 1})), Ok(json!({"a": 1})));
}

/// A loop that would turn a million times ends where the history does, in both languages.
#[test]
fn an_endless_loop_ends_with_its_history() {
    let jsonpath = json!({"StartAt": "Loop", "States": {
        "Loop": {"Type": "Choice", "Default": "Out",
            "Choices": [{"Variable": "$.n", "NumericLessThan": 1_000_000, "Next": "Count"}]},
        "Count": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Loop"},
        "Out": {"Type": "Succeed"}}});
    let jsonata = json!({"QueryLanguage": "JSONata", "StartAt": "Loop", "States": {
        "Loop": {"Type": "Choice", "Default": "Out",
            "Choices": [{"Condition": "{% $states.input.n < 1000000 %}", "Next": "Loop",
                "Output": {"n": "{% $states.input.n + 1 %}"}}]},
        "Out": {"Type": "Succeed"}}});
    for definition in [jsonpath, jsonata] {
        assert_eq!(run(&definition, &json!({"n": 0})), full());
    }
}

#[test]
fn forty_branches_of_maps_end() {
    let map = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "End": true,
        "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}});
    let mut branches = Vec::new();
    for branch in 0..40 {
        // A name is one state's in the whole machine.
        let text = map.to_string().replace("\"M\"", &format!("\"M{branch}\""));
        let text = text.replace("\"P\"", &format!("\"P{branch}\""));
        branches.push(serde_json::from_str::<Value>(&text).expect("JSON"));
    }
    let definition = json!({"StartAt": "All", "States":
        {"All": {"Type": "Parallel", "Branches": branches, "End": true}}});
    let items: Vec<u32> = (0..100).collect();
    let all = vec![items.clone(); 40];
    assert_eq!(run(&definition, &json!({"items": items})), Ok(json!(all)));
    let items: Vec<u32> = (0..1_000).collect();
    assert_eq!(run(&definition, &json!({"items": items})), full());
}

#[test]
fn an_endless_expression_ends() {
    let endless = [
        "($f := function($n) { $f($n + 1) }; $f(0))",
        "($f := function($n) { 1 + $f($n + 1) }; $f(0))",
        "($f := function($l) { $f($append($l, $l)) }; $f([1]))",
        "[1..9999999].([1..9999999])",
    ];
    for expression in endless {
        let definition = json!({"QueryLanguage": "JSONata", "StartAt": "P", "States":
            {"P": {"Type": "Pass", "Output": format!("{{% {expression} %}}"), "End": true}}});
        let (error, cause) = run(&definition, &json!({})).expect_err(expression);
        assert_eq!(error, "States.QueryEvaluationError", "{expression}");
        let start = "An error occurred while executing the state 'P' (entered at the event id #2). The JSONata expression '";
        assert!(cause.starts_with(start), "{cause}");
    }
}

/// What nests a thousand deep is refused in words where it is written down.
#[test]
fn a_thousand_levels_are_refused() {
    let (open, close) = ("(".repeat(1000), ")".repeat(1000));
    let pass = |fields: String| {
        format!(r#"{{"StartAt":"A","States":{{"A":{{"Type":"Pass",{fields},"End":true}}}}}}"#)
    };
    let mut parallel = r#"{"StartAt":"S","States":{"S":{"Type":"Succeed"}}}"#.to_owned();
    for level in 0..1000 {
        parallel = format!(
            r#"{{"StartAt":"P{level}","States":{{"P{level}":{{"Type":"Parallel","End":true,"Branches":[{parallel}]}}}}}}"#
        );
    }
    let cases = [
        parallel,
        pass(format!(
            r#""Result":{}{}"#,
            "[".repeat(1000),
            "]".repeat(1000)
        )),
        pass(format!(
            r#""Parameters":{{"a.$":"$[?({open}@.a{close})]"}}"#
        )),
        pass(format!(
            r#""Parameters":{{"a.$":"{}1{close}"}}"#,
            "States.Array(".repeat(1000)
        )),
        pass(format!(
            r#""QueryLanguage":"JSONata","Output":"{{% {open}1{close} %}}""#
        )),
        format!(
            r#"{{"StartAt":"C","States":{{"C":{{"Type":"Choice","Choices":[{}{{"Variable":"$.a","IsNull":true}}{}],"Default":"S"}},"S":{{"Type":"Succeed"}}}}}}"#,
            r#"{"Not":"#.repeat(1000),
            "}".repeat(1000)
        ),
    ];
    for definition in cases {
        let begun = Instant::now();
        let findings = asl::parse(&definition).expect_err("it is refused");
        assert!(findings.iter().all(|found| !found.message.is_empty()));
        assert!(begun.elapsed() < TIME_MAX, "{:?}", begun.elapsed());
    }
}
