//! `stepd task`: what waits for somebody's answer, and the answers.

use serde_json::{Value, json};
use service::{Clock as _, SystemClock};

use crate::client::Client;
use crate::names::{self, text};
use crate::print::{self, Paint};
use crate::workflow::{given, machine_of, short};

/// Columns of a text, of which the whole is in `stepd task show`.
const TEXT_COLUMNS: usize = 60;

/// What to do with tasks.
#[derive(clap::Subcommand)]
pub enum Command {
    /// List what waits for an answer: callbacks and tasks of activities, the one that waits longest first
    List(ListArguments),
    /// Show one task with all that its answer depends on
    Show(Chosen),
    /// Answer a task with its result
    Succeed(SucceedArguments),
    /// Answer a task with an error
    Fail(FailArguments),
    /// Say that somebody still works on a task
    Heartbeat(Chosen),
    /// Print a link with which somebody without a key can answer a task, once
    Link(Chosen),
}

/// Options of `stepd task list`.
#[derive(clap::Args)]
pub struct ListArguments {
    /// Only tasks of this state machine: its ARN, its name, or the beginning of it
    machine: Option<String>,
    /// How many, at most
    #[arg(long, short = 'n', default_value_t = 100)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Which task, and how to print what is said of it.
#[derive(clap::Args)]
pub struct Chosen {
    /// The task: EXECUTION, EXECUTION/STATE where several of it wait, or its token
    task: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `stepd task succeed`.
#[derive(clap::Args)]
pub struct SucceedArguments {
    #[command(flatten)]
    chosen: Chosen,
    /// The result: JSON, @FILE, or - for standard input
    #[arg(default_value = "{}")]
    output: String,
}

/// Options of `stepd task fail`.
#[derive(clap::Args)]
pub struct FailArguments {
    #[command(flatten)]
    chosen: Chosen,
    /// The error, for the state's Retry and Catch
    #[arg(long)]
    error: Option<String>,
    /// Why
    #[arg(long)]
    cause: Option<String>,
}

/// Carries out a command.
pub fn run(command: Command) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    match command {
        Command::List(arguments) => list(&client, &arguments),
        Command::Show(chosen) => show(&client, &chosen),
        Command::Succeed(SucceedArguments { chosen, output }) => {
            let output = given(&output)?;
            answer(&client, &chosen, "SendTaskSuccess", |input| {
                input["output"] = json!(output);
            })
        }
        Command::Fail(FailArguments {
            chosen,
            error,
            cause,
        }) => answer(&client, &chosen, "SendTaskFailure", |input| {
            for (member, value) in [("error", error), ("cause", cause)] {
                if let Some(value) = value {
                    input[member] = json!(value);
                }
            }
        }),
        Command::Heartbeat(chosen) => answer(&client, &chosen, "SendTaskHeartbeat", |_| {}),
        Command::Link(chosen) => link(&client, &chosen),
    }
}

fn list(client: &Client, arguments: &ListArguments) -> anyhow::Result<()> {
    let mut query = json!({});
    if let Some(machine) = &arguments.machine {
        query["stateMachineArn"] = json!(names::machine(client, machine)?);
    }
    let tasks = names::pages(&query, "tasks", arguments.limit, |query| {
        client.ask("tasks", query)
    })?;
    if arguments.json {
        return print::json(&json!({ "tasks": tasks }));
    }
    if tasks.is_empty() {
        return print::out("nothing waits for an answer\n");
    }
    let shown = listed(&tasks, Paint::for_output());
    print::out(&format!("{shown}{}", next_step(&tasks)))
}

/// Returns tasks as a table.
pub fn listed(tasks: &[Value], paint: Paint) -> String {
    let head = ["TASK", "WAITS", "FOR", "MACHINE", "WHAT"];
    let mut rows = vec![head.map(|name| paint.faint(name)).to_vec()];
    rows.extend(tasks.iter().map(|task| {
        let comment = text(task, "stateComment");
        let what = if comment.is_empty() {
            text(task, "parameters")
        } else {
            comment
        };
        vec![
            paint.strong(&named(task)),
            waits(task),
            stage(task, paint),
            machine_of(text(task, "executionArn")).to_owned(),
            print::cut(what, TEXT_COLUMNS),
        ]
    }));
    print::columns(&rows)
}

/// Returns what to type next.
pub fn next_step(tasks: &[Value]) -> String {
    let Some(task) = tasks.first() else {
        return String::new();
    };
    let name = named(task);
    let name = match name
        .chars()
        .any(|c| c.is_whitespace() || "'\"$&()!*".contains(c))
    {
        true => format!("'{}'", name.replace('\'', r"'\''")),
        false => name,
    };
    format!("\n`stepd task succeed {name} '{{}}'` answers, `stepd task show {name}` says more\n")
}

fn named(task: &Value) -> String {
    let execution = short(text(task, "executionArn"));
    format!("{execution}/{}", text(task, "stateName"))
}

fn waits(task: &Value) -> String {
    let since = print::moment(&task["scheduledDate"]);
    let since = since.map_or(0, |since| SystemClock.now().as_millis() - since.as_millis());
    print::duration(since)
}

fn stage(task: &Value, paint: Paint) -> String {
    match text(task, "stage") {
        "CALLING" => paint.faint("its call"),
        "WAITING" => paint.live("an answer"),
        "OFFERED" => paint.odd("a worker"),
        "TAKEN" => paint.live("its worker"),
        other => other.to_owned(),
    }
}

fn show(client: &Client, chosen: &Chosen) -> anyhow::Result<()> {
    let task = names::task(client, &chosen.task)?;
    if chosen.json {
        return print::json(&task);
    }
    let paint = Paint::for_output();
    let parameters: Value = serde_json::from_str(text(&task, "parameters")).unwrap_or_default();
    let heartbeat = match task["heartbeatSeconds"].as_u64() {
        None => String::new(),
        Some(seconds) => {
            let due = print::date(&task["heartbeatDate"]);
            format!(
                "every {seconds} s{}",
                if due.is_empty() {
                    due
                } else {
                    format!(", next by {due}")
                }
            )
        }
    };
    let rows = [
        ("Task", paint.strong(&named(&task))),
        ("Comment", text(&task, "stateComment").to_owned()),
        ("Execution", text(&task, "executionArn").to_owned()),
        ("Resource", text(&task, "resource").to_owned()),
        (
            "Waits for",
            format!(
                "{}, since {} ({})",
                stage(&task, paint),
                print::date(&task["scheduledDate"]),
                waits(&task)
            ),
        ),
        ("Worker", text(&task, "workerName").to_owned()),
        ("Until", print::date(&task["timeoutDate"])),
        ("Heartbeat", heartbeat),
        ("Token", text(&task, "taskToken").to_owned()),
    ];
    let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
    let rows: Vec<Vec<String>> = rows
        .map(|(name, value)| vec![paint.faint(name), value])
        .collect();
    print::out(&format!(
        "{}\n{}\n{}",
        print::columns(&rows),
        serde_json::to_string_pretty(&parameters)?,
        next_step(std::slice::from_ref(&task))
    ))
}

fn link(client: &Client, chosen: &Chosen) -> anyhow::Result<()> {
    let task = names::task(client, &chosen.task)?;
    let asked = json!({
        "taskToken": task["taskToken"],
        "executionArn": task["executionArn"],
        "stateName": task["stateName"],
    });
    let made = client.ask("console/answer-links", &asked)?;
    let link = format!("{}{}", client.endpoint(), text(&made, "path"));
    if chosen.json {
        return print::json(&json!({ "link": link }));
    }
    print::out(&format!("{link}\n"))
}

/// Sends an answer. A token is used as it is: whoever has it need not be able to list tasks.
fn answer(
    client: &Client,
    chosen: &Chosen,
    action: &str,
    fill: impl FnOnce(&mut Value),
) -> anyhow::Result<()> {
    let (token, name) = match names::is_token(&chosen.task) {
        true => (chosen.task.clone(), "the task".to_owned()),
        false => {
            let task = names::task(client, &chosen.task)?;
            (text(&task, "taskToken").to_owned(), named(&task))
        }
    };
    let mut input = json!({ "taskToken": token });
    fill(&mut input);
    let answered = client.call(action, &input)?;
    if chosen.json {
        return print::json(&answered);
    }
    let told = match action {
        "SendTaskHeartbeat" => "its heartbeat was heard",
        _ => "answered",
    };
    print::out(&format!("{name}: {told}\n"))
}
