//! The grammar of documents, kept strictly: what IAM would refuse is refused, in its words.

use serde_json::{Map, Value};

use crate::arn::ArnPattern;
use crate::condition;
use crate::document::{Actions, Effect, Kind, Policy, Resources, Statement};
use crate::error::Malformed;
use crate::pattern::{Pattern, Reading};
use crate::principal::{self, Principals};

const NEW: &str = "2012-10-17";
const OLD: &str = "2008-10-17";

/// Actions by which a role is assumed.
const TRUSTED: &[&str] = &[
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:SetContext",
    "sts:SetSourceIdentity",
    "sts:TagSession",
];

pub(crate) fn policy(text: &str, kind: Kind) -> Result<Policy, Malformed> {
    let value: Value = serde_json::from_str(text).map_err(|_| match kind {
        Kind::Identity | Kind::Managed => Malformed::Syntax,
        Kind::Resource | Kind::Trust => Malformed::NoJson,
    })?;
    let Value::Object(document) = value else {
        return Err(Malformed::Syntax);
    };
    members(&document, &["Version", "Id", "Statement"])?;
    if !matches!(document.get("Id"), None | Some(Value::String(_))) {
        return Err(Malformed::Syntax);
    }
    let variables = match document.get("Version") {
        Some(Value::String(version)) if version == NEW => true,
        Some(Value::String(version)) if version == OLD => false,
        None => false,
        Some(_) => return Err(Malformed::Syntax),
    };
    let written = match document.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.iter().collect(),
        Some(statement @ Value::Object(_)) => vec![statement],
        _ => return Err(Malformed::Syntax),
    };
    let mut sids: Vec<&str> = Vec::new();
    let mut statements = Vec::with_capacity(written.len());
    for value in written {
        let Value::Object(members) = value else {
            return Err(Malformed::Syntax);
        };
        if let Some(sid) = sid(members, kind)? {
            if sids.contains(&sid) {
                return Err(Malformed::Sids);
            }
            sids.push(sid);
        }
        statements.push(statement(members, kind, variables)?);
    }
    // Said last, as IAM does: a document that is wrong in itself is told so first.
    if kind == Kind::Managed && !variables {
        return Err(Malformed::OldVersion);
    }
    Ok(Policy::new(statements))
}

/// Says whether documents of a kind stand with whoever may do something.
fn is_identity(kind: Kind) -> bool {
    matches!(kind, Kind::Identity | Kind::Managed)
}

fn members(object: &Map<String, Value>, known: &[&str]) -> Result<(), Malformed> {
    let all = object.keys().all(|key| known.contains(&key.as_str()));
    all.then_some(()).ok_or(Malformed::Syntax)
}

fn sid(members: &Map<String, Value>, kind: Kind) -> Result<Option<&str>, Malformed> {
    match members.get("Sid") {
        None => Ok(None),
        // Resources take any text, as Lambda's own ids show.
        Some(Value::String(sid))
            if !is_identity(kind) || sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            Ok((!sid.is_empty()).then_some(sid))
        }
        Some(Value::String(_)) => Err(Malformed::Sid),
        Some(_) => Err(Malformed::Syntax),
    }
}

fn statement(
    written: &Map<String, Value>,
    kind: Kind,
    variables: bool,
) -> Result<Statement, Malformed> {
    members(
        written,
        &[
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ],
    )?;
    let effect = match written.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return Err(Malformed::Syntax),
    };
    let principals = principals(written, kind, effect)?;
    let actions = actions(written, kind)?;
    let resources = resources(written, kind, variables)?;
    let conditions = match written.get("Condition") {
        Some(value) => condition::read(value, variables)?,
        None => Vec::new(),
    };
    Ok(Statement {
        effect,
        principals,
        actions,
        resources,
        conditions,
    })
}

fn principals(
    written: &Map<String, Value>,
    kind: Kind,
    effect: Effect,
) -> Result<Option<Principals>, Malformed> {
    match (written.get("Principal"), written.get("NotPrincipal")) {
        (None, None) if is_identity(kind) => Ok(None),
        (Some(_), Some(_)) => Err(Malformed::Syntax),
        (Some(_), None) | (None, Some(_)) if is_identity(kind) => Err(Malformed::PrincipalGiven),
        (Some(value), None) => Ok(Some(Principals::These(principal::read(value)?))),
        (None, Some(_)) if effect == Effect::Allow => Err(Malformed::NotPrincipalAllowed),
        (None, Some(value)) => Ok(Some(Principals::AllBut(principal::read(value)?))),
        (None, None) => Err(Malformed::NoPrincipal),
    }
}

fn actions(written: &Map<String, Value>, kind: Kind) -> Result<Actions, Malformed> {
    let (texts, all_but) = match one_of(written, "Action", "NotAction")? {
        Some(found) => found,
        None => return Err(Malformed::NoActions),
    };
    for text in &texts {
        action(text)?;
        let wild = text.starts_with("sts:") && text.contains('*');
        let known = wild || TRUSTED.iter().any(|known| text.eq_ignore_ascii_case(known));
        if kind == Kind::Trust && !known {
            return Err(Malformed::TrustAction);
        }
    }
    let reading = Reading {
        wildcards: true,
        variables: false,
    };
    let patterns = texts.iter().map(|text| Pattern::new(text, reading));
    Ok(Actions {
        all_but,
        patterns: patterns.collect(),
    })
}

fn action(text: &str) -> Result<(), Malformed> {
    if text == "*" {
        return Ok(());
    }
    let Some((vendor, name)) = text.split_once(':') else {
        return Err(Malformed::NoVendor);
    };
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if vendor.is_empty() || !vendor.bytes().all(letter) {
        return Err(Malformed::Vendor(vendor.to_owned()));
    }
    if name.is_empty() || name.contains([':', ' ']) {
        return Err(Malformed::Syntax);
    }
    Ok(())
}

fn resources(
    written: &Map<String, Value>,
    kind: Kind,
    variables: bool,
) -> Result<Option<Resources>, Malformed> {
    let found = one_of(written, "Resource", "NotResource")?;
    let (texts, all_but) = match (found, kind) {
        (Some(_), Kind::Trust) => return Err(Malformed::ResourceGiven),
        (None, Kind::Trust) => return Ok(None),
        // Some services fill in the resource that the policy stands on.
        (None, Kind::Resource) => return Ok(None),
        (None, Kind::Identity | Kind::Managed) => return Err(Malformed::NoResources),
        (Some(found), Kind::Identity | Kind::Managed | Kind::Resource) => found,
    };
    let patterns = texts.iter().map(|text| resource(text, variables));
    Ok(Some(Resources {
        all_but,
        patterns: patterns.collect::<Result<_, _>>()?,
    }))
}

fn resource(text: &str, variables: bool) -> Result<ArnPattern, Malformed> {
    let malformed = || Malformed::Resource(text.to_owned());
    if text == "*" {
        return Ok(ArnPattern::All);
    }
    let rest = text.strip_prefix("arn:").ok_or_else(malformed)?;
    let (partition, rest) = rest.split_once(':').ok_or_else(malformed)?;
    if !matches!(partition, "aws" | "aws-cn" | "aws-us-gov" | "*") {
        let mut parts: Vec<&str> = rest.splitn(4, ':').collect();
        parts.resize(4, "*");
        return Err(Malformed::Partition {
            partition: partition.to_owned(),
            resource: format!("arn:{partition}:{}", parts.join(":")),
        });
    }
    let vendor = rest.split(':').next().unwrap_or_default();
    if vendor != "*" && vendor.contains(['*', '?']) {
        return Err(Malformed::ResourceVendor);
    }
    ArnPattern::new(text, variables).ok_or_else(malformed)
}

/// Returns the texts of one of two members, and whether it is the second.
fn one_of(
    written: &Map<String, Value>,
    first: &str,
    second: &str,
) -> Result<Option<(Vec<String>, bool)>, Malformed> {
    match (written.get(first), written.get(second)) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Malformed::Syntax),
        (Some(value), None) => Ok(Some((texts(value)?, false))),
        (None, Some(value)) => Ok(Some((texts(value)?, true))),
    }
}

fn texts(value: &Value) -> Result<Vec<String>, Malformed> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(values) if !values.is_empty() => values
            .iter()
            .map(|value| value.as_str().map(str::to_owned).ok_or(Malformed::Syntax))
            .collect(),
        _ => Err(Malformed::Syntax),
    }
}
