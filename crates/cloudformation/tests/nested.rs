//! Stacks in stacks: made, changed, deleted, and taken up wherever the server was killed.

use serde_json::json;
use tokio::runtime::Runtime;

use world::server::Server;

// The other tests use the rest of it.
#[allow(dead_code)]
mod world;

const ONE: &str = "---
Parameters: {Name: {Type: String}}
Resources:
  I: {Type: AWS::StepFunctions::Activity, Properties: {Name: !Sub '${Name}-inner'}}
Outputs: {Arn: {Value: !Ref I}}
";
const ADDED: &str = "---
Parameters: {Name: {Type: String}}
Resources:
  I: {Type: AWS::StepFunctions::Activity, Properties: {Name: !Sub '${Name}-inner'}}
  J: {Type: AWS::StepFunctions::Activity, Properties: {Name: !Sub '${Name}-added'}}
Outputs: {Arn: {Value: !Ref I}}
";
const OUTER: &str = "---
Resources:
  First: {Type: AWS::StepFunctions::Activity, Properties: {Name: first}}
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://s3.amazonaws.com/templates/one.yaml
      Parameters: {Name: n}
  Last: {Type: AWS::StepFunctions::Activity, DependsOn: Inner, Properties: {Name: last}}
Outputs: {Inner: {Value: !GetAtt Inner.Outputs.Arn}}
";
const MORE: &str = "
  More: {Type: AWS::StepFunctions::Activity, DependsOn: Inner, Properties: {Name: more}}
Outputs:";
const ITSELF: &str = "---
Resources:
  Again:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: 'https://s3.amazonaws.com/templates/itself.yaml'}
";

fn server() -> Server {
    let server = Server::new();
    for (key, text) in [
        ("templates/one.yaml", ONE),
        ("templates/added.yaml", ADDED),
        ("templates/itself.yaml", ITSELF),
    ] {
        let mut objects = server.world.cloud.objects.lock().expect("lock");
        objects.insert(key.to_owned(), text.to_owned());
    }
    server
}

fn changed() -> String {
    OUTER
        .replace("one.yaml", "added.yaml")
        .replace("\nOutputs:", MORE)
}

#[tokio::test]
async fn a_stack_in_a_stack_is_made_changed_and_deleted() {
    let server = server();
    server.deploy("CreateStack", OUTER).await;
    assert_eq!(server.settled("app").await, "CREATE_COMPLETE");
    assert_eq!(server.names().await, ["app", "app-Inner-*"]);
    let app = server.stack("app").await.expect("is there");
    let inner = "arn:aws:states:us-east-1:000000000000:activity:n-inner";
    assert_eq!(app["Outputs"][0]["OutputValue"], inner);
    let resource = json!({"StackName": "app", "LogicalResourceId": "Inner"});
    let resource = server.call("DescribeStackResource", resource).await;
    let id = resource.expect("is there")["StackResourceDetail"]["PhysicalResourceId"].clone();
    let id = id.as_str().expect("an id");
    let stack = server.stack(id).await.expect("is there");
    assert_eq!(
        (&stack["ParentId"], &stack["RootId"]),
        (&app["StackId"], &app["StackId"])
    );

    // A failure of the inner stack, and one after it, are rolled back as well.
    for fault in ["CreateActivity n-added", "CreateActivity more"] {
        server.world.cloud.fail(fault);
        server.deploy("UpdateStack", &changed()).await;
        assert_eq!(
            server.settled("app").await,
            "UPDATE_ROLLBACK_COMPLETE",
            "{fault}"
        );
        assert_eq!(
            server.world.cloud.names(),
            ["states first", "states last", "states n-inner"],
            "{fault}"
        );
        server.world.cloud.failing.lock().expect("lock").clear();
    }
    server.deploy("UpdateStack", &changed()).await;
    assert_eq!(server.settled("app").await, "UPDATE_COMPLETE");
    assert_eq!(server.world.cloud.names().len(), 5);
    server.deploy("UpdateStack", OUTER).await;
    assert_eq!(server.settled("app").await, "UPDATE_COMPLETE");
    assert_eq!(server.world.cloud.names().len(), 3);

    let delete = server.call("DeleteStack", json!({"StackName": "app"}));
    delete.await.expect("accepts");
    assert_eq!(
        server.settled("app").await,
        "Stack with id app does not exist"
    );
    assert_eq!(server.settled(id).await, "DELETE_COMPLETE");
    assert_eq!(server.world.cloud.names(), Vec::<String>::new());
}

#[test]
fn a_creation_that_was_killed_anywhere_is_rolled_back() {
    let points = [
        ("CreateStack ?", false),
        ("CreateStack ?", true),
        ("CreateActivity n-inner", false),
        ("CreateActivity n-inner", true),
        ("CreateActivity last", false),
        ("CreateActivity last", true),
    ];
    for (point, after) in points {
        let case = format!("{point}, after: {after}");
        let mut server = server();
        server.killed_at(point, after, "CreateStack", OUTER);
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let recovered = server.recovered().await;
            assert!(
                recovered.contains(&"ROLLBACK_COMPLETE".to_owned()),
                "{case}: {recovered:?}"
            );
            assert_eq!(server.settled("app").await, "ROLLBACK_COMPLETE", "{case}");
            assert_eq!(server.names().await, ["app"], "{case}");
            assert_eq!(server.world.cloud.names(), Vec::<String>::new(), "{case}");
            assert_eq!(server.recovered().await, Vec::<String>::new(), "{case}");
        });
    }
}

#[test]
fn a_change_that_was_killed_anywhere_is_rolled_back() {
    let points = [
        ("UpdateStack ?", false),
        ("UpdateStack ?", true),
        ("CreateActivity n-added", false),
        ("CreateActivity n-added", true),
        ("CreateActivity more", false),
        ("CreateActivity more", true),
    ];
    for (point, after) in points {
        let case = format!("{point}, after: {after}");
        let mut server = server();
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async {
            server.deploy("CreateStack", OUTER).await;
            assert_eq!(server.settled("app").await, "CREATE_COMPLETE");
        });
        server.killed_at(point, after, "UpdateStack", &changed());
        runtime.block_on(async {
            server.recovered().await;
            let status = server.settled("app").await;
            assert_eq!(status, "UPDATE_ROLLBACK_COMPLETE", "{case}");
            let left = ["states first", "states last", "states n-inner"];
            assert_eq!(server.world.cloud.names(), left, "{case}");
            server.deploy("UpdateStack", &changed()).await;
            assert_eq!(server.settled("app").await, "UPDATE_COMPLETE", "{case}");
            assert_eq!(server.world.cloud.names().len(), 5, "{case}");
        });
    }
}

#[test]
fn what_an_inner_stack_left_out_is_there_until_its_parent_is_done() {
    let later = "
  Later: {Type: AWS::StepFunctions::Activity, DependsOn: Inner, Properties: {Name: later}}
Outputs:";
    let back = OUTER.replace("\nOutputs:", later);
    for killed in [false, true] {
        let mut server = server();
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async {
            server.deploy("CreateStack", &changed()).await;
            assert_eq!(server.settled("app").await, "CREATE_COMPLETE");
            server.world.cloud.take_calls();
        });
        if killed {
            server.killed_at("CreateActivity later", false, "UpdateStack", &back);
        } else {
            server.world.cloud.fail("CreateActivity later");
        }
        runtime.block_on(async {
            if killed {
                server.recovered().await;
            } else {
                server.deploy("UpdateStack", &back).await;
            }
            let status = server.settled("app").await;
            assert_eq!(status, "UPDATE_ROLLBACK_COMPLETE", "{killed}");
            assert_eq!(server.world.cloud.names().len(), 5, "{killed}");
            let calls = server.world.cloud.take_calls();
            let gone = "DeleteActivity n-added".to_owned();
            assert!(!calls.contains(&gone), "{killed}: {calls:?}");
            server.world.cloud.failing.lock().expect("lock").clear();
            server.deploy("UpdateStack", &back).await;
            assert_eq!(server.settled("app").await, "UPDATE_COMPLETE", "{killed}");
            assert_eq!(server.world.cloud.names().len(), 4, "{killed}");
            assert!(server.world.cloud.take_calls().contains(&gone));
        });
    }
}

#[test]
fn a_deletion_that_was_killed_anywhere_goes_on() {
    let points = [
        ("DeleteStack ?", false),
        ("DeleteStack ?", true),
        ("DeleteActivity n-inner", false),
        ("DeleteActivity n-inner", true),
        ("DeleteActivity first", false),
    ];
    for (point, after) in points {
        let case = format!("{point}, after: {after}");
        let mut server = server();
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async {
            server.deploy("CreateStack", OUTER).await;
            assert_eq!(server.settled("app").await, "CREATE_COMPLETE");
        });
        let cloud = server.world.cloud.clone();
        let slot = if after {
            &cloud.hanging_after
        } else {
            &cloud.hanging
        };
        *slot.lock().expect("lock") = Some(point.to_owned());
        let killed = Runtime::new().expect("a runtime");
        killed.block_on(async {
            let delete = server.call("DeleteStack", json!({"StackName": "app"}));
            delete.await.expect("accepts");
            cloud.hung.notified().await;
        });
        drop(killed);
        server.restart();
        runtime.block_on(async {
            server.recovered().await;
            assert_eq!(server.names().await, Vec::<String>::new(), "{case}");
            assert_eq!(cloud.names(), Vec::<String>::new(), "{case}");
        });
    }
}

#[tokio::test]
async fn a_template_that_names_itself_comes_to_an_end() {
    let server = server();
    server.deploy("CreateStack", ITSELF).await;
    assert_eq!(server.settled("app").await, "ROLLBACK_COMPLETE");
    assert_eq!(server.names().await, ["app"]);
    let calls = server.world.cloud.take_calls();
    let made = calls.iter().filter(|call| *call == "CreateStack ?");
    assert_eq!(made.count(), 11, "the eleventh is refused");
    let forged = json!({"StackName": "other", "TemplateBody": ITSELF, "ParentId": "nobody"});
    let refused = server.call("CreateStack", forged).await;
    assert_eq!(
        refused.expect_err("there is no such stack").to_string(),
        "ValidationError: Stack [nobody] does not exist"
    );
}
