//! Random definitions are right; with one thing in one state wrong, the finding names that place.

use serde_json::{Map, Value};
use simulator::definition::{Size, definition};
use vocab::Entropy;

const SEEDS: u64 = 400;

/// A thing that is wrong in a state, and where below the state it is found.
struct Mutation {
    name: &'static str,
    /// Changes the state; `false` where it has nothing to be changed.
    spoil: fn(&mut Map<String, Value>) -> bool,
    found_at: &'static str,
    message: &'static str,
}

const MUTATIONS: [Mutation; 7] = [
    Mutation {
        name: "no type",
        spoil: |state| state.shift_remove("Type").is_some(),
        found_at: "",
        message: "These fields are required: [Type]",
    },
    Mutation {
        name: "an unknown type",
        spoil: |state| state.insert("Type".into(), "Sleep".into()).is_some(),
        found_at: "/Type",
        message: "The field 'Type' should have one of these values",
    },
    Mutation {
        name: "a next state that is not there",
        spoil: |state| replaced(state, "Next", "nowhere".into()),
        found_at: "/Next",
        message: "Missing 'Next' target: nowhere",
    },
    Mutation {
        name: "an unknown field",
        spoil: |state| state.insert("Colour".into(), "red".into()).is_none(),
        found_at: "",
        message: "Field 'Colour' is not supported",
    },
    Mutation {
        name: "neither next nor end",
        spoil: |state| state.shift_remove("Next").is_some() || state.shift_remove("End").is_some(),
        found_at: "",
        message: "Next",
    },
    Mutation {
        name: "retriers that are no list",
        spoil: |state| replaced(state, "Retry", 7.into()),
        found_at: "/Retry",
        message: "",
    },
    Mutation {
        name: "a catcher without errors",
        spoil: |state| match state.get_mut("Catch").and_then(|list| list.get_mut(0)) {
            Some(catcher) => catcher
                .as_object_mut()
                .and_then(|catcher| catcher.shift_remove("ErrorEquals"))
                .is_some(),
            None => false,
        },
        found_at: "/Catch[0]",
        message: "These fields are required: [ErrorEquals]",
    },
];

fn replaced(state: &mut Map<String, Value>, field: &str, value: Value) -> bool {
    match state.get_mut(field) {
        Some(place) => {
            *place = value;
            true
        }
        None => false,
    }
}

/// Calls `visit` for every state below `workflow`, with its place as AWS writes it.
fn each_state(
    workflow: &mut Value,
    at: &str,
    visit: &mut dyn FnMut(&str, &mut Map<String, Value>),
) {
    let states = workflow.get_mut("States").and_then(Value::as_object_mut);
    for (name, state) in states.into_iter().flatten() {
        let place = format!("{at}/States/{name}");
        if let Some(state) = state.as_object_mut() {
            visit(&place, state);
        }
        if let Some(processor) = state.get_mut("ItemProcessor") {
            each_state(processor, &format!("{place}/ItemProcessor"), visit);
        }
        let branches = state.get_mut("Branches").and_then(Value::as_array_mut);
        for (index, branch) in branches.into_iter().flatten().enumerate() {
            each_state(branch, &format!("{place}/Branches[{index}]"), visit);
        }
    }
}

fn check(seed: u64, mutation: &Mutation) -> bool {
    let mut entropy = Entropy::from_seed(seed);
    let size = Size {
        depth: 2,
        states: 6,
    };
    let mut machine = definition(&mut entropy, size);
    let mut count = 0;
    each_state(&mut machine, "", &mut |_, _| count += 1);
    let chosen = entropy.below(count);
    let (mut number, mut spoilt) = (0, None);
    each_state(&mut machine, "", &mut |place, state| {
        if number == chosen && (mutation.spoil)(state) {
            spoilt = Some(format!("{place}{}", mutation.found_at));
        }
        number += 1;
    });
    let Some(place) = spoilt else { return false };
    let findings = asl::diagnose(&machine.to_string());
    let named = findings.iter().any(|finding| {
        finding.location.as_deref() == Some(&place) && finding.message.contains(mutation.message)
    });
    let (name, findings) = (mutation.name, asl::joined(&findings));
    assert!(
        named,
        "seed {seed}, {name} at {place}: {findings}\n{machine}"
    );
    true
}

#[test]
fn what_is_wrong_is_found_where_it_is() {
    for mutation in &MUTATIONS {
        let spoilt = (0..SEEDS).filter(|seed| check(*seed, mutation)).count();
        assert!(spoilt > 20, "{}: spoilt {spoilt}", mutation.name);
    }
}
