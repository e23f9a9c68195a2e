//! The IAM API over the store, and the decision on every call.
//!
//! An account is small and asked for every call, so all of it is in memory; a change is computed from
//! it, written, and only then applied. Policies are compiled when they are first asked for and kept until
//! something changes. Deliberately absent: passwords, MFA devices, certificates, identity providers,
//! service-linked roles and reports. What is not built answers an error that names it.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod account;
mod compiled;
mod context_keys;
mod decide;
mod details;
mod failure;
mod identities;
mod input;
mod keys;
mod managed;
mod operations;
mod policies;
mod profiles;
mod rows;
mod simulate;
mod uses;

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::RwLock;
use serde_json::{Map, Value};
use service::{Call, Clock, Failure, Principal, Reply, Service, Site};
use store::{Batch, Range, Space, Store, StoreError};
use vocab::Timestamp;

use crate::account::Account;
use crate::compiled::Compiled;
use crate::input::Input;
use crate::rows::{Change, Row};
use crate::uses::Uses;

/// Most rows that one scan reads.
const SCAN: usize = 1_000;

/// Derives the secret of an access key from its id.
pub type SecretOf = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// The service.
pub struct Iam {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    secret_of: SecretOf,
    account: RwLock<Account>,
    compiled: Compiled,
    uses: Uses,
    /// Changes are computed from what is there, so there is one at a time.
    writing: tokio::sync::Mutex<()>,
}

/// What one operation answers.
pub(crate) type Answer = Result<Value, Failure>;

/// One operation that is carried out: what it sees, and what it wants changed.
pub(crate) struct Ask<'a> {
    pub account: &'a Account,
    pub input: Input<'a>,
    pub caller: &'a Principal,
    pub now: Timestamp,
    pub secret_of: &'a dyn Fn(&str) -> String,
    pub changes: Vec<Change>,
}

impl Iam {
    /// Opens the account in `store`. `secret_of` derives secrets of access keys, always the same.
    ///
    /// # Errors
    /// The store cannot be read, or a row cannot be understood.
    pub async fn open(
        store: Arc<dyn Store>,
        site: &Site,
        clock: Arc<dyn Clock>,
        secret_of: SecretOf,
    ) -> Result<Arc<Self>, StoreError> {
        let mut account = Account::new(Arc::clone(&site.account_id));
        let mut range = Range::prefix(Space::Iam, b"");
        loop {
            let rows = store.scan(&range, SCAN).await?;
            let Some((last, _)) = rows.last() else { break };
            let mut next = last.to_vec();
            next.push(0);
            for (key, value) in &rows {
                if key.starts_with(uses::PREFIX) {
                    continue;
                }
                let row: Row =
                    serde_json::from_slice(value).map_err(|error| StoreError::Unavailable {
                        operation: "read",
                        source: error.into(),
                    })?;
                account.apply(Change::Put(row));
            }
            range.start = next.into();
        }
        let uses = Uses::open(Arc::clone(&store)).await?;
        Ok(Arc::new(Self {
            store,
            clock,
            secret_of,
            account: RwLock::new(account),
            compiled: Compiled::default(),
            uses,
            writing: tokio::sync::Mutex::new(()),
        }))
    }

    /// Returns the least policy that would allow a role or user, by its ARN, what it has done; `null` where
    /// it has done nothing.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn least_policy(&self, arn: &str) -> Result<Value, Failure> {
        let least = uses::least(&*self.store, arn).await;
        least.map(Option::unwrap_or_default).map_err(|error| {
            tracing::error!(%error, "what roles did could not be read");
            Failure::internal("What roles did could not be read")
        })
    }

    async fn carry_out(
        &self,
        operation: &str,
        input: &Map<String, Value>,
        caller: &Principal,
    ) -> Answer {
        let reads = ["Get", "List", "Simulate"];
        if reads.iter().any(|begin| operation.starts_with(begin)) {
            let account = self.account.read();
            return self.ask(&account, operation, input, caller).0;
        }
        let _writing = self.writing.lock().await;
        let (answer, changes) = {
            let account = self.account.read();
            self.ask(&account, operation, input, caller)
        };
        let answer = answer?;
        if !changes.is_empty() {
            self.write(&changes).await?;
            let mut account = self.account.write();
            for change in changes {
                account.apply(change);
            }
            // While the account cannot be read, so that nothing old is compiled behind this.
            self.compiled.forget();
        }
        Ok(answer)
    }

    fn ask(
        &self,
        account: &Account,
        operation: &str,
        input: &Map<String, Value>,
        caller: &Principal,
    ) -> (Answer, Vec<Change>) {
        let mut ask = Ask {
            account,
            input: Input(input),
            caller,
            now: self.clock.now(),
            secret_of: &*self.secret_of,
            changes: Vec::new(),
        };
        let answer = operations::answer(operation, &mut ask);
        (answer, ask.changes)
    }

    async fn write(&self, changes: &[Change]) -> Result<(), Failure> {
        let mut batch = Batch::default();
        for change in changes {
            match change {
                Change::Put(row) => {
                    let value = serde_json::to_vec(row)
                        .map_err(|error| Failure::internal(error.to_string()))?;
                    batch.put.push((row.key(), value.into()));
                }
                deleted => batch.delete.push(deleted.key()),
            }
        }
        self.store.commit(batch).await.map_err(|error| {
            tracing::error!(%error, "IAM's rows could not be written");
            Failure::client("ServiceFailure", "The change could not be stored").with_status(500)
        })
    }
}

#[async_trait]
impl Service for Iam {
    fn name(&self) -> &'static str {
        "iam"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let input: Map<String, Value> = serde_json::from_slice(&call.input)
            .map_err(|error| failure::invalid(format!("The request is not understood: {error}")))?;
        let answer = self
            .carry_out(&call.operation, &input, &call.principal)
            .await?;
        let output = match answer {
            Value::Null => Default::default(),
            answer => answer.to_string().into(),
        };
        Ok(Reply {
            output,
            ..Reply::default()
        })
    }
}
