//! `stepd replay`: plays a history that was exported from AWS again, and says where stepd would have done
//! otherwise.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use replay::Report;
use serde_json::{Value, json};

use crate::print::{self, Paint};
use crate::validate;
use crate::workflow::given;

/// Options of `stepd replay`.
#[derive(clap::Args)]
#[command(
    after_help = "aws stepfunctions get-execution-history --execution-arn ARN > history.json\n\
                  aws stepfunctions describe-state-machine-for-execution --execution-arn ARN \\\n    \
                  --query definition --output text > machine.json\n\
                  stepd replay history.json machine.json --execution-arn ARN"
)]
pub struct Arguments {
    /// The history, as `aws stepfunctions get-execution-history` prints it; - for standard input
    history: String,
    /// The definition that the execution ran, in JSON or YAML
    definition: String,
    /// The execution, for definitions that read their context: histories do not name it
    #[arg(long, value_name = "ARN")]
    execution_arn: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Plays the history; the exit code is 1 when stepd would have done otherwise.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let history = match arguments.history.as_str() {
        "-" => given("-")?,
        file => given(&format!("@{file}"))?,
    };
    let events =
        events(&history).with_context(|| format!("{} is no history", arguments.history))?;
    let definition = validate::as_json(&arguments.definition)?;
    let machine = asl::parse(&definition).map_err(|findings| {
        anyhow!(
            "{} is no definition that stepd takes, `stepd validate` shows where: {}",
            arguments.definition,
            asl::joined(&findings)
        )
    })?;
    let report = replay::replay(
        &definition,
        &machine,
        &events,
        arguments.execution_arn.as_deref(),
    )
    .map_err(|why| anyhow!("{}: {why}", arguments.history))?;
    if arguments.json {
        print::json(&shown(&report))?;
    } else {
        print::out(&told(&report))?;
    }
    Ok(match report.difference {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    })
}

/// Returns the events of an answer of `GetExecutionHistory`, or of a bare list.
fn events(text: &str) -> anyhow::Result<Vec<Value>> {
    let mut history: Value = serde_json::from_str(text)?;
    let events = match &mut history {
        Value::Object(members) => members.remove("events"),
        other => Some(other.take()),
    };
    let Some(Value::Array(events)) = events else {
        bail!("there is no list of events in it");
    };
    if history
        .get("nextToken")
        .is_some_and(|token| !token.is_null())
    {
        bail!("it is one page of several");
    }
    Ok(events)
}

fn told(report: &Report) -> String {
    let paint = Paint::for_output();
    let Report { same, recorded, .. } = report;
    match &report.difference {
        None => format!(
            "{} all {recorded} events are as recorded\n",
            paint.good("✓")
        ),
        Some(difference) => format!(
            "{} {same} of {recorded} events are as recorded\n{difference}\n",
            paint.bad("✗")
        ),
    }
}

fn shown(report: &Report) -> Value {
    let difference = report.difference.as_ref().map(|difference| {
        json!({
            "event": difference.event,
            "type": difference.kind,
            "state": difference.state,
            "why": difference.why,
        })
    });
    json!({
        "same": report.same,
        "recorded": report.recorded,
        "difference": difference,
    })
}
