//! Resources that wait for an answer over HTTP: wait conditions and custom resources.

use cloudformation::Taken;
use serde_json::{Value, json};
use store::{Range, Space, Store};
use tokio::runtime::Runtime;

use world::server::{Server, until};

// The other tests use the rest of it.
#[allow(dead_code)]
mod world;

/// Sends an answer to an address, as a function or a script does.
async fn send(server: &Server, url: &str, body: &str) -> Taken {
    let token = url.rsplit('/').next().expect("the address's own part");
    let signals = server.world.deployer.signals();
    signals
        .take(token, body.as_bytes())
        .await
        .expect("the store works")
}

/// Returns what the function is asked next, as soon as it is.
async fn asked(server: &Server) -> Value {
    let mut found = None;
    until(async || {
        let mut asked = server.world.cloud.asked.lock().expect("lock");
        found = asked.pop();
        found.is_some()
    })
    .await;
    found.expect("it was asked")
}

async fn answer(server: &Server, request: &Value, body: Value) {
    let url = request["ResponseURL"].as_str().expect("a URL");
    assert_eq!(send(server, url, &body.to_string()).await, Taken::Kept);
}

async fn output(server: &Server) -> String {
    let stack = server.stack("app").await.expect("is there");
    stack["Outputs"][0]["OutputValue"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

async fn resource(server: &Server, id: &str) -> Value {
    let input = json!({"StackName": "app", "LogicalResourceId": id});
    let found = server.call("DescribeStackResource", input).await;
    found
        .map(|found| found["StackResourceDetail"].clone())
        .unwrap_or_default()
}

const WAITING: &str = "
Resources:
  H: {Type: AWS::CloudFormation::WaitConditionHandle}
  W: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref H, Timeout: '30', Count: 2}}
Outputs:
  Data: {Value: !GetAtt W.Data}
";

async fn handle(server: &Server) -> String {
    let mut url = String::new();
    until(async || {
        let id = resource(server, "H").await["PhysicalResourceId"].clone();
        url = id.as_str().unwrap_or_default().to_owned();
        url.starts_with("http://")
    })
    .await;
    url
}

#[tokio::test]
async fn a_condition_waits_for_its_answers() {
    let server = Server::new();
    server.deploy("CreateStack", WAITING).await;
    let url = handle(&server).await;
    let good = |id: &str, data: &str| {
        json!({"Status": "SUCCESS", "Reason": "r", "UniqueId": id, "Data": data}).to_string()
    };
    assert_eq!(send(&server, &url, "no JSON").await, Taken::Malformed);
    assert_eq!(
        send(&server, &url.replace('/', "x"), "{}").await,
        Taken::Unknown
    );
    let other = format!("{}{}", &url[..url.len() - 64], "0".repeat(64));
    assert_eq!(send(&server, &other, &good("a", "")).await, Taken::Unknown);
    for (id, data) in [("a", "one"), ("a", "again"), ("b", "two")] {
        let state = server.stack("app").await.expect("is there")["StackStatus"].clone();
        assert_eq!(state, "CREATE_IN_PROGRESS", "before {id} {data}");
        assert_eq!(send(&server, &url, &good(id, data)).await, Taken::Kept);
    }
    assert_eq!(server.settled("app").await, "CREATE_COMPLETE");
    assert_eq!(output(&server).await, r#"{"a":"one","b":"two"}"#);
    server
        .call("DeleteStack", json!({"StackName": "app"}))
        .await
        .expect("accepts");
    assert!(server.settled("app").await.contains("does not exist"));
    assert_eq!(send(&server, &url, &good("c", "")).await, Taken::Unknown);
}

#[tokio::test]
async fn a_condition_fails_with_its_reason() {
    let cases = [
        (
            "30",
            Some(r#"{"Status": "FAILURE", "Reason": "disk full", "UniqueId": "a"}"#),
            "WaitCondition received failed message: 'disk full' for uniqueId: a",
        ),
        (
            "0",
            None,
            "WaitCondition timed out. Received 0 conditions when expecting 2",
        ),
    ];
    for (timeout, body, expected) in cases {
        let server = Server::new();
        let template = WAITING.replace("'30'", &format!("'{timeout}'"));
        server.deploy("CreateStack", &template).await;
        if let Some(body) = body {
            let url = handle(&server).await;
            assert_eq!(send(&server, &url, body).await, Taken::Kept);
        }
        assert_eq!(server.settled("app").await, "ROLLBACK_COMPLETE");
        let events = server.call("DescribeStackEvents", json!({"StackName": "app"}));
        let events = events.await.expect("told").to_string();
        assert!(events.contains(expected), "{expected}: {events}");
    }
}

const CUSTOM: &str = "
Resources:
  C:
    Type: Custom::Thing
    Properties: {ServiceToken: 'arn:aws:lambda:us-east-1:000000000000:function:f', Size: 1, On: true}
Outputs:
  Url: {Value: !GetAtt C.Url}
";

#[tokio::test]
async fn a_function_makes_changes_and_deletes() {
    let server = Server::new();
    server.deploy("CreateStack", CUSTOM).await;
    let request = asked(&server).await;
    let expected = json!({
        "RequestType": "Create", "ResourceType": "Custom::Thing", "LogicalResourceId": "C",
        "ResourceProperties": {
            "ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:f", "Size": "1", "On": "true",
        },
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&request[name], value, "{name}");
    }
    let made = json!({"Status": "SUCCESS", "PhysicalResourceId": "thing-1", "Data": {"Url": "u1"}});
    answer(&server, &request, made).await;
    assert_eq!(server.settled("app").await, "CREATE_COMPLETE");
    assert_eq!(output(&server).await, "u1");
    assert_eq!(
        resource(&server, "C").await["PhysicalResourceId"],
        "thing-1"
    );

    // The same thing, changed; then another, and the first is deleted.
    for (size, id, url) in [("2", "thing-1", "u2"), ("3", "thing-2", "u3")] {
        let template = CUSTOM.replace("Size: 1", &format!("Size: {size}"));
        server.deploy("UpdateStack", &template).await;
        let request = asked(&server).await;
        assert_eq!(
            (
                &request["RequestType"],
                &request["PhysicalResourceId"],
                &request["ResourceProperties"]["Size"]
            ),
            (&json!("Update"), &json!("thing-1"), &json!(size))
        );
        assert!(request["OldResourceProperties"]["Size"].is_string());
        let changed = json!({"Status": "SUCCESS", "PhysicalResourceId": id, "Data": {"Url": url}});
        answer(&server, &request, changed).await;
        if id == "thing-2" {
            let request = asked(&server).await;
            assert_eq!(
                (&request["RequestType"], &request["PhysicalResourceId"]),
                (&json!("Delete"), &json!("thing-1"))
            );
            answer(&server, &request, json!({"Status": "SUCCESS"})).await;
        }
        assert_eq!(server.settled("app").await, "UPDATE_COMPLETE", "{size}");
        assert_eq!(output(&server).await, url);
    }
    server
        .call("DeleteStack", json!({"StackName": "app"}))
        .await
        .expect("accepts");
    let request = asked(&server).await;
    assert_eq!(
        (&request["RequestType"], &request["PhysicalResourceId"]),
        (&json!("Delete"), &json!("thing-2"))
    );
    answer(&server, &request, json!({"Status": "SUCCESS"})).await;
    assert!(server.settled("app").await.contains("does not exist"));
}

#[tokio::test]
async fn what_a_function_has_made_and_failed_on_is_deleted_by_its_name() {
    let server = Server::new();
    server.deploy("CreateStack", CUSTOM).await;
    let request = asked(&server).await;
    let failed = json!({"Status": "FAILED", "Reason": "no room", "PhysicalResourceId": "half"});
    answer(&server, &request, failed).await;
    let request = asked(&server).await;
    assert_eq!(
        (&request["RequestType"], &request["PhysicalResourceId"]),
        (&json!("Delete"), &json!("half"))
    );
    answer(&server, &request, json!({"Status": "SUCCESS"})).await;
    assert_eq!(server.settled("app").await, "ROLLBACK_COMPLETE");
    let events = server.call("DescribeStackEvents", json!({"StackName": "app"}));
    let events = events.await.expect("told").to_string();
    assert!(events.contains("Message returned: no room"), "{events}");
}

#[test]
fn an_answer_that_a_killed_server_took_is_not_lost() {
    let mut server = Server::new();
    let running = Runtime::new().expect("a runtime");
    let request = running.block_on(async {
        server.deploy("CreateStack", CUSTOM).await;
        asked(&server).await
    });
    // The server is gone; another takes the answer before it has taken the stack up.
    drop(running);
    server.restart();
    let running = Runtime::new().expect("a runtime");
    running.block_on(async {
        let made = json!({"Status": "SUCCESS", "PhysicalResourceId": "thing-1"});
        answer(&server, &request, made).await;
        let deployer = server.world.deployer.clone();
        let recovery = tokio::spawn(async move { deployer.recover().await });
        let request = asked(&server).await;
        assert_eq!(
            (&request["RequestType"], &request["PhysicalResourceId"]),
            (&json!("Delete"), &json!("thing-1"))
        );
        answer(&server, &request, json!({"Status": "SUCCESS"})).await;
        recovery.await.expect("runs").expect("recovers");
        assert_eq!(server.settled("app").await, "ROLLBACK_COMPLETE");
    });
}

/// A second resource, whose failure rolls the first one back.
const FAILING: &str = "
  Z:
    Type: AWS::StepFunctions::Activity
    DependsOn: C
    Properties: {Name: z}
";

#[tokio::test]
async fn a_rollback_deletes_what_the_update_has_made() {
    let server = Server::new();
    let (bare, _) = CUSTOM.split_once("Outputs:").expect("has outputs");
    server.deploy("CreateStack", bare).await;
    // A function that tells no attributes.
    let made = |id: &str| json!({"Status": "SUCCESS", "PhysicalResourceId": id});
    answer(&server, &asked(&server).await, made("thing-1")).await;
    assert_eq!(server.settled("app").await, "CREATE_COMPLETE");

    server.world.cloud.fail("CreateActivity z");
    let changed = bare.replace("Size: 1", "Size: 2") + FAILING;
    server.deploy("UpdateStack", &changed).await;
    answer(&server, &asked(&server).await, made("thing-2")).await;
    let request = asked(&server).await;
    assert_eq!(
        (&request["RequestType"], &request["PhysicalResourceId"]),
        (&json!("Delete"), &json!("thing-2"))
    );
    answer(&server, &request, json!({"Status": "SUCCESS"})).await;
    assert_eq!(server.settled("app").await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(
        resource(&server, "C").await["PhysicalResourceId"],
        "thing-1"
    );
}

#[tokio::test]
async fn whom_nobody_could_ask_nobody_asks_to_delete() {
    let server = Server::new();
    server.world.cloud.fail("Invoke f");
    server.deploy("CreateStack", CUSTOM).await;
    assert_eq!(server.settled("app").await, "ROLLBACK_COMPLETE");
    server
        .call("DeleteStack", json!({"StackName": "app"}))
        .await
        .expect("accepts");
    assert!(server.settled("app").await.contains("does not exist"));
}

const REFERRING: &str = "
Resources:
  A: {Type: AWS::StepFunctions::Activity, Properties: {Name: '{{resolve:ssm:/name}}'}}
  C:
    Type: Custom::Thing
    DependsOn: A
    Properties: {ServiceToken: '{{resolve:ssm:/token}}', Secret: '{{resolve:ssm-secure:/secret}}'}
";

#[tokio::test]
async fn references_lead_to_names_and_to_whom_to_ask_in_the_end() {
    let server = Server::new();
    let cloud = &server.world.cloud;
    let token = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let parameters = [("/name", "tasks"), ("/token", token), ("/secret", "hush")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    cloud.parameters.lock().expect("lock").extend(parameters);
    server.deploy("CreateStack", REFERRING).await;
    let request = asked(&server).await;
    assert_eq!(request["ResourceProperties"]["Secret"], "hush");
    answer(&server, &request, json!({"Status": "SUCCESS"})).await;
    assert_eq!(server.settled("app").await, "CREATE_COMPLETE");
    assert_eq!(
        resource(&server, "A").await["PhysicalResourceId"],
        "arn:aws:states:us-east-1:000000000000:activity:tasks"
    );
    let rows = Range::prefix(Space::Stacks, b"");
    let rows = server.world.store.scan(&rows, 1_000).await.expect("reads");
    let kept = rows
        .iter()
        .any(|(_, row)| String::from_utf8_lossy(row).contains("hush"));
    assert!(!kept, "what a reference leads to is nowhere written down");

    // What was only a name is not looked up again.
    cloud.parameters.lock().expect("lock").remove("/name");
    server
        .call("DeleteStack", json!({"StackName": "app"}))
        .await
        .expect("accepts");
    let request = asked(&server).await;
    assert_eq!(
        (&request["RequestType"], &request["ServiceToken"]),
        (&json!("Delete"), &json!(token))
    );
    answer(&server, &request, json!({"Status": "SUCCESS"})).await;
    assert!(server.settled("app").await.contains("does not exist"));
    assert!(
        cloud
            .take_calls()
            .contains(&"DeleteActivity tasks".to_owned())
    );
}
