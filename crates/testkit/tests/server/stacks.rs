//! Stacks through the real `aws` and the real `sam`, with nothing but the server's address.

use std::path::Path;
use std::process::Command;

use testkit::{Sam, Server};

const TEMPLATE: &str = "
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {Type: String, Default: hello}
Globals:
  Function: {Runtime: nodejs20.x, Handler: index.handler, Timeout: 10}
Resources:
  Greet:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      FunctionUrlConfig: {AuthType: NONE}
      Environment: {Variables: {GREETING: !Ref Greeting}}
  Greeter:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.asl.json
      DefinitionSubstitutions: {Function: !GetAtt Greet.Arn}
      Policies: [{LambdaInvokePolicy: {FunctionName: !Ref Greet}}]
  Items: {Type: AWS::Serverless::SimpleTable}
Outputs:
  Machine: {Value: !Ref Greeter, Export: {Name: greeter}}
";
const MACHINE: &str = r#"{"StartAt": "Greet", "States": {"Greet": {"Type": "Task", "Resource": "${Function}", "End": true}}}"#;
const CODE: &str = "exports.handler = async (event) => `${process.env.GREETING} ${event.name}`;";

fn write_project(folder: &Path) {
    std::fs::create_dir_all(folder.join("src")).expect("makes the folder");
    for (name, text) in [
        ("template.yaml", TEMPLATE),
        ("machine.asl.json", MACHINE),
        ("src/index.js", CODE),
        (
            "src/package.json",
            r#"{"name": "greet", "version": "1.0.0"}"#,
        ),
    ] {
        std::fs::write(folder.join(name), text).expect("writes the project");
    }
}

/// Runs a command and returns what it printed on both streams, with whether it worked.
fn run(mut command: Command) -> (bool, String) {
    let output = command.output().expect("starts");
    let printed = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&printed).into_owned(),
    )
}

fn worked(command: Command) -> String {
    let (worked, printed) = run(command);
    assert!(worked, "{printed}");
    printed
}

#[test]
fn the_sam_command_line_builds_deploys_looks_and_deletes() {
    let sam = match Sam::find() {
        Ok(sam) => sam,
        Err(why) => {
            eprintln!("skipped: the SAM command line is not there: {why:#}");
            return;
        }
    };
    let server = Server::start().expect("starts");
    let aws = server.aws().expect("finds the command line");
    let folder = server.folder().join("project");
    write_project(&folder);
    let sam = |arguments: &[&str]| sam.command(&server.env(), &folder, arguments);
    worked(sam(&["build"]));
    let deploy = [
        "deploy",
        "--stack-name",
        "greeting",
        "--resolve-s3",
        "--capabilities",
        "CAPABILITY_IAM",
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
    ];
    let printed = worked(sam(&deploy));
    assert!(
        printed.contains("Successfully created/updated stack - greeting"),
        "{printed}"
    );
    assert!(
        printed.contains("CREATE_COMPLETE") && printed.contains("AWS::StepFunctions::St"),
        "{printed}"
    );

    let stack = aws
        .call(&[
            "cloudformation",
            "describe-stacks",
            "--stack-name",
            "greeting",
        ])
        .expect("is there");
    let stack = &stack["Stacks"][0];
    assert_eq!(stack["StackStatus"], "CREATE_COMPLETE");
    let machine = stack["Outputs"][0]["OutputValue"]
        .as_str()
        .expect("an ARN")
        .to_owned();
    let started = aws
        .call(&[
            "stepfunctions",
            "start-execution",
            "--state-machine-arn",
            &machine,
            "--input",
            r#"{"name": "you"}"#,
        ])
        .expect("starts");
    let execution = started["executionArn"].as_str().expect("an ARN").to_owned();
    testkit::until("the execution succeeds", || {
        let found = aws.call(&[
            "stepfunctions",
            "describe-execution",
            "--execution-arn",
            &execution,
        ])?;
        Ok((found["output"] == "\"hello you\"").then_some(()))
    })
    .expect("it does");

    let printed = worked(sam(&deploy));
    assert!(printed.contains("No changes to deploy"), "{printed}");
    let changed = [
        deploy.as_slice(),
        &["--parameter-overrides", "Greeting=goodbye"],
    ]
    .concat();
    let printed = worked(sam(&changed));
    assert!(printed.contains("UPDATE_COMPLETE"), "{printed}");
    let printed = worked(sam(&[
        "remote",
        "invoke",
        "Greet",
        "--stack-name",
        "greeting",
        "--event",
        r#"{"name": "you"}"#,
    ]));
    assert!(printed.contains("goodbye you"), "{printed}");
    let printed = worked(sam(&[
        "list",
        "resources",
        "--stack-name",
        "greeting",
        "--output",
        "json",
    ]));
    assert!(
        printed.contains("\"LogicalResourceId\": \"Greeter\""),
        "{printed}"
    );
    let printed = worked(sam(&[
        "list",
        "stack-outputs",
        "--stack-name",
        "greeting",
        "--output",
        "json",
    ]));
    assert!(printed.contains(&machine), "{printed}");
    let printed = worked(sam(&[
        "list",
        "endpoints",
        "--stack-name",
        "greeting",
        "--output",
        "json",
    ]));
    assert!(
        printed.contains(".lambda-url.us-east-1.localhost:"),
        "{printed}"
    );
    worked(sam(&[
        "delete",
        "--stack-name",
        "greeting",
        "--no-prompts",
        "--region",
        "us-east-1",
    ]));
    let refused = aws.refused(&[
        "cloudformation",
        "describe-stacks",
        "--stack-name",
        "greeting",
    ]);
    assert_eq!(
        refused.expect("is gone").message,
        "Stack with id greeting does not exist"
    );
}

#[test]
fn the_aws_command_line_deploys_waits_and_deletes() {
    let server = Server::start().expect("starts");
    let aws = server.aws().expect("finds the command line");
    let template = server.folder().join("template.yaml");
    let text = "Resources: {T: {Type: AWS::DynamoDB::Table, Properties: {TableName: things, BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{AttributeName: id, AttributeType: S}], KeySchema: [{AttributeName: id, KeyType: HASH}]}}, B: {Type: AWS::S3::Bucket}, M: {Type: AWS::StepFunctions::StateMachine, Properties: {StateMachineName: waits, RoleArn: 'arn:aws:iam::000000000000:role/r', DefinitionString: '{\"StartAt\": \"W\", \"States\": {\"W\": {\"Type\": \"Wait\", \"Seconds\": 3600, \"End\": true}}}'}}}";
    std::fs::write(&template, text).expect("writes");
    let body = format!("file://{}", template.display());
    let who = aws.call(&["sts", "get-caller-identity"]).expect("says who");
    assert_eq!(who["Arn"], "arn:aws:iam::000000000000:root");
    let create = [
        "cloudformation",
        "create-stack",
        "--stack-name",
        "app",
        "--template-body",
        &body,
    ];
    aws.call(&create).expect("creates");
    let wait = |what: &str| aws.call(&["cloudformation", "wait", what, "--stack-name", "app"]);
    wait("stack-create-complete").expect("is complete");
    let again = aws.refused(&create).expect("refuses");
    assert_eq!(
        (again.code.as_str(), again.message.as_str()),
        ("AlreadyExistsException", "Stack [app] already exists")
    );
    let update = [
        "cloudformation",
        "update-stack",
        "--stack-name",
        "app",
        "--template-body",
        &body,
    ];
    let same = aws.refused(&update).expect("refuses");
    assert_eq!(
        (same.code.as_str(), same.message.as_str()),
        ("ValidationError", "No updates are to be performed.")
    );
    let resources = aws
        .call(&[
            "cloudformation",
            "list-stack-resources",
            "--stack-name",
            "app",
        ])
        .expect("lists");
    assert_eq!(
        resources["StackResourceSummaries"].as_array().map(Vec::len),
        Some(3)
    );

    // A machine takes its executions along, and the stack is gone when they have ended.
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:waits";
    let started = aws
        .call(&[
            "stepfunctions",
            "start-execution",
            "--state-machine-arn",
            machine,
        ])
        .expect("starts");
    let execution = started["executionArn"].as_str().expect("an ARN").to_owned();
    aws.call(&["cloudformation", "delete-stack", "--stack-name", "app"])
        .expect("accepts");
    wait("stack-delete-complete").expect("is gone");
    let ended = aws
        .call(&[
            "stepfunctions",
            "describe-execution",
            "--execution-arn",
            &execution,
        ])
        .expect("is kept");
    assert_eq!(ended["status"], "ABORTED");
    aws.call(&["cloudformation", "delete-stack", "--stack-name", "app"])
        .expect("is gone already");
}
