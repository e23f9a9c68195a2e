//! Kills a writer at work and looks for every write that it had acknowledged.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use dynamodb::DynamoDb;
use serde_json::{Value, json};
use service::{Call, Principal, RequestId, Service, Site};

/// Names the directory in which this test, run again as a child, writes until it is killed.
const WRITE_IN: &str = "DYNAMODB_TEST_WRITE_IN";
const ACKNOWLEDGED: &str = "acknowledged ";
/// The child ends by itself after so many, should nobody kill it.
const WRITES_MAX: usize = 5_000;
const WRITES_BEFORE_KILL: usize = 60;

fn open(directory: &Path) -> DynamoDb {
    let site = Site {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
    };
    DynamoDb::open(directory, &site).expect("opens")
}

async fn call(tables: &DynamoDb, operation: &'static str, input: Value) -> Value {
    let call = Call {
        service: "dynamodb",
        operation: operation.into(),
        input: input.to_string().into(),
        payload: Default::default(),
        principal: Principal::Root {
            account: Arc::from("000000000000"),
        },
        request_id: RequestId::random(),
    };
    let reply = tables.call(call).await.expect("answers");
    serde_json::from_slice(&reply.output).expect("JSON")
}

async fn write_until_killed(directory: &Path) {
    let tables = open(directory);
    let create = json!({
        "TableName": "journal", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    });
    call(&tables, "CreateTable", create).await;
    for id in 0..WRITES_MAX {
        let item = json!({"id": {"S": id.to_string()}, "text": {"S": "x".repeat(id % 300)}});
        call(
            &tables,
            "PutItem",
            json!({"TableName": "journal", "Item": item}),
        )
        .await;
        println!("{ACKNOWLEDGED}{id}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill() {
    if let Some(directory) = std::env::var_os(WRITE_IN) {
        return write_until_killed(Path::new(&directory)).await;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let mut writer = Command::new(std::env::current_exe().expect("this test"))
        .args([
            "--exact",
            "what_was_acknowledged_survives_kill",
            "--nocapture",
        ])
        .env(WRITE_IN, directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(writer.stdout.take().expect("piped"))
        .lines()
        .map_while(Result::ok);
    let mut acknowledged: Vec<String> = acknowledgements(&mut lines)
        .take(WRITES_BEFORE_KILL)
        .collect();
    writer.kill().expect("kills");
    writer.wait().expect("ends");
    // What it said between the last line read and its death counts as well.
    acknowledged.extend(acknowledgements(&mut lines));
    assert!(
        acknowledged.len() >= WRITES_BEFORE_KILL,
        "the writer wrote {} items",
        acknowledged.len()
    );

    let tables = open(directory.path());
    for id in acknowledged {
        let key = json!({"TableName": "journal", "Key": {"id": {"S": id}}});
        let found = call(&tables, "GetItem", key).await;
        assert_eq!(found["Item"]["id"]["S"], Value::from(id.as_str()), "lost");
    }
}

fn acknowledgements(lines: &mut impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    // The first line of the test harness may share a line with ours; a torn last line has no number.
    lines
        .filter_map(|line| line.split_once(ACKNOWLEDGED).map(|(_, id)| id.to_owned()))
        .filter(|id| !id.is_empty())
}
