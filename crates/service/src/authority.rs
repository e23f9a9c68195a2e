//! Who knows the account's users, roles and policies. IAM implements it, the gateway asks it.

use std::sync::Arc;

use iam_policy::{Facts, Resource};

use crate::Principal;

/// One action on one resource that a call needs.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// `states:StartExecution`.
    pub action: &'a str,
    /// What it is done to.
    pub resource: Resource<'a>,
    /// What is known of the request beside its sender.
    pub facts: &'a dyn Facts,
    /// The document of the resource's own policy, where it has one.
    pub resource_policy: Option<&'a str>,
}

/// The holder of an access key that is not temporary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolder {
    /// The user.
    pub principal: Principal,
    /// Whether the key may be used.
    pub active: bool,
}

/// Who decides what a principal may do.
pub trait Authority: Send + Sync {
    /// Returns whose access key `id` is; `None` when it is nobody's.
    fn key_holder(&self, id: &str) -> Option<KeyHolder>;

    /// Says whether `principal` may have `access`.
    ///
    /// # Errors
    /// AWS's sentence: `User: … is not authorized to perform: … on resource: … because …`.
    fn authorize(&self, principal: &Principal, access: &Access<'_>) -> Result<(), String>;

    /// Says whether what `principal` may do depends on the tags of what it is done to.
    fn asks_for_tags(&self, _principal: &Principal, _resource_policy: Option<&str>) -> bool {
        false
    }

    /// Says whether `service` (`states.amazonaws.com`) may assume the role on behalf of `source_arn`, which may be
    /// empty. A role that is not there nobody may assume.
    fn may_assume(&self, service: &str, role_arn: &str, source_arn: &str) -> bool;

    /// Returns the longest session of a role in seconds; `None` when there is no such role.
    fn role_session_seconds(&self, role_arn: &str) -> Option<u64>;

    /// Returns the ARN of the user, role, group or policy that has this one but for the path.
    fn full_arn(&self, arn: &str) -> Option<String>;

    /// Hears of what a principal did, so that the least policy can be told later.
    fn used(&self, _principal: &Principal, _access: &Access<'_>) {}

    /// Returns the unique id of a user or role (`AROA…`), by its ARN.
    fn unique_id(&self, arn: &str) -> Option<Arc<str>>;

    /// Returns the tags of a user or role, by its ARN.
    fn tags(&self, arn: &str) -> Vec<(String, String)>;
}
