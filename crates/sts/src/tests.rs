//! Calls and what comes of them, with an issuer that tells for whom it issues.

use std::sync::Arc;

use serde_json::{Value, json};
use service::{
    Access, Authority, Call, CredentialIssuer, KeyHolder, Principal, RequestId, Service, Site,
    SystemClock, TemporaryCredentials,
};
use vocab::Timestamp;

use crate::Sts;

struct Issuer;

impl CredentialIssuer for Issuer {
    fn issue_to(&self, principal: &Principal, seconds: u64) -> TemporaryCredentials {
        TemporaryCredentials {
            access_key_id: format!("{principal:?}"),
            secret_access_key: "secret".to_owned(),
            session_token: "token".to_owned(),
            expires_at: Timestamp::from_millis(0).plus_seconds(seconds),
        }
    }
}

const ROLE: &str = "arn:aws:iam::000000000000:role/path/worker";

/// Knows one role.
struct OneRole;

impl Authority for OneRole {
    fn key_holder(&self, _: &str) -> Option<KeyHolder> {
        None
    }

    fn authorize(&self, _: &Principal, _: &Access<'_>) -> Result<(), String> {
        Ok(())
    }

    fn may_assume(&self, _: &str, _: &str, _: &str) -> bool {
        false
    }

    fn role_session_seconds(&self, role_arn: &str) -> Option<u64> {
        (role_arn == ROLE).then_some(7_200)
    }

    fn full_arn(&self, _: &str) -> Option<String> {
        None
    }

    fn unique_id(&self, arn: &str) -> Option<Arc<str>> {
        (arn == ROLE).then(|| "AROAWORKER".into())
    }

    fn tags(&self, _: &str) -> Vec<(String, String)> {
        Vec::new()
    }
}

#[tokio::test]
async fn calls_are_answered() {
    let site = Site {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
    };
    let sts = Sts::new(
        site,
        Arc::new(Issuer),
        Arc::new(OneRole),
        Arc::new(SystemClock),
    );
    let root = Principal::Root {
        account: "000000000000".into(),
    };
    let role = Principal::Role {
        role_arn: ROLE.into(),
        session_name: "s".into(),
    };
    let assume = |more: Value| {
        let mut input = json!({"RoleArn": ROLE, "RoleSessionName": "me"});
        for (name, value) in more.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        input
    };
    let nothing =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let cases = [
        (
            &root,
            "GetCallerIdentity",
            json!({}),
            "arn:aws:iam::000000000000:root",
        ),
        (
            &role,
            "GetCallerIdentity",
            json!({}),
            "arn:aws:sts::000000000000:assumed-role/worker/s",
        ),
        (&role, "GetCallerIdentity", json!({}), "AROAWORKER:s"),
        (
            &root,
            "AssumeRole",
            assume(json!({})),
            "1970-01-01T01:00:00",
        ),
        (
            &root,
            "AssumeRole",
            assume(json!({"DurationSeconds": "900"})),
            "1970-01-01T00:15:00",
        ),
        (
            &root,
            "AssumeRole",
            assume(json!({"DurationSeconds": "7200"})),
            "1970-01-01T02:00:00",
        ),
        (
            &root,
            "AssumeRole",
            assume(json!({"DurationSeconds": "1"})),
            "greater than or equal to 900",
        ),
        (
            &root,
            "AssumeRole",
            assume(json!({"DurationSeconds": "7201"})),
            "exceeds the MaxSessionDuration",
        ),
        (
            &role,
            "AssumeRole",
            assume(json!({"DurationSeconds": "7200"})),
            "role chaining",
        ),
        (
            &root,
            "AssumeRole",
            assume(json!({"Policy": "{}"})),
            "MalformedPolicyDocument",
        ),
        (
            &root,
            "AssumeRole",
            assume(json!({"Policy": nothing})),
            "Limited",
        ),
        (
            &root,
            "AssumeRole",
            assume(json!({"PolicyArns": [{"arn": "arn:p"}]})),
            "arn:p",
        ),
        (
            &root,
            "AssumeRole",
            assume(json!({"RoleArn": "x"})),
            "x is invalid",
        ),
        (
            &root,
            "AssumeRole",
            assume(json!({"RoleArn": format!("{ROLE}2")})),
            "is not authorized to perform: sts:AssumeRole on resource",
        ),
        (
            &root,
            "AssumeRole",
            assume(json!({"RoleSessionName": "a b"})),
            "'roleSessionName' failed",
        ),
        (&root, "GetSessionToken", json!({}), "Limited"),
        (
            &role,
            "GetSessionToken",
            json!({}),
            "Cannot call GetSessionToken with session credentials",
        ),
        (
            &root,
            "GetFederationToken",
            json!({"Name": "bob"}),
            "arn:aws:sts::000000000000:federated-user/bob",
        ),
        (
            &root,
            "AssumeRoot",
            json!({}),
            "sts:AssumeRoot is not served here yet",
        ),
    ];
    for (principal, operation, input, part) in cases {
        let call = Call {
            service: "sts",
            operation: operation.into(),
            input: input.to_string().into(),
            payload: Default::default(),
            principal: principal.clone(),
            request_id: RequestId::random(),
        };
        let answer = match sts.call(call).await {
            Ok(reply) => String::from_utf8_lossy(&reply.output).into_owned(),
            Err(failure) => failure.to_string(),
        };
        assert!(answer.contains(part), "{operation} {input}: {answer}");
    }
}
