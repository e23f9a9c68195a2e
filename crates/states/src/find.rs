//! Executions by the beginning of their names: an operation of the server's own, for people who type.

use serde::{Deserialize, Serialize};
use service::Failure;
use store::{Range, Space};

use crate::definitions::unreadable;
use crate::rows;
use crate::service::States;

/// How many executions an answer has, at most.
const FOUND_MAX: usize = 20;
/// How many machines are read at once.
const MACHINES_AT_ONCE: usize = 1_000;

/// Which executions to find.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindExecutionsQuery {
    /// How their names begin.
    pub name_prefix: String,
    /// Those of one machine; of all that there are when absent.
    pub state_machine_arn: Option<String>,
}

/// The executions that were found.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundExecutions {
    /// At most twenty. One whose name is exactly what was asked for comes before the others of its machine.
    pub executions: Vec<FoundExecution>,
}

/// An execution that was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundExecution {
    /// Its ARN.
    pub execution_arn: String,
    /// Its name.
    pub name: String,
    /// The machine's ARN, without version or alias.
    pub state_machine_arn: String,
    /// `RUNNING`, or how it ended.
    pub status: &'static str,
}

impl States {
    /// Finds executions by the beginning of their names. The children of map runs are not among them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_executions(
        &self,
        query: &FindExecutionsQuery,
    ) -> Result<FoundExecutions, Failure> {
        let mut found = FoundExecutions::default();
        if let Some(machine) = &query.state_machine_arn {
            self.find_in(machine, &query.name_prefix, &mut found)
                .await?;
            return Ok(found);
        }
        let mut after: Option<Vec<u8>> = None;
        loop {
            let machines = self
                .machines
                .list(after.as_deref(), MACHINES_AT_ONCE)
                .await?;
            for machine in &machines {
                self.find_in(&machine.arn, &query.name_prefix, &mut found)
                    .await?;
                if found.executions.len() == FOUND_MAX {
                    return Ok(found);
                }
            }
            match machines.last() {
                Some(last) if machines.len() == MACHINES_AT_ONCE => {
                    after = Some(last.name.as_bytes().to_vec());
                }
                Some(_) | None => return Ok(found),
            }
        }
    }

    /// Adds the executions of `machine` whose names begin with `prefix`.
    async fn find_in(
        &self,
        machine: &str,
        prefix: &str,
        found: &mut FoundExecutions,
    ) -> Result<(), Failure> {
        let range = Range::prefix(
            Space::ExecutionNames,
            &rows::name_key(machine, prefix).bytes,
        );
        let room = FOUND_MAX - found.executions.len();
        let names = self.store.scan(&range, room).await.map_err(unreadable)?;
        for (_, row) in names {
            let Some(execution) = rows::execution_of_name(&row) else {
                continue;
            };
            if let Some(record) = self.shell.record(execution).await? {
                found.executions.push(FoundExecution {
                    execution_arn: record.execution_arn,
                    name: record.name,
                    state_machine_arn: record.state_machine_arn,
                    status: record.status.name(),
                });
            }
        }
        Ok(())
    }
}
