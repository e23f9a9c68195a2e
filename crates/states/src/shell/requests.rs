//! What is wanted of a partition, and the answers that wait for its commit.

use engine_core::Command;
use tokio::sync::oneshot;
use vocab::Timestamp;

use super::forget::Over;
use super::{CommandError, Start, Started};

/// What somebody wants of a partition.
pub(super) enum Request {
    Start {
        start: Box<Start>,
        reply: oneshot::Sender<Result<Started, CommandError>>,
    },
    Command {
        number: u64,
        command: Command,
        reply: oneshot::Sender<Result<Timestamp, CommandError>>,
    },
    /// Commands of one commit.
    Commands {
        number: u64,
        commands: Vec<Command>,
        reply: oneshot::Sender<Result<Timestamp, CommandError>>,
    },
    /// To forget an execution, if it is over.
    Forget {
        number: u64,
        over: Over,
        reply: oneshot::Sender<Result<bool, CommandError>>,
    },
}

/// An answer that waits for the commit.
pub(super) enum Answer {
    Started(oneshot::Sender<Result<Started, CommandError>>, Started),
    Done(oneshot::Sender<Result<Timestamp, CommandError>>, Timestamp),
}

impl Answer {
    pub(super) fn send(self) {
        // Who no longer listens does not need the answer.
        match self {
            Self::Started(reply, started) => drop(reply.send(Ok(started))),
            Self::Done(reply, at) => drop(reply.send(Ok(at))),
        }
    }

    pub(super) fn refuse(self) {
        match self {
            Self::Started(reply, _) => drop(reply.send(Err(CommandError::Unavailable))),
            Self::Done(reply, _) => drop(reply.send(Err(CommandError::Unavailable))),
        }
    }
}

/// Says whether a worker that asked for a task has gone before the task was given to it: another one
/// gets it.
pub(super) fn is_unheard(
    command: &Command,
    reply: &oneshot::Sender<Result<Timestamp, CommandError>>,
) -> bool {
    matches!(command, Command::TaskTaken { .. }) && reply.is_closed()
}
