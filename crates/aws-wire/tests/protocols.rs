//! Requests to operations and inputs; outputs and errors to bytes.

use aws_wire::{ErrorAnswer, Protocol, Target, encode_error, encode_output};
use bytes::Bytes;
use http::Request;
use http::request::Parts;
use serde_json::{Map, json};

fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let request = headers.iter().fold(
        Request::builder().method(method).uri(uri),
        |r, (name, value)| r.header(*name, *value),
    );
    request
        .body(())
        .expect("the case is a request")
        .into_parts()
        .0
}

/// Returns `service.operation input payload`, or `code status` of what is refused.
fn read(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> String {
    let parts = parts(method, uri, headers);
    let target = match Target::recognize(&parts, None) {
        Ok(target) => target,
        Err(unknown) => {
            return format!(
                "{} {} {:?}",
                unknown.refusal.code, unknown.refusal.status, unknown.protocol
            );
        }
    };
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    match target.decode(&parts, Bytes::from(body.to_owned())) {
        Ok(decoded) => {
            let (input, payload) = (text(&decoded.input), text(&decoded.payload));
            format!("{}.{} {input} {payload}", target.service, target.operation)
                .trim_end()
                .to_owned()
        }
        Err(refusal) => format!("{} {}: {}", refusal.code, refusal.status, refusal.message),
    }
}

#[test]
fn recognizes_and_decodes() {
    let target = |name: &'static str| [("x-amz-target", name)];
    let functions = "/2015-03-31/functions";
    let cases = [
        (
            read(
                "POST",
                "/",
                &target("AWSStepFunctions.StartExecution"),
                "{}",
            ),
            "states.StartExecution {}",
        ),
        (
            read("POST", "/", &target("AWSStepFunctions.Nothing"), "{}"),
            "UnknownOperationException 400 Json10",
        ),
        (
            read("POST", "/", &target("AWSStepFunctions"), "{}"),
            "UnknownOperationException 400 Json10",
        ),
        (
            read("POST", "/", &target("Nobody.Nothing"), "{}"),
            "UnknownOperationException 404 Json11",
        ),
        (
            read(
                "POST",
                "/",
                &target("DynamoDB_20120810.PutItem"),
                r#"{"a":1}"#,
            ),
            r#"dynamodb.PutItem {"a":1}"#,
        ),
        (
            read("POST", "/", &target("Logs_20140328.PutLogEvents"), ""),
            "logs.PutLogEvents",
        ),
        (
            read("GET", "/", &[], ""),
            "UnknownOperationException 404 RestJson",
        ),
        (
            read("GET", "/nowhere", &[], ""),
            "UnknownOperationException 404 RestJson",
        ),
        (
            read(
                "POST",
                "/",
                &[(
                    "content-type",
                    "application/x-www-form-urlencoded; charset=utf-8",
                )],
                "Action=X",
            ),
            "UnknownOperationException 404 Query",
        ),
        (
            read("POST", functions, &[], r#"{"FunctionName":"f"}"#),
            r#"lambda.CreateFunction {"FunctionName":"f"}"#,
        ),
        (
            read(
                "GET",
                &format!("{functions}/?MaxItems=5&Marker=a%20b&Other=1"),
                &[],
                "",
            ),
            r#"lambda.ListFunctions {"Marker":"a b","MaxItems":5}"#,
        ),
        (
            read("GET", &format!("{functions}?MaxItems=five"), &[], ""),
            r#"lambda.ListFunctions {"MaxItems":"five"}"#,
        ),
        (
            read("GET", &format!("{functions}/f%2Fg"), &[], ""),
            r#"lambda.GetFunction {"FunctionName":"f/g"}"#,
        ),
        (
            read("DELETE", &format!("{functions}/f%22"), &[], ""),
            r#"lambda.DeleteFunction {"FunctionName":"f\""}"#,
        ),
        (
            read("PATCH", &format!("{functions}/f"), &[], ""),
            "UnknownOperationException 404 RestJson",
        ),
        (
            read(
                "PUT",
                &format!("{functions}/f/code"),
                &[],
                r#" {"ZipFile":"AAAA" } "#,
            ),
            r#"lambda.UpdateFunctionCode {"ZipFile":"AAAA" ,"FunctionName":"f"}"#,
        ),
        (
            read(
                "PUT",
                &format!("{functions}/f/code"),
                &[],
                r#"{"FunctionName":"other"}"#,
            ),
            r#"lambda.UpdateFunctionCode {"FunctionName":"other","FunctionName":"f"}"#,
        ),
        (
            read("PUT", &format!("{functions}/f/code"), &[], "[1]"),
            "lambda.UpdateFunctionCode [1]",
        ),
        (
            read("PUT", &format!("{functions}/f/code"), &[], "{"),
            "lambda.UpdateFunctionCode {",
        ),
        (
            read(
                "POST",
                &format!("{functions}/arn%3Aaws%3Alambda/invocations?Qualifier=%24LATEST"),
                &[("X-Amz-Invocation-Type", "Event")],
                "[1, 2]",
            ),
            r#"lambda.Invoke {"FunctionName":"arn:aws:lambda","InvocationType":"Event","Qualifier":"$LATEST"} [1, 2]"#,
        ),
        (
            read("GET", "/2018-10-31/layers", &[], ""),
            "lambda.ListLayers",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

/// What the path says counts, also when the body says something else.
#[test]
fn the_path_beats_the_body() {
    let parts = parts("PUT", "/2015-03-31/functions/f/code", &[]);
    let target = Target::recognize(&parts, None).expect("known");
    let decoded = target
        .decode(
            &parts,
            Bytes::from_static(br#"{"FunctionName":"other","ZipFile":"AAAA"}"#),
        )
        .expect("decodes");
    let input =
        aws_model::lambda::UpdateFunctionCodeInput::from_json(&decoded.input).expect("valid");
    assert_eq!(input.function_name, "f");
}

#[test]
fn encodes_outputs() {
    use aws_model::lambda::Operation;
    let cases = [
        (
            Protocol::Json10,
            None,
            "",
            "",
            200,
            "{}",
            vec![("content-type", "application/x-amz-json-1.0")],
        ),
        (
            Protocol::Json10,
            None,
            r#"{"a":1}"#,
            "",
            200,
            r#"{"a":1}"#,
            vec![],
        ),
        (
            Protocol::RestJson,
            Some(Operation::CreateFunction),
            r#"{"FunctionName":"f"}"#,
            "",
            201,
            r#"{"FunctionName":"f"}"#,
            vec![],
        ),
        (
            Protocol::RestJson,
            Some(Operation::Invoke),
            r#"{"StatusCode":202,"FunctionError":"Unhandled","ExecutedVersion":"$LATEST"}"#,
            "[1]",
            202,
            "[1]",
            vec![
                ("x-amz-function-error", "Unhandled"),
                ("x-amz-executed-version", "$LATEST"),
            ],
        ),
        (
            Protocol::RestJson,
            Some(Operation::DeleteFunction),
            r#"{"StatusCode":204}"#,
            "",
            204,
            "",
            vec![],
        ),
    ];
    for (protocol, operation, output, payload, status, body, headers) in cases {
        let model = operation.map(Operation::model);
        let answer = encode_output(
            protocol,
            model,
            output.to_owned().into(),
            payload.to_owned().into(),
        );
        assert_eq!(
            (answer.status.as_u16(), &answer.body[..]),
            (status, body.as_bytes()),
            "{operation:?}"
        );
        for (name, value) in headers {
            assert_eq!(answer.headers[name], value, "{operation:?}");
        }
    }
}

#[test]
fn encodes_errors() {
    let reason = json!({"reason": "API_DOES_NOT_SUPPORT_LABELED_ARNS"});
    let cases = [
        (
            (
                Protocol::Json10,
                Some("states"),
                "InvalidArn",
                "text \"x\"",
                400,
                Map::new(),
            ),
            r#"{"__type":"com.amazonaws.swf.service.v2.model#InvalidArn","message":"text \"x\""}"#,
        ),
        (
            (
                Protocol::Json10,
                Some("states"),
                "ValidationException",
                "no",
                400,
                reason.as_object().cloned().unwrap_or_default(),
            ),
            r#"{"__type":"com.amazonaws.swf.service.v2.model#ValidationException","message":"no","reason":"API_DOES_NOT_SUPPORT_LABELED_ARNS"}"#,
        ),
        (
            (
                Protocol::Json10,
                Some("states"),
                "ValidationException",
                "1 validation error detected: Value '' at",
                400,
                Map::new(),
            ),
            r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"1 validation error detected: Value '' at"}"#,
        ),
        (
            (
                Protocol::Json10,
                None,
                "SerializationException",
                "",
                400,
                Map::new(),
            ),
            r#"{"__type":"com.amazon.coral.service#SerializationException"}"#,
        ),
        (
            (
                Protocol::RestJson,
                Some("lambda"),
                "ResourceNotFoundException",
                "Function not found",
                404,
                Map::new(),
            ),
            r#"{"Type":"User","Message":"Function not found"}"#,
        ),
        (
            (
                Protocol::RestJson,
                Some("lambda"),
                "ValidationException",
                "no",
                400,
                Map::new(),
            ),
            r#"{"message":"no"}"#,
        ),
        (
            (
                Protocol::Query,
                Some("sts"),
                "InvalidAction",
                "a<b&\u{1}",
                400,
                Map::new(),
            ),
            "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>a&lt;b&amp; </Message></Error><RequestId>id</RequestId></ErrorResponse>",
        ),
        (
            (
                Protocol::RestXml,
                Some("s3"),
                "NoSuchBucket",
                "none",
                404,
                Map::new(),
            ),
            "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>none</Message><RequestId>id</RequestId></Error>",
        ),
    ];
    for ((protocol, service, code, message, status, fields), body) in cases {
        let answer = encode_error(
            protocol,
            &ErrorAnswer {
                service,
                code,
                message,
                status,
                fields: &fields,
            },
            "id",
        );
        assert_eq!(
            (answer.status.as_u16(), &answer.body[..]),
            (status, body.as_bytes()),
            "{code}"
        );
        let header = answer
            .headers
            .get("x-amzn-errortype")
            .map(|value| value.to_str().expect("text"));
        assert_eq!(header, (protocol == Protocol::RestJson).then_some(code));
    }
}
