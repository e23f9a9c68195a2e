//! Workflow test files (docs/adr/0036): a definition, and cases that say what states are answered and what
//! is expected of the execution.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use asl::{MachineType, Reading, StateMachine};
use serde_json::{Map, Value};
use states::mocks::{MockCase, MockFile, MockedAnswer};
use vocab::Timestamp;

use super::duration;
use crate::validate::definition::{Definition, fill};

/// A test file that was read and is right.
pub struct Suite {
    /// The file as it was named.
    pub name: String,
    /// The definition's text, where it has a file of its own, to show places in it.
    pub source: Option<Definition>,
    /// The definition as JSON, with what is filled at deployment filled.
    pub definition: Value,
    /// The same, parsed.
    pub machine: StateMachine,
    /// The machine is an Express one: five minutes are the end.
    pub express: bool,
    /// In the order of the file.
    pub cases: Vec<Case>,
}

/// One execution, and what is expected of it.
#[derive(Default)]
pub struct Case {
    /// What it is called.
    pub name: String,
    /// The execution's input.
    pub input: Value,
    /// When it begins.
    pub start: Option<Timestamp>,
    /// What states are answered.
    pub answers: BTreeMap<String, Answers>,
    /// What must be so.
    pub expect: Expect,
}

/// What one state is answered.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Those that are for certain calls, in order.
    pub matching: Vec<Answer>,
    /// Those that are given one after the other.
    pub sequence: Vec<Answer>,
    /// The last of the sequence is given again and again.
    pub repeats: bool,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Which calls it is for: those whose parameters contain this.
    pub when: Option<Value>,
    /// How long it takes, in milliseconds.
    pub after: i64,
    /// How often the answerer beats meanwhile.
    pub beat: Option<i64>,
    /// What it says.
    pub reply: Reply,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A result.
    Return(Value),
    /// A failure.
    Throw {
        /// As `ErrorEquals` names it.
        error: String,
        /// For people.
        cause: Option<String>,
    },
    /// The items that a Distributed Map reads.
    Items(Vec<Value>),
    /// Nothing, ever.
    Never,
}

/// What must be so; what is not said is not looked at.
#[derive(Default)]
pub struct Expect {
    pub status: Option<String>,
    pub output: Option<Value>,
    pub output_contains: Option<Value>,
    pub error: Option<String>,
    pub cause: Option<String>,
    pub path: Option<Vec<String>>,
    pub duration: Option<i64>,
    pub states: BTreeMap<String, OfState>,
}

/// What must be so of one state.
#[derive(Default)]
pub struct OfState {
    pub times: Option<u64>,
    pub inputs: Option<Vec<Value>>,
    pub parameters: Option<Vec<Value>>,
}

impl Suite {
    /// Reads a test file with the files that it names.
    pub fn read(path: &Path, newer_jsonata: bool) -> anyhow::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let value = document(path)?;
        let file = object(&value, "the file")?;
        only(
            file,
            "the file",
            &[
                "definition",
                "substitutions",
                "type",
                "mock-config",
                "machine",
                "cases",
            ],
        )?;
        let express = match file.get("type").map(|word| word.as_str()) {
            None | Some(Some("STANDARD")) => false,
            Some(Some("EXPRESS")) => true,
            Some(_) => bail!("type: here stands STANDARD or EXPRESS"),
        };
        let (mut definition, source) = match file.get("definition") {
            Some(Value::String(name)) => {
                let path = folder.join(name);
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("definition: {} cannot be read", path.display()))?;
                let source = Definition::new(&path.display().to_string(), text);
                let read = cfn_template::yaml::parse(&source.text);
                let read = read.with_context(|| format!("definition: {}", path.display()))?;
                (read.value, Some(source))
            }
            Some(inline @ Value::Object(_)) => (inline.clone(), None),
            Some(_) => bail!("definition: here stands a file's name, or a definition"),
            None => bail!("definition: this member is missing"),
        };
        if let Some(given) = file.get("substitutions") {
            substitute(&mut definition, object(given, "substitutions")?);
        }
        fill(&mut definition);
        let reading = Reading {
            machine_type: match express {
                true => MachineType::Express,
                false => MachineType::Standard,
            },
            newer_jsonata,
            ..Reading::default()
        };
        let machine = asl::parse_as(&definition.to_string(), reading).map_err(|findings| {
            anyhow::anyhow!(
                "definition: {} (`stepd validate` shows the places)",
                asl::joined(&findings)
            )
        })?;
        let mocks = match file.get("mock-config") {
            Some(Value::String(name)) => {
                let path = folder.join(name);
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("mock-config: {} cannot be read", path.display()))?;
                let mocks = MockFile::parse(&text);
                Some(mocks.with_context(|| format!("mock-config: {}", path.display()))?)
            }
            Some(_) => bail!("mock-config: here stands the name of a file"),
            None => None,
        };
        let machine_name = file.get("machine").and_then(Value::as_str);
        let mut suite = Self {
            name: path.display().to_string(),
            source,
            definition,
            machine,
            express,
            cases: Vec::new(),
        };
        let Some(Value::Array(cases)) = file.get("cases") else {
            bail!("cases: here stands a list of cases");
        };
        ensure!(!cases.is_empty(), "cases: there is none");
        for (number, case) in (1..).zip(cases) {
            let place = format!("cases: number {number}");
            let case = suite
                .case(case, mocks.as_ref().zip(machine_name))
                .context(place)?;
            suite.cases.push(case);
        }
        Ok(suite)
    }

    fn case(&self, value: &Value, mocks: Option<(&MockFile, &str)>) -> anyhow::Result<Case> {
        let case = object(value, "a case")?;
        only(
            case,
            "a case",
            &["name", "input", "start", "mock-case", "answers", "expect"],
        )?;
        let Some(name) = case.get("name").and_then(Value::as_str) else {
            bail!("name: here stands what the case is called");
        };
        let mut read = Case {
            name: name.to_owned(),
            input: case
                .get("input")
                .cloned()
                .unwrap_or_else(|| Map::new().into()),
            ..Case::default()
        };
        if let Some(start) = case.get("start") {
            let moment = start.as_str().and_then(Timestamp::parse_rfc3339);
            read.start =
                Some(moment.context("start: here stands a moment, as in 2026-01-31T12:00:00Z")?);
        }
        if let Some(mocked) = case.get("mock-case") {
            let mocked = mocked.as_str().context("mock-case: here stands a name")?;
            let (file, machine) = mocks.context(
                "mock-case: the file must name its mock-config, and its machine as that calls it",
            )?;
            let found = file.case(machine, mocked);
            let found = found
                .with_context(|| format!("mock-case: there is no '{mocked}' of '{machine}'"))?;
            read.answers = answers_of_mocks(found);
        }
        if let Some(answers) = case.get("answers") {
            for (state, answers) in object(answers, "answers")? {
                let place = format!("answers: {state}");
                let answers = answers_of(answers).context(place)?;
                read.answers.insert(state.clone(), answers);
            }
        }
        for state in read.answers.keys() {
            self.knows(state).context("answers")?;
        }
        if let Some(expect) = case.get("expect") {
            read.expect = self.expect(expect).context("expect")?;
        }
        Ok(read)
    }

    fn knows(&self, state: &str) -> anyhow::Result<()> {
        ensure!(
            self.machine.find(state).is_some(),
            "the definition has no state '{state}'"
        );
        Ok(())
    }

    fn expect(&self, value: &Value) -> anyhow::Result<Expect> {
        let expect = object(value, "expect")?;
        only(
            expect,
            "expect",
            &[
                "status",
                "output",
                "output-contains",
                "error",
                "cause",
                "path",
                "duration",
                "states",
            ],
        )?;
        let text = |name: &str| match expect.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => bail!("{name}: here stands a text"),
        };
        let mut read = Expect {
            status: text("status")?,
            output: expect.get("output").cloned(),
            output_contains: expect.get("output-contains").cloned(),
            error: text("error")?,
            cause: text("cause")?,
            ..Expect::default()
        };
        if let Some(status) = &read.status {
            let known = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];
            ensure!(
                known.contains(&status.as_str()),
                "status: one of {}",
                known.join(", ")
            );
        }
        if let Some(path) = expect.get("path") {
            let names = path
                .as_array()
                .context("path: here stands a list of states")?;
            let mut states = Vec::new();
            for name in names {
                let name = name
                    .as_str()
                    .context("path: here stands a list of states")?;
                self.knows(name).context("path")?;
                states.push(name.to_owned());
            }
            read.path = Some(states);
        }
        if let Some(span) = expect.get("duration") {
            let span = duration::millis(span);
            read.duration = Some(span.context("duration: here stands a span, as in '3 days'")?);
        }
        if let Some(states) = expect.get("states") {
            for (name, value) in object(states, "states")? {
                self.knows(name).context("states")?;
                let place = format!("states: {name}");
                let of_state = object(value, &place)?;
                only(
                    of_state,
                    &place,
                    &["times", "input", "inputs", "parameters"],
                )?;
                let times = of_state.get("times").map(|times| {
                    times
                        .as_u64()
                        .with_context(|| format!("{place}: times: here stands a number"))
                });
                let list = |one: &str, many: &str| match (of_state.get(one), of_state.get(many)) {
                    (Some(value), _) => Ok(Some(vec![value.clone()])),
                    (None, Some(Value::Array(values))) => Ok(Some(values.clone())),
                    (None, Some(_)) => bail!("{place}: {many}: here stands a list"),
                    (None, None) => Ok(None),
                };
                let expected = OfState {
                    times: times.transpose()?,
                    inputs: list("input", "inputs")?,
                    parameters: of_state.get("parameters").map(|value| vec![value.clone()]),
                };
                read.states.insert(name.clone(), expected);
            }
        }
        Ok(read)
    }
}

fn document(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).context("it cannot be read as text")?;
    let read = cfn_template::yaml::parse(&text);
    Ok(read.map_err(|error| anyhow::anyhow!("{error}"))?.value)
}

/// Reads what a state is answered: one answer for every call, or a list, call by call.
fn answers_of(value: &Value) -> anyhow::Result<Answers> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut answers = Answers {
        repeats: value.is_object(),
        ..Answers::default()
    };
    for (number, value) in (1..).zip(list) {
        let answer = answer(value).with_context(|| format!("answer {number}"))?;
        match answer.when {
            Some(_) => answers.matching.push(answer),
            None => answers.sequence.push(answer),
        }
    }
    Ok(answers)
}

fn answer(value: &Value) -> anyhow::Result<Answer> {
    let answer = object(value, "an answer")?;
    only(
        answer,
        "an answer",
        &["return", "throw", "items", "never", "after", "beat", "when"],
    )?;
    let span = |name: &str| match answer.get(name).map(duration::millis) {
        None => Ok(None),
        Some(Some(millis)) => Ok(Some(millis)),
        Some(None) => bail!("{name}: here stands a span, as in '3 days'"),
    };
    let said = ["return", "throw", "items", "never"];
    let mut said = said
        .iter()
        .filter_map(|name| Some((*name, answer.get(*name)?)));
    let reply = match (said.next(), said.next()) {
        (Some(("return", value)), None) => Reply::Return(value.clone()),
        (Some(("items", Value::Array(items))), None) => Reply::Items(items.clone()),
        (Some(("never", Value::Bool(true))), None) => Reply::Never,
        (Some(("throw", Value::String(error))), None) => Reply::Throw {
            error: error.clone(),
            cause: None,
        },
        (Some(("throw", Value::Object(failure))), None) => {
            only(failure, "throw", &["error", "cause"])?;
            let text = |name: &str| failure.get(name).and_then(Value::as_str).map(str::to_owned);
            Reply::Throw {
                error: text("error").context("throw: 'error' is missing")?,
                cause: text("cause"),
            }
        }
        _ => bail!(
            "here stands one of `return`, `throw` (a name, or `error` and `cause`), `items` (a list) and `never: true`"
        ),
    };
    let beat = span("beat")?;
    ensure!(beat != Some(0), "beat: a span that is longer than nothing");
    Ok(Answer {
        when: answer.get("when").cloned(),
        after: span("after")?.unwrap_or(0),
        beat,
        reply,
    })
}

/// Most answers that are taken of one range of a mock file.
const CALLS_MAX: u64 = 10_000;

fn answers_of_mocks(case: &MockCase) -> BTreeMap<String, Answers> {
    let mut read = BTreeMap::new();
    for state in case.states() {
        let Some(mocked) = case.answers(state) else {
            continue;
        };
        let sequence = (0..mocked.calls().min(CALLS_MAX)).filter_map(|call| mocked.answer(call));
        let sequence = sequence.map(|answer| Answer {
            when: None,
            after: 0,
            beat: None,
            reply: match answer {
                MockedAnswer::Return(value) => Reply::Return(value.clone()),
                MockedAnswer::Throw { error, cause } => Reply::Throw {
                    error: error.clone(),
                    cause: cause.clone(),
                },
            },
        });
        let answers = Answers {
            sequence: sequence.collect(),
            ..Answers::default()
        };
        read.insert(state.to_owned(), answers);
    }
    read
}

/// Fills `${Name}` in every text of a definition, as `DefinitionSubstitutions` does.
fn substitute(definition: &mut Value, given: &Map<String, Value>) {
    let mut open = vec![definition];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => open.extend(members.values_mut()),
            Value::Array(elements) => open.extend(elements),
            Value::String(text) if text.contains("${") => {
                for (name, value) in given {
                    let filled = match value {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    *text = text.replace(&format!("${{{name}}}"), &filled);
                }
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn object<'v>(value: &'v Value, place: &str) -> anyhow::Result<&'v Map<String, Value>> {
    value
        .as_object()
        .with_context(|| format!("{place} must be a mapping"))
}

fn only(object: &Map<String, Value>, place: &str, known: &[&str]) -> anyhow::Result<()> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => bail!(
            "'{name}' is not known in {place}: there may be {}",
            known.join(", ")
        ),
        None => Ok(()),
    }
}
