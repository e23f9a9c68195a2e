//! Every recorded history whose definition uses what is built is played and compared in full.
//!
//! The recordings are not part of the project: `STEPD_CORPUS` names their folder, and without them
//! there is nothing to do.

#[path = "corpus/case.rs"]
mod case;

use std::collections::BTreeMap;

use case::Case;
use replay::{compare, play};

/// Cases that cannot pass, with the reason.
const EXCUSED: &[(&str, &str)] = &[
    (
        "test_wait_timestamppath_.000000Z_",
        "the recording hides its input",
    ),
    (
        "test_wait_timestamppath_.00Z_",
        "the recording hides its input",
    ),
    (
        "test_wait_timestamppath_Z_",
        "the recording hides its input",
    ),
    (
        "test_map_state_items_eval_jsonata_variable_sampling_fail_object_",
        "recorded before maps iterated over objects",
    ),
    (
        "test_map_state_items_variable_sampling_object_",
        "recorded before maps iterated over objects",
    ),
    (
        "test_map_item_reader_base_list_objects_v2",
        "the recorder wrote the output anew, with spaces",
    ),
    (
        "test_map_state_label",
        "the service took the spaces out of this input, and of others not",
    ),
    (
        "test_map_state_result_writer",
        "the service took the spaces out of this input, and of others not",
    ),
];

/// What became of a case.
enum Verdict {
    Passed,
    OutOfScope(&'static str),
    Failed(String),
}

fn check(case: &Case) -> Verdict {
    if let Some((_, reason)) = EXCUSED.iter().find(|(name, _)| case.name.contains(name)) {
        return Verdict::OutOfScope(reason);
    }
    match compared(case) {
        Ok(()) => Verdict::Passed,
        Err(why) => Verdict::Failed(why),
    }
}

fn compared(case: &Case) -> Result<(), String> {
    let machine = asl::parse(&case.definition).map_err(|findings| asl::joined(&findings))?;
    let played = play::play(&case.definition, &machine, &case.input, case.history())?;
    if !case.history().is_empty() {
        compare::histories(&replay::renewed(case.history()), &played.history)?;
    }
    let mut bindings = compare::Bindings::default();
    for member in ["status", "output", "error", "cause"] {
        let expected = &case.expected[member];
        if expected
            .as_str()
            .is_some_and(|text| text.ends_with("EventDetails.output"))
        {
            continue;
        }
        compare::same(expected, &played.outcome[member], &mut bindings)
            .map_err(|why| format!("{member}: {why}"))?;
    }
    Ok(())
}

fn run(folder: &str) {
    let Some(corpus) = case::corpus() else {
        println!("corpus/{folder}: no recordings here, nothing compared");
        return;
    };
    let (mut passed, mut failed) = (0, Vec::new());
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    for case in case::cases(&corpus, folder) {
        match check(&case) {
            Verdict::Passed => passed += 1,
            Verdict::OutOfScope(reason) => *left_out.entry(reason).or_default() += 1,
            Verdict::Failed(why) => failed.push(format!("{}\n    {why}", case.name)),
        }
    }
    let reasons: Vec<String> = left_out
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    println!(
        "corpus/{folder}: {passed} passed, {} not in scope ({}), {} failed",
        left_out.values().sum::<usize>(),
        reasons.join(", "),
        failed.len()
    );
    assert!(failed.is_empty(), "failed:\n{}", failed.join("\n"));
    assert!(passed > 0, "no case of corpus/{folder} was compared");
}

#[test]
fn recorded_histories() {
    run("history");
}

/// What `stepd replay` says of the recordings: the same as the comparison in full, from the history alone.
#[test]
fn recorded_histories_replayed() {
    let Some(corpus) = case::corpus() else {
        println!("corpus/history: no recordings here, nothing replayed");
        return;
    };
    let (mut same, mut otherwise, mut refused) = (0, Vec::new(), BTreeMap::new());
    for case in case::cases(&corpus, "history") {
        if EXCUSED.iter().any(|(name, _)| case.name.contains(name)) {
            continue;
        }
        let Ok(machine) = asl::parse(&case.definition) else {
            *refused
                .entry("the definition is refused".to_owned())
                .or_insert(0) += 1;
            continue;
        };
        match replay::replay(&case.definition, &machine, case.history(), None) {
            Ok(report) => match report.difference {
                None => same += 1,
                Some(difference) => otherwise.push(format!("{}\n    {difference}", case.name)),
            },
            Err(why) => *refused.entry(why).or_insert(0) += 1,
        }
    }
    println!(
        "corpus/history replayed: {same} the same, {} otherwise, not replayed: {refused:?}",
        otherwise.len()
    );
    assert!(otherwise.is_empty(), "otherwise:\n{}", otherwise.join("\n"));
    assert!(same > 0, "no case of corpus/history was replayed");
}

#[test]
fn recorded_choices() {
    run("choice");
}
