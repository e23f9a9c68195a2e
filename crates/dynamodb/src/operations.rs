//! The operations by name: what is read, what is run, whether ARNs appear in it.
//!
//! A new operation of the engine is one more line of the table.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use service::Failure;

use crate::locality::Arns;
use crate::{decode, failure};

type Run = fn(&Database, &[u8]) -> Result<Vec<u8>, DynoxideError>;

/// One operation of the API.
pub(crate) struct Operation {
    name: &'static str,
    run: Run,
    /// Says whether ARNs of the engine appear in what is asked and answered. The operations on
    /// items have none, and their input is handed on as it came.
    arns: bool,
}

/// Reads a request, runs it, writes the answer.
fn through<Request: DeserializeOwned, Answer: Serialize>(
    input: &[u8],
    run: impl FnOnce(Request) -> Result<Answer, DynoxideError>,
) -> Result<Vec<u8>, DynoxideError> {
    let answer = run(decode::request(input)?)?;
    serde_json::to_vec(&answer)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

macro_rules! operation {
    ($name:literal, $method:ident) => {
        Operation {
            name: $name,
            run: |db, input| through(input, |request| db.$method(request)),
            arns: false,
        }
    };
    ($name:literal, $method:ident, arns) => {
        Operation {
            name: $name,
            run: |db, input| through(input, |request| db.$method(request)),
            arns: true,
        }
    };
}

const OPERATIONS: [Operation; 29] = [
    operation!("PutItem", put_item),
    operation!("GetItem", get_item),
    operation!("UpdateItem", update_item),
    operation!("DeleteItem", delete_item),
    operation!("Query", query),
    operation!("Scan", scan),
    operation!("BatchGetItem", batch_get_item),
    operation!("BatchWriteItem", batch_write_item),
    operation!("TransactWriteItems", transact_write_items),
    operation!("TransactGetItems", transact_get_items),
    operation!("ExecuteStatement", execute_statement),
    operation!("ExecuteTransaction", execute_transaction),
    operation!("BatchExecuteStatement", batch_execute_statement),
    operation!("SearchVectors", search_vectors),
    operation!("UpdateTimeToLive", update_time_to_live),
    operation!("DescribeTimeToLive", describe_time_to_live),
    operation!("ListTables", list_tables),
    operation!("CreateTable", create_table, arns),
    operation!("DeleteTable", delete_table, arns),
    operation!("DescribeTable", describe_table, arns),
    operation!("UpdateTable", update_table, arns),
    Operation {
        name: "DescribeContinuousBackups",
        run: |db, input| {
            through(input, |request| {
                db.describe_table(request).map(|_| not_backed_up())
            })
        },
        arns: true,
    },
    operation!("TagResource", tag_resource, arns),
    operation!("UntagResource", untag_resource, arns),
    operation!("ListTagsOfResource", list_tags_of_resource, arns),
    operation!("ListStreams", list_streams, arns),
    operation!("DescribeStream", describe_stream, arns),
    operation!("GetShardIterator", get_shard_iterator, arns),
    operation!("GetRecords", get_records, arns),
];

/// Returns what is said of the backups of a table: there are none of the kind that goes back to any moment.
fn not_backed_up() -> Value {
    json!({"ContinuousBackupsDescription": {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
    }})
}

/// Returns the operation called `name`.
pub(crate) fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

impl Operation {
    /// Runs the operation on the JSON object `input` and returns the JSON object it answers.
    pub(crate) fn run(
        &self,
        database: &Database,
        arns: &Arns,
        input: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let fail = |error| failure::of(self.name, error);
        let named = arns.tables_by_name(input);
        let input = named.as_deref().unwrap_or(input);
        if !self.arns {
            return (self.run)(database, input).map_err(fail);
        }
        let input = arns.to_engine(input).map_err(fail)?;
        let output =
            (self.run)(database, &input).map_err(|error| arns.message_to_site(fail(error)))?;
        arns.to_site(&output).map_err(fail)
    }
}
