//! From what people type to what the API wants: names, beginnings of names, and ARNs.

use anyhow::{bail, ensure};
use serde_json::{Value, json};

use crate::client::Client;

/// How many executions a message names.
const NAMED_MAX: usize = 8;

/// Returns every item of a listing, in pages, up to `most`.
pub fn every(
    client: &Client,
    action: &str,
    input: &Value,
    member: &str,
    most: usize,
) -> anyhow::Result<Vec<Value>> {
    pages(input, member, most, |input| client.call(action, input))
}

/// Returns every item of what `ask` answers in pages, up to `most`.
pub fn pages(
    input: &Value,
    member: &str,
    most: usize,
    ask: impl Fn(&Value) -> anyhow::Result<Value>,
) -> anyhow::Result<Vec<Value>> {
    let (mut input, mut items) = (input.clone(), Vec::new());
    while items.len() < most {
        input["maxResults"] = json!((most - items.len()).min(1_000));
        let mut answer = ask(&input)?;
        if let Some(Value::Array(page)) = answer.get_mut(member).map(Value::take) {
            items.extend(page);
        }
        match answer["nextToken"].take() {
            Value::Null => break,
            token => input["nextToken"] = token,
        }
    }
    items.truncate(most);
    Ok(items)
}

/// Returns a text of an answer.
pub fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_default()
}

/// Returns the ARN of the state machine that `typed` means: its ARN, its name, or the beginning of it; behind
/// a colon a version or an alias.
pub fn machine(client: &Client, typed: &str) -> anyhow::Result<String> {
    if typed.starts_with("arn:") {
        return Ok(typed.to_owned());
    }
    let (name, qualifier) = typed.split_once(':').unwrap_or((typed, ""));
    let machines = every(
        client,
        "ListStateMachines",
        &json!({}),
        "stateMachines",
        usize::MAX,
    )?;
    let names: Vec<&str> = machines.iter().map(|one| text(one, "name")).collect();
    let at = match names.iter().position(|known| *known == name) {
        Some(at) => at,
        None => {
            let begins = |(_, known): &(usize, &&str)| known.starts_with(name);
            let found: Vec<(usize, &&str)> = names.iter().enumerate().filter(begins).collect();
            match (&found[..], names.is_empty()) {
                ([(at, _)], _) => *at,
                ([], true) => {
                    bail!("there is no state machine yet: `stepd deploy` brings some")
                }
                ([], false) => bail!(
                    "no state machine is called {name}: there are {}",
                    listed(&names)
                ),
                (_, _) => {
                    let found: Vec<&str> = found.iter().map(|(_, name)| **name).collect();
                    bail!("{name} can be {}: say more of the name", listed(&found))
                }
            }
        }
    };
    let arn = text(&machines[at], "stateMachineArn");
    Ok(match qualifier {
        "" => arn.to_owned(),
        qualifier => format!("{arn}:{qualifier}"),
    })
}

/// Returns the ARN of the execution that `typed` means: its ARN, its name, or a beginning of its name that
/// only one execution has; `MACHINE:NAME` looks in one machine.
pub fn execution(client: &Client, typed: &str) -> anyhow::Result<String> {
    if typed.starts_with("arn:") {
        return Ok(typed.to_owned());
    }
    let mut query = json!({ "namePrefix": typed });
    let mut name = typed;
    if let Some((of, rest)) = typed.split_once(':') {
        query = json!({ "namePrefix": rest, "stateMachineArn": machine(client, of)? });
        name = rest;
    }
    ensure!(!typed.is_empty(), "an execution's name is not empty");
    let answer = client.ask("executions", &query)?;
    let found = answer["executions"].as_array().cloned().unwrap_or_default();
    let exact: Vec<&Value> = found
        .iter()
        .filter(|one| text(one, "name") == name)
        .collect();
    let chosen = match (&exact[..], &found[..]) {
        ([one], _) => one,
        ([], [one]) => one,
        ([], []) => bail!("no execution's name begins with {name}: `stepd list` shows them"),
        (_, _) => {
            let shown: Vec<String> = found
                .iter()
                .take(NAMED_MAX)
                .map(|one| {
                    let arn = text(one, "stateMachineArn");
                    let machine = arn.rsplit(':').next().unwrap_or(arn);
                    format!("{machine}:{}", text(one, "name"))
                })
                .collect();
            let more = if found.len() > NAMED_MAX { ", …" } else { "" };
            bail!(
                "{typed} can be {}{more}: say more of the name, or MACHINE:NAME",
                shown.join(", ")
            )
        }
    };
    Ok(text(chosen, "executionArn").to_owned())
}

/// Returns the open task that `typed` means: its token, or `EXECUTION` where one task of it is open, or
/// `EXECUTION/STATE`.
pub fn task(client: &Client, typed: &str) -> anyhow::Result<Value> {
    let ask = |input: &Value| client.ask("tasks", input);
    if is_token(typed) {
        let tasks = pages(&json!({}), "tasks", usize::MAX, ask)?;
        let found = tasks
            .into_iter()
            .find(|task| text(task, "taskToken") == typed);
        return found.ok_or_else(|| {
            anyhow::anyhow!(
                "no task with this token is open: it was answered, or its time was over"
            )
        });
    }
    let (of, state) = split_state(typed);
    let arn = execution(client, of)?;
    let mut tasks = pages(&json!({ "executionArn": arn }), "tasks", usize::MAX, ask)?;
    ensure!(
        !tasks.is_empty(),
        "nothing of {of} waits for an answer: `stepd show {of}` says how it is"
    );
    let exact = tasks.iter().any(|task| text(task, "stateName") == state);
    tasks.retain(|task| {
        let name = text(task, "stateName");
        if exact {
            name == state
        } else {
            name.starts_with(state)
        }
    });
    match &tasks[..] {
        [task] => Ok(task.clone()),
        [] => bail!("no state of {of} that waits is called {state}: `stepd task list` shows them"),
        several => {
            let shown: Vec<String> = several
                .iter()
                .take(NAMED_MAX)
                .map(|task| {
                    format!(
                        "\n  {}  {}",
                        text(task, "taskToken"),
                        text(task, "stateName")
                    )
                })
                .collect();
            bail!(
                "{} tasks of {of} wait: say EXECUTION/STATE, or the token:{}",
                several.len(),
                shown.concat()
            )
        }
    }
}

/// Splits `EXECUTION/STATE`. In an ARN, a slash before the execution's name belongs to a map run.
fn split_state(typed: &str) -> (&str, &str) {
    let name_at = match typed.starts_with("arn:") {
        true => typed
            .match_indices(':')
            .nth(6)
            .map_or(typed.len(), |(at, _)| at),
        false => 0,
    };
    match typed[name_at..].find('/') {
        Some(slash) => (&typed[..name_at + slash], &typed[name_at + slash + 1..]),
        None => (typed, ""),
    }
}

/// Says whether `typed` has the form of a task token of this server.
pub fn is_token(typed: &str) -> bool {
    let of_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    typed.len() == 47 && typed.starts_with("AQ") && typed.bytes().all(of_base64)
}

fn listed(names: &[&str]) -> String {
    let more = if names.len() > NAMED_MAX { ", …" } else { "" };
    let shown: Vec<&str> = names.iter().take(NAMED_MAX).copied().collect();
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_named_behind_its_execution() {
        let child = "arn:aws:states:us-east-1:1:execution:m/Label:child";
        for (typed, execution, state) in [
            ("one", "one", ""),
            ("one/Ask: Why/How", "one", "Ask: Why/How"),
            ("m:one/Ask", "m:one", "Ask"),
            (child, child, ""),
            (&format!("{child}/Ask/Me"), child, "Ask/Me"),
        ] {
            assert_eq!(split_state(typed), (execution, state), "{typed}");
        }
    }
}
