//! Policies of buckets from outside: the owner, a user, those who have not signed, and a template.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Aws, Server};

const A: &str = "000000000000";

/// Returns the command line with keys of a new user who may do what `statement` says.
fn user(root: &Aws, statement: &Value) -> anyhow::Result<Aws> {
    root.call(&["iam", "create-user", "--user-name", "alice"])?;
    let document = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let named = ["--user-name", "alice", "--policy-name", "p"];
    let arguments = ["iam", "put-user-policy", "--policy-document", &document];
    root.call(&[&arguments[..], &named].concat())?;
    let made = root.call(&["iam", "create-access-key", "--user-name", "alice"])?;
    let key = |name: &str| made["AccessKey"][name].as_str().context("a key");
    Ok(root
        .clone()
        .with("AWS_ACCESS_KEY_ID", key("AccessKeyId")?)
        .with("AWS_SECRET_ACCESS_KEY", key("SecretAccessKey")?))
}

/// Checks what comes of `aws s3api LINE`: `=` and a part of the answer, or the code and the text of the refusal.
fn check(aws: &Aws, line: &str, expected: &str) -> anyhow::Result<()> {
    let arguments: Vec<&str> = ["s3api"].into_iter().chain(line.split(' ')).collect();
    let got = match aws.try_call(&arguments)? {
        Ok(value) => format!("={value}"),
        Err(refusal) => format!("{} {}", refusal.code, refusal.message),
    };
    match expected.strip_prefix('=') {
        Some(part) => ensure!(got.starts_with('=') && got.contains(part), "{line}\n{got}"),
        None => ensure!(got == expected, "{line}\n{got}\ninstead of\n{expected}"),
    }
    Ok(())
}

fn statement(effect: &str, principal: &Value, action: &str, more: &Value) -> Value {
    let resource = match action {
        "s3:ListBucket" => json!("arn:aws:s3:::things"),
        "s3:*" => json!(["arn:aws:s3:::things", "arn:aws:s3:::things/*"]),
        _ => json!("arn:aws:s3:::things/*"),
    };
    let mut statement = json!({
        "Effect": effect, "Principal": principal, "Action": action, "Resource": resource,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        statement[name] = value.clone();
    }
    statement
}

fn put(aws: &Aws, statements: &[Value]) -> anyhow::Result<()> {
    let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let named = ["--bucket", "things", "--policy", &document];
    aws.call(&[&["s3api", "put-bucket-policy"][..], &named].concat())
        .map(drop)
}

/// Asks without a signature.
fn unsigned(server: &Server, path: &str) -> anyhow::Result<(u16, String)> {
    let output = std::process::Command::new("curl")
        .args(["-s", "-w", "\n%{http_code}"])
        .arg(format!("{}{path}", server.endpoint()))
        .output()
        .context("curl")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').context("a status")?;
    Ok((status.parse()?, body.to_owned()))
}

#[test]
fn policies_of_buckets_decide() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let root = server.aws()?;
    let mine = json!([
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*",
         "Condition": {"StringEquals": {"s3:prefix": ["a/", "b/"]}}},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
         "Condition": {"StringEquals": {"s3:ExistingObjectTag/open": "yes"}}},
    ]);
    let alice = user(&root, &mine)?;
    let arn = format!("arn:aws:iam::{A}:user/alice");
    let body = server.folder().join("body");
    std::fs::write(&body, "hello")?;
    let body = body.to_string_lossy().into_owned();
    let out = server.folder().join("out").to_string_lossy().into_owned();
    let (put_a, put_b) = (
        format!("put-object --bucket things --key a/1 --body {body} --tagging open=yes"),
        format!("put-object --bucket things --key b/1 --body {body}"),
    );
    let (get_a, get_b) = (
        format!("get-object --bucket things --key a/1 {out}"),
        format!("get-object --bucket things --key b/1 {out}"),
    );
    let denied = |action: &str, on: &str, why: &str| {
        format!(
            "AccessDenied User: {arn} is not authorized to perform: s3:{action} on resource: \"arn:aws:s3:::{on}\" {why}"
        )
    };
    let silent =
        |action: &str| format!("because no identity-based policy allows the s3:{action} action");
    let explicit = "with an explicit deny in a resource-based policy";

    check(&root, "create-bucket --bucket things", "=things")?;
    check(&root, &put_a, "=ETag")?;
    check(&root, &put_b, "=ETag")?;
    // The request and the object say what conditions ask for.
    check(
        &alice,
        "list-objects-v2 --bucket things --prefix a/",
        "=a/1",
    )?;
    let list = "list-objects-v2 --bucket things --prefix c/";
    check(
        &alice,
        list,
        &denied("ListBucket", "things", &silent("ListBucket")),
    )?;
    check(&alice, &get_a, "=ETag")?;
    check(
        &alice,
        &get_b,
        &denied("GetObject", "things/b/1", &silent("GetObject")),
    )?;

    // The bucket lets its user in, and denies whomever it names, its owner too.
    let everybody = json!("*");
    let is_alice = json!({"AWS": arn});
    put(
        &root,
        &[statement("Allow", &is_alice, "s3:GetObject", &json!({}))],
    )?;
    check(&alice, &get_b, "=ETag")?;
    let b_only = json!({"Resource": "arn:aws:s3:::things/b/*"});
    put(
        &root,
        &[
            statement("Allow", &is_alice, "s3:*", &json!({})),
            statement("Deny", &everybody, "s3:DeleteObject", &b_only),
        ],
    )?;
    let delete = "delete-object --bucket things --key b/1";
    check(
        &alice,
        delete,
        &denied("DeleteObject", "things/b/1", explicit),
    )?;
    check(
        &root,
        delete,
        &denied("DeleteObject", "things/b/1", explicit)
            .replace(&arn, &format!("arn:aws:iam::{A}:root")),
    )?;
    // Several at once are decided one by one.
    let several = "delete-objects --bucket things --delete Objects=[{Key=a/2},{Key=b/1}]";
    check(
        &alice,
        several,
        "=\"Deleted\":[{\"Key\":\"a/2\"}],\"Errors\":[{\"Key\":\"b/1\",\"Code\":\"AccessDenied\"",
    )?;
    // Nobody is locked out of the policy itself.
    put(&root, &[statement("Deny", &everybody, "s3:*", &json!({}))])?;
    check(&root, "head-bucket --bucket things", "403 Forbidden")?;
    check(&root, "get-bucket-policy --bucket things", "=Deny")?;
    // Plain HTTP that does not leave the machine is not in the clear.
    let insecure = json!({"Condition": {"Bool": {"aws:SecureTransport": "false"}}});
    put(&root, &[statement("Deny", &everybody, "s3:*", &insecure)])?;
    check(&root, &get_b, "=ETag")?;

    // What is public is blocked until that is taken away.
    let public = json!({"Version": "2012-10-17", "Statement": statement("Allow", &everybody, "s3:GetObject", &json!({"Resource": "arn:aws:s3:::things/a/*"}))});
    let put_public = format!("put-bucket-policy --bucket things --policy {public}");
    check(
        &root,
        &put_public,
        &format!(
            "AccessDenied User: arn:aws:iam::{A}:root is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::things\" because public policies are blocked by the BlockPublicPolicy block public access setting."
        ),
    )?;
    ensure!(unsigned(&server, "/things/a/1")?.0 == 403);
    check(&root, "delete-public-access-block --bucket things", "=")?;
    check(&root, &put_public, "=")?;
    check(
        &root,
        "get-bucket-policy-status --bucket things",
        "=\"IsPublic\":true",
    )?;
    ensure!(unsigned(&server, "/things/a/1")? == (200, "hello".to_owned()));
    for path in [
        "/things/b/1",
        "/things/a/none",
        "/things?list-type=2",
        "/things?policy",
    ] {
        let (status, text) = unsigned(&server, path)?;
        let plain = "<Code>AccessDenied</Code><Message>Access Denied</Message>";
        let expected = if path.ends_with("none") { 404 } else { 403 };
        ensure!(status == expected, "{path}: {status} {text}");
        ensure!(status == 404 || text.contains(plain), "{path}: {text}");
    }
    server.kill9()?;
    server.restart()?;
    ensure!(unsigned(&server, "/things/a/1")? == (200, "hello".to_owned()));
    let block = "put-public-access-block --bucket things --public-access-block-configuration RestrictPublicBuckets=true";
    check(&server.aws()?, block, "=")?;
    ensure!(unsigned(&server, "/things/a/1")?.0 == 403);
    check(&server.aws()?, "delete-bucket-policy --bucket things", "=")?;
    check(
        &server.aws()?,
        "get-bucket-policy --bucket things",
        "NoSuchBucketPolicy The bucket policy does not exist",
    )
}

#[test]
fn a_template_gives_a_bucket_its_policy() -> anyhow::Result<()> {
    let server = Server::start()?;
    let root = server.aws()?;
    let template = |action: &str| {
        json!({"Resources": {
            "B": {"Type": "AWS::S3::Bucket", "Properties": {
                "BucketName": "managed",
                "Tags": [{"Key": "ManagedStackSource", "Value": "AwsSamCli"}],
                "PublicAccessBlockConfiguration": {
                    "BlockPublicPolicy": "true", "BlockPublicAcls": "true",
                    "IgnorePublicAcls": "true", "RestrictPublicBuckets": "true",
                },
            }},
            "P": {"Type": "AWS::S3::BucketPolicy", "Properties": {
                "Bucket": {"Ref": "B"},
                "PolicyDocument": {"Statement": [{
                    "Action": [action], "Effect": "Allow",
                    "Principal": {"Service": "serverlessrepo.amazonaws.com"},
                    "Resource": {"Fn::Sub": "${B.Arn}/*"},
                    "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
                }, {
                    "Action": ["s3:*"], "Effect": "Deny", "Principal": "*",
                    "Resource": [{"Fn::GetAtt": ["B", "Arn"]}, {"Fn::Sub": "${B.Arn}/*"}],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }]},
            }},
        }})
        .to_string()
    };
    let stack = |operation: &str, action: &str| {
        let template = template(action);
        let arguments = ["cloudformation", operation, "--stack-name", "s"];
        root.call(&[&arguments[..], &["--template-body", &template]].concat())
    };
    let wait = |state: &str| {
        root.call(&["cloudformation", "wait", state, "--stack-name", "s"])
            .map(drop)
    };
    stack("create-stack", "s3:GetObject")?;
    wait("stack-create-complete")?;
    check(&root, "get-bucket-policy --bucket managed", "=s3:GetObject")?;
    check(&root, "get-bucket-tagging --bucket managed", "=AwsSamCli")?;
    check(
        &root,
        "get-bucket-policy-status --bucket managed",
        "=\"IsPublic\":false",
    )?;
    // As in the bucket that `sam` makes for itself, nothing is allowed but by encrypted ways.
    let body = server.folder().join("body");
    std::fs::write(&body, "hello")?;
    let put = format!(
        "put-object --bucket managed --key k --body {}",
        body.display()
    );
    check(&root, &put, "=ETag")?;
    check(&root, "delete-object --bucket managed --key k", "=")?;
    stack("update-stack", "s3:PutObject")?;
    wait("stack-update-complete")?;
    check(&root, "get-bucket-policy --bucket managed", "=s3:PutObject")?;
    root.call(&["cloudformation", "delete-stack", "--stack-name", "s"])?;
    wait("stack-delete-complete")?;
    check(
        &root,
        "get-bucket-policy --bucket managed",
        "NoSuchBucket The specified bucket does not exist",
    )
}
