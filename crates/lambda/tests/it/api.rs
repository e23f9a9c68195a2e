//! The operations on functions, their answers and their refusals.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::world::{ARN, Assets, ROLE, World, archive, is_there};

fn zip() -> String {
    STANDARD.encode(archive(&[("index.js", "exports.handler = async () => 1")]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_made_shown_changed_and_removed() {
    let world = World::new().await;
    let zip = archive(&[("index.js", "exports.handler = async () => 1")]);
    let more = json!({ "Description": "d", "Environment": { "Variables": { "BB": "1", "AA": "2" } }, "Tags": { "t": "v" }, "MemorySize": 256 });
    let created = world
        .create(
            "f",
            "nodejs12.x",
            "index.handler",
            &[("index.js", "exports.handler = async () => 1")],
            more,
        )
        .await;
    let expected = json!({
        "FunctionName": "f", "FunctionArn": format!("{ARN}f"), "Runtime": "nodejs12.x", "Role": ROLE,
        "Handler": "index.handler", "CodeSize": zip.len(), "Description": "d", "Timeout": 20, "MemorySize": 256,
        "CodeSha256": STANDARD.encode(Sha256::digest(&zip)), "Version": "$LATEST", "State": "Active",
        "LastUpdateStatus": "Successful", "PackageType": "Zip", "Architectures": ["x86_64"],
    });
    for (member, value) in expected.as_object().expect("an object") {
        assert_eq!(created[member], *value, "{member}");
    }
    assert_eq!(
        created["Environment"]["Variables"],
        json!({ "AA": "2", "BB": "1" })
    );
    let modified = created["LastModified"].as_str().expect("a time");
    assert!(
        modified.len() == 28 && modified.ends_with("+0000"),
        "{modified}"
    );

    for text in [
        "f".to_owned(),
        format!("{ARN}f"),
        "000000000000:function:f".to_owned(),
    ] {
        let shown = world
            .call("GetFunctionConfiguration", json!({ "FunctionName": text }))
            .await
            .expect("shown");
        assert_eq!(shown, created, "{text}");
    }
    let shown = world
        .call("GetFunction", json!({ "FunctionName": "f" }))
        .await
        .expect("shown");
    assert_eq!(
        (&shown["Configuration"], &shown["Tags"]),
        (&created, &json!({ "t": "v" }))
    );

    let revision = created["RevisionId"].clone();
    let update = json!({ "FunctionName": "f", "Timeout": 5, "RevisionId": revision });
    let updated = world
        .call("UpdateFunctionConfiguration", update.clone())
        .await
        .expect("updated");
    assert_eq!(
        (&updated["Timeout"], &updated["Handler"]),
        (&json!(5), &json!("index.handler"))
    );
    assert_ne!(updated["RevisionId"], revision);
    let stale = world
        .call("UpdateFunctionConfiguration", update)
        .await
        .expect_err("a stale revision");
    assert_eq!(
        (&*stale.code, stale.status),
        ("PreconditionFailedException", 412)
    );

    let other = STANDARD.encode(archive(&[("index.js", "exports.handler = async () => 2")]));
    let updated = world
        .call(
            "UpdateFunctionCode",
            json!({ "FunctionName": "f", "ZipFile": other }),
        )
        .await
        .expect("updated");
    assert_ne!(updated["CodeSha256"], created["CodeSha256"]);

    world
        .call("DeleteFunction", json!({ "FunctionName": "f" }))
        .await
        .expect("removed");
    let gone = world
        .call("GetFunction", json!({ "FunctionName": "f" }))
        .await
        .expect_err("gone");
    assert_eq!(
        (&*gone.code, gone.status, gone.message.as_str()),
        (
            "ResourceNotFoundException",
            404,
            &*format!("Function not found: {ARN}f")
        )
    );
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_listed_page_by_page() {
    let world = World::new().await;
    for name in ["b", "a", "a-1", "c", "B"] {
        world
            .create(name, "python3.12", "a.b", &[("a.py", "")], json!({}))
            .await;
    }
    let (mut names, mut marker) = (Vec::new(), Value::Null);
    loop {
        let page = world
            .call("ListFunctions", json!({ "MaxItems": 2, "Marker": marker }))
            .await
            .expect("a page");
        let functions = page["Functions"].as_array().expect("functions").clone();
        assert!(functions.len() <= 2);
        names.extend(functions.iter().map(|function| {
            function["FunctionName"]
                .as_str()
                .expect("a name")
                .to_owned()
        }));
        marker = page["NextMarker"].clone();
        if marker.is_null() {
            break;
        }
    }
    assert_eq!(names, ["B", "a", "a-1", "b", "c"]);
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_in_aws_words() {
    let world = World::new().await;
    world
        .create("taken", "python3.12", "a.b", &[("a.py", "")], json!({}))
        .await;
    let base = json!({ "FunctionName": "new", "Runtime": "nodejs20.x", "Handler": "index.handler", "Role": ROLE, "Code": { "ZipFile": zip() } });
    let cases = [
        (
            json!({ "FunctionName": "taken" }),
            "ResourceConflictException",
            409,
            "Function already exist: taken",
        ),
        (
            json!({ "FunctionName": "a b" }),
            "ValidationException",
            400,
            "at 'functionName' failed to satisfy constraint",
        ),
        (
            json!({ "Role": "me" }),
            "ValidationException",
            400,
            "at 'role' failed to satisfy constraint",
        ),
        (
            json!({ "Role": null }),
            "ValidationException",
            400,
            "Value null at 'role' failed to satisfy constraint: Member must not be null",
        ),
        (
            json!({ "Timeout": 0 }),
            "ValidationException",
            400,
            "Member must have value greater than or equal to 1",
        ),
        (
            json!({ "Runtime": "cobol" }),
            "InvalidParameterValueException",
            400,
            "Value cobol at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [",
        ),
        (
            json!({ "Runtime": "java21" }),
            "InvalidParameterValueException",
            400,
            "the runtime java21",
        ),
        (
            json!({ "Runtime": null }),
            "InvalidParameterValueException",
            400,
            "Runtime and Handler are mandatory parameters",
        ),
        (
            json!({ "Code": {} }),
            "InvalidParameterValueException",
            400,
            "Please provide a source for function code.",
        ),
        (
            json!({ "Code": { "ImageUri": "i" } }),
            "InvalidParameterValueException",
            400,
            "ImageUri",
        ),
        (
            json!({ "Code": { "S3Bucket": "elsewhere", "S3Key": "k" } }),
            "InvalidParameterValueException",
            400,
            "NoSuchKey",
        ),
        (
            json!({ "Code": { "S3Bucket": "stepd-assets", "S3Key": "k" } }),
            "InvalidParameterValueException",
            400,
            "NoSuchKey",
        ),
        (
            json!({ "Code": { "ZipFile": STANDARD.encode("text") } }),
            "InvalidParameterValueException",
            400,
            "Could not unzip uploaded file.",
        ),
        (
            json!({ "Code": { "ZipFile": "***" } }),
            "SerializationException",
            400,
            "",
        ),
        (
            json!({ "Environment": { "Variables": { "AWS_REGION": "x" } } }),
            "InvalidParameterValueException",
            400,
            "Reserved keys used in this request: AWS_REGION",
        ),
        (
            json!({ "Environment": { "Variables": { "BIG": "x".repeat(5000) } } }),
            "InvalidParameterValueException",
            400,
            "exceeded the 4KB limit",
        ),
        (
            json!({ "Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:l:1"] }),
            "InvalidParameterValueException",
            400,
            "Layer version arn:aws:lambda:us-east-1:000000000000:layer:l:1 does not exist.",
        ),
    ];
    for (change, code, status, message) in cases {
        let mut input = base.clone();
        for (member, value) in change.as_object().expect("an object") {
            input[member] = value.clone();
        }
        let failure = world
            .call("CreateFunction", input)
            .await
            .expect_err("refused");
        assert_eq!(
            (&*failure.code, failure.status),
            (code, status),
            "{change}: {failure}"
        );
        assert!(failure.message.contains(message), "{change}: {failure}");
    }
    let missing = world
        .call("PutProvisionedConcurrencyConfig", json!({}))
        .await
        .expect_err("not built");
    assert!(
        missing.message.contains("PutProvisionedConcurrencyConfig"),
        "{missing}"
    );
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_invoke_are_checked() {
    let world = World::new().await;
    world
        .create("f", "python3.12", "a.b", &[("a.py", "")], json!({}))
        .await;
    let long = Bytes::from(format!("\"{}\"", "x".repeat(6_291_556)));
    let medium = Bytes::from(format!("\"{}\"", "x".repeat(1_048_576)));
    let none = Bytes::new();
    let cases = [
        (
            json!({ "FunctionName": "g" }),
            &none,
            "ResourceNotFoundException",
            404,
            format!("Function not found: {ARN}g:$LATEST"),
        ),
        (
            json!({ "FunctionName": "g", "InvocationType": "Event" }),
            &none,
            "ResourceNotFoundException",
            404,
            format!("Function not found: {ARN}g:$LATEST"),
        ),
        (
            json!({ "FunctionName": "f", "Qualifier": "prod" }),
            &none,
            "ResourceNotFoundException",
            404,
            format!("Function not found: {ARN}f:prod"),
        ),
        (
            json!({ "FunctionName": "f:7" }),
            &none,
            "ResourceNotFoundException",
            404,
            format!("Function not found: {ARN}f:7"),
        ),
        (
            json!({ "FunctionName": "f" }),
            &long,
            "RequestTooLargeException",
            413,
            "Request must be smaller than 6291556 bytes for the InvokeFunction operation"
                .to_owned(),
        ),
        (
            json!({ "FunctionName": "f", "InvocationType": "Event" }),
            &medium,
            "RequestTooLargeException",
            413,
            "Request must be smaller than 1048576 bytes for the InvokeFunction operation"
                .to_owned(),
        ),
        (
            json!({ "FunctionName": "f" }),
            &Bytes::from_static(b"{x"),
            "InvalidRequestContentException",
            400,
            "Could not parse request body into json: Could not parse payload into json: "
                .to_owned(),
        ),
        (
            json!({ "FunctionName": "f", "ClientContext": "***" }),
            &none,
            "InvalidRequestContentException",
            400,
            "Client context must be a valid Base64-encoded JSON object.".to_owned(),
        ),
        (
            json!({ "FunctionName": "f", "InvocationType": "Sync" }),
            &none,
            "ValidationException",
            400,
            "at 'invocationType' failed".to_owned(),
        ),
    ];
    for (input, payload, code, status, message) in cases {
        let failure = world
            .call_with("Invoke", input.clone(), payload.clone())
            .await
            .expect_err("refused");
        assert_eq!(
            (&*failure.code, failure.status),
            (code, status),
            "{input}: {failure}"
        );
        assert!(failure.message.contains(&message), "{input}: {failure}");
    }
    let dry = world
        .call_with(
            "Invoke",
            json!({ "FunctionName": "f", "InvocationType": "DryRun" }),
            none,
        )
        .await
        .expect("dry");
    assert_eq!(
        (dry.output, &*dry.payload),
        (json!({ "StatusCode": 204 }), &b""[..])
    );
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_and_configuration_survive_a_restart() {
    if !is_there("node") {
        return;
    }
    let mut world = World::new().await;
    world
        .node("kept", "exports.handler = async () => 'kept'")
        .await;
    world
        .node("gone", "exports.handler = async () => 'gone'")
        .await;
    world
        .call("DeleteFunction", json!({ "FunctionName": "gone" }))
        .await
        .expect("removed");
    let before = world
        .call("GetFunction", json!({ "FunctionName": "kept" }))
        .await
        .expect("shown");
    let code = crate::world::data(&world, "functions/code");
    assert_eq!(std::fs::read_dir(&code).expect("the folder").count(), 2);
    world.restart(|_| {}).await;
    assert_eq!(
        std::fs::read_dir(&code).expect("the folder").count(),
        1,
        "code that nobody uses is collected"
    );
    assert_eq!(
        world
            .call("GetFunction", json!({ "FunctionName": "kept" }))
            .await
            .expect("shown"),
        before
    );
    assert_eq!(world.invoke("kept", json!({})).await.json(), "kept");
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_comes_from_assets() {
    if !is_there("node") {
        return;
    }
    let zip = Bytes::from(archive(&[(
        "index.js",
        "exports.handler = async (e, c) => c.clientContext",
    )]));
    let world =
        World::with(|options| options.code_source = Some(std::sync::Arc::new(Assets("abc", zip))))
            .await;
    world
        .create(
            "f",
            "nodejs18.x",
            "index.handler",
            &[],
            json!({ "Code": { "S3Bucket": "stepd-assets", "S3Key": "abc" } }),
        )
        .await;
    let context = json!({ "custom": { "é": "ü" } });
    let input =
        json!({ "FunctionName": "f", "ClientContext": STANDARD.encode(context.to_string()) });
    let answer = world
        .call_with("Invoke", input, Bytes::new())
        .await
        .expect("invoked");
    assert_eq!(answer.json(), context);
    world.lambda.shutdown().await;
}
