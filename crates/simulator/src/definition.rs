//! Random definitions, valid by construction: chains of states with extra edges that lead forwards, so
//! that every state is reached and every execution can end.

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

/// Errors that services fail with, and that retriers and catchers name.
pub const ERRORS: [&str; 3] = ["Flood", "Fire", "Lightning"];

/// Returns a definition.
pub fn definition(entropy: &mut Entropy, size: Size) -> Value {
    let mut maker = Maker {
        entropy,
        names: 0,
        visible: Vec::new(),
        own: None,
    };
    let mut machine = maker.workflow(size);
    if maker.one_in(6) {
        machine["TimeoutSeconds"] = maker.between(50, 2_000).into();
    }
    machine
}

/// A place in a chain.
enum Planned {
    /// A Pass state that gives the workflow its variable.
    Variable,
    /// A Pass state that makes items.
    Items,
    /// The Map state over them.
    Map,
    /// Any other state.
    Any,
}

struct Maker<'a> {
    entropy: &'a mut Entropy,
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
            let state = match planned {
                Planned::Variable => self.variable(&later),
                Planned::Items => self.items(&later[0]),
                Planned::Map => self.map(&later, size),
                Planned::Any => self.state(&later, size),
            };
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

    /// Lets a state count in the workflow's variable, or a catcher keep the error there.
    fn assign(&mut self, state: &mut Value, on_error: bool) {
        let Some(own) = self.own.clone() else { return };
        if self.one_in(2) {
            return;
        }
        let value = if on_error {
            json!({"n": self.below(10), "error.$": "$.Error"})
        } else {
            json!({"n.$": format!("States.MathAdd(${own}.n, 1)"), "raw.$": "$"})
        };
        state["Assign"] = json!({ own: value });
    }

    fn items(&mut self, next: &str) -> Value {
        let items: Vec<u64> = (0..self.below(6)).collect();
        json!({"Type": "Pass", "Result": items, "ResultPath": "$.items", "Next": next})
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
        if let Some(name) = self.readable()
            && self.one_in(2)
        {
            let mut state = json!({"Type": "Pass", "ResultPath": "$.read", "Parameters": {
                "n.$": format!("${name}.n"), "text.$": format!("States.JsonToString(${name})")}});
            self.assign(&mut state, false);
            return self.onward(state, later);
        }
        let state = match self.below(5) {
            0 => {
                json!({"Type": "Pass", "Result": {"n": self.below(10), "text": "größer \u{1f40e}"}})
            }
            1 => json!({"Type": "Pass", "ResultPath": "$.n", "Parameters": {
                "n.$": "States.MathRandom(0, 10)", "id.$": "States.UUID()"}}),
            2 => json!({"Type": "Pass", "ResultPath": "$.here", "Parameters": {
                "name.$": "$$.State.Name", "entered.$": "$$.State.EnteredTime"}}),
            // Rarely, a path that finds nothing: no retrier and no catcher sees that failure.
            3 if self.one_in(6) => json!({"Type": "Pass", "Parameters": {"x.$": "$.missing.here"}}),
            _ => json!({"Type": "Pass"}),
        };
        self.onward(state, later)
    }

    fn wait(&mut self, later: &[String]) -> Value {
        let state = match self.below(4) {
            0 => json!({"Type": "Wait", "Timestamp": "2001-01-01T00:00:00Z"}),
            1 => json!({"Type": "Wait", "Seconds": 0}),
            _ => json!({"Type": "Wait", "Seconds": self.between(1, 90)}),
        };
        self.onward(state, later)
    }

    fn choice(&mut self, later: &[String]) -> Value {
        let target = later[self.below(later.len() as u64) as usize].as_str();
        if let Some(name) = self.readable()
            && self.one_in(2)
        {
            let mut rule = json!({"Variable": format!("${name}.n"),
                "NumericGreaterThan": self.below(4), "Next": target});
            self.assign(&mut rule, false);
            return json!({"Type": "Choice", "Choices": [rule], "Default": later[0]});
        }
        json!({
            "Type": "Choice",
            "Choices": [{
                "And": [
                    {"Variable": "$.n", "IsPresent": true},
                    {"Not": {"Variable": "$.n", "NumericLessThan": self.below(10)}},
                ],
                "Next": target,
            }],
            "Default": later[0],
        })
    }

    fn task(&mut self, later: &[String]) -> Value {
        let function = "arn:aws:lambda:eu-west-1:123456789012:function:f";
        let token = json!({"FunctionName": function, "Payload": {"token.$": "$$.Task.Token"}});
        let mut state = match self.below(6) {
            0 => json!({"Type": "Task", "Resource": function}),
            1 | 2 => json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": function, "Payload.$": "$"}}),
            3 => {
                json!({"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Parameters": {
                    "StateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:m"}})
            }
            _ => json!({"Type": "Task", "Parameters": token,
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken"}),
        };
        if self.one_in(16) {
            // A function that fails before anything is called, at each attempt.
            state["Parameters"] = json!({"x.$": "States.ArrayGetItem(States.Array(1), 9)"});
        }
        if self.one_in(3) {
            let timeout = self.between(20, 200);
            state["TimeoutSeconds"] = timeout.into();
        }
        if self.one_in(3) {
            state["HeartbeatSeconds"] = self.between(2, 15).into();
        }
        self.result_path(&mut state);
        self.assign(&mut state, false);
        self.retry(&mut state);
        self.catch(&mut state, later);
        self.onward(state, later)
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
        self.result_path(&mut state);
        self.retry(&mut state);
        self.catch(&mut state, later);
        self.onward(state, later)
    }

    fn map(&mut self, later: &[String], size: Size) -> Value {
        let inner = Size {
            depth: size.depth - 1,
            states: size.states.min(3),
        };
        let mut state = json!({
            "Type": "Map",
            "ItemsPath": "$.items",
            "MaxConcurrency": self.below(4),
            "ItemSelector": {"item.$": "$$.Map.Item.Value", "n.$": "$$.Map.Item.Index"},
            "ItemProcessor": self.workflow(inner),
        });
        self.result_path(&mut state);
        self.retry(&mut state);
        self.catch(&mut state, later);
        self.onward(state, later)
    }

    fn result_path(&mut self, state: &mut Value) {
        match self.below(8) {
            0 => {}
            1 => state["ResultPath"] = Value::Null,
            _ => state["ResultPath"] = "$.result".into(),
        }
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
            catcher["ResultPath"] = "$.error".into();
        }
        self.assign(&mut catcher, true);
        state["Catch"] = json!([catcher]);
    }
}
