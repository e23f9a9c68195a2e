//! `stepd test`: runs the cases of workflow test files over the engine, in virtual time and without a server.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;

mod children;
mod coverage;
mod duration;
mod expect;
mod file;
mod junit;
mod report;
mod world;

use coverage::Coverage;
use file::Suite;

/// Options of `stepd test`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Workflow test files in YAML or JSON
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Run only the cases whose name contains this text
    #[arg(long = "case", value_name = "TEXT")]
    only: Option<String>,
    /// Write the results in the format of JUnit, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print one JSON object for each file
    #[arg(long)]
    json: bool,
    /// Allow what `stepd serve --newer-jsonata` allows
    #[arg(long)]
    newer_jsonata: bool,
}

/// What came of one case.
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// What is not as expected; nothing of a case that passed.
    pub problems: Vec<String>,
    /// The states of the execution itself, in the order in which they were entered.
    pub path: Vec<String>,
    /// How long the execution took, in its own time.
    pub virtual_millis: i64,
    /// How long the test took.
    pub took: Duration,
}

/// What came of a file.
pub struct Tested {
    /// The file as it was named.
    pub file: String,
    /// Its cases, in order.
    pub outcomes: Vec<Outcome>,
    /// What the cases went through together.
    pub coverage: Coverage,
}

impl Tested {
    /// Returns how many cases failed.
    pub fn failed(&self) -> usize {
        self.outcomes
            .iter()
            .filter(|outcome| !outcome.problems.is_empty())
            .count()
    }
}

/// Runs every case of every file; the exit code is 1 when one failed, 2 when a file cannot be used.
pub fn run(arguments: &Arguments) -> ExitCode {
    match tested(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn tested(arguments: &Arguments) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    let in_colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // A file that is wrong is said before anything is run.
    let suites: Vec<Suite> = arguments
        .files
        .iter()
        .map(|path| {
            Suite::read(path, arguments.newer_jsonata)
                .with_context(|| format!("{} is not a workflow test", path.display()))
        })
        .collect::<anyhow::Result<_>>()?;
    let mut all = Vec::new();
    for suite in &suites {
        let tested = run_suite(suite, arguments.only.as_deref());
        let text = match arguments.json {
            true => report::json(&tested),
            false => report::for_people(&tested, in_colour),
        };
        // Whoever reads has gone: `stepd test … | head`.
        if out.write_all(text.as_bytes()).is_err() {
            break;
        }
        all.push(tested);
    }
    if !arguments.json {
        let _ = out.write_all(report::summary(&all, in_colour).as_bytes());
    }
    if let Some(path) = &arguments.junit {
        std::fs::write(path, junit::report(&all))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(all.iter().all(|tested| tested.failed() == 0))
}

fn run_suite(suite: &Suite, only: Option<&str>) -> Tested {
    let mut coverage = Coverage::of(&suite.machine);
    let cases = suite
        .cases
        .iter()
        .filter(|case| only.is_none_or(|only| case.name.contains(only)));
    let outcomes = cases
        .map(|case| {
            let began = Instant::now();
            let ran = world::run(suite, case);
            coverage.add(&ran);
            Outcome {
                name: case.name.clone(),
                problems: expect::problems(suite, case, &ran),
                path: ran.path(),
                virtual_millis: ran.millis,
                took: began.elapsed(),
            }
        })
        .collect();
    Tested {
        file: suite.name.clone(),
        outcomes,
        coverage,
    }
}
