//! Change sets, versions and aliases when the server was killed on the way, or several want the same.

use serde_json::{Value, json};
use service::{Call, Gate, RequestId};
use store::{Batch, Key, Space, Store};
use tokio::runtime::Runtime;

use world::server::Server;

// The other tests use the rest of it.
#[allow(dead_code)]
mod world;

const ONE: &str = "---
Resources: {A: {Type: AWS::StepFunctions::Activity, Properties: {Name: a}}}
";
const MACHINE: &str = "---
Resources:
  M:
    Type: AWS::StepFunctions::StateMachine
    Properties: {StateMachineName: M, DefinitionString: '{}', RoleArn: r}
";
const PUBLISHED: &str = "
  V:
    Type: AWS::StepFunctions::StateMachineVersion
    Properties: {StateMachineArn: !Ref M, StateMachineRevisionId: !GetAtt M.StateMachineRevisionId}
  L:
    Type: AWS::StepFunctions::StateMachineAlias
    Properties: {Name: live, RoutingConfiguration: [{StateMachineVersionArn: !Ref V, Weight: 100}]}
";

fn named() -> Value {
    json!({"StackName": "app", "ChangeSetName": "c"})
}

async fn make(server: &Server) {
    let mut input = named();
    input["ChangeSetType"] = "CREATE".into();
    input["TemplateBody"] = ONE.into();
    let made = server.call("CreateChangeSet", input).await;
    made.expect("makes");
}

async fn state(server: &Server) -> String {
    match server.call("DescribeChangeSet", named()).await {
        Ok(set) => set["ExecutionStatus"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        Err(failure) => failure.code.to_string(),
    }
}

fn row() -> Key {
    Key::new(Space::Stacks, "change-set/app/c".as_bytes().to_vec())
}

/// Writes that the execution has begun, and nothing else.
async fn put_in_progress(server: &Server, text: &str) {
    let changed = ["AVAILABLE", "EXECUTE_COMPLETE"]
        .iter()
        .fold(text.to_owned(), |text, state| {
            let member = format!("\"execution\":\"{state}\"");
            text.replace(&member, "\"execution\":\"EXECUTE_IN_PROGRESS\"")
        });
    let batch = Batch {
        put: vec![(row(), changed.into())],
        ..Batch::default()
    };
    server.world.store.commit(batch).await.expect("writes");
    assert_eq!(state(server).await, "EXECUTE_IN_PROGRESS");
}

async fn row_text(server: &Server) -> String {
    let text = server.world.store.get(&row()).await.expect("reads");
    String::from_utf8(text.expect("is there").to_vec()).expect("text")
}

#[tokio::test]
async fn a_change_set_follows_its_stack_after_a_crash() {
    let mut server = Server::new();
    make(&server).await;
    let text = row_text(&server).await;
    put_in_progress(&server, &text).await;
    server.restart();
    server.recovered().await;
    assert_eq!(state(&server).await, "AVAILABLE", "it was never begun");

    let executed = server.call("ExecuteChangeSet", named()).await;
    executed.expect("executes");
    assert_eq!(server.settled("app").await, "CREATE_COMPLETE");
    world::server::until(async || state(&server).await == "EXECUTE_COMPLETE").await;
    let text = row_text(&server).await;
    put_in_progress(&server, &text).await;
    server.restart();
    server.recovered().await;
    assert_eq!(
        state(&server).await,
        "EXECUTE_COMPLETE",
        "the stack says so"
    );

    let deleted = server
        .call("DeleteStack", json!({"StackName": "app"}))
        .await;
    deleted.expect("accepts");
    server.settled("app").await;
    let batch = Batch {
        put: vec![(
            row(),
            text.replace("EXECUTE_COMPLETE", "EXECUTE_IN_PROGRESS")
                .into(),
        )],
        ..Batch::default()
    };
    server.world.store.commit(batch).await.expect("writes");
    server.restart();
    server.recovered().await;
    let left = server.world.store.get(&row()).await.expect("reads");
    assert_eq!(left, None, "its stack is gone");
}

#[test]
fn an_execution_that_was_killed_has_failed() {
    for after in [false, true] {
        let mut server = Server::new();
        let cloud = server.world.cloud.clone();
        let slot = match after {
            true => &cloud.hanging_after,
            false => &cloud.hanging,
        };
        *slot.lock().expect("lock") = Some("CreateActivity a".to_owned());
        let killed = Runtime::new().expect("a runtime");
        killed.block_on(async {
            make(&server).await;
            let executed = server.call("ExecuteChangeSet", named()).await;
            executed.expect("executes");
            cloud.hung.notified().await;
        });
        drop(killed);
        server.restart();
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async {
            assert_eq!(state(&server).await, "EXECUTE_IN_PROGRESS");
            assert_eq!(server.recovered().await, ["ROLLBACK_COMPLETE"]);
            assert_eq!(state(&server).await, "EXECUTE_FAILED");
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_executes_a_change_set() {
    for _ in 0..40 {
        let server = std::sync::Arc::new(Server::new());
        *server.world.cloud.hanging.lock().expect("lock") = Some("CreateActivity a".to_owned());
        make(&server).await;
        let start = std::sync::Arc::new(tokio::sync::Barrier::new(8));
        let asked = (0..8).map(|_| {
            let (server, start) = (server.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                server.call("ExecuteChangeSet", named()).await.is_ok()
            })
        });
        let asked: Vec<_> = asked.collect();
        let mut executed = 0;
        for answer in asked {
            executed += usize::from(answer.await.expect("answers"));
        }
        assert_eq!(executed, 1);
        assert_eq!(state(&server).await, "EXECUTE_IN_PROGRESS");
    }
}

#[test]
fn versions_and_aliases_whose_answers_were_lost_are_found_again() {
    let points = [
        ("PublishStateMachineVersion M", false),
        ("PublishStateMachineVersion M", true),
        ("CreateStateMachineAlias live", false),
        ("CreateStateMachineAlias live", true),
    ];
    for (point, after) in points {
        let case = format!("{point}, after: {after}");
        let mut server = Server::new();
        let cloud = server.world.cloud.clone();
        let published = format!("{MACHINE}{PUBLISHED}");
        let numbers = || {
            let versions = cloud.get("states M")["versions"].clone();
            let versions = versions.as_object().cloned().unwrap_or_default();
            versions.keys().cloned().collect::<Vec<_>>()
        };
        let aliases = || {
            let names = cloud.names();
            names
                .iter()
                .filter(|name| name.starts_with("alias "))
                .count()
        };
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async {
            server.deploy("CreateStack", MACHINE).await;
            assert_eq!(server.settled("app").await, "CREATE_COMPLETE");
        });
        // Somebody else's version stays whatever happens.
        {
            let mut there = cloud.there.lock().expect("lock");
            let machine = there.get_mut("states M").expect("is there");
            machine["last"] = 1.into();
            machine["versions"] = json!({"1": null});
        }
        server.killed_at(point, after, "UpdateStack", &published);
        runtime.block_on(async {
            assert_eq!(
                server.recovered().await,
                ["UPDATE_ROLLBACK_COMPLETE"],
                "{case}"
            );
            assert_eq!((numbers(), aliases()), (vec!["1".to_owned()], 0), "{case}");
            server.deploy("UpdateStack", &published).await;
            assert_eq!(server.settled("app").await, "UPDATE_COMPLETE", "{case}");
            assert_eq!((numbers().len(), aliases()), (2, 1), "{case}");
        });
    }
}

const KEY: &str = "---
Resources:
  K: {Type: AWS::IAM::AccessKey, Properties: {UserName: ada, Status: Inactive}}
";

async fn of_ada(server: &Server, operation: &'static str) -> Value {
    let call = Call {
        service: "iam",
        operation: operation.into(),
        input: json!({"UserName": "ada"}).to_string().into(),
        payload: Default::default(),
        principal: world::principal(),
        request_id: RequestId::random(),
    };
    let reply = server.world.cloud.call(call).await.expect("does it");
    serde_json::from_slice(&reply.output).unwrap_or_default()
}

#[test]
fn a_key_that_nobody_wrote_down_is_deleted() {
    // The server is killed once the key is made, or the key cannot be put into its state.
    for killed in [true, false] {
        let mut server = Server::new();
        let runtime = Runtime::new().expect("a runtime");
        let own = runtime.block_on(async {
            of_ada(&server, "CreateUser").await;
            of_ada(&server, "CreateAccessKey").await["AccessKey"]["AccessKeyId"].clone()
        });
        if killed {
            server.killed_at("CreateAccessKey ada", true, "CreateStack", KEY);
        } else {
            server.world.cloud.fail("UpdateAccessKey ada");
        }
        runtime.block_on(async {
            if killed {
                assert_eq!(server.recovered().await, ["ROLLBACK_COMPLETE"]);
            } else {
                server.deploy("CreateStack", KEY).await;
                assert_eq!(server.settled("app").await, "ROLLBACK_COMPLETE");
            }
            let left = of_ada(&server, "ListAccessKeys").await;
            let left = left["AccessKeyMetadata"].as_array().expect("a list");
            let left: Vec<&Value> = left.iter().map(|key| &key["AccessKeyId"]).collect();
            assert_eq!(left, [&own], "killed: {killed}");
        });
    }
}
