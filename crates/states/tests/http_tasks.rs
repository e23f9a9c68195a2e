//! HTTP tasks, against a server on the loopback address.

mod common;

use common::{ROLE, World};
use serde_json::{Value, json};
use service::Failure;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const CONNECTION: &str = "arn:aws:events:us-east-1:000000000000:connection/C/1";

/// A server that answers as the path says; what it was asked is heard.
struct Api {
    url: String,
    asked: mpsc::UnboundedReceiver<String>,
}

impl Api {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (tell, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, tell.clone()));
            }
        });
        Self { url, asked }
    }

    /// Returns the next request: its head in small letters but for the first line and values, and its body.
    async fn next(&mut self) -> String {
        self.asked.recv().await.expect("a request")
    }
}

async fn serve(mut stream: TcpStream, tell: mpsc::UnboundedSender<String>) {
    let mut read = Vec::new();
    let mut tokens = 0;
    loop {
        let head = loop {
            if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if stream
                .read_buf(&mut read)
                .await
                .is_ok_and(|count| count > 0)
            {
                continue;
            }
            return;
        };
        let text = String::from_utf8_lossy(&read[..head]).into_owned();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().expect("a number"));
        while read.len() < head + length {
            stream.read_buf(&mut read).await.expect("the body");
        }
        let request: Vec<u8> = read.drain(..head + length).collect();
        let request = String::from_utf8_lossy(&request).into_owned();
        tell.send(request.clone()).ok();
        let path = request.split(' ').nth(1).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        let json = "Content-Type: application/json";
        let (status, kind, body) = match path {
            "/json" => ("200 OK", json, r#"{"b":1,"a":[2.50]}"#.to_owned()),
            "/text" => ("200 OK", "Content-Type: text/plain", "hello".to_owned()),
            "/nothing" => ("204 No Content", "X: y", String::new()),
            "/image" => ("200 OK", "Content-Type: image/png", "x".to_owned()),
            "/long" => ("200 OK", json, format!("\"{}\"", "x".repeat(262_144))),
            "/moved" => ("302 Found", "Location: /json", String::new()),
            "/token" => {
                tokens += 1;
                let answer = json!({"access_token": format!("T{tokens}"), "expires_in": 3600});
                ("200 OK", json, answer.to_string())
            }
            "/closes" => return,
            "/guarded" if request.contains("Bearer T1") => {
                ("401 Unauthorized", "X: y", String::new())
            }
            "/guarded" => ("200 OK", json, "1".to_owned()),
            path => {
                let status = path.trim_start_matches('/');
                (status, json, r#"{"secret":"why"}"#.to_owned())
            }
        };
        let status = status.replace('_', " ");
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{body}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn connected(world: &World, authorization_type: &str, parameters: Value) {
    let answer = json!({"AuthorizationType": authorization_type, "AuthParameters": parameters});
    let name = "events:RetrieveConnectionCredentials".to_owned();
    world.functions.answers.lock().insert(name, Ok(answer));
}

fn basic() -> Value {
    json!({
        "BasicAuthParameters": {"Username": "u", "Password": "secret"},
        "InvocationHttpParameters": {
            "HeaderParameters": [{"Key": "Header-Param", "Value": "connection"}],
            "QueryStringParameters": [{"Key": "q", "Value": "of connection"}],
            "BodyParameters": [{"Key": "BodyParam", "Value": "connection", "IsValueSecret": true}],
        },
    })
}

fn task(parameters: Value) -> Value {
    let mut parameters = parameters;
    if parameters.get("InvocationConfig").is_none() {
        parameters["Authentication"] = json!({"ConnectionArn": CONNECTION});
    }
    if parameters.get("Method").is_none() {
        parameters["Method"] = "POST".into();
    }
    json!({"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Parameters": parameters, "End": true})
}

/// Runs a task in an execution; returns how the execution ended.
async fn run(world: &World, name: &str, parameters: Value) -> Value {
    let definition = json!({"StartAt": "H", "States": {"H": task(parameters)}});
    world.create(name, &definition).await;
    let arn = world.start(name, "e", "{}").await;
    world.until_closed(&arn).await
}

fn output(end: &Value) -> Value {
    let text = end["output"].as_str().unwrap_or_else(|| panic!("{end}"));
    serde_json::from_str(text).expect("JSON")
}

#[tokio::test]
async fn a_connection_counts_more_than_the_definition() {
    let world = World::new().await;
    let mut api = Api::new().await;
    connected(&world, "BASIC", basic());
    let parameters = json!({
        "ApiEndpoint": format!("{}/json?z=1", api.url),
        "Headers": {"Request-Id": "r", "Header-Param": "machine", "Many": ["a", "b"]},
        "QueryParameters": {"q": "machine", "list": ["x y", 2]},
        "RequestBody": {"Job": "Engineer", "BodyParam": "machine"},
    });
    let end = run(&world, "M", parameters).await;
    let request = api.next().await;
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, r#"{"Job":"Engineer","BodyParam":"connection"}"#);
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!(
        lines.remove(0),
        "POST /json?z=1&list=x%20y&list=2&q=of%20connection HTTP/1.1"
    );
    lines.retain(|line| !line.starts_with("host: ") && !line.starts_with("content-length: "));
    assert_eq!(
        lines,
        [
            "request-id: r",
            "many: a",
            "many: b",
            "authorization: Basic dTpzZWNyZXQ=",
            "header-param: connection",
            "content-type: application/json; charset=UTF-8",
            "user-agent: Amazon|StepFunctions|HttpInvoke|us-east-1",
            "range: bytes=0-262144",
        ]
    );
    let shown = output(&end);
    assert_eq!(
        shown,
        json!({
            "Headers": {"content-type": ["application/json"], "content-length": ["18"]},
            "ResponseBody": {"b": 1, "a": [2.5]},
            "StatusCode": 200,
            "StatusText": "OK",
        })
    );
    let members: Vec<&String> = shown.as_object().expect("an object").keys().collect();
    assert_eq!(
        members,
        ["Headers", "ResponseBody", "StatusCode", "StatusText"]
    );
}

#[tokio::test]
async fn answers_are_results_or_errors() {
    let world = World::new().await;
    let api = Api::new().await;
    connected(
        &world,
        "API_KEY",
        json!({"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}}),
    );
    for (number, (path, expected)) in [
        ("text", "hello"),
        ("nothing", ""),
        ("400_Bad_Request", "States.Http.StatusCode.400: Bad Request"),
        ("404_Nope", "States.Http.StatusCode.404: Not Found"),
        ("418_Teapot", "States.Http.StatusCode.418: "),
        ("429_Slow", "States.Http.StatusCode.429: Too Many Requests"),
        ("503_Gone", "States.Http.StatusCode.503: Service Unavailable"),
        ("moved", "States.Http.StatusCode.302: Found"),
        ("image", "States.Runtime: Unsupported response content-type 'image/png'. Please see documentation for list of unsupported content-types."),
        ("long", "States.DataLimitExceeded: The response of the HTTP endpoint is longer than 262144 bytes."),
        ("closes", "States.Http.Socket: HTTP request failed: "),
    ]
    .into_iter()
    .enumerate()
    {
        let parameters = json!({"ApiEndpoint": format!("{}/{path}", api.url), "Method": "GET"});
        let end = run(&world, &format!("M{number}"), parameters).await;
        if end["status"] == "SUCCEEDED" {
            let shown = output(&end);
            assert_eq!(shown["ResponseBody"].as_str().unwrap_or_default(), expected, "{path}");
            continue;
        }
        let told = format!("{}: {}", end["error"].as_str().unwrap_or_default(), end["cause"].as_str().unwrap_or_default());
        assert!(told.starts_with(expected), "{path}: {told}");
        assert!(!told.contains("why"), "{told}");
    }
}

#[tokio::test]
async fn what_makes_no_request_fails_at_once() {
    let world = World::new().await;
    let api = Api::new().await;
    connected(&world, "BASIC", basic());
    let url = format!("{}/json", api.url);
    for (number, (parameters, cause)) in [
        (
            json!({"ApiEndpoint": url, "Headers": {"authorization": "x"}}),
            "The header 'authorization' cannot be set by an HTTP task.",
        ),
        (
            json!({"ApiEndpoint": url, "Headers": {"X-Amzn-Trace-Id": "x"}}),
            "The header 'X-Amzn-Trace-Id' cannot be set by an HTTP task.",
        ),
        (
            json!({"ApiEndpoint": url, "Headers": {"h": 1}}),
            "The header 'h' must be a string or an array of strings.",
        ),
        (
            json!({"ApiEndpoint": url, "Headers": {"h": "a\nb"}}),
            "A header is not valid: ",
        ),
        (
            json!({"ApiEndpoint": url, "RequestBody": "text"}),
            "The RequestBody is not a JSON object, ",
        ),
        (
            json!({"ApiEndpoint": url, "Method": "TRACE"}),
            "The method 'TRACE' is not one of ",
        ),
        (
            json!({"ApiEndpoint": "ftp://a/b"}),
            "The ApiEndpoint 'ftp://a/b' is not a URL of https.",
        ),
        (
            json!({"ApiEndpoint": "https://u:p@a/b"}),
            "The ApiEndpoint 'https://u:p@a/b' has a user in it.",
        ),
        (
            json!({"ApiEndpoint": "http://192.0.2.1/b"}),
            "'http://192.0.2.1' is not of this machine or a private network: ",
        ),
        (
            json!({"ApiEndpoint": url, "Transform": {"RequestBodyEncoding": "XML"}}),
            "The RequestBodyEncoding 'XML' is not ",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let end = run(&world, &format!("M{number}"), parameters).await;
        assert_eq!(end["error"], "States.Runtime", "{end}");
        let told = end["cause"].as_str().unwrap_or_default();
        assert!(told.starts_with(cause), "{told}");
    }
}

#[tokio::test]
async fn a_url_that_is_none_is_told_without_the_secrets_in_it() {
    let world = World::new().await;
    let oauth = json!({"OAuthParameters": {
        "ClientParameters": {"ClientID": "me", "ClientSecret": "secret"},
        "AuthorizationEndpoint": "https://a b/token",
        "HttpMethod": "GET",
    }});
    connected(&world, "OAUTH_CLIENT_CREDENTIALS", oauth);
    let end = run(&world, "M", json!({"ApiEndpoint": "https://192.0.2.1"})).await;
    assert_eq!(
        end["cause"],
        "The authorization endpoint of the connection gave no token: 'https://a b/token' is not a URL."
    );
}

#[tokio::test]
async fn connections_that_cannot_be_had_are_told() {
    for (failure, error) in [
        (
            Failure::client("ResourceNotFoundException", "no"),
            "ResourceNotFound",
        ),
        (
            Failure::client("AccessDeniedException", "no").with_status(403),
            "AccessDenied",
        ),
        (Failure::internal("no"), "InternalError"),
    ] {
        let world = World::new().await;
        let name = "events:RetrieveConnectionCredentials".to_owned();
        world.functions.answers.lock().insert(name, Err(failure));
        let end = run(&world, "M", json!({"ApiEndpoint": "https://192.0.2.1"})).await;
        assert_eq!(end["error"], format!("Events.ConnectionResource.{error}"));
        assert_eq!(end["cause"], "no");
    }
}

#[tokio::test]
async fn who_may_not_call_an_endpoint_is_told_so() {
    let world = World::new().await;
    let refused = Failure::client("AccessDeniedException", "no").with_status(403);
    let name = "states:InvokeHTTPEndpoint".to_owned();
    world.functions.answers.lock().insert(name, Err(refused));
    let end = run(&world, "M", json!({"ApiEndpoint": "https://192.0.2.1/x"})).await;
    assert_eq!(end["error"], "States.Http.AccessDenied");
    let cause = end["cause"].as_str().unwrap_or_default();
    assert!(
        cause.contains("states:InvokeHTTPEndpoint on API Endpoint https://192.0.2.1/x."),
        "{cause}"
    );
}

#[tokio::test]
async fn apis_of_api_gateway_are_called_by_stage_and_path() {
    let world = World::new().await;
    let mut api = Api::new().await;
    let ok = |body: &str| json!({"ResponseBody": body, "StatusCode": 200, "StatusText": "OK"});
    for (number, (given, request, expected)) in [
        (
            json!({"Stage": "json", "Method": "POST", "RequestBody": {"a": null, "b": [{"c": null}]}}),
            "POST /json HTTP/1.1\r\n… {\"b\":[{}]}",
            Ok(json!({"Headers": {"Content-Length": ["18"], "Content-Type": ["application/json"]},
                "ResponseBody": {"b": 1, "a": [2.5]}, "StatusCode": 200, "StatusText": "OK"})),
        ),
        (
            json!({"Path": "/text", "Method": "PUT", "AllowNullValues": true, "RequestBody": {"a": null},
                "Headers": {"My-Header": ["x", "y"]}}),
            "PUT /text HTTP/1.1\r\nmy-header: x\r\nmy-header: y\r\n… {\"a\":null}",
            Ok(ok("hello")),
        ),
        (
            json!({"Path": "text", "Method": "POST", "RequestBody": "HelloWorld",
                "QueryParameters": {"q": ["a b", "c"]}}),
            "POST /text?q=a%20b&q=c HTTP/1.1\r\n… \"HelloWorld\"",
            Ok(ok("hello")),
        ),
        (
            json!({"Stage": "403_Forbidden", "Path": null, "Method": "GET"}),
            "GET /403_Forbidden HTTP/1.1\r\n… ",
            Err("ApiGateway.403: {\"secret\":\"why\"}"),
        ),
        (
            json!({"Path": "moved", "Method": "GET"}),
            "GET /moved HTTP/1.1\r\n… ",
            Err("ApiGateway.302: Found"),
        ),
        (
            json!({"Method": "GET", "QueryParameters": "?a=b"}),
            "",
            Err("States.Runtime: An error occurred while executing the state 'H' (entered at the event id #2). The Parameters '"),
        ),
        (
            json!({"Method": "GET", "AuthType": "IAM_ROLE"}),
            "",
            Err("States.Runtime: stepd does not support the AuthType 'IAM_ROLE' of apigateway:invoke."),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut parameters = given.clone();
        parameters["ApiEndpoint"] = api.url.as_str().into();
        let resource = "arn:aws:states:::apigateway:invoke";
        let task = json!({"Type": "Task", "Resource": resource, "Parameters": parameters, "End": true});
        let name = format!("M{number}");
        world
            .create(&name, &json!({"StartAt": "H", "States": {"H": task}}))
            .await;
        let arn = world.start(&name, "e", "{}").await;
        let end = world.until_closed(&arn).await;
        if let Some((head, body)) = request.split_once("… ") {
            let sent = api.next().await;
            assert!(sent.starts_with(head), "{given}: {sent}");
            assert!(sent.ends_with(&format!("\r\n\r\n{body}")), "{given}: {sent}");
        }
        match expected {
            Ok(mut expected) => {
                let shown = output(&end);
                if expected.get("Headers").is_none() {
                    expected["Headers"] = shown["Headers"].clone();
                }
                assert_eq!(shown, expected, "{given}");
            }
            Err(expected) => {
                let part = |name: &str| end[name].as_str().unwrap_or_default().to_owned();
                let told = format!("{}: {}", part("error"), part("cause"));
                assert!(told.starts_with(expected), "{given}: {told}");
            }
        }
    }
}

#[tokio::test]
async fn forms_are_encoded() {
    let world = World::new().await;
    let mut api = Api::new().await;
    connected(
        &world,
        "API_KEY",
        json!({"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}}),
    );
    let parameters = json!({
        "ApiEndpoint": format!("{}/json", api.url),
        "Headers": {"Content-Type": "application/x-www-form-urlencoded"},
        "RequestBody": {"description": "Monthly subscription", "metadata": {"order_details": "monthly report data"}, "ids": [1, 2]},
        "Transform": {"RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": {"ArrayFormat": "BRACKETS"}},
    });
    run(&world, "M", parameters).await;
    let request = api.next().await;
    assert!(request.contains("\r\nk: v\r\n"), "{request}");
    assert!(
        request.contains("\r\ncontent-type: application/x-www-form-urlencoded\r\n"),
        "{request}"
    );
    let body = "description=Monthly%20subscription&metadata%5Border_details%5D=monthly%20report%20data&ids%5B%5D=1&ids%5B%5D=2";
    assert!(request.ends_with(body), "{request}");
}

#[tokio::test]
async fn tokens_are_remembered_and_renewed_when_they_are_refused() {
    let world = World::new().await;
    let mut api = Api::new().await;
    let oauth = json!({"OAuthParameters": {
        "ClientParameters": {"ClientID": "me", "ClientSecret": "s&s"},
        "AuthorizationEndpoint": format!("{}/token", api.url),
        "HttpMethod": "POST",
        "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "all"}]},
    }});
    connected(&world, "OAUTH_CLIENT_CREDENTIALS", oauth);
    let guarded = json!({"ApiEndpoint": format!("{}/guarded", api.url), "Method": "GET"});
    let json = json!({"ApiEndpoint": format!("{}/json", api.url), "Method": "GET"});
    let end = run(&world, "A", json).await;
    assert_eq!(end["status"], "SUCCEEDED", "{end}");
    let asked = api.next().await;
    assert!(
        asked.ends_with("grant_type=client_credentials&client_id=me&client_secret=s%26s&scope=all"),
        "{asked}"
    );
    assert!(
        api.next()
            .await
            .contains("\r\nauthorization: Bearer T1\r\n")
    );
    // The first token is remembered, refused, and asked for again.
    let end = run(&world, "B", guarded).await;
    assert_eq!(end["status"], "SUCCEEDED", "{end}");
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(
            api.next()
                .await
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        );
    }
    assert_eq!(
        asked,
        [
            "GET /guarded HTTP/1.1",
            "POST /token HTTP/1.1",
            "GET /guarded HTTP/1.1"
        ]
    );
}

#[tokio::test]
async fn a_test_shows_what_went_over_the_wire() {
    let world = World::new().await;
    let api = Api::new().await;
    connected(&world, "BASIC", basic());
    let state = task(json!({
        "ApiEndpoint": format!("{}/json", api.url),
        "Method": "GET",
        "Headers": {"definitionHeader": "h1"},
        "RequestBody": {"message": "Hello"},
        "QueryParameters": {"p": "q1"},
    }));
    for (reveal, headers, url, body) in [
        (
            true,
            "[definitionHeader: h1, Authorization: Basic dTpzZWNyZXQ=, Header-Param: connection, Content-Type: application/json; charset=UTF-8, User-Agent: Amazon|StepFunctions|HttpInvoke|us-east-1, Range: bytes=0-262144]",
            "/json?p=q1&q=of%20connection",
            r#"{"message":"Hello","BodyParam":"connection"}"#,
        ),
        (
            false,
            "[definitionHeader: h1, Content-Type: application/json; charset=UTF-8, User-Agent: Amazon|StepFunctions|HttpInvoke|us-east-1, Range: bytes=0-262144]",
            "/json?p=q1",
            r#"{"message":"Hello"}"#,
        ),
    ] {
        let mut input = json!({
            "definition": state.to_string(), "roleArn": ROLE,
            "inspectionLevel": "TRACE", "revealSecrets": reveal,
        });
        let shown = world.ok("TestState", input.clone()).await;
        assert_eq!(shown["status"], "SUCCEEDED", "{shown}");
        let data = &shown["inspectionData"];
        assert_eq!(
            data["request"],
            json!({"protocol": "http", "method": "GET", "url": format!("{}{url}", api.url), "headers": headers, "body": body})
        );
        assert_eq!(
            data["response"],
            json!({
                "protocol": "http", "statusCode": "200", "statusMessage": "OK",
                "headers": "[content-type: application/json, content-length: 18]",
                "body": r#"{"b":1,"a":[2.50]}"#,
            })
        );
        input["inspectionLevel"] = "DEBUG".into();
        let shown = world.ok("TestState", input).await;
        assert!(shown["inspectionData"]["request"].is_null(), "{shown}");
    }
}
