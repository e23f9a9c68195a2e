//! What the language costs: a definition that is read, loops of Choice states in both query languages,
//! and a Map over many items.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};
use testkit::client::{Client, Target};
use testkit::{Options, Server};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// States of the definition that is read.
const STATES: usize = 200;

/// Turns of a loop: two events each, within the 25,000 of an execution.
const TURNS: u64 = 10_000;

/// Loops that run side by side.
const LOOPS: usize = 8;

/// Items of the inline Map.
const ITEMS: usize = 10_000;

/// Measures all of it.
pub fn measure(runtime: &Runtime) -> anyhow::Result<()> {
    println!("\nthe language");
    read(&chain(), "JSONPath")?;
    read(&chain_in_jsonata(), "JSONata")?;
    let server = Server::start()?;
    let target = Target::of(&server)?;
    for (language, definition) in [("JSONPath", counting()), ("JSONata", counting_in_jsonata())] {
        let took = runtime.block_on(loops(&target, language, &definition))?;
        let transitions = (LOOPS as u64 * TURNS) as f64;
        println!(
            "  a Choice loop in {language}: {:.0} transitions/s ({LOOPS} executions of {TURNS} turns in {:.2} s)",
            transitions / took.as_secs_f64(),
            took.as_secs_f64()
        );
    }
    drop(server);
    inline_map(runtime)
}

/// Reads and validates `definition` for about a second.
fn read(definition: &Value, language: &str) -> anyhow::Result<()> {
    let text = definition.to_string();
    ensure!(
        asl::diagnose(&text).is_empty(),
        "the measured definition is right"
    );
    let begun = Instant::now();
    let mut rounds = 0u32;
    while begun.elapsed() < Duration::from_secs(1) {
        let machine = asl::parse(black_box(&text));
        ensure!(
            black_box(machine).is_ok(),
            "the measured definition is right"
        );
        rounds += 1;
    }
    println!(
        "  {STATES} states in {language} ({} KiB) read and validated in {:.0} µs",
        text.len() / 1024,
        begun.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
    );
    Ok(())
}

/// Runs the loops side by side; returns how long it took until the last had ended.
async fn loops(target: &Target, name: &str, definition: &Value) -> anyhow::Result<Duration> {
    let mut control = target.connect().await?;
    let machine = control.create(name, definition).await?;
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..LOOPS {
        let (mut client, machine) = (target.connect().await?, machine.clone());
        running.spawn(async move {
            let execution = client.start(&machine, &format!("loop-{number}")).await?;
            ended(&mut client, &execution).await
        });
    }
    while let Some(outcome) = running.join_next().await {
        outcome.context("a caller ended badly")??;
    }
    Ok(begun.elapsed())
}

/// Waits until `execution` has succeeded.
async fn ended(client: &mut Client, execution: &str) -> anyhow::Result<()> {
    loop {
        let status = client.status(execution).await?;
        if status != "RUNNING" {
            ensure!(status == "SUCCEEDED", "{execution} is {status}");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Runs an inline Map, whose history is longer than AWS allows: four events an item.
fn inline_map(runtime: &Runtime) -> anyhow::Result<()> {
    let options = Options {
        arguments: vec!["--history-events-max".into(), "100000".into()],
        ..Options::default()
    };
    let server = Server::start_with(options)?;
    let target = Target::of(&server)?;
    let took = runtime.block_on(async {
        let mut client = target.connect().await?;
        let machine = client.create("inline", &mapping()).await?;
        let items: Vec<usize> = (0..ITEMS).collect();
        let input = json!({ "stateMachineArn": machine, "input": json!(items).to_string() });
        let begun = Instant::now();
        let started = client.call("StartExecution", &input).await?;
        let execution = started["executionArn"].as_str().unwrap_or_default();
        ended(&mut client, execution).await?;
        anyhow::Ok(begun.elapsed())
    })?;
    println!(
        "  an inline Map over {ITEMS} items: {:.2} s, {:.0} items/s",
        took.as_secs_f64(),
        ITEMS as f64 / took.as_secs_f64()
    );
    Ok(())
}

/// States that look like those of real workflows: every fourth a Choice, a Task that is retried and
/// caught, a Wait, a Pass with a template.
fn chain() -> Value {
    chain_of(|next| {
        [
            json!({ "Type": "Choice", "Default": next, "Choices": [{ "And": [
                { "Variable": "$.order.total", "IsPresent": true },
                { "Variable": "$.order.total", "NumericGreaterThan": 100 } ], "Next": next }] }),
            json!({ "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": next,
                "Parameters": { "FunctionName": "check", "Payload": {
                    "order.$": "$.order", "id.$": "$$.Execution.Id" } },
                "ResultSelector": { "verdict.$": "$.Payload.verdict" }, "ResultPath": "$.check",
                "Retry": [{ "ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 2 }],
                "Catch": [{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": next }] }),
            json!({ "Type": "Wait", "SecondsPath": "$.order.delay", "Next": next }),
            json!({ "Type": "Pass", "Next": next, "ResultPath": "$.made", "Parameters": {
                "text.$": "States.Format('{} of {}', $.order.id, $$.State.Name)",
                "items.$": "$.order.items[?(@.count > 2)].name" } }),
        ]
    })
}

/// The same chain in the other language.
fn chain_in_jsonata() -> Value {
    let mut machine = chain_of(|next| {
        [
            json!({ "Type": "Choice", "Default": next, "Choices": [{ "Next": next,
                "Condition": "{% $exists($states.input.order.total) and $states.input.order.total > 100 %}" }] }),
            json!({ "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": next,
                "Arguments": { "FunctionName": "check", "Payload": {
                    "order": "{% $states.input.order %}", "id": "{% $states.context.Execution.Id %}" } },
                "Output": "{% $merge([$states.input, {'check': {'verdict': $states.result.Payload.verdict}}]) %}",
                "Retry": [{ "ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 2 }],
                "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": next,
                    "Output": "{% $merge([$states.input, {'error': $states.errorOutput}]) %}" }] }),
            json!({ "Type": "Wait", "Seconds": "{% $states.input.order.delay %}", "Next": next }),
            json!({ "Type": "Pass", "Next": next, "Output": {
                "text": "{% $states.input.order.id & ' of ' & $states.context.State.Name %}",
                "items": "{% [$states.input.order.items[count > 2].name] %}" } }),
        ]
    });
    machine["QueryLanguage"] = "JSONata".into();
    machine
}

/// Returns a chain of [`STATES`] states: four at a time, each of which leads to the next four.
fn chain_of(four: impl Fn(&str) -> [Value; 4]) -> Value {
    let mut states = Map::new();
    for at in (0..STATES - 1).step_by(4) {
        for offset in 0..4.min(STATES - 1 - at) {
            let next = format!("State {}", at + offset + 1);
            let [a, b, c, d] = four(&next);
            let state = [a, b, c, d].into_iter().nth(offset).unwrap_or_default();
            states.insert(format!("State {}", at + offset), state);
        }
    }
    states.insert(
        format!("State {}", STATES - 1),
        json!({ "Type": "Succeed" }),
    );
    json!({ "StartAt": "State 0", "States": states })
}

/// A Choice state that counts in a variable until it has turned [`TURNS`] times.
fn counting() -> Value {
    json!({ "StartAt": "Begin", "States": {
        "Begin": { "Type": "Pass", "Assign": { "n": 0 }, "Next": "Turn" },
        "Turn": { "Type": "Choice", "Default": "Done", "Choices": [{
            "Variable": "$n", "NumericLessThan": TURNS, "Next": "Turn",
            "Assign": { "n.$": "States.MathAdd($n, 1)" } }] },
        "Done": { "Type": "Succeed" },
    } })
}

/// The same in the other language.
fn counting_in_jsonata() -> Value {
    json!({ "QueryLanguage": "JSONata", "StartAt": "Begin", "States": {
        "Begin": { "Type": "Pass", "Assign": { "n": 0 }, "Next": "Turn" },
        "Turn": { "Type": "Choice", "Default": "Done", "Choices": [{
            "Condition": format!("{{% $n < {TURNS} %}}"), "Next": "Turn",
            "Assign": { "n": "{% $n + 1 %}" } }] },
        "Done": { "Type": "Succeed" },
    } })
}

/// A Map whose iterations are one Pass state.
fn mapping() -> Value {
    json!({ "StartAt": "Map", "States": { "Map": { "Type": "Map", "End": true,
        "ItemProcessor": { "StartAt": "Each", "States": { "Each": { "Type": "Pass", "End": true } } },
    } } })
}
