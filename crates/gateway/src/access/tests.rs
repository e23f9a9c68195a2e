//! What calls need: with members that their operations do not read, and on resources that they do not say.

use iam_policy::{Context, Facts};
use serde_json::{Value, json};
use service::{Call, Principal, RequestId, Site};
use vocab::Timestamp;

use super::{Need, Origin, RequestFacts, given, members, needs, questions};

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";

fn site() -> Site {
    Site {
        region: REGION.into(),
        account_id: ACCOUNT.into(),
    }
}

fn call(service: &'static str, operation: &str, input: &Value) -> Call {
    Call {
        service,
        operation: operation.to_owned().into(),
        input: input.to_string().into(),
        payload: Default::default(),
        principal: Principal::User {
            user_arn: format!("arn:aws:iam::{ACCOUNT}:user/dev/ana").into(),
        },
        request_id: RequestId::random(),
    }
}

/// Compares the needs of a call, written `ACTION RESOURCE`; what is not known ends in `…`, and `~` stands for the
/// beginning of the ARNs of the service.
fn check(service: &'static str, operation: &str, input: Value, expected: &[&str]) {
    let call = call(service, operation, &input);
    let members = members(&call);
    let asked = questions(&call, &members).iter().map(|_| None).collect();
    let needs = needs(&call, &members, &site(), asked);
    let own = format!("arn:aws:{service}:{REGION}:{ACCOUNT}:");
    let written = |need: &Need| {
        let rest = if need.is_beginning { "…" } else { "" };
        let resource = need.resource.replace(&own, "~");
        format!("{} {resource}{rest}", need.action)
    };
    let written: Vec<String> = needs.iter().map(written).collect();
    assert_eq!(written, expected, "{service}:{operation} {input}");
}

#[test]
fn calls_need_what_they_read() {
    let machine = |name: &str| format!("arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}");
    let execution = format!("arn:aws:states:{REGION}:{ACCOUNT}:execution:m:e");
    let (mine, theirs) = (machine("mine"), machine("theirs"));
    check(
        "states",
        "StopExecution",
        json!({"executionArn": execution, "stateMachineArn": mine}),
        &["states:StopExecution ~execution:m:e"],
    );
    check(
        "states",
        "StartExecution",
        json!({"stateMachineArn": theirs, "resourceArn": mine, "activityArn": mine}),
        &["states:StartExecution ~stateMachine:theirs"],
    );
    check(
        "states",
        "TagResource",
        json!({"resourceArn": theirs, "stateMachineArn": mine}),
        &["states:TagResource ~stateMachine:theirs"],
    );
    check(
        "states",
        "DeleteStateMachine",
        json!({"resourceArn": mine}),
        &["states:DeleteStateMachine …"],
    );
    check(
        "states",
        "SendTaskSuccess",
        json!({"taskToken": "nonsense", "stateMachineArn": mine, "output": "1"}),
        &["states:SendTaskSuccess …"],
    );
    check(
        "states",
        "TestState",
        json!({"revealSecrets": true, "roleArn": "arn:aws:iam::123456789012:role/r"}),
        &[
            "states:TestState *",
            "iam:PassRole arn:aws:iam::123456789012:role/r",
            "states:RevealSecrets *",
        ],
    );
    check(
        "lambda",
        "GetFunction",
        json!({"FunctionName": "theirs", "LayerName": "mine", "UUID": "1"}),
        &["lambda:GetFunction ~function:theirs"],
    );
    check(
        "lambda",
        "UpdateEventSourceMapping",
        json!({"UUID": "1", "FunctionName": "mine"}),
        &["lambda:UpdateEventSourceMapping ~event-source-mapping:1"],
    );
    check(
        "lambda",
        "TagResource",
        json!({"Resource": "arn:x", "FunctionName": "mine"}),
        &["lambda:TagResource arn:x"],
    );
    check(
        "dynamodb",
        "TagResource",
        json!({"ResourceArn": "arn:t", "TableName": "mine"}),
        &["dynamodb:TagResource arn:t"],
    );
    check(
        "dynamodb",
        "GetItem",
        json!({"TableName": "theirs", "ResourceArn": "arn:mine", "IndexName": "i"}),
        &["dynamodb:GetItem ~table/theirs"],
    );
    check(
        "dynamodb",
        "TransactWriteItems",
        json!({"TransactItems": [{"Put": {"TableName": "a"}, "Delete": {"TableName": "b"}}]}),
        &["dynamodb:PutItem ~table/a", "dynamodb:DeleteItem ~table/b"],
    );
    check(
        "sqs",
        "SendMessage",
        json!({"QueueUrl": "http://h/1/theirs", "QueueName": "mine", "SourceArn": "arn:mine"}),
        &["sqs:SendMessage ~theirs"],
    );
    check("sqs", "SendMessage", json!({}), &["sqs:SendMessage …"]);
    check(
        "sns",
        "Subscribe",
        json!({"TopicArn": "arn:theirs", "SubscriptionArn": "arn:mine", "Name": "mine"}),
        &["sns:Subscribe arn:theirs"],
    );
    check(
        "ssm",
        "GetParameters",
        json!({"Names": ["/a/b:3", "c"], "Name": "mine", "Path": "/"}),
        &[
            "ssm:GetParameters ~parameter/a/b",
            "ssm:GetParameters ~parameter/c",
        ],
    );
    check(
        "secretsmanager",
        "CreateSecret",
        json!({"Name": "theirs", "SecretId": "mine"}),
        &["secretsmanager:CreateSecret ~secret:theirs-??????"],
    );
    check(
        "scheduler",
        "DeleteSchedule",
        json!({"Name": "s", "GroupName": "g", "ResourceArn": "arn:mine"}),
        &["scheduler:DeleteSchedule ~schedule/g/s"],
    );
}

#[test]
fn calls_on_several_resources_need_each() {
    check(
        "events",
        "PutEvents",
        json!({"Entries": [{"EventBusName": "b"}, {}, {"EventBusName": "b"}]}),
        &[
            "events:PutEvents ~event-bus/b",
            "events:PutEvents ~event-bus/default",
        ],
    );
    check(
        "events",
        "PutTargets",
        json!({"Rule": "r", "Name": "mine", "Targets": [{"RoleArn": "arn:r1"}, {"RoleArn": "arn:r1"}, {"Arn": "x"}]}),
        &["events:PutTargets ~rule/r", "iam:PassRole arn:r1"],
    );
    check(
        "s3",
        "DeleteObjects",
        json!({"Bucket": "b", "Delete": {"Objects": [{"Key": "k"}, {"Key": "l"}]}, "Key": "mine"}),
        &[
            "s3:DeleteObject arn:aws:s3:::b/k",
            "s3:DeleteObject arn:aws:s3:::b/l",
        ],
    );
    check(
        "s3",
        "DeleteObjects",
        json!({"Bucket": "b"}),
        &["s3:DeleteObject arn:aws:s3:::b/…"],
    );
    check(
        "s3",
        "CopyObject",
        json!({"Bucket": "b", "Key": "k", "CopySource": "/c/what%3Fever?versionId=1"}),
        &[
            "s3:PutObject arn:aws:s3:::b/k",
            "s3:GetObject arn:aws:s3:::c/what?ever",
        ],
    );
    check(
        "logs",
        "GetLogEvents",
        json!({"logGroupName": "mine", "logGroupIdentifier": "theirs", "logStreamName": "s"}),
        &[
            "logs:GetLogEvents ~log-group:theirs:log-stream:s",
            "logs:GetLogEvents ~log-group:mine:log-stream:s",
        ],
    );
}

#[test]
fn identities_and_stacks() {
    let user = |name: &str| format!("iam:{name} arn:aws:iam::123456789012:user/");
    check(
        "iam",
        "DeleteRole",
        json!({"RoleName": "theirs", "UserName": "mine", "Path": "/mine/"}),
        &["iam:DeleteRole arn:aws:iam::123456789012:role/theirs"],
    );
    check(
        "iam",
        "CreateUser",
        json!({"UserName": "u", "Path": "/p/"}),
        &[&format!("{}p/u", user("CreateUser"))],
    );
    check(
        "iam",
        "CreateAccessKey",
        json!({"RoleName": "mine"}),
        &[&format!("{}dev/ana", user("CreateAccessKey"))],
    );
    check(
        "iam",
        "AttachUserPolicy",
        json!({"UserName": "u", "PolicyArn": "arn:p"}),
        &[&format!("{}u", user("AttachUserPolicy"))],
    );
    check(
        "iam",
        "CreatePolicyVersion",
        json!({"PolicyArn": "arn:theirs", "PolicyName": "mine", "UserName": "mine"}),
        &["iam:CreatePolicyVersion arn:theirs"],
    );
    check(
        "iam",
        "AddUserToGroup",
        json!({"UserName": "u", "GroupName": "g"}),
        &["iam:AddUserToGroup arn:aws:iam::123456789012:group/g"],
    );
    check(
        "iam",
        "ListUsers",
        json!({"UserName": "mine"}),
        &["iam:ListUsers *"],
    );
    check(
        "iam",
        "Unheard",
        json!({"UserName": "mine"}),
        &["iam:Unheard …"],
    );
    check(
        "cloudformation",
        "ListExports",
        json!({"StackName": "mine"}),
        &["cloudformation:ListExports *"],
    );
    check(
        "cloudformation",
        "DescribeStackResources",
        json!({"PhysicalResourceId": "r"}),
        &["cloudformation:DescribeStackResources …"],
    );
    check(
        "cloudformation",
        "ExecuteChangeSet",
        json!({"ChangeSetName": "arn:of-another"}),
        &["cloudformation:ExecuteChangeSet …"],
    );
}

#[test]
fn roles_are_given_on_behalf_of_what_takes_them() {
    let role = "arn:aws:iam::123456789012:role/r";
    let cases = [
        (
            "states",
            "CreateStateMachine",
            json!({"name": "m", "roleArn": role}),
            "stateMachine:m",
        ),
        (
            "lambda",
            "CreateFunction",
            json!({"FunctionName": "f", "Role": role}),
            "function:f",
        ),
        (
            "events",
            "PutTargets",
            json!({"Rule": "r", "Targets": [{"RoleArn": role}]}),
            "rule/r",
        ),
        (
            "scheduler",
            "CreateSchedule",
            json!({"Name": "s", "GroupName": "g", "Target": {"RoleArn": role}}),
            "schedule-group/g",
        ),
    ];
    for (service, operation, input, source) in cases {
        let call = call(service, operation, &input);
        let given = given(&call, &members(&call), &site());
        let given: Vec<_> = given
            .iter()
            .map(|given| (&*given.role_arn, &*given.source_arn))
            .collect();
        let source = format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{source}");
        assert_eq!(given, [(role, &*source)], "{service}:{operation}");
    }
}

#[test]
fn keys_that_nobody_knows_are_unknown() {
    let call = call("dynamodb", "GetItem", &json!({"TableName": "t"}));
    let (members, site, origin) = (members(&call), site(), Origin::inside());
    let need = Need::new("dynamodb:GetItem", "arn:t");
    let facts = RequestFacts {
        origin: &origin,
        now: Timestamp::from_millis(0),
        site: &site,
        need: &need,
        members: &members,
        head: None,
        tags: &super::Tags::Unknown,
    };
    for (key, expected) in [
        ("dynamodb:leadingkeys", true),
        ("s3:prefix", false),
        ("aws:resourcetag/team", true),
        ("aws:requesttag/team", false),
        ("aws:multifactorauthpresent", false),
    ] {
        assert_eq!(facts.is_unknown(key), expected, "{key}");
    }
    assert!(!Context::default().is_unknown("dynamodb:leadingkeys"));
}
