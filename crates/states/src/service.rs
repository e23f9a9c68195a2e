//! The Step Functions service: puts the shell, the records and the actions together, and routes calls.
//!
//! Deliberately absent: who may call what (the gateway), and wire formats (`aws-wire`).

use std::sync::Arc;

use async_trait::async_trait;
use aws_model::states::Operation;
use engine_core::Limits;
use service::{Call, Clock, Failure, Gate, Reply, Service, Site, SpanSink, StatusSink};
use store::{Store, StoreError};
use tracing::Instrument as _;

use crate::api;
use crate::api::delete_state_machine::Deletions;
use crate::api::executions::Sight;
use crate::definitions::Definitions;
use crate::machines::Machines;
use crate::mocks::MockFile;
use crate::page::PageSealer;
use crate::rows;
use crate::shell::{CommandError, Shell, ShellOptions};
use crate::tags::Tags;
use crate::token::TokenSealer;

/// AWS's limit of open Map Runs, beyond which they are not counted.
const MAP_RUNS_MAX: usize = 1_001;

/// How the service is set up.
pub struct StatesOptions {
    /// Where the server is and whom it serves.
    pub site: Site,
    /// Limits that the operator may raise.
    pub limits: Limits,
    /// Seals task tokens and page tokens. Secret, and the same at every start: tokens outlive a run.
    pub token_key: [u8; 32],
    /// Definitions may use operators of JSONata that AWS does not have yet.
    pub newer_jsonata: bool,
    /// Who is told of executions that ended.
    pub spans: Option<Arc<dyn SpanSink>>,
    /// Who hears of executions that begin and end.
    pub statuses: Option<Arc<dyn StatusSink>>,
    /// Test cases whose executions get made-up answers.
    pub mocks: Option<MockFile>,
}

/// Why the service could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The executions could not be read.
    #[error("the executions could not be opened")]
    OpenExecutions {
        /// Why.
        source: StoreError,
    },
    /// The deletions that were under way could not be read.
    #[error("the deletions that are under way could not be read")]
    ReadDeletions {
        /// Why.
        source: StoreError,
    },
}

/// The service: answers the calls of AWS Step Functions.
pub struct States {
    pub(crate) site: Site,
    pub(crate) limits: Limits,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) gate: Arc<dyn Gate>,
    pub(crate) shell: Shell,
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) machines: Arc<Machines>,
    pub(crate) tags: Tags,
    pub(crate) tokens: TokenSealer,
    pub(crate) pages: PageSealer,
    pub(crate) deletions: Deletions,
    newer_jsonata: bool,
    pub(crate) mocks: Option<MockFile>,
}

impl States {
    /// Returns how definitions of a type of machine are read.
    pub(crate) fn reading(&self, machine_type: asl::MachineType) -> asl::Reading {
        asl::Reading {
            machine_type,
            newer_jsonata: self.newer_jsonata,
            bytes_max: self.limits.definition_bytes_max,
            unknown_action: aws_model::sdk::is_unknown_action,
        }
    }

    /// Opens the service over `store`: executions go on where they were, and so do deletions.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        options: StatesOptions,
        store: Arc<dyn Store>,
        gate: Arc<dyn Gate>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, OpenError> {
        let StatesOptions {
            site,
            limits,
            token_key,
            newer_jsonata,
            spans,
            statuses,
            mocks,
        } = options;
        let tokens = TokenSealer::new(&token_key);
        let definitions = Arc::new(Definitions::new(store.clone()));
        let shell_options = ShellOptions {
            site: site.clone(),
            limits: limits.clone(),
            sealer: tokens.clone(),
            spans,
            statuses,
        };
        let shell = Shell::open(
            shell_options,
            store.clone(),
            definitions.clone(),
            gate.clone(),
            clock.clone(),
        )
        .await
        .map_err(|source| OpenError::OpenExecutions { source })?;
        let machines = Arc::new(Machines::new(store.clone()));
        let deletions = Deletions::new(machines.clone(), shell.clone(), store.clone());
        deletions
            .resume()
            .await
            .map_err(|source| OpenError::ReadDeletions { source })?;
        Ok(Arc::new(Self {
            site,
            limits,
            tags: Tags::new(store.clone()),
            store,
            clock,
            gate,
            shell,
            definitions,
            machines,
            tokens,
            pages: PageSealer::new(&token_key),
            deletions,
            newer_jsonata,
            mocks,
        }))
    }

    /// Answers what the server's own views ask: like the API, but executions of EXPRESS machines are seen,
    /// those that ran in memory among them, as far as they are kept.
    pub async fn look(&self, operation: &str, input: &[u8]) -> Result<Reply, Failure> {
        match Operation::from_name(operation) {
            Some(Operation::DescribeExecution) => {
                api::describe_execution::answer(self, input, Sight::Everything).await
            }
            Some(Operation::GetExecutionHistory) => {
                api::get_execution_history::answer(self, input, Sight::Everything).await
            }
            Some(Operation::ListExecutions) => {
                api::list_executions::answer(self, input, Sight::Everything).await
            }
            Some(Operation::DescribeStateMachineForExecution) => {
                api::describe_state_machine_for_execution::answer(self, input, Sight::Everything)
                    .await
            }
            _ => Err(api::failure::unknown_operation(operation)),
        }
    }

    /// Adds what the service counts to a registry.
    pub fn register_metrics(&self, registry: &mut prometheus_client::registry::Registry) {
        self.shell.metrics().register(registry);
    }

    /// Looks at what is not counted as it happens: how many Map Runs are under way.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn measure(&self) -> Result<(), StoreError> {
        let open = rows::map_runs::open();
        let open = self.store.scan(&open, MAP_RUNS_MAX).await?;
        self.shell.metrics().set_open_map_runs(open.len());
        Ok(())
    }

    /// Forgets the executions whose time is over; returns how many that were. The service does so by itself
    /// every hour; tests need not wait.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn forget_old(&self) -> Result<u64, CommandError> {
        self.shell.forget_old().await
    }

    /// Returns where changes of executions are heard.
    pub fn changes(&self) -> crate::Changes {
        self.shell.changes().clone()
    }

    /// Answers those who poll for tasks of activities, now and from now on, with none: the server stops, and
    /// they must not hold it up for a minute.
    pub fn stop_polls(&self) {
        self.shell.polls().stop();
    }

    /// Ends the work of the service: commands that were taken finish. Once this returns, nothing of it
    /// touches the store any more.
    pub async fn shut_down(&self) {
        self.deletions.shut_down().await;
        self.shell.shut_down().await;
    }
}

#[async_trait]
impl Service for States {
    /// The machine whose execution waits behind a token: AWS's policies name it for answers to tasks.
    async fn resource_of(&self, call: &Call) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Answered {
            #[serde(rename = "taskToken")]
            task_token: String,
        }
        let Answered { task_token } = serde_json::from_slice(&call.input).ok()?;
        let (execution, _) = self.tokens.open(&task_token).ok()?;
        let record = self.shell.record(execution).await.ok()??;
        Some(record.state_machine_arn)
    }

    fn name(&self) -> &'static str {
        "states"
    }

    /// Who is gone must be given no task, and waits for no execution.
    fn waits(&self, operation: &str) -> bool {
        matches!(
            operation,
            "GetActivityTask" | "StartSyncExecution" | "TestState"
        )
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let (operation, request_id) = (&*call.operation, call.request_id);
        let span = tracing::debug_span!("call", operation, %request_id);
        self.answer(call).instrument(span).await
    }
}

impl States {
    async fn answer(&self, call: Call) -> Result<Reply, Failure> {
        let Some(operation) = Operation::from_name(&call.operation) else {
            // Not of the API: AWS has it as a permission alone. Who comes here was allowed to.
            if call.operation == "InvokeHTTPEndpoint" {
                let output = "{}".into();
                return Ok(Reply {
                    output,
                    ..Reply::default()
                });
            }
            return Err(api::failure::unknown_operation(&call.operation));
        };
        let input = &call.input;
        match operation {
            Operation::StartExecution => api::start_execution::call(self, input).await,
            Operation::SendTaskSuccess => api::send_task_success::call(self, input).await,
            Operation::SendTaskFailure => api::send_task_failure::call(self, input).await,
            Operation::SendTaskHeartbeat => api::send_task_heartbeat::call(self, input).await,
            Operation::DescribeExecution => api::describe_execution::call(self, input).await,
            Operation::GetExecutionHistory => api::get_execution_history::call(self, input).await,
            Operation::ListExecutions => api::list_executions::call(self, input).await,
            Operation::StopExecution => api::stop_execution::call(self, input).await,
            Operation::CreateStateMachine => api::create_state_machine::call(self, input).await,
            Operation::UpdateStateMachine => api::update_state_machine::call(self, input).await,
            Operation::DeleteStateMachine => api::delete_state_machine::call(self, input).await,
            Operation::DescribeStateMachine => api::describe_state_machine::call(self, input).await,
            Operation::DescribeStateMachineForExecution => {
                api::describe_state_machine_for_execution::call(self, input).await
            }
            Operation::ListStateMachines => api::list_state_machines::call(self, input).await,
            Operation::TagResource => api::tag_resource::call(self, input).await,
            Operation::UntagResource => api::untag_resource::call(self, input).await,
            Operation::ListTagsForResource => api::list_tags_for_resource::call(self, input).await,
            Operation::DescribeMapRun => api::describe_map_run::call(self, input).await,
            Operation::ListMapRuns => api::list_map_runs::call(self, input).await,
            Operation::UpdateMapRun => api::update_map_run::call(self, input).await,
            Operation::ValidateStateMachineDefinition => {
                api::validate_state_machine_definition::call(self, input)
            }
            Operation::CreateActivity => api::create_activity::call(self, input).await,
            Operation::DeleteActivity => api::delete_activity::call(self, input).await,
            Operation::DescribeActivity => api::describe_activity::call(self, input).await,
            Operation::ListActivities => api::list_activities::call(self, input).await,
            Operation::GetActivityTask => api::get_activity_task::call(self, input).await,
            Operation::CreateStateMachineAlias => {
                api::create_state_machine_alias::call(self, input).await
            }
            Operation::DeleteStateMachineAlias => {
                api::delete_state_machine_alias::call(self, input).await
            }
            Operation::DeleteStateMachineVersion => {
                api::delete_state_machine_version::call(self, input).await
            }
            Operation::DescribeStateMachineAlias => {
                api::describe_state_machine_alias::call(self, input).await
            }
            Operation::ListStateMachineAliases => {
                api::list_state_machine_aliases::call(self, input).await
            }
            Operation::ListStateMachineVersions => {
                api::list_state_machine_versions::call(self, input).await
            }
            Operation::PublishStateMachineVersion => {
                api::publish_state_machine_version::call(self, input).await
            }
            Operation::UpdateStateMachineAlias => {
                api::update_state_machine_alias::call(self, input).await
            }
            Operation::RedriveExecution => api::redrive_execution::call(self, input).await,
            Operation::StartSyncExecution => api::start_sync_execution::call(self, input).await,
            Operation::TestState => api::test_state::call(self, input).await,
        }
    }
}
