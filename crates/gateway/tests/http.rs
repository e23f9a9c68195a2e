//! The gateway over HTTP: who gets in, where requests go, what comes back.

mod common;

use std::sync::atomic::Ordering;

use aws_wire::sigv4::{Signer, presign};
use common::{ROOT, World};
use serde_json::json;
use service::{Clock, CredentialIssuer};

#[tokio::test]
async fn carries_a_call_there_and_back() {
    let world = World::start().await;
    let answered = world.states("StartExecution", r#"{"a":1}"#).await;
    assert_eq!(answered.status(), 200);
    assert_eq!(
        answered.json(),
        json!({"operation": "StartExecution", "input": r#"{"a":1}"#, "principal": "arn:aws:iam::000000000000:root"})
    );
    assert_eq!(
        answered.parts.headers["content-type"],
        "application/x-amz-json-1.0"
    );
    assert_eq!(answered.parts.headers["x-amzn-requestid"].len(), 36);

    let failed = world.states("DescribeActivity", "{}").await;
    assert_eq!(failed.status(), 400);
    assert_eq!(
        failed.text,
        r#"{"__type":"com.amazonaws.swf.service.v2.model#ActivityDoesNotExist","message":"gone","more":1}"#
    );
}

#[tokio::test]
async fn answers_under_the_host_name_that_sdks_make_up() {
    let world = World::start().await;
    let mut head = world.head("POST", "/", Some("AWSStepFunctions.StartSyncExecution"));
    head.headers
        .insert("host", "sync-localhost:8083".parse().expect("a host"));
    let head = world.signed(head, "{}", &world.signer("states"));
    assert_eq!(
        world.send(head, "{}").await.json()["operation"],
        "StartSyncExecution"
    );
}

#[tokio::test]
async fn invokes_a_function() {
    let world = World::start().await;
    let head = world.head("POST", "/2015-03-31/functions/f/invocations", None);
    let answered = world
        .send(
            world.signed(head, "[1, 2]", &world.signer("lambda")),
            "[1, 2]",
        )
        .await;
    assert_eq!((answered.status(), &*answered.text), (200, "[1, 2]"));
    assert_eq!(answered.parts.headers["x-amz-executed-version"], "$LATEST");

    let mut link = world.head("GET", "/2015-03-31/functions/?MaxItems=7", None);
    presign(
        &mut link,
        b"",
        &world.signer("lambda"),
        60,
        world.clock.now(),
    )
    .expect("signs");
    assert_eq!(
        world.send(link, "").await.json()["input"],
        r#"{"MaxItems":7}"#
    );
}

#[tokio::test]
async fn refuses_who_is_not_known() {
    let world = World::start().await;
    let target = "AWSStepFunctions.ListStateMachines";
    let head = || world.head("POST", "/", Some(target));
    let states = world.signer("states");
    let cases = [
        (
            "no signature",
            head(),
            "400 MissingAuthenticationTokenException",
        ),
        (
            "no signature, REST",
            world.head("GET", "/2015-03-31/functions", None),
            "403 MissingAuthenticationTokenException",
        ),
        (
            "no signature, nowhere",
            world.head("GET", "/", None),
            "403 MissingAuthenticationTokenException",
        ),
        (
            "unknown key",
            world.signed(
                head(),
                "{}",
                &Signer {
                    access_key_id: "AKIDOTHER",
                    ..states
                },
            ),
            "400 UnrecognizedClientException",
        ),
        (
            "wrong secret",
            world.signed(
                head(),
                "{}",
                &Signer {
                    secret_access_key: "other",
                    ..states
                },
            ),
            "400 InvalidSignatureException",
        ),
        (
            "root with a token",
            world.signed(
                head(),
                "{}",
                &Signer {
                    session_token: Some("token"),
                    ..states
                },
            ),
            "400 UnrecognizedClientException",
        ),
        (
            "other region",
            world.signed(
                head(),
                "{}",
                &Signer {
                    region: "us-east-2",
                    ..states
                },
            ),
            "400 InvalidSignatureException",
        ),
        (
            "other service",
            world.signed(head(), "{}", &world.signer("lambda")),
            "400 InvalidSignatureException",
        ),
        (
            "other body",
            world.signed(head(), "{} ", &states),
            "400 InvalidSignatureException",
        ),
        (
            "REST, wrong secret",
            world.signed(
                world.head("GET", "/2015-03-31/functions", None),
                "{}",
                &Signer {
                    secret_access_key: "other",
                    ..world.signer("lambda")
                },
            ),
            "403 InvalidSignatureException",
        ),
    ];
    for (name, head, expected) in cases {
        assert_eq!(world.send(head, "{}").await.code(), expected, "{name}");
    }
}

#[tokio::test]
async fn knows_the_temporary_keys_that_it_handed_out() {
    let world = World::start().await;
    let made = world.gateway.issue(
        "arn:aws:iam::000000000000:role/service/Worker",
        "session",
        900,
    );
    let signer = Signer {
        access_key_id: &made.access_key_id,
        secret_access_key: &made.secret_access_key,
        session_token: Some(&made.session_token),
        region: "us-east-1",
        service: "states",
    };
    let head = || world.head("POST", "/", Some("AWSStepFunctions.ListStateMachines"));
    let answered = world.send(world.signed(head(), "{}", &signer), "{}").await;
    assert_eq!(
        answered.json()["principal"],
        "arn:aws:sts::000000000000:assumed-role/Worker/session"
    );

    let without = Signer {
        session_token: None,
        ..signer
    };
    let answered = world.send(world.signed(head(), "{}", &without), "{}").await;
    assert_eq!(answered.code(), "400 UnrecognizedClientException");

    let root_secret = Signer {
        secret_access_key: ROOT.1,
        ..signer
    };
    let answered = world
        .send(world.signed(head(), "{}", &root_secret), "{}")
        .await;
    assert_eq!(answered.code(), "400 InvalidSignatureException");

    world.clock.0.fetch_add(900_000, Ordering::SeqCst);
    let answered = world.send(world.signed(head(), "{}", &signer), "{}").await;
    assert_eq!(answered.code(), "400 ExpiredTokenException");
}

#[tokio::test]
async fn names_what_is_not_there() {
    let world = World::start().await;
    let json = |target, service| {
        world.signed(
            world.head("POST", "/", Some(target)),
            "{}",
            &world.signer(service),
        )
    };
    let rest =
        |path, service| world.signed(world.head("GET", path, None), "{}", &world.signer(service));
    let cases = [
        (
            json("AWSStepFunctions.Nothing", "states"),
            "400 UnknownOperationException",
            "Nothing",
        ),
        (
            json("Nobody.Nothing", "states"),
            "404 UnknownOperationException",
            "Nobody.Nothing",
        ),
        (
            json("AmazonSQS.SendMessage", "sqs"),
            "501 NotImplemented",
            "sqs:SendMessage",
        ),
        (
            rest("/schedules/s", "scheduler"),
            "501 NotImplemented",
            "scheduler:GetSchedule",
        ),
        (
            rest("/nowhere", "lambda"),
            "404 UnknownOperationException",
            "no operation",
        ),
        (
            rest("/_stepd/nothing", "stepd"),
            "404 UnknownOperationException",
            "/_stepd/nothing",
        ),
    ];
    for (head, code, named) in cases {
        let answered = world.send(head, "{}").await;
        assert_eq!(answered.code(), code);
        assert!(answered.text.contains(named), "{}", answered.text);
    }
}

#[tokio::test]
async fn a_panicking_service_costs_one_request() {
    let world = World::start().await;
    let answered = world.states("DeleteActivity", "{}").await;
    assert_eq!(answered.code(), "500 InternalFailure");
    assert!(!answered.text.contains("planted"), "{}", answered.text);
    assert_eq!(world.states("ListActivities", "{}").await.status(), 200);
}

#[tokio::test]
async fn tells_its_health_to_everybody() {
    let world = World::start().await;
    let answered = world.send(world.head("GET", "/health", None), "").await;
    assert_eq!(
        (answered.status(), &*answered.text),
        (200, r#"{"status":"ok"}"#)
    );
}

#[tokio::test]
async fn its_own_ways_lie_behind_the_same_signature() {
    let world = World::start().await;
    let stepd = world.signer("stepd");
    let ask = |path: &str, body: &str| world.signed(world.head("POST", path, None), body, &stepd);

    let answered = world
        .send(ask("/_stepd/tell/a/b?c=d", "body"), "body")
        .await;
    let told = json!({"path": "a/b", "query": "c=d", "body": "body", "who": "arn:aws:iam::000000000000:root"});
    assert_eq!(answered.json(), told);
    let answered = world.send(ask("/_stepd/tell/lines", ""), "").await;
    assert_eq!(answered.text, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
    assert_eq!(
        answered.parts.headers["content-type"],
        "application/x-ndjson"
    );
    assert!(answered.parts.headers.contains_key("x-amzn-requestid"));

    assert_eq!(
        world.send(ask("/_stepd/tell/no", ""), "").await.code(),
        "400 ValidationException"
    );
    assert_eq!(
        world.send(ask("/_stepd/tell/bug", ""), "").await.code(),
        "500 InternalFailure"
    );
    let long = "x".repeat(101);
    assert_eq!(
        world.send(ask("/_stepd/tell", &long), &long).await.code(),
        "413 RequestEntityTooLargeException"
    );
    let unsigned = world.head("POST", "/_stepd/tell", None);
    assert_eq!(
        world.send(unsigned, "").await.code(),
        "403 MissingAuthenticationTokenException"
    );
    let other = world.signed(
        world.head("POST", "/_stepd/tell", None),
        "",
        &world.signer("states"),
    );
    assert_eq!(
        world.send(other, "").await.code(),
        "403 InvalidSignatureException"
    );
}

#[tokio::test]
async fn a_stopping_server_finishes_its_answers() {
    let world = std::sync::Arc::new(World::start().await);
    let asking = tokio::spawn({
        let world = std::sync::Arc::clone(&world);
        async move { world.states("GetActivityTask", "{}").await.status() }
    });
    world.entered.notified().await;
    // The call is inside the service. From here on nobody new gets in, and it still gets its answer.
    world.gateway_stops().await;
    world.leave.notify_one();
    assert_eq!(asking.await.expect("the client lives"), 200);
}
