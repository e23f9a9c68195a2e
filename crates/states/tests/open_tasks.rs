//! The tasks that somebody outside must answer, as a person's list shows them.

mod common;

use common::{World, activity_arn, callback, execution_arn, machine_arn, pass, work};
use serde_json::{Value, json};
use states::{FindExecutionsQuery, OpenTasksQuery};
use store::{Batch, Key, Range, Space, Store as _};

/// Returns every open task, read in pages of `max`.
async fn listed(world: &World, query: OpenTasksQuery, max: i64) -> Vec<Value> {
    let mut query = OpenTasksQuery {
        max_results: Some(max),
        ..query
    };
    let mut tasks = Vec::new();
    loop {
        let page = world.states.open_tasks(&query).await.expect("a page");
        let page = serde_json::to_value(page).expect("JSON");
        tasks.extend(page["tasks"].as_array().expect("a list").iter().cloned());
        query.next_token = page["nextToken"].as_str().map(str::to_owned);
        if query.next_token.is_none() {
            return tasks;
        }
    }
}

/// Checks that `expected` (`execution/state stage`, in order) are the open tasks, however they are asked for.
async fn check(world: &World, expected: &[&str]) {
    let told = |tasks: &[Value]| -> Vec<String> {
        let told = tasks.iter().map(|task| {
            let text = |name: &str| task[name].as_str().expect("a text").to_owned();
            let execution = text("executionArn");
            let name = execution.rsplit(':').next().expect("a name");
            format!("{name}/{} {}", text("stateName"), text("stage"))
        });
        told.collect()
    };
    let all = listed(world, OpenTasksQuery::default(), 100).await;
    assert_eq!(told(&all), expected);
    for max in [1, 2] {
        assert_eq!(listed(world, OpenTasksQuery::default(), max).await, all);
    }
    let reverse = OpenTasksQuery {
        reverse_order: true,
        ..OpenTasksQuery::default()
    };
    let mut reversed = listed(world, reverse, 2).await;
    reversed.reverse();
    assert_eq!(reversed, all);
    for member in ["executionArn", "stateMachineArn"] {
        let of = |arn: &str| OpenTasksQuery {
            execution_arn: (member == "executionArn").then(|| arn.to_owned()),
            state_machine_arn: (member == "stateMachineArn").then(|| arn.to_owned()),
            ..OpenTasksQuery::default()
        };
        for task in &all {
            let arn = task[member].as_str().expect("an ARN");
            let mut expected = all.clone();
            expected.retain(|other| other[member] == task[member]);
            assert_eq!(listed(world, of(arn), 2).await, expected, "{member} {arn}");
        }
    }
}

#[tokio::test]
async fn what_waits_for_an_answer_is_listed_until_it_has_one() {
    let mut world = World::new().await;
    world.ok("CreateActivity", json!({"name": "A"})).await;
    world.create("ask", &callback()).await;
    let mut both = callback();
    both["States"]["Ask"]["Comment"] = json!("Is it good?");
    let branches = json!([both, work("A", json!({"TimeoutSeconds": 60}))]);
    let parallel = json!({"StartAt": "P", "States": {"P": {
        "Type": "Parallel", "Branches": branches, "End": true}}});
    world.create("both", &parallel).await;
    world.create("pass", &pass()).await;
    check(&world, &[]).await;

    let first = world.start("ask", "first", "{}").await;
    let token = world.token().await;
    world.until_submitted(&first).await;
    world.clock.advance_millis(1);
    world.start("pass", "ended", "{}").await;
    let second = world.start("both", "second", r#"{"n":1}"#).await;
    world.until_submitted(&second).await;
    let open = [
        "first/Ask WAITING",
        "second/Ask WAITING",
        "second/W OFFERED",
    ];
    check(&world, &open).await;
    let task = &listed(&world, OpenTasksQuery::default(), 9).await[1];
    assert_eq!(task["stateComment"], "Is it good?");
    assert_eq!(
        task["resource"],
        "arn:aws:states:::lambda:invoke.waitForTaskToken"
    );
    assert_eq!(task["scheduledDate"], json!(1_700_000_000.001));
    assert_eq!(task["heartbeatDate"], json!(1_700_003_600.001));
    assert_eq!(task["heartbeatSeconds"], 3600);
    assert_eq!(task["timeoutDate"], Value::Null);

    // What was not indexed by an older release is found at the start.
    world.restart().await;
    check(&world, &open).await;
    forget(&world).await;
    world.restart().await;
    check(&world, &open).await;

    let input = json!({"activityArn": activity_arn("A"), "workerName": "w"});
    let taken = world.ok("GetActivityTask", input).await;
    check(
        &world,
        &["first/Ask WAITING", "second/Ask WAITING", "second/W TAKEN"],
    )
    .await;
    let task = &listed(&world, OpenTasksQuery::default(), 9).await[2];
    assert_eq!(task["taskToken"], taken["taskToken"]);
    assert_eq!(task["workerName"], "w");
    assert_eq!(task["parameters"], r#"{"n":1}"#);
    assert_eq!(task["timeoutDate"], json!(1_700_000_060.001));

    let input = json!({"taskToken": token, "output": "1"});
    world.ok("SendTaskSuccess", input).await;
    check(&world, &["second/Ask WAITING", "second/W TAKEN"]).await;
    // The one task's failure ends the other one.
    let input = json!({"taskToken": taken["taskToken"], "error": "E"});
    world.ok("SendTaskFailure", input).await;
    world.until_closed(&second).await;
    check(&world, &[]).await;

    let third = world.start("both", "third", "{}").await;
    world.until_submitted(&third).await;
    world
        .ok("StopExecution", json!({"executionArn": third}))
        .await;
    check(&world, &[]).await;
}

impl World {
    /// Waits until every call of the execution has returned.
    async fn until_submitted(&self, arn: &str) {
        let done = |answer: &Result<Value, service::Failure>| {
            let events = answer.as_ref().ok().map(|answer| answer["events"].clone());
            let events = events.as_ref().and_then(Value::as_array).cloned();
            events.is_some_and(|events| events.iter().any(|event| event["type"] == "TaskSubmitted"))
        };
        let input = json!({"executionArn": arn});
        let answered = self.until("GetExecutionHistory", input, done).await;
        answered.expect("a history");
    }
}

/// Takes away what an older release did not write.
async fn forget(world: &World) {
    let range = Range::prefix(Space::Activities, b"t/");
    let rows = world.store.scan(&range, 100).await.expect("rows");
    assert_eq!(rows.len(), 3);
    let delete = rows
        .into_iter()
        .map(|(key, _)| Key::new(Space::Activities, key))
        .chain([Key::new(Space::Meta, "open-tasks")]);
    let batch = Batch {
        delete: delete.collect(),
        ..Batch::default()
    };
    world.store.commit(batch).await.expect("a commit");
}

#[tokio::test]
async fn executions_are_found_by_the_beginning_of_their_names() {
    let world = World::new().await;
    for machine in ["a", "b"] {
        world.create(machine, &pass()).await;
    }
    for (machine, name) in [("a", "one"), ("a", "other"), ("b", "one"), ("b", "One")] {
        world.start(machine, name, "{}").await;
    }
    type Case<'a> = (&'a str, Option<&'a str>, &'a [(&'a str, &'a str)]);
    let cases: &[Case] = &[
        ("o", None, &[("a", "one"), ("a", "other"), ("b", "one")]),
        ("one", None, &[("a", "one"), ("b", "one")]),
        ("", Some("b"), &[("b", "One"), ("b", "one")]),
        ("oth", None, &[("a", "other")]),
        ("others", None, &[]),
        ("o", Some("c"), &[]),
    ];
    for (prefix, machine, expected) in cases {
        let query = FindExecutionsQuery {
            name_prefix: (*prefix).to_owned(),
            state_machine_arn: machine.map(machine_arn),
        };
        let found = world.states.find_executions(&query).await.expect("found");
        let found = found.executions.into_iter().map(|one| one.execution_arn);
        let expected = expected
            .iter()
            .map(|(machine, name)| execution_arn(machine, name));
        assert!(found.eq(expected), "{prefix} {machine:?}");
    }
}
