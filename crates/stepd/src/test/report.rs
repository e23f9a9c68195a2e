//! The results as text: for people, and for machines as JSON.

use serde_json::{Value, json};

use super::duration;
use super::{Outcome, Tested};

struct Colours {
    good: &'static str,
    bad: &'static str,
    faint: &'static str,
    end: &'static str,
}

fn colours(in_colour: bool) -> Colours {
    match in_colour {
        true => Colours {
            good: "\u{1b}[32m",
            bad: "\u{1b}[31m",
            faint: "\u{1b}[2m",
            end: "\u{1b}[0m",
        },
        false => Colours {
            good: "",
            bad: "",
            faint: "",
            end: "",
        },
    }
}

/// Returns the cases of a file, and what they went through.
pub fn for_people(tested: &Tested, in_colour: bool) -> String {
    let Colours {
        good,
        bad,
        faint,
        end,
    } = colours(in_colour);
    let mut text = format!("{}\n", tested.file);
    for outcome in &tested.outcomes {
        let (states, span) = (outcome.path.len(), duration::shown(outcome.virtual_millis));
        let about = format!(
            "{faint}{states} states, {span}, in {:.0?}{end}",
            outcome.took
        );
        let mark = match outcome.problems.is_empty() {
            true => format!("{good}✓{end}"),
            false => format!("{bad}✗{end}"),
        };
        text.push_str(&format!("  {mark} {}  {about}\n", outcome.name));
        for problem in &outcome.problems {
            text.push_str(&format!("      {problem}\n"));
        }
    }
    let coverage = &tested.coverage;
    let line = |what: &str, all: usize, missed: &[&str]| {
        let named = match missed.is_empty() {
            true => String::new(),
            false => format!("; never: {}", missed.join("; ")),
        };
        format!(
            "  {faint}{what} {} of {all}{named}{end}\n",
            all - missed.len()
        )
    };
    text.push_str(&line(
        "states",
        coverage.states(),
        &coverage.states_missed(),
    ));
    text.push_str(&line("branches", coverage.ways(), &coverage.ways_missed()));
    text
}

/// Returns the line that counts all cases.
pub fn summary(all: &[Tested], in_colour: bool) -> String {
    let Colours { good, bad, end, .. } = colours(in_colour);
    let failed: usize = all.iter().map(Tested::failed).sum();
    let passed = all
        .iter()
        .map(|tested| tested.outcomes.len())
        .sum::<usize>()
        - failed;
    match failed {
        0 => format!("{good}{passed} passed{end}\n"),
        _ => format!("{passed} passed, {bad}{failed} failed{end}\n"),
    }
}

/// Returns the results of a file as one line of JSON.
pub fn json(tested: &Tested) -> String {
    let case = |outcome: &Outcome| {
        json!({
            "name": outcome.name,
            "passed": outcome.problems.is_empty(),
            "problems": outcome.problems,
            "path": outcome.path,
            "virtualSeconds": outcome.virtual_millis as f64 / 1_000.0,
            "seconds": outcome.took.as_secs_f64(),
        })
    };
    let coverage = |all: usize, missed: Vec<&str>| json!({ "total": all, "covered": all - missed.len(), "missed": missed });
    let cases: Vec<Value> = tested.outcomes.iter().map(case).collect();
    let shown = json!({
        "file": tested.file,
        "passed": tested.failed() == 0,
        "cases": cases,
        "coverage": {
            "states": coverage(tested.coverage.states(), tested.coverage.states_missed()),
            "branches": coverage(tested.coverage.ways(), tested.coverage.ways_missed()),
        },
    });
    format!("{shown}\n")
}
