//! Who took a task, and who answered it: the console's own rows.
//!
//! An answer is recorded before it is sent, so that none is ever without a name; one that is refused is
//! taken back. The rows are JSON and lie beside what else the server says about itself.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::Failure;
use sha2::{Digest, Sha256};
use store::{Batch, Expectation, Key, Range, Space, Store, StoreError};

/// Most answers of one execution that are shown.
const ANSWERS_MAX: usize = 10_000;

/// Somebody who works on a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claim {
    /// Who, as an ARN.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    /// Who, as an ARN; with a link, who made it.
    pub by: String,
    /// The name that a visitor with a link gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `inbox` or `link`.
    pub via: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The state that waited.
    pub state_name: String,
    /// The error's name, if it was an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The rows.
pub(crate) struct Records {
    store: Arc<dyn Store>,
}

impl Records {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    pub async fn claim_of(&self, token: &str) -> Result<Option<Claim>, Failure> {
        self.read(&claim_key(token)).await
    }

    /// Takes a task for `claim.by`, if nobody has it. Returns the claim of somebody else who does.
    pub async fn claim(&self, token: &str, claim: &Claim) -> Result<Option<Claim>, Failure> {
        let key = claim_key(token);
        match self.write(key.clone(), claim, Expectation::Absent).await {
            Ok(true) => Ok(None),
            Ok(false) => Ok(self
                .read(&key)
                .await?
                .filter(|has: &Claim| has.by != claim.by)),
            Err(failure) => Err(failure),
        }
    }

    /// Lets go of a task.
    pub async fn release(&self, token: &str) -> Result<(), Failure> {
        let delete = vec![claim_key(token)];
        let batch = Batch {
            delete,
            ..Batch::default()
        };
        self.store.commit(batch).await.map_err(unavailable)
    }

    pub async fn answer_of(&self, execution: &str, token: &str) -> Result<Option<Answer>, Failure> {
        self.read(&answer_key(execution, token)).await
    }

    /// Returns the answers to tasks of an execution.
    pub async fn answers_of(&self, execution: &str) -> Result<Vec<Answer>, Failure> {
        let range = Range::prefix(Space::Meta, &answers_prefix(execution));
        let found = self.store.scan(&range, ANSWERS_MAX).await;
        let rows = found.map_err(unavailable)?;
        rows.iter().map(|(_, row)| parse(row)).collect()
    }

    /// Records an answer that is about to be sent, in place of `old`. Once this returns true, it is durable;
    /// false says that another one was quicker.
    pub async fn begin_answer(
        &self,
        execution: &str,
        token: &str,
        answer: &Answer,
        old: Option<&Answer>,
    ) -> Result<bool, Failure> {
        let expected = old.map_or(Expectation::Absent, |old| Expectation::Holds(text(old)));
        self.write(answer_key(execution, token), answer, expected)
            .await
    }

    /// Takes back an answer that was refused.
    pub async fn withdraw_answer(
        &self,
        execution: &str,
        token: &str,
        answer: &Answer,
    ) -> Result<(), Failure> {
        let key = answer_key(execution, token);
        let batch = Batch {
            expect: vec![(key.clone(), Expectation::Holds(text(answer)))],
            delete: vec![key],
            ..Batch::default()
        };
        match self.store.commit(batch).await {
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn read<T: for<'d> Deserialize<'d>>(&self, key: &Key) -> Result<Option<T>, Failure> {
        let row = self.store.get(key).await.map_err(unavailable)?;
        row.map(|row| parse(&row)).transpose()
    }

    async fn write<T: Serialize>(
        &self,
        key: Key,
        value: &T,
        expected: Expectation,
    ) -> Result<bool, Failure> {
        let batch = Batch {
            expect: vec![(key.clone(), expected)],
            put: vec![(key, text(value))],
            ..Batch::default()
        };
        match self.store.commit(batch).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn claim_key(token: &str) -> Key {
    let key = [&b"console/claim/"[..], &Sha256::digest(token)].concat();
    Key::new(Space::Meta, key)
}

fn answers_prefix(execution: &str) -> Vec<u8> {
    // No ARN contains the byte that ends it here.
    [b"console/answer/", execution.as_bytes(), &[0]].concat()
}

fn answer_key(execution: &str, token: &str) -> Key {
    let key = [&answers_prefix(execution)[..], &Sha256::digest(token)].concat();
    Key::new(Space::Meta, key)
}

fn text<T: Serialize>(value: &T) -> Bytes {
    let text = serde_json::to_vec(value).expect("rows have text keys and no failing parts");
    text.into()
}

fn parse<T: for<'d> Deserialize<'d>>(row: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(row).map_err(|error| {
        tracing::error!(%error, "a row of the console is unreadable");
        Failure::internal("A stored record is unreadable.")
    })
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn unavailable(error: StoreError) -> Failure {
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "the console's rows"
    );
    Failure::internal("The server's records cannot be reached.")
}

#[cfg(test)]
mod tests {
    use store::MemoryStore;

    use super::*;

    fn answer(by: &str) -> Answer {
        Answer {
            by: by.to_owned(),
            name: None,
            via: "inbox".to_owned(),
            at: 1,
            state_name: "Ask".to_owned(),
            error: None,
        }
    }

    #[tokio::test]
    async fn a_task_is_one_persons_until_it_is_let_go() {
        let records = Records::new(Arc::new(MemoryStore::default()));
        let claim = |by: &str| Claim {
            by: by.to_owned(),
            at: 1,
        };
        assert_eq!(records.claim("t", &claim("a")).await, Ok(None));
        assert_eq!(records.claim("t", &claim("a")).await, Ok(None));
        assert_eq!(records.claim("t", &claim("b")).await, Ok(Some(claim("a"))));
        assert_eq!(records.release("t").await, Ok(()));
        assert_eq!(records.claim("t", &claim("b")).await, Ok(None));
    }

    #[tokio::test]
    async fn an_answer_is_recorded_once_and_can_be_taken_back() {
        let records = Records::new(Arc::new(MemoryStore::default()));
        let (a, b) = (answer("a"), answer("b"));
        assert_eq!(records.begin_answer("x", "t", &a, None).await, Ok(true));
        assert_eq!(records.begin_answer("x", "t", &b, None).await, Ok(false));
        assert_eq!(records.answers_of("x").await, Ok(vec![a.clone()]));
        assert_eq!(records.answers_of("").await, Ok(vec![]));
        assert_eq!(records.begin_answer("x", "t", &b, Some(&a)).await, Ok(true));
        // Only one's own is taken back.
        assert_eq!(records.withdraw_answer("x", "t", &a).await, Ok(()));
        assert_eq!(records.answer_of("x", "t").await, Ok(Some(b.clone())));
        assert_eq!(records.withdraw_answer("x", "t", &b).await, Ok(()));
        assert_eq!(records.answer_of("x", "t").await, Ok(None));
    }
}
