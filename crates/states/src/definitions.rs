//! Definitions by their hash: stored once, parsed once, shared by every execution that pins them.

use std::collections::HashMap;
use std::sync::Arc;

use asl::StateMachine;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use store::{Key, Space, Store};

use crate::rows::DefinitionHash;
use service::Failure;

/// How many parsed definitions are kept.
const PARSED_MAX: usize = 1_000;

/// The definitions of all machines and all executions, past ones too.
pub struct Definitions {
    store: Arc<dyn Store>,
    parsed: RwLock<HashMap<DefinitionHash, Arc<StateMachine>>>,
}

impl Definitions {
    /// Returns the definitions in `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            parsed: RwLock::default(),
        }
    }

    /// Returns the hash of a definition's text.
    pub fn hash(text: &str) -> DefinitionHash {
        Sha256::digest(text.as_bytes()).into()
    }

    /// Returns the row's key; whoever creates or updates a machine puts the text there in the same batch.
    pub fn key(hash: &DefinitionHash) -> Key {
        Key::new(Space::StateMachines, [b"d/", hash.as_slice()].concat())
    }

    /// Returns the text of a definition.
    pub async fn text(&self, hash: &DefinitionHash) -> Result<String, Failure> {
        let row = self.store.get(&Self::key(hash)).await.map_err(unreadable)?;
        let row = row.ok_or_else(|| {
            Failure::internal("a definition that an execution pins is not stored")
        })?;
        String::from_utf8(row.into())
            .map_err(|_| Failure::internal("a stored definition is not text"))
    }

    /// Returns a definition, parsed.
    pub async fn machine(&self, hash: &DefinitionHash) -> Result<Arc<StateMachine>, Failure> {
        if let Some(machine) = self.parsed.read().get(hash) {
            return Ok(machine.clone());
        }
        let text = self.text(hash).await?;
        let machine = asl::load(&text)
            .ok_or_else(|| Failure::internal("a stored definition does not parse"))?;
        Ok(self.keep(*hash, machine))
    }

    /// Keeps a definition that was just parsed.
    pub fn keep(&self, hash: DefinitionHash, machine: StateMachine) -> Arc<StateMachine> {
        let machine = Arc::new(machine);
        let mut parsed = self.parsed.write();
        if parsed.len() >= PARSED_MAX {
            // Rare enough that starting over costs less than keeping an order.
            parsed.clear();
        }
        parsed.insert(hash, machine.clone());
        machine
    }
}

/// Returns the failure of a read: what the store says is for the operator, not for the caller.
pub(crate) fn unreadable(error: store::StoreError) -> Failure {
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "the store could not be read"
    );
    Failure::internal("The request processing has failed because of an unknown error.")
}
