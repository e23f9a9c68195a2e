//! The rows of stacks in the store. A stack's row changes with every event, under expectation, so
//! that two servers can never work on one stack.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Batch, Expectation, Key, Range, Space, Store, StoreError};

use crate::change_set::ChangeSetRow;
use crate::stack::{ResourceRow, StackEvent, StackRow};

/// Rows that are read at once where all are read.
const PAGE: usize = 500;

#[derive(Clone)]
pub(crate) struct Catalog {
    store: Arc<dyn Store>,
}

/// A stack with its resources, and the bytes that the next change expects of its row.
pub(crate) struct Loaded {
    pub(crate) stack: StackRow,
    pub(crate) resources: Vec<ResourceRow>,
    pub(crate) row: Bytes,
}

/// Names hold letters, digits and hyphens, so a slash ends them.
fn stack_key(name: &str) -> Key {
    key(&format!("stack/{name}"))
}

fn resource_key(stack: &str, logical_id: &str) -> Key {
    key(&format!("resource/{stack}/{logical_id}"))
}

fn template_key(stack: &str, hash: &str) -> Key {
    key(&format!("template/{stack}/{hash}"))
}

/// Deleted stacks stay readable by their id, whose last part is unique.
fn gone_key(stack_id: &str) -> Key {
    let unique = stack_id.rsplit('/').next().unwrap_or(stack_id);
    key(&format!("gone/{unique}"))
}

fn change_set_key(stack: &str, name: &str) -> Key {
    key(&format!("change-set/{stack}/{name}"))
}

/// Sixteen digits, so that the order of the keys is the order of the events.
fn event_key(stack: &str, number: u64) -> Key {
    key(&format!("event/{stack}/{number:016x}"))
}

fn key(text: &str) -> Key {
    Key::new(Space::Stacks, text.as_bytes().to_vec())
}

fn write(row: &impl Serialize) -> Bytes {
    serde_json::to_vec(row)
        .expect("rows are made of plain values")
        .into()
}

fn read<T: DeserializeOwned>(row: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(row).map_err(|error| StoreError::Corrupted {
        detail: format!("a row of a stack: {error}"),
    })
}

impl Catalog {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Returns the stack `name` with its resources by their place.
    pub(crate) async fn load(&self, name: &str) -> Result<Option<Loaded>, StoreError> {
        let Some(row) = self.store.get(&stack_key(name)).await? else {
            return Ok(None);
        };
        let mut resources: Vec<ResourceRow> = self.all(&format!("resource/{name}/")).await?;
        resources.sort_by_key(|resource| resource.state.position);
        Ok(Some(Loaded {
            stack: read(&row)?,
            resources,
            row,
        }))
    }

    /// Returns the deleted stack with this id.
    pub(crate) async fn gone(&self, stack_id: &str) -> Result<Option<StackRow>, StoreError> {
        let row = self.store.get(&gone_key(stack_id)).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Returns every deleted stack.
    pub(crate) async fn all_gone(&self) -> Result<Vec<StackRow>, StoreError> {
        self.all("gone/").await
    }

    /// Returns the change sets of a stack, by name.
    pub(crate) async fn change_sets(&self, stack: &str) -> Result<Vec<ChangeSetRow>, StoreError> {
        self.all(&format!("change-set/{stack}/")).await
    }

    /// Returns the change sets of all stacks.
    pub(crate) async fn all_change_sets(&self) -> Result<Vec<ChangeSetRow>, StoreError> {
        self.all("change-set/").await
    }

    /// Writes a change set.
    pub(crate) async fn put_change_set(&self, row: &ChangeSetRow) -> Result<(), StoreError> {
        let key = change_set_key(&row.stack_name, &row.name);
        let batch = Batch {
            put: vec![(key, write(row))],
            ..Batch::default()
        };
        self.store.commit(batch).await.map(drop)
    }

    /// Removes change sets of a stack.
    pub(crate) async fn remove_change_sets(
        &self,
        stack: &str,
        names: &[String],
    ) -> Result<(), StoreError> {
        let keys = names.iter().map(|name| change_set_key(stack, name));
        let batch = Batch {
            delete: keys.collect(),
            ..Batch::default()
        };
        self.store.commit(batch).await.map(drop)
    }

    /// Returns every stack, by name.
    pub(crate) async fn stacks(&self) -> Result<Vec<StackRow>, StoreError> {
        self.all("stack/").await
    }

    /// Returns the events of a stack, the oldest first.
    pub(crate) async fn events(&self, name: &str) -> Result<Vec<StackEvent>, StoreError> {
        self.all(&format!("event/{name}/")).await
    }

    /// Returns the text of a template that was deployed.
    pub(crate) async fn template(
        &self,
        stack: &str,
        hash: &str,
    ) -> Result<Option<Bytes>, StoreError> {
        self.store.get(&template_key(stack, hash)).await
    }

    async fn all<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<T>, StoreError> {
        let mut range = Range::prefix(Space::Stacks, prefix.as_bytes());
        let mut rows = Vec::new();
        loop {
            let page = self.store.scan(&range, PAGE).await?;
            for (_, row) in &page {
                rows.push(read(row)?);
            }
            match page.last() {
                Some((last, _)) if page.len() == PAGE => {
                    range.start = [last.as_ref(), b"\0"].concat().into()
                }
                _ => return Ok(rows),
            }
        }
    }

    /// Carries out `change` and returns the stack's row as it is now.
    pub(crate) async fn commit(
        &self,
        before: Option<&Bytes>,
        change: Change,
    ) -> Result<Bytes, StoreError> {
        let expectation = before.map_or(Expectation::Absent, |row| Expectation::Holds(row.clone()));
        let mut batch = change.batch;
        batch.expect.push((stack_key(&change.stack), expectation));
        let row = change.row;
        match &row {
            Some(row) => batch.put.push((stack_key(&change.stack), row.clone())),
            None => batch.delete.push(stack_key(&change.stack)),
        }
        self.store.commit(batch).await?;
        Ok(row.unwrap_or_default())
    }
}

/// What one commit does to one stack.
pub(crate) struct Change {
    stack: String,
    row: Option<Bytes>,
    batch: Batch,
}

impl Change {
    /// Writes the stack's row.
    pub(crate) fn of(stack: &StackRow) -> Self {
        Self {
            stack: stack.name.clone(),
            row: Some(write(stack)),
            batch: Batch::default(),
        }
    }

    /// Removes the stack's row. Its events stay, and so does what it was, under its id.
    pub(crate) fn removal_of(stack: &StackRow) -> Self {
        Self {
            stack: stack.name.clone(),
            row: None,
            batch: Batch {
                put: vec![(gone_key(&stack.id), write(stack))],
                ..Batch::default()
            },
        }
    }

    pub(crate) fn resource(mut self, resource: &ResourceRow) -> Self {
        self.batch.put.push((
            resource_key(&self.stack, &resource.logical_id),
            write(resource),
        ));
        self
    }

    pub(crate) fn without_resource(mut self, logical_id: &str) -> Self {
        self.batch
            .delete
            .push(resource_key(&self.stack, logical_id));
        self
    }

    pub(crate) fn event(mut self, number: u64, event: &StackEvent) -> Self {
        self.batch
            .put
            .push((event_key(&self.stack, number), write(event)));
        self
    }

    pub(crate) fn change_set(mut self, row: &ChangeSetRow) -> Self {
        let key = change_set_key(&row.stack_name, &row.name);
        self.batch.put.push((key, write(row)));
        self
    }

    pub(crate) fn template(mut self, hash: &str, text: &str) -> Self {
        self.batch.put.push((
            template_key(&self.stack, hash),
            Bytes::copy_from_slice(text.as_bytes()),
        ));
        self
    }

    pub(crate) fn without_template(mut self, hash: &str) -> Self {
        self.batch.delete.push(template_key(&self.stack, hash));
        self
    }
}
