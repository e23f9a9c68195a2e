//! Step Functions Local's mock file, `MockConfigFile.json`: test cases of state machines, in which states
//! get made-up answers instead of calling anybody (docs/adr/0036).
//!
//! ```json
//! { "StateMachines":   { "Shop": { "TestCases": { "HappyPath": { "Charge": "Charged" } } } },
//!   "MockedResponses": { "Charged": { "0": { "Throw": { "Error": "Busy", "Cause": "…" } },
//!                                     "1-2": { "Return": { "StatusCode": 200 } } } } }
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

/// A mock file that was read and is right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MockFile {
    machines: BTreeMap<String, BTreeMap<String, MockCase>>,
}

/// The made-up answers of one test case, by the states that get them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MockCase {
    states: BTreeMap<String, Arc<MockedAnswers>>,
}

/// What a state gets, time after time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MockedAnswers {
    /// The first and the last time that an answer is for, counted from 0, and the answer.
    answers: Vec<(u64, u64, MockedAnswer)>,
}

/// A made-up answer.
#[derive(Clone, Debug, PartialEq)]
pub enum MockedAnswer {
    /// A result.
    Return(Value),
    /// A failure.
    Throw {
        /// As `ErrorEquals` names it.
        error: String,
        /// For people.
        cause: Option<String>,
    },
}

/// What is wrong with a mock file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct MockFileError {
    /// Where: `MockedResponses/Charged/0`, or a line.
    pub place: String,
    /// What.
    pub what: String,
}

type Read<T> = Result<T, MockFileError>;

fn wrong<T>(place: impl Into<String>, what: impl Into<String>) -> Read<T> {
    Err(MockFileError {
        place: place.into(),
        what: what.into(),
    })
}

impl MockFile {
    /// Reads a mock file.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, MockFileError> {
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                let place = format!("line {}, column {}", error.line(), error.column());
                return wrong(place, format!("this is not JSON ({error})"));
            }
        };
        let file = object(&value, "the file")?;
        only(file, "the file", &["StateMachines", "MockedResponses"])?;
        let mut responses = BTreeMap::new();
        for (name, response) in member(file, "MockedResponses")? {
            let place = format!("MockedResponses/{name}");
            responses.insert(
                name.as_str(),
                Arc::new(MockedAnswers::read(response, &place)?),
            );
        }
        let mut machines = BTreeMap::new();
        for (name, machine) in member(file, "StateMachines")? {
            let place = format!("StateMachines/{name}");
            let machine = object(machine, &place)?;
            only(machine, &place, &["TestCases"])?;
            let mut cases = BTreeMap::new();
            for (case, states) in member(machine, "TestCases")? {
                let place = format!("{place}/TestCases/{case}");
                cases.insert(case.clone(), case_of(states, &place, &responses)?);
            }
            machines.insert(name.clone(), cases);
        }
        Ok(Self { machines })
    }

    /// Returns a test case of a state machine.
    pub fn case(&self, machine: &str, case: &str) -> Option<&MockCase> {
        self.machines.get(machine)?.get(case)
    }

    /// Returns the test cases of each state machine.
    pub fn machines(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, MockCase>)> {
        self.machines
            .iter()
            .map(|(name, cases)| (name.as_str(), cases))
    }
}

fn case_of(
    states: &Value,
    place: &str,
    responses: &BTreeMap<&str, Arc<MockedAnswers>>,
) -> Read<MockCase> {
    let mut case = MockCase::default();
    for (state, name) in object(states, place)? {
        let place = format!("{place}/{state}");
        let Some(name) = name.as_str() else {
            return wrong(place, "here stands the name of a member of MockedResponses");
        };
        let Some(answers) = responses.get(name) else {
            return wrong(place, format!("there is no '{name}' in MockedResponses"));
        };
        case.states.insert(state.clone(), answers.clone());
    }
    Ok(case)
}

impl MockCase {
    /// Reads the text that [`MockCase::to_text`] made.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_text(text: &str) -> Result<Self, MockFileError> {
        let value = serde_json::from_str(text).unwrap_or(Value::Null);
        let mut case = Self::default();
        for (state, answers) in object(&value, "the case")? {
            let answers = Arc::new(MockedAnswers::read(answers, state)?);
            case.states.insert(state.clone(), answers);
        }
        Ok(case)
    }

    /// Returns the case as text: `{"STATE": {"0": {"Return": …}, …}, …}`.
    pub fn to_text(&self) -> String {
        let states = self
            .states
            .iter()
            .map(|(name, answers)| (name.clone(), answers.to_value()));
        Value::Object(states.collect()).to_string()
    }

    /// Returns what the state `name` gets; `None` where it calls for real.
    pub fn answers(&self, name: &str) -> Option<&MockedAnswers> {
        self.states.get(name).map(|answers| &**answers)
    }

    /// Returns the states that get made-up answers.
    pub fn states(&self) -> impl Iterator<Item = &str> {
        self.states.keys().map(String::as_str)
    }
}

impl MockedAnswers {
    /// Reads a member of `MockedResponses`, which stands at `place`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(value: &Value, place: &str) -> Result<Self, MockFileError> {
        let mut answers = Vec::new();
        for (times, answer) in object(value, place)? {
            let place = format!("{place}/{times}");
            let Some((first, last)) = times_of(times) else {
                let what = "a name here is a number of a call, as in \"0\", or some, as in \"1-3\"";
                return wrong(place, what);
            };
            answers.push((first, last, MockedAnswer::read(answer, &place)?));
        }
        answers.sort_by_key(|(first, last, _)| (*first, *last));
        if answers.is_empty() {
            return wrong(place, "here is no answer");
        }
        let mut next = 0;
        for (first, last, _) in &answers {
            if *first < next {
                return wrong(
                    place,
                    format!("there is more than one answer to call {first}"),
                );
            }
            if *first > next {
                return wrong(place, format!("there is no answer to call {next}"));
            }
            next = last + 1;
        }
        Ok(Self { answers })
    }

    /// Returns the answer to call number `call`, counted from 0; `None` when there is none any more.
    pub fn answer(&self, call: u64) -> Option<&MockedAnswer> {
        let found = self
            .answers
            .iter()
            .find(|(first, last, _)| (*first..=*last).contains(&call));
        found.map(|(.., answer)| answer)
    }

    /// Returns how many calls are answered.
    pub fn calls(&self) -> u64 {
        self.answers.last().map_or(0, |(_, last, _)| last + 1)
    }

    fn to_value(&self) -> Value {
        let answers = self.answers.iter().map(|(first, last, answer)| {
            let times = match first == last {
                true => first.to_string(),
                false => format!("{first}-{last}"),
            };
            (times, answer.to_value())
        });
        Value::Object(answers.collect())
    }
}

impl MockedAnswer {
    fn read(value: &Value, place: &str) -> Read<Self> {
        let answer = object(value, place)?;
        only(answer, place, &["Return", "Throw"])?;
        match (answer.get("Return"), answer.get("Throw")) {
            (Some(result), None) => Ok(Self::Return(result.clone())),
            (None, Some(failure)) => {
                let place = format!("{place}/Throw");
                let failure = object(failure, &place)?;
                only(failure, &place, &["Error", "Cause"])?;
                let text = |name: &str| match failure.get(name) {
                    None => Ok(None),
                    Some(Value::String(text)) => Ok(Some(text.clone())),
                    Some(_) => wrong(format!("{place}/{name}"), "this is not a text"),
                };
                match text("Error")? {
                    Some(error) => Ok(Self::Throw {
                        error,
                        cause: text("Cause")?,
                    }),
                    None => wrong(place, "'Error' is missing"),
                }
            }
            _ => wrong(place, "here stands either 'Return' or 'Throw'"),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Return(result) => serde_json::json!({ "Return": result }),
            Self::Throw { error, cause: None } => {
                serde_json::json!({ "Throw": { "Error": error } })
            }
            Self::Throw {
                error,
                cause: Some(cause),
            } => {
                serde_json::json!({ "Throw": { "Error": error, "Cause": cause } })
            }
        }
    }
}

fn times_of(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last && last < u64::MAX).then_some((first, last))
}

fn object<'v>(value: &'v Value, place: &str) -> Read<&'v Map<String, Value>> {
    match value {
        Value::Object(members) => Ok(members),
        _ => wrong(place, "this is not an object"),
    }
}

fn member<'v>(object_: &'v Map<String, Value>, name: &str) -> Read<&'v Map<String, Value>> {
    match object_.get(name) {
        Some(value) => object(value, name),
        None => wrong(name, "this member is missing"),
    }
}

fn only(object: &Map<String, Value>, place: &str, known: &[&str]) -> Read<()> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => wrong(
            place,
            format!(
                "'{name}' is not known here: there may be {}",
                known.join(" and ")
            ),
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(responses: &str, case: &str) -> String {
        format!(
            r#"{{"StateMachines": {{"M": {{"TestCases": {{"C": {case}}}}}}}, "MockedResponses": {responses}}}"#
        )
    }

    #[test]
    fn calls_are_counted_from_0_and_a_case_keeps_its_answers_as_text() {
        let text = file(
            r#"{"R": {"1-2": {"Return": [1]}, "0": {"Throw": {"Error": "E"}}}}"#,
            r#"{"S": "R"}"#,
        );
        let parsed = MockFile::parse(&text).expect("a good file");
        let case = parsed.case("M", "C").expect("the case");
        let answers = case.answers("S").expect("the state's");
        let thrown = MockedAnswer::Throw {
            error: "E".into(),
            cause: None,
        };
        assert_eq!(answers.answer(0), Some(&thrown));
        assert_eq!(
            answers.answer(2),
            Some(&MockedAnswer::Return(serde_json::json!([1])))
        );
        assert_eq!((answers.answer(3), answers.calls()), (None, 3));
        assert!(case.answers("Other").is_none());
        assert_eq!(MockCase::from_text(&case.to_text()).as_ref(), Ok(case));
        assert!(parsed.case("M", "D").is_none() && parsed.case("N", "C").is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let cases = [
            ("{".to_owned(), "line 1, column 1"),
            ("[]".to_owned(), "the file: this is not an object"),
            ("{}".to_owned(), "MockedResponses: this member is missing"),
            (
                file("{}", r#"{"S": "R"}"#),
                "StateMachines/M/TestCases/C/S: there is no 'R'",
            ),
            (
                file("{}", r#"{"S": 1}"#),
                "StateMachines/M/TestCases/C/S: here stands the name",
            ),
            (
                file(r#"{"R": {}}"#, "{}"),
                "MockedResponses/R: here is no answer",
            ),
            (
                file(r#"{"R": {"x": {}}}"#, "{}"),
                "MockedResponses/R/x: a name here is a number",
            ),
            (
                file(r#"{"R": {"0": {}}}"#, "{}"),
                "MockedResponses/R/0: here stands either",
            ),
            (
                file(r#"{"R": {"1": {"Return": 1}}}"#, "{}"),
                "MockedResponses/R: there is no answer to call 0",
            ),
            (
                file(r#"{"R": {"0-2": {"Return": 1}, "1": {"Return": 1}}}"#, "{}"),
                "MockedResponses/R: there is more than one answer to call 1",
            ),
            (
                file(r#"{"R": {"0": {"Throw": {}}}}"#, "{}"),
                "MockedResponses/R/0/Throw: 'Error' is missing",
            ),
            (
                file(r#"{"R": {"0": {"Return": 1, "Retrun": 1}}}"#, "{}"),
                "MockedResponses/R/0: 'Retrun' is not known here",
            ),
        ];
        for (text, expected) in cases {
            let found = MockFile::parse(&text).expect_err(&text).to_string();
            assert!(found.starts_with(expected), "{found}\nnot {expected}");
        }
    }
}
