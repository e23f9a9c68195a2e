//! Tasks that call the services that are here, and those that somebody else serves.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::client::{Client, Target};
use testkit::{Options, Server};
use tokio::runtime::Runtime;

/// Runs a machine of one task to its end.
async fn run(client: &mut Client, name: &str, task: &Value) -> anyhow::Result<Value> {
    let definition = json!({ "StartAt": "T", "States": { "T": task } });
    let machine = client.create(name, &definition).await?;
    let execution = client.start(&machine, "e").await?;
    loop {
        let input = json!({ "executionArn": execution });
        let shown = client.call("DescribeExecution", &input).await?;
        if shown["status"] != "RUNNING" {
            return Ok(shown);
        }
        tokio::task::yield_now().await;
    }
}

fn task(resource: &str, parameters: &Value) -> Value {
    json!({
        "Type": "Task", "Resource": format!("arn:aws:states:::{resource}"),
        "Parameters": parameters, "End": true,
    })
}

fn output(shown: &Value) -> anyhow::Result<Value> {
    let text = shown["output"].as_str();
    let text = text.with_context(|| format!("ended as {shown}"))?;
    Ok(serde_json::from_str(text)?)
}

#[test]
fn items_are_written_and_read() -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let mut server = Server::start()?;
    let aws = server.aws()?;
    aws.call(&[
        "dynamodb",
        "create-table",
        "--table-name",
        "items",
        "--attribute-definitions",
        "AttributeName=id,AttributeType=S",
        "--key-schema",
        "AttributeName=id,KeyType=HASH",
        "--billing-mode",
        "PAY_PER_REQUEST",
    ])?;
    let item = json!({ "id": { "S": "1" }, "n": { "N": "2" } });
    runtime.block_on(async {
        let mut client = Target::of(&server)?.connect().await?;
        let put = task(
            "dynamodb:putItem",
            &json!({ "TableName": "items", "Item": item }),
        );
        let put = output(&run(&mut client, "put", &put).await?)?;
        ensure!(put["SdkHttpMetadata"]["HttpStatusCode"] == 200, "{put}");
        let key = json!({ "TableName": "items", "Key": { "id": { "S": "1" } } });
        for (name, resource) in [
            ("get", "dynamodb:getItem"),
            ("sdk-get", "aws-sdk:dynamodb:getItem"),
        ] {
            let got = output(&run(&mut client, name, &task(resource, &key)).await?)?;
            ensure!(got["Item"] == item, "{resource}: {got}");
        }
        let none = json!({ "TableName": "none", "Item": item });
        for (name, resource, error, cause) in [
            (
                "none",
                "dynamodb:putItem",
                "DynamoDB.ResourceNotFoundException",
                "Requested resource not found (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ResourceNotFoundException; Request ID: ",
            ),
            (
                "sdk-none",
                "aws-sdk:dynamodb:putItem",
                "DynamoDb.ResourceNotFoundException",
                "Requested resource not found (Service: DynamoDb, Status Code: 400, Request ID: ",
            ),
        ] {
            let shown = run(&mut client, name, &task(resource, &none)).await?;
            ensure!(shown["error"] == error, "{shown}");
            let told = shown["cause"].as_str().context("a cause")?;
            ensure!(told.starts_with(cause), "{told}");
        }
        let table = task("aws-sdk:dynamodb:describeTable", &json!({ "TableName": "items" }));
        let table = output(&run(&mut client, "table", &table).await?)?;
        let created = table["Table"]["CreationDateTime"].as_str().context("a moment")?;
        ensure!(vocab::Timestamp::parse_rfc3339(created).is_some(), "{created}");
        let buckets = task("aws-sdk:s3:listBuckets", &json!({}));
        let buckets = output(&run(&mut client, "buckets", &buckets).await?)?;
        ensure!(buckets["Buckets"] == json!([]), "{buckets}");
        let queue = task("sqs:sendMessage", &json!({ "QueueUrl": "q", "MessageBody": "m" }));
        let queue = run(&mut client, "queue", &queue).await?;
        ensure!(queue["error"] == "SQS.QueueDoesNotExistException", "{queue}");
        let keys = task("aws-sdk:kms:listKeys", &json!({}));
        let keys = run(&mut client, "keys", &keys).await?;
        let told = "stepd does not serve this call: kms:ListKeys is not served here yet.";
        ensure!(keys["cause"] == told, "{keys}");
        anyhow::Ok(())
    })?;
    server.stop()
}

#[test]
fn calls_go_to_whom_the_operator_says() -> anyhow::Result<()> {
    let mut other = Server::start()?;
    let environment = other.env().into_iter();
    let mut server = Server::start_with(Options {
        arguments: vec!["--forward".into(), format!("dynamodb={}", other.endpoint())],
        environment: environment
            .filter(|(name, _)| name.contains("_KEY"))
            .collect(),
        ..Options::default()
    })?;
    let here = server.aws()?;
    let created = here.call(&[
        "dynamodb",
        "create-table",
        "--table-name",
        "far",
        "--attribute-definitions",
        "AttributeName=id,AttributeType=S",
        "--key-schema",
        "AttributeName=id,KeyType=HASH",
        "--billing-mode",
        "PAY_PER_REQUEST",
    ])?;
    ensure!(
        created["TableDescription"]["TableName"] == "far",
        "{created}"
    );
    let tables = other.aws()?.call(&["dynamodb", "list-tables"])?;
    ensure!(tables["TableNames"] == json!(["far"]), "{tables}");
    let missing = ["dynamodb", "describe-table", "--table-name", "none"];
    let refused = here.refused(&missing)?;
    ensure!(refused.code == "ResourceNotFoundException", "{refused:?}");
    server.stop()?;
    other.stop()
}
