//! State machines and their tags, as callers see them.

mod common;

use common::{ROLE, World, callback, execution_arn, machine_arn, pass};
use serde_json::{Value, json};

fn request(name: &str, definition: &Value) -> Value {
    json!({ "name": name, "definition": definition.to_string(), "roleArn": ROLE })
}

fn with(mut request: Value, member: &str, value: Value) -> Value {
    request[member] = value;
    request
}

#[tokio::test]
async fn the_same_request_creates_the_same_machine() {
    let world = World::new().await;
    let first = world.ok("CreateStateMachine", request("M", &pass())).await;
    world.clock.advance_millis(5_000);
    let logs = json!({"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {
        "logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:g:*"}}]});
    let base = || request("M", &pass());
    let spaced = serde_json::to_string_pretty(&pass()).expect("prints");
    let cases = [
        ("nothing new", base(), true),
        (
            "role",
            with(
                base(),
                "roleArn",
                json!("arn:aws:iam::000000000000:role/other"),
            ),
            true,
        ),
        (
            "tags",
            with(base(), "tags", json!([{"key": "k", "value": "v"}])),
            true,
        ),
        (
            "type, as by default",
            with(base(), "type", json!("STANDARD")),
            true,
        ),
        (
            "logging, as by default",
            with(base(), "loggingConfiguration", json!({})),
            true,
        ),
        ("type", with(base(), "type", json!("EXPRESS")), false),
        (
            "white space",
            with(base(), "definition", json!(spaced)),
            false,
        ),
        ("logging", with(base(), "loggingConfiguration", logs), false),
        (
            "tracing",
            with(base(), "tracingConfiguration", json!({"enabled": true})),
            false,
        ),
    ];
    for (what, input, is_same) in cases {
        match is_same {
            true => assert_eq!(world.ok("CreateStateMachine", input).await, first, "{what}"),
            false => assert_eq!(
                world.err("CreateStateMachine", input).await,
                format!(
                    "StateMachineAlreadyExists: State Machine Already Exists: '{}'",
                    machine_arn("M")
                ),
                "{what}"
            ),
        }
    }
    let shown = world
        .ok(
            "DescribeStateMachine",
            json!({"stateMachineArn": machine_arn("M")}),
        )
        .await;
    assert_eq!(
        shown["roleArn"], ROLE,
        "a request made twice changes nothing"
    );
    let tags = world
        .ok(
            "ListTagsForResource",
            json!({"resourceArn": machine_arn("M")}),
        )
        .await;
    assert_eq!(tags, json!({"tags": []}));
}

#[tokio::test]
async fn of_many_creators_one_wins() {
    let world = World::new().await;
    let calls = (0..40).map(|number| {
        let definition = json!({"Comment": number.to_string(), "StartAt": "P",
            "States": {"P": {"Type": "Pass", "End": true}}});
        world.call("CreateStateMachine", request("M", &definition))
    });
    let answers = futures::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
}

#[tokio::test]
async fn describes_with_the_defaults_of_aws() {
    let world = World::new().await;
    let created = world.ok("CreateStateMachine", request("M", &pass())).await;
    let input = json!({"stateMachineArn": machine_arn("M")});
    let mut expected = json!({
        "stateMachineArn": machine_arn("M"),
        "name": "M",
        "status": "ACTIVE",
        "definition": pass().to_string(),
        "roleArn": ROLE,
        "type": "STANDARD",
        "creationDate": created["creationDate"],
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": false},
        "tracingConfiguration": {"enabled": false},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    });
    assert_eq!(
        world.ok("DescribeStateMachine", input.clone()).await,
        expected
    );
    let metadata = with(input, "includedData", json!("METADATA_ONLY"));
    expected["definition"] = "{}".into();
    assert_eq!(world.ok("DescribeStateMachine", metadata).await, expected);
}

#[tokio::test]
async fn an_update_makes_a_revision_only_where_something_changes() {
    let world = World::new().await;
    let arn = world.create("M", &pass()).await;
    let update =
        |member: &str, value: Value| with(json!({"stateMachineArn": arn.clone()}), member, value);
    let unchanged = world
        .ok(
            "UpdateStateMachine",
            update("definition", json!(pass().to_string())),
        )
        .await;
    assert_eq!(unchanged.get("revisionId"), None, "never updated");
    let first = world
        .ok(
            "UpdateStateMachine",
            update("tracingConfiguration", json!({"enabled": true})),
        )
        .await;
    let again = world
        .ok(
            "UpdateStateMachine",
            update("tracingConfiguration", json!({"enabled": true})),
        )
        .await;
    assert_eq!(first, again);
    let second = world
        .ok(
            "UpdateStateMachine",
            update("definition", json!(callback().to_string())),
        )
        .await;
    assert_ne!(first["revisionId"], second["revisionId"]);
    let shown = world
        .ok("DescribeStateMachine", json!({"stateMachineArn": arn}))
        .await;
    assert_eq!(shown["revisionId"], second["revisionId"]);
    assert_eq!(shown["definition"], callback().to_string());
    assert_eq!(
        shown["tracingConfiguration"],
        json!({"enabled": true}),
        "kept"
    );
}

#[tokio::test]
async fn an_execution_keeps_the_machine_it_began_with() {
    let mut world = World::new().await;
    let arn = world.create("M", &pass()).await;
    world.start("M", "before", "1").await;
    let other = with(request("M", &callback()), "stateMachineArn", json!(arn));
    let role = "arn:aws:iam::000000000000:role/other";
    let updated = world
        .ok(
            "UpdateStateMachine",
            json!({"stateMachineArn": arn, "definition": other["definition"], "roleArn": role}),
        )
        .await;
    world.clock.advance_millis(10);
    world.start("M", "after", "1").await;
    for is_restarted in [false, true] {
        let of = |name| json!({"executionArn": execution_arn("M", name)});
        let before = world
            .ok("DescribeStateMachineForExecution", of("before"))
            .await;
        assert_eq!(
            (&before["definition"], &before["roleArn"]),
            (&json!(pass().to_string()), &json!(ROLE))
        );
        assert_eq!(before.get("revisionId"), None);
        let after = world
            .ok("DescribeStateMachineForExecution", of("after"))
            .await;
        assert_eq!(
            (&after["definition"], &after["roleArn"]),
            (&json!(callback().to_string()), &json!(role))
        );
        assert_eq!(after["revisionId"], updated["revisionId"]);
        assert_eq!(after["updateDate"], updated["updateDate"]);
        assert_eq!(after["name"], "M");
        if !is_restarted {
            world.restart().await;
        }
    }
}

#[tokio::test]
async fn a_machine_at_rest_is_deleted_at_once() {
    let world = World::new().await;
    let arn = world.create("M", &pass()).await;
    world
        .ok(
            "TagResource",
            json!({"resourceArn": arn, "tags": [{"key": "k", "value": "v"}]}),
        )
        .await;
    let done = world.start("M", "done", "{}").await;
    world.until_closed(&done).await;
    let input = json!({"stateMachineArn": arn});
    assert_eq!(
        world.ok("DeleteStateMachine", input.clone()).await,
        json!({})
    );
    assert_eq!(
        world.ok("DeleteStateMachine", input.clone()).await,
        json!({}),
        "once more"
    );
    let missing = format!("StateMachineDoesNotExist: State Machine Does Not Exist: '{arn}'");
    for operation in ["DescribeStateMachine", "StartExecution", "ListExecutions"] {
        assert_eq!(
            world.err(operation, input.clone()).await,
            missing,
            "{operation}"
        );
    }
    assert_eq!(
        world.until_closed(&done).await["status"],
        "SUCCEEDED",
        "still described"
    );
    world
        .ok(
            "DescribeStateMachineForExecution",
            json!({"executionArn": done}),
        )
        .await;
    // The name is free, and nothing of the old machine is left on the new one.
    world.create("M", &callback()).await;
    assert_eq!(
        world
            .ok("ListTagsForResource", json!({"resourceArn": arn}))
            .await,
        json!({"tags": []})
    );
}

#[tokio::test]
async fn a_deleted_machine_takes_its_running_executions_with_it() {
    let world = World::new().await;
    let arn = world.create("M", &callback()).await;
    let running: Vec<_> =
        futures::future::join_all(["a", "b", "c"].map(|name| world.start("M", name, "{}"))).await;
    let input = json!({"stateMachineArn": arn});
    world.ok("DeleteStateMachine", input.clone()).await;
    assert_eq!(
        world.ok("DescribeStateMachine", input.clone()).await["status"],
        "DELETING"
    );
    let deleting = format!("StateMachineDeleting: State Machine is being deleted: '{arn}'");
    assert_eq!(
        world
            .err("CreateStateMachine", request("M", &callback()))
            .await,
        deleting
    );
    assert_eq!(world.err("StartExecution", input.clone()).await, deleting);
    let update = json!({"stateMachineArn": arn, "roleArn": ROLE});
    assert_eq!(world.err("UpdateStateMachine", update).await, deleting);
    world.ok("DeleteStateMachine", input.clone()).await;
    let gone = world
        .until("DescribeStateMachine", input, |answer| answer.is_err())
        .await;
    assert_eq!(gone.expect_err("gone").code, "StateMachineDoesNotExist");
    for arn in running {
        assert_eq!(world.until_closed(&arn).await["status"], "ABORTED");
    }
}

#[tokio::test]
async fn a_deletion_goes_on_after_a_restart() {
    let mut world = World::new().await;
    let arn = world.create("M", &callback()).await;
    let running = world.start("M", "a", "{}").await;
    let input = json!({"stateMachineArn": arn});
    world.ok("DeleteStateMachine", input.clone()).await;
    world.restart().await;
    world
        .until("DescribeStateMachine", input, |answer| answer.is_err())
        .await
        .expect_err("gone");
    assert_eq!(world.until_closed(&running).await["status"], "ABORTED");
}

#[tokio::test]
async fn lists_machines_in_pages() {
    let world = World::new().await;
    let names: Vec<String> = (0..250).map(|number| format!("m{number:03}")).collect();
    for name in &names {
        world.create(name, &pass()).await;
    }
    let mut listed = Vec::new();
    let mut input = json!({"maxResults": 60});
    loop {
        let page = world.ok("ListStateMachines", input).await;
        let machines = page["stateMachines"].as_array().expect("a list").clone();
        listed.extend(
            machines
                .iter()
                .map(|machine| machine["name"].as_str().expect("a name").to_owned()),
        );
        match page.get("nextToken") {
            Some(token) => input = json!({"maxResults": 60, "nextToken": token}),
            None => break,
        }
    }
    assert_eq!(listed, names);
    let whole = world
        .ok("ListStateMachines", json!({"maxResults": 250}))
        .await;
    assert_eq!(
        whole.get("nextToken"),
        None,
        "the last page says so even when it is full"
    );
}

#[tokio::test]
async fn tags_are_set_changed_and_taken_away() {
    let world = World::new().await;
    let tags = json!([{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]);
    world
        .ok(
            "CreateStateMachine",
            with(request("M", &pass()), "tags", tags),
        )
        .await;
    let arn = machine_arn("M");
    let change = json!({"resourceArn": arn, "tags": [{"key": "b", "value": "3"}, {"key": "c", "value": ""}]});
    assert_eq!(world.ok("TagResource", change).await, json!({}));
    world
        .ok(
            "UntagResource",
            json!({"resourceArn": arn, "tagKeys": ["a", "a", "none"]}),
        )
        .await;
    let expected = json!({"tags": [{"key": "b", "value": "3"}, {"key": "c", "value": ""}]});
    assert_eq!(
        world
            .ok("ListTagsForResource", json!({"resourceArn": arn}))
            .await,
        expected
    );

    let many = |count: usize| -> Value {
        (0..count)
            .map(|number| json!({"key": format!("k{number}"), "value": ""}))
            .collect()
    };
    let input = json!({"resourceArn": arn, "tags": many(49)});
    assert!(
        world
            .err("TagResource", input)
            .await
            .starts_with("TooManyTags: "),
        "49 beside 2"
    );
    let input = with(request("N", &pass()), "tags", many(51));
    assert!(
        world
            .err("CreateStateMachine", input)
            .await
            .starts_with("TooManyTags: "),
        "51 at once"
    );
    let input = json!({"resourceArn": arn, "tags": [{"key": "aws:x", "value": ""}]});
    assert!(
        world
            .err("TagResource", input)
            .await
            .starts_with("ValidationException: "),
        "of AWS's own"
    );
    let version = format!("{arn}:1");
    for operation in ["ListTagsForResource", "TagResource", "UntagResource"] {
        let input = json!({"resourceArn": version, "tags": [], "tagKeys": []});
        let expected = format!("ResourceNotFound: Resource not found: '{version}'");
        assert_eq!(world.err(operation, input).await, expected, "{operation}");
    }
    assert_eq!(
        world
            .ok("ListTagsForResource", json!({"resourceArn": arn}))
            .await,
        expected
    );
}

#[tokio::test]
async fn says_what_is_wrong_with_a_definition() {
    let world = World::new().await;
    let bad = r#"{"States": {"P": {"Type": "Pass", "End": true}}}"#;
    let found = json!({"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED",
        "message": "These fields are required: [StartAt]", "location": "/"});
    let callback = callback().to_string();
    let express = json!({"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED",
        "message": "Express state machine does not support '.waitForTaskToken' service integration ",
        "location": "/States/Ask/Resource"});
    let cases = [
        (
            json!({"definition": pass().to_string()}),
            json!({"result": "OK", "diagnostics": [], "truncated": false}),
        ),
        (
            json!({"definition": bad}),
            json!({"result": "FAIL", "diagnostics": [found], "truncated": false}),
        ),
        (
            json!({"definition": callback}),
            json!({"result": "OK", "diagnostics": [], "truncated": false}),
        ),
        (
            json!({"definition": callback, "type": "EXPRESS"}),
            json!({"result": "FAIL", "diagnostics": [express], "truncated": false}),
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(
            world
                .ok("ValidateStateMachineDefinition", input.clone())
                .await,
            expected,
            "{input}"
        );
    }
    let refused = json!({"name": "M", "definition": bad, "roleArn": ROLE});
    assert_eq!(
        world.err("CreateStateMachine", refused).await,
        "InvalidDefinition: Invalid State Machine Definition: \
         'SCHEMA_VALIDATION_FAILED: These fields are required: [StartAt] at /'"
    );
}
