//! A partition: the one writer of its executions.
//!
//! It takes all commands that wait, steps each, commits one batch, and only then answers. Nothing is
//! locked, nothing is answered before it is durable, and a panic in one execution ends one command.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use engine_core::{Command, Cue, Execution, Payload, Rejection, Transition, step};
use store::{Key, StoreError};
use tokio::sync::{mpsc, oneshot};
use vocab::{Entropy, Timestamp};

use super::begin::describe;
use super::group::{Begin, Group, Touched};
use super::hot::{Hot, HotExecutions};
use super::jobs::JobNote;
use super::load::{load, read, unavailable};
use super::map_runs::Message;
use super::requests::{Answer, Request, is_unheard};
use super::{CommandError, Shared, Start, Started};
use crate::changes::Change;
use crate::open_tasks::OpenTasks;
use crate::rows::{self, ExecutionRecord, ExecutionRef, Waits};
use crate::token::SealerOf;

/// Most commands of one commit.
const GROUP_COMMANDS_MAX: usize = 256;

/// How long a closed execution's name stays taken.
const NAME_KEPT_MILLIS: i64 = 90 * 86_400_000;

pub(super) struct Partition {
    number: u16,
    shared: Arc<Shared>,
    inbox: mpsc::Receiver<Request>,
    hot: HotExecutions,
    next_number: u64,
    entropy: Entropy,
}

/// One commit in the making.
#[derive(Default)]
struct Work {
    group: Group,
    touched: BTreeMap<u64, Touched>,
    names: BTreeMap<Key, u64>,
    answers: Vec<Answer>,
}

impl Partition {
    pub async fn open(
        number: u16,
        shared: Arc<Shared>,
        inbox: mpsc::Receiver<Request>,
    ) -> Result<Self, StoreError> {
        let last = shared
            .store
            .scan(&rows::executions_of(number).reversed(), 1)
            .await?;
        let last = last
            .first()
            .and_then(|(key, _)| rows::execution_of_key(key));
        let after_last = last.map_or(0, |execution| execution.number + 1);
        let next_number = after_last.max(Self::noted_number(number, &shared).await?);
        let entropy = Entropy::from_seed(rand::random());
        Ok(Self {
            number,
            shared,
            inbox,
            hot: HotExecutions::default(),
            next_number,
            entropy,
        })
    }

    pub async fn run(mut self) {
        let mut requests = Vec::with_capacity(GROUP_COMMANDS_MAX);
        loop {
            let shared = self.shared.clone();
            tokio::select! {
                biased;
                taken = self.inbox.recv_many(&mut requests, GROUP_COMMANDS_MAX) => {
                    if taken == 0 {
                        return;
                    }
                }
                () = shared.stopped() => {
                    // What was taken finishes; what comes later is refused.
                    self.inbox.close();
                    continue;
                }
            }
            self.carry_out(&mut requests).await;
        }
    }

    async fn carry_out(&mut self, requests: &mut Vec<Request>) {
        let mut work = Work::default();
        for request in requests.drain(..) {
            match request {
                Request::Start { start, reply } => match self.start(&mut work, *start).await {
                    Ok(started) => work.answers.push(Answer::Started(reply, started)),
                    Err(error) => drop(reply.send(Err(error))),
                },
                Request::Command { command, reply, .. } if is_unheard(&command, &reply) => {}
                Request::Command {
                    number,
                    command,
                    reply,
                } => match self.command(&mut work, number, command).await {
                    Ok(at) => work.answers.push(Answer::Done(reply, at)),
                    Err(error) => drop(reply.send(Err(error))),
                },
                // What happens to it in this very group keeps it.
                Request::Forget { number, reply, .. } if work.touched.contains_key(&number) => {
                    drop(reply.send(Ok(false)));
                }
                Request::Forget {
                    number,
                    over,
                    reply,
                } => drop(reply.send(self.forget(number, over).await)),
                Request::Commands {
                    number,
                    commands,
                    reply,
                } => match self.commands(&mut work, number, commands).await {
                    Ok(at) => work.answers.push(Answer::Done(reply, at)),
                    Err(error) => drop(reply.send(Err(error))),
                },
            }
        }
        self.commit(work).await;
    }

    async fn commit(&mut self, work: Work) {
        let Work {
            mut group,
            touched,
            answers,
            ..
        } = work;
        // Who was refused everything is as it was: nothing of it is written or told.
        let (mut touched, unchanged): (BTreeMap<_, _>, BTreeMap<_, _>) = touched
            .into_iter()
            .partition(|(_, touched)| !touched.events.is_empty());
        let mut closed = false;
        let (heard, mut changed) = (self.shared.statuses_are_heard(), false);
        for (number, touched) in &mut touched {
            let metrics = &self.shared.metrics;
            metrics.count(&touched.hot.record, &touched.events);
            metrics.time(&touched.hot.execution.take_ended_tasks());
            if self.shared.options.spans.is_some() && touched.hot.execution.closed().is_some() {
                group.add_spans(self.reference(*number));
                closed = true;
            }
            group.add_execution(self.reference(*number), touched);
            touched.say();
            changed |= heard && group.add_statuses(self.reference(*number), touched);
        }
        let (batch, begin) = group.finish();
        if !batch.is_empty()
            && let Err(error) = self.shared.store.commit(batch).await
        {
            tracing::error!(error = &error as &dyn std::error::Error, "a commit failed");
            answers.into_iter().for_each(Answer::refuse);
            // What was folded is not what is stored: let go of it all.
            return;
        }
        self.tell(&touched);
        for (number, touched) in touched.into_iter().chain(unchanged) {
            if touched.hot.execution.closed().is_none() {
                self.hot.keep(number, touched.hot);
            }
        }
        answers.into_iter().for_each(Answer::send);
        if closed {
            self.shared.closed.notify_one();
        }
        self.shared.statuses_changed(changed);
        self.begin(begin);
    }

    /// Tells those who listen what a commit changed.
    fn tell(&self, touched: &BTreeMap<u64, Touched>) {
        if !self.shared.changes.is_heard() {
            return;
        }
        let changes = touched.values().map(|touched| {
            let (hot, record) = (&touched.hot, &touched.hot.record);
            Change {
                execution_arn: record.execution_arn.as_str().into(),
                state_machine_arn: record.state_machine_arn.as_str().into(),
                last_event: hot.execution.last_event().0,
                is_listed_anew: touched.listed_anew,
            }
        });
        self.shared.changes.tell(changes.collect());
    }

    fn begin(&self, begin: Begin) {
        // The receivers live as long as the shell does; what is lost at its end is found in the store.
        for call in begin.calls {
            let _ = self.shared.calls.send(call);
        }
        for (offer, place) in begin.offers {
            self.shared.polls.offered(&offer.activity, place);
        }
        for due in begin.timers {
            let _ = self.shared.timers.send(due);
        }
        for run in begin.map_runs {
            let _ = self.shared.map_runs.send(Message::Wake(run));
        }
        for (execution, task) in begin.jobs {
            let note = JobNote::news(execution, task);
            let _ = self.shared.jobs.send(note);
        }
        if begin.logs {
            self.shared.backlog.notify_one();
        }
        for execution in begin.continued {
            continue_later(&self.shared, execution);
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Returns the number of the next execution.
    pub(super) fn next_number(&self) -> u64 {
        self.next_number
    }

    pub(super) fn reference(&self, number: u64) -> ExecutionRef {
        ExecutionRef {
            partition: self.number,
            number,
        }
    }

    async fn start(&mut self, work: &mut Work, start: Start) -> Result<Started, CommandError> {
        let name_key = start.name_key();
        let now = self.shared.clock.now();
        if let Some(started) = self.same_name(work, &name_key, &start, now).await? {
            return Ok(started);
        }
        let definitions = self.shared.definitions.clone();
        let machine = definitions
            .machine(&start.definition)
            .await
            .map_err(|_| CommandError::Unavailable)?;
        let number = self.next_number;
        let execution = self.reference(number);
        let mocks = start.mocks.clone();
        let (identity, record) = describe(&self.shared.options, start, &machine, now);
        let hot = Hot {
            execution: Execution::new(),
            machine,
            record,
            journal_len: 0,
            cut_off: false,
            open_tasks: OpenTasks::default(),
        };
        let mut touched = Touched {
            hot,
            new: true,
            listed_anew: false,
            events: Vec::new(),
            after: engine_core::EventId::NONE,
        };
        let command = Command::StartExecution(Box::new(identity));
        self.step(&mut work.group, execution, &mut touched, command, now)?;
        self.next_number += 1;
        if let Some(mocks) = mocks {
            work.group.add_text(&mocks);
        }
        let started = Started::of(&touched.hot.record);
        work.group.add_name(name_key.clone(), execution);
        if let Some(by) = &touched.hot.record.started_by {
            work.group.add_job(by, execution);
        }
        work.names.insert(name_key, number);
        work.touched.insert(number, touched);
        Ok(started)
    }

    /// Returns the execution that has the name already: an answer when it runs with the same input.
    async fn same_name(
        &mut self,
        work: &mut Work,
        name_key: &Key,
        start: &Start,
        now: Timestamp,
    ) -> Result<Option<Started>, CommandError> {
        if start.child_of.is_some() {
            return self.same_child(work, name_key, now).await;
        }
        if start.is_anew() {
            return Ok(None);
        }
        let number = match work.names.get(name_key) {
            Some(number) => *number,
            None => match self.shared.store.get(name_key).await.map_err(unavailable)? {
                None => return Ok(None),
                Some(row) => {
                    rows::execution_of_name(&row)
                        .ok_or(CommandError::Unavailable)?
                        .number
                }
            },
        };
        if let Some((stopped_at, record)) = self.closed_on_disk(work, number).await? {
            let free = now.as_millis() - stopped_at.as_millis() > NAME_KEPT_MILLIS;
            return if started_before(start, &record) {
                Ok(Some(Started::of(&record)))
            } else if free {
                Ok(None)
            } else {
                let execution_arn = record.execution_arn;
                Err(CommandError::NameTaken { execution_arn })
            };
        }
        let touched = match self.touch(work, number).await {
            Ok(touched) => touched,
            Err(CommandError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let record = &touched.hot.record;
        let started = Started::of(record);
        if started_before(start, record) {
            return Ok(Some(started));
        }
        let input: Option<&Payload> = touched
            .hot
            .execution
            .identity()
            .map(|identity| &identity.input);
        match touched.hot.execution.closed() {
            // Of an execution that somebody else began, a task that waits would never hear.
            None if !waits(start) && input == Some(&start.input) => Ok(Some(started)),
            None | Some(_) => Err(CommandError::NameTaken {
                execution_arn: started.execution_arn,
            }),
        }
    }

    /// Finds a map run's child that has begun already: the run begins it again when it does not know.
    async fn same_child(
        &self,
        work: &Work,
        name_key: &Key,
        now: Timestamp,
    ) -> Result<Option<Started>, CommandError> {
        let known = work.names.contains_key(name_key)
            || self
                .shared
                .store
                .get(name_key)
                .await
                .map_err(unavailable)?
                .is_some();
        Ok(known.then(|| Started {
            execution_arn: String::new(),
            started_at: now,
        }))
    }

    /// Returns when the execution ended and its record, if that says so: there is no need to fold it.
    async fn closed_on_disk(
        &self,
        work: &Work,
        number: u64,
    ) -> Result<Option<(Timestamp, ExecutionRecord)>, CommandError> {
        if work.touched.contains_key(&number) {
            return Ok(None);
        }
        let row = self
            .shared
            .store
            .get(&rows::execution_key(self.reference(number)))
            .await
            .map_err(unavailable)?;
        let Some(row) = row else { return Ok(None) };
        let record: ExecutionRecord = read(&row)?;
        Ok(record.stopped_at.map(|stopped_at| (stopped_at, record)))
    }

    /// Carries out commands; the answer is the last one's. One before it may be refused, because it took
    /// effect when all of them were sent before: that keeps the others from nothing.
    async fn commands(
        &mut self,
        work: &mut Work,
        number: u64,
        commands: Vec<Command>,
    ) -> Result<Timestamp, CommandError> {
        let mut outcome = Ok(self.shared.clock.now());
        for command in commands {
            outcome = self.command(work, number, command).await;
            if !matches!(outcome, Ok(_) | Err(CommandError::Rejected(_))) {
                return outcome;
            }
        }
        outcome
    }

    async fn command(
        &mut self,
        work: &mut Work,
        number: u64,
        command: Command,
    ) -> Result<Timestamp, CommandError> {
        let now = self.shared.clock.now();
        let execution = self.reference(number);
        let fired = match &command {
            Command::TimerFired { timer, due_at } => Some((*timer, *due_at)),
            _ => None,
        };
        let outcome = match self.touch(work, number).await {
            Ok(_) => self.command_touched(work, number, command, now).await,
            Err(error) => Err(error),
        };
        if let (Err(CommandError::Rejected(_) | CommandError::NotFound), Some((timer, due_at))) =
            (&outcome, fired)
        {
            // A timer that means nothing any more: its row must not come again.
            work.group.end_timer(execution, timer, due_at);
        }
        outcome.map(|()| now)
    }

    async fn command_touched(
        &mut self,
        work: &mut Work,
        number: u64,
        command: Command,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        let execution = self.reference(number);
        let continues = command == Command::Continue;
        let mut touched = work.touched.remove(&number).expect("touched a moment ago");
        if continues {
            work.group.end_continue(execution, &mut touched.hot);
        }
        let outcome = self.step(&mut work.group, execution, &mut touched, command, now);
        if matches!(outcome, Err(CommandError::Unavailable)) {
            if continues {
                work.group.keep_continue(execution, &mut touched.hot);
            }
            self.refold(number, &mut touched).await?;
        }
        work.touched.insert(number, touched);
        outcome
    }

    /// Folds an execution anew that a panic may have left half changed: what is stored, and what
    /// earlier commands of this group added.
    async fn refold(&self, number: u64, touched: &mut Touched) -> Result<(), CommandError> {
        let mut execution = if touched.new {
            Execution::new()
        } else {
            load(&self.shared, self.reference(number)).await?.execution
        };
        touched
            .events
            .iter()
            .for_each(|event| execution.apply(event));
        touched.hot.execution = execution;
        Ok(())
    }

    /// Lets the engine decide. A panic costs this command and the fold, nothing else.
    fn step(
        &mut self,
        group: &mut Group,
        execution: ExecutionRef,
        touched: &mut Touched,
        command: Command,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        let tokens = SealerOf {
            sealer: &self.shared.options.sealer,
            execution,
        };
        let seed = self.entropy.next_u64();
        let cue = Cue {
            now,
            seed,
            tokens: &tokens,
            activities: &*self.shared.activities,
            limits: self.shared.limits_of(&touched.hot.record),
        };
        let hot = &mut touched.hot;
        let machine = hot.machine.clone();
        let state = &mut hot.execution;
        let stepped = catch_unwind(AssertUnwindSafe(|| step(&machine, state, command, &cue)));
        let Ok(decided) = stepped else {
            tracing::error!(arn = %hot.record.execution_arn, "the engine panicked; the execution is as stored");
            return Err(CommandError::Unavailable);
        };
        let Transition { events, effects } = decided?;
        group.add_effects(execution, hot, effects, now);
        touched.events.extend(events);
        Ok(())
    }

    /// Returns the execution as this group has it so far.
    async fn touch<'w>(
        &mut self,
        work: &'w mut Work,
        number: u64,
    ) -> Result<&'w mut Touched, CommandError> {
        let vacant = match work.touched.entry(number) {
            Entry::Occupied(touched) => return Ok(touched.into_mut()),
            Entry::Vacant(vacant) => vacant,
        };
        let hot = match self.hot.take(number) {
            Some(hot) => hot,
            None => load(&self.shared, self.reference(number)).await?,
        };
        let after = hot.execution.last_event();
        Ok(vacant.insert(Touched {
            hot,
            new: false,
            listed_anew: false,
            events: Vec::new(),
            after,
        }))
    }
}

/// Says whether the task that asks for the start has made it before, and did not hear of it: calls are
/// made at least once, and start one execution.
fn started_before(start: &Start, record: &ExecutionRecord) -> bool {
    start.started_by.is_some() && start.started_by == record.started_by
}

/// Says whether the start is a task's that goes on waiting for the end.
fn waits(start: &Start) -> bool {
    start.started_by.is_some_and(|by| by.waits != Waits::No)
}

/// Sends the command for an execution's next turn, when there is room for it.
pub(super) fn continue_later(shared: &Arc<Shared>, execution: ExecutionRef) {
    let inbox = shared.inboxes[usize::from(execution.partition)].clone();
    tokio::spawn(async move {
        let (reply, answer) = oneshot::channel();
        let command = Command::Continue;
        // A partition that is gone finds the row again at the next start.
        if inbox
            .send(Request::Command {
                number: execution.number,
                command,
                reply,
            })
            .await
            .is_ok()
        {
            match answer.await {
                Ok(
                    Ok(_)
                    | Err(CommandError::Rejected(
                        Rejection::NothingToContinue | Rejection::ExecutionClosed,
                    )),
                ) => {}
                other => tracing::warn!(?other, "an execution could not be continued"),
            }
        }
    });
}
