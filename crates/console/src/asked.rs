//! What a visitor with an answer link is shown: the question, and nothing else of the machine.
//!
//! The page makes a form of the definition (`console/src/definition/form.ts`): of the state that waits, of the
//! Choice states behind it, and of what other states take from the answer. Only this is cut out here.

use std::collections::{HashSet, VecDeque};

use serde_json::{Map, Value, json};

/// How many Choice states behind each other the form looks at.
const CHOICES_MAX: usize = 16;

/// Most values of a definition that are looked at: no definition of a machine has more.
const VALUES_MAX: usize = 1 << 20;

/// What the form reads of the state that waits.
const STATE_FIELDS: [&str; 8] = [
    "Type",
    "Comment",
    "Next",
    "ResultPath",
    "OutputPath",
    "ResultSelector",
    "Output",
    "Assign",
];

/// What is in a rule of a Choice beside its comparison.
const RULE_EXTRAS: [&str; 3] = ["Comment", "Assign", "Output"];

/// From how many letters on without a break a word may be a token: a task's has 47.
const TOKEN_LETTERS_MIN: usize = 40;

/// Stands for a token.
const ELLIPSIS: &str = "…";

/// Returns a definition with the state `name` and what the form of its answer is made of besides.
pub(crate) fn question(definition: &str, name: &str) -> Value {
    let root: Value = serde_json::from_str(definition).unwrap_or_default();
    let states = States::of(&root);
    let Some(state) = states.get(name) else {
        return json!({"StartAt": name, "States": {}});
    };
    let mut shown = only(state, &STATE_FIELDS);
    let is_jsonata = |flow: &Value| flow["QueryLanguage"] == json!("JSONata");
    if is_jsonata(&root) || is_jsonata(state) || state.get("Arguments").is_some() {
        shown.insert("QueryLanguage".to_owned(), "JSONata".into());
    }
    let taken = states.taken_from(&places(state));
    if !taken.is_empty() {
        // The form finds here, beside each other, what other states name of the answer.
        shown.insert("Parameters".to_owned(), taken.into());
    }
    let mut cut = Map::new();
    cut.insert(name.to_owned(), shown.into());
    let mut waiting: VecDeque<&str> = state["Next"].as_str().into_iter().collect();
    while cut.len() <= CHOICES_MAX
        && let Some(name) = waiting.pop_front()
    {
        let Some(next) = states.get(name).filter(|next| next["Type"] == "Choice") else {
            continue;
        };
        if cut.contains_key(name) {
            continue;
        }
        let rules = next["Choices"].as_array().into_iter().flatten();
        waiting.extend(rules.filter_map(|rule| rule["Next"].as_str()));
        waiting.extend(next["Default"].as_str());
        cut.insert(name.to_owned(), choice(next));
    }
    json!({"StartAt": name, "States": cut})
}

/// Returns `text`, JSON of a task's parameters, without `token` and whatever else looks like one.
///
/// The token itself goes wherever it stands. Another one (of a task elsewhere, or in somebody's link) is a long
/// word of both small and capital letters.
pub(crate) fn without_tokens(text: &str, token: &str) -> String {
    let own;
    let text = if token.is_empty() {
        text
    } else {
        own = text.replace(token, ELLIPSIS);
        &own
    };
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let letters = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        let word = &rest[..rest.find(|letter| !letters(letter)).unwrap_or(rest.len())];
        shown.push_str(if is_like_a_token(word) {
            ELLIPSIS
        } else {
            word
        });
        rest = &rest[word.len()..];
        // What is escaped belongs to no word.
        let between = match rest.as_bytes() {
            [b'\\', b'u', ..] => 6,
            [b'\\', _, ..] => 2,
            _ => 1,
        };
        let end = rest.char_indices().nth(between);
        let (between, behind) = rest.split_at(end.map_or(rest.len(), |(end, _)| end));
        shown.push_str(between);
        rest = behind;
    }
    shown
}

fn is_like_a_token(word: &str) -> bool {
    word.len() >= TOKEN_LETTERS_MIN
        && word.bytes().any(|letter| letter.is_ascii_uppercase())
        && word.bytes().any(|letter| letter.is_ascii_lowercase())
}

fn only(state: &Value, fields: &[&str]) -> Map<String, Value> {
    let named = |field: &&str| Some(((*field).to_owned(), state.get(*field)?.clone()));
    fields.iter().filter_map(named).collect()
}

/// Returns what the form reads of a Choice state.
fn choice(state: &Value) -> Value {
    let mut shown = only(state, &["Type", "Choices", "Default"]);
    let rules = shown.get_mut("Choices").and_then(Value::as_array_mut);
    for rule in rules.into_iter().flatten().filter_map(Value::as_object_mut) {
        rule.retain(|name, _| !RULE_EXTRAS.contains(&name.as_str()));
    }
    shown.into()
}

/// Returns how paths begin by which other states may name parts of the answer.
fn places(state: &Value) -> Vec<String> {
    let mut places = Vec::new();
    if let Some(path) = state["ResultPath"].as_str() {
        places.push(path.to_owned());
    }
    let selected = state["ResultSelector"].as_object();
    if state.get("ResultPath").is_none() {
        let names = selected.into_iter().flat_map(Map::keys);
        places.extend(names.map(|name| format!("$.{}", name.trim_end_matches(".$"))));
    }
    let output = state["Output"].as_object().into_iter().flat_map(Map::keys);
    places.extend(output.map(|name| format!("$.{name}")));
    let assigned = state["Assign"].as_object().into_iter().flat_map(Map::keys);
    places.extend(assigned.map(|name| format!("${}", name.trim_end_matches(".$"))));
    places.retain(|place| place != "$");
    places
}

/// The states of a definition by their names, those in branches and iterations with them.
struct States<'d>(std::collections::HashMap<&'d str, &'d Value>);

impl<'d> States<'d> {
    fn of(root: &'d Value) -> Self {
        let mut states = std::collections::HashMap::new();
        let mut flows = vec![root];
        while let Some(flow) = flows.pop() {
            for (name, state) in flow["States"].as_object().into_iter().flatten() {
                states.insert(name.as_str(), state);
                flows.extend(state["Branches"].as_array().into_iter().flatten());
                flows.extend(state.get("ItemProcessor"));
                flows.extend(state.get("Iterator"));
            }
        }
        Self(states)
    }

    fn get(&self, name: &str) -> Option<&'d Value> {
        self.0.get(name).copied()
    }

    /// Returns the paths in what states pass on that begin with one of `places`, each once and in order.
    fn taken_from(&self, places: &[String]) -> Vec<Value> {
        let passed = |state: &'d Value| [state.get("Parameters"), state.get("Arguments")];
        let mut waiting: Vec<&Value> = self
            .0
            .values()
            .copied()
            .flat_map(passed)
            .flatten()
            .collect();
        let mut paths = HashSet::new();
        for _ in 0..VALUES_MAX {
            match waiting.pop() {
                None => break,
                Some(Value::Array(values)) => waiting.extend(values),
                Some(Value::Object(members)) => waiting.extend(members.values()),
                Some(Value::String(text)) => {
                    let path = path_of(text);
                    let begins = |place: &String| {
                        let rest = path.strip_prefix(place.as_str());
                        rest.is_some_and(|rest| rest.starts_with(['.', '[']))
                    };
                    if is_path(&path) && places.iter().any(begins) {
                        paths.insert(path);
                    }
                }
                Some(Value::Null | Value::Bool(_) | Value::Number(_)) => {}
            }
        }
        let mut paths: Vec<String> = paths.into_iter().collect();
        paths.sort_unstable();
        paths.into_iter().map(Value::from).collect()
    }
}

/// `{% $states.input.x %}` → `$.x`; what is a path already stays.
fn path_of(text: &str) -> String {
    let inner = text
        .strip_prefix("{%")
        .and_then(|text| text.strip_suffix("%}"));
    let path = inner.unwrap_or(text).trim();
    match path.strip_prefix("$states.input") {
        Some(rest) => format!("${rest}"),
        None => path.to_owned(),
    }
}

/// Says whether a text is a path and no expression.
fn is_path(text: &str) -> bool {
    let fits = |letter: char| letter.is_alphanumeric() || "$._-['\"]".contains(letter);
    text.starts_with('$') && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "AQAAAAAAAAAAAAcAAAAAAAAABWq0rPZ1x-7yXhTn_2o5bVQ";
    const OTHER: &str = "AQAAAAAAAAAAAAgAAAAAAAAABbq0rPZ1x-7yXhTn_2o5bVQ";

    #[test]
    fn no_token_is_shown() {
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let link = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJB7ImJ5Ijp7IlJvb3Q";
        let cases = [
            (
                format!(r#"{{"taskToken":"{TOKEN}"}}"#),
                r#"{"taskToken":"…"}"#,
            ),
            (format!(r#"{{"a":"x{TOKEN}y"}}"#), r#"{"a":"x…y"}"#),
            (format!(r#"{{"a":"b\n{OTHER}\n"}}"#), r#"{"a":"b\n…\n"}"#),
            (format!(r#"{{"a":"\u00e9{OTHER}"}}"#), r#"{"a":"\u00e9…"}"#),
            (
                format!(r#"{{"a":"{{\"token\":\"{OTHER}\"}}"}}"#),
                r#"{"a":"{\"token\":\"…\"}"}"#,
            ),
            (
                format!(r#"{{"mail":"open https://h/console/answer#{link} é"}}"#),
                r#"{"mail":"open https://h/console/answer#… é"}"#,
            ),
            (format!(r#"{{"sha":"{digest}"}}"#), ""),
            (
                r#"{"id":"0b6d2c0e-8a3f-4c0b-9d3e-3b8f0a4b7c11","n":1.50,"t":"Grüße\\"}"#
                    .to_owned(),
                "",
            ),
            (r#"{"broken\"#.to_owned(), ""),
            (String::new(), ""),
        ];
        for (text, expected) in cases {
            let expected = if expected.is_empty() { &text } else { expected };
            assert_eq!(without_tokens(&text, TOKEN), *expected);
        }
    }

    #[test]
    fn the_question_is_cut_out() {
        let definition = json!({
            "Comment": "a secret", "StartAt": "Before",
            "States": {
                "Before": {"Type": "Pass", "Result": "a secret", "Next": "All"},
                "All": {"Type": "Parallel", "Next": "After", "Branches": [{"StartAt": "Ask", "States": {
                    "Ask": {
                        "Type": "Task", "Resource": "a secret", "Comment": "May it?", "Next": "Which",
                        "Parameters": {"Secret": "a secret", "T.$": "$$.Task.Token"},
                        "ResultPath": "$.review", "Catch": [{"ErrorEquals": ["a secret"], "Next": "Before"}],
                    },
                    "Which": {
                        "Type": "Choice", "Comment": "a secret", "Default": "More",
                        "Choices": [{"Variable": "$.review.yes", "BooleanEquals": true, "Next": "Done",
                            "Comment": "a secret", "Assign": {"a": "a secret"}}],
                    },
                    "More": {"Type": "Choice", "Choices": [
                        {"Variable": "$.review.n", "NumericEquals": 1, "Next": "Which"}]},
                    "Done": {"Type": "Pass", "Parameters": {
                        "why.$": "$.review.reason", "b.$": "$.secret", "c": "$.review.x is a secret"}},
                }}]},
                "After": {"Type": "Succeed"},
            },
        });
        let expected = json!({"StartAt": "Ask", "States": {
            "Ask": {"Type": "Task", "Comment": "May it?", "Next": "Which", "ResultPath": "$.review",
                "Parameters": ["$.review.reason"]},
            "Which": {"Type": "Choice", "Default": "More",
                "Choices": [{"Variable": "$.review.yes", "BooleanEquals": true, "Next": "Done"}]},
            "More": {"Type": "Choice", "Choices": [
                {"Variable": "$.review.n", "NumericEquals": 1, "Next": "Which"}]},
        }});
        assert_eq!(question(&definition.to_string(), "Ask"), expected);
    }

    #[test]
    fn the_language_of_the_machine_is_kept() {
        let definition = json!({"QueryLanguage": "JSONata", "StartAt": "Ask", "States": {
            "Ask": {"Type": "Task", "Arguments": {"a": "a secret"}, "Next": "End",
                "Output": {"review": "{% $states.result %}"}, "Assign": {"who": "{% $states.result.who %}"}},
            "End": {"Type": "Pass", "Output": {}, "Arguments": [
                "{% $states.input.review.why %}", "{% $who.name %}", "{% $other.name %}"]},
        }});
        let expected = json!({"StartAt": "Ask", "States": {
            "Ask": {"Type": "Task", "QueryLanguage": "JSONata", "Next": "End",
                "Output": {"review": "{% $states.result %}"}, "Assign": {"who": "{% $states.result.who %}"},
                "Parameters": ["$.review.why", "$who.name"]},
        }});
        assert_eq!(question(&definition.to_string(), "Ask"), expected);
        for broken in ["", "[]", "{\"States\":[]}", "{\"States\":{\"Ask\":7}}"] {
            assert_eq!(question(broken, "Ask")["StartAt"], json!("Ask"));
        }
    }
}
