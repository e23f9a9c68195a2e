//! `aws:ResourceTag`: who may have what is called one thing and not what is called another, service by service.

use anyhow::{Context, ensure};
use serde_json::json;
use testkit::Server;

const A: &str = "000000000000";
const MACHINE: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"states.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;

/// How a resource called `$N` is made with the tag team `$T`, and how it is asked for. `$A` is the account and
/// `$R` begins its ARNs in the region.
const CASES: &[(&str, &str)] = &[
    (
        "stepfunctions create-activity --name $N --tags key=team,value=$T",
        "stepfunctions describe-activity --activity-arn $R:states:us-east-1:$A:activity:$N",
    ),
    (
        "stepfunctions create-state-machine --name $N --definition $M --role-arn arn:aws:iam::$A:role/worker --tags key=team,value=$T",
        "stepfunctions start-execution --state-machine-arn $R:states:us-east-1:$A:stateMachine:$N --name e",
    ),
    (
        "sts get-caller-identity",
        "stepfunctions describe-execution --execution-arn $R:states:us-east-1:$A:execution:$N:e",
    ),
    (
        "sqs create-queue --queue-name $N --tags team=$T",
        "sqs get-queue-attributes --queue-url http://localhost/$A/$N",
    ),
    (
        "sns create-topic --name $N --tags Key=team,Value=$T",
        "sns get-topic-attributes --topic-arn $R:sns:us-east-1:$A:$N",
    ),
    (
        "dynamodb create-table --table-name $N --attribute-definitions AttributeName=k,AttributeType=S --key-schema AttributeName=k,KeyType=HASH --billing-mode PAY_PER_REQUEST --tags Key=team,Value=$T",
        "dynamodb describe-table --table-name $N",
    ),
    (
        "ssm put-parameter --name $N --value v --type String --tags Key=team,Value=$T",
        "ssm get-parameter --name $N",
    ),
    (
        "secretsmanager create-secret --name $N --secret-string v --tags Key=team,Value=$T",
        "secretsmanager get-secret-value --secret-id $N",
    ),
    (
        "events put-rule --name $N --event-pattern {\"source\":[\"x\"]} --tags Key=team,Value=$T",
        "events describe-rule --name $N",
    ),
    (
        "logs create-log-group --log-group-name $N --tags team=$T",
        "logs describe-log-streams --log-group-name $N",
    ),
    (
        "iam create-user --user-name $N --tags Key=team,Value=$T",
        "iam get-user --user-name $N",
    ),
];

#[test]
fn tags_of_resources_decide() -> anyhow::Result<()> {
    let server = Server::start()?;
    let root = server.aws()?;
    root.call(&["iam", "create-user", "--user-name", "alice"])?;
    let made = root.call(&["iam", "create-access-key", "--user-name", "alice"])?;
    let key = |name: &str| made["AccessKey"][name].as_str().context("a key");
    let alice = root
        .clone()
        .with("AWS_ACCESS_KEY_ID", key("AccessKeyId")?)
        .with("AWS_SECRET_ACCESS_KEY", key("SecretAccessKey")?);
    let condition = json!({"StringEquals": {"aws:ResourceTag/team": "a"}});
    let statement =
        json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
    let document = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let named = ["--user-name", "alice", "--policy-name", "p"];
    let put = ["iam", "put-user-policy", "--policy-document", &document];
    root.call(&[&put[..], &named].concat())?;
    let role = ["iam", "create-role", "--role-name", "worker"];
    root.call(&[&role[..], &["--assume-role-policy-document", TRUST]].concat())?;
    for (make, ask) in CASES {
        for (name, team) in [("mine", "a"), ("other", "b")] {
            let words = |line: &str| -> Vec<String> {
                let word = |word: &str| {
                    let word = word.replace("$N", name).replace("$T", team);
                    let word = word.replace("$R", "arn:aws").replace("$A", A);
                    word.replace("$M", MACHINE)
                };
                line.split(' ').map(word).collect()
            };
            let (make, ask) = (words(make), words(ask));
            let make: Vec<&str> = make.iter().map(String::as_str).collect();
            let ask: Vec<&str> = ask.iter().map(String::as_str).collect();
            root.call(&make)?;
            match (alice.try_call(&ask)?, team) {
                (Ok(_), "a") => {}
                (Err(refusal), "b") => {
                    let text = format!("{} {}", refusal.code, refusal.message);
                    let why = "because no identity-based policy allows";
                    ensure!(text.contains(why), "{ask:?}: {text}");
                }
                (answer, _) => anyhow::bail!("{ask:?}: {answer:?}"),
            }
            if ask.contains(&"start-execution") && team == "b" {
                root.call(&ask)?;
            }
        }
    }
    Ok(())
}
