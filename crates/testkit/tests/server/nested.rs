//! `kill -9` while parents wait for their children: nothing is lost, no child is begun twice.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::client::{Client, NOTHING, ROLE, Target, asking};
use testkit::{Server, until};
use tokio::runtime::Runtime;

const PARENTS: usize = 12;

fn parent(child: &str) -> Value {
    json!({ "StartAt": "Child", "States": { "Child": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": { "StateMachineArn": child, "Input.$": "$" },
        "End": true
    } } })
}

async fn executions(client: &mut Client, machine: &str) -> anyhow::Result<Vec<Value>> {
    let listed = client
        .call("ListExecutions", &json!({ "stateMachineArn": machine }))
        .await?;
    let listed = listed["executions"].as_array().cloned();
    listed.context("a listing has executions")
}

#[test]
fn parents_hear_of_their_children_whenever_the_server_is_killed() -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let mut server = Server::start()?;
    server.aws()?.create_function("nothing", ROLE, NOTHING)?;
    let (children, parents) = runtime.block_on(async {
        let mut client = Target::of(&server)?.connect().await?;
        let children = client.create("child", &asking("nothing")).await?;
        let parents = client.create("parent", &parent(&children)).await?;
        for number in 0..PARENTS {
            client.start(&parents, &format!("parent-{number}")).await?;
        }
        anyhow::Ok((children, parents))
    })?;
    // Killed at once, while starts are on their way; and again, while all wait.
    server.kill9()?;
    server.restart()?;
    let begun = until("all children have begun", || {
        runtime.block_on(async {
            let mut client = Target::of(&server)?.connect().await?;
            let begun = executions(&mut client, &children).await?;
            Ok((begun.len() >= PARENTS).then_some(begun))
        })
    });
    let begun = begun.with_context(|| server.log())?;
    server.kill9()?;
    server.restart()?;
    // Every child is answered, and the server is killed behind the last answer.
    for child in &begun {
        let arn = child["executionArn"].as_str().context("an ARN")?;
        until("the child waits for its answer", || {
            runtime.block_on(async {
                let mut client = Target::of(&server)?.connect().await?;
                let Some(token) = client.token(arn).await? else {
                    return Ok(None);
                };
                let answer = json!({ "taskToken": token, "output": r#""answered""# });
                client.call("SendTaskSuccess", &answer).await.map(Some)
            })
        })?;
    }
    server.kill9()?;
    server.restart()?;
    let ended = until("all parents end", || {
        runtime.block_on(async {
            let mut client = Target::of(&server)?.connect().await?;
            let all = executions(&mut client, &parents).await?;
            let over = all.iter().all(|parent| parent["status"] != "RUNNING");
            Ok(over.then_some(all))
        })
    });
    let ended = ended.with_context(|| server.log())?;
    runtime.block_on(async {
        let mut client = Target::of(&server)?.connect().await?;
        let begun = executions(&mut client, &children).await?;
        ensure!(begun.len() == PARENTS, "{} children", begun.len());
        for parent in &ended {
            let arn = json!({ "executionArn": parent["executionArn"] });
            let shown = client.call("DescribeExecution", &arn).await?;
            let output: Value = serde_json::from_str(shown["output"].as_str().unwrap_or("null"))?;
            ensure!(output["Output"] == "answered", "a parent ended as {shown}");
            let history = client.call("GetExecutionHistory", &arn).await?;
            let types: Vec<&str> = history["events"]
                .as_array()
                .context("events")?
                .iter()
                .filter_map(|event| event["type"].as_str())
                .collect();
            let expected = [
                "ExecutionStarted",
                "TaskStateEntered",
                "TaskScheduled",
                "TaskStarted",
                "TaskSubmitted",
                "TaskSucceeded",
                "TaskStateExited",
                "ExecutionSucceeded",
            ];
            ensure!(types == expected, "a history is {types:?}");
        }
        anyhow::Ok(())
    })?;
    server.stop()
}
