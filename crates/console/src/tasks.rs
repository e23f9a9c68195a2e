//! The inbox: what waits for somebody's answer, who takes it, and the answers.
//!
//! The list is the server's own way that `stepd task list` asks too, and an answer is SendTaskSuccess or
//! SendTaskFailure as whoever answers. What is added is who: claims, and a record of each answer. A record says of
//! the task what the list says of it, never what whoever answers says.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use service::{Failure, Principal};

use crate::records::{Answer, Claim};
use crate::{Console, api};

/// How long an answer that was recorded may still be on its way.
const ON_ITS_WAY_MILLIS: i64 = 60_000;

/// How an answer came that an answer link gave.
pub(crate) const BY_LINK: &str = "link";

/// Most tasks that are read at once.
const TASKS_AT_ONCE: u32 = 1_000;

/// Longest name that a visitor may give.
const NAME_LETTERS_MAX: usize = 120;

/// A task, as whoever answers names it, or (from [`require_open`]) as the server knows it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Task {
    pub task_token: String,
    pub execution_arn: String,
    pub state_name: String,
}

/// What somebody says to a task.
#[derive(Debug, Deserialize)]
pub(crate) struct Said {
    /// JSON text; without, the task fails.
    pub output: Option<String>,
    pub error: Option<String>,
    pub cause: Option<String>,
    /// Who a visitor with a link says to be.
    pub name: Option<String>,
}

/// Lists what waits, each with who has taken it.
pub(crate) async fn list(
    console: &Console,
    principal: &Principal,
    query: Bytes,
) -> Result<Bytes, Failure> {
    let mut page = ask_tasks(console, principal, query).await?;
    for task in page["tasks"].as_array_mut().into_iter().flatten() {
        let token = task["taskToken"].as_str().unwrap_or_default();
        if let Some(claim) = console.records.claim_of(token).await? {
            task["claim"] = json!(claim);
        }
    }
    Ok(page.to_string().into())
}

/// Takes a task, or (`"take": false`) lets go of it.
pub(crate) async fn claim(
    console: &Console,
    principal: &Principal,
    input: &[u8],
) -> Result<Bytes, Failure> {
    let task: Task = parse(input)?;
    let asked: Value = parse(input)?;
    if asked["take"] == json!(false) {
        // The task may have ended elsewhere; whoever may list tasks may let go of it all the same.
        open_tasks(console, principal, &json!({"maxResults": 1})).await?;
        console.records.release(&task.task_token).await?;
        return Ok("{}".into());
    }
    let task = require_open(console, principal, &task).await?;
    let claim = Claim {
        by: principal.arn(),
        at: console.clock.now().as_millis(),
    };
    match console.records.claim(&task.task_token, &claim).await? {
        None => Ok(json!({"claim": claim}).to_string().into()),
        Some(other) => {
            let message = format!("{} has taken the task already.", other.by);
            Err(Failure::client("AlreadyClaimed", message).with_status(409))
        }
    }
}

/// Answers a task as `principal`. Once this returns, the answer and who gave it are durable.
pub(crate) async fn answer(
    console: &Console,
    principal: &Principal,
    task: &Task,
    said: Said,
    via: &str,
) -> Result<Bytes, Failure> {
    let records = &console.records;
    let found = open_task(console, principal, task).await?;
    let task = found.as_ref().unwrap_or(task);
    let (execution, token) = (&task.execution_arn, &task.task_token);
    let old = records.answer_of(execution, token).await?;
    let now = console.clock.now().as_millis();
    // The task of an answer that never arrived, since the server died between the two, is still open.
    if let Some(old) = &old
        && (now - old.at < ON_ITS_WAY_MILLIS || found.is_none())
    {
        return Err(answered(old));
    }
    if found.is_none() {
        return Err(waits_no_more());
    }
    let failed = said.output.is_none();
    // Whoever is signed in has a name already.
    let name = said.name.as_deref().filter(|_| via == BY_LINK);
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    let given = Answer {
        by: principal.arn(),
        name: name.map(|name| name.chars().take(NAME_LETTERS_MAX).collect()),
        via: via.to_owned(),
        at: now,
        state_name: task.state_name.clone(),
        error: failed.then(|| said.error.clone().unwrap_or_default()),
    };
    if !records
        .begin_answer(execution, token, &given, old.as_ref())
        .await?
    {
        return Err(match records.answer_of(execution, token).await? {
            Some(other) => answered(&other),
            None => Failure::internal("The answer could not be recorded."),
        });
    }
    let mut input = json!({"taskToken": token});
    let operation = match said.output {
        Some(output) => {
            input["output"] = output.into();
            "SendTaskSuccess"
        }
        None => {
            input["error"] = said.error.into();
            input["cause"] = said.cause.into();
            "SendTaskFailure"
        }
    };
    let sent = api::call(console, principal, operation, input.to_string()).await;
    if let Err(refused) = sent {
        records.withdraw_answer(execution, token, &given).await?;
        return Err(refused);
    }
    records.release(token).await?;
    Ok(json!({"answer": given}).to_string().into())
}

/// Returns who answered tasks of an execution; whoever may see the execution may see it.
pub(crate) async fn answers(
    console: &Console,
    principal: &Principal,
    input: Bytes,
) -> Result<Bytes, Failure> {
    let asked: Value = parse(&input)?;
    let arn = asked["executionArn"].as_str().unwrap_or_default();
    let look = json!({"executionArn": arn}).to_string();
    api::call(console, principal, "DescribeExecution", look).await?;
    let answers = console.records.answers_of(arn).await?;
    Ok(json!({"answers": answers}).to_string().into())
}

/// Returns the task with all that the list says of it; `None` if it does not wait any more.
pub(crate) async fn find(
    console: &Console,
    principal: &Principal,
    task: &Task,
) -> Result<Option<Value>, Failure> {
    let mut query = json!({"executionArn": task.execution_arn, "maxResults": TASKS_AT_ONCE});
    loop {
        let mut page = open_tasks(console, principal, &query).await?;
        let tasks = page["tasks"].as_array_mut().map(std::mem::take);
        let is_it = |one: &Value| one["taskToken"] == json!(task.task_token);
        if let Some(found) = tasks.into_iter().flatten().find(is_it) {
            return Ok(Some(found));
        }
        match page["nextToken"].take() {
            Value::Null => return Ok(None),
            next => query["nextToken"] = next,
        }
    }
}

/// Returns the task as the server knows it, if it waits.
async fn open_task(
    console: &Console,
    principal: &Principal,
    task: &Task,
) -> Result<Option<Task>, Failure> {
    let found = find(console, principal, task).await?;
    let read = |found| {
        serde_json::from_value(found).map_err(|error| {
            tracing::error!(%error, "a task of the list is unreadable");
            Failure::internal("The list of tasks is unreadable.")
        })
    };
    found.map(read).transpose()
}

/// Returns the task as the server knows it.
///
/// # Errors
/// `TaskTimedOut` where it does not wait.
pub(crate) async fn require_open(
    console: &Console,
    principal: &Principal,
    task: &Task,
) -> Result<Task, Failure> {
    let found = open_task(console, principal, task).await?;
    found.ok_or_else(waits_no_more)
}

fn waits_no_more() -> Failure {
    let message = "The task does not wait for an answer any more.";
    Failure::client("TaskTimedOut", message)
}

async fn open_tasks(
    console: &Console,
    principal: &Principal,
    query: &Value,
) -> Result<Value, Failure> {
    ask_tasks(console, principal, query.to_string().into()).await
}

async fn ask_tasks(
    console: &Console,
    principal: &Principal,
    query: Bytes,
) -> Result<Value, Failure> {
    let page = console.ways.ask("tasks", principal.clone(), query).await?;
    parse(&page)
}

/// Says that a task was answered, by whom and when.
pub(crate) fn answered(answer: &Answer) -> Failure {
    let who = answer.name.as_deref().unwrap_or(&answer.by);
    Failure::client("AlreadyAnswered", format!("{who} has answered already."))
        .with_status(409)
        .with_field("answer", json!(answer))
}

pub(crate) fn parse<T: for<'d> Deserialize<'d>>(input: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(input)
        .map_err(|error| Failure::client("ValidationException", error.to_string()))
}
