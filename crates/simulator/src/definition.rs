//! Random definitions, valid by construction: chains of states with extra edges that lead forwards, so
//! that every state is reached and every execution can end; and loops that a variable counts.
//!
//! What a state does with data is written in the language that it speaks, a file each. A machine speaks
//! one language, or JSONPath with some states of the other, as AWS allows.

mod jsonata;
mod jsonpath;

use serde_json::{Map, Value, json};
use vocab::Entropy;

/// How large a definition may become.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Levels of Parallel and Map inside each other.
    pub depth: u32,
    /// States in one chain.
    pub states: u64,
}

/// The function that tasks call.
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:f";

/// Errors that services fail with, and that retriers and catchers name.
pub const ERRORS: [&str; 3] = ["Flood", "Fire", "Lightning"];

/// Returns a definition.
pub fn definition(entropy: &mut Entropy, size: Size) -> Value {
    let machine_speaks = match entropy.below(3) {
        0 => Speech::Jsonata,
        1 => Speech::JsonPath,
        _ => Speech::Both,
    };
    let mut maker = Maker {
        entropy,
        machine_speaks,
        language: Language::JsonPath,
        names: 0,
        visible: Vec::new(),
        own: None,
    };
    let mut machine = maker.workflow(size);
    if machine_speaks == Speech::Jsonata {
        machine["QueryLanguage"] = "JSONata".into();
    }
    if maker.one_in(6) {
        machine["TimeoutSeconds"] = maker.between(50, 2_000).into();
    }
    machine
}

/// The language of a state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    JsonPath,
    Jsonata,
}

/// The languages of a machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speech {
    JsonPath,
    Jsonata,
    /// JSONPath, but for some states.
    Both,
}

/// A place in a chain.
enum Planned {
    /// A Pass state that gives the workflow its variable.
    Variable,
    /// A Pass state that makes items.
    Items,
    /// The Map state over them.
    Map,
    /// A Choice state that leads back, as often as the workflow's variable lets it.
    Again,
    /// Any other state.
    Any,
}

struct Maker<'a> {
    entropy: &'a mut Entropy,
    machine_speaks: Speech,
    /// The language of the state being made.
    language: Language,
    names: u32,
    /// The variables that the states being made can read.
    visible: Vec<String>,
    /// The variable of the workflow being made, which its states may assign again.
    own: Option<String>,
}

impl Maker<'_> {
    fn below(&mut self, bound: u64) -> u64 {
        self.entropy.below(bound)
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn name(&mut self) -> String {
        self.names += 1;
        // Names are text of any script.
        format!(
            "{} {}",
            ["S", "Schritt", "步骤", "État"][self.names as usize % 4],
            self.names
        )
    }

    fn workflow(&mut self, size: Size) -> Value {
        let length = self.between(1, size.states);
        // A Map state needs items: a state that makes them goes before it.
        let mut plan = Vec::new();
        // First, so that whatever reads the variable finds it.
        let around = self.own.take();
        if self.one_in(3) {
            plan.push(Planned::Variable);
            let name = format!("größe{}", self.names);
            self.visible.push(name.clone());
            self.own = Some(name);
        }
        for _ in 0..length {
            if size.depth > 0 && self.one_in(6) {
                plan.extend([Planned::Items, Planned::Map]);
            } else {
                plan.push(Planned::Any);
            }
        }
        if self.own.is_some() && self.one_in(2) {
            plan.extend([Planned::Again, Planned::Any]);
        }
        let names: Vec<String> = plan.iter().map(|_| self.name()).collect();
        // Jumps lead to what makes the items, never past it.
        let targets: Vec<(usize, String)> = names.iter().cloned().enumerate().collect();
        let mut states = Map::new();
        for (at, planned) in plan.iter().enumerate() {
            let later: Vec<String> = targets[at + 1..]
                .iter()
                .filter(|(to, _)| *to == at + 1 || !matches!(plan[*to], Planned::Map))
                .map(|(_, name)| name.clone())
                .collect();
            let language = self.choose_language();
            // The states inside this one choose for themselves.
            let around = std::mem::replace(&mut self.language, language);
            let mut state = match planned {
                Planned::Variable => self.variable(&later),
                Planned::Items => self.items(&later[0]),
                Planned::Map => self.map(&later, size),
                Planned::Again => {
                    let earlier: Vec<&String> = (1..at)
                        .filter(|to| !matches!(plan[*to], Planned::Map))
                        .map(|to| &names[to])
                        .collect();
                    self.again(&earlier, &later[0])
                }
                Planned::Any => self.state(&later, size),
            };
            if (self.machine_speaks, language) == (Speech::Both, Language::Jsonata) {
                state["QueryLanguage"] = "JSONata".into();
            }
            self.language = around;
            states.insert(names[at].clone(), state);
        }
        if self.own.is_some() {
            self.visible.pop();
        }
        self.own = around;
        json!({"StartAt": names[0], "States": states})
    }

    fn variable(&mut self, later: &[String]) -> Value {
        let state = match &self.own {
            Some(own) => json!({"Type": "Pass", "Assign": {own.as_str(): {"n": 0}}}),
            None => json!({"Type": "Pass"}),
        };
        self.onward(state, later)
    }

    /// Returns a variable that can be read here.
    fn readable(&mut self) -> Option<String> {
        if self.visible.is_empty() {
            return None;
        }
        let at = self.below(self.visible.len() as u64) as usize;
        Some(self.visible[at].clone())
    }

    fn choose_language(&mut self) -> Language {
        let jsonata = match self.machine_speaks {
            Speech::JsonPath => false,
            Speech::Jsonata => true,
            Speech::Both => self.one_in(2),
        };
        if jsonata {
            Language::Jsonata
        } else {
            Language::JsonPath
        }
    }

    /// Lets a state count in the workflow's variable, or a catcher keep the error there.
    fn assign(&mut self, state: &mut Value, on_error: bool) {
        let Some(own) = self.own.clone() else { return };
        if self.one_in(2) {
            return;
        }
        let value = match (self.language, on_error) {
            (Language::JsonPath, true) => jsonpath::error_kept(self.below(10)),
            (Language::JsonPath, false) => jsonpath::counted(&own),
            (Language::Jsonata, true) => jsonata::error_kept(self.below(10)),
            (Language::Jsonata, false) => jsonata::counted(&own),
        };
        state["Assign"] = json!({ own: value });
    }

    fn items(&mut self, next: &str) -> Value {
        let items: Vec<u64> = (0..self.below(6)).collect();
        let mut state = match self.language {
            Language::JsonPath => jsonpath::items(&items),
            Language::Jsonata => jsonata::items(&items),
        };
        state["Next"] = next.into();
        state
    }

    /// Returns a Choice state that counts its way back in the workflow's variable.
    fn again(&mut self, earlier: &[&String], next: &str) -> Value {
        let own = self.own.clone().expect("only planned with a variable");
        let back = earlier[self.below(earlier.len() as u64) as usize];
        let bound = self.below(5);
        let (mut rule, value) = match self.language {
            Language::JsonPath => (jsonpath::below(&own, bound), jsonpath::counted(&own)),
            Language::Jsonata => (jsonata::below(&own, bound), jsonata::counted(&own)),
        };
        rule["Assign"] = json!({ own: value });
        rule["Next"] = back.as_str().into();
        json!({"Type": "Choice", "Choices": [rule], "Default": next})
    }

    fn state(&mut self, later: &[String], size: Size) -> Value {
        let last = later.is_empty();
        match self.below(12) {
            0 if last => json!({"Type": "Succeed"}),
            1 if last => json!({"Type": "Fail", "Error": self.error(), "Cause": "planned"}),
            2 | 3 if !last => self.choice(later),
            4 | 5 => self.wait(later),
            6 | 7 if size.depth > 0 => self.parallel(later, size),
            8 => self.pass(later),
            _ => self.task(later),
        }
    }

    fn error(&mut self) -> &'static str {
        ERRORS[self.below(ERRORS.len() as u64) as usize]
    }

    /// Adds `Next` or `End` to a state.
    fn onward(&mut self, mut state: Value, later: &[String]) -> Value {
        match later.first() {
            Some(next) => state["Next"] = next.as_str().into(),
            None => state["End"] = true.into(),
        }
        state
    }

    fn pass(&mut self, later: &[String]) -> Value {
        let read = self.readable().filter(|_| self.one_in(2));
        let mut state = match self.language {
            Language::JsonPath => self.jsonpath_pass(read.as_deref()),
            Language::Jsonata => self.jsonata_pass(read.as_deref()),
        };
        if read.is_some() {
            self.assign(&mut state, false);
        }
        self.onward(state, later)
    }

    fn wait(&mut self, later: &[String]) -> Value {
        let state = match self.below(4) {
            0 => json!({"Type": "Wait", "Timestamp": "2001-01-01T00:00:00Z"}),
            1 => json!({"Type": "Wait", "Seconds": 0}),
            2 if self.language == Language::Jsonata => {
                json!({"Type": "Wait", "Seconds": format!("{{% {} + 1 %}}", self.below(89))})
            }
            _ => json!({"Type": "Wait", "Seconds": self.between(1, 90)}),
        };
        self.onward(state, later)
    }

    fn choice(&mut self, later: &[String]) -> Value {
        let target = later[self.below(later.len() as u64) as usize].clone();
        let read = self.readable().filter(|_| self.one_in(2));
        let bound = self.below(if read.is_some() { 4 } else { 10 });
        let mut rule = match self.language {
            Language::JsonPath => jsonpath::rule(read.as_deref(), bound),
            Language::Jsonata => jsonata::rule(read.as_deref(), bound),
        };
        rule["Next"] = target.into();
        if read.is_some() {
            self.assign(&mut rule, false);
        }
        json!({"Type": "Choice", "Choices": [rule], "Default": later[0]})
    }

    fn task(&mut self, later: &[String]) -> Value {
        let job =
            json!({"StateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:m"});
        let (resource, arguments) = match self.below(6) {
            0 => (FUNCTION, None),
            1 | 2 => ("arn:aws:states:::lambda:invoke", Some(self.called(false))),
            3 => ("arn:aws:states:::states:startExecution.sync:2", Some(job)),
            _ => {
                let asked = self.called(true);
                (
                    "arn:aws:states:::lambda:invoke.waitForTaskToken",
                    Some(asked),
                )
            }
        };
        let mut state = json!({"Type": "Task", "Resource": resource});
        if let Some(arguments) = arguments {
            state[self.arguments_field()] = arguments;
        }
        if self.one_in(16) {
            // Fails before anything is called, at each attempt.
            state[self.arguments_field()] = match self.language {
                Language::JsonPath => jsonpath::failing(),
                Language::Jsonata => jsonata::failing(),
            };
        }
        if self.one_in(3) {
            let timeout = self.between(20, 200);
            state["TimeoutSeconds"] = timeout.into();
        }
        if self.one_in(3) {
            state["HeartbeatSeconds"] = self.between(2, 15).into();
        }
        self.output(&mut state);
        self.assign(&mut state, false);
        self.retry(&mut state);
        self.catch(&mut state, later);
        self.onward(state, later)
    }

    /// Returns what a function is called with; `asked` for an answer by token.
    fn called(&self, asked: bool) -> Value {
        match self.language {
            Language::JsonPath => jsonpath::called(FUNCTION, asked),
            Language::Jsonata => jsonata::called(FUNCTION, asked),
        }
    }

    fn arguments_field(&self) -> &'static str {
        match self.language {
            Language::JsonPath => "Parameters",
            Language::Jsonata => "Arguments",
        }
    }

    /// Lets the state's output keep its input, or not.
    fn output(&mut self, state: &mut Value) {
        let choice = self.below(8);
        match self.language {
            Language::JsonPath => jsonpath::output(state, choice),
            Language::Jsonata => jsonata::output(state, choice),
        }
    }

    fn parallel(&mut self, later: &[String], size: Size) -> Value {
        let inner = Size {
            depth: size.depth - 1,
            states: size.states.min(3),
        };
        let branches: Vec<Value> = (0..self.between(1, 3))
            .map(|_| self.workflow(inner))
            .collect();
        let mut state = json!({"Type": "Parallel", "Branches": branches});
        self.output(&mut state);
        self.retry(&mut state);
        self.catch(&mut state, later);
        self.onward(state, later)
    }

    fn map(&mut self, later: &[String], size: Size) -> Value {
        let inner = Size {
            depth: size.depth - 1,
            states: size.states.min(3),
        };
        let concurrency = self.below(4);
        let mut state = match self.language {
            Language::JsonPath => jsonpath::map(concurrency),
            Language::Jsonata => jsonata::map(concurrency),
        };
        state["ItemProcessor"] = if self.one_in(3) {
            self.distributed(&mut state, inner)
        } else {
            self.workflow(inner)
        };
        self.output(&mut state);
        self.retry(&mut state);
        self.catch(&mut state, later);
        self.onward(state, later)
    }

    /// Returns the processor of a Distributed Map, whose children do not see the variables around it.
    fn distributed(&mut self, state: &mut Value, inner: Size) -> Value {
        let (visible, own) = (std::mem::take(&mut self.visible), self.own.take());
        let mut processor = self.workflow(inner);
        (self.visible, self.own) = (visible, own);
        processor["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
        if self.one_in(3) {
            state["ToleratedFailureCount"] = self.below(4).into();
        }
        if self.one_in(3) {
            state["ToleratedFailurePercentage"] = self.below(101).into();
        }
        processor
    }

    fn retry(&mut self, state: &mut Value) {
        if self.one_in(2) {
            return;
        }
        let mut retriers = vec![self.retrier(&["Flood", "States.Timeout"])];
        if self.one_in(2) {
            let names = [
                ["States.TaskFailed"],
                ["States.HeartbeatTimeout"],
                ["States.ALL"],
            ];
            let names = names[self.below(3) as usize];
            retriers.push(self.retrier(&names));
        }
        state["Retry"] = retriers.into();
    }

    fn retrier(&mut self, errors: &[&str]) -> Value {
        let mut retrier = json!({
            "ErrorEquals": errors,
            "IntervalSeconds": self.between(1, 10),
            "MaxAttempts": self.below(4),
            "BackoffRate": 1.0 + self.below(5) as f64 / 2.0,
        });
        if self.one_in(3) {
            retrier["JitterStrategy"] = "FULL".into();
        }
        if self.one_in(3) {
            retrier["MaxDelaySeconds"] = self.between(11, 20).into();
        }
        retrier
    }

    fn catch(&mut self, state: &mut Value, later: &[String]) {
        if later.is_empty() || self.one_in(2) {
            return;
        }
        let target = later[self.below(later.len() as u64) as usize].as_str();
        let errors = [["Fire"], ["States.Timeout"], ["States.ALL"]][self.below(3) as usize];
        let mut catcher = json!({"ErrorEquals": errors, "Next": target});
        if !self.one_in(4) {
            match self.language {
                Language::JsonPath => catcher["ResultPath"] = "$.error".into(),
                Language::Jsonata => catcher["Output"] = jsonata::merged("error", "errorOutput"),
            }
        }
        self.assign(&mut catcher, true);
        state["Catch"] = json!([catcher]);
    }
}
