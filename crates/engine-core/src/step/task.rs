//! Task: calls something, and waits for its answer, its token or its job.

use asl::{Count, Flow, Pattern, ResourceKind, StateKind, Task};

use super::failure::Failure;
use super::flow::Seen;
use super::parameters;
use super::{Progress, Turn};
use crate::command::Rejection;
use crate::effect::{Effect, TaskCall, Timer, TimerKind};
use crate::event::{Completion, Event, TaskDescription, TaskResource};
use crate::frame::{Frame, TaskStage, Waiting};
use crate::ids::{FrameId, TaskId};
use crate::payload::{NESTING_MAX, Payload, Text};

/// Returns what completes the task.
pub(super) fn completion_of(task: &Task) -> Completion {
    match &task.resource.kind {
        ResourceKind::LambdaFunction => Completion::OnReturn,
        ResourceKind::Activity => Completion::OnToken,
        ResourceKind::Integration { pattern, .. } => match pattern {
            Pattern::RequestResponse => Completion::OnReturn,
            Pattern::WaitForTaskToken => Completion::OnToken,
            Pattern::Sync | Pattern::Sync2 => Completion::OnJob,
        },
    }
}

fn resource_of(task: &Task) -> TaskResource {
    let arn = || Text::from(task.resource.arn.clone());
    match &task.resource.kind {
        ResourceKind::LambdaFunction => TaskResource::LambdaFunction { arn: arn() },
        ResourceKind::Activity => TaskResource::Activity { arn: arn() },
        ResourceKind::Integration {
            service,
            action,
            pattern,
        } => TaskResource::Integration {
            resource_type: Text::from(service.clone()),
            resource: Text::from(format!("{action}{}", pattern.suffix())),
        },
    }
}

/// Returns what the text of a too long result names: a function by its ARN, an
/// integration by its service.
fn named_in_limit(resource: &TaskResource) -> &str {
    match resource {
        TaskResource::LambdaFunction { arn } | TaskResource::Activity { arn } => arn,
        TaskResource::Integration { resource_type, .. } => resource_type,
    }
}

/// A task that waits for an answer, taken apart.
pub(super) struct OpenTask {
    pub id: FrameId,
    pub tail: crate::EventId,
    stage: TaskStage,
    completion: Completion,
    pub resource: TaskResource,
    pub timeout_seconds: Option<u64>,
    pub heartbeat_seconds: Option<u64>,
}

impl Turn<'_> {
    pub(super) fn run_task(&mut self, id: FrameId, task: &Task) -> Progress {
        let description = match self.describe(id, task) {
            Ok(description) => description,
            Err(failure) => return self.fail(id, failure),
        };
        self.schedule(id, description)
    }

    fn describe(&self, id: FrameId, task: &Task) -> Result<TaskDescription, Failure> {
        let input = self.effective_input(id, &task.flow)?;
        let parameters = self.parameters(id, &task.flow)?;
        self.check_parameters(id, task, &parameters)?;
        let timeout_seconds =
            self.seconds(id, "TimeoutSecondsPath", task.timeout.as_ref(), &input)?;
        let heartbeat_seconds =
            self.seconds(id, "HeartbeatSecondsPath", task.heartbeat.as_ref(), &input)?;
        let credentials_role_arn = match &task.credentials {
            None => None,
            Some(template) => {
                let filled = self.fill(id, template, Seen::input(&input))?;
                filled
                    .value()
                    .get("RoleArn")
                    .and_then(|role| role.as_str())
                    .map(Text::from)
            }
        };
        Ok(TaskDescription {
            resource: resource_of(task),
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn,
            completion: completion_of(task),
        })
    }

    /// Refuses parameters with which the call cannot even be tried.
    fn check_parameters(
        &self,
        id: FrameId,
        task: &Task,
        parameters: &Payload,
    ) -> Result<(), Failure> {
        let ResourceKind::Integration {
            service, action, ..
        } = &task.resource.kind
        else {
            return Ok(());
        };
        let faults = parameters::faults(&task.flow, service, action, parameters.value());
        if faults.is_empty() {
            return Ok(());
        }
        let field = match &task.flow {
            Flow::JsonPath(_) => "Parameters",
            Flow::Jsonata(_) => "Arguments",
        };
        let cause = format!(
            "The {field} '{}' could not be used to start the Task: [{}]",
            parameters.text(),
            faults.join(", ")
        );
        Err(self.runtime_failure(id, cause))
    }

    fn seconds(
        &self,
        id: FrameId,
        field: &str,
        count: Option<&Count>,
        input: &Payload,
    ) -> Result<Option<u64>, Failure> {
        let Some(count) = count else { return Ok(None) };
        let seconds = match count {
            Count::Literal(seconds) => *seconds,
            Count::Path(_) | Count::Expression(_) => {
                self.with_scope(id, Seen::input(input), |scope| count.evaluate(scope, field))?
            }
        };
        Ok(Some(seconds))
    }

    fn schedule(&mut self, id: FrameId, description: TaskDescription) -> Progress {
        if let TaskResource::Activity { arn } = &description.resource {
            let arn = arn.clone();
            return self.offer(id, arn, description);
        }
        let now = self.cue.now;
        let timeout_at = description
            .timeout_seconds
            .map(|seconds| now.plus_seconds(seconds));
        let resource = description.resource.clone();
        let call = TaskCall {
            description: description.clone(),
            frame: id,
        };
        // A callback's clock starts when its call has returned.
        let heartbeat_at = match description.completion {
            Completion::OnToken => None,
            Completion::OnReturn | Completion::OnJob => description
                .heartbeat_seconds
                .map(|seconds| now.plus_seconds(seconds)),
        };
        let tail = self.frame(id).tail;
        let scheduled = self.emit(
            tail,
            Event::TaskScheduled {
                frame: id,
                task: Box::new(description),
                timeout_at,
            },
        )?;
        let task = TaskId(scheduled);
        // The row is written before the call goes out, so the token is good before anybody has it.
        self.effect(Effect::ScheduleTask { task, call });
        self.start_timer(TimerKind::TaskTimeout, task, timeout_at);
        let started = Event::TaskStarted {
            frame: id,
            heartbeat_at,
            resource,
            worker_name: None,
            timeout_at: None,
        };
        self.emit(scheduled, started)?;
        self.start_timer(TimerKind::TaskHeartbeat, task, heartbeat_at);
        Ok(())
    }

    pub(super) fn start_timer(
        &mut self,
        kind: TimerKind,
        task: TaskId,
        due_at: Option<vocab::Timestamp>,
    ) {
        if let Some(due_at) = due_at {
            self.effect(Effect::StartTimer {
                timer: Timer { kind, of: task.0 },
                due_at,
            });
        }
    }

    pub(super) fn open_task(&self, task: TaskId) -> Result<OpenTask, Rejection> {
        let (id, frame) = self
            .execution
            .frame_of_task(task)
            .ok_or(Rejection::TaskNotOpen)?;
        match frame {
            Frame {
                tail,
                waiting:
                    Waiting::Task {
                        stage,
                        completion,
                        resource,
                        timeout_seconds,
                        heartbeat_seconds,
                        ..
                    },
                ..
            } => Ok(OpenTask {
                id,
                tail: *tail,
                stage: *stage,
                completion: *completion,
                resource: resource.clone(),
                timeout_seconds: *timeout_seconds,
                heartbeat_seconds: *heartbeat_seconds,
            }),
            _ => Err(Rejection::TaskNotOpen),
        }
    }

    pub(super) fn task_submitted(
        &mut self,
        task: TaskId,
        output: Payload,
    ) -> Result<Progress, Rejection> {
        let open = self.open_task(task)?;
        if open.stage == TaskStage::Submitted {
            return Err(Rejection::TaskAlreadySubmitted);
        }
        match self.refused(&open, &output) {
            Some(failure) => Ok(self.end_task(open, failure)),
            None => Ok(self.submit(task, open, output)),
        }
    }

    /// Returns why an answer of the task cannot be taken: it is too long, or nested too deeply.
    fn refused(&self, open: &OpenTask, output: &Payload) -> Option<Failure> {
        if output.len() > self.cue.limits.payload_bytes_max {
            return Some(Failure::data_limit(named_in_limit(&open.resource)));
        }
        let too_deep = output.nests_deeper_than(NESTING_MAX);
        too_deep.then(|| self.runtime_failure(open.id, super::failure::too_deep()))
    }

    fn submit(&mut self, task: TaskId, open: OpenTask, output: Payload) -> Progress {
        let heartbeat_at = match open.completion {
            Completion::OnToken => open
                .heartbeat_seconds
                .map(|seconds| self.cue.now.plus_seconds(seconds)),
            Completion::OnReturn | Completion::OnJob => self.running_heartbeat(open.id),
        };
        let resource = open.resource;
        self.emit(
            open.tail,
            Event::TaskSubmitted {
                frame: open.id,
                output,
                heartbeat_at,
                resource,
            },
        )?;
        self.effect(Effect::SettleTask { task });
        if open.completion == Completion::OnToken {
            self.start_timer(TimerKind::TaskHeartbeat, task, heartbeat_at);
        }
        Ok(())
    }

    fn running_heartbeat(&self, id: FrameId) -> Option<vocab::Timestamp> {
        match &self.frame(id).waiting {
            Waiting::Task { heartbeat_at, .. } => *heartbeat_at,
            _ => None,
        }
    }

    pub(super) fn task_succeeded(
        &mut self,
        task: TaskId,
        output: Payload,
    ) -> Result<Progress, Rejection> {
        let open = self.open_task(task)?;
        self.answered = Some((open.id, task));
        match self.refused(&open, &output) {
            Some(failure) => Ok(self.end_task(open, failure)),
            None => Ok(self.succeed_task(open, output)),
        }
    }

    fn succeed_task(&mut self, open: OpenTask, output: Payload) -> Progress {
        let id = open.id;
        self.cancel_timers(id);
        self.settle_call(id);
        let succeeded = Event::TaskSucceeded {
            frame: id,
            output: output.clone(),
            resource: open.resource,
        };
        self.emit(open.tail, succeeded)?;
        let StateKind::Task(task) = &self.state_of(id).kind else {
            return Ok(());
        };
        match self.output_and_assigned(id, &task.flow, task.assign.as_ref(), output) {
            Ok((output, assigned)) => self.exit(id, output, assigned, task.transition),
            Err(failure) => self.fail(id, failure),
        }
    }

    pub(super) fn task_submit_failed(
        &mut self,
        task: TaskId,
        error: Option<Text>,
        cause: Option<Text>,
    ) -> Result<Progress, Rejection> {
        match self.open_task(task)?.stage {
            TaskStage::Submitted => Err(Rejection::TaskAlreadySubmitted),
            TaskStage::Calling => self.task_failed(task, error, cause),
        }
    }

    pub(super) fn task_failed(
        &mut self,
        task: TaskId,
        error: Option<Text>,
        cause: Option<Text>,
    ) -> Result<Progress, Rejection> {
        let open = self.open_task(task)?;
        Ok(self.end_task(open, Failure::told(error, cause)))
    }

    fn end_task(&mut self, open: OpenTask, failure: Failure) -> Progress {
        let id = open.id;
        self.cancel_timers(id);
        self.settle_call(id);
        let Failure { error, cause, .. } = failure.clone();
        let tail = self.emit(
            open.tail,
            Event::TaskFailed {
                frame: id,
                error,
                cause,
                resource: open.resource,
            },
        )?;
        self.fail_at(id, tail, failure)
    }

    pub(super) fn task_timed_out(&mut self, task: TaskId, heartbeat: bool) -> Progress {
        let Ok(open) = self.open_task(task) else {
            return Ok(());
        };
        let id = open.id;
        self.cancel_timers(id);
        self.abandon_job(id);
        self.settle_call(id);
        let tail = self.emit(
            open.tail,
            Event::TaskTimedOut {
                frame: id,
                heartbeat,
                resource: open.resource,
            },
        )?;
        let failure = Failure {
            heartbeat,
            ..Failure::told(Some("States.Timeout".into()), None)
        };
        self.fail_at(id, tail, failure)
    }

    pub(super) fn task_heartbeat(&mut self, task: TaskId) -> Result<Progress, Rejection> {
        let open = self.open_task(task)?;
        let Some(due_at) = self.running_heartbeat(open.id) else {
            // The task asks for no heartbeats, or its clock has not started: accepted, without effect.
            return Ok(Ok(()));
        };
        Ok(self.beat(task, open, due_at))
    }

    fn beat(&mut self, task: TaskId, open: OpenTask, due_at: vocab::Timestamp) -> Progress {
        let heartbeat_at = open
            .heartbeat_seconds
            .map(|seconds| self.cue.now.plus_seconds(seconds));
        if heartbeat_at == Some(due_at) {
            return Ok(());
        }
        let timer = Timer {
            kind: TimerKind::TaskHeartbeat,
            of: task.0,
        };
        self.emit(
            open.tail,
            Event::HeartbeatReceived {
                frame: open.id,
                heartbeat_at,
            },
        )?;
        self.effect(Effect::CancelTimer { timer, due_at });
        self.start_timer(TimerKind::TaskHeartbeat, task, heartbeat_at);
        Ok(())
    }
}
