//! `stepd watch`: one execution as it goes on, until it ends: a live view on a terminal, lines elsewhere.

mod screen;

use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};
use service::{Clock as _, SystemClock};

use super::history::line;
use super::{definition_of, show, start};
use crate::client::Client;
use crate::names::{self, text};
use crate::picture::{Picture, graph, timeline};
use crate::print::{self, Paint};

/// How often the server is asked.
const INTERVAL: Duration = Duration::from_millis(400);
/// Columns of what is left on the terminal at the end.
const COLUMNS: usize = 100;
/// Events of the first page that is asked for: most turns have fewer.
const EVENTS_AT_ONCE: usize = 20;

/// Options of `stepd watch`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The execution: its ARN, its name, or a beginning of its name that no other has; MACHINE:NAME
    execution: String,
    /// Print each event as a line of JSON
    #[arg(long)]
    json: bool,
}

/// Watches until the execution ends.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let arn = names::execution(&client, &arguments.execution)?;
    if arguments.json {
        return lines(&client, &arn, true);
    }
    watch(&client, &arn)
}

/// Watches an execution until it ends, as standard output allows.
pub fn watch(client: &Client, arn: &str) -> anyhow::Result<()> {
    if !print::is_terminal() {
        return lines(client, arn, false);
    }
    let mut watched = Watched::new(client, arn)?;
    if !screen::show(client, &mut watched)? {
        return Ok(());
    }
    // What is left on the terminal when the view is gone.
    let (paint, now) = (Paint::for_output(), SystemClock.now());
    let mut last = graph(&watched.picture, now, COLUMNS, paint).join("\n");
    last.push_str("\n\n");
    last.push_str(&timeline(&watched.picture, now, COLUMNS, paint).join("\n"));
    last.push_str("\n\n");
    last.push_str(&start::outcome(&watched.described));
    print::out(&last)?;
    success(&watched.described)
}

/// Waits for the end of an execution; returns its description.
pub fn until_closed(client: &Client, arn: &str) -> anyhow::Result<Value> {
    loop {
        let described = client.call("DescribeExecution", &json!({ "executionArn": arn }))?;
        if is_closed(&described) {
            return Ok(described);
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Fails when the execution did not end well, for the exit code.
pub fn success(described: &Value) -> anyhow::Result<()> {
    match text(described, "status") {
        "SUCCEEDED" => Ok(()),
        status => bail!("the execution ended as {status}"),
    }
}

fn is_closed(described: &Value) -> bool {
    !matches!(text(described, "status"), "RUNNING" | "PENDING_REDRIVE")
}

/// An execution as far as it is known.
struct Watched {
    arn: String,
    described: Value,
    picture: Picture,
    last_event: u64,
}

impl Watched {
    fn new(client: &Client, arn: &str) -> anyhow::Result<Self> {
        Ok(Self {
            arn: arn.to_owned(),
            described: Value::Null,
            picture: Picture::new(&definition_of(client, arn)?),
            last_event: 0,
        })
    }

    /// Asks for what is new; returns the events, the oldest first.
    fn refresh(&mut self, client: &Client) -> anyhow::Result<Vec<Value>> {
        // Described first: the events are then at least as new as the status.
        self.described = client.call("DescribeExecution", &json!({ "executionArn": self.arn }))?;
        let mut input = json!({
            "executionArn": self.arn,
            "reverseOrder": true,
            "maxResults": EVENTS_AT_ONCE,
        });
        let mut new: Vec<Value> = Vec::new();
        loop {
            let mut page = client.call("GetExecutionHistory", &input)?;
            let events = page["events"].as_array().cloned().unwrap_or_default();
            let is_new = |event: &Value| event["id"].as_u64().unwrap_or(0) > self.last_event;
            let known = events.iter().any(|event| !is_new(event));
            new.extend(events.into_iter().filter(is_new));
            match page["nextToken"].take() {
                token @ Value::String(_) if !known => input["nextToken"] = token,
                _ => break,
            }
        }
        new.reverse();
        for event in &new {
            self.picture.take(event);
        }
        let last = new.last().and_then(|event| event["id"].as_u64());
        self.last_event = last.unwrap_or(self.last_event);
        Ok(new)
    }
}

/// Prints a line for each event.
fn lines(client: &Client, arn: &str, as_json: bool) -> anyhow::Result<()> {
    let mut watched = Watched::new(client, arn)?;
    let paint = Paint::for_output();
    loop {
        let events = watched.refresh(client)?;
        let began = print::moment(&watched.described["startDate"]);
        let mut printed = String::new();
        for event in &events {
            if as_json {
                printed.push_str(&format!("{event}\n"));
            } else {
                let cells = line(event, &watched.picture, began, paint);
                printed.push_str(&cells.join("  "));
                printed.push('\n');
            }
        }
        print::out(&printed)?;
        if is_closed(&watched.described) {
            if !as_json {
                print::out(&start::outcome(&watched.described))?;
            }
            return success(&watched.described);
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Returns the whole view, from which the screen shows a part.
fn view(watched: &Watched, columns: usize, paint: Paint) -> Vec<String> {
    let now = SystemClock.now();
    let head = show::head(&watched.described, paint);
    let mut view: Vec<String> = head.lines().map(str::to_owned).collect();
    view.push(String::new());
    view.extend(graph(&watched.picture, now, columns, paint));
    view.push(String::new());
    view.extend(timeline(&watched.picture, now, columns, paint));
    view
}
