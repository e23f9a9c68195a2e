//! APIs of a SAM template, from outside: a REST API, an HTTP API and a state machine that one starts.

use std::io::{Read as _, Write as _};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::Server;

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: nodejs20.x, Handler: index.handler, Timeout: 20}}
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Events:
        Item: {Type: Api, Properties: {Path: '/items/{id}', Method: GET}}
        Rest: {Type: Api, Properties: {Path: '/rest/{proxy+}', Method: any}}
        Signed: {Type: Api, Properties: {Path: /signed, Method: get, Auth: {Authorizer: AWS_IAM, InvokeRole: NONE}}}
        Guarded: {Type: Api, Properties: {Path: /guarded, Method: get, RestApiId: !Ref Guarded}}
        Web: {Type: HttpApi, Properties: {Path: '/web/{id}', Method: POST, ApiId: !Ref Web}}
        Old: {Type: HttpApi, Properties: {Path: /old, Method: get, PayloadFormatVersion: '1.0', ApiId: !Ref Web}}
        Whole: {Type: HttpApi}
  Guard:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: |
        exports.handler = async (event) => {
          if (event.authorizationToken === 'fail') throw new Error('no');
          if (event.authorizationToken === 'who') throw new Error('Unauthorized');
          const Effect = event.authorizationToken === 'open' ? 'Allow' : 'Deny';
          const Statement = [{Action: 'execute-api:Invoke', Effect, Resource: event.methodArn}];
          return {principalId: 'me', policyDocument: {Version: '2012-10-17', Statement}, context: {n: 1}};
        };
  Guarded:
    Type: AWS::Serverless::Api
    Properties:
      StageName: dev
      Cors: \"'*'\"
      Variables: {color: red}
      Auth:
        DefaultAuthorizer: Guard
        AddDefaultAuthorizerToCorsPreflight: false
        Authorizers: {Guard: {FunctionArn: !GetAtt Guard.Arn}}
  Web:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageName: st
      StageVariables: {color: blue}
      CorsConfiguration: {AllowOrigins: ['https://a.example'], AllowMethods: [POST]}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: {StartAt: Done, States: {Done: {Type: Pass, End: true}}}
      Events: {Start: {Type: Api, Properties: {Path: /start, Method: post}}}
Outputs:
  Rest: {Value: !Ref ServerlessRestApi}
  Guarded: {Value: !Ref Guarded}
  Web: {Value: !Ref Web}
  Whole: {Value: !Sub 'https://${ServerlessHttpApi}.execute-api.${AWS::Region}.amazonaws.com/'}
  Endpoint: {Value: !GetAtt Web.ApiEndpoint}
  Machine: {Value: !Ref Machine}
";

const CODE: &str = "
exports.handler = async (event) => {
  const way = event.path || event.rawPath;
  if (way.endsWith('/broken')) return 'nothing that an API can read';
  if (way.endsWith('/thrown')) throw new Error('no');
  if (way.endsWith('/bytes')) return {statusCode: 200, isBase64Encoded: true, headers: {'content-type': 'image/png'}, body: 'AAEC'};
  return {statusCode: 201, multiValueHeaders: {'x-two': ['a', 'b']}, body: JSON.stringify(event)};
};
";

/// An answer: its status, its head, and its body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("no JSON: {}", self.body))
    }
}

/// Asks a host that this machine's resolver need not know.
fn ask(server: &Server, host: &str, request: &str, body: &str) -> anyhow::Result<Answer> {
    let mut stream = std::net::TcpStream::connect(server.endpoint().trim_start_matches("http://"))?;
    let (line, headers) = request.split_once('\n').unwrap_or((request, ""));
    let headers: String = headers.lines().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: {host}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").context("a head")?;
    let status = head.get(9..12).context("a status")?.parse()?;
    Ok(Answer {
        status,
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    })
}

#[test]
fn apis_of_a_template_answer_over_http() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let aws = server.aws()?;
    let folder = server.folder().join("project");
    std::fs::create_dir_all(folder.join("src"))?;
    std::fs::write(folder.join("template.yaml"), TEMPLATE)?;
    std::fs::write(folder.join("src/index.js"), CODE)?;
    server.deploy(&folder, "app")?;
    let stack = aws.call(&["cloudformation", "describe-stacks", "--stack-name", "app"])?;
    let output = |name: &str| {
        let outputs = stack["Stacks"][0]["Outputs"].as_array();
        let found = outputs
            .into_iter()
            .flatten()
            .find(|output| output["OutputKey"] == name);
        found
            .and_then(|output| output["OutputValue"].as_str())
            .context("an output")
    };
    let host = |id: &str| format!("{id}.execute-api.us-east-1.localhost");
    let (rest, guarded, web) = (output("Rest")?, output("Guarded")?, output("Web")?);

    // Events of REST APIs: host, request, body, status, and what the event says.
    let cases = [
        (
            rest,
            "GET /Prod/items/a%20b?q=1&q=2\nX-One: 1\nx-one: 2",
            "",
            json!({
                "/resource": "/items/{id}", "/path": "/items/a b", "/httpMethod": "GET", "/body": null,
                "/pathParameters": {"id": "a b"}, "/queryStringParameters": {"q": "2"},
                "/multiValueQueryStringParameters": {"q": ["1", "2"]}, "/multiValueHeaders/X-One": ["1", "2"],
                "/stageVariables": null, "/requestContext/stage": "Prod", "/requestContext/path": "/Prod/items/a%20b",
                "/requestContext/resourcePath": "/items/{id}", "/isBase64Encoded": false,
            }),
        ),
        (
            rest,
            "PATCH /Prod/rest/a/b\ncontent-type: text/plain",
            "hi",
            json!({
                "/pathParameters/proxy": "a/b", "/body": "hi", "/queryStringParameters": null, "/resource": "/rest/{proxy+}",
            }),
        ),
        (
            guarded,
            "GET /dev/guarded\nauthorization: open",
            "",
            json!({
                "/requestContext/authorizer": {"principalId": "me", "n": "1"}, "/stageVariables": {"color": "red"},
            }),
        ),
        (
            web,
            "POST /st/web/7?a=1&a=2\ncontent-type: application/json\ncookie: c=d",
            "{}",
            json!({
                "/version": "2.0", "/routeKey": "POST /web/{id}", "/rawPath": "/st/web/7", "/pathParameters": {"id": "7"},
                "/queryStringParameters": {"a": "1,2"}, "/cookies": ["c=d"], "/body": "{}", "/stageVariables": {"color": "blue"},
                "/requestContext/stage": "st", "/requestContext/http/method": "POST",
            }),
        ),
        (
            web,
            "GET /st/old",
            "",
            json!({"/version": "1.0", "/resource": "/old", "/path": "/st/old"}),
        ),
    ];
    for (id, request, body, expected) in &cases {
        let answer = ask(&server, &host(id), request, body)?;
        ensure!(
            answer.status == 201,
            "{request}: {} {}",
            answer.status,
            answer.body
        );
        let event = answer.json()?;
        for (pointer, value) in expected.as_object().into_iter().flatten() {
            ensure!(
                event.pointer(pointer) == Some(value),
                "{request} {pointer}: {event}"
            );
        }
    }
    let answer = ask(&server, &host(rest), "GET /Prod/items/1", "")?;
    ensure!(
        answer.head.contains("x-two: a\r\nx-two: b"),
        "{}",
        answer.head
    );

    // What goes wrong, in AWS's words.
    let refusals = [
        (
            rest,
            "GET /Prod/none",
            403,
            r#"{"message":"Missing Authentication Token"}"#,
        ),
        (
            rest,
            "POST /Prod/items/1",
            403,
            r#"{"message":"Missing Authentication Token"}"#,
        ),
        (rest, "GET /none/items/1", 403, r#"{"message":"Forbidden"}"#),
        (
            rest,
            "GET /Prod/rest/broken",
            502,
            r#"{"message":"Internal server error"}"#,
        ),
        (
            rest,
            "GET /Prod/rest/thrown",
            502,
            r#"{"message":"Internal server error"}"#,
        ),
        (rest, "GET /Prod/rest/bytes", 200, "AAEC"),
        (
            rest,
            "GET /Prod/signed",
            403,
            r#"{"message":"Missing Authentication Token"}"#,
        ),
        (
            guarded,
            "GET /dev/guarded",
            401,
            r#"{"message":"Unauthorized"}"#,
        ),
        (
            guarded,
            "GET /dev/guarded\nauthorization: who",
            401,
            r#"{"message":"Unauthorized"}"#,
        ),
        (
            guarded,
            "GET /dev/guarded\nauthorization: fail",
            500,
            r#"{"message":null}"#,
        ),
        (
            guarded,
            "GET /dev/guarded\nauthorization: closed",
            403,
            r#"{"Message":"User is not authorized to access this resource with an explicit deny"}"#,
        ),
        (guarded, "OPTIONS /dev/guarded", 200, "{}\n"),
        (web, "GET /st/none", 404, r#"{"message":"Not Found"}"#),
        ("nothing123", "GET /", 403, r#"{"message":"Forbidden"}"#),
    ];
    for (id, request, status, body) in refusals {
        let answer = ask(&server, &host(id), request, "")?;
        let found = (answer.status, answer.body.as_str());
        ensure!(found == (status, body), "{request}: {found:?}");
    }
    let preflight =
        "OPTIONS /st/web/1\norigin: https://a.example\naccess-control-request-method: POST";
    let answer = ask(&server, &host(web), preflight, "")?;
    let allowed = "access-control-allow-origin: https://a.example";
    ensure!(
        answer.status == 204 && answer.head.contains(allowed),
        "{}",
        answer.head
    );
    let answer = ask(&server, &host(guarded), "OPTIONS /dev/guarded", "")?;
    ensure!(
        answer
            .head
            .contains("access-control-allow-methods: get,options"),
        "{}",
        answer.head
    );

    // The name that the template writes, and no route of its own.
    let whole = output("Whole")?
        .trim_start_matches("https://")
        .trim_end_matches('/');
    let answer = ask(&server, whole, "PUT /any/where", "")?;
    ensure!(answer.json()?["routeKey"] == "$default", "{}", answer.body);

    // A state machine starts, and what it was given is what was posted.
    let answer = ask(
        &server,
        &host(rest),
        "POST /Prod/start",
        r#"{"it is": "a \"body\""}"#,
    )?;
    let execution = answer.json()?["executionArn"]
        .as_str()
        .context("an execution")?
        .to_owned();
    let found = aws.call(&[
        "stepfunctions",
        "describe-execution",
        "--execution-arn",
        &execution,
    ])?;
    let input: Value = serde_json::from_str(found["input"].as_str().context("an input")?)?;
    ensure!(input == json!({"it is": "a \"body\""}), "{found}");

    // The read side.
    let apis = aws.call(&["apigateway", "get-rest-apis"])?;
    ensure!(apis["items"].as_array().map(Vec::len) == Some(2), "{apis}");
    let stages = aws.call(&["apigateway", "get-stages", "--rest-api-id", rest])?;
    let names: Vec<&str> = stages["item"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["stageName"].as_str())
        .collect();
    ensure!(names == ["Prod", "Stage"], "{stages}");
    let routes = aws.call(&["apigatewayv2", "get-routes", "--api-id", web])?;
    ensure!(
        routes["Items"].as_array().map(Vec::len) == Some(2),
        "{routes}"
    );
    let api = aws.call(&["apigatewayv2", "get-api", "--api-id", web])?;
    ensure!(api["ApiEndpoint"] == output("Endpoint")?, "{api}");
    let gone = aws.refused(&["apigateway", "get-rest-api", "--rest-api-id", "none"])?;
    ensure!(gone.code == "NotFoundException", "{gone:?}");

    // A kill loses nothing, an update serves anew, and a deletion leaves nothing.
    server.kill9()?;
    server.restart()?;
    let answer = ask(&server, &host(rest), "GET /Prod/items/1", "")?;
    ensure!(answer.status == 201, "{}", answer.body);
    let changed = TEMPLATE.replace("'/items/{id}'", "'/things/{id}'");
    std::fs::write(folder.join("template.yaml"), changed)?;
    server.deploy(&folder, "app")?;
    let (new, old) = (
        ask(&server, &host(rest), "GET /Prod/things/1", "")?,
        ask(&server, &host(rest), "GET /Prod/items/1", "")?,
    );
    ensure!(
        (new.status, old.status) == (201, 403),
        "{} {}",
        new.body,
        old.body
    );
    let aws = server.aws()?;
    aws.call(&["cloudformation", "delete-stack", "--stack-name", "app"])?;
    testkit::until("the APIs are gone", || {
        let (first, second) = (
            aws.call(&["apigateway", "get-rest-apis"])?,
            aws.call(&["apigatewayv2", "get-apis"])?,
        );
        let none = |list: &Value| {
            list["items"]
                .as_array()
                .or(list["Items"].as_array())
                .is_none_or(Vec::is_empty)
        };
        Ok((none(&first) && none(&second)).then_some(()))
    })?;
    Ok(())
}
