//! Stacks in stacks: made, changed, deleted, and taken up wherever the server was killed.

use std::sync::Arc;

use cloudformation::CloudFormation;
use serde_json::{Value, json};
use service::{Call, Failure, RequestId, Service};
use tokio::runtime::Runtime;

use world::{World, principal};

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

struct Server {
    world: World,
    stacks: Arc<CloudFormation>,
}

impl Server {
    fn new() -> Self {
        let world = World::new();
        for (key, text) in [
            ("templates/one.yaml", ONE),
            ("templates/added.yaml", ADDED),
            ("templates/itself.yaml", ITSELF),
        ] {
            let mut objects = world.cloud.objects.lock().expect("lock");
            objects.insert(key.to_owned(), text.to_owned());
        }
        let stacks = Arc::new(CloudFormation::new(world.deployer.clone()));
        *world.cloud.stacks.lock().expect("lock") = Some(stacks.clone());
        Self { world, stacks }
    }

    /// Starts the server again, without what was under way.
    fn restart(&mut self) {
        *self.world.cloud.hanging.lock().expect("lock") = None;
        *self.world.cloud.hanging_after.lock().expect("lock") = None;
        self.world.restart();
        self.stacks = Arc::new(CloudFormation::new(self.world.deployer.clone()));
        *self.world.cloud.stacks.lock().expect("lock") = Some(self.stacks.clone());
    }

    async fn call(&self, operation: &'static str, input: Value) -> Result<Value, Failure> {
        let call = Call {
            service: "cloudformation",
            operation: operation.into(),
            input: input.to_string().into(),
            payload: Default::default(),
            principal: principal(),
            request_id: RequestId::random(),
        };
        let reply = self.stacks.call(call).await?;
        Ok(serde_json::from_slice(&reply.output).unwrap_or_default())
    }

    async fn stack(&self, name: &str) -> Result<Value, Failure> {
        let found = self.call("DescribeStacks", json!({"StackName": name}));
        Ok(found.await?["Stacks"][0].clone())
    }

    /// Returns the state of a stack once nobody works on it, or how it is refused.
    async fn settled(&self, name: &str) -> String {
        let mut last = String::new();
        testkit_until(async || {
            last = match self.stack(name).await {
                Ok(stack) => stack["StackStatus"].as_str().unwrap_or_default().to_owned(),
                Err(failure) => failure.message,
            };
            !last.ends_with("_IN_PROGRESS")
        })
        .await;
        last
    }

    async fn deploy(&self, operation: &'static str, template: &str) {
        let input = json!({"StackName": "app", "TemplateBody": template});
        self.call(operation, input).await.expect("accepts");
    }

    /// Does something in a server that is killed when it comes to `point`: before the call is made, or
    /// after it was made and before its answer is written down.
    fn killed_at(&mut self, point: &str, after: bool, operation: &'static str, template: &str) {
        let cloud = self.world.cloud.clone();
        let slot = if after {
            &cloud.hanging_after
        } else {
            &cloud.hanging
        };
        *slot.lock().expect("lock") = Some(point.to_owned());
        let server = Runtime::new().expect("a runtime");
        server.block_on(async {
            self.deploy(operation, template).await;
            cloud.hung.notified().await;
        });
        drop(server);
        self.restart();
    }

    async fn recovered(&self) -> Vec<String> {
        let stacks = self.world.deployer.recover().await.expect("recovers");
        stacks
            .iter()
            .map(|stack| stack.stack_status.to_string())
            .collect()
    }

    async fn names(&self) -> Vec<String> {
        let stacks = self.world.deployer.stacks().await.expect("lists");
        stacks
            .iter()
            .map(|stack| world::stable(&stack.stack_name))
            .collect()
    }
}

/// Polls until `condition` holds.
async fn testkit_until(mut condition: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !condition().await {
        assert!(std::time::Instant::now() < deadline, "it takes too long");
        tokio::task::yield_now().await;
    }
}

fn changed() -> String {
    OUTER
        .replace("one.yaml", "added.yaml")
        .replace("\nOutputs:", MORE)
}

#[tokio::test]
async fn a_stack_in_a_stack_is_made_changed_and_deleted() {
    let server = Server::new();
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
        let mut server = Server::new();
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
        let mut server = Server::new();
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
        let mut server = Server::new();
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
    let server = Server::new();
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
