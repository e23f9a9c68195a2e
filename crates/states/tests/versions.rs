//! Versions and aliases, as callers see them.

mod common;

use std::collections::BTreeMap;

use common::{ROLE, World, execution_arn, fail, machine_arn, pass};
use serde_json::{Value, json};

/// A machine with two versions: the first passes, the second fails.
async fn machine(world: &World) -> [String; 2] {
    let input = json!({"name": "M", "definition": pass().to_string(), "roleArn": ROLE,
        "publish": true, "versionDescription": "one"});
    let first = world.ok("CreateStateMachine", input.clone()).await;
    assert_eq!(world.ok("CreateStateMachine", input).await, first);
    let input = json!({"stateMachineArn": machine_arn("M"), "definition": fail().to_string(), "publish": true});
    let second = world.ok("UpdateStateMachine", input).await;
    let arns = [1, 2].map(|number| format!("{}:{number}", machine_arn("M")));
    assert_eq!(first["stateMachineVersionArn"], arns[0]);
    assert_eq!(second["stateMachineVersionArn"], arns[1]);
    arns
}

fn routes(pairs: &[(&str, u64)]) -> Value {
    let items = pairs
        .iter()
        .map(|(arn, weight)| json!({"stateMachineVersionArn": arn, "weight": weight}));
    Value::Array(items.collect())
}

#[tokio::test]
async fn an_execution_runs_the_version_that_it_was_started_through() {
    let mut world = World::new().await;
    let [first, second] = machine(&world).await;
    let alias = format!("{}:PROD", machine_arn("M"));
    let input = json!({"name": "PROD", "routingConfiguration": routes(&[(&first, 100)])});
    world.ok("CreateStateMachineAlias", input).await;
    for (name, arn) in [
        ("plain", machine_arn("M")),
        ("v1", first.clone()),
        ("alias", alias.clone()),
    ] {
        world
            .ok(
                "StartExecution",
                json!({"stateMachineArn": arn, "name": name}),
            )
            .await;
    }
    world.restart().await;
    let (one, prod) = (json!(first), json!(alias));
    let cases = [
        ("plain", "FAILED", Value::Null, Value::Null),
        ("v1", "SUCCEEDED", one.clone(), Value::Null),
        ("alias", "SUCCEEDED", one, prod),
    ];
    for (name, status, version, through) in cases {
        let arn = execution_arn("M", name);
        let shown = world.until_closed(&arn).await;
        assert_eq!(shown["status"], status, "{name}");
        assert_eq!(shown["stateMachineArn"], machine_arn("M"), "{name}");
        let input = json!({"executionArn": arn});
        let history = world.ok("GetExecutionHistory", input.clone()).await;
        let started = history["events"][0]["executionStartedEventDetails"].clone();
        for seen in [&shown, &started] {
            let member = |name: &str| seen.get(name).cloned().unwrap_or(Value::Null);
            assert_eq!(member("stateMachineVersionArn"), version, "{name}");
            assert_eq!(member("stateMachineAliasArn"), through, "{name}");
        }
        let of = world.ok("DescribeStateMachineForExecution", input).await;
        let expected = if name == "plain" { fail() } else { pass() };
        assert_eq!(of["definition"], expected.to_string(), "{name}");
    }
    for (arn, expected) in [
        (machine_arn("M"), vec!["alias", "plain", "v1"]),
        (first.clone(), vec!["alias", "v1"]),
        (alias.clone(), vec!["alias"]),
        (second, vec![]),
    ] {
        let listed = world
            .ok("ListExecutions", json!({"stateMachineArn": arn}))
            .await;
        let mut names: Vec<&str> = listed["executions"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|one| one["name"].as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{arn}");
    }
    for missing in [
        format!("{}:9", machine_arn("M")),
        format!("{}:NONE", machine_arn("M")),
    ] {
        let refused = world
            .err("StartExecution", json!({"stateMachineArn": missing}))
            .await;
        let expected =
            format!("StateMachineDoesNotExist: State Machine Does Not Exist: '{missing}'");
        assert_eq!(refused, expected);
    }
}

#[tokio::test]
async fn an_alias_divides_starts_by_its_weights() {
    let world = World::new().await;
    let [first, second] = machine(&world).await;
    let both = routes(&[(&first, 80), (&second, 20)]);
    let input = json!({"name": "A", "routingConfiguration": both});
    let alias = world.ok("CreateStateMachineAlias", input).await["stateMachineAliasArn"].clone();
    let mut counts = BTreeMap::new();
    for _ in 0..400 {
        let started = world
            .ok("StartExecution", json!({"stateMachineArn": alias}))
            .await;
        let shown = world
            .until_closed(started["executionArn"].as_str().expect("an ARN"))
            .await;
        let version = shown["stateMachineVersionArn"]
            .as_str()
            .expect("an ARN")
            .to_owned();
        *counts.entry(version).or_insert(0) += 1;
    }
    // Ten standard deviations around 320: a fault is seen, chance is not.
    assert!((240..400).contains(&counts[&first]), "{counts:?}");
    assert!(counts[&second] > 0, "{counts:?}");
}

#[tokio::test]
async fn versions_and_aliases_go_with_their_machine_and_numbers_begin_anew() {
    let world = World::new().await;
    let [first, _] = machine(&world).await;
    let input = json!({"name": "A", "routingConfiguration": routes(&[(&first, 100)])});
    let alias = world.ok("CreateStateMachineAlias", input).await["stateMachineAliasArn"].clone();
    let held = world
        .err(
            "DeleteStateMachineVersion",
            json!({"stateMachineVersionArn": first}),
        )
        .await;
    let expected = "ConflictException: Version to be deleted must not be referenced by an alias. \
                    Current list of aliases referencing this version: [A]";
    assert_eq!(held, expected);
    let input = json!({"name": "A", "description": "other", "routingConfiguration": routes(&[(&first, 100)])});
    let other = "ConflictException: Failed to create alias because an alias with the same name and a \
                 different routing configuration already exists.";
    assert_eq!(world.err("CreateStateMachineAlias", input).await, other);
    let input = json!({"stateMachineArn": machine_arn("M")});
    let revision = world.ok("DescribeStateMachine", input.clone()).await["revisionId"].clone();
    let mut stale = input;
    stale["revisionId"] = "INITIAL".into();
    let expected = format!(
        "ConflictException: Failed to publish the State Machine version for revision INITIAL. The \
         current State Machine revision is {}.",
        revision.as_str().expect("a revision")
    );
    assert_eq!(
        world.err("PublishStateMachineVersion", stale).await,
        expected
    );
    world
        .ok(
            "DeleteStateMachine",
            json!({"stateMachineArn": machine_arn("M")}),
        )
        .await;
    let listed = world
        .ok(
            "ListStateMachineVersions",
            json!({"stateMachineArn": machine_arn("M")}),
        )
        .await;
    assert_eq!(listed, json!({"stateMachineVersions": []}));
    let gone = world
        .err(
            "DescribeStateMachineAlias",
            json!({"stateMachineAliasArn": alias}),
        )
        .await;
    assert_eq!(
        gone,
        "ResourceNotFound: Request references a resource that does not exist."
    );
    machine(&world).await;
}
