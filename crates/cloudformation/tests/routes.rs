//! The front for the command line, request by request.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use cloudformation::{Deployer, Options, routes};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use service::{Call, Failure, Gate, Principal, Reply, Site, SystemClock};
use store::MemoryStore;
use tower::ServiceExt as _;

/// Roles need no service.
struct NoServices;

#[async_trait]
impl Gate for NoServices {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        Err(Failure::client(
            "UnknownService",
            format!("{} is not here", call.service),
        ))
    }
}

async fn send(
    router: &Router,
    method: &str,
    path: &str,
    body: Body,
    signed: bool,
) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri(path);
    if signed {
        request = request.extension(Principal::Root {
            account: "000000000000".into(),
        });
    }
    let response = router
        .clone()
        .oneshot(request.body(body).expect("a request"))
        .await
        .expect("answers");
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .expect("a body");
    (status, String::from_utf8(body.into()).expect("text"))
}

#[tokio::test]
async fn the_command_lines_requests_are_answered() {
    let directory = tempfile::tempdir().expect("a directory");
    let site = Site {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
    };
    let options = Options {
        data_dir: directory.path().to_owned(),
        ignore_unknown: false,
        endpoint_url: "http://127.0.0.1:9".to_owned(),
    };
    let deployer = Deployer::new(
        Arc::new(NoServices),
        Arc::new(MemoryStore::new()),
        site,
        Arc::new(SystemClock),
        &options,
    );
    let router = routes(deployer.expect("opens"));

    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let asset = format!("/_stepd/assets/{hash}");
    let cases = [
        ("PUT", asset.as_str(), "hello", false, 403),
        ("PUT", asset.as_str(), "other", true, 400),
        ("PUT", asset.as_str(), "hello", true, 204),
        ("PUT", "/_stepd/assets/..%2f..%2fx", "hello", true, 400),
        ("GET", "/_stepd/stacks/app", "", true, 404),
    ];
    for (method, path, body, signed, expected) in cases {
        let (status, text) = send(&router, method, path, Body::from(body), signed).await;
        assert_eq!(status.as_u16(), expected, "{method} {path} {body}: {text}");
    }

    let absent = "0".repeat(64);
    let wanted = Body::from(json!({"sha256": [hash, absent]}).to_string());
    let (_, text) = send(&router, "POST", "/_stepd/assets", wanted, true).await;
    assert_eq!(text, json!({"missing": [absent]}).to_string());

    let template = "Resources: {R: {Type: AWS::IAM::Role}}\nOutputs: {Arn: {Value: !GetAtt R.Arn}}";
    let deploy = |template: &str| Body::from(json!({"template": template}).to_string());
    let lines = |text: &str| -> Vec<Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .collect()
    };
    let (_, text) = send(
        &router,
        "POST",
        "/_stepd/stacks/app/deploy",
        deploy(template),
        true,
    )
    .await;
    let answer = lines(&text);
    assert_eq!(answer.len(), 5, "{text}");
    assert_eq!(answer[1]["event"]["LogicalResourceId"], "R");
    assert_eq!(answer[4]["result"], "deployed");
    assert_eq!(answer[4]["stack"]["Outputs"][0]["OutputKey"], "Arn");
    let (_, text) = send(
        &router,
        "POST",
        "/_stepd/stacks/app/deploy",
        deploy(template),
        true,
    )
    .await;
    assert_eq!(lines(&text)[0]["result"], "unchanged");
    let (_, text) = send(
        &router,
        "POST",
        "/_stepd/stacks/app/deploy",
        deploy("Resources: 1"),
        true,
    )
    .await;
    assert_eq!(lines(&text)[0]["result"], "refused");
    let (_, text) = send(&router, "GET", "/_stepd/stacks", Body::empty(), true).await;
    assert_eq!(lines(&text)[0]["stacks"][0]["StackName"], "app");
    let (_, text) = send(&router, "DELETE", "/_stepd/stacks/app", Body::empty(), true).await;
    assert_eq!(lines(&text).last().expect("a line")["result"], "deleted");
}
