//! JSONata as we run it against the reference implementation, version 2.0.6, which AWS names.
//!
//! `cargo xtask test` installs the reference and names its folder in `STEPD_TOOLS`; without it there is
//! nothing to compare with. Every known difference has a name here.

#[path = "jsonata/generate.rs"]
mod generate;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use asl::query::{NoVariables, Scope};
use asl::{Flow, StateKind};
use serde_json::{Number, Value, json};
use vocab::{Entropy, Timestamp};

use generate::Generator;

/// How many expressions are compared.
const CASES: u64 = 6_000;
const FIRST: u64 = 0;

/// What came of an expression.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Value(Value),
    Undefined,
    Function,
    Refused(String),
    Threw(String, String),
}

/// Returns the folder that holds the reference's `node_modules`.
fn reference() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("STEPD_TOOLS")?).join("jsonata");
    folder
        .join("node_modules/jsonata")
        .is_dir()
        .then_some(folder)
}

fn theirs(folder: &Path, cases: &[(String, Value)]) -> Vec<Outcome> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jsonata/reference.js");
    let mut node = Command::new("node")
        .arg(script)
        .env("NODE_PATH", folder.join("node_modules"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts: the tools need it");
    let list: Vec<Value> = cases
        .iter()
        .map(|(expression, input)| json!({ "expression": expression, "input": input }))
        .collect();
    let mut stdin = node.stdin.take().expect("piped");
    let text = Value::Array(list).to_string();
    stdin.write_all(text.as_bytes()).expect("node reads");
    drop(stdin);
    let output = node.wait_with_output().expect("node ends");
    let outcomes: Vec<Value> = serde_json::from_slice(&output.stdout).expect("node writes JSON");
    outcomes.iter().map(their_outcome).collect()
}

fn their_outcome(outcome: &Value) -> Outcome {
    let pair = |name: &str| {
        let pair = outcome.get(name)?.as_array()?;
        let text = |at: usize| pair[at].as_str().unwrap_or_default().to_owned();
        Some((text(0), text(1)))
    };
    if let Some(value) = outcome.get("value") {
        Outcome::Value(value.clone())
    } else if let Some((_, message)) = pair("refused") {
        Outcome::Refused(message)
    } else if let Some((code, message)) = pair("threw") {
        Outcome::Threw(code, message)
    } else if outcome.get("function").is_some() {
        Outcome::Function
    } else {
        Outcome::Undefined
    }
}

fn ours(expression: &str, input: &Value) -> Outcome {
    let definition = json!({"StartAt": "A", "QueryLanguage": "JSONata", "States": {
        "A": {"Type": "Pass", "Output": format!("{{% {expression} %}}"), "End": true}
    }});
    let machine = match asl::parse(&definition.to_string()) {
        Ok(machine) => machine,
        Err(findings) => return Outcome::Refused(findings[0].message.clone()),
    };
    let StateKind::Pass(pass) = &machine.states()[0].kind else {
        panic!("a Pass state");
    };
    let Flow::Jsonata(flow) = &pass.flow else {
        panic!("a state in JSONata");
    };
    let entropy = RefCell::new(Entropy::from_seed(1));
    let result = flow.output.as_ref().expect("Output").evaluate(&Scope {
        input,
        result: None,
        error_output: None,
        context: &|| json!({}),
        variables: &NoVariables,
        entropy: &entropy,
        now: Timestamp::default(),
    });
    match result {
        Ok(value) => Outcome::Value(value),
        Err(failure) => failed(&failure.cause),
    }
}

fn failed(cause: &str) -> Outcome {
    let (_, ending) = cause
        .rsplit_once("specified for the field 'Output' ")
        .expect("the cause names the field");
    if ending == "returned nothing (undefined)." {
        return Outcome::Undefined;
    }
    if ending == "returned an unsupported result type." {
        return Outcome::Function;
    }
    let threw = ending
        .strip_prefix("threw an error during evaluation")
        .expect(cause);
    match threw
        .strip_prefix(". ")
        .and_then(|coded| coded.split_once(": "))
    {
        Some((code, message)) => Outcome::Threw(code.to_owned(), message.to_owned()),
        None => Outcome::Threw(String::new(), threw.trim_start_matches(": ").to_owned()),
    }
}

/// Says whether both came to the same: a number is the same in whatever form.
fn same(ours: &Outcome, theirs: &Outcome) -> bool {
    match (ours, theirs) {
        (Outcome::Value(ours), Outcome::Value(theirs)) => same_value(ours, theirs),
        (ours, theirs) => ours == theirs,
    }
}

fn same_value(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => same_number(ours, theirs),
        (Value::Array(ours), Value::Array(theirs)) => {
            let mut pairs = ours.iter().zip(theirs);
            ours.len() == theirs.len() && pairs.all(|(ours, theirs)| same_value(ours, theirs))
        }
        // JavaScript puts members whose names are whole numbers first.
        (Value::Object(ours), Value::Object(theirs)) => {
            let found = |(name, ours): (&String, &Value)| {
                theirs
                    .get(name)
                    .is_some_and(|theirs| same_value(ours, theirs))
            };
            ours.len() == theirs.len() && ours.iter().all(found)
        }
        (ours, theirs) => ours == theirs,
    }
}

/// The last digit of a number beyond 2^53 may differ.
fn same_number(ours: &Number, theirs: &Number) -> bool {
    let (Some(ours), Some(theirs)) = (ours.as_f64(), theirs.as_f64()) else {
        return false;
    };
    ours == theirs || (ours.abs() > 9.1e15 && ((ours - theirs) / ours).abs() < 1e-15)
}

/// Returns the name of the difference, if it is a known one.
fn known(expression: &str, ours: &Outcome, theirs: &Outcome) -> Option<&'static str> {
    let has = |part: &str| expression.contains(part);
    match (ours, theirs) {
        (Outcome::Refused(message), _) if message.starts_with("Reference to") => {
            Some("what reads a context is refused, as by AWS")
        }
        (Outcome::Refused(_), Outcome::Refused(message))
            if message.starts_with("Invalid regular expression") =>
        {
            Some("what is wrong with a regular expression is not told in JavaScript's words")
        }
        (_, Outcome::Threw(code, _)) if code.is_empty() => {
            Some("the reference stumbles over its own code")
        }
        (Outcome::Threw(code, _), Outcome::Value(_)) if code == "D1001" => {
            Some("a number that is not finite is an error")
        }
        (Outcome::Value(_), Outcome::Value(theirs)) if theirs.to_string().contains("\"NaN\"") => {
            Some("NaN is null")
        }
        (Outcome::Threw(ours, _), Outcome::Threw(theirs, message))
            if ours == theirs && (message.contains("\"and\"") || message.contains("\"or\"")) =>
        {
            Some("an error inside `and` or `or` names what failed, not the operator around it")
        }
        (Outcome::Value(_), Outcome::Value(_)) if has("~> |") => {
            Some("a transform leaves an array inside an array as it is")
        }
        (Outcome::Undefined, _) if has("$split") || has("$replace") => {
            Some("a function without its pattern gives nothing")
        }
        (Outcome::Value(_), Outcome::Value(theirs)) if theirs.to_string().contains("e+") => {
            Some("a number beyond 2^53 has all its digits as a text")
        }
        // The reference evaluates the items of an array side by side.
        (Outcome::Threw(..), Outcome::Threw(..)) => Some("another one of several errors is told"),
        _ => None,
    }
}

/// Compares all cases; says how many agree and how the others differ, and fails for unknown differences.
fn compare(cases: &[(String, Value)]) {
    let Some(folder) = reference() else {
        println!("SKIPPED: STEPD_TOOLS names no folder with the reference implementation");
        return;
    };
    let mut differences: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unknown = Vec::new();
    for ((expression, input), theirs) in cases.iter().zip(theirs(&folder, cases)) {
        let ours = ours(expression, input);
        *kinds.entry(kind(&theirs)).or_default() += 1;
        if same(&ours, &theirs) {
            continue;
        }
        match known(expression, &ours, &theirs) {
            Some(name) => *differences.entry(name).or_default() += 1,
            None => unknown.push(format!(
                "{expression}\n  over {input}\n  ours   {ours:?}\n  theirs {theirs:?}"
            )),
        }
    }
    let count = cases.len();
    println!("{count} expressions compared: {kinds:?}; known differences: {differences:?}");
    let shown = unknown[..unknown.len().min(20)].join("\n");
    assert!(
        unknown.is_empty(),
        "{} unknown differences:\n{shown}",
        unknown.len()
    );
}

#[test]
fn generated_expressions_agree() {
    let made = (FIRST..FIRST + CASES).map(|seed| {
        let mut generator = Generator::new(seed);
        let input = generator.input();
        (generator.expression(), input)
    });
    compare(&made.collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_read_is_told_in_the_same_words() {
    let made = (FIRST..FIRST + CASES).map(|seed| (Generator::new(seed).soup(), json!({})));
    compare(&made.collect::<Vec<_>>());
}

fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Value(_) => "a value",
        Outcome::Undefined => "nothing",
        Outcome::Function => "a function",
        Outcome::Refused(_) => "refused",
        Outcome::Threw(..) => "an error",
    }
}
