//! Calls as a client makes them, on tables in memory.

use std::sync::Arc;

use dynamodb::DynamoDb;
use serde_json::{Value, json};
use service::{Call, Failure, Principal, RequestId, Service, Site};

fn site() -> Site {
    Site {
        region: "eu-west-1".into(),
        account_id: "000000000042".into(),
    }
}

async fn call(tables: &DynamoDb, operation: &'static str, input: Value) -> Result<Value, Failure> {
    let call = Call {
        service: "dynamodb",
        operation: operation.into(),
        input: input.to_string().into(),
        payload: Default::default(),
        principal: Principal::Root {
            account: Arc::from("000000000042"),
        },
        request_id: RequestId::random(),
    };
    let reply = tables.call(call).await?;
    Ok(serde_json::from_slice(&reply.output).expect("the output is JSON"))
}

fn applications() -> Value {
    json!({
        "TableName": "applications",
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "state", "AttributeType": "S"},
        ],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [{
            "IndexName": "state",
            "KeySchema": [{"AttributeName": "state", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }],
    })
}

async fn tables() -> DynamoDb {
    let tables = DynamoDb::in_memory(&site()).expect("opens");
    call(&tables, "CreateTable", applications())
        .await
        .expect("creates");
    tables
}

fn item(id: &str, state: &str) -> Value {
    json!({"id": {"S": id}, "state": {"S": state}, "taskToken": {"S": "AAAA=="}})
}

#[tokio::test]
async fn an_application_is_found_by_its_state() {
    let tables = tables().await;
    for (id, state) in [
        ("1", "FLAGGED_FOR_REVIEW"),
        ("2", "SUBMITTED"),
        ("3", "FLAGGED_FOR_REVIEW"),
    ] {
        let put = json!({"TableName": "applications", "Item": item(id, state)});
        assert_eq!(call(&tables, "PutItem", put).await, Ok(json!({})));
    }
    let query = json!({
        "TableName": "applications",
        "IndexName": "state",
        "KeyConditionExpression": "#state = :state",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {":state": {"S": "FLAGGED_FOR_REVIEW"}},
    });
    let found = call(&tables, "Query", query).await.expect("finds");
    assert_eq!(
        (&found["Count"], &found["ScannedCount"]),
        (&json!(2), &json!(2))
    );
    let get = json!({"TableName": "applications", "Key": {"id": {"S": "1"}}});
    let got = call(&tables, "GetItem", get).await.expect("gets");
    assert_eq!(got["Item"], item("1", "FLAGGED_FOR_REVIEW"));
    let absent = json!({"TableName": "applications", "Key": {"id": {"S": "9"}}});
    assert_eq!(call(&tables, "GetItem", absent).await, Ok(json!({})));
}

#[tokio::test]
async fn arns_are_of_the_site() {
    let tables = tables().await;
    let described = call(
        &tables,
        "DescribeTable",
        json!({"TableName": "applications"}),
    )
    .await
    .expect("describes");
    let arn = "arn:aws:dynamodb:eu-west-1:000000000042:table/applications";
    assert_eq!(described["Table"]["TableArn"], arn);
    assert_eq!(described["Table"]["TableStatus"], "ACTIVE");
    assert_eq!(
        described["Table"]["GlobalSecondaryIndexes"][0]["IndexArn"],
        format!("{arn}/index/state")
    );
    let tag = json!({"ResourceArn": arn, "Tags": [{"Key": "stage", "Value": "test"}]});
    call(&tables, "TagResource", tag).await.expect("tags");
    let tags = call(&tables, "ListTagsOfResource", json!({"ResourceArn": arn}))
        .await
        .expect("lists");
    assert_eq!(tags["Tags"], json!([{"Key": "stage", "Value": "test"}]));
    let by_arn = json!({"TableName": arn, "Key": {"id": {"S": "1"}}});
    assert_eq!(call(&tables, "GetItem", by_arn).await, Ok(json!({})));
}

#[tokio::test]
async fn failures_are_dynamodbs() {
    let tables = tables().await;
    let put = json!({"TableName": "applications", "Item": item("1", "SUBMITTED")});
    call(&tables, "PutItem", put).await.expect("puts");
    let only_new = json!({
        "TableName": "applications", "Item": item("1", "APPROVED"),
        "ConditionExpression": "attribute_not_exists(id)",
    });
    let with_item = {
        let mut input = only_new.clone();
        input["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
        input
    };
    let transaction = json!({"TransactItems": [
        {"Put": {"TableName": "applications", "Item": item("2", "SUBMITTED")}},
        {"ConditionCheck": {
            "TableName": "applications", "Key": {"id": {"S": "9"}},
            "ConditionExpression": "attribute_exists(id)",
        }},
    ]});
    let conditional = "The conditional request failed";
    let cases: Vec<(&'static str, Value, &str, &str, Value)> = vec![
        (
            "PutItem",
            only_new,
            "ConditionalCheckFailedException",
            conditional,
            json!({}),
        ),
        (
            "PutItem",
            with_item,
            "ConditionalCheckFailedException",
            conditional,
            json!({"Item": item("1", "SUBMITTED")}),
        ),
        (
            "TransactWriteItems",
            transaction,
            "TransactionCanceledException",
            "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]",
            json!({"CancellationReasons": [
                {"Code": "None"},
                {"Code": "ConditionalCheckFailed", "Message": conditional},
            ]}),
        ),
        (
            "GetItem",
            json!({"TableName": "nothing", "Key": {"id": {"S": "1"}}}),
            "ResourceNotFoundException",
            "Requested resource not found",
            json!({}),
        ),
        (
            "GetItem",
            json!({"TableName": 7}),
            "SerializationException",
            "NUMBER_VALUE cannot be converted to String",
            json!({}),
        ),
        (
            "CreateTable",
            applications(),
            "ResourceInUseException",
            "Table already exists: applications",
            json!({}),
        ),
        (
            "CreateBackup",
            json!({}),
            "UnknownOperationException",
            "DynamoDB has no operation CreateBackup here",
            json!({}),
        ),
    ];
    for (operation, input, code, message, fields) in cases {
        let failure = call(&tables, operation, input.clone())
            .await
            .expect_err(operation);
        assert_eq!(
            (&*failure.code, &*failure.message, failure.status),
            (code, message, 400),
            "{input}"
        );
        assert_eq!(Value::Object(failure.fields), fields, "{input}");
    }
    // The cancelled transaction wrote nothing.
    let get = json!({"TableName": "applications", "Key": {"id": {"S": "2"}}});
    assert_eq!(call(&tables, "GetItem", get).await, Ok(json!({})));
}
