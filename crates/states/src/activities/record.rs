//! Which activities there are: rows, and their ARNs in memory, because the engine asks in the middle of a
//! decision whether an activity is there.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use engine_core::KnowActivities;
use minicbor::{Decode, Encode};
use parking_lot::RwLock;
use service::Failure;
use store::{Batch, Expectation, Key, Range, Space, Store, StoreError};
use vocab::Timestamp;

use crate::api::failure;
use crate::definitions::unreadable;
use crate::rows;
use crate::tags::Tags;

/// Activities, by name.
const ACTIVITIES: &[u8] = b"a/";
/// How many rows are read at once.
const ROWS_AT_ONCE: usize = 1_024;

/// What is stored of an activity. Space `Activities`, key `a/NAME`.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct ActivityRecord {
    /// `arn:aws:states:…:activity:NAME`.
    #[n(0)]
    pub arn: String,
    /// The name.
    #[n(1)]
    pub name: String,
    /// When it was created.
    #[n(2)]
    pub created_at: Timestamp,
}

impl ActivityRecord {
    /// Returns what a batch expects that relies on the activity being there.
    pub(crate) fn expectation(&self) -> (Key, Expectation) {
        let row = Bytes::from(rows::encode(self));
        (activity_key(&self.name), Expectation::Holds(row))
    }
}

/// All activities.
pub(crate) struct Activities {
    store: Arc<dyn Store>,
    known: RwLock<HashSet<Arc<str>>>,
}

impl KnowActivities for Activities {
    fn exists(&self, arn: &str) -> bool {
        self.known.read().contains(arn)
    }
}

impl Activities {
    /// Returns the activities in `store`.
    pub(crate) async fn open(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let mut known = HashSet::new();
        let mut range = Range::prefix(Space::Activities, ACTIVITIES);
        loop {
            let found = store.scan(&range, ROWS_AT_ONCE).await?;
            for (_, row) in &found {
                let record: ActivityRecord =
                    minicbor::decode(row).map_err(|error| StoreError::Corrupted {
                        detail: format!("an activity is unreadable: {error}"),
                    })?;
                known.insert(Arc::from(record.arn));
            }
            match found.last() {
                Some((last, _)) if found.len() == ROWS_AT_ONCE => {
                    range.start = [last, &[0][..]].concat().into();
                }
                Some(_) | None => break,
            }
        }
        let known = RwLock::new(known);
        Ok(Self { store, known })
    }

    /// Returns how many there are.
    pub(crate) fn count(&self) -> usize {
        self.known.read().len()
    }

    /// Returns the activity called `name`.
    pub(crate) async fn read(&self, name: &str) -> Result<Option<ActivityRecord>, Failure> {
        if name.is_empty() {
            return Ok(None);
        }
        let row = self.store.get(&activity_key(name)).await;
        row.map_err(unreadable)?.map(|row| decode(&row)).transpose()
    }

    /// Returns up to `limit` activities in the order of their names, those behind `after`.
    pub(crate) async fn list(
        &self,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<ActivityRecord>, Failure> {
        let mut range = Range::prefix(Space::Activities, ACTIVITIES);
        if let Some(name) = after {
            range.start = [ACTIVITIES, name, &[0]].concat().into();
        }
        let rows = self.store.scan(&range, limit).await.map_err(unreadable)?;
        rows.iter().map(|(_, row)| decode(row)).collect()
    }

    /// Stores a new activity with its tags; false when one of its name is there by now.
    pub(crate) async fn create(
        self: &Arc<Self>,
        record: &ActivityRecord,
        tags: &[(String, String)],
    ) -> Result<bool, Failure> {
        let key = activity_key(&record.name);
        let mut put = vec![(key.clone(), Bytes::from(rows::encode(record)))];
        if !tags.is_empty() {
            put.push(Tags::row(&record.arn, tags));
        }
        let batch = Batch {
            expect: vec![(key, Expectation::Absent)],
            put,
            delete: Vec::new(),
        };
        let arn = Arc::from(record.arn.as_str());
        self.commit(batch, move |known| {
            known.insert(arn);
        })
        .await
    }

    /// Removes an activity and its tags; false when it is not as it was read. Tasks that wait in its queue
    /// go on waiting: another activity of the same name takes the queue over.
    pub(crate) async fn delete(self: &Arc<Self>, record: &ActivityRecord) -> Result<bool, Failure> {
        let batch = Batch {
            expect: vec![record.expectation()],
            put: Vec::new(),
            delete: vec![activity_key(&record.name), Tags::key(&record.arn)],
        };
        let arn = record.arn.clone();
        self.commit(batch, move |known| {
            known.remove(arn.as_str());
        })
        .await
    }

    /// Commits in a task of its own: a caller that goes away must not leave memory behind the store.
    async fn commit(
        self: &Arc<Self>,
        batch: Batch,
        learn: impl FnOnce(&mut HashSet<Arc<str>>) + Send + 'static,
    ) -> Result<bool, Failure> {
        let activities = self.clone();
        let work = tokio::spawn(async move {
            activities.store.commit(batch).await?;
            learn(&mut activities.known.write());
            Ok(())
        });
        match work.await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(StoreError::Conflict { .. })) => Ok(false),
            Ok(Err(error)) => Err(unreadable(error)),
            Err(_) => Err(failure::unavailable()),
        }
    }
}

fn activity_key(name: &str) -> Key {
    Key::new(Space::Activities, [ACTIVITIES, name.as_bytes()].concat())
}

fn decode(row: &[u8]) -> Result<ActivityRecord, Failure> {
    minicbor::decode(row).map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "a stored activity cannot be read");
        failure::unavailable()
    })
}
