//! Errors of a service that spoke the query protocol before it spoke JSON: SQS. Clients look for the code
//! of old, which a header carries; the body has the one of the JSON model.

/// Codes of SQS that JSON calls otherwise: as services say them, the type in the body, the code of old.
const OF_SQS: [(&str, &str, &str); 13] = [
    (
        "BatchEntryIdsNotDistinct",
        "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    ),
    (
        "BatchRequestTooLong",
        "com.amazonaws.sqs#BatchRequestTooLong",
        "AWS.SimpleQueueService.BatchRequestTooLong",
    ),
    (
        "EmptyBatchRequest",
        "com.amazonaws.sqs#EmptyBatchRequest",
        "AWS.SimpleQueueService.EmptyBatchRequest",
    ),
    (
        "InvalidBatchEntryId",
        "com.amazonaws.sqs#InvalidBatchEntryId",
        "AWS.SimpleQueueService.InvalidBatchEntryId",
    ),
    (
        "MessageNotInflight",
        "com.amazonaws.sqs#MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
    ),
    (
        "PurgeQueueInProgress",
        "com.amazonaws.sqs#PurgeQueueInProgress",
        "AWS.SimpleQueueService.PurgeQueueInProgress",
    ),
    (
        "QueueDeletedRecently",
        "com.amazonaws.sqs#QueueDeletedRecently",
        "AWS.SimpleQueueService.QueueDeletedRecently",
    ),
    (
        "QueueDoesNotExist",
        "com.amazonaws.sqs#QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
    ),
    (
        "QueueNameExists",
        "com.amazonaws.sqs#QueueNameExists",
        "QueueAlreadyExists",
    ),
    (
        "TooManyEntriesInBatchRequest",
        "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    ),
    (
        "UnsupportedOperation",
        "com.amazonaws.sqs#UnsupportedOperation",
        "AWS.SimpleQueueService.UnsupportedOperation",
    ),
    (
        "InvalidParameterValue",
        "com.amazon.coral.service#InvalidParameterValueException",
        "InvalidParameterValue",
    ),
    (
        "MissingParameter",
        "com.amazon.coral.service#MissingRequiredParameterException",
        "MissingParameter",
    ),
];

/// Returns the type in the body and the code of old of an error of `service`; `None` where the service
/// has one code alone.
pub(crate) fn both(service: Option<&str>, code: &str) -> Option<(String, String)> {
    if service != Some("sqs") {
        return None;
    }
    let known = OF_SQS.iter().find(|(known, ..)| *known == code);
    Some(match known {
        Some((_, kind, old)) => ((*kind).to_owned(), (*old).to_owned()),
        None => (format!("com.amazonaws.sqs#{code}"), code.to_owned()),
    })
}

/// Returns the code of old of an error, which is what clients of the first SDKs match.
pub fn query_code<'a>(service: &str, code: &'a str) -> &'a str {
    let known = OF_SQS.iter().find(|(known, ..)| *known == code);
    match known.filter(|_| service == "sqs") {
        Some((_, _, old)) => old,
        None => code,
    }
}
