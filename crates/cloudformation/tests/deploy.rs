//! Deployments against services in memory that remember what they were asked.

use std::collections::BTreeMap;

use cloudformation::{DeployError, Outcome, Status};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use world::{World, principal};

// The other tests use the rest of it.
#[allow(dead_code)]
mod world;

const MACHINE: &str = "
  M:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.json
      DefinitionSubstitutions: {F: !GetAtt F.Arn}
";
const TABLE: &str = "
  T:
    Type: AWS::Serverless::SimpleTable
    Properties: {TableName: !Sub '${AWS::StackName}-items'}
";

#[tokio::test]
async fn a_stack_is_created_and_then_left_alone() {
    let world = World::new();
    let (outcome, events) = world
        .deploy(world.deployment(MACHINE, "one", &[]).await)
        .await;
    let Ok(Outcome::Deployed(stack)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        events,
        [
            "CREATE_IN_PROGRESS app",
            "CREATE_IN_PROGRESS FRole",
            "CREATE_COMPLETE FRole",
            "CREATE_IN_PROGRESS F",
            "CREATE_COMPLETE F",
            "CREATE_IN_PROGRESS MRole",
            "CREATE_COMPLETE MRole",
            "CREATE_IN_PROGRESS M",
            "CREATE_COMPLETE M",
            "CREATE_COMPLETE app",
        ]
    );
    assert_eq!(
        stack.outputs[0].output_value,
        "arn:aws:lambda:us-east-1:000000000000:checks"
    );
    assert_eq!(
        stack.parameters,
        BTreeMap::new(),
        "defaults are not given values"
    );
    let function = world.cloud.get("lambda checks");
    assert_eq!(function["MemorySize"], 128);
    assert_eq!(
        function["Environment"]["Variables"],
        json!({"SECRET": "hush", "COUNT": "3"})
    );
    assert_eq!(function["Code"]["ZipFile"], "b25l");
    assert_eq!(function["Tags"], json!({"lambda:createdBy": "SAM"}));
    let role = function["Role"].as_str().expect("a role");
    assert!(
        role.starts_with("arn:aws:iam::000000000000:role/app-FRole-"),
        "{role}"
    );
    let machine = world.cloud.get("states M-*");
    let definition: Value =
        serde_json::from_str(machine["definition"].as_str().expect("text")).expect("JSON");
    assert_eq!(
        definition["States"]["A"]["Resource"],
        "arn:aws:lambda:us-east-1:000000000000:checks"
    );
    assert_eq!(
        machine["tags"],
        json!([{"key": "stateMachine:createdBy", "value": "SAM"}])
    );

    world.cloud.take_calls();
    let (again, events) = world
        .deploy(world.deployment(MACHINE, "one", &[]).await)
        .await;
    assert_eq!(
        (again.expect("deploys"), events),
        (Outcome::Unchanged(stack), Vec::new())
    );
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
}

/// What it is about, resources, code, parameters; the state and the calls that come of it.
type Case<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a [(&'a str, &'a str)],
    &'a str,
    &'a [&'a str],
);

#[tokio::test]
async fn only_what_changed_is_changed() {
    let world = World::new();
    let base = format!("{MACHINE}{TABLE}");
    let other_key = base.replace(
        "{TableName: !Sub '${AWS::StackName}-items'}",
        "{PrimaryKey: {Name: k, Type: String}}",
    );
    let unnamed = base.replace("{TableName: !Sub '${AWS::StackName}-items'}", "{}");
    // Each case begins where the one before it ended.
    let cases: Vec<Case<'_>> = vec![
        (
            "create",
            MACHINE,
            "one",
            &[],
            "CREATE_COMPLETE",
            &["CreateFunction checks", "CreateStateMachine M-*"],
        ),
        ("nothing", MACHINE, "one", &[], "unchanged", &[]),
        (
            "code only",
            MACHINE,
            "two",
            &[],
            "UPDATE_COMPLETE",
            &["UpdateFunctionCode checks"],
        ),
        (
            "configuration only",
            MACHINE,
            "two",
            &[("Size", "512")],
            "UPDATE_COMPLETE",
            &["UpdateFunctionConfiguration checks"],
        ),
        (
            "former parameters stay",
            MACHINE,
            "two",
            &[],
            "unchanged",
            &[],
        ),
        (
            "secret",
            MACHINE,
            "two",
            &[("Secret", "x")],
            "UPDATE_COMPLETE",
            &["UpdateFunctionConfiguration checks"],
        ),
        (
            "add",
            &base,
            "two",
            &[],
            "UPDATE_COMPLETE",
            &["CreateTable app-items"],
        ),
        (
            "remove",
            MACHINE,
            "two",
            &[],
            "UPDATE_COMPLETE",
            &["DeleteTable app-items"],
        ),
        (
            "add unnamed",
            &unnamed,
            "two",
            &[],
            "UPDATE_COMPLETE",
            &["CreateTable app-T-*"],
        ),
        (
            "replace",
            &other_key,
            "two",
            &[],
            "UPDATE_COMPLETE",
            &["CreateTable app-T-*", "DeleteTable app-T-*"],
        ),
    ];
    for (case, resources, code, parameters, status, calls) in cases {
        let after = world
            .state_after(world.deployment(resources, code, parameters).await)
            .await;
        assert_eq!(
            after,
            (
                status.to_owned(),
                calls.iter().map(|call| (*call).to_owned()).collect()
            ),
            "{case}"
        );
    }
    assert_eq!(
        world.cloud.names(),
        ["dynamodb app-T-*", "lambda checks", "states M-*"]
    );
    assert_eq!(
        world.cloud.get("dynamodb app-T-*")["KeySchema"][0]["AttributeName"],
        "k"
    );
    let (stack, resources) = world.deployer.stack("app").await.expect("is there");
    assert_eq!(stack.parameters["Secret"], "****");
    assert!(
        resources
            .iter()
            .all(|resource| resource.resource_status.name().ends_with("_COMPLETE"))
    );
    // A named resource cannot be replaced: its name is taken by itself.
    let named = base.replace("-items'}", "-items', PrimaryKey: {Name: k, Type: String}}");
    world
        .state_after(world.deployment(&base, "two", &[]).await)
        .await;
    let (refused, events) = world
        .deploy(world.deployment(&named, "two", &[]).await)
        .await;
    let text = refused.expect_err("refuses").to_string();
    assert!(
        text.contains("custom-named resource requires replacing. Rename app-items"),
        "{text}"
    );
    assert_eq!(events, Vec::<String>::new());
}

#[tokio::test]
async fn what_fails_is_rolled_back() {
    let world = World::new();
    world.cloud.fail("CreateStateMachine M-*");
    let (outcome, events) = world
        .deploy(world.deployment(MACHINE, "one", &[]).await)
        .await;
    let Ok(Outcome::RolledBack(stack)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(stack.stack_status, Status::RollbackComplete);
    assert_eq!(
        stack.stack_status_reason.as_deref(),
        Some("The following resource(s) failed to create: [M]. ")
    );
    assert_eq!(world.cloud.names(), Vec::<String>::new());
    let from = events
        .iter()
        .position(|event| event == "CREATE_FAILED M")
        .expect("fails");
    assert_eq!(
        events[from..],
        [
            "CREATE_FAILED M",
            "ROLLBACK_IN_PROGRESS app",
            "DELETE_IN_PROGRESS MRole",
            "DELETE_COMPLETE MRole",
            "DELETE_IN_PROGRESS F",
            "DELETE_COMPLETE F",
            "DELETE_IN_PROGRESS FRole",
            "DELETE_COMPLETE FRole",
            "ROLLBACK_COMPLETE app",
        ]
    );
    let events = world.deployer.events("app").await.expect("events");
    let failed = events
        .iter()
        .find(|event| event.resource_status == Status::CreateFailed)
        .expect("is kept");
    let reason = failed.resource_status_reason.as_deref().unwrap_or_default();
    let expected = "Resource handler returned message: \"no such runtime (Service: StepFunctions, Status Code: 400, Error Code: InvalidParameterValueException)\"";
    assert_eq!(reason, expected);

    // The next deployment begins anew, and an update that fails restores what was.
    world.cloud.failing.lock().expect("lock").clear();
    let (status, _) = world
        .state_after(world.deployment(MACHINE, "one", &[]).await)
        .await;
    assert_eq!(status, "CREATE_COMPLETE");
    let before = world.cloud.get("lambda checks");
    world.cloud.fail("CreateTable app-items");
    let more = format!("{TABLE}{MACHINE}");
    let (status, calls) = world
        .state_after(world.deployment(&more, "two", &[("Size", "256")]).await)
        .await;
    assert_eq!(status, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(
        calls,
        [
            "UpdateFunctionCode checks",
            "UpdateFunctionConfiguration checks",
            "CreateTable app-items",
            "UpdateFunctionCode checks",
            "UpdateFunctionConfiguration checks",
        ]
    );
    let after = world.cloud.get("lambda checks");
    assert_eq!(
        (&after["ZipFile"], &after["MemorySize"]),
        (&before["Code"]["ZipFile"], &before["MemorySize"])
    );
    let (stack, _) = world.deployer.stack("app").await.expect("is there");
    assert_eq!(
        stack.parameters,
        BTreeMap::new(),
        "the former parameters are back"
    );
    world.cloud.failing.lock().expect("lock").clear();
    let (status, _) = world
        .state_after(world.deployment(&more, "two", &[("Size", "256")]).await)
        .await;
    assert_eq!(status, "UPDATE_COMPLETE");
}

#[tokio::test]
async fn what_somebody_else_has_made_is_left_alone() {
    let world = World::new();
    world
        .cloud
        .there
        .lock()
        .expect("lock")
        .insert("lambda checks".to_owned(), json!({"theirs": true}));
    let (outcome, events) = world
        .deploy(world.deployment(MACHINE, "one", &[]).await)
        .await;
    assert!(matches!(outcome, Ok(Outcome::RolledBack(_))), "{outcome:?}");
    assert!(events.contains(&"CREATE_FAILED F".to_owned()), "{events:?}");
    assert_eq!(world.cloud.get("lambda checks"), json!({"theirs": true}));
}

#[tokio::test]
async fn a_stack_is_deleted_backwards() {
    let world = World::new();
    world
        .deploy(world.deployment(MACHINE, "one", &[]).await)
        .await
        .0
        .expect("deploys");
    world.cloud.take_calls();
    let (progress, _events) = unbounded_channel();
    let gone = world
        .deployer
        .delete("app", principal(), progress)
        .await
        .expect("deletes")
        .expect("was there");
    assert_eq!(gone.stack_status, Status::DeleteComplete);
    assert_eq!(
        world.cloud.take_calls(),
        ["DeleteStateMachine M-*", "DeleteFunction checks"]
    );
    assert!(matches!(
        world.deployer.stack("app").await,
        Err(DeployError::NoStack(_))
    ));
    let (status, _) = world
        .state_after(world.deployment(MACHINE, "one", &[]).await)
        .await;
    assert_eq!(status, "CREATE_COMPLETE");
}

#[tokio::test]
async fn what_was_interrupted_is_taken_up() {
    // Where the server stops, what it then does, and what is there at last.
    let cases = [
        (
            "create",
            None,
            "CreateFunction checks",
            "ROLLBACK_COMPLETE",
            vec![],
        ),
        (
            "update",
            Some(("one", MACHINE)),
            "UpdateFunctionConfiguration checks",
            "UPDATE_ROLLBACK_COMPLETE",
            vec!["lambda checks", "states M-*"],
        ),
        (
            "add",
            Some(("two", MACHINE)),
            "CreateTable app-items",
            "UPDATE_ROLLBACK_COMPLETE",
            vec!["lambda checks", "states M-*"],
        ),
    ];
    for (case, before, hang, status, there) in cases {
        let mut world = World::new();
        if let Some((code, resources)) = before {
            world
                .deploy(world.deployment(resources, code, &[]).await)
                .await
                .0
                .expect("deploys");
        }
        *world.cloud.hanging.lock().expect("lock") = Some(hang.to_owned());
        let deployment = world
            .deployment(&format!("{MACHINE}{TABLE}"), "two", &[("Size", "999")])
            .await;
        let (progress, _events) = unbounded_channel();
        let under_way = tokio::spawn({
            let deployer = world.deployer.clone();
            async move { deployer.deploy(deployment, principal(), progress).await }
        });
        world.cloud.hung.notified().await;
        under_way.abort();
        *world.cloud.hanging.lock().expect("lock") = None;
        world.restart();
        let recovered = world.deployer.recover().await.expect("recovers");
        assert_eq!(recovered.len(), 1, "{case}");
        assert_eq!(recovered[0].stack_status.to_string(), status, "{case}");
        assert_eq!(world.cloud.names(), there, "{case}");
        if before.is_some() {
            assert_eq!(
                world.cloud.get("lambda checks")["MemorySize"],
                128,
                "{case}"
            );
        }
        assert_eq!(
            world.deployer.recover().await.expect("recovers").len(),
            0,
            "{case}"
        );
        let (status, _) = world
            .state_after(world.deployment(MACHINE, "three", &[]).await)
            .await;
        assert!(status.ends_with("E_COMPLETE"), "{case}: {status}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_before_anything_changes() {
    let world = World::new();
    let cases = [
        (
            "  Q: {Type: AWS::EC2::VPC}",
            "The resource type AWS::EC2::VPC (of resource Q) is not supported yet",
        ),
        (
            "  Q: {Type: AWS::DynamoDB::Table, Properties: {Colour: red}}",
            "The property Colour (of AWS::DynamoDB::Table Q) is not supported yet",
        ),
        (
            "  Q: {Type: AWS::IAM::Role, Properties: {Path: !GetAtt F.Nope}}",
            "resource F does not support attribute type Nope in Fn::GetAtt",
        ),
        (
            "  Q: {Type: AWS::IAM::Role, DependsOn: R}\n  R: {Type: AWS::IAM::Role, DependsOn: Q}",
            "Circular dependency between resources: [Q, R]",
        ),
    ];
    for (resources, part) in cases {
        let (outcome, events) = world
            .deploy(world.deployment(resources, "one", &[]).await)
            .await;
        let text = outcome.expect_err(resources).to_string();
        assert!(text.contains(part), "{text}");
        assert_eq!(events, Vec::<String>::new());
    }
    let mut missing = world.deployment("", "one", &[]).await;
    missing.assets.insert("src/".to_owned(), "0".repeat(64));
    let text = world
        .deploy(missing)
        .await
        .0
        .expect_err("misses")
        .to_string();
    assert_eq!(text, "nothing was uploaded for: src/");
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
    assert_eq!(world.deployer.stacks().await.expect("lists"), []);
}

#[tokio::test]
async fn tags_change_in_place() {
    let world = World::new();
    let resources = |tags: &str| {
        format!(
            "
  A: {{Type: AWS::StepFunctions::Activity, Properties: {{Name: a, Tags: {tags}}}}}
  B: {{Type: AWS::S3::Bucket, Properties: {{BucketName: b, Tags: {tags}}}}}
"
        )
    };
    let first = resources("[{Key: gone, Value: x}, {Key: k, Value: one}]");
    world
        .state_after(world.deployment(&first, "one", &[]).await)
        .await;
    let second = resources("[{Key: k, Value: two}]");
    let after = world.deployment(&second, "one", &[]).await;
    let calls = ["UntagResource a", "TagResource a", "PutBucketTagging b"].map(str::to_owned);
    assert_eq!(
        world.state_after(after).await,
        ("UPDATE_COMPLETE".to_owned(), calls.to_vec())
    );
    assert_eq!(
        world.cloud.get("states a")["tags"],
        json!([{"key": "k", "value": "two"}])
    );
}
