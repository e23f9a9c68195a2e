//! Log groups: created, listed, kept for a time, deleted.

use std::sync::Arc;

use aws_model::logs::{
    CreateLogGroupInput, DeleteLogGroupInput, DeleteRetentionPolicyInput, DescribeLogGroupsInput,
    DescribeLogGroupsOutput, LogGroup, LogGroupClass, PutRetentionPolicyInput,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use service::{Failure, Reply};
use store::{Batch, Expectation, StoreError};

use crate::append::decode;
use crate::rows::{self, GroupRecord, StreamRecord};
use crate::{Core, empty_reply, failure, names, reply, sweep, tags};

/// For how many days events can be kept (API reference, "PutRetentionPolicy").
const RETENTION_DAYS: [i64; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];
/// Most groups of a page.
const PAGE_MAX: usize = 50;
/// How many rows are read at once.
const ROWS_AT_ONCE: usize = 256;

pub(crate) async fn create(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: CreateLogGroupInput = failure::read(input)?;
    if input.kms_key_id.is_some() {
        return Err(failure::not_built("log groups with a KMS key"));
    }
    let group_tags = input.tags.unwrap_or_default();
    tags::check(&group_tags)?;
    let class = input.log_group_class.unwrap_or(LogGroupClass::Standard);
    let record = GroupRecord {
        class: class.as_str().to_owned(),
        tags: group_tags.into_iter().collect(),
        protected: input.deletion_protection_enabled.filter(|on| *on),
        ..GroupRecord::new(core.clock.now().as_millis())
    };
    let key = rows::group_key(&input.log_group_name);
    let batch = Batch {
        expect: vec![(key.clone(), Expectation::Absent)],
        put: vec![(key, rows::encode(&record))],
        ..Batch::default()
    };
    match core.store.commit(batch).await {
        Ok(()) => Ok(empty_reply()),
        Err(StoreError::Conflict { .. }) => Err(failure::group_exists()),
        Err(error) => Err(failure::unreadable(error)),
    }
}

pub(crate) async fn delete(core: &Arc<Core>, input: &[u8]) -> Result<Reply, Failure> {
    let input: DeleteLogGroupInput = failure::read(input)?;
    let key = rows::group_key(&input.log_group_name);
    loop {
        let (row, record) = core.group(&input.log_group_name).await?;
        if record.protected == Some(true) {
            return Err(Failure::client(
                "ValidationException",
                "The log group cannot be deleted because deletion protection is enabled.",
            ));
        }
        let batch = Batch {
            expect: vec![(key.clone(), Expectation::Holds(row))],
            put: vec![(rows::purge_key(record.id, None), Bytes::new())],
            delete: vec![key.clone()],
        };
        match core.store.commit(batch).await {
            Ok(()) => break,
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(failure::unreadable(error)),
        }
    }
    sweep::soon(core);
    Ok(empty_reply())
}

pub(crate) async fn put_retention(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: PutRetentionPolicyInput = failure::read(input)?;
    let days = input.retention_in_days;
    if !RETENTION_DAYS.contains(&days) {
        let known: Vec<_> = RETENTION_DAYS.iter().map(ToString::to_string).collect();
        return Err(failure::invalid(format!(
            "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy \
             constraint: Member must satisfy enum value set: [{}]",
            known.join(", ")
        )));
    }
    change(core, &input.log_group_name, |record| {
        record.retention_days = Some(days);
        Ok(())
    })
    .await
}

pub(crate) async fn delete_retention(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: DeleteRetentionPolicyInput = failure::read(input)?;
    change(core, &input.log_group_name, |record| {
        record.retention_days = None;
        Ok(())
    })
    .await
}

/// Changes a group's record; once this returns, the change is durable.
pub(crate) async fn change(
    core: &Core,
    name: &str,
    change: impl Fn(&mut GroupRecord) -> Result<(), Failure>,
) -> Result<Reply, Failure> {
    let key = rows::group_key(name);
    loop {
        let (row, mut record) = core.group(name).await?;
        change(&mut record)?;
        let batch = Batch {
            expect: vec![(key.clone(), Expectation::Holds(row))],
            put: vec![(key.clone(), rows::encode(&record))],
            ..Batch::default()
        };
        match core.store.commit(batch).await {
            Ok(()) => return Ok(empty_reply()),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(failure::unreadable(error)),
        }
    }
}

pub(crate) async fn describe(core: &Core, input: &[u8]) -> Result<Reply, Failure> {
    let input: DescribeLogGroupsInput = failure::read(input)?;
    if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
        return Err(failure::invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let after = input.next_token.as_deref().map(open_token).transpose()?;
    let wanted = Wanted {
        pattern: input
            .log_group_name_pattern
            .map(|pattern| pattern.to_lowercase()),
        class: input.log_group_class.map(LogGroupClass::as_str),
        named: input
            .log_group_identifiers
            .map(|all| all.iter().map(|one| name_of(core, one)).collect()),
    };
    let limit = input.limit.map_or(PAGE_MAX, |limit| limit as usize);
    let mut range = rows::groups_from(input.log_group_name_prefix.as_deref().unwrap_or_default());
    if let Some(after) = after {
        let start = [&rows::group_key(&after).bytes[..], &[0]].concat();
        range.start = range.start.max(Bytes::from(start));
    }
    let mut found: Vec<LogGroup> = Vec::new();
    loop {
        let rows = core.store.scan(&range, ROWS_AT_ONCE).await;
        let rows = rows.map_err(failure::unreadable)?;
        let more = rows.len() == ROWS_AT_ONCE;
        for (key, row) in &rows {
            let name = rows::group_name(key).unwrap_or_default();
            let record: GroupRecord = decode(row)?;
            if !wanted.has(name, &record) {
                continue;
            }
            if found.len() == limit {
                let last = found.last().and_then(|last| last.log_group_name.as_deref());
                return Ok(reply(&DescribeLogGroupsOutput {
                    next_token: last.map(|name| URL_SAFE_NO_PAD.encode(name)),
                    log_groups: Some(found),
                }));
            }
            found.push(shown(core, name, &record).await?);
        }
        match rows.last() {
            Some((key, _)) if more => range.start = [&key[..], &[0]].concat().into(),
            Some(_) | None => break,
        }
    }
    Ok(reply(&DescribeLogGroupsOutput {
        next_token: None,
        log_groups: Some(found),
    }))
}

/// Which groups are listed, beside the prefix.
struct Wanted {
    pattern: Option<String>,
    class: Option<&'static str>,
    named: Option<Vec<String>>,
}

impl Wanted {
    fn has(&self, name: &str, record: &GroupRecord) -> bool {
        // "…the search is not case sensitive" of patterns, unlike of prefixes (API reference).
        let pattern = self.pattern.as_deref();
        pattern.is_none_or(|pattern| name.to_lowercase().contains(pattern))
            && self.class.is_none_or(|class| record.class == class)
            && self
                .named
                .as_ref()
                .is_none_or(|names| names.iter().any(|known| known == name))
    }
}

fn name_of(core: &Core, identifier: &str) -> String {
    names::of_arn(&core.site, identifier).unwrap_or_else(|| identifier.to_owned())
}

fn open_token(token: &str) -> Result<String, Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    name.filter(|name| !name.is_empty())
        .ok_or_else(failure::invalid_token)
}

async fn shown(core: &Core, name: &str, record: &GroupRecord) -> Result<LogGroup, Failure> {
    let arn = names::group_arn(&core.site, name);
    Ok(LogGroup {
        log_group_name: Some(name.to_owned()),
        creation_time: Some(record.created_at),
        retention_in_days: record.retention_days,
        metric_filter_count: Some(0),
        arn: Some(format!("{arn}:*")),
        log_group_arn: Some(arn),
        stored_bytes: Some(stored_bytes(core, record.id).await? as i64),
        log_group_class: LogGroupClass::from_name(&record.class),
        deletion_protection_enabled: record.protected,
        ..LogGroup::default()
    })
}

async fn stored_bytes(core: &Core, group: u64) -> Result<u64, Failure> {
    let mut range = rows::streams_from(group, "");
    let mut sum = 0;
    loop {
        let rows = core.store.scan(&range, ROWS_AT_ONCE).await;
        let rows = rows.map_err(failure::unreadable)?;
        for (_, row) in &rows {
            sum += decode::<StreamRecord>(row)?.stored_bytes;
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_AT_ONCE => {
                range.start = [&key[..], &[0]].concat().into();
            }
            Some(_) | None => return Ok(sum),
        }
    }
}
