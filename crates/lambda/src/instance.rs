//! One instance of a function: a process, its session and its log, taking one event at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use service::Clock;
use vocab::Timestamp;

use crate::aliases::version_text;
use crate::catalog::Version;
use crate::output::Output;
use crate::process::{Process, describe_exit};
use crate::runtime_api::{Invocation, RESPONSE_BYTES_MAX, SessionHandle, Signal};

/// Time that initialization has, whatever the function's own timeout is (Lambda execution
/// environment, "Init phase").
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a caller wants of a function.
#[derive(Clone, Debug)]
pub struct Event {
    /// Also the caller's `x-amzn-RequestId`.
    pub request_id: String,
    /// The ARN that the caller used.
    pub function_arn: Arc<str>,
    /// JSON.
    pub payload: Bytes,
    /// JSON in ASCII.
    pub client_context: Option<String>,
    /// Whether the end of the log is part of the answer.
    pub keep_tail: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The result, or the description of the error.
    pub payload: Bytes,
    /// Whether the function failed.
    pub failed: bool,
    /// The end of the log, if it was asked for.
    pub log_tail: Option<Vec<u8>>,
}

/// How an invocation left the instance.
pub enum Finish {
    /// It can take another event.
    Reusable(Outcome),
    /// It is gone, or must go.
    Spent(Outcome),
    /// It was gone before it saw the event: the event may go to another.
    Unseen,
}

/// A running instance.
pub struct Instance {
    session: SessionHandle,
    process: Process,
    output: Output,
    clock: Arc<dyn Clock>,
    limits: Limits,
    started: Instant,
    initialized: bool,
    /// When its credentials end.
    pub expires_at: Timestamp,
    /// When it last became free.
    pub idle_since: Instant,
}

/// What the function's configuration says of every invocation.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `Timeout`.
    pub timeout: Duration,
    /// `MemorySize`; reported, not enforced.
    pub memory_mib: u32,
    /// What runs.
    pub version: Version,
}

enum Step {
    Answer {
        payload: Bytes,
        failed: bool,
        reusable: bool,
    },
    Exited,
    TimedOut,
    Unseen,
}

impl Instance {
    /// Wraps a process that was just started.
    pub fn new(
        session: SessionHandle,
        process: Process,
        output: Output,
        clock: Arc<dyn Clock>,
        limits: Limits,
        expires_at: Timestamp,
    ) -> Self {
        let now = Instant::now();
        Self {
            session,
            process,
            output,
            clock,
            limits,
            started: now,
            initialized: false,
            expires_at,
            idle_since: now,
        }
    }

    /// Says whether the process is there.
    pub fn is_alive(&self) -> bool {
        self.process.exit_status().is_none()
    }

    /// Lets the function work on `event` and returns what came of it, at the latest when its time
    /// is up.
    pub async fn run(&mut self, event: &Event) -> Finish {
        let warm = self.initialized;
        let id = &event.request_id;
        self.output.begin(event.keep_tail);
        let initialized = if warm {
            None
        } else {
            Some(self.initialize().await)
        };
        let version = version_text(self.limits.version);
        self.output
            .write(vec![format!("START RequestId: {id} Version: {version}")])
            .await;
        let begun = Instant::now();
        let step = match initialized {
            None | Some(Ok(())) => self.work(event, warm).await,
            Some(Err(step)) => step,
        };
        let elapsed = begun.elapsed();
        self.output.flush().await;
        if matches!(step, Step::Unseen) {
            return Finish::Unseen;
        }
        let reusable = matches!(step, Step::Answer { reusable: true, .. });
        let (payload, failed, remark) = self.conclude(step, id).await;
        let init = (!warm).then(|| begun - self.started);
        let end = format!("END RequestId: {id}");
        let last = remark
            .into_iter()
            .chain([end, self.report(id, elapsed, init)]);
        self.output.write(last.collect()).await;
        let outcome = Outcome {
            payload,
            failed,
            log_tail: self.output.end(),
        };
        self.idle_since = Instant::now();
        if reusable {
            Finish::Reusable(outcome)
        } else {
            Finish::Spent(outcome)
        }
    }

    /// Waits until the runtime asks for its first event.
    async fn initialize(&mut self) -> Result<(), Step> {
        let limit = INIT_TIMEOUT.max(self.limits.timeout);
        let signal = tokio::select! {
            biased;
            signal = self.session.signal() => signal,
            _ = self.process.exited() => return Err(Step::Exited),
            () = tokio::time::sleep(limit) => return Err(Step::TimedOut),
        };
        match signal {
            Signal::Ready => {
                self.initialized = true;
                Ok(())
            }
            Signal::InitError(payload) => Err(Step::Answer {
                payload,
                failed: true,
                reusable: false,
            }),
            // Nothing was delivered yet, so there is nothing else to say.
            Signal::Taken | Signal::Response(_) | Signal::Error(_) | Signal::ResponseTooLarge => {
                Err(Step::Exited)
            }
        }
    }

    async fn work(&mut self, event: &Event, warm: bool) -> Step {
        let millis = i64::try_from(self.limits.timeout.as_millis()).unwrap_or(i64::MAX);
        let invocation = Invocation {
            request_id: event.request_id.clone(),
            deadline: self.clock.now().plus_millis(millis),
            function_arn: Arc::clone(&event.function_arn),
            trace_id: trace_id(self.clock.now()),
            client_context: event.client_context.clone(),
            payload: event.payload.clone(),
        };
        let time_is_up = tokio::time::sleep(self.limits.timeout);
        tokio::pin!(time_is_up);
        self.session.deliver(invocation).await;
        let mut taken = false;
        loop {
            let signal = tokio::select! {
                // An answer that came before the process ended counts.
                biased;
                signal = self.session.signal() => signal,
                _ = self.process.exited() => return if warm && !taken { Step::Unseen } else { Step::Exited },
                () = &mut time_is_up => return Step::TimedOut,
            };
            match signal {
                Signal::Ready | Signal::InitError(_) => {}
                Signal::Taken => taken = true,
                Signal::Response(payload) => {
                    return Step::Answer {
                        payload,
                        failed: false,
                        reusable: true,
                    };
                }
                Signal::Error(payload) => {
                    return Step::Answer {
                        payload,
                        failed: true,
                        reusable: true,
                    };
                }
                Signal::ResponseTooLarge => {
                    let message = format!(
                        "Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
                    );
                    let payload = error_payload("Function.ResponseSizeTooLarge", &message);
                    return Step::Answer {
                        payload,
                        failed: true,
                        reusable: true,
                    };
                }
            }
        }
    }

    /// Returns the answer for the caller, whether it is an error, and a line for the log.
    async fn conclude(&mut self, step: Step, id: &str) -> (Bytes, bool, Option<String>) {
        match step {
            Step::Answer {
                payload, failed, ..
            } => (payload, failed, None),
            Step::TimedOut => {
                self.process.kill();
                let seconds = self.limits.timeout.as_secs_f64();
                let message =
                    format!("RequestId: {id} Error: Task timed out after {seconds:.2} seconds");
                let remark = format!(
                    "{} {id} Task timed out after {seconds:.2} seconds",
                    self.clock.now()
                );
                (
                    error_payload("Sandbox.Timedout", &message),
                    true,
                    Some(remark),
                )
            }
            Step::Exited => {
                let reason = describe_exit(self.process.exited().await);
                let message = format!("RequestId: {id} Error: {reason}");
                let remark = format!("{message} Runtime.ExitError");
                (
                    error_payload("Runtime.ExitError", &message),
                    true,
                    Some(remark),
                )
            }
            Step::Unseen => (Bytes::new(), true, None),
        }
    }

    fn report(&self, id: &str, elapsed: Duration, init: Option<Duration>) -> String {
        let millis = elapsed.as_secs_f64() * 1000.0;
        let billed = millis.ceil();
        let memory = self.limits.memory_mib;
        let mut line = format!(
            "REPORT RequestId: {id}\tDuration: {millis:.2} ms\tBilled Duration: {billed:.0} ms\tMemory Size: {memory} MB"
        );
        if let Some(used) = self.process.memory_max_mib() {
            line.push_str(&format!("\tMax Memory Used: {used} MB"));
        }
        if let Some(init) = init {
            line.push_str(&format!(
                "\tInit Duration: {:.2} ms",
                init.as_secs_f64() * 1000.0
            ));
        }
        line
    }
}

/// Returns the description of an error that the service, not the function, found.
pub fn error_payload(error_type: &str, message: &str) -> Bytes {
    serde_json::json!({ "errorType": error_type, "errorMessage": message })
        .to_string()
        .into()
}

/// Returns a new X-Ray trace header; nothing is sampled.
fn trace_id(now: Timestamp) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    let parent = uuid::Uuid::new_v4().simple().to_string();
    format!(
        "Root=1-{:08x}-{};Parent={};Sampled=0",
        now.as_millis() / 1000,
        &random[..24],
        &parent[..16]
    )
}
