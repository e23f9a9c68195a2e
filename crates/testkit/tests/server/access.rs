//! Who may do what, from outside: users, roles, sessions, machines and their tasks.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Aws, Options, Server, until};

const A: &str = "000000000000";

fn allow(action: &str, resource: &str) -> String {
    let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
    json!({"Version": "2012-10-17", "Statement": statement}).to_string()
}

fn trust(principal: &Value) -> String {
    let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    json!({"Version": "2012-10-17", "Statement": statement}).to_string()
}

fn text(value: &Value) -> anyhow::Result<&str> {
    value.as_str().with_context(|| value.to_string())
}

/// Returns the command line with keys of `user`, who is made.
fn user(root: &Aws, user: &str) -> anyhow::Result<Aws> {
    root.call(&["iam", "create-user", "--user-name", user])?;
    let made = root.call(&["iam", "create-access-key", "--user-name", user])?;
    let key = &made["AccessKey"];
    Ok(root
        .clone()
        .with("AWS_ACCESS_KEY_ID", text(&key["AccessKeyId"])?)
        .with("AWS_SECRET_ACCESS_KEY", text(&key["SecretAccessKey"])?))
}

fn role(root: &Aws, name: &str, principal: &Value, policy: Option<&str>) -> anyhow::Result<String> {
    let trust = trust(principal);
    let arguments = [
        "iam",
        "create-role",
        "--role-name",
        name,
        "--assume-role-policy-document",
    ];
    root.call(&[&arguments[..], &[trust.as_str()]].concat())?;
    if let Some(policy) = policy {
        let arguments = [
            "iam",
            "put-role-policy",
            "--role-name",
            name,
            "--policy-name",
            "p",
        ];
        root.call(&[&arguments[..], &["--policy-document", policy]].concat())?;
    }
    Ok(format!("arn:aws:iam::{A}:role/{name}"))
}

/// Checks that a command is refused in these words.
fn refused(aws: &Aws, arguments: &[&str], expected: &str) -> anyhow::Result<()> {
    let text = match aws.try_call(arguments)? {
        Ok(value) => format!("it worked: {value}"),
        Err(refusal) => format!("{} {}", refusal.code, refusal.message),
    };
    ensure!(
        text == expected,
        "{arguments:?}\n{text}\ninstead of\n{expected}"
    );
    Ok(())
}

#[test]
fn users_and_sessions_may_what_their_policies_say() -> anyhow::Result<()> {
    let server = Server::start()?;
    let root = server.aws()?;
    let alice = user(&root, "alice")?;
    let me = alice.call(&["sts", "get-caller-identity"])?;
    ensure!(me["Arn"] == format!("arn:aws:iam::{A}:user/alice"), "{me}");
    let list = ["stepfunctions", "list-state-machines"];
    let why = "because no identity-based policy allows the states:ListStateMachines action";
    let denied = |who: &str, why: &str| {
        format!(
            "AccessDeniedException User: {who} is not authorized to perform: states:ListStateMachines on resource: * {why}"
        )
    };
    let arn = format!("arn:aws:iam::{A}:user/alice");
    refused(&alice, &list, &denied(&arn, why))?;
    let put = |policy: &str| {
        let arguments = [
            "iam",
            "put-user-policy",
            "--user-name",
            "alice",
            "--policy-name",
            "p",
        ];
        root.call(&[&arguments[..], &["--policy-document", policy]].concat())
    };
    put(&allow("states:List*", "*"))?;
    alice.call(&list)?;
    put(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"states:*","Resource":"*"}]}"#,
    )?;
    refused(
        &alice,
        &list,
        &denied(&arn, "with an explicit deny in an identity-based policy"),
    )?;
    put(&allow("states:*", "*"))?;
    let boundary = [
        "iam",
        "put-user-permissions-boundary",
        "--user-name",
        "alice",
    ];
    let reader = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
    root.call(&[&boundary[..], &["--permissions-boundary", reader]].concat())?;
    let why = "because no permissions boundary allows the states:ListStateMachines action";
    refused(&alice, &list, &denied(&arn, why))?;
    root.call(&[
        "iam",
        "delete-user-permissions-boundary",
        "--user-name",
        "alice",
    ])?;

    // S3 speaks a wire of its own, and puts quotes around the resource.
    root.call(&["s3api", "create-bucket", "--bucket", "things"])?;
    refused(
        &alice,
        &[
            "s3api",
            "delete-object",
            "--bucket",
            "things",
            "--key",
            "a/b",
        ],
        &format!(
            "AccessDenied User: {arn} is not authorized to perform: s3:DeleteObject on resource: \"arn:aws:s3:::things/a/b\" because no identity-based policy allows the s3:DeleteObject action"
        ),
    )?;

    let worker = role(
        &root,
        "worker",
        &json!({"AWS": arn}),
        Some(&allow("states:*", "*")),
    )?;
    let stranger = role(
        &root,
        "stranger",
        &json!({"Service": "lambda.amazonaws.com"}),
        None,
    )?;
    let assume = |role: &str, more: &[&str]| {
        let arguments = [
            "sts",
            "assume-role",
            "--role-session-name",
            "me",
            "--role-arn",
            role,
        ];
        alice.try_call(&[&arguments[..], more].concat())
    };
    let refusal = assume(&stranger, &[])?
        .err()
        .context("a role for Lambda alone")?;
    ensure!(
        (refusal.code.as_str(), refusal.message.as_str())
            == (
                "AccessDenied",
                &*format!(
                    "User: {arn} is not authorized to perform: sts:AssumeRole on resource: {stranger}"
                )
            ),
        "{refusal:?}"
    );
    let session = |answer: Value| -> anyhow::Result<Aws> {
        let keys = &answer["Credentials"];
        Ok(root
            .clone()
            .with("AWS_ACCESS_KEY_ID", text(&keys["AccessKeyId"])?)
            .with("AWS_SECRET_ACCESS_KEY", text(&keys["SecretAccessKey"])?)
            .with("AWS_SESSION_TOKEN", text(&keys["SessionToken"])?))
    };
    let taken = |answer: Result<Value, testkit::Refusal>| {
        answer.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))
    };
    session(taken(assume(&worker, &[])?)?)?.call(&list)?;
    let less = session(taken(assume(&worker, &["--policy", &allow("s3:*", "*")])?)?)?;
    let who = format!("arn:aws:sts::{A}:assumed-role/worker/me");
    let why = "because no session policy allows the states:ListStateMachines action";
    refused(&less, &list, &denied(&who, why))?;

    let keys = root.call(&["iam", "list-access-keys", "--user-name", "alice"])?;
    let id = text(&keys["AccessKeyMetadata"][0]["AccessKeyId"])?;
    let update = [
        "iam",
        "update-access-key",
        "--user-name",
        "alice",
        "--status",
        "Inactive",
    ];
    root.call(&[&update[..], &["--access-key-id", id]].concat())?;
    refused(
        &alice,
        &list,
        "UnrecognizedClientException The security token included in the request is invalid.",
    )
}

/// Runs a machine with one state to its end; returns error and cause.
fn failure(root: &Aws, name: &str, role: &str, state: &Value) -> anyhow::Result<(String, String)> {
    let definition = json!({"StartAt": "S", "States": {"S": state}}).to_string();
    let arguments = [
        "stepfunctions",
        "create-state-machine",
        "--name",
        name,
        "--role-arn",
        role,
    ];
    let made = root.call(&[&arguments[..], &["--definition", &definition]].concat())?;
    let machine = text(&made["stateMachineArn"])?;
    let started = root.call(&[
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        machine,
    ])?;
    let execution = text(&started["executionArn"])?;
    let describe = [
        "stepfunctions",
        "describe-execution",
        "--execution-arn",
        execution,
    ];
    let ended = until("the execution ends", || {
        let described = root.call(&describe)?;
        Ok((described["status"] != "RUNNING").then_some(described))
    })?;
    let text = |name: &str| ended[name].as_str().unwrap_or_default().to_owned();
    Ok((text("error"), text("cause")))
}

#[test]
fn machines_may_what_their_roles_say() -> anyhow::Result<()> {
    let server = Server::start()?;
    let root = server.aws()?;
    let states = json!({"Service": "states.amazonaws.com"});
    let lambda = role(
        &root,
        "for-lambda",
        &json!({"Service": "lambda.amazonaws.com"}),
        None,
    )?;
    let nobody = format!("arn:aws:iam::{A}:role/nobody");
    let pass = r#"{"StartAt":"S","States":{"S":{"Type":"Pass","End":true}}}"#;
    for role in [&lambda, &nobody] {
        let arguments = [
            "stepfunctions",
            "create-state-machine",
            "--name",
            "m",
            "--role-arn",
            role,
        ];
        refused(
            &root,
            &[&arguments[..], &["--definition", pass]].concat(),
            "AccessDeniedException Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role.",
        )?;
    }

    let poor = role(&root, "poor", &states, None)?;
    let function = format!("arn:aws:lambda:us-east-1:{A}:function:f");
    let invoke = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": function}, "End": true});
    let (error, cause) = failure(&root, "invokes", &poor, &invoke)?;
    ensure!(error == "Lambda.AWSLambdaException", "{error} {cause}");
    let who = format!("User: arn:aws:sts::{A}:assumed-role/poor/");
    let what = format!(
        " is not authorized to perform: lambda:InvokeFunction on resource: {function} because no identity-based policy allows the lambda:InvokeFunction action (Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException; Request ID: "
    );
    ensure!(cause.starts_with(&who) && cause.contains(&what), "{cause}");

    let other = role(
        &root,
        "other",
        &json!({"AWS": lambda}),
        Some(&allow("*", "*")),
    )?;
    let mut wanted = invoke.clone();
    wanted["Credentials"] = json!({"RoleArn": other});
    let (error, cause) = failure(&root, "assumes", &poor, &wanted)?;
    let expected =
        format!("The role {poor} is not authorized to assume the task state's role, {other}.");
    ensure!(
        (&*error, &*cause) == ("States.TaskFailed", &*expected),
        "{error} {cause}"
    );

    // Let in by name, the other role is assumed, and it may.
    let trust = trust(&json!({"AWS": poor}));
    let update = [
        "iam",
        "update-assume-role-policy",
        "--role-name",
        "other",
        "--policy-document",
    ];
    root.call(&[&update[..], &[trust.as_str()]].concat())?;
    let (error, cause) = failure(&root, "assumes-now", &poor, &wanted)?;
    ensure!(
        error == "Lambda.ResourceNotFoundException",
        "{error} {cause}"
    );
    Ok(())
}

#[test]
fn an_audited_server_refuses_nothing_and_says_what_it_would() -> anyhow::Result<()> {
    let server = Server::start_with(Options {
        arguments: vec!["--iam".to_owned(), "audit".to_owned()],
        ..Options::default()
    })?;
    let alice = user(&server.aws()?, "alice")?;
    alice.call(&["stepfunctions", "list-state-machines"])?;
    let log = server.log();
    ensure!(log.contains("would be refused: User: arn:aws:iam::000000000000:user/alice is not authorized to perform: states:ListStateMachines"), "{log}");
    Ok(())
}
