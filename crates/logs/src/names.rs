//! Names and ARNs of groups: which group a call means.

use service::{Failure, Site};

use crate::failure;

/// Returns `arn:aws:logs:…:log-group:NAME`.
pub(crate) fn group_arn(site: &Site, name: &str) -> String {
    format!(
        "arn:aws:logs:{}:{}:log-group:{name}",
        site.region, site.account_id
    )
}

/// Returns `…:log-group:NAME:log-stream:STREAM`.
pub(crate) fn stream_arn(site: &Site, group: &str, stream: &str) -> String {
    format!("{}:log-stream:{stream}", group_arn(site, group))
}

/// Returns the group that a call names, by exactly one of its two members.
pub(crate) fn named(
    site: &Site,
    name: Option<String>,
    identifier: Option<String>,
) -> Result<String, Failure> {
    match (name, identifier) {
        (Some(name), None) => Ok(name),
        (None, Some(identifier)) if !identifier.starts_with("arn:") => Ok(identifier),
        (None, Some(identifier)) => of_arn(site, &identifier).ok_or_else(failure::no_group),
        (Some(_), Some(_)) => Err(failure::invalid(
            "Only one of logGroupName and logGroupIdentifier can be specified",
        )),
        (None, None) => Err(failure::invalid(
            "Either logGroupName or logGroupIdentifier must be specified",
        )),
    }
}

/// Returns the group's name in an ARN of this account and region, with or without `:*` at its end.
pub(crate) fn of_arn(site: &Site, arn: &str) -> Option<String> {
    let name = arn.strip_prefix(&group_arn(site, ""))?;
    let name = name.strip_suffix(":*").unwrap_or(name);
    (!name.is_empty() && !name.contains(':')).then(|| name.to_owned())
}
