//! Answers that come over HTTP: of the functions behind custom resources, and of whoever a wait condition
//! waits for. Who knows an address may answer there, as with a presigned URL; the address is as long as a
//! key. An answer is a row before it is accepted, so one that a server has taken survives it.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{Batch, Key, Range, Space, Store, StoreError};
use tokio::sync::Notify;

/// The path at which answers are taken, before the address's own part.
pub const SIGNALS_PATH: &str = "/_stepd/signals/";
/// Longest answer.
pub const SIGNAL_BYTES_MAX: usize = 64 << 10;
/// Most answers of one address; a wait condition counts no further.
const SIGNALS_MAX: usize = 1_000;

/// The addresses, and what has come to them.
pub struct Signals {
    store: Arc<dyn Store>,
    /// Where this server is: `http://127.0.0.1:4566`.
    endpoint: String,
    arrived: Notify,
}

/// One answer. Members that nobody knows are left aside.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Signal {
    /// `SUCCESS` or `FAILED`; `FAILURE` of a wait condition.
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    /// Which of several answers it is.
    pub(crate) unique_id: Option<String>,
    pub(crate) physical_resource_id: Option<String>,
    pub(crate) data: Option<Value>,
}

impl Signal {
    /// Returns what the answer says of attributes.
    pub(crate) fn attributes(&self) -> Map<String, Value> {
        match &self.data {
            Some(Value::Object(data)) => data.clone(),
            Some(_) | None => Map::new(),
        }
    }
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is kept.
    Kept,
    /// There is no such address, or none any more.
    Unknown,
    /// It is no answer.
    Malformed,
}

impl Signals {
    pub(crate) fn new(store: Arc<dyn Store>, endpoint: String) -> Self {
        Self {
            store,
            endpoint,
            arrived: Notify::new(),
        }
    }

    /// Opens an address and returns its own part.
    pub(crate) async fn open(&self) -> Result<String, StoreError> {
        let half = || uuid::Uuid::new_v4().simple().to_string();
        let token = half() + &half();
        let batch = Batch {
            put: vec![(address(&token), Bytes::from_static(b"{}"))],
            ..Batch::default()
        };
        self.store.commit(batch).await.map(|()| token)
    }

    /// Returns the whole address.
    pub(crate) fn url(&self, token: &str) -> String {
        format!("{}{SIGNALS_PATH}{token}", self.endpoint)
    }

    /// Returns an address's own part.
    pub(crate) fn token(url: &str) -> Option<&str> {
        let (_, token) = url.split_once(SIGNALS_PATH)?;
        is_token(token).then_some(token)
    }

    /// Closes an address; what came to it is gone.
    pub(crate) async fn close(&self, token: &str) -> Result<(), StoreError> {
        let mut delete = vec![address(token)];
        let rows = self.store.scan(&answers(token), SIGNALS_MAX + 1).await?;
        let keys = rows
            .into_iter()
            .map(|(key, _)| Key::new(Space::Stacks, key));
        delete.extend(keys);
        let batch = Batch {
            delete,
            ..Batch::default()
        };
        self.store.commit(batch).await
    }

    /// Takes what was sent to an address. Once this returns that it is kept, it is on disk.
    pub async fn take(&self, token: &str, body: &[u8]) -> Result<Taken, StoreError> {
        if !is_token(token) || self.store.get(&address(token)).await?.is_none() {
            return Ok(Taken::Unknown);
        }
        let Ok(signal) = serde_json::from_slice::<Signal>(body) else {
            return Ok(Taken::Malformed);
        };
        let there = self.store.scan(&answers(token), SIGNALS_MAX).await?;
        if there.len() >= SIGNALS_MAX {
            return Ok(Taken::Unknown);
        }
        let row = serde_json::to_vec(&signal).expect("its members are plain values");
        // In the order of arrival; of two at one moment, in any.
        let number = there.len();
        let unique = uuid::Uuid::new_v4().simple();
        let key = format!("signal-answer/{token}/{number:06}-{unique}");
        let batch = Batch {
            put: vec![(Key::new(Space::Stacks, key), row.into())],
            ..Batch::default()
        };
        self.store.commit(batch).await?;
        self.arrived.notify_waiters();
        Ok(Taken::Kept)
    }

    /// Returns what has come to an address.
    pub(crate) async fn answers(&self, token: &str) -> Result<Vec<Signal>, StoreError> {
        let rows = self.store.scan(&answers(token), SIGNALS_MAX).await?;
        rows.iter()
            .map(|(_, row)| {
                serde_json::from_slice(row).map_err(|error| StoreError::Corrupted {
                    detail: format!("the row of an answer: {error}"),
                })
            })
            .collect()
    }

    /// Returns what `enough` makes of what has come, as soon as it makes something of it. Time is for
    /// whoever waits.
    pub(crate) async fn wait<T>(
        &self,
        token: &str,
        enough: impl Fn(&[Signal]) -> Option<T>,
    ) -> Result<T, StoreError> {
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // From here on no arrival is missed.
            arrived.as_mut().enable();
            if let Some(found) = enough(&self.answers(token).await?) {
                return Ok(found);
            }
            arrived.await;
        }
    }
}

fn is_token(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn address(token: &str) -> Key {
    Key::new(Space::Stacks, format!("signal/{token}"))
}

fn answers(token: &str) -> Range {
    Range::prefix(Space::Stacks, format!("signal-answer/{token}/").as_bytes())
}
