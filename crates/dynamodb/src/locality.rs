//! Where the tables are: the engine names a region and an account of its own in every ARN, and a
//! caller must see the site's. Only members that hold ARNs are touched, never an item.

use dynoxide::DynoxideError;
use dynoxide::streams::{LOCAL_ACCOUNT, LOCAL_REGION};
use serde_json::Value;
use service::{Failure, Site};

/// The members of requests and answers that hold an ARN of a table, an index or a stream.
const ARN_MEMBERS: [&str; 7] = [
    "TableArn",
    "IndexArn",
    "LatestStreamArn",
    "StreamArn",
    "ResourceArn",
    "LastEvaluatedStreamArn",
    "ExclusiveStartStreamArn",
];

/// Translates ARNs between the engine and the site.
pub(crate) struct Arns {
    engine_prefix: String,
    site_prefix: String,
    region: String,
}

impl Arns {
    /// Returns the translation for `site`.
    pub(crate) fn of(site: &Site) -> Self {
        Self {
            engine_prefix: format!("arn:aws:dynamodb:{LOCAL_REGION}:{LOCAL_ACCOUNT}:"),
            site_prefix: format!("arn:aws:dynamodb:{}:{}:", site.region, site.account_id),
            region: site.region.to_string(),
        }
    }

    /// Returns a request as the engine wants it. An ARN of another account or region stays what it
    /// is, and the engine does not find it.
    pub(crate) fn to_engine(&self, request: &[u8]) -> Result<Vec<u8>, DynoxideError> {
        let mut request: Value = serde_json::from_slice(request)
            .map_err(|_| DynoxideError::SerializationException(String::new()))?;
        replace(&mut request, &self.site_prefix, &self.engine_prefix);
        write(&request)
    }

    /// Returns a request with tables by name where it names them by ARN, or `None` where it does
    /// not, as nearly always: the engine takes names only. Keys of `RequestItems` stay as they are.
    pub(crate) fn tables_by_name(&self, request: &[u8]) -> Option<Vec<u8>> {
        let prefix = format!("{}table/", self.site_prefix);
        if !std::str::from_utf8(request).ok()?.contains(&prefix) {
            return None;
        }
        let mut request: Value = serde_json::from_slice(request).ok()?;
        by_name(&mut request, &prefix);
        for entry in request
            .get_mut("TransactItems")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            for action in entry
                .as_object_mut()
                .into_iter()
                .flat_map(|entry| entry.values_mut())
            {
                by_name(action, &prefix);
            }
        }
        serde_json::to_vec(&request).ok()
    }

    /// Returns an answer as the caller wants it.
    pub(crate) fn to_site(&self, answer: &[u8]) -> Result<Vec<u8>, DynoxideError> {
        let mut answer: Value = serde_json::from_slice(answer)
            .map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
        replace(&mut answer, &self.engine_prefix, &self.site_prefix);
        for record in answer
            .get_mut("Records")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(region) = record.get_mut("awsRegion") {
                *region = Value::from(self.region.as_str());
            }
        }
        write(&answer)
    }

    /// Returns the failure with the site's ARNs in its text.
    pub(crate) fn message_to_site(&self, mut failure: Failure) -> Failure {
        failure.message = failure
            .message
            .replace(&self.engine_prefix, &self.site_prefix);
        failure
    }
}

/// Replaces the prefix of every ARN member. Descriptions nest ARNs at most four objects deep
/// (table, list of indexes, index), and the records of a stream are left alone, so a worklist of
/// members is enough and items are never entered.
fn replace(document: &mut Value, from: &str, to: &str) {
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    match member {
                        Value::String(text) if ARN_MEMBERS.contains(&name.as_str()) => {
                            if let Some(rest) = text.strip_prefix(from) {
                                *text = format!("{to}{rest}");
                            }
                        }
                        Value::Object(_) | Value::Array(_) if name != "Records" => {
                            open.push(member)
                        }
                        _ => {}
                    }
                }
            }
            Value::Array(items) => open.extend(items.iter_mut()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Replaces an ARN that begins with `prefix` by the table's name.
fn by_name(request: &mut Value, prefix: &str) {
    if let Some(Value::String(table)) = request.get_mut("TableName")
        && let Some(name) = table.strip_prefix(prefix)
    {
        *table = name.to_owned();
    }
}

fn write(value: &Value) -> Result<Vec<u8>, DynoxideError> {
    serde_json::to_vec(value).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
