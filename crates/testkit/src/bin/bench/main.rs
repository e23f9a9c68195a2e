//! The load generator: takes stepd's figures from outside, over signed HTTP, from one binary in one
//! run.
//!
//! Everything that is counted is durable: an answer that was given is on disk. Client and server
//! share the machine, so the figures are what both manage together.

#![forbid(unsafe_code)]

mod answers;
mod distributed;
mod footprint;
mod language;
mod paused;
mod rates;
mod reading;
mod sync;
mod workers;

use std::time::Duration;

use anyhow::{Context, bail};

/// What is measured, and how long.
struct Plan {
    seconds: u64,
    paused: usize,
    items: usize,
    listed: usize,
}

fn main() -> anyhow::Result<()> {
    let plan = plan(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Runtime::new().context("could not start the client's runtime")?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "stepd {} on {cores} cores, client included; every figure durable",
        env!("CARGO_PKG_VERSION")
    );
    rates::measure(&runtime, Duration::from_secs(plan.seconds))?;
    sync::measure(&runtime, Duration::from_secs(plan.seconds))?;
    language::measure(&runtime)?;
    distributed::measure(&runtime, plan.items)?;
    answers::measure(&runtime)?;
    workers::measure(&runtime)?;
    reading::measure(&runtime, plan.listed)?;
    paused::measure(&runtime, plan.paused)
}

fn plan(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Plan> {
    let mut plan = Plan {
        seconds: 10,
        paused: 100_000,
        items: 100_000,
        listed: 1_000_000,
    };
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .with_context(|| format!("{name} needs a value"))?;
        let number = value
            .parse()
            .with_context(|| format!("{name} needs a number, not {value}"))?;
        match name.as_str() {
            "--seconds" => plan.seconds = number,
            "--items" => plan.items = usize::try_from(number).context("--items is too large")?,
            "--listed" => plan.listed = usize::try_from(number).context("--listed is too large")?,
            "--paused" => plan.paused = usize::try_from(number).context("--paused is too large")?,
            unknown => bail!("there is no option {unknown}"),
        }
    }
    Ok(plan)
}
