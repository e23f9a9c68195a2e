//! The workshop, chapter by chapter, with the real `sam` and `aws`: the page's project with the state
//! machine as it was in each chapter, `stepd build` in the place of `sam build` (which does not know the
//! page's runtime any more), `sam deploy --guided`, every later change by `sam deploy`, and the clean-up.
//!
//! Skipped, with a line that says so, where the page or the SAM command line is not at hand.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Aws, Sam, Server, until};

use crate::page_walk::with_page;

const STACK: &str = "workshop";
const DEFINITION: &str = "statemachine/account-application-workflow.asl.json";

/// What a chapter changes, and what an execution comes to afterwards.
struct Chapter {
    name: &'static str,
    definition: fn() -> Value,
    /// Inputs with the state in which the execution ends, and what its output or cause holds.
    runs: &'static [(&'static str, &'static str, &'static str)],
}

const GOOD: &str = r#"{"application": {"name": "Spock", "address": "123 Enterprise Street"}}"#;
const EVIL: &str = r#"{"application": {"name": "evil Spock", "address": "123 Enterprise Street"}}"#;
const NOWHERE: &str = r#"{"application": {"name": "Spock", "address": "Somewhere"}}"#;

fn check(kind: &str, next: &str) -> Value {
    json!({
        "Type": "Task",
        "Resource": "${DataCheckingFunctionArn}",
        "Parameters": {
            "command": format!("CHECK_{}", kind.to_uppercase()),
            "data": {format!("{kind}.$"): format!("$.application.{kind}")},
        },
        "ResultPath": format!("$.checks.{kind}"),
        "Next": next,
    })
}

fn lost_input() -> Value {
    let mut name = check("name", "Check Address");
    // Without a path the result takes the place of the input, and the next state finds nothing.
    name.as_object_mut()
        .expect("an object")
        .remove("ResultPath");
    json!({"StartAt": "Check Name", "States": {
        "Check Name": name,
        "Check Address": check("address", "Approve Application"),
        "Approve Application": {"Type": "Pass", "End": true},
    }})
}

fn result_paths() -> Value {
    let mut fixed = lost_input();
    fixed["States"]["Check Name"] = check("name", "Check Address");
    fixed
}

fn choice() -> Value {
    let mut chosen = result_paths();
    chosen["States"]["Check Address"] = check("address", "Review Required?");
    let flagged = |kind: &str| json!({"Variable": format!("$.checks.{kind}.flagged"), "BooleanEquals": true, "Next": "Pending Review"});
    chosen["States"]["Review Required?"] = json!({
        "Type": "Choice", "Choices": [flagged("name"), flagged("address")], "Default": "Approve Application",
    });
    chosen["States"]["Pending Review"] = json!({"Type": "Pass", "End": true, "Result": "reviewed"});
    chosen
}

fn retries() -> Value {
    let mut sure = choice();
    sure["States"]["Check Name"]["Retry"] =
        json!([{"ErrorEquals": ["Lambda.ServiceException", "Lambda.TooManyRequestsException"]}]);
    sure["States"]["Check Name"]["Catch"] = json!([{"ErrorEquals": ["UnprocessableDataException"], "ResultPath": "$.error-info", "Next": "Pending Review"}]);
    sure
}

fn parallel() -> Value {
    let branch = |id: &str, kind: &str| {
        let mut only = check(kind, "");
        let task = only.as_object_mut().expect("an object");
        task.remove("Next");
        task.remove("ResultPath");
        task.insert("End".to_owned(), true.into());
        json!({"StartAt": id, "States": {id: only}})
    };
    let flagged = |branch: usize| json!({"Variable": format!("$.checks[{branch}].flagged"), "BooleanEquals": true, "Next": "Pending Review"});
    json!({"StartAt": "Check Applicant Data", "States": {
        "Check Applicant Data": {
            "Type": "Parallel", "ResultPath": "$.checks", "Next": "Review Required?",
            "Branches": [branch("Check Name", "name"), branch("Check Address", "address")],
        },
        "Review Required?": {"Type": "Choice", "Choices": [flagged(0), flagged(1)], "Default": "Approve Application"},
        "Pending Review": {"Type": "Pass", "End": true, "Result": "reviewed"},
        "Approve Application": {"Type": "Pass", "End": true},
    }})
}

// The chapter whose role may not call the function has its place before these: it needs policies that are
// enforced.
const CHAPTERS: [Chapter; 5] = [
    Chapter {
        name: "the input is lost",
        definition: lost_input,
        runs: &[(GOOD, "FAILED", "$.application.address")],
    },
    Chapter {
        name: "results have paths",
        definition: result_paths,
        runs: &[(GOOD, "SUCCEEDED", r#""checks":{"name":{"flagged":false}"#)],
    },
    Chapter {
        name: "a choice",
        definition: choice,
        runs: &[
            (GOOD, "SUCCEEDED", r#""address":{"flagged":false}"#),
            (EVIL, "SUCCEEDED", "reviewed"),
            (NOWHERE, "SUCCEEDED", "reviewed"),
        ],
    },
    Chapter {
        name: "retries and catches",
        definition: retries,
        runs: &[(EVIL, "SUCCEEDED", "reviewed")],
    },
    Chapter {
        name: "branches",
        definition: parallel,
        runs: &[
            (
                GOOD,
                "SUCCEEDED",
                r#""checks":[{"flagged":false},{"flagged":false}]"#,
            ),
            (NOWHERE, "SUCCEEDED", "reviewed"),
        ],
    },
];

fn worked(mut command: Command, answers: &str) -> anyhow::Result<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start {command:?}"))?;
    let mut stdin = child.stdin.take().context("its input is piped")?;
    stdin.write_all(answers.as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    ensure!(output.status.success(), "{command:?}: {printed}");
    Ok(printed)
}

fn write(folder: &Path, definition: &Value) -> anyhow::Result<()> {
    let path = folder.join(DEFINITION);
    std::fs::create_dir_all(path.parent().context("it is in a folder")?)?;
    std::fs::write(&path, serde_json::to_string_pretty(definition)?)
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn execute(aws: &Aws, machine: &str, input: &str) -> anyhow::Result<Value> {
    let start = [
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        machine,
        "--input",
        input,
    ];
    let started = aws.call(&start)?;
    let execution = started["executionArn"]
        .as_str()
        .context("an ARN")?
        .to_owned();
    until("the execution ends", || {
        let found = aws.call(&[
            "stepfunctions",
            "describe-execution",
            "--execution-arn",
            &execution,
        ])?;
        Ok((found["status"] != "RUNNING").then_some(found))
    })
}

#[test]
fn the_workshop_goes_on_chapter_by_chapter() -> anyhow::Result<()> {
    let sam = match Sam::find() {
        Ok(sam) => sam,
        Err(why) => {
            println!("skipped: the SAM command line is not there: {why:#}");
            return Ok(());
        }
    };
    with_page(|page, folder| {
        let server = Server::start()?;
        let aws = server.aws()?;
        let run = |arguments: &[&str], answers: &str| {
            worked(sam.command(&server.env(), folder, arguments), answers)
        };
        let build = || {
            let mut command = server.stepd(&["build"])?;
            command.current_dir(folder);
            worked(command, "")
        };
        let last = std::fs::read_to_string(folder.join(DEFINITION))?;
        write(folder, &lost_input())?;
        let built = build()?;
        ensure!(built.contains(".aws-sam/build/template.yaml"), "{built}");
        // Name, region, no confirmation, a role, rollback, save, and where.
        let answers = format!("{STACK}\nus-east-1\nn\ny\nn\ny\n\n\n");
        let guided = run(&["deploy", "--guided"], &answers)?;
        let done = format!("Successfully created/updated stack - {STACK}");
        ensure!(guided.contains(&done), "{guided}");
        let saved = std::fs::read_to_string(folder.join("samconfig.toml"))?;
        ensure!(saved.contains("us-east-1"), "{saved}");
        let again = worked(
            sam.command(
                &server.env(),
                folder,
                &["deploy", "--no-fail-on-empty-changeset"],
            ),
            "",
        )?;
        ensure!(again.contains("No changes to deploy"), "{again}");

        // The page's way to a function's ARN.
        let describe = ["cloudformation", "describe-stacks", "--stack-name", STACK];
        let stack = aws.call(&describe)?;
        let outputs = stack["Stacks"][0]["Outputs"].as_array().cloned();
        let output = |name: &str| {
            let found = outputs
                .iter()
                .flatten()
                .find(|output| output["OutputKey"] == name);
            found.and_then(|output| output["OutputValue"].as_str().map(str::to_owned))
        };
        let checks = output("DataCheckingFunctionArn").context("the stack says where it is")?;
        let answer = aws.invoke(
            &checks,
            &json!({"command": "CHECK_NAME", "data": {"name": "evil Spock"}}),
        )?;
        ensure!(
            answer.payload == json!({"flagged": true}),
            "{}",
            answer.payload
        );
        let machines = aws.call(&["stepfunctions", "list-state-machines"])?;
        let machine = machines["stateMachines"][0]["stateMachineArn"]
            .as_str()
            .context("an ARN")?
            .to_owned();

        for (index, chapter) in CHAPTERS.iter().enumerate() {
            let name = chapter.name;
            if index > 0 {
                // A definition alone needs no build.
                write(folder, &(chapter.definition)())?;
                let printed = run(&["deploy"], "")?;
                ensure!(printed.contains(&done), "{name}: {printed}");
            }
            for (input, status, holds) in chapter.runs {
                let ended = execute(&aws, &machine, input)?;
                ensure!(ended["status"] == *status, "{name}: {ended}");
                let said = format!(
                    "{}{}",
                    ended["output"].as_str().unwrap_or_default(),
                    ended["cause"].as_str().unwrap_or_default()
                );
                ensure!(said.contains(holds), "{name}: {said}");
            }
        }

        // The page itself, with code that has changed as well.
        std::fs::write(folder.join(DEFINITION), last)?;
        build()?;
        let printed = run(&["deploy"], "")?;
        ensure!(printed.contains(&done), "{printed}");
        ensure!(!page.commands.is_empty(), "the page has commands");
        let submitted = aws.invoke(
            "sfn-workshop-SubmitApplication",
            &json!({"name": "Spock", "address": "InvalidAddressFormat"}),
        )?;
        let id = submitted.payload["id"]
            .as_str()
            .context("an id")?
            .to_owned();
        until("the application waits for a person", || {
            let found = aws.invoke(
                "sfn-workshop-FindApplications",
                &json!({"state": "FLAGGED_FOR_REVIEW"}),
            )?;
            let waits =
                found.payload[0]["id"] == id.as_str() && found.payload[0]["taskToken"].is_string();
            Ok(waits.then_some(()))
        })?;
        aws.invoke(
            "sfn-workshop-ReviewApplication",
            &json!({"id": id, "decision": "APPROVE"}),
        )?;
        until("nothing runs", || {
            let list = [
                "stepfunctions",
                "list-executions",
                "--state-machine-arn",
                &machine,
                "--status-filter",
                "RUNNING",
            ];
            let running = aws.call(&list)?;
            Ok((running["executions"] == json!([])).then_some(()))
        })?;
        until("what the function printed is in its log", || {
            let printed = run(
                &[
                    "logs",
                    "--stack-name",
                    STACK,
                    "--name",
                    "SubmitApplicationFunction",
                ],
                "",
            );
            Ok(printed
                .ok()
                .filter(|printed| printed.contains("START RequestId")))
        })?;

        aws.call(&["cloudformation", "delete-stack", "--stack-name", STACK])?;
        aws.call(&[
            "cloudformation",
            "wait",
            "stack-delete-complete",
            "--stack-name",
            STACK,
        ])?;
        let left = aws.call(&["stepfunctions", "list-state-machines"])?;
        ensure!(left["stateMachines"] == json!([]), "{left}");
        let left = aws.call(&["lambda", "list-functions"])?;
        ensure!(left["Functions"] == json!([]), "{left}");
        Ok(())
    })
}
