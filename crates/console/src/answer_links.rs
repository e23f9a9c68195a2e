//! Answer links: one wait, one answer, for somebody who has no access key.
//!
//! A link is the task and who made the link, sealed. With it a page can look at the question and answer it as
//! that principal, and nothing else: no token is shown, and of the definition what the form is made of. It ends
//! with the task. It stands behind `#`, and nothing but a POST
//! answers: what opens links to look at them answers nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Failure, Principal};

use crate::session::{Sealed, Sessions};
use crate::tasks::{self, Said, Task};
use crate::{Console, api, asked};

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Link {
    by: Sealed,
    token: String,
    execution: String,
    state: String,
}

/// Returns the path of a link to a task that waits; whoever may list the tasks may make one.
pub(crate) async fn make(
    console: &Console,
    principal: &Principal,
    input: &[u8],
) -> Result<Bytes, Failure> {
    let task: Task = tasks::parse(input)?;
    let task = tasks::require_open(console, principal, &task).await?;
    let link = Link {
        by: principal.into(),
        token: task.task_token,
        execution: task.execution_arn,
        state: task.state_name,
    };
    let body = serde_json::to_vec(&link).expect("texts have a JSON form");
    let text = URL_SAFE_NO_PAD.encode(console.sessions.sealed("answer link", &body));
    Ok(json!({"path": format!("/console/answer#{text}")})
        .to_string()
        .into())
}

/// What a page shows of a task. Its token is not among it: the page answers with the link.
const SHOWN: [&str; 5] = [
    "stateName",
    "executionArn",
    "stateMachineArn",
    "parameters",
    "timeoutDate",
];

/// Says what a link asks: the task with its part of the definition, or who has answered it.
pub(crate) async fn look(console: &Console, input: &[u8]) -> Result<Bytes, Failure> {
    let (principal, task) = open(&console.sessions, input)?;
    let Some(found) = tasks::find(console, &principal, &task).await? else {
        let answer = console
            .records
            .answer_of(&task.execution_arn, &task.task_token);
        return match answer.await? {
            Some(answer) => Err(tasks::answered(&answer)),
            None => {
                let message = "Nobody waits for this answer any more.";
                Err(Failure::client("TaskTimedOut", message).with_status(410))
            }
        };
    };
    let execution = json!({"executionArn": task.execution_arn}).to_string();
    let machine = "DescribeStateMachineForExecution";
    let reply = api::call(console, &principal, machine, execution).await?;
    let machine: Value = tasks::parse(&reply.output)?;
    let definition = machine["definition"].as_str().unwrap_or_default();
    let name = found["stateName"].as_str().unwrap_or_default();
    let question = asked::question(definition, name);
    let mut shown = json!({"task": {}, "definition": question.to_string()});
    for member in SHOWN {
        if let Some(value) = found.get(member) {
            shown["task"][member] = value.clone();
        }
    }
    let parameters = found["parameters"].as_str().unwrap_or_default();
    shown["task"]["parameters"] = asked::without_tokens(parameters, &task.task_token).into();
    Ok(shown.to_string().into())
}

/// Answers with a link.
pub(crate) async fn send(console: &Console, input: &[u8]) -> Result<Bytes, Failure> {
    let (principal, task) = open(&console.sessions, input)?;
    let said: Said = tasks::parse(input)?;
    tasks::answer(console, &principal, &task, said, tasks::BY_LINK).await
}

fn open(sessions: &Sessions, input: &[u8]) -> Result<(Principal, Task), Failure> {
    let input: Value = tasks::parse(input)?;
    let text = input["link"].as_str().unwrap_or_default();
    let opened = URL_SAFE_NO_PAD.decode(text).ok();
    let body = opened.and_then(|text| sessions.unsealed("answer link", &text).map(<[u8]>::to_vec));
    let link: Option<Link> = body.and_then(|body| serde_json::from_slice(&body).ok());
    let Some(link) = link else {
        let message = "This is no link of this server's. Was it copied whole?";
        return Err(Failure::client("InvalidLink", message).with_status(404));
    };
    let task = Task {
        task_token: link.token,
        execution_arn: link.execution,
        state_name: link.state,
    };
    Ok((link.by.into(), task))
}
