//! What is expected of an execution against what came of it, told so that a person sees the difference.

use asl::outline::Outline;
use engine_core::Outcome;
use serde_json::Value;

use super::duration;
use super::file::{Case, OfState, Suite};
use super::world::Ran;

/// Most differences of one value that are told.
const DIFFERENCES_MAX: usize = 10;

/// Returns what is not as expected; nothing when all is.
pub fn problems(suite: &Suite, case: &Case, ran: &Ran) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(problem) = &ran.problem {
        problems.push(problem.clone());
        problems.extend(place(suite, ran));
        return problems;
    }
    let expect = &case.expect;
    let ended = Ended::of(ran);
    let text = |what: &str, expected: &Option<String>, found: Option<&str>| {
        let expected = expected.as_deref()?;
        let found = found.unwrap_or("none");
        (expected != found).then(|| format!("{what}: expected {expected}, found {found}"))
    };
    // Who expects nothing of the end expects a good one.
    let expects_end = expect.status.is_some() || expect.error.is_some() || expect.cause.is_some();
    let status = match expects_end {
        true => expect.status.clone(),
        false => Some("SUCCEEDED".to_owned()),
    };
    if let Some(problem) = text("status", &status, Some(ended.status)) {
        let why = match (&ended.error, &ended.cause) {
            (None, None) => String::new(),
            (error, cause) => format!(
                " ({}: {})",
                error.as_deref().unwrap_or("no error"),
                cause.as_deref().unwrap_or("no cause")
            ),
        };
        problems.push(format!("{problem}{why}"));
    }
    problems.extend(text("error", &expect.error, ended.error.as_deref()));
    problems.extend(text("cause", &expect.cause, ended.cause.as_deref()));
    for (expected, whole) in [(&expect.output, true), (&expect.output_contains, false)] {
        match (expected, &ended.output) {
            (Some(expected), Some(found)) => {
                compare("output", expected, found, whole, &mut problems)
            }
            (Some(_), None) => problems.push("output: expected one, found none".to_owned()),
            (None, _) => {}
        }
    }
    if let Some(expected) = &expect.path {
        let found = ran.path();
        if *expected != found {
            let at = expected
                .iter()
                .zip(&found)
                .take_while(|(left, right)| left == right)
                .count();
            let name = |path: &[String]| {
                path.get(at)
                    .map_or("the end".to_owned(), |name| format!("'{name}'"))
            };
            problems.push(format!(
                "path: expected {} as number {}, found {}; the way was {}",
                name(expected),
                at + 1,
                name(&found),
                found.join(" → ")
            ));
        }
    }
    if let Some(expected) = expect.duration
        && expected != ran.millis
    {
        let (expected, found) = (duration::shown(expected), duration::shown(ran.millis));
        problems.push(format!("duration: expected {expected}, found {found}"));
    }
    for (name, expected) in &expect.states {
        of_state(name, expected, ran, &mut problems);
    }
    if !problems.is_empty() {
        problems.extend(place(suite, ran));
    }
    problems
}

fn of_state(name: &str, expected: &OfState, ran: &Ran, problems: &mut Vec<String>) {
    let visits: Vec<_> = ran
        .visits
        .iter()
        .filter(|visit| visit.state == name)
        .collect();
    if let Some(times) = expected.times
        && times != visits.len() as u64
    {
        problems.push(format!(
            "state '{name}': expected to be entered {times} times, was {}",
            visits.len()
        ));
    }
    let inputs: Vec<_> = visits.iter().map(|visit| visit.input.value()).collect();
    in_order(name, "input", expected.inputs.as_deref(), &inputs, problems);
    let calls = ran.calls.iter().filter(|call| call.state == name);
    let calls: Vec<_> = calls.map(|call| call.parameters.value()).collect();
    in_order(
        name,
        "parameters",
        expected.parameters.as_deref(),
        &calls,
        problems,
    );
}

fn in_order(
    name: &str,
    what: &str,
    expected: Option<&[Value]>,
    found: &[&Value],
    problems: &mut Vec<String>,
) {
    for (number, expected) in expected.unwrap_or_default().iter().enumerate() {
        let what = match number {
            0 => format!("state '{name}': {what}"),
            number => format!("state '{name}': {what} {}", number + 1),
        };
        match found.get(number) {
            Some(found) => compare(&what, expected, found, true, problems),
            None => problems.push(format!("{what}: expected one, found none")),
        }
    }
}

/// How an execution ended, in the words of the API.
struct Ended {
    status: &'static str,
    output: Option<Value>,
    error: Option<String>,
    cause: Option<String>,
}

impl Ended {
    fn of(ran: &Ran) -> Self {
        let status = ran
            .outcome
            .as_ref()
            .map_or("RUNNING", |outcome| outcome.status().name());
        let (output, error, cause) = match &ran.outcome {
            Some(Outcome::Succeeded(output)) => (Some(output.value().clone()), None, None),
            Some(Outcome::Failed(error, cause) | Outcome::Aborted(error, cause)) => (
                None,
                error.as_deref().map(str::to_owned),
                cause.as_deref().map(str::to_owned),
            ),
            Some(Outcome::TimedOut) | None => (None, None, None),
        };
        Self {
            status,
            output,
            error,
            cause,
        }
    }
}

/// Says whether `whole` has everything that `part` has.
pub fn contains(part: &Value, whole: &Value) -> bool {
    let mut differences = Vec::new();
    differ("", part, whole, false, &mut differences);
    differences.is_empty()
}

fn compare(what: &str, expected: &Value, found: &Value, whole: bool, problems: &mut Vec<String>) {
    let mut differences = Vec::new();
    differ("", expected, found, whole, &mut differences);
    let more = differences.len().saturating_sub(DIFFERENCES_MAX);
    for difference in differences.into_iter().take(DIFFERENCES_MAX) {
        problems.push(format!("{what}{difference}"));
    }
    if more > 0 {
        problems.push(format!("{what}: {more} more differences"));
    }
}

/// Adds where two values differ; JSON that was read nests no deeper than its reader allows.
fn differ(at: &str, expected: &Value, found: &Value, whole: bool, differences: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, expected) in expected {
                let at = format!("{at}/{name}");
                match found.get(name) {
                    Some(found) => differ(&at, expected, found, whole, differences),
                    None => {
                        differences.push(format!(" at {at}: expected {expected}, found nothing"))
                    }
                }
            }
            for (name, found) in found
                .iter()
                .filter(|(name, _)| whole && !expected.contains_key(*name))
            {
                differences.push(format!(" at {at}/{name}: expected nothing, found {found}"));
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                differ(
                    &format!("{at}/{index}"),
                    expected,
                    found,
                    whole,
                    differences,
                );
            }
            if expected.len() != found.len() {
                let (expected, found) = (expected.len(), found.len());
                differences.push(format!(
                    "{}: expected {expected} elements, found {found}",
                    shown(at)
                ));
            }
        }
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => {}
        (expected, found) if expected == found => {}
        (expected, found) => {
            differences.push(format!("{}: expected {expected}, found {found}", shown(at)));
        }
    }
}

fn shown(at: &str) -> String {
    match at {
        "" => String::new(),
        at => format!(" at {at}"),
    }
}

/// Returns where in the definition the execution was last.
fn place(suite: &Suite, ran: &Ran) -> Option<String> {
    let last = &ran.visits.last()?.state;
    let source = suite.source.as_ref()?;
    let outline = match source.is_yaml() {
        true => Outline::of_yaml(&source.text),
        false => Outline::of_json(&source.text),
    };
    let location = location_of(&suite.definition, last)?;
    let place = outline.find(&location)?;
    let before = source
        .text
        .get(..place.key.map_or(place.value.start, |key| key.start))?;
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |rest| rest.chars().count())
        + 1;
    Some(format!(
        "the last state was '{last}', at {}:{line}:{column}",
        source.name
    ))
}

/// Returns the place of a state: `/States/A/Branches[0]/States/B`.
fn location_of(definition: &Value, state: &str) -> Option<String> {
    let mut open = vec![(definition, String::new())];
    while let Some((workflow, at)) = open.pop() {
        for (name, found) in workflow
            .get("States")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let at = format!("{at}/States/{name}");
            if name == state {
                return Some(at);
            }
            for (number, branch) in found["Branches"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                open.push((branch, format!("{at}/Branches[{number}]")));
            }
            for field in ["ItemProcessor", "Iterator"] {
                open.extend(
                    found
                        .get(field)
                        .map(|inner| (inner, format!("{at}/{field}"))),
                );
            }
        }
    }
    None
}
