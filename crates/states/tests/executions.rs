//! Executions, their listing, their histories and the answers to their tasks, as callers see them.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use common::{World, callback, execution_arn, fail, machine_arn, pass};
use serde_json::{Value, json};

#[tokio::test]
async fn a_name_stands_for_one_input_while_it_runs_and_for_none_afterwards() {
    let world = World::new().await;
    world.create("M", &callback()).await;
    let start = |name: &str, input: Option<&str>| {
        let mut call = json!({"stateMachineArn": machine_arn("M"), "name": name});
        if let Some(input) = input {
            call["input"] = input.into();
        }
        call
    };
    let first = world
        .ok("StartExecution", start("n", Some(r#"{"a":1}"#)))
        .await;
    world.clock.advance_millis(1_000);
    assert_eq!(
        world
            .ok("StartExecution", start("n", Some(r#"{"a":1}"#)))
            .await,
        first
    );
    let taken = format!(
        "ExecutionAlreadyExists: Execution Already Exists: '{}'",
        execution_arn("M", "n")
    );
    assert_eq!(
        world
            .err("StartExecution", start("n", Some(r#"{"a":2}"#)))
            .await,
        taken
    );
    assert_eq!(world.err("StartExecution", start("n", None)).await, taken);
    let empty = world.ok("StartExecution", start("e", None)).await;
    assert_eq!(
        world.ok("StartExecution", start("e", Some("{}"))).await,
        empty,
        "no input is {{}}"
    );
    world
        .ok(
            "StopExecution",
            json!({"executionArn": execution_arn("M", "n")}),
        )
        .await;
    assert_eq!(
        world
            .err("StartExecution", start("n", Some(r#"{"a":1}"#)))
            .await,
        taken,
        "closed"
    );

    let unnamed = json!({"stateMachineArn": machine_arn("M")});
    let (a, b) = (
        world.ok("StartExecution", unnamed.clone()).await,
        world.ok("StartExecution", unnamed).await,
    );
    assert_ne!(a["executionArn"], b["executionArn"]);
    let name = a["executionArn"]
        .as_str()
        .and_then(|arn| arn.rsplit(':').next())
        .expect("a name");
    assert_eq!(
        (name.len(), &name[14..15]),
        (36, "4"),
        "a version 4 UUID: {name}"
    );
}

#[tokio::test]
async fn a_description_has_the_members_that_aws_gives() {
    let world = World::new().await;
    for (name, definition) in [("P", pass()), ("F", fail()), ("C", callback())] {
        world.create(name, &definition).await;
    }
    let text = r#"{"a": 1.50}"#;
    let start = json!({"stateMachineArn": machine_arn("P"), "name": "e", "input": text, "traceHeader": "Root=1"});
    world.ok("StartExecution", start).await;
    world.start("F", "e", "{}").await;
    for name in ["running", "stopped", "why"] {
        world.start("C", name, "null").await;
    }
    world
        .ok(
            "StopExecution",
            json!({"executionArn": execution_arn("C", "stopped")}),
        )
        .await;
    let why =
        json!({"executionArn": execution_arn("C", "why"), "error": "Manual", "cause": "probe"});
    world.ok("StopExecution", why).await;

    let now = 1_700_000_000.0;
    let common = |machine: &str, name: &str, input: &str, status: &str| {
        json!({"executionArn": execution_arn(machine, name), "stateMachineArn": machine_arn(machine),
            "name": name, "status": status, "startDate": now, "input": input,
            "inputDetails": {"included": true}, "redriveCount": 0, "redriveStatus": "REDRIVABLE"})
    };
    let with = |mut shown: Value, members: Value| {
        let members = members.as_object().expect("an object").clone();
        shown.as_object_mut().expect("an object").extend(members);
        shown
    };
    let cannot = |status: &str| {
        json!({"redriveStatus": "NOT_REDRIVABLE",
            "redriveStatusReason": format!("Execution is {status} and cannot be redriven")})
    };
    let cases = [
        with(
            with(common("P", "e", text, "SUCCEEDED"), cannot("SUCCEEDED")),
            json!({"stopDate": now, "output": text, "outputDetails": {"included": true}, "traceHeader": "Root=1"}),
        ),
        with(
            common("F", "e", "{}", "FAILED"),
            json!({"stopDate": now, "error": "E", "cause": "C"}),
        ),
        with(common("C", "running", "null", "RUNNING"), cannot("RUNNING")),
        with(
            common("C", "stopped", "null", "ABORTED"),
            json!({"stopDate": now}),
        ),
        with(
            common("C", "why", "null", "ABORTED"),
            json!({"stopDate": now, "error": "Manual", "cause": "probe"}),
        ),
    ];
    for expected in cases {
        let input = json!({"executionArn": expected["executionArn"]});
        assert_eq!(world.ok("DescribeExecution", input).await, expected);
    }
    let metadata =
        json!({"executionArn": execution_arn("P", "e"), "includedData": "METADATA_ONLY"});
    let shown = world.ok("DescribeExecution", metadata).await;
    assert_eq!((shown.get("input"), shown.get("output")), (None, None));
}

#[tokio::test]
async fn a_stop_of_what_has_ended_says_when_it_ended() {
    let world = World::new().await;
    world.create("C", &callback()).await;
    let arn = world.start("C", "e", "{}").await;
    world.clock.advance_millis(60_000);
    let input = json!({"executionArn": arn});
    let stopped = world.ok("StopExecution", input.clone()).await;
    let ended = world.until_closed(&arn).await;
    assert_ne!(ended["startDate"], ended["stopDate"]);
    assert_eq!(stopped, json!({"stopDate": ended["stopDate"]}));
    world.clock.advance_millis(60_000);
    let late = json!({"executionArn": arn, "error": "late"});
    assert_eq!(world.ok("StopExecution", late).await, stopped);
    assert_eq!(world.until_closed(&arn).await, ended);
}

#[tokio::test]
async fn the_first_answer_to_a_task_wins() {
    let gone = "TaskTimedOut: Task Timed Out: 'Provided task does not exist anymore'";
    let answers: [(&str, Value, Value); 3] = [
        (
            "SendTaskSuccess",
            json!({"output": " {\"ok\": true} "}),
            json!(["SUCCEEDED", " {\"ok\": true} ", null, null]),
        ),
        (
            "SendTaskFailure",
            json!({"error": "No", "cause": "because"}),
            json!(["FAILED", null, "No", "because"]),
        ),
        (
            "SendTaskFailure",
            json!({}),
            json!(["FAILED", null, null, null]),
        ),
    ];
    for (operation, answer, expected) in answers {
        let mut world = World::new().await;
        world.create("C", &callback()).await;
        let arn = world.start("C", "e", "{}").await;
        let token = world.token().await;
        let with_token = |mut answer: Value| {
            answer["taskToken"] = token.as_str().into();
            answer
        };
        assert_eq!(
            world.ok("SendTaskHeartbeat", with_token(json!({}))).await,
            json!({})
        );
        let not_json = with_token(json!({"output": "not json"}));
        assert!(world.err("SendTaskSuccess", not_json).await.starts_with(
            "InvalidOutput: Invalid Output: 'Unrecognized token 'not': was expecting"
        ));
        // Tokens outlive a restart.
        world.restart().await;
        assert_eq!(
            world.ok(operation, with_token(answer.clone())).await,
            json!({})
        );
        let shown = world.until_closed(&arn).await;
        let ended = json!([
            shown["status"],
            shown["output"],
            shown["error"],
            shown["cause"]
        ]);
        assert_eq!(ended, expected, "{operation} {answer}");
        for (operation, answer) in [
            ("SendTaskSuccess", json!({"output": "1"})),
            ("SendTaskFailure", json!({})),
            ("SendTaskHeartbeat", json!({})),
        ] {
            assert_eq!(
                world.err(operation, with_token(answer)).await,
                gone,
                "{operation}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_after_a_stop_is_too_late() {
    let world = World::new().await;
    world.create("C", &callback()).await;
    let arn = world.start("C", "e", "{}").await;
    let token = world.token().await;
    world
        .ok("StopExecution", json!({"executionArn": arn}))
        .await;
    let answer = json!({"taskToken": token, "output": "1"});
    assert_eq!(
        world.err("SendTaskSuccess", answer).await,
        "TaskTimedOut: Task Timed Out: 'Provided task does not exist anymore'"
    );
}

/// Returns all pages of a listing.
async fn pages(world: &World, operation: &str, of: &str, input: &Value) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut input = input.clone();
    loop {
        assert!(pages.len() < 1_000, "the pages of {operation} have no end");
        let page = world.ok(operation, input.clone()).await;
        pages.push(page[of].as_array().expect("a list").clone());
        match page.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn lists_five_thousand_executions_newest_first_and_cheaply_at_any_depth() {
    let world = World::new().await;
    // One listing needs one machine: what becomes of an execution is decided by its input.
    let definition = json!({"StartAt": "Which", "States": {
        "Which": {"Type": "Choice", "Choices": [
            {"Variable": "$", "NumericEquals": 0, "Next": "Fails"},
            {"Variable": "$", "NumericEquals": 1, "Next": "Waits"}], "Default": "Passes"},
        "Fails": {"Type": "Fail"},
        "Waits": {"Type": "Wait", "Seconds": 100_000, "End": true},
        "Passes": {"Type": "Pass", "End": true}}});
    world.create("M", &definition).await;
    world.create("Other", &pass()).await;
    world
        .start("Other", "none of ours".replace(' ', "-").as_str(), "{}")
        .await;
    for hundred in 0..50 {
        let starts = (0..100).map(|number| {
            let (world, name) = (&world, format!("e{:04}", hundred * 100 + number));
            async move { world.start("M", &name, &(number % 7).to_string()).await }
        });
        futures::future::join_all(starts).await;
        world.clock.advance_millis(3);
    }
    let arn = machine_arn("M");
    let all = pages(
        &world,
        "ListExecutions",
        "executions",
        &json!({"stateMachineArn": arn, "maxResults": 1000}),
    )
    .await;
    assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [1000; 5]);
    let all: Vec<Value> = all.into_iter().flatten().collect();
    let names: BTreeSet<&str> = all
        .iter()
        .filter_map(|line| line["name"].as_str())
        .collect();
    assert_eq!(names.len(), 5_000, "each once");
    let moment = |line: &Value| line.get("stopDate").unwrap_or(&line["startDate"]).as_f64();
    assert!(
        all.is_sorted_by(|a, b| moment(a) >= moment(b)),
        "newest first"
    );

    for (status, expected) in [
        ("FAILED", 750),
        ("RUNNING", 750),
        ("SUCCEEDED", 3_500),
        ("ABORTED", 0),
        ("PENDING_REDRIVE", 0),
    ] {
        let input = json!({"stateMachineArn": arn, "statusFilter": status, "maxResults": 999});
        let found: Vec<Value> = pages(&world, "ListExecutions", "executions", &input)
            .await
            .concat();
        let of_all: Vec<Value> = all
            .iter()
            .filter(|line| line["status"] == status)
            .cloned()
            .collect();
        assert_eq!((found.len(), &found), (expected, &of_all), "{status}");
    }
    let redriven = json!({"stateMachineArn": arn, "redriveFilter": "REDRIVEN"});
    assert_eq!(
        world.ok("ListExecutions", redriven).await,
        json!({"executions": []})
    );

    let mut input = json!({"stateMachineArn": arn, "maxResults": 20});
    let mut listed = Vec::new();
    loop {
        world.store.scanned.store(0, Ordering::SeqCst);
        let page = world.ok("ListExecutions", input.clone()).await;
        let scanned = world.store.scanned.load(Ordering::SeqCst);
        assert!(
            scanned <= 5 * 64,
            "a page of 20 read {scanned} rows at depth {}",
            listed.len()
        );
        listed.extend(
            page["executions"]
                .as_array()
                .expect("a list")
                .iter()
                .cloned(),
        );
        match page.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(listed, all, "pages of 20 are the pages of 1,000");
}

#[tokio::test]
async fn a_history_is_the_same_in_pages_of_any_size_and_from_either_end() {
    let mut world = World::new().await;
    let names: Vec<String> = (0..40).map(|number| format!("S{number}")).collect();
    let mut states = serde_json::Map::new();
    for (name, next) in names.iter().zip(&names[1..]) {
        states.insert(name.clone(), json!({"Type": "Pass", "Next": next}));
    }
    states.insert("S39".into(), callback()["States"]["Ask"].clone());
    world
        .create("M", &json!({"StartAt": "S0", "States": states}))
        .await;
    let arn = world.start("M", "e", r#"{"secret":1}"#).await;
    let token = world.token().await;
    world
        .ok(
            "SendTaskSuccess",
            json!({"taskToken": token, "output": "2"}),
        )
        .await;
    world.until_closed(&arn).await;
    world.restart().await;

    let whole = world
        .ok(
            "GetExecutionHistory",
            json!({"executionArn": arn, "maxResults": 1000}),
        )
        .await;
    assert_eq!(whole.get("nextToken"), None);
    let whole = whole["events"].as_array().expect("a list").clone();
    let ids: Vec<_> = whole
        .iter()
        .filter_map(|event| event["id"].as_u64())
        .collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
    assert_eq!(whole.last().expect("events")["type"], "ExecutionSucceeded");
    assert!(ids.len() > 80);
    for page in [1, 2, 7, 40, ids.len(), 100] {
        for is_reverse in [false, true] {
            let input =
                json!({"executionArn": arn, "maxResults": page, "reverseOrder": is_reverse});
            let pages = pages(&world, "GetExecutionHistory", "events", &input).await;
            assert_eq!(
                pages.len(),
                ids.len().div_ceil(page),
                "no empty page at the end"
            );
            let mut events = pages.concat();
            if is_reverse {
                events.reverse();
            }
            assert_eq!(events, whole, "pages of {page}, reverse: {is_reverse}");
        }
    }
    let without = json!({"executionArn": arn, "includeExecutionData": false});
    let without = world.ok("GetExecutionHistory", without).await;
    assert!(!without.to_string().contains("secret"));
}

#[tokio::test]
async fn a_page_token_is_for_one_listing_and_one_day() {
    let world = World::new().await;
    world.create("M", &pass()).await;
    world.create("N", &pass()).await;
    for name in ["a", "b", "c"] {
        world.start("M", name, "{}").await;
    }
    let arn = machine_arn("M");
    let page = world
        .ok(
            "ListExecutions",
            json!({"stateMachineArn": arn, "maxResults": 1}),
        )
        .await;
    let token = page["nextToken"].as_str().expect("more").to_owned();
    let history = execution_arn("M", "a");
    let events = world
        .ok(
            "GetExecutionHistory",
            json!({"executionArn": history, "maxResults": 1}),
        )
        .await;
    let of_history = events["nextToken"].as_str().expect("more").to_owned();
    let good = json!({"stateMachineArn": arn, "nextToken": token, "maxResults": 2});
    world.ok("ListExecutions", good.clone()).await;
    let refused = "InvalidToken: Invalid Token: 'Invalid token'";
    let cases = [
        (
            "ListExecutions",
            json!({"stateMachineArn": machine_arn("N"), "nextToken": token}),
        ),
        (
            "ListExecutions",
            json!({"stateMachineArn": arn, "nextToken": token, "statusFilter": "SUCCEEDED"}),
        ),
        (
            "ListExecutions",
            json!({"stateMachineArn": arn, "nextToken": token, "redriveFilter": "NOT_REDRIVEN"}),
        ),
        (
            "ListExecutions",
            json!({"stateMachineArn": arn, "nextToken": of_history}),
        ),
        (
            "ListExecutions",
            json!({"stateMachineArn": arn, "nextToken": "garbage"}),
        ),
        ("ListStateMachines", json!({"nextToken": token})),
        (
            "GetExecutionHistory",
            json!({"executionArn": history, "nextToken": token}),
        ),
        (
            "GetExecutionHistory",
            json!({"executionArn": history, "nextToken": of_history, "reverseOrder": true}),
        ),
    ];
    for (operation, input) in cases {
        assert_eq!(
            world.err(operation, input.clone()).await,
            refused,
            "{operation} {input}"
        );
    }
    world.clock.advance_millis(24 * 3_600 * 1_000);
    assert_eq!(
        world.err("ListExecutions", good).await,
        refused,
        "a day later"
    );
}
