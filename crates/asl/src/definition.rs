//! What a definition says, once it is parsed: an arena of states, each named by its index.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::distributed::Distributed;
use crate::query::{ChoiceRule, Expression, Path, ReferencePath, Template};

/// A parsed and validated definition. Immutable; shared by all executions that pin it.
#[derive(Clone, Debug)]
pub struct StateMachine {
    /// The definition's own comment.
    pub comment: Option<String>,
    /// Seconds that an execution may take; `None` where the definition sets none.
    pub timeout_seconds: Option<u64>,
    /// The outermost workflow.
    pub root: Workflow,
    /// Every state at every depth, in document order.
    pub(crate) states: Vec<State>,
    /// Names are unique across the whole machine.
    pub(crate) by_name: BTreeMap<Arc<str>, StateIndex>,
}

/// The place of a state in its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateIndex(pub(crate) u32);

impl StateMachine {
    /// Returns the state at `index`, which came from this machine.
    pub fn state(&self, index: StateIndex) -> &State {
        &self.states[index.0 as usize]
    }

    /// Returns the state called `name`, at whatever depth.
    pub fn find(&self, name: &str) -> Option<&State> {
        self.by_name.get(name).map(|index| self.state(*index))
    }

    /// Returns every state at every depth, in document order.
    pub fn states(&self) -> &[State] {
        &self.states
    }
}

/// A `StartAt` with its `States`: the machine itself, a branch, or an item processor.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// Where it begins.
    pub start_at: StateIndex,
}

/// One state.
#[derive(Clone, Debug)]
pub struct State {
    /// Its name: unique in the machine, at most 80 characters.
    pub name: Arc<str>,
    /// Its comment.
    pub comment: Option<String>,
    /// The variables that its expressions read, in the order of their names.
    pub variables: Box<[Arc<str>]>,
    /// What it is.
    pub kind: StateKind,
}

/// The eight types of state. One file of the engine each.
#[derive(Clone, Debug)]
pub enum StateKind {
    /// `"Type": "Pass"`.
    Pass(Pass),
    /// `"Type": "Task"`.
    Task(Task),
    /// `"Type": "Choice"`.
    Choice(Choice),
    /// `"Type": "Wait"`.
    Wait(Wait),
    /// `"Type": "Succeed"`.
    Succeed(Succeed),
    /// `"Type": "Fail"`.
    Fail(Fail),
    /// `"Type": "Parallel"`.
    Parallel(Parallel),
    /// `"Type": "Map"`.
    Map(Map),
}

impl StateKind {
    /// Returns the word of the `Type` field.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass(_) => "Pass",
            Self::Task(_) => "Task",
            Self::Choice(_) => "Choice",
            Self::Wait(_) => "Wait",
            Self::Succeed(_) => "Succeed",
            Self::Fail(_) => "Fail",
            Self::Parallel(_) => "Parallel",
            Self::Map(_) => "Map",
        }
    }
}

/// What follows a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// `"Next"`.
    Next(StateIndex),
    /// `"End": true`.
    End,
}

/// How data flows through a state, in the query language that the state speaks.
#[derive(Clone, Debug)]
pub enum Flow {
    /// `"QueryLanguage": "JSONPath"`, the default.
    JsonPath(Box<JsonPathFlow>),
    /// `"QueryLanguage": "JSONata"`.
    Jsonata(JsonataFlow),
}

/// The fields of JSONata's data flow. A state type that lacks a field has its default.
#[derive(Clone, Debug, Default)]
pub struct JsonataFlow {
    /// `Arguments`: what a Task calls with, what the branches of a Parallel start from; the state's
    /// input where absent.
    pub arguments: Option<Template>,
    /// `Output`: the state's result where absent, or its input if it has no result.
    pub output: Option<Template>,
}

/// The fields of JSONPath's data flow, in the order in which they apply
/// (InputPath, Parameters, task, ResultSelector, ResultPath, OutputPath).
/// A state type that lacks a field has its default.
#[derive(Clone, Debug, Default)]
pub struct JsonPathFlow {
    /// `InputPath`.
    pub input_path: PathField,
    /// `Parameters` (of a Map: legacy spelling of `ItemSelector`, kept in [`Map::item_selector`]).
    pub parameters: Option<Template>,
    /// `ResultSelector`.
    pub result_selector: Option<Template>,
    /// `ResultPath`.
    pub result_path: ResultPath,
    /// `OutputPath`.
    pub output_path: PathField,
}

impl Flow {
    /// Says whether a state whose result is its own input hands that input on as it is, so that
    /// nothing needs to be parsed or evaluated: Choice, Wait, Succeed, and Pass without `Result`.
    pub fn passes_input_through(&self) -> bool {
        let flow = match self {
            Self::JsonPath(flow) => flow,
            Self::Jsonata(flow) => return flow.arguments.is_none() && flow.output.is_none(),
        };
        let keeps_input = match &flow.result_path {
            ResultPath::Root | ResultPath::Discard => true,
            ResultPath::Path(_) => false,
        };
        flow.input_path.is_identity()
            && flow.parameters.is_none()
            && flow.result_selector.is_none()
            && keeps_input
            && flow.output_path.is_identity()
    }
}

/// `InputPath` or `OutputPath`.
#[derive(Clone, Debug, Default)]
pub enum PathField {
    /// Absent or `"$"`: everything.
    #[default]
    Root,
    /// `null`: an empty object instead.
    Discard,
    /// A path that selects.
    Path(Path),
}

/// `ResultPath`.
#[derive(Clone, Debug, Default)]
pub enum ResultPath {
    /// Absent or `"$"`: the result replaces the input.
    #[default]
    Root,
    /// `null`: the result is dropped.
    Discard,
    /// The result goes here into the input.
    Path(ReferencePath),
}

/// A Pass state.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Data flow; no `ResultSelector`.
    pub flow: Flow,
    /// `Assign`.
    pub assign: Option<Template>,
    /// `Result`: taken as it is.
    pub result: Option<Value>,
    /// What follows.
    pub transition: Transition,
}

/// A Task state.
#[derive(Clone, Debug)]
pub struct Task {
    /// What it calls.
    pub resource: Resource,
    /// Data flow.
    pub flow: Flow,
    /// `TimeoutSeconds` or `TimeoutSecondsPath`.
    pub timeout: Option<Count>,
    /// `HeartbeatSeconds` or `HeartbeatSecondsPath`.
    pub heartbeat: Option<Count>,
    /// `Assign`.
    pub assign: Option<Template>,
    /// `Credentials`: another role to act as.
    pub credentials: Option<Template>,
    /// `Retry`.
    pub retry: Vec<Retrier>,
    /// `Catch`.
    pub catch: Vec<Catcher>,
    /// What follows.
    pub transition: Transition,
}

/// What a Task calls, as its `Resource` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The text as written.
    pub arn: Arc<str>,
    /// What the text means.
    pub kind: ResourceKind,
}

/// The forms of a Task's `Resource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// `arn:aws:lambda:…:function:…`: the legacy form; the result is the bare output.
    LambdaFunction,
    /// `arn:aws:states:…:activity:…`.
    Activity,
    /// `arn:aws:states:::service:action[.pattern]`.
    Integration {
        /// `lambda`, `sqs`, `aws-sdk:sfn`: the `resourceType` of the history.
        service: Arc<str>,
        /// `invoke`, `sendMessage`, without the pattern.
        action: Arc<str>,
        /// How long the task waits.
        pattern: Pattern,
    },
}

/// The service integration patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The answer of the call is the result.
    RequestResponse,
    /// `.sync`: until the job ends; output as text.
    Sync,
    /// `.sync:2`: until the job ends; output as JSON.
    Sync2,
    /// `.waitForTaskToken`: until somebody answers with the token.
    WaitForTaskToken,
}

impl Pattern {
    /// Returns what the pattern adds to an action's name: `""`, `".sync"`, `".sync:2"`, ….
    pub fn suffix(self) -> &'static str {
        match self {
            Self::RequestResponse => "",
            Self::Sync => ".sync",
            Self::Sync2 => ".sync:2",
            Self::WaitForTaskToken => ".waitForTaskToken",
        }
    }
}

/// A whole number (seconds, a concurrency): literal, found by a path, or made by an expression.
#[derive(Clone, Debug)]
pub enum Count {
    /// The literal field.
    Literal(u64),
    /// The field whose name ends in `Path`.
    Path(Path),
    /// The field's JSONata expression.
    Expression(Expression),
}

/// One member of `Retry`.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    /// `ErrorEquals`, never empty.
    pub error_equals: Vec<Arc<str>>,
    /// `IntervalSeconds`; 1 where absent.
    pub interval_seconds: u64,
    /// `MaxAttempts`; 3 where absent; 0 never retries.
    pub max_attempts: u64,
    /// `BackoffRate`; 2.0 where absent.
    pub backoff_rate: f64,
    /// `MaxDelaySeconds`.
    pub max_delay_seconds: Option<u64>,
    /// `JitterStrategy` is `FULL`.
    pub full_jitter: bool,
}

/// One member of `Catch`.
#[derive(Clone, Debug)]
pub struct Catcher {
    /// `ErrorEquals`, never empty.
    pub error_equals: Vec<Arc<str>>,
    /// `Next`.
    pub next: StateIndex,
    /// `ResultPath` of the error output.
    pub result_path: ResultPath,
    /// `Output`, in JSONata; the error output where absent.
    pub output: Option<Template>,
    /// `Assign`, of the error output.
    pub assign: Option<Template>,
}

/// A Choice state.
#[derive(Clone, Debug)]
pub struct Choice {
    /// `InputPath` and `OutputPath` only.
    pub flow: Flow,
    /// `Choices`, never empty.
    pub choices: Vec<ChoiceOption>,
    /// `Default`.
    pub default: Option<StateIndex>,
    /// `Assign` of the state: of `Default` only, as each rule has its own.
    pub assign: Option<Template>,
}

/// One member of `Choices`.
#[derive(Clone, Debug)]
pub struct ChoiceOption {
    /// When to take it.
    pub rule: ChoiceRule,
    /// `Next`.
    pub next: StateIndex,
    /// `Output`, in JSONata; the state's input where absent.
    pub output: Option<Template>,
    /// `Assign`.
    pub assign: Option<Template>,
}

/// A Wait state.
#[derive(Clone, Debug)]
pub struct Wait {
    /// `InputPath` and `OutputPath` only.
    pub flow: Flow,
    /// `Assign`.
    pub assign: Option<Template>,
    /// How long.
    pub until: WaitUntil,
    /// What follows.
    pub transition: Transition,
}

/// The forms of waiting.
#[derive(Clone, Debug)]
pub enum WaitUntil {
    /// `Seconds`.
    Seconds(u64),
    /// `Timestamp`.
    Timestamp(vocab::Timestamp),
    /// `SecondsPath`.
    SecondsPath(Path),
    /// `TimestampPath`.
    TimestampPath(Path),
    /// `Seconds` as a JSONata expression.
    SecondsExpression(Expression),
    /// `Timestamp` as a JSONata expression.
    TimestampExpression(Expression),
}

/// A Succeed state.
#[derive(Clone, Debug)]
pub struct Succeed {
    /// `InputPath` and `OutputPath` only.
    pub flow: Flow,
}

/// A Fail state.
#[derive(Clone, Debug)]
pub struct Fail {
    /// `Error` or `ErrorPath`.
    pub error: Option<FailText>,
    /// `Cause` or `CausePath`.
    pub cause: Option<FailText>,
}

/// A text of a Fail state.
#[derive(Clone, Debug)]
pub enum FailText {
    /// As written.
    Literal(Arc<str>),
    /// Found by a reference path or made by an intrinsic function.
    Path(Path),
    /// Made by a JSONata expression.
    Expression(Expression),
}

/// A Parallel state.
#[derive(Clone, Debug)]
pub struct Parallel {
    /// Data flow.
    pub flow: Flow,
    /// `Assign`.
    pub assign: Option<Template>,
    /// `Branches`, never empty.
    pub branches: Vec<Workflow>,
    /// `Retry`.
    pub retry: Vec<Retrier>,
    /// `Catch`.
    pub catch: Vec<Catcher>,
    /// What follows.
    pub transition: Transition,
}

/// A Map state.
#[derive(Clone, Debug)]
pub struct Map {
    /// Data flow; `parameters` is always absent here.
    pub flow: Flow,
    /// `Assign`.
    pub assign: Option<Template>,
    /// What it iterates over.
    pub items: Items,
    /// `ItemSelector`, or `Parameters` in the legacy form.
    pub item_selector: Option<Template>,
    /// `MaxConcurrency`; 0 for as many as possible.
    pub max_concurrency: Option<Count>,
    /// `ItemProcessor`, or `Iterator` in the legacy form.
    pub processor: Workflow,
    /// What is said about distributed mode; `None` in inline mode.
    pub distributed: Option<Box<Distributed>>,
    /// `Retry`.
    pub retry: Vec<Retrier>,
    /// `Catch`.
    pub catch: Vec<Catcher>,
    /// What follows.
    pub transition: Transition,
}

/// What a Map state iterates over.
#[derive(Clone, Debug, Default)]
pub enum Items {
    /// The state's input.
    #[default]
    Input,
    /// What `ItemsPath` finds.
    Path(Path),
    /// `Items`: written down, or one JSONata expression, or an array or object of them.
    Template(Template),
}
