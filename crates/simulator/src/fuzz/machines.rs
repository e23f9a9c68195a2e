//! Definitions from bytes: every kind of state and field, often wrong in what its paths find.

use serde_json::{Map, Value, json};

use super::bytes::Bytes;

/// How deep Parallel and Map states nest.
const DEPTH_MAX: u32 = 3;

/// How many states a definition has at most.
const STATES_MAX: usize = 40;

const PATHS: [&str; 12] = [
    "$",
    "$.a",
    "$.b",
    "$.list",
    "$.list[0]",
    "$.list[*]",
    "$..a",
    "$.list[?(@ > 1)]",
    "$$",
    "$$.State.RetryCount",
    "$x",
    "$$.Map.Item.Value",
];

const REFERENCES: [&str; 6] = ["$", "$.a", "$.b.c", "$.list[0]", "$.new.deep", "$.n"];

const TEMPLATES: [&str; 10] = [
    "$.a",
    "$",
    "$$.Execution.Input",
    "$x",
    "$.list[9]",
    "States.UUID()",
    "States.MathRandom(0, 9)",
    "States.Format('{}', $.a)",
    "States.ArrayRange(0, 3, 1)",
    "States.Array($.a, $.list)",
];

const ERRORS: [&str; 8] = [
    "States.ALL",
    "States.Timeout",
    "States.TaskFailed",
    "States.Runtime",
    "E",
    "F",
    "States.HeartbeatTimeout",
    "States.DataLimitExceeded",
];

/// Returns a definition.
pub fn definition(bytes: &mut Bytes<'_>) -> Value {
    let mut maker = Maker { bytes, made: 0 };
    let mut machine = maker.workflow(0);
    if maker.bytes.one_in(8) {
        machine["TimeoutSeconds"] = maker.seconds();
    }
    machine
}

struct Maker<'a, 'b> {
    bytes: &'a mut Bytes<'b>,
    made: usize,
}

impl Maker<'_, '_> {
    fn workflow(&mut self, depth: u32) -> Value {
        let count = usize::from(1 + self.bytes.below(4));
        let names: Vec<String> = (0..count)
            .map(|place| format!("S{}", self.made + place))
            .collect();
        self.made += count;
        let mut states = Map::new();
        for (place, name) in names.iter().enumerate() {
            let state = self.state(&names, place, depth);
            states.insert(name.clone(), state);
        }
        json!({"StartAt": names[0], "States": states})
    }

    fn state(&mut self, names: &[String], place: usize, depth: u32) -> Value {
        let may_nest = depth < DEPTH_MAX && self.made < STATES_MAX;
        let mut state = match self.bytes.below(if may_nest { 8 } else { 6 }) {
            0 => self.pass(),
            1 => self.task(),
            2 => return self.choice(names, place),
            3 => self.wait(),
            4 => return json!({"Type": "Succeed", "InputPath": self.bytes.pick(&PATHS)}),
            5 => return json!({"Type": "Fail", "ErrorPath": "$.a", "Cause": "c"}),
            6 => self.parallel(depth),
            _ => self.map(depth),
        };
        self.common(&mut state, depth);
        if let Some(catchers) = state.get_mut("Catch") {
            catchers[0]["Next"] = self.bytes.pick(names).as_str().into();
        }
        // Onwards mostly, so that all are reached; back sometimes, so that there are loops.
        match names.get(place + 1) {
            Some(next) if !self.bytes.one_in(6) => state["Next"] = next.as_str().into(),
            Some(_) => state["Next"] = self.bytes.pick(names).as_str().into(),
            None => state["End"] = true.into(),
        }
        state
    }

    fn common(&mut self, state: &mut Value, depth: u32) {
        if self.bytes.one_in(5) {
            state["InputPath"] = self.field();
        }
        if self.bytes.one_in(5) {
            state["OutputPath"] = self.field();
        }
        if self.bytes.one_in(4) {
            let name = ["x.$", "y.$", "z.$", "w.$"][depth as usize];
            state["Assign"] = json!({ name: self.bytes.pick(&TEMPLATES) });
        }
    }

    fn field(&mut self) -> Value {
        if self.bytes.one_in(8) {
            Value::Null
        } else {
            json!(self.bytes.pick(&PATHS))
        }
    }

    fn seconds(&mut self) -> Value {
        (*self.bytes.pick(&[1, 2, 5, 60, 99_999_999])).into()
    }

    fn template(&mut self) -> Value {
        let (name, other) = (
            self.bytes.pick(&["v.$", "a.$", "list.$"]),
            self.bytes.below(3),
        );
        json!({*name: self.bytes.pick(&TEMPLATES), "b": {"c": other, "d.$": self.bytes.pick(&TEMPLATES)}})
    }

    fn result_path(&mut self, state: &mut Value) {
        if self.bytes.one_in(3) {
            state["ResultPath"] = self.bytes.pick(&REFERENCES).to_owned().into();
        } else if self.bytes.one_in(6) {
            state["ResultPath"] = Value::Null;
        }
    }

    fn pass(&mut self) -> Value {
        let mut state = json!({"Type": "Pass"});
        match self.bytes.below(3) {
            0 => {}
            1 => state["Result"] = json!({"a": 1, "list": [1, 2, 3], "n": 2}),
            _ => state["Parameters"] = self.template(),
        }
        self.result_path(&mut state);
        state
    }

    fn task(&mut self) -> Value {
        let resources = [
            "arn:aws:lambda:us-east-1:000000000000:function:f",
            "arn:aws:states:::lambda:invoke",
            "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "arn:aws:states:::states:startExecution.sync:2",
            "arn:aws:states:us-east-1:000000000000:activity:a",
        ];
        let mut state = json!({"Type": "Task", "Resource": self.bytes.pick(&resources)});
        if self.bytes.one_in(2) {
            state["Parameters"] =
                json!({"FunctionName": "f", "Payload": self.template(), "t.$": "$$.Task.Token"});
        }
        match self.bytes.below(4) {
            0 => {}
            1 => state["TimeoutSeconds"] = self.seconds(),
            2 => state["TimeoutSecondsPath"] = json!(self.bytes.pick(&["$.n", "$.a", "$.list"])),
            _ => state["HeartbeatSeconds"] = json!(1),
        }
        self.results(&mut state);
        state
    }

    fn results(&mut self, state: &mut Value) {
        if self.bytes.one_in(5) {
            state["ResultSelector"] = self.template();
        }
        self.result_path(state);
        if self.bytes.one_in(3) {
            let error = self.bytes.pick(&ERRORS);
            let jitter = self.bytes.pick(&["NONE", "FULL"]);
            state["Retry"] = json!([{"ErrorEquals": [error], "MaxAttempts": self.bytes.below(3), "IntervalSeconds": 1, "BackoffRate": 1.5, "MaxDelaySeconds": 2, "JitterStrategy": jitter}]);
        }
        if self.bytes.one_in(3) {
            let mut catcher = json!({"ErrorEquals": [self.bytes.pick(&ERRORS)]});
            self.result_path(&mut catcher);
            state["Catch"] = json!([catcher]);
        }
    }

    /// The first rule leads onwards, so that what follows is reached.
    fn choice(&mut self, names: &[String], place: usize) -> Value {
        let mut choices = Vec::new();
        for number in 0..=self.bytes.below(3) {
            let mut rule = self.rule(0);
            let onwards = names.get(place + 1).filter(|_| number == 0);
            let next = onwards.unwrap_or_else(|| self.bytes.pick(names));
            rule["Next"] = next.as_str().into();
            choices.push(rule);
        }
        let mut state = json!({"Type": "Choice", "Choices": choices});
        if !self.bytes.one_in(5) {
            state["Default"] = self.bytes.pick(names).as_str().into();
        }
        state
    }

    fn rule(&mut self, depth: u32) -> Value {
        let variable = *self.bytes.pick(&PATHS);
        match self.bytes.below(if depth < 2 { 11 } else { 8 }) {
            0 => json!({"Variable": variable, "IsPresent": true}),
            1 => json!({"Variable": variable, "NumericGreaterThan": 1}),
            2 => json!({"Variable": variable, "StringEquals": "a"}),
            3 => json!({"Variable": variable, "StringMatches": r"*\\*a*"}),
            4 => json!({"Variable": variable, "TimestampLessThan": "2030-01-01T00:00:00Z"}),
            5 => json!({"Variable": variable, "NumericEqualsPath": "$.n"}),
            6 => json!({"Variable": variable, "BooleanEquals": false}),
            7 => json!({"Variable": variable, "IsTimestamp": false}),
            8 => json!({"Not": self.rule(depth + 1)}),
            9 => json!({"And": [self.rule(depth + 1), self.rule(depth + 1)]}),
            _ => json!({"Or": [self.rule(depth + 1), self.rule(depth + 1)]}),
        }
    }

    fn wait(&mut self) -> Value {
        match self.bytes.below(4) {
            0 => json!({"Type": "Wait", "Seconds": self.seconds()}),
            1 => json!({"Type": "Wait", "SecondsPath": self.bytes.pick(&["$.n", "$.a", "$.b"])}),
            2 => json!({"Type": "Wait", "Timestamp": "2024-01-01T00:00:00.5+01:00"}),
            _ => {
                json!({"Type": "Wait", "TimestampPath": self.bytes.pick(&["$.n", "$$.Execution.StartTime"])})
            }
        }
    }

    fn parallel(&mut self, depth: u32) -> Value {
        let branches: Vec<Value> = (0..=self.bytes.below(3))
            .map(|_| self.workflow(depth + 1))
            .collect();
        let mut state = json!({"Type": "Parallel", "Branches": branches});
        self.results(&mut state);
        state
    }

    fn map(&mut self, depth: u32) -> Value {
        let processor = self.workflow(depth + 1);
        let mut state = json!({"Type": "Map", "ItemProcessor": processor});
        if !self.bytes.one_in(4) {
            state["ItemsPath"] = json!(self.bytes.pick(&["$.list", "$.a", "$.list[*]", "$x"]));
        }
        match self.bytes.below(4) {
            0 => {}
            1 => state["MaxConcurrency"] = json!(self.bytes.below(4)),
            2 => state["MaxConcurrencyPath"] = json!(self.bytes.pick(&["$.n", "$.a"])),
            _ => {
                state["ItemSelector"] = json!({"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "a.$": self.bytes.pick(&TEMPLATES)})
            }
        }
        self.results(&mut state);
        state
    }
}
