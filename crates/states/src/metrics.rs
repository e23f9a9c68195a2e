//! What executions do, counted: named after the CloudWatch metrics of Step Functions.
//!
//! A machine, a function or an activity that is met for the first time gets counters of its own, up to a
//! bound; then counting is a look-up and an addition. What is met after the bound is counted as `other`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use engine_core::{EndedTask, Event, Recorded, TaskResource};
use parking_lot::RwLock;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use vocab::Timestamp;

use crate::rows::ExecutionRecord;

/// Most machines, and most targets of each kind, that have counters of their own.
const NAMES_MAX: usize = 1_000;
/// Whom the others are counted as.
const OTHER: &str = "other";
/// Bounds of the times of executions, in seconds: from a breath to a year.
const SECONDS: [f64; 14] = [
    0.01,
    0.1,
    0.5,
    1.0,
    5.0,
    15.0,
    60.0,
    300.0,
    900.0,
    3_600.0,
    21_600.0,
    86_400.0,
    604_800.0,
    2_592_000.0,
];

/// All counters of the service.
pub(crate) struct Metrics {
    executions: [(&'static str, &'static str, Family<Machine, Counter>); 6],
    execution_time: Times<Machine>,
    machines: Names<OfMachine>,
    functions: Targets<Function>,
    activities: Targets<Activity>,
    integrations: Targets<Integration>,
    throttled: Counter,
    open_map_runs: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Machine {
    state_machine_arn: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Function {
    lambda_function_arn: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Activity {
    activity_arn: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Integration {
    service_integration_resource: Arc<str>,
}

/// The counters of one machine's executions, in the order of [`Metrics::executions`].
struct OfMachine {
    executions: [Counter; 6],
    time: Histogram,
}

/// What becomes of executions, with the places of their counters.
const STARTED: usize = 0;
const SUCCEEDED: usize = 1;
const FAILED: usize = 2;
const ABORTED: usize = 3;
const TIMED_OUT: usize = 4;
const REDRIVEN: usize = 5;

/// What becomes of tasks, as names end.
const TASK_ENDINGS: [&str; 6] = [
    "scheduled",
    "started",
    "succeeded",
    "failed",
    "timed_out",
    "heartbeat_timed_out",
];

/// How long tasks take, as names end and as CloudWatch calls it.
const TASK_TIMES: [(&str, &str, &str); 3] = [
    ("time", "Time", "from being scheduled to the end"),
    (
        "schedule_time",
        "ScheduleTime",
        "from being scheduled to the start",
    ),
    ("run_time", "RunTime", "from the start to the end"),
];

/// How long things take, by labels.
type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// Counters of tasks by whom they call.
struct Targets<L> {
    /// As names begin: many, one, and as CloudWatch calls one.
    kind: [&'static str; 3],
    families: [Family<L, Counter>; 6],
    times: [Times<L>; 3],
    names: Names<OfTarget>,
    label: fn(Arc<str>) -> L,
}

/// What is counted of the tasks that call one target.
struct OfTarget {
    counters: [Counter; 6],
    times: [Histogram; 3],
}

/// Things by name, up to a bound.
struct Names<T>(RwLock<HashMap<Arc<str>, Arc<T>>>);

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> Names<T> {
    fn of(&self, name: &str, make: impl Fn(Arc<str>) -> T) -> Arc<T> {
        {
            let names = self.0.read();
            let other = || {
                let full = names.len() >= NAMES_MAX;
                names.get(OTHER).filter(|_| full)
            };
            if let Some(known) = names.get(name).or_else(other) {
                return Arc::clone(known);
            }
        }
        let mut names = self.0.write();
        let name = if names.len() < NAMES_MAX { name } else { OTHER };
        if let Some(known) = names.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        let made = Arc::new(make(Arc::clone(&name)));
        names.insert(name, Arc::clone(&made));
        made
    }
}

impl<L: Clone + fmt::Debug + Eq + std::hash::Hash + EncodeLabelSet + Send + Sync + 'static>
    Targets<L>
{
    fn new(kind: [&'static str; 3], label: fn(Arc<str>) -> L) -> Self {
        Self {
            kind,
            families: Default::default(),
            times: [histograms(), histograms(), histograms()],
            names: Names::default(),
            label,
        }
    }

    fn of(&self, target: &str) -> Arc<OfTarget> {
        self.names.of(target, |name| {
            let label = (self.label)(name);
            let counters = self.families.each_ref();
            let times = self.times.each_ref();
            OfTarget {
                counters: counters.map(|family| family.get_or_create_owned(&label)),
                times: times.map(|family| family.get_or_create_owned(&label)),
            }
        })
    }

    fn count(&self, target: &str, place: usize) {
        self.of(target).counters[place].inc();
    }

    fn time(&self, target: &str, task: &EndedTask) {
        let seconds =
            |from: Timestamp, to: Timestamp| (to.as_millis() - from.as_millis()) as f64 / 1000.0;
        let of_target = self.of(target);
        let [time, schedule_time, run_time] = &of_target.times;
        time.observe(seconds(task.scheduled_at, task.ended_at));
        if let Some(started_at) = task.started_at {
            schedule_time.observe(seconds(task.scheduled_at, started_at));
            run_time.observe(seconds(started_at, task.ended_at));
        }
    }

    fn register(&self, registry: &mut Registry, help: &str) {
        for (family, ending) in self.families.iter().zip(TASK_ENDINGS) {
            let name = format!("states_{}_{ending}", self.kind[0]);
            let help = format!("{help} that were {}", ending.replace('_', " "));
            registry.register(name, help, family.clone());
        }
        for (family, (ending, metric, what)) in self.times.iter().zip(TASK_TIMES) {
            let [_, one, of_cloudwatch] = self.kind;
            let name = format!("states_{one}_{ending}_seconds");
            let help = format!("{help}: how long they take {what} ({of_cloudwatch}{metric})");
            registry.register(name, help, family.clone());
        }
    }
}

fn histograms<L: Clone + Eq + std::hash::Hash>() -> Times<L> {
    Family::new_with_constructor(|| Histogram::new(SECONDS))
}

impl Default for Metrics {
    fn default() -> Self {
        let family = |name, help| (name, help, Family::default());
        Self {
            executions: [
                family("started", "Executions that began (ExecutionsStarted)"),
                family(
                    "succeeded",
                    "Executions that succeeded (ExecutionsSucceeded)",
                ),
                family("failed", "Executions that failed (ExecutionsFailed)"),
                family(
                    "aborted",
                    "Executions that were stopped (ExecutionsAborted)",
                ),
                family(
                    "timed_out",
                    "Executions whose time was over (ExecutionsTimedOut)",
                ),
                family("redriven", "Redrives of executions (ExecutionsRedriven)"),
            ],
            execution_time: histograms(),
            machines: Names::default(),
            functions: Targets::new(
                ["lambda_functions", "lambda_function", "LambdaFunction"],
                |name| Function {
                    lambda_function_arn: name,
                },
            ),
            activities: Targets::new(["activities", "activity", "Activity"], |name| Activity {
                activity_arn: name,
            }),
            integrations: Targets::new(
                [
                    "service_integrations",
                    "service_integration",
                    "ServiceIntegration",
                ],
                |name| Integration {
                    service_integration_resource: name,
                },
            ),
            throttled: Counter::default(),
            open_map_runs: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Adds all of them to a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        for (name, help, family) in &self.executions {
            registry.register(format!("states_executions_{name}"), *help, family.clone());
        }
        registry.register(
            "states_execution_time_seconds",
            "How long executions took from start to end (ExecutionTime)",
            self.execution_time.clone(),
        );
        self.functions
            .register(registry, "Calls of Lambda functions by Task states");
        self.activities.register(registry, "Tasks of activities");
        self.integrations
            .register(registry, "Calls of services by Task states");
        registry.register(
            "states_execution_throttled",
            "Calls of tasks that waited because too many were under way (ExecutionThrottled)",
            self.throttled.clone(),
        );
        registry.register(
            "states_approximate_open_map_run_count",
            "Map Runs that are under way (ApproximateOpenMapRunCount)",
            self.open_map_runs.clone(),
        );
    }

    /// Says how many map runs are under way.
    pub(crate) fn set_open_map_runs(&self, count: usize) {
        self.open_map_runs.set(count as i64);
    }

    /// Counts what is about to be committed of an execution. A commit that fails has been counted, and
    /// no further one will be: the store does not go on after it.
    pub(crate) fn count(&self, record: &ExecutionRecord, events: &[Recorded]) {
        let mut machine = None;
        for recorded in events {
            let place = match &recorded.event {
                Event::TaskScheduled { task, .. } => {
                    self.count_task(&task.resource, 0);
                    continue;
                }
                Event::TaskStarted { resource, .. } => {
                    self.count_task(resource, 1);
                    continue;
                }
                Event::TaskSucceeded { resource, .. } => {
                    self.count_task(resource, 2);
                    continue;
                }
                Event::TaskFailed { resource, .. } => {
                    self.count_task(resource, 3);
                    continue;
                }
                Event::TaskTimedOut {
                    resource,
                    heartbeat,
                    ..
                } => {
                    self.count_task(resource, if *heartbeat { 5 } else { 4 });
                    continue;
                }
                Event::ExecutionStarted(_) => STARTED,
                Event::ExecutionSucceeded { .. } => SUCCEEDED,
                Event::ExecutionFailed { .. } => FAILED,
                Event::ExecutionAborted { .. } => ABORTED,
                Event::ExecutionTimedOut => TIMED_OUT,
                Event::ExecutionRedriven { .. } => REDRIVEN,
                _ => continue,
            };
            let counters = machine.get_or_insert_with(|| self.machine(&record.state_machine_arn));
            counters.executions[place].inc();
            if recorded.event.closes() {
                let millis = recorded.at.as_millis() - record.started_at.as_millis();
                counters.time.observe(millis as f64 / 1000.0);
            }
        }
    }

    /// Measures tasks that ended.
    pub(crate) fn time(&self, ended: &[EndedTask]) {
        for task in ended {
            match &task.resource {
                TaskResource::LambdaFunction { arn } => self.functions.time(arn, task),
                TaskResource::Activity { arn } => self.activities.time(arn, task),
                TaskResource::Integration { resource_type, .. } => {
                    self.integrations.time(resource_type, task);
                }
            }
        }
    }

    /// Counts a call that waits for others to end.
    pub(crate) fn count_throttled(&self) {
        self.throttled.inc();
    }

    fn count_task(&self, resource: &TaskResource, place: usize) {
        match resource {
            TaskResource::LambdaFunction { arn } => self.functions.count(arn, place),
            TaskResource::Activity { arn } => self.activities.count(arn, place),
            TaskResource::Integration { resource_type, .. } => {
                self.integrations.count(resource_type, place);
            }
        }
    }

    fn machine(&self, arn: &str) -> Arc<OfMachine> {
        // Children of a Distributed Map are their machine's.
        let arn = arn.split('/').next().unwrap_or(arn);
        self.machines.of(arn, |name| {
            let label = Machine {
                state_machine_arn: name,
            };
            OfMachine {
                executions: self
                    .executions
                    .each_ref()
                    .map(|(_, _, family)| family.get_or_create_owned(&label)),
                time: self.execution_time.get_or_create_owned(&label),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use engine_core::{Event, EventId, Recorded};

    use super::*;
    use crate::rows::StatusCode;

    fn record(machine: &str) -> ExecutionRecord {
        ExecutionRecord {
            execution_arn: String::new(),
            name: String::new(),
            state_machine_arn: machine.to_owned(),
            definition: [0; 32],
            role_arn: String::new(),
            status: StatusCode::Running,
            started_at: Timestamp::from_millis(1_000),
            stopped_at: None,
            last_chunk: None,
            trace_header: None,
            child_of: None,
            qualified: None,
            redrives: None,
            started_by: None,
            mocks: None,
            logging: None,
        }
    }

    #[test]
    fn machines_beyond_the_bound_are_counted_together() {
        let metrics = Metrics::default();
        let ended = Recorded {
            previous: EventId::NONE,
            at: Timestamp::from_millis(3_000),
            event: Event::ExecutionTimedOut,
        };
        for number in 0..NAMES_MAX + 5 {
            metrics.count(
                &record(&format!("machine{number}/label")),
                std::slice::from_ref(&ended),
            );
        }
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        let name = "states_executions_timed_out_total";
        let count = |label: &str| {
            let head = format!("{name}{{state_machine_arn=\"{label}\"}} ");
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(&head).map(str::to_owned));
            line.unwrap_or_default()
        };
        assert_eq!(
            (count("machine7"), count(OTHER)),
            ("1".to_owned(), "5".to_owned())
        );
        let lines = text.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!(lines, NAMES_MAX + 1);
        assert!(
            text.contains("states_execution_time_seconds_sum{state_machine_arn=\"machine7\"} 2.0")
        );
    }

    #[test]
    fn tasks_are_measured_from_their_schedule_to_their_end() {
        let metrics = Metrics::default();
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let arn = "a".into();
        metrics.time(&[EndedTask {
            resource: TaskResource::Activity { arn },
            scheduled_at: at(10),
            started_at: Some(at(13)),
            ended_at: at(17),
        }]);
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        for (name, seconds) in [
            ("time", "7.0"),
            ("schedule_time", "3.0"),
            ("run_time", "4.0"),
        ] {
            let line =
                format!("states_activity_{name}_seconds_sum{{activity_arn=\"a\"}} {seconds}");
            assert!(text.contains(&line), "{line}");
        }
    }
}
