//! The model: what a service is that keeps everything in maps and does everything at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::common::{activity_arn, execution_arn};
use crate::{Act, Through};

/// What a machine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Definition {
    /// Ends at once.
    Pass,
    /// Fails at once.
    Fail,
    /// Waits for a worker of this activity.
    Work(u8),
}

impl Definition {
    pub fn text(self) -> String {
        let state = match self {
            Self::Pass => json!({"Type": "Pass", "End": true}),
            Self::Fail => json!({"Type": "Fail", "Error": "E"}),
            Self::Work(a) => {
                json!({"Type": "Task", "Resource": activity_arn(&format!("a{a}")), "End": true})
            }
        };
        json!({"StartAt": "S", "States": {"S": state}}).to_string()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub now: u64,
    machines: BTreeMap<String, Machine>,
    activities: BTreeMap<String, ()>,
    executions: BTreeMap<(String, String), Execution>,
    /// Executions in the order in which their tasks were scheduled, by activity: those that no worker has.
    queues: BTreeMap<u8, Vec<(String, String)>>,
    /// Every token that a worker was given, with the execution and the attempt that it is for.
    tokens: Vec<(String, (String, String), u64)>,
}

#[derive(Debug)]
pub(crate) struct Machine {
    pub definition: Definition,
    pub revision: u64,
    pub versions: BTreeMap<u64, (Definition, u64)>,
    last_version: u64,
    pub aliases: BTreeMap<String, u64>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Execution {
    definition: Definition,
    pub status: &'static str,
    pub redrives: u64,
    listed_at: u64,
    /// When its task was scheduled, while it waits, and whether a worker has it.
    waits: Option<(u64, bool)>,
    /// Counts its tasks: an answer is for one of them.
    attempt: u64,
    version: Option<u64>,
    alias: Option<String>,
}

const NO_MACHINE: &str = "StateMachineDoesNotExist";
const NOT_OPEN: &str = "TaskTimedOut";

impl Model {
    /// Does one thing; returns `ok` or the code of the error. `output` is what the service answered.
    pub fn act(&mut self, act: &Act, output: Option<&Value>) -> &'static str {
        let now = self.now;
        match act {
            Act::CreateMachine(m, definition) => match self.machines.get(&machine(*m)) {
                Some(known) if known.definition == *definition => "ok",
                Some(_) => "StateMachineAlreadyExists",
                None => {
                    let new = Machine {
                        definition: *definition,
                        revision: now,
                        versions: BTreeMap::new(),
                        last_version: 0,
                        aliases: BTreeMap::new(),
                        tags: BTreeMap::new(),
                    };
                    self.machines.insert(machine(*m), new);
                    "ok"
                }
            },
            Act::UpdateMachine(m, definition) => self.on(*m, NO_MACHINE, |machine| {
                (machine.definition, machine.revision) = (*definition, now);
                "ok"
            }),
            Act::DeleteMachine(m) => {
                if self.machines.remove(&machine(*m)).is_some() {
                    // What it began goes on being known, and is not a new machine's to take up by name.
                    let of = machine(*m);
                    let running = self.executions.iter().filter(|((machine, _), execution)| {
                        *machine == of && execution.status == "RUNNING"
                    });
                    let running: Vec<_> = running.map(|(key, _)| key.clone()).collect();
                    for key in running {
                        self.end(&key, "ABORTED");
                    }
                }
                "ok"
            }
            Act::Publish(m) => self.on(*m, NO_MACHINE, |machine| {
                let last = machine.versions.last_key_value();
                if last.is_none_or(|(_, (_, revision))| *revision != machine.revision) {
                    machine.last_version += 1;
                    let version = (machine.definition, machine.revision);
                    machine.versions.insert(machine.last_version, version);
                }
                "ok"
            }),
            Act::DeleteVersion(m, v) => self.on(*m, "ok", |machine| {
                let version = u64::from(*v);
                let is_known = machine.versions.contains_key(&version);
                if is_known && machine.aliases.values().any(|to| *to == version) {
                    return "ConflictException";
                }
                machine.versions.remove(&version);
                "ok"
            }),
            Act::CreateAlias(m, a, v) => self.on(*m, "ResourceNotFound", |machine| {
                let (name, version) = (format!("A{a}"), u64::from(*v));
                if !machine.versions.contains_key(&version) {
                    return "ResourceNotFound";
                }
                match machine.aliases.get(&name) {
                    Some(known) if *known == version => "ok",
                    Some(_) => "ConflictException",
                    None => {
                        machine.aliases.insert(name, version);
                        "ok"
                    }
                }
            }),
            // What is not there is what the caller wants.
            Act::DeleteAlias(m, a) => self.on(*m, "ok", |machine| {
                machine.aliases.remove(&format!("A{a}"));
                "ok"
            }),
            Act::Tag(m, k, v) => self.on(*m, "ResourceNotFound", |machine| {
                machine.tags.insert(format!("k{k}"), format!("v{v}"));
                "ok"
            }),
            Act::Untag(m, k) => self.on(*m, "ResourceNotFound", |machine| {
                machine.tags.remove(&format!("k{k}"));
                "ok"
            }),
            Act::CreateActivity(a) => {
                self.activities.insert(format!("a{a}"), ());
                "ok"
            }
            Act::DeleteActivity(a) => {
                self.activities.remove(&format!("a{a}"));
                "ok"
            }
            Act::Start(m, through, n) => self.start(*m, *through, *n),
            Act::Poll(a) => self.poll(*a, output),
            Act::Succeed(t) => self.answer(*t, "SUCCEEDED"),
            Act::Fail(t) => self.answer(*t, "FAILED"),
            Act::Heartbeat(t) => match self.open(*t) {
                Some(_) => "ok",
                None => NOT_OPEN,
            },
            Act::Stop(e) => {
                let Some(key) = self.chosen(*e) else {
                    return "ok";
                };
                if self.executions[&key].status == "RUNNING" {
                    self.end(&key, "ABORTED");
                }
                "ok"
            }
            Act::Redrive(e) => {
                let Some(key) = self.chosen(*e) else {
                    return "ok";
                };
                let has_machine = self.machines.contains_key(&key.0);
                let execution = self.executions.get_mut(&key).expect("chosen");
                if matches!(execution.status, "RUNNING" | "SUCCEEDED") || !has_machine {
                    return "ExecutionNotRedrivable";
                }
                execution.redrives += 1;
                self.run(&key);
                "ok"
            }
            Act::Restart => "ok",
        }
    }

    fn on(
        &mut self,
        m: u8,
        missing: &'static str,
        act: impl FnOnce(&mut Machine) -> &'static str,
    ) -> &'static str {
        self.machines.get_mut(&machine(m)).map_or(missing, act)
    }

    fn start(&mut self, m: u8, through: Through, n: u8) -> &'static str {
        let Some(of) = self.machines.get(&machine(m)) else {
            return NO_MACHINE;
        };
        let alias = match through {
            Through::Alias(a) => Some(format!("A{a}")),
            Through::Machine | Through::Version(_) => None,
        };
        let version = match (&through, &alias) {
            (Through::Version(v), _) => Some(u64::from(*v)),
            (_, Some(alias)) => match of.aliases.get(alias) {
                Some(version) => Some(*version),
                None => return NO_MACHINE,
            },
            (_, None) => None,
        };
        let definition = match version {
            None => of.definition,
            Some(version) => match of.versions.get(&version) {
                Some((definition, _)) => *definition,
                None => return NO_MACHINE,
            },
        };
        let key = (machine(m), format!("e{n}"));
        if let Some(known) = self.executions.get(&key) {
            // The input is always the same.
            return if known.status == "RUNNING" {
                "ok"
            } else {
                "ExecutionAlreadyExists"
            };
        }
        let execution = Execution {
            definition,
            status: "RUNNING",
            redrives: 0,
            listed_at: self.now,
            waits: None,
            attempt: 0,
            version,
            alias,
        };
        self.executions.insert(key.clone(), execution);
        self.run(&key);
        "ok"
    }

    /// Runs an execution until it waits or ends.
    fn run(&mut self, key: &(String, String)) {
        let now = self.now;
        let execution = self.executions.get_mut(key).expect("it is there");
        (execution.status, execution.listed_at) = ("RUNNING", now);
        match execution.definition {
            Definition::Pass => self.end(key, "SUCCEEDED"),
            Definition::Fail => self.end(key, "FAILED"),
            Definition::Work(a) if self.activities.contains_key(&format!("a{a}")) => {
                execution.waits = Some((now, false));
                execution.attempt += 1;
                self.queues.entry(a).or_default().push(key.clone());
            }
            Definition::Work(_) => self.end(key, "FAILED"),
        }
    }

    fn end(&mut self, key: &(String, String), status: &'static str) {
        let now = self.now;
        let execution = self.executions.get_mut(key).expect("it is there");
        (execution.status, execution.listed_at, execution.waits) = (status, now, None);
        for queue in self.queues.values_mut() {
            queue.retain(|waiting| waiting != key);
        }
    }

    fn poll(&mut self, a: u8, output: Option<&Value>) -> &'static str {
        if !self.activities.contains_key(&format!("a{a}")) {
            return "ActivityDoesNotExist";
        }
        let queue = self.queues.entry(a).or_default();
        if queue.is_empty() {
            return "ok";
        }
        let key = queue.remove(0);
        let execution = self.executions.get_mut(&key).expect("it waits");
        if let Some((_, taken)) = &mut execution.waits {
            *taken = true;
        }
        let token = output.and_then(|output| output["taskToken"].as_str());
        let token = token.unwrap_or("no token was given").to_owned();
        self.tokens.push((token, key, execution.attempt));
        "ok"
    }

    /// Returns the execution that waits for an answer under a token.
    fn open(&self, t: u8) -> Option<(String, String)> {
        let (_, key, attempt) = self.tokens.get(usize::from(t) % self.tokens.len().max(1))?;
        let execution = self.executions.get(key)?;
        let waits = matches!(execution.waits, Some((_, true)));
        (waits && execution.attempt == *attempt).then(|| key.clone())
    }

    fn answer(&mut self, t: u8, status: &'static str) -> &'static str {
        match self.open(t) {
            None => NOT_OPEN,
            Some(key) => {
                self.end(&key, status);
                "ok"
            }
        }
    }

    fn chosen(&self, e: u8) -> Option<(String, String)> {
        let count = self.executions.len();
        self.executions
            .keys()
            .nth(usize::from(e) % count.max(1))
            .cloned()
    }

    pub fn queue(&self, a: u8) -> &[(String, String)] {
        self.queues.get(&a).map_or(&[], Vec::as_slice)
    }

    pub fn token(&self, t: u8) -> Option<&str> {
        let (token, ..) = self.tokens.get(usize::from(t) % self.tokens.len().max(1))?;
        Some(token)
    }

    pub fn execution_arn(&self, e: u8) -> Option<String> {
        let (machine, name) = self.chosen(e)?;
        Some(execution_arn(&machine, &name))
    }

    pub fn machine_names(&self) -> Vec<String> {
        self.machines.keys().cloned().collect()
    }

    pub fn activity_names(&self) -> Vec<String> {
        self.activities.keys().cloned().collect()
    }

    /// When the execution was listed last.
    pub fn listed_at(&self, machine: &str, name: &str) -> u64 {
        let key = (machine.to_owned(), name.to_owned());
        self.executions
            .get(&key)
            .map_or(0, |execution| execution.listed_at)
    }

    pub fn machine(&self, name: &str) -> &Machine {
        &self.machines[name]
    }

    pub fn executions(&self) -> Vec<(String, String, Execution)> {
        let all = self.executions.iter();
        all.map(|((machine, name), execution)| (machine.clone(), name.clone(), execution.clone()))
            .collect()
    }

    /// The executions that are listed under a machine, its version or its alias, newest first; those of one
    /// moment in the order of their names.
    pub fn listed(&self, machine: &str, qualifier: Option<&str>) -> Vec<(u64, String)> {
        let is_under = |execution: &Execution| match qualifier {
            None => true,
            Some(qualifier) => {
                execution.alias.as_deref() == Some(qualifier)
                    || execution
                        .version
                        .map(|version| version.to_string())
                        .as_deref()
                        == Some(qualifier)
            }
        };
        let mut listed: Vec<(u64, String)> = self
            .executions
            .iter()
            .filter(|((of, _), execution)| of == machine && is_under(execution))
            .map(|((_, name), execution)| (execution.listed_at, name.clone()))
            .collect();
        listed.sort_by_key(|(at, name)| (std::cmp::Reverse(*at), name.clone()));
        listed
    }

    /// The executions whose task waits, the longest first, and whether a worker has it.
    pub fn open_tasks(&self) -> Vec<(String, bool)> {
        let mut open: Vec<(u64, String, bool)> = self
            .executions
            .iter()
            .filter_map(|((machine, name), execution)| {
                let (since, taken) = execution.waits?;
                Some((since, execution_arn(machine, name), taken))
            })
            .collect();
        open.sort();
        open.into_iter()
            .map(|(_, arn, taken)| (arn, taken))
            .collect()
    }
}

fn machine(m: u8) -> String {
    format!("m{m}")
}
