//! The SDKs: where they come from and where their calls go.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::json;
use tokio::net::TcpListener;

use crate::world::{World, is_there};

/// What a client sent: `X-Amz-Target` or the path, and the `Authorization` header.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// Answers every call with `{}` and notes it.
async fn recorder() -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let seen: Seen = Arc::default();
    let notes = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let notes = Arc::clone(&notes);
            let service = service_fn(move |request: Request<Incoming>| {
                let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
                let target = header("x-amz-target");
                let what = if target.is_empty() { request.uri().path().to_owned() } else { target };
                notes.lock().push((what, header("authorization")));
                async move {
                    let _ = request.into_body().collect().await;
                    Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from_static(b"{}"))))
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, seen)
}

/// A cache that tests of all runs share: an SDK is downloaded once.
fn cache() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk-cache")
}

async fn check(runtime: &str, file: &str, handler: &str, code: &str, expected: &[&str]) {
    let (address, seen) = recorder().await;
    let world = World::with(|options| {
        options.endpoint_url = address.clone();
        options.cache_dir = cache();
    })
    .await;
    let other = recorder().await;
    let more = json!({ "Environment": { "Variables": { "OTHER": other.0 } }, "Timeout": 60 });
    world.create("f", runtime, handler, &[(file, code)], more).await;
    let answer = world.invoke("f", json!({})).await;
    assert!(!answer.failed(), "{}\n{}", answer.json(), answer.log());
    assert!(!answer.log().contains("NOTE"), "{}", answer.log());
    let calls: Vec<String> = seen.lock().iter().map(|(what, _)| what.clone()).collect();
    assert_eq!(calls, expected, "{}", answer.log());
    for (what, authorization) in seen.lock().iter() {
        assert!(authorization.contains("Credential=ASIATEST/"), "{what}: {authorization}");
    }
    // What the function's own code names is left alone.
    let elsewhere: Vec<String> = other.1.lock().iter().map(|(what, _)| what.clone()).collect();
    assert_eq!(elsewhere, ["DynamoDB_20120810.ListTables"; 2][..elsewhere.len()], "{elsewhere:?}");
    assert_eq!(elsewhere.len(), code.matches("OTHER").count());
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_2_is_redirected() {
    if !is_there("node") || !is_there("npm") {
        return;
    }
    let code = "
        const AWS = require('aws-sdk');
        AWS.config.update({ region: process.env.REGION });
        const dynamo = new AWS.DynamoDB.DocumentClient();
        const states = new AWS.StepFunctions();
        const DynamoDB = require('aws-sdk/clients/dynamodb');
        exports.handler = async () => {
            await dynamo.put({ TableName: 'T', Item: { id: '1', none: undefined } }).promise();
            await states.startExecution({ stateMachineArn: 'arn' , input: '{}' }).promise();
            await states.startSyncExecution({ stateMachineArn: 'arn' }).promise();
            await new AWS.S3().getObject({ Bucket: 'bucket', Key: 'key' }).promise();
            await new DynamoDB({ region: 'us-west-2' }).listTables().promise();
            await new AWS.DynamoDB({ endpoint: process.env.OTHER }).listTables().promise();
            AWS.config.dynamodb = { endpoint: process.env.OTHER };
            await new AWS.DynamoDB().listTables().promise();
        }";
    let expected = [
        "DynamoDB_20120810.PutItem",
        "AWSStepFunctions.StartExecution",
        "AWSStepFunctions.StartSyncExecution",
        "/bucket/key",
        "DynamoDB_20120810.ListTables",
    ];
    check("nodejs12.x", "index.js", "index.handler", code, &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_finds_its_way() {
    if !is_there("node") || !is_there("npm") {
        return;
    }
    let body = "
        export const handler = async () => {
            await DynamoDBDocumentClient.from(new DynamoDBClient()).send(new PutCommand({ TableName: 'T', Item: { id: '1' } }));
            await new SFNClient().send(new SendTaskSuccessCommand({ taskToken: 't', output: '{}' }));
            await new SFNClient().send(new StartSyncExecutionCommand({ stateMachineArn: 'arn' }));
        }";
    let imports = "
        import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
        import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
        import { SFNClient, SendTaskSuccessCommand, StartSyncExecutionCommand } from '@aws-sdk/client-sfn';";
    let requires = imports.replace("import {", "const {").replace("} from '", "} = require('").replace("';", "');");
    let expected = ["DynamoDB_20120810.PutItem", "AWSStepFunctions.SendTaskSuccess", "AWSStepFunctions.StartSyncExecution"];
    check("nodejs20.x", "index.mjs", "index.handler", &format!("{imports}{body}"), &expected).await;
    let common = format!("{requires}{}", body.replace("export const handler", "exports.handler"));
    check("nodejs22.x", "index.js", "index.handler", &common, &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_finds_its_way() {
    if !is_there("python3") {
        return;
    }
    let code = "
import boto3
def handler(event, context):
    boto3.client('stepfunctions').send_task_success(taskToken='t', output='{}')
    boto3.client('dynamodb').list_tables()
";
    check("python3.12", "app.py", "app.handler", code, &["AWSStepFunctions.SendTaskSuccess", "DynamoDB_20120810.ListTables"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_sdk_says_why_and_only_where_it_is_needed() {
    if !is_there("node") {
        return;
    }
    // A cache that cannot be made stands for npm that is not there.
    let world = World::with(|options| options.cache_dir = "/dev/null/cache".into()).await;
    world.node("f", "exports.handler = async (e) => e.need ? require('@aws-sdk/client-sfn') : 'no need'").await;
    assert_eq!(world.invoke("f", json!({})).await.json(), "no need");
    let answer = world.invoke("f", json!({ "need": true })).await.json();
    let message = answer["errorMessage"].as_str().expect("a message");
    assert!(message.contains("Cannot find module") && message.contains("stepd provides @aws-sdk"), "{message}");
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_interpreter_is_named() {
    let world = World::with(|options| {
        options.node = Some("/nowhere/node".into());
        options.python = Some("/nowhere/python".into());
    })
    .await;
    for (runtime, named) in [("nodejs20.x", "Node.js"), ("python3.12", "Python 3")] {
        let name = &runtime[..6];
        world.create(name, runtime, "a.b", &[("a", "b")], json!({})).await;
        let failure = world.call("Invoke", json!({ "FunctionName": name })).await.expect_err("nothing to run it");
        assert_eq!((&*failure.code, failure.status), ("InvalidRuntimeException", 502));
        assert!(failure.message.contains(named) && failure.message.contains(runtime), "{failure}");
    }
    world.lambda.shutdown().await;
}
