//! Function URLs: what is configured, and what a call of one becomes.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use service::RequestId;

use crate::world::{ARN, World, is_there};

async fn world(code: &str) -> (World, String) {
    let world = World::new().await;
    world.node("f", code).await;
    let input = json!({
        "FunctionName": "f", "AuthType": "NONE",
        "Cors": {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "MaxAge": 5},
    });
    let made = world
        .call("CreateFunctionUrlConfig", input)
        .await
        .expect("made");
    assert_eq!(made["FunctionArn"], format!("{ARN}f"));
    let url = made["FunctionUrl"].as_str().expect("a URL").to_owned();
    (world, url)
}

async fn permit(world: &World) {
    let input = json!({
        "FunctionName": "f", "StatementId": "url", "Action": "lambda:InvokeFunctionUrl",
        "Principal": "*", "FunctionUrlAuthType": "NONE",
    });
    world.call("AddPermission", input).await.expect("added");
}

/// Asks, and returns the status, the headers that matter as JSON, and the body.
async fn ask(
    world: &World,
    url: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> (u16, Value, String) {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", host);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    assert!(world.lambda.is_url(&parts));
    let body = Bytes::from_static(b"hello");
    let id = RequestId::random();
    let response = world.lambda.answer_url(&parts, body, None, None, id).await;
    let shown: serde_json::Map<String, Value> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().into()))
        .collect();
    let body = String::from_utf8_lossy(response.body()).into_owned();
    (response.status().as_u16(), Value::Object(shown), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_is_called() {
    if !is_there("node") {
        return;
    }
    let code = "exports.handler = async (event) => {
        const path = event.rawPath;
        if (path === '/throw') throw new Error('no');
        if (path === '/plain') return {asked: event.queryStringParameters};
        if (path === '/text') return 'hi';
        return {statusCode: 201, headers: {'X-Own': 'yes', 'Content-Type': 'text/plain', 'Content-Length': '1'}, cookies: ['a=b', 'c=d'],
            body: Buffer.from(event.requestContext.http.method + ' ' + event.body).toString('base64'), isBase64Encoded: true};
    }";
    let (world, url) = world(code).await;
    let (status, _, body) = ask(&world, &url, Method::GET, "/", &[]).await;
    assert_eq!(
        (status, body.contains("Forbidden")),
        (403, true),
        "nobody is permitted yet"
    );
    permit(&world).await;
    let (status, headers, body) = ask(
        &world,
        &url,
        Method::POST,
        "/x",
        &[("content-type", "text/plain")],
    )
    .await;
    assert_eq!((status, &*body), (201, "POST hello"));
    assert_eq!(
        (
            &headers["x-own"],
            &headers["content-type"],
            headers.get("content-length")
        ),
        (&json!("yes"), &json!("text/plain"), None)
    );
    let cases = [
        ("/plain?a=1", 200, r#"{"asked":{"a":"1"}}"#),
        ("/text", 200, "\"hi\""),
        ("/throw", 502, "Internal Server Error"),
    ];
    for (path, expected, text) in cases {
        let (status, _, body) = ask(&world, &url, Method::GET, path, &[]).await;
        assert_eq!((status, &*body), (expected, text), "{path}");
    }
    let from = |origin| [("origin", origin), ("access-control-request-method", "GET")];
    let allowed = "access-control-allow-origin";
    let (status, headers, body) = ask(
        &world,
        &url,
        Method::OPTIONS,
        "/x",
        &from("https://a.example"),
    )
    .await;
    assert_eq!(
        (status, &headers[allowed], &*body),
        (200, &json!("https://a.example"), "")
    );
    let (_, headers, _) = ask(
        &world,
        &url,
        Method::OPTIONS,
        "/x",
        &from("https://b.example"),
    )
    .await;
    assert_eq!(headers.get(allowed), None);
    let (_, headers, _) = ask(
        &world,
        &url,
        Method::GET,
        "/text",
        &[("origin", "https://a.example")],
    )
    .await;
    assert_eq!(headers[allowed], "https://a.example");

    let signed = json!({"FunctionName": "f", "AuthType": "AWS_IAM"});
    let changed = world
        .call("UpdateFunctionUrlConfig", signed)
        .await
        .expect("changed");
    assert_eq!(
        (&changed["AuthType"], &changed["FunctionUrl"]),
        (&json!("AWS_IAM"), &json!(url))
    );
    assert_eq!(ask(&world, &url, Method::GET, "/text", &[]).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_are_configured_and_go_with_their_functions() {
    let (world, url) = world("exports.handler = async () => 1").await;
    let exists = world.call(
        "CreateFunctionUrlConfig",
        json!({"FunctionName": "f", "AuthType": "NONE"}),
    );
    let exists = exists.await.expect_err("exists");
    assert_eq!(
        (&*exists.code, exists.message),
        (
            "ResourceConflictException",
            format!(
                "Failed to create function url config for [functionArn = {ARN}f]. Error message:  FunctionUrlConfig exists for this Lambda function"
            )
        )
    );
    let absent = world.call(
        "CreateFunctionUrlConfig",
        json!({"FunctionName": "g", "AuthType": "NONE"}),
    );
    assert_eq!(
        absent.await.expect_err("absent").message,
        "Function does not exist"
    );
    let listed = world
        .call("ListFunctionUrlConfigs", json!({"FunctionName": "f"}))
        .await
        .expect("listed");
    assert_eq!(listed["FunctionUrlConfigs"][0]["FunctionUrl"], url);
    world
        .call("DeleteFunction", json!({"FunctionName": "f"}))
        .await
        .expect("deleted");
    world.node("f", "exports.handler = async () => 1").await;
    let gone = world
        .call("GetFunctionUrlConfig", json!({"FunctionName": "f"}))
        .await;
    assert_eq!(
        gone.expect_err("gone").message,
        "The resource you requested does not exist."
    );
    assert_eq!(ask(&world, &url, Method::GET, "/", &[]).await.0, 403);
}
