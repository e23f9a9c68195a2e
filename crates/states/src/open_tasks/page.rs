//! The list of open tasks, in pages: an operation of the server's own, for people and for their inbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::StateMachine;
use engine_core::{TaskId, Text};
use serde::{Deserialize, Serialize};
use service::Failure;

use super::index::{self, Row, Waits};
use super::reading::{self, OpenTask, Told};
use crate::api::{executions, failure};
use crate::definitions::unreadable;
use crate::page;
use crate::rows::{ExecutionRecord, ExecutionRef};
use crate::service::States;

/// A page ends behind the task with which it reaches this size.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many rows are read at once.
const ROWS_AT_ONCE: usize = 256;
/// How many rows a page looks at, at most: one that asks for a rare machine ends early, with a token.
const ROWS_MAX: usize = 10_000;

/// Which open tasks to list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenTasksQuery {
    /// Those of one execution.
    pub execution_arn: Option<String>,
    /// Those of one machine, its map runs included.
    pub state_machine_arn: Option<String>,
    /// The one that waits since the latest moment first.
    #[serde(default)]
    pub reverse_order: bool,
    /// At most 1,000; 100 when absent or 0.
    pub max_results: Option<i64>,
    /// Goes on where the last page ended.
    pub next_token: Option<String>,
}

/// A page of open tasks, the one that waits longest first.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenTasksPage {
    /// The tasks.
    pub tasks: Vec<OpenTask>,
    /// Where to go on, if there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What was read of one execution, for all its tasks of a page.
struct Known {
    record: ExecutionRecord,
    machine: Arc<StateMachine>,
    told: BTreeMap<TaskId, Told>,
}

impl States {
    /// Lists the callbacks and the tasks of activities that wait for an answer. Whoever may ask this may
    /// answer them: their tokens are part of it.
    ///
    /// # Errors
    /// `ValidationException`, `InvalidToken`, `ExecutionDoesNotExist`.
    pub async fn open_tasks(&self, query: &OpenTasksQuery) -> Result<OpenTasksPage, Failure> {
        if query
            .max_results
            .is_some_and(|max| !(0..=1_000).contains(&max))
        {
            return Err(failure::validation("maxResults must be between 0 and 1000"));
        }
        match &query.execution_arn {
            Some(arn) => self.open_tasks_of(arn).await,
            None => self.open_tasks_page(query).await,
        }
    }

    /// The tasks of one execution are one page: they are part of what an execution can hold.
    async fn open_tasks_of(&self, arn: &str) -> Result<OpenTasksPage, Failure> {
        let (execution, record) = executions::find(self, arn).await?;
        let known = self.known(execution, record, 0).await?;
        let tasks = known.told.iter().map(|(task, told)| {
            let token = self.tokens.seal(execution, *task);
            told.shown(token, &known.record, &known.machine, None)
        });
        Ok(OpenTasksPage {
            tasks: tasks.collect(),
            next_token: None,
        })
    }

    async fn open_tasks_page(&self, query: &OpenTasksQuery) -> Result<OpenTasksPage, Failure> {
        let machine = query.state_machine_arn.as_deref();
        let order = if query.reverse_order { "reverse" } else { "" };
        let arguments = ["stepd:ListOpenTasks", machine.unwrap_or_default(), order];
        let mut range = index::all();
        range.reverse = query.reverse_order;
        if let Some(token) = &query.next_token {
            let last = self.pages.open(&arguments, token, self.clock.now())?;
            if query.reverse_order {
                range.end = Some(last.into());
            } else {
                range.start = [&last, &[0][..]].concat().into();
            }
        }
        let results_max = page::size(query.max_results);
        let (mut known, mut tasks) = (BTreeMap::new(), Vec::new());
        let (mut bytes, mut looked_at) = (0, 0);
        loop {
            let found = self.store.scan(&range, ROWS_AT_ONCE).await;
            let found = found.map_err(unreadable)?;
            for (at, (key, row)) in found.iter().enumerate() {
                looked_at += 1;
                if let Some(task) = self.open_task(machine, key, row, &mut known).await? {
                    bytes += task.parameters.len();
                    tasks.push(task);
                }
                let full = tasks.len() >= results_max || bytes >= PAGE_BYTES_MAX;
                let last = at + 1 == found.len() && found.len() < ROWS_AT_ONCE;
                if !last && (full || looked_at >= ROWS_MAX) {
                    let token = self.pages.seal(&arguments, key, self.clock.now());
                    return Ok(OpenTasksPage {
                        tasks,
                        next_token: Some(token),
                    });
                }
            }
            match found.last() {
                Some((last, _)) if found.len() == ROWS_AT_ONCE => {
                    if query.reverse_order {
                        range.end = Some(last.clone());
                    } else {
                        range.start = [last, &[0][..]].concat().into();
                    }
                }
                Some(_) | None => {
                    return Ok(OpenTasksPage {
                        tasks,
                        next_token: None,
                    });
                }
            }
        }
    }

    /// Returns the task of a row; `None` where it is another machine's, or ended a moment ago.
    async fn open_task(
        &self,
        machine: Option<&str>,
        key: &[u8],
        row: &[u8],
        known: &mut BTreeMap<ExecutionRef, Known>,
    ) -> Result<Option<OpenTask>, Failure> {
        let (Some(waits), Ok(row)) = (Waits::from_key(key), minicbor::decode::<Row>(row)) else {
            tracing::error!("the row of an open task cannot be read");
            return Err(failure::unavailable());
        };
        if machine.is_some_and(|machine| !is_of(&row.state_machine_arn, machine)) {
            return Ok(None);
        }
        let Waits {
            execution, task, ..
        } = waits;
        // Read from the first of the page's rows on: in reverse order a later row begins earlier.
        let is_known = |known: &Known| known.told.contains_key(&task);
        if !known.get(&execution).is_some_and(is_known) {
            let Some(record) = self.shell.record(execution).await? else {
                return Ok(None);
            };
            let read = self.known(execution, record, row.chunk).await?;
            known.insert(execution, read);
        }
        let known = &known[&execution];
        let name: &Text = &row.state_name;
        Ok(known.told.get(&task).map(|told| {
            let token = self.tokens.seal(execution, task);
            told.shown(token, &known.record, &known.machine, Some(name))
        }))
    }

    async fn known(
        &self,
        execution: ExecutionRef,
        record: ExecutionRecord,
        first_chunk: u64,
    ) -> Result<Known, Failure> {
        Ok(Known {
            told: reading::read(self, execution, first_chunk).await?,
            machine: self.definitions.machine(&record.definition).await?,
            record,
        })
    }
}

/// Says whether `arn` is the machine, or the name under which its map runs start children.
fn is_of(arn: &str, machine: &str) -> bool {
    arn.strip_prefix(machine)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
