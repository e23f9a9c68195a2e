//! The instances of one function as it is configured now: kept warm, and taken down when the function
//! changes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use service::{Clock, CredentialIssuer, Failure, LogSink, LogStreamName};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use vocab::Timestamp;

use crate::aliases::version_text;
use crate::catalog::Version;
use crate::failure;
use crate::function::Function;
use crate::instance::{Event, Finish, Instance, Limits, Outcome, error_payload};
use crate::output::Output;
use crate::process::Process;
use crate::runtime::{Launch, Launcher};
use crate::runtime_api::RuntimeApi;
use crate::watchdog::Watchdog;

/// How long the credentials of an instance live.
const CREDENTIALS_SECONDS: u64 = 3600;
/// An instance takes an event only if its credentials outlive the event by this much.
const CREDENTIALS_MARGIN_SECONDS: u64 = 60;

/// What all pools share.
pub struct Grounds {
    /// Prepares commands.
    pub launcher: Arc<Launcher>,
    /// Where instances talk to.
    pub runtime_api: RuntimeApi,
    /// Where instances are written down.
    pub watchdog: Arc<Watchdog>,
    /// Where instances write to.
    pub logs: Arc<dyn LogSink>,
    /// Gives instances the function's role.
    pub credentials: Arc<dyn CredentialIssuer>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// One permit a process.
    pub places: Arc<Semaphore>,
    /// How long an event waits for a free instance.
    pub queue_timeout: Duration,
    /// How many instances a function may have.
    pub instances_per_function_max: usize,
}

/// The instances of one revision of a function.
pub struct Pool {
    /// The row that the pool was made from.
    pub row: Bytes,
    function: Function,
    grounds: Arc<Grounds>,
    launch: OnceCell<Launch>,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// The instance that was used last is used first: the others may age.
    instances: Vec<Instance>,
    closed: bool,
}

impl Pool {
    /// Returns a pool without instances.
    pub fn new(row: Bytes, function: Function, grounds: Arc<Grounds>) -> Self {
        Self {
            row,
            function,
            grounds,
            launch: OnceCell::new(),
            idle: Mutex::default(),
        }
    }

    /// Runs `event` on an instance, an idle one if there is one.
    pub async fn run(&self, event: &Event, places: &dyn Evict) -> Result<Outcome, Failure> {
        let launch = self.launch().await?;
        loop {
            let (mut instance, fresh) = match self.take_idle() {
                Some(instance) => (instance, false),
                None => match self.start(&launch, places).await? {
                    Started::Instance(instance) => (*instance, true),
                    Started::Refused(payload) => {
                        let payload = error_payload(
                            payload.0,
                            &format!("RequestId: {} Error: {}", event.request_id, payload.1),
                        );
                        return Ok(Outcome {
                            payload,
                            failed: true,
                            log_tail: event.keep_tail.then(Vec::new),
                        });
                    }
                },
            };
            match instance.run(event).await {
                Finish::Reusable(outcome) => {
                    self.give_back(instance);
                    return Ok(outcome);
                }
                Finish::Spent(outcome) => return Ok(outcome),
                // Each turn takes an idle instance that is gone, so this ends.
                Finish::Unseen => {
                    debug_assert!(!fresh, "a fresh instance that ends has seen the event")
                }
            }
        }
    }

    /// Takes the pool out of use: idle instances end now, the others after their event.
    pub fn close(&self) {
        let instances = {
            let mut idle = self.idle.lock();
            idle.closed = true;
            std::mem::take(&mut idle.instances)
        };
        drop(instances);
    }

    /// Ends instances that have been idle for `age`.
    pub fn reap(&self, age: Duration) {
        let mut aged = Vec::new();
        let mut idle = self.idle.lock();
        let mut index = 0;
        while index < idle.instances.len() {
            let instance = &idle.instances[index];
            if !instance.is_alive() || instance.idle_since.elapsed() >= age {
                aged.push(idle.instances.remove(index));
            } else {
                index += 1;
            }
        }
        drop(idle);
        drop(aged);
    }

    /// Ends the instance that has been idle longest, if there is one.
    pub fn evict(&self) -> bool {
        let mut idle = self.idle.lock();
        let evicted = (!idle.instances.is_empty()).then(|| idle.instances.remove(0));
        drop(idle);
        evicted.is_some()
    }

    async fn launch(&self) -> Result<Launch, Failure> {
        if let Some(launch) = self.launch.get() {
            return Ok(launch.clone());
        }
        let launch = self.grounds.launcher.prepare(&self.function).await?;
        if !launch.incomplete {
            // Somebody else may have been faster, with the same.
            let _ = self.launch.set(launch.clone());
        }
        Ok(launch)
    }

    fn take_idle(&self) -> Option<Instance> {
        let needed = u64::from(self.function.timeout_seconds) + CREDENTIALS_MARGIN_SECONDS;
        let until = self.grounds.clock.now().plus_seconds(needed);
        let mut spent = Vec::new();
        let mut idle = self.idle.lock();
        let taken = loop {
            match idle.instances.pop() {
                None => break None,
                Some(instance) if instance.is_alive() && instance.expires_at >= until => {
                    break Some(instance);
                }
                Some(instance) => spent.push(instance),
            }
        };
        drop(idle);
        drop(spent);
        taken
    }

    fn give_back(&self, instance: Instance) {
        let mut idle = self.idle.lock();
        if !idle.closed {
            idle.instances.push(instance);
            return;
        }
        drop(idle);
        drop(instance);
    }

    async fn start(&self, launch: &Launch, places: &dyn Evict) -> Result<Started, Failure> {
        let grounds = &*self.grounds;
        let place = self.place(places).await?;
        let session = if launch.own_port {
            let opened = grounds.runtime_api.open_on_own_port().await;
            opened.map_err(|error| {
                failure::service_exception(format!("No port is free for the instance: {error}"))
            })?
        } else {
            grounds.runtime_api.open()
        };
        let function = &self.function;
        let credentials =
            grounds
                .credentials
                .issue(&function.role, &function.name, CREDENTIALS_SECONDS);
        let instance_id = uuid::Uuid::new_v4().simple().to_string();
        let stream = log_stream(grounds.clock.now(), function.version, &instance_id);
        let command = launch.command(&session.address, &stream, &credentials);
        let (process, stdout, stderr) =
            match Process::start(command, Arc::clone(&grounds.watchdog), place) {
                Ok(started) => started,
                Err(error) => return Ok(Started::Refused(self.refusal(&error, launch))),
            };
        let log = Arc::clone(&grounds.logs);
        let to = LogStreamName {
            group: crate::log_group(&function.name),
            stream,
        };
        let clock = Arc::clone(&grounds.clock);
        let output = Output::capture(log, to, Arc::clone(&clock), stdout, stderr);
        let limits = Limits {
            timeout: Duration::from_secs(u64::from(function.timeout_seconds)),
            memory_mib: function.memory_mib,
            version: function.version,
        };
        let instance = Instance::new(
            session,
            process,
            output,
            clock,
            limits,
            credentials.expires_at,
        );
        Ok(Started::Instance(Box::new(instance)))
    }

    /// Waits for the right to have one more process, making room where something is idle.
    async fn place(&self, places: &dyn Evict) -> Result<OwnedSemaphorePermit, Failure> {
        let semaphore = &self.grounds.places;
        if let Ok(place) = Arc::clone(semaphore).try_acquire_owned() {
            return Ok(place);
        }
        places.evict_one();
        match timeout(
            self.grounds.queue_timeout,
            Arc::clone(semaphore).acquire_owned(),
        )
        .await
        {
            Ok(place) => place.map_err(|_| failure::stopping()),
            Err(_) => Err(failure::too_many_requests()),
        }
    }

    /// Says why the program could not be started: for the caller, without this machine's paths.
    fn refusal(&self, error: &std::io::Error, launch: &Launch) -> (&'static str, String) {
        tracing::warn!(%error, program = %launch.program().display(), function = %self.function.name, "could not start an instance");
        let program = if launch.own_port {
            "/var/task/bootstrap"
        } else {
            self.function.runtime.as_str()
        };
        let message = match error.kind() {
            std::io::ErrorKind::NotFound if launch.own_port => {
                "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]".to_owned()
            }
            std::io::ErrorKind::NotFound => {
                format!("fork/exec {program}: no such file or directory")
            }
            std::io::ErrorKind::PermissionDenied => {
                format!("fork/exec {program}: permission denied")
            }
            _ => format!("fork/exec {program}: exec format error"),
        };
        ("Runtime.InvalidEntrypoint", message)
    }
}

enum Started {
    Instance(Box<Instance>),
    /// The function's own fault: an error type and what is wrong.
    Refused((&'static str, String)),
}

/// Who can end an idle instance of some function to make room.
pub trait Evict: Send + Sync {
    /// Ends one, if there is one.
    fn evict_one(&self);
}

/// `2026/11/22/[$LATEST]8b1a…`.
fn log_stream(now: Timestamp, version: Version, instance_id: &str) -> String {
    let date = now.to_string()[..10].replace('-', "/");
    format!("{date}/[{}]{instance_id}", version_text(version))
}
