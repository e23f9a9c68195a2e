//! Random sequences of calls against a simple model of the service, with restarts in between.
//!
//! Each call must answer what the model says, an output or the code of an error; after each, everything that
//! can be listed and described must be what the model holds. No call may answer a fault of ours.

#[path = "../common/mod.rs"]
mod common;
mod service;

use common::{ROLE, World, activity_arn, execution_arn, machine_arn};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use service::{Definition, Model};
use states::OpenTasksQuery;

/// Something that a caller does. Numbers choose among the few names that there are.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    CreateMachine(u8, Definition),
    UpdateMachine(u8, Definition),
    DeleteMachine(u8),
    Publish(u8),
    DeleteVersion(u8, u8),
    CreateAlias(u8, u8, u8),
    DeleteAlias(u8, u8),
    Tag(u8, u8, u8),
    Untag(u8, u8),
    CreateActivity(u8),
    DeleteActivity(u8),
    Start(u8, Through, u8),
    /// A worker comes for a task, where one waits: without one it would stay for a minute.
    Poll(u8),
    Succeed(u8),
    Fail(u8),
    Heartbeat(u8),
    Stop(u8),
    Redrive(u8),
    Restart,
}

/// How an execution is started.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Through {
    Machine,
    Version(u8),
    Alias(u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let definition = || {
        prop_oneof![
            2 => Just(Definition::Pass),
            1 => Just(Definition::Fail),
            5 => (0..2u8).prop_map(Definition::Work),
        ]
    };
    let through = prop_oneof![
        4 => Just(Through::Machine),
        2 => (1..4u8).prop_map(Through::Version),
        2 => (0..2u8).prop_map(Through::Alias),
    ];
    let machine = || 0..3u8;
    let act = prop_oneof![
        6 => (machine(), definition()).prop_map(|(m, d)| Act::CreateMachine(m, d)),
        3 => (machine(), definition()).prop_map(|(m, d)| Act::UpdateMachine(m, d)),
        1 => machine().prop_map(Act::DeleteMachine),
        3 => machine().prop_map(Act::Publish),
        1 => (machine(), 1..4u8).prop_map(|(m, v)| Act::DeleteVersion(m, v)),
        3 => (machine(), 0..2u8, 1..4u8).prop_map(|(m, a, v)| Act::CreateAlias(m, a, v)),
        1 => (machine(), 0..2u8).prop_map(|(m, a)| Act::DeleteAlias(m, a)),
        1 => (machine(), 0..3u8, 0..3u8).prop_map(|(m, k, v)| Act::Tag(m, k, v)),
        1 => (machine(), 0..3u8).prop_map(|(m, k)| Act::Untag(m, k)),
        4 => (0..2u8).prop_map(Act::CreateActivity),
        1 => (0..2u8).prop_map(Act::DeleteActivity),
        12 => (machine(), through, 0..4u8).prop_map(|(m, t, n)| Act::Start(m, t, n)),
        8 => (0..2u8).prop_map(Act::Poll),
        3 => any::<u8>().prop_map(Act::Succeed),
        2 => any::<u8>().prop_map(Act::Fail),
        2 => any::<u8>().prop_map(Act::Heartbeat),
        2 => any::<u8>().prop_map(Act::Stop),
        3 => any::<u8>().prop_map(Act::Redrive),
        2 => Just(Act::Restart),
    ];
    proptest::collection::vec(act, 1..60)
}

/// The input of a call for the machine called `m`, `more` filled in.
fn of_machine(name: &str, more: Value) -> Value {
    let mut input = json!({"stateMachineArn": machine_arn(name)});
    for (member, value) in more.as_object().into_iter().flatten() {
        input[member] = value.clone();
    }
    input
}

/// Makes the call of an act; `None` where there is nothing to call.
fn call_of(act: &Act, model: &Model) -> Option<(&'static str, Value)> {
    let machine = |m: &u8| format!("m{m}");
    let version = |m: &u8, v: &u8| format!("{}:{v}", machine_arn(&machine(m)));
    let alias = |m: &u8, a: &u8| format!("{}:A{a}", machine_arn(&machine(m)));
    Some(match act {
        Act::CreateMachine(m, definition) => {
            let definition = definition.text();
            let input = json!({"name": machine(m), "definition": definition, "roleArn": ROLE});
            ("CreateStateMachine", input)
        }
        Act::UpdateMachine(m, definition) => {
            let input = of_machine(&machine(m), json!({"definition": definition.text()}));
            ("UpdateStateMachine", input)
        }
        Act::DeleteMachine(m) => ("DeleteStateMachine", of_machine(&machine(m), json!({}))),
        Act::Publish(m) => (
            "PublishStateMachineVersion",
            of_machine(&machine(m), json!({})),
        ),
        Act::DeleteVersion(m, v) => (
            "DeleteStateMachineVersion",
            json!({"stateMachineVersionArn": version(m, v)}),
        ),
        Act::CreateAlias(m, a, v) => {
            let routes = json!([{"stateMachineVersionArn": version(m, v), "weight": 100}]);
            let input = json!({"name": format!("A{a}"), "routingConfiguration": routes});
            ("CreateStateMachineAlias", input)
        }
        Act::DeleteAlias(m, a) => (
            "DeleteStateMachineAlias",
            json!({"stateMachineAliasArn": alias(m, a)}),
        ),
        Act::Tag(m, k, v) => {
            let tags = json!([{"key": format!("k{k}"), "value": format!("v{v}")}]);
            let arn = machine_arn(&machine(m));
            ("TagResource", json!({"resourceArn": arn, "tags": tags}))
        }
        Act::Untag(m, k) => {
            let arn = machine_arn(&machine(m));
            (
                "UntagResource",
                json!({"resourceArn": arn, "tagKeys": [format!("k{k}")]}),
            )
        }
        Act::CreateActivity(a) => ("CreateActivity", json!({"name": format!("a{a}")})),
        Act::DeleteActivity(a) => (
            "DeleteActivity",
            json!({"activityArn": activity_arn(&format!("a{a}"))}),
        ),
        Act::Start(m, through, n) => {
            let arn = match through {
                Through::Machine => machine_arn(&machine(m)),
                Through::Version(v) => version(m, v),
                Through::Alias(a) => alias(m, a),
            };
            (
                "StartExecution",
                json!({"stateMachineArn": arn, "name": format!("e{n}"), "input": "{}"}),
            )
        }
        Act::Poll(a) => {
            model.queue(*a).first()?;
            (
                "GetActivityTask",
                json!({"activityArn": activity_arn(&format!("a{a}"))}),
            )
        }
        Act::Succeed(t) => {
            let token = model.token(*t)?;
            (
                "SendTaskSuccess",
                json!({"taskToken": token, "output": "1"}),
            )
        }
        Act::Fail(t) => (
            "SendTaskFailure",
            json!({"taskToken": model.token(*t)?, "error": "E"}),
        ),
        Act::Heartbeat(t) => ("SendTaskHeartbeat", json!({"taskToken": model.token(*t)?})),
        Act::Stop(e) => (
            "StopExecution",
            json!({"executionArn": model.execution_arn(*e)?}),
        ),
        Act::Redrive(e) => (
            "RedriveExecution",
            json!({"executionArn": model.execution_arn(*e)?}),
        ),
        Act::Restart => return None,
    })
}

/// Does one thing with both; fails where they differ.
async fn act(world: &mut World, model: &mut Model, act: &Act) -> Result<(), TestCaseError> {
    // No two things happen in one moment: the order of listings is theirs.
    world.clock.advance_millis(1);
    model.now += 1;
    if let Act::Restart = act {
        world.restart().await;
        return Ok(());
    }
    let Some((operation, input)) = call_of(act, model) else {
        return Ok(());
    };
    let answer = world.call(operation, input.clone()).await;
    let told = match &answer {
        Ok(_) => "ok",
        Err(failure) => {
            prop_assert!(failure.status < 500, "{operation} {input}: {failure}");
            &*failure.code
        }
    };
    let expected = model.act(act, answer.as_ref().ok());
    prop_assert_eq!(told, expected, "{} {}: {:?}", operation, input, answer);
    if let (Act::DeleteMachine(m), "ok") = (act, told) {
        // Deletion goes on behind the answer.
        let input = of_machine(&format!("m{m}"), json!({}));
        let gone = world
            .until("DescribeStateMachine", input, Result::is_err)
            .await;
        let code = gone.expect_err("it is gone").code;
        prop_assert_eq!(&*code, "StateMachineDoesNotExist");
    }
    Ok(())
}

/// Compares everything that can be seen.
async fn compare(world: &World, model: &Model) -> Result<(), TestCaseError> {
    let list = |answer: &Value, member: &str, name: &str| -> Vec<String> {
        let items = answer[member].as_array().into_iter().flatten();
        items
            .map(|item| item[name].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let machines = world.ok("ListStateMachines", json!({})).await;
    prop_assert_eq!(
        list(&machines, "stateMachines", "name"),
        model.machine_names()
    );
    let activities = world.ok("ListActivities", json!({})).await;
    prop_assert_eq!(
        list(&activities, "activities", "name"),
        model.activity_names()
    );
    for name in model.machine_names() {
        let machine = model.machine(&name);
        let described = world
            .ok("DescribeStateMachine", of_machine(&name, json!({})))
            .await;
        prop_assert_eq!(&described["definition"], &json!(machine.definition.text()));
        let versions = world
            .ok("ListStateMachineVersions", of_machine(&name, json!({})))
            .await;
        let arns = list(&versions, "stateMachineVersions", "stateMachineVersionArn");
        let numbers = machine.versions.keys().rev();
        let expected: Vec<String> = numbers
            .map(|n| format!("{}:{n}", machine_arn(&name)))
            .collect();
        prop_assert_eq!(arns, expected);
        let aliases = world
            .ok("ListStateMachineAliases", of_machine(&name, json!({})))
            .await;
        let mut arns = list(&aliases, "stateMachineAliases", "stateMachineAliasArn");
        arns.sort();
        let names = machine.aliases.keys();
        let expected: Vec<String> = names
            .map(|a| format!("{}:{a}", machine_arn(&name)))
            .collect();
        prop_assert_eq!(arns, expected);
        let tags = world
            .ok(
                "ListTagsForResource",
                json!({"resourceArn": machine_arn(&name)}),
            )
            .await;
        let tags = tags["tags"].as_array().into_iter().flatten();
        let mut tags: Vec<(String, String)> = tags
            .map(|tag| (tag["key"].to_string(), tag["value"].to_string()))
            .collect();
        tags.sort();
        let expected: Vec<(String, String)> = machine
            .tags
            .iter()
            .map(|(key, value)| (json!(key).to_string(), json!(value).to_string()))
            .collect();
        prop_assert_eq!(tags, expected);
        for qualifier in [None, Some("1"), Some("A0")] {
            let arn = match qualifier {
                None => machine_arn(&name),
                Some(qualifier) => format!("{}:{qualifier}", machine_arn(&name)),
            };
            let listed = world.call(
                "ListExecutions",
                json!({"stateMachineArn": arn, "maxResults": 3}),
            );
            if let Ok(mut page) = listed.await {
                let mut names = list(&page, "executions", "name");
                while let Some(token) = page["nextToken"].as_str() {
                    let input =
                        json!({"stateMachineArn": arn, "maxResults": 3, "nextToken": token});
                    page = world.ok("ListExecutions", input).await;
                    names.extend(list(&page, "executions", "name"));
                }
                let mut shown: Vec<(u64, String)> = names
                    .into_iter()
                    .map(|one| (model.listed_at(&name, &one), one))
                    .collect();
                // Of one moment, when a machine was deleted, the order is the service's.
                prop_assert!(shown.is_sorted_by(|a, b| a.0 >= b.0), "{} {:?}", arn, shown);
                shown.sort_by_key(|(at, name)| (std::cmp::Reverse(*at), name.clone()));
                prop_assert_eq!(shown, model.listed(&name, qualifier), "{}", arn);
            } else {
                prop_assert!(qualifier.is_some(), "{} can be listed", arn);
            }
        }
    }
    for (machine, name, execution) in model.executions() {
        let arn = execution_arn(&machine, &name);
        let described = world
            .ok("DescribeExecution", json!({"executionArn": arn}))
            .await;
        prop_assert_eq!(&described["status"], execution.status, "{}", arn);
        prop_assert_eq!(
            described["redriveCount"].as_u64(),
            Some(execution.redrives),
            "{}",
            arn
        );
    }
    let open = world.states.open_tasks(&OpenTasksQuery::default()).await;
    let open = open.expect("a page").tasks;
    let open: Vec<(String, bool)> = open
        .into_iter()
        .map(|task| (task.execution_arn, task.stage == states::Stage::Taken))
        .collect();
    prop_assert_eq!(open, model.open_tasks());
    Ok(())
}

#[test]
fn the_service_does_what_the_model_says() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let config = Config {
        // What fails is printed, and becomes a case of another test.
        failure_persistence: None,
        ..Config::default()
    };
    let cases = TestRunner::new(config).run(&acts(), |acts| {
        runtime.block_on(async {
            let (mut world, mut model) = (World::new().await, Model::default());
            for one in &acts {
                act(&mut world, &mut model, one).await?;
                compare(&world, &model).await?;
            }
            world.states.shut_down().await;
            Ok(())
        })
    });
    if let Err(error) = cases {
        panic!("{error}");
    }
}
