//! The sentences with which calls are refused, as AWS documents them under "Access denied error message
//! examples": which policy it is that denies, or does not allow.

use std::sync::Arc;

use iam::Iam;
use iam_policy::{Context, Resource};
use serde_json::{Value, json};
use service::{
    Access, Authority, Call, Limited, Principal, RequestId, Service as _, Site, SystemClock,
};
use store::MemoryStore;

const A: &str = "000000000000";
const ALL: &str = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;
const DENY: &str = r#"{"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"}"#;
const OTHER: &str = r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#;

fn document(statements: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#)
}

fn queue() -> String {
    format!("arn:aws:sqs:us-east-1:{A}:q")
}

async fn account() -> Arc<Iam> {
    let site = Site {
        region: "us-east-1".into(),
        account_id: A.into(),
    };
    let secret_of = Arc::new(|id: &str| format!("secret of {id}"));
    let store = Arc::new(MemoryStore::default());
    let opened = Iam::open(store, &site, Arc::new(SystemClock), secret_of).await;
    opened.expect("a memory store is readable")
}

async fn call(iam: &Arc<Iam>, operation: &'static str, input: Value) {
    let call = Call {
        service: "iam",
        operation: operation.into(),
        input: input.to_string().into(),
        payload: bytes::Bytes::new(),
        principal: Principal::Root { account: A.into() },
        request_id: RequestId::random(),
    };
    let answered = iam.call(call).await;
    answered.unwrap_or_else(|failure| panic!("{operation} {input}: {failure}"));
}

/// Says what a principal is told who wants to send to the queue.
fn told(iam: &Iam, principal: &Principal, resource_policy: Option<&str>) -> Result<(), String> {
    let queue = queue();
    let access = Access {
        action: "sqs:SendMessage",
        resource: Resource::Named(&queue),
        facts: &Context::default(),
        resource_policy,
    };
    iam.authorize(principal, &access)
}

/// The statements of the policies that bear on a call; `None` where there is no such policy.
struct Case {
    identity: &'static str,
    boundary: Option<&'static str>,
    session: Option<&'static str>,
    resource: Option<&'static str>,
    /// The end of the sentence; empty where the call is allowed.
    expected: &'static str,
}

const NONE: Case = Case {
    identity: "",
    boundary: None,
    session: None,
    resource: None,
    expected: "",
};

async fn check(case: &Case) {
    let iam = account().await;
    call(&iam, "CreateUser", json!({"UserName": "John"})).await;
    if !case.identity.is_empty() {
        let put = json!({
            "UserName": "John", "PolicyName": "p", "PolicyDocument": document(case.identity),
        });
        call(&iam, "PutUserPolicy", put).await;
    }
    if let Some(boundary) = case.boundary {
        let made = json!({"PolicyName": "b", "PolicyDocument": document(boundary)});
        call(&iam, "CreatePolicy", made).await;
        let arn = format!("arn:aws:iam::{A}:policy/b");
        let bound = json!({"UserName": "John", "PermissionsBoundary": arn});
        call(&iam, "PutUserPermissionsBoundary", bound).await;
    }
    let mut principal = Principal::User {
        user_arn: format!("arn:aws:iam::{A}:user/John").into(),
    };
    if let Some(session) = case.session {
        principal = Principal::Limited(Arc::new(Limited {
            of: principal,
            federated_as: None,
            policies: vec![document(session)],
            policy_arns: Vec::new(),
            began_at_millis: 0,
        }));
    }
    let resource = case.resource.map(document);
    let begin = format!(
        "User: arn:aws:iam::{A}:user/John is not authorized to perform: sqs:sendmessage on resource: {} ",
        queue()
    );
    let expected = (!case.expected.is_empty()).then(|| format!("{begin}{}", case.expected));
    assert_eq!(told(&iam, &principal, resource.as_deref()).err(), expected);
}

#[tokio::test]
async fn each_kind_of_policy_has_its_sentence() {
    let deny = r#"{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}"#;
    let cases = [
        Case {
            identity: ALL,
            ..NONE
        },
        Case {
            expected: "because no identity-based policy allows the sqs:sendmessage action",
            ..NONE
        },
        Case {
            identity: OTHER,
            expected: "because no identity-based policy allows the sqs:sendmessage action",
            ..NONE
        },
        Case {
            identity: DENY,
            expected: "with an explicit deny in an identity-based policy",
            ..NONE
        },
        Case {
            identity: ALL,
            boundary: Some(OTHER),
            expected: "because no permissions boundary allows the sqs:sendmessage action",
            ..NONE
        },
        Case {
            identity: ALL,
            boundary: Some(DENY),
            expected: "with an explicit deny in a permissions boundary",
            ..NONE
        },
        Case {
            identity: ALL,
            session: Some(OTHER),
            expected: "because no session policy allows the sqs:sendmessage action",
            ..NONE
        },
        Case {
            identity: ALL,
            session: Some(DENY),
            expected: "with an explicit deny in a session policy",
            ..NONE
        },
        Case {
            identity: ALL,
            resource: Some(deny),
            expected: "with an explicit deny in a resource-based policy",
            ..NONE
        },
    ];
    for case in &cases {
        check(case).await;
    }
}

#[tokio::test]
async fn those_whom_no_identity_policy_knows_are_let_in_by_the_resource() {
    let iam = account().await;
    let source = format!("arn:aws:events:us-east-1:{A}:rule/r");
    let rule = |source: &str| {
        document(&format!(
            r#"{{"Effect": "Allow", "Principal": {{"Service": "events.amazonaws.com"}}, "Action": "sqs:SendMessage", "Resource": "*", "Condition": {{"ArnEquals": {{"aws:SourceArn": "{source}"}}}}}}"#
        ))
    };
    let everybody = document(&ALL.replace("\"Action\"", "\"Principal\": \"*\", \"Action\""));
    for (name, policy, expected) in [
        ("events.amazonaws.com", Some(rule(&source)), ""),
        (
            "events.amazonaws.com",
            Some(rule(&format!("{source}s"))),
            "no",
        ),
        ("sns.amazonaws.com", Some(rule(&source)), "no"),
        ("events.amazonaws.com", None, "no"),
        ("anonymous", Some(rule(&source)), "no"),
        ("anonymous", None, "no"),
        ("anonymous", Some(everybody), ""),
    ] {
        let principal = match name {
            "anonymous" => Principal::Anonymous,
            name => Principal::Service {
                name: name.into(),
                source_arn: Some(source.as_str().into()),
            },
        };
        let got = told(&iam, &principal, policy.as_deref()).err();
        assert_eq!(
            got.is_some(),
            expected == "no",
            "{name} {policy:?}: {got:?}"
        );
    }
}
