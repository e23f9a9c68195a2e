//! The tags of resources: one row a resource, gone with the resource.

use std::sync::Arc;

use aws_model::states::Tag;
use bytes::Bytes;
use service::Failure;
use store::{Batch, Expectation, Key, Space, Store, StoreError};

use crate::api::failure;
use crate::definitions::unreadable;
use crate::rows;

/// Most tags of one resource (Step Functions quotas, "Maximum number of tags").
const TAGS_MAX: usize = 50;
/// What AWS keeps for its own tags.
const RESERVED_PREFIX: &str = "aws:";
/// How often a change is tried again when others change the same tags.
const ATTEMPTS_MAX: usize = 100;

/// Keys with values, in the order in which they were first given.
type Pairs = Vec<(String, String)>;

/// The tags of all resources.
pub(crate) struct Tags {
    store: Arc<dyn Store>,
}

impl Tags {
    /// Returns the tags in `store`.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Returns the key of a resource's tags.
    pub(crate) fn key(arn: &str) -> Key {
        Key::new(Space::Tags, Bytes::copy_from_slice(arn.as_bytes()))
    }

    /// Returns the row of a resource's tags.
    pub(crate) fn row(arn: &str, pairs: &[(String, String)]) -> (Key, Bytes) {
        (Self::key(arn), rows::encode(&pairs).into())
    }

    /// Returns what a request asks for, checked: no key of AWS's own, not too many, the last of two
    /// values of one key.
    pub(crate) fn check(arn: &str, tags: Vec<Tag>) -> Result<Pairs, Failure> {
        let mut pairs = Pairs::new();
        merge(&mut pairs, given(tags)?);
        if pairs.len() > TAGS_MAX {
            return Err(failure::too_many_tags(arn));
        }
        Ok(pairs)
    }

    /// Returns a resource's tags.
    pub(crate) async fn of(&self, arn: &str) -> Result<Vec<Tag>, Failure> {
        let (pairs, _) = self.read(arn).await?;
        let tag = |(key, value)| Tag { key: Some(key), value: Some(value) };
        Ok(pairs.into_iter().map(tag).collect())
    }

    /// Adds `tags` to a resource, or gives those it has new values. `resource` says that the resource
    /// is there still; when it is not as expected, nothing changes and the answer is false.
    pub(crate) async fn add(
        &self,
        arn: &str,
        resource: (Key, Expectation),
        tags: Vec<Tag>,
    ) -> Result<bool, Failure> {
        let added = given(tags)?;
        self.change(arn, resource, |pairs| {
            merge(pairs, added.clone());
            if pairs.len() > TAGS_MAX { Err(failure::too_many_tags(arn)) } else { Ok(()) }
        })
        .await
    }

    /// Removes the tags with these keys; a key that is not there is no error.
    pub(crate) async fn remove(
        &self,
        arn: &str,
        resource: (Key, Expectation),
        keys: &[String],
    ) -> Result<bool, Failure> {
        self.change(arn, resource, |pairs| {
            pairs.retain(|(key, _)| !keys.contains(key));
            Ok(())
        })
        .await
    }

    async fn change(
        &self,
        arn: &str,
        resource: (Key, Expectation),
        change: impl Fn(&mut Pairs) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        for _ in 0..ATTEMPTS_MAX {
            let (mut pairs, row) = self.read(arn).await?;
            change(&mut pairs)?;
            let expected = row.map_or(Expectation::Absent, Expectation::Holds);
            let mut batch = Batch::default();
            batch.expect = vec![resource.clone(), (Self::key(arn), expected)];
            if pairs.is_empty() {
                batch.delete.push(Self::key(arn));
            } else {
                batch.put.push(Self::row(arn, &pairs));
            }
            match self.store.commit(batch).await {
                Ok(()) => return Ok(true),
                Err(StoreError::Conflict { key }) if key == resource.0 => return Ok(false),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
        Err(failure::unavailable())
    }

    async fn read(&self, arn: &str) -> Result<(Pairs, Option<Bytes>), Failure> {
        let row = self.store.get(&Self::key(arn)).await.map_err(unreadable)?;
        let Some(row) = row else {
            return Ok((Pairs::new(), None));
        };
        let pairs = minicbor::decode(&row).map_err(|_| {
            tracing::error!(arn, "the tags of a resource cannot be read");
            failure::unavailable()
        })?;
        Ok((pairs, Some(row)))
    }
}

/// Returns the pairs of a request; a tag without a key is none, one without a value has an empty one.
fn given(tags: Vec<Tag>) -> Result<Pairs, Failure> {
    let mut pairs = Pairs::with_capacity(tags.len());
    for Tag { key, value } in tags {
        let Some(key) = key else {
            return Err(failure::validation("A tag must have a key"));
        };
        if key.starts_with(RESERVED_PREFIX) {
            return Err(failure::validation("Tag keys must not begin with 'aws:'"));
        }
        pairs.push((key, value.unwrap_or_default()));
    }
    Ok(pairs)
}

fn merge(pairs: &mut Pairs, added: Pairs) {
    for (key, value) in added {
        match pairs.iter_mut().find(|(known, _)| *known == key) {
            Some(pair) => pair.1 = value,
            None => pairs.push((key, value)),
        }
    }
}
