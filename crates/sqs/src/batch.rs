//! What the batch operations have in common: up to ten entries with ids, each of which works or fails.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use service::{Failure, Members};

use crate::failure;

/// Most entries of a batch.
const ENTRIES_MAX: usize = 10;

/// An entry of a batch.
pub(crate) struct BatchEntry {
    pub id: String,
    pub members: Members,
}

/// Reads `Entries` of an operation whose entries are called `kind`.
pub(crate) fn entries(input: &Members, kind: &str) -> Result<Vec<BatchEntry>, Failure> {
    let given = input.list("Entries");
    if given.is_empty() {
        return Err(Failure::client(
            "EmptyBatchRequest",
            format!("There should be at least one {kind} in the request."),
        ));
    }
    if given.len() > ENTRIES_MAX {
        return Err(Failure::client(
            "TooManyEntriesInBatchRequest",
            format!(
                "Maximum number of entries per request are {ENTRIES_MAX}. You have sent {}.",
                given.len()
            ),
        ));
    }
    let mut ids = HashSet::new();
    let mut entries = Vec::with_capacity(given.len());
    for entry in given {
        let members = Members(entry.as_object().cloned().unwrap_or_default());
        let id = members.text("Id").unwrap_or_default().to_owned();
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if id.is_empty() || id.len() > 80 || !id.bytes().all(letter) {
            return Err(Failure::client(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
            ));
        }
        if !ids.insert(id.clone()) {
            return Err(Failure::client(
                "BatchEntryIdsNotDistinct",
                format!("Id {id} repeated."),
            ));
        }
        entries.push(BatchEntry { id, members });
    }
    if kind.starts_with("DeleteMessage") || kind.starts_with("Change") {
        for entry in &entries {
            if entry
                .members
                .text("ReceiptHandle")
                .unwrap_or_default()
                .is_empty()
            {
                return Err(failure::missing(&format!("{kind}.1.ReceiptHandle")));
            }
        }
    }
    Ok(entries)
}

/// What became of an entry, by its id.
pub(crate) type EntryResult = (String, Result<Map<String, Value>, Failure>);

/// Returns the answer to a batch. A fault of ours is one of the whole call: clients send it again.
pub(crate) fn answer(results: Vec<EntryResult>) -> Result<Value, Failure> {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, result) in results {
        match result {
            Ok(mut members) => {
                members.insert("Id".to_owned(), id.into());
                successful.push(Value::Object(members));
            }
            Err(failure) if failure.status >= 500 => return Err(failure),
            Err(failure) => failed.push(json!({
                "Id": id,
                "SenderFault": true,
                "Code": failure.code,
                "Message": failure.message,
            })),
        }
    }
    let mut answer = json!({ "Successful": successful });
    if !failed.is_empty() {
        answer["Failed"] = failed.into();
    }
    Ok(answer)
}
