//! Versions, aliases and resource policies: what a function was, under names that stay.

use serde_json::{Value, json};

use crate::world::{ARN, World, is_there};

const CODE: &str = "exports.handler = async (event, context) => [process.env.WHO, context.functionVersion, context.invokedFunctionArn]";

async fn world() -> World {
    let world = World::new().await;
    let more = json!({"Environment": {"Variables": {"WHO": "one"}}});
    let files = [("index.js", CODE)];
    world
        .create("f", "nodejs20.x", "index.handler", &files, more)
        .await;
    world
}

async fn call(world: &World, operation: &'static str, input: Value) -> Value {
    let answer = world.call(operation, input).await;
    answer.unwrap_or_else(|failure| panic!("{operation}: {failure}"))
}

async fn set(world: &World, who: &str) {
    let variables = json!({"FunctionName": "f", "Environment": {"Variables": {"WHO": who}}});
    call(world, "UpdateFunctionConfiguration", variables).await;
}

async fn publish(world: &World) -> String {
    let published = call(world, "PublishVersion", json!({"FunctionName": "f"})).await;
    published["Version"].as_str().expect("a number").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_stays_what_it_was() {
    let mut world = world().await;
    let input = json!({"FunctionName": "f", "Description": "the first"});
    let first = call(&world, "PublishVersion", input).await;
    assert_eq!(
        (
            &first["Version"],
            &first["FunctionArn"],
            &first["Description"]
        ),
        (
            &json!("1"),
            &json!(format!("{ARN}f:1")),
            &json!("the first")
        )
    );
    assert_eq!(publish(&world).await, "1", "nothing has changed");
    set(&world, "two").await;
    assert_eq!(publish(&world).await, "2");
    set(&world, "three").await;
    let listed = call(
        &world,
        "ListVersionsByFunction",
        json!({"FunctionName": "f"}),
    )
    .await;
    let shown: Vec<(&str, &str)> = listed["Versions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|version| {
            (
                version["Version"].as_str().unwrap_or_default(),
                version["FunctionArn"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    let arns = ["$LATEST", "1", "2"].map(|version| (version, format!("{ARN}f:{version}")));
    assert_eq!(
        shown,
        arns.iter()
            .map(|(version, arn)| (*version, arn.as_str()))
            .collect::<Vec<_>>()
    );
    let page = json!({"FunctionName": "f", "MaxItems": 2});
    let page = call(&world, "ListVersionsByFunction", page).await;
    let rest = json!({"FunctionName": "f", "Marker": page["NextMarker"]});
    let rest = call(&world, "ListVersionsByFunction", rest).await;
    assert_eq!(rest["Versions"].as_array().expect("a list").len(), 1);
    let all = call(&world, "ListFunctions", json!({"FunctionVersion": "ALL"})).await;
    assert_eq!(all["Functions"].as_array().expect("a list").len(), 3);
    if is_there("node") {
        for restarted in [false, true] {
            for (name, who, version) in [
                ("f:1", "one", "1"),
                ("f:2", "two", "2"),
                ("f", "three", "$LATEST"),
            ] {
                let answer = world.invoke(name, json!({})).await;
                assert_eq!(
                    answer.json(),
                    json!([who, version, format!("{ARN}{name}")]),
                    "{name}, restarted: {restarted}"
                );
                assert_eq!(answer.output["ExecutedVersion"], version);
                assert!(answer.log().contains(&format!("Version: {version}\n")));
            }
            world.restart(|_| {}).await;
        }
    }
    // A number is not given twice, even if the function is another.
    call(&world, "DeleteFunction", json!({"FunctionName": "f"})).await;
    world.node("f", CODE).await;
    assert_eq!(publish(&world).await, "3");
    let gone = world.call(
        "GetFunction",
        json!({"FunctionName": "f", "Qualifier": "1"}),
    );
    let gone = gone.await.expect_err("gone");
    assert_eq!(gone.message, format!("Function not found: {ARN}f:1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_points_and_shares() {
    let world = world().await;
    publish(&world).await;
    set(&world, "two").await;
    publish(&world).await;
    let live = json!({"FunctionName": "f", "Name": "live", "FunctionVersion": "1"});
    let made = call(&world, "CreateAlias", live.clone()).await;
    assert_eq!(
        (
            &made["AliasArn"],
            &made["FunctionVersion"],
            &made["Description"]
        ),
        (&json!(format!("{ARN}f:live")), &json!("1"), &json!(""))
    );
    let shown = call(
        &world,
        "GetFunctionConfiguration",
        json!({"FunctionName": "f:live"}),
    )
    .await;
    assert_eq!(
        (&shown["Version"], &shown["FunctionArn"]),
        (&json!("1"), &json!(format!("{ARN}f:live")))
    );
    let half = json!({"AdditionalVersionWeights": {"2": 0.5}});
    let input = json!({"FunctionName": "f", "Name": "live", "RoutingConfig": half});
    let shared = call(&world, "UpdateAlias", input).await;
    assert_eq!(shared["RoutingConfig"], half);
    if is_there("node") {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..64 {
            let answer = world.invoke("f:live", json!({})).await;
            seen.insert(answer.output["ExecutedVersion"].to_string());
            if seen.len() == 2 {
                break;
            }
        }
        assert_eq!(seen.len(), 2, "both versions are run: {seen:?}");
    }
    let of_two = json!({"FunctionName": "f", "FunctionVersion": "2"});
    assert_eq!(
        call(&world, "ListAliases", of_two).await["Aliases"],
        json!([])
    );

    let with = |name: &str, version: &str, weights: Value| {
        json!({"FunctionName": "f", "Name": name, "FunctionVersion": version,
            "RoutingConfig": {"AdditionalVersionWeights": weights}})
    };
    let refusals: [(&'static str, Value, &str, String); 10] = [
        ("CreateAlias", live, "ResourceConflictException", format!("Alias already exists: {ARN}f:live")),
        ("CreateAlias", with("b", "7", json!({})), "ResourceNotFoundException", format!("Function not found: {ARN}f:7")),
        ("CreateAlias", with("b", "1", json!({"7": 0.1})), "ResourceNotFoundException", format!("Function not found: {ARN}f:7")),
        ("CreateAlias", with("b", "1", json!({"1": 0.1})), "InvalidParameterValueException", "Invalid function version 1. Function version 1 is already included in routing configuration.".to_owned()),
        ("CreateAlias", with("b", "$LATEST", json!({"1": 0.1})), "InvalidParameterValueException", "$LATEST is not supported for an alias pointing to more than 1 version".to_owned()),
        ("GetAlias", json!({"FunctionName": "f", "Name": "none"}), "ResourceNotFoundException", format!("Cannot find alias arn: {ARN}f:none")),
        ("UpdateAlias", json!({"FunctionName": "f", "Name": "live", "RevisionId": "x"}), "PreconditionFailedException", "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to retrieve the latest RevisionId".to_owned()),
        ("DeleteFunction", json!({"FunctionName": "f:2"}), "ResourceConflictException", "Unable to delete version because the following aliases reference it: [live]".to_owned()),
        ("DeleteFunction", json!({"FunctionName": "f:live"}), "InvalidParameterValueException", "Deletion of aliases is not currently supported.".to_owned()),
        ("Invoke", json!({"FunctionName": "f:none"}), "ResourceNotFoundException", format!("Function not found: {ARN}f:none")),
    ];
    for (operation, input, code, message) in refusals {
        let failure = world
            .call(operation, input.clone())
            .await
            .expect_err(operation);
        assert_eq!(
            (&*failure.code, &failure.message),
            (code, &message),
            "{operation} {input}"
        );
    }
    for _ in 0..2 {
        call(
            &world,
            "DeleteAlias",
            json!({"FunctionName": "f", "Name": "live"}),
        )
        .await;
    }
    call(&world, "DeleteFunction", json!({"FunctionName": "f:2"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_are_statements() {
    let world = world().await;
    let add = |sid: &str, more: Value| {
        let mut input =
            json!({"FunctionName": "f", "StatementId": sid, "Action": "lambda:InvokeFunction"});
        for (name, value) in more.as_object().expect("an object") {
            input[name] = value.clone();
        }
        input
    };
    let cases = [
        (
            "topic",
            json!({"Principal": "sns.amazonaws.com", "SourceArn": "arn:aws:sns:us-east-1:000000000000:t"}),
            json!({"Principal": {"Service": "sns.amazonaws.com"}, "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:sns:us-east-1:000000000000:t"}}}),
        ),
        (
            "account",
            json!({"Principal": "111111111111"}),
            json!({"Principal": {"AWS": "arn:aws:iam::111111111111:root"}}),
        ),
        (
            "url",
            json!({"Principal": "*", "FunctionUrlAuthType": "NONE"}),
            json!({"Principal": "*", "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}}),
        ),
    ];
    for (sid, more, expected) in cases {
        let added = call(&world, "AddPermission", add(sid, more)).await;
        let statement = added["Statement"].as_str().expect("a text");
        let statement: Value = serde_json::from_str(statement).expect("JSON");
        assert_eq!(
            (
                &statement["Sid"],
                &statement["Effect"],
                &statement["Resource"]
            ),
            (&json!(sid), &json!("Allow"), &json!(format!("{ARN}f")))
        );
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(&statement[name], value, "{sid} {name}");
        }
    }
    let shown = call(&world, "GetPolicy", json!({"FunctionName": "f"})).await;
    let policy: Value =
        serde_json::from_str(shown["Policy"].as_str().expect("a text")).expect("JSON");
    assert_eq!(policy["Statement"].as_array().expect("a list").len(), 3);
    let refusals = [
        (
            "AddPermission",
            add("topic", json!({"Principal": "*"})),
            "ResourceConflictException",
            "The statement id (topic) provided already exists. Please provide a new statement id, or remove the existing statement.",
        ),
        (
            "AddPermission",
            add("x", json!({"Principal": "nobody"})),
            "InvalidParameterValueException",
            "The provided principal was invalid. Please check the principal and try again.",
        ),
        (
            "AddPermission",
            add("x", json!({"Principal": "*", "Qualifier": "$LATEST"})),
            "InvalidParameterValueException",
            "We currently do not support adding policies for $LATEST.",
        ),
        (
            "RemovePermission",
            json!({"FunctionName": "f", "StatementId": "x"}),
            "ResourceNotFoundException",
            "Statement x is not found in resource policy.",
        ),
        (
            "RemovePermission",
            json!({"FunctionName": "f", "StatementId": "url", "RevisionId": "r"}),
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id",
        ),
    ];
    for (operation, input, code, message) in refusals {
        let failure = world
            .call(operation, input.clone())
            .await
            .expect_err(operation);
        assert_eq!(
            (&*failure.code, &*failure.message),
            (code, message),
            "{operation} {input}"
        );
    }
    for sid in ["topic", "account", "url"] {
        call(
            &world,
            "RemovePermission",
            json!({"FunctionName": "f", "StatementId": sid}),
        )
        .await;
    }
    let none = world.call("GetPolicy", json!({"FunctionName": "f"})).await;
    assert_eq!(
        none.expect_err("none").message,
        "The resource you requested does not exist."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_and_concurrency_are_no_revision() {
    let world = world().await;
    let before = call(
        &world,
        "GetFunctionConfiguration",
        json!({"FunctionName": "f"}),
    )
    .await;
    let arn = format!("{ARN}f");
    call(
        &world,
        "TagResource",
        json!({"Resource": arn, "Tags": {"a": "1", "b": "2"}}),
    )
    .await;
    call(
        &world,
        "UntagResource",
        json!({"Resource": arn, "TagKeys": ["a"]}),
    )
    .await;
    let tags = call(&world, "ListTags", json!({"Resource": arn})).await;
    assert_eq!(tags["Tags"], json!({"b": "2"}));
    let published = call(&world, "PublishVersion", json!({"FunctionName": "f"})).await;
    let alias =
        json!({"FunctionName": "f", "Name": "live", "FunctionVersion": published["Version"]});
    call(&world, "CreateAlias", alias).await;
    let none = json!({"FunctionName": "f", "ReservedConcurrentExecutions": 0});
    call(&world, "PutFunctionConcurrency", none).await;
    // The whole function: versions and aliases are of it.
    for name in ["f", "f:1", "f:live"] {
        let refused = world.call("Invoke", json!({"FunctionName": name})).await;
        assert_eq!(
            &*refused.expect_err("no room").code,
            "TooManyRequestsException",
            "{name}"
        );
    }
    call(
        &world,
        "DeleteFunctionConcurrency",
        json!({"FunctionName": "f"}),
    )
    .await;
    assert_eq!(
        call(
            &world,
            "GetFunctionConcurrency",
            json!({"FunctionName": "f"})
        )
        .await,
        json!({})
    );
    let after = call(
        &world,
        "GetFunctionConfiguration",
        json!({"FunctionName": "f"}),
    )
    .await;
    assert_eq!(before, after);
}
