//! `SimulatePrincipalPolicy` and `SimulateCustomPolicy`: what would be decided, and by which policies.

use iam_policy::{
    Caller, Context, Decision, Facts as _, Kind, Policies, Policy, Request, Resource, Verdict, Why,
};
use serde_json::{Value, json};
use service::Failure;

use crate::account::Account;
use crate::compiled::documents;
use crate::rows::{Identity, IdentityKind};
use crate::{Answer, Ask};
use crate::{context_keys, failure};

/// Most actions and resources of one simulation.
const MOST: usize = 1_000;

/// The policies that are tried, with the names that answers give them.
#[derive(Default)]
struct Tried {
    identity: Vec<(String, Policy)>,
    boundary: Option<Policy>,
    /// What the policies were read from.
    texts: Vec<String>,
}

fn parse(document: &str, kind: Kind) -> Result<Policy, Failure> {
    Policy::parse(document, kind)
        .map_err(|error| Failure::client("InvalidInput", error.to_string()))
}

fn boundary(ask: &Ask<'_>) -> Result<Option<Policy>, Failure> {
    let given = ask.input.texts("PermissionsBoundaryPolicyInputList");
    given
        .first()
        .map(|document| parse(document, Kind::Identity))
        .transpose()
}

fn listed(ask: &Ask<'_>) -> Result<Vec<(String, Policy)>, Failure> {
    let given = ask.input.texts("PolicyInputList").into_iter().enumerate();
    given
        .map(|(at, document)| {
            let name = format!("PolicyInputList.{}", at + 1);
            Ok((name, parse(&document, Kind::Identity)?))
        })
        .collect()
}

/// Returns the documents of a call.
fn given(ask: &Ask<'_>) -> Vec<String> {
    let mut texts = ask.input.texts("PolicyInputList");
    texts.extend(ask.input.texts("PermissionsBoundaryPolicyInputList"));
    texts.extend(ask.input.text("ResourcePolicy").map(str::to_owned));
    texts
}

pub(crate) fn custom(ask: &mut Ask<'_>) -> Answer {
    let tried = Tried {
        identity: listed(ask)?,
        boundary: boundary(ask)?,
        texts: given(ask),
    };
    if tried.identity.is_empty() {
        ask.input.required("PolicyInputList")?;
    }
    let caller = match ask.input.text("CallerArn") {
        Some(arn) => caller(ask.account, arn),
        None => user(ask.account, "simulated"),
    };
    simulate(ask, &tried, &caller, &Context::default())
}

pub(crate) fn principal(ask: &mut Ask<'_>) -> Answer {
    let arn = ask.input.required("PolicySourceArn")?;
    let Some(identity) = ask.account.by_arn(arn) else {
        return Err(failure::absent(format!(
            "The principal {arn} cannot be found."
        )));
    };
    let stored = documents(ask.account, identity);
    let mut texts = given(ask);
    texts.extend(stored.iter().map(|(_, document)| (*document).to_owned()));
    let stored = stored.into_iter();
    let stored = stored.map(|(name, document)| Ok((name, parse(document, Kind::Identity)?)));
    let mut tried = Tried {
        identity: stored.collect::<Result<_, Failure>>()?,
        boundary: boundary(ask)?,
        texts,
    };
    if let (None, Some(arn)) = (&tried.boundary, &identity.boundary) {
        let document = ask.account.document(arn);
        tried.texts.extend(document.map(str::to_owned));
        tried.boundary = document
            .map(|document| parse(document, Kind::Identity))
            .transpose()?;
    }
    tried.identity.extend(listed(ask)?);
    let caller = caller(ask.account, ask.input.text("CallerArn").unwrap_or(arn));
    let facts = facts_of(ask.account, identity);
    simulate(ask, &tried, &caller, &facts)
}

fn user(account: &Account, name: &str) -> Caller {
    Caller::User {
        account: account.id.to_string(),
        arn: format!("arn:aws:iam::{}:user/{name}", account.id),
    }
}

fn caller(account: &Account, arn: &str) -> Caller {
    let role = account
        .by_arn(arn)
        .is_some_and(|identity| identity.kind == IdentityKind::Role);
    if role {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        return Caller::Role {
            account: account.id.to_string(),
            role_arn: arn.to_owned(),
            session_arn: format!("arn:aws:sts::{}:assumed-role/{name}/simulated", account.id),
        };
    }
    Caller::User {
        account: account.id.to_string(),
        arn: arn.to_owned(),
    }
}

fn facts_of(account: &Account, identity: &Identity) -> Context {
    let arn = account.arn(identity);
    let mut facts = Context::new([
        ("aws:PrincipalArn", arn.as_str()),
        ("aws:PrincipalAccount", &*account.id),
        ("aws:userid", identity.id.as_str()),
    ]);
    if identity.kind == IdentityKind::User {
        facts.insert("aws:username", vec![identity.name.clone()]);
    }
    for (key, value) in &identity.tags {
        facts.insert(&format!("aws:PrincipalTag/{key}"), vec![value.clone()]);
    }
    facts
}

fn simulate(ask: &Ask<'_>, tried: &Tried, caller: &Caller, known: &Context) -> Answer {
    let actions = ask.input.texts("ActionNames");
    if actions.is_empty() {
        ask.input.required("ActionNames")?;
    }
    let mut resources = ask.input.texts("ResourceArns");
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    if actions.len() * resources.len() > MOST {
        return Err(failure::invalid(format!(
            "At most {MOST} pairs of actions and resources are simulated at once"
        )));
    }
    let mut facts = known.clone();
    let entries = ask.input.0.get("ContextEntries").and_then(Value::as_array);
    for entry in entries.into_iter().flatten() {
        let values = entry["ContextKeyValues"].as_array();
        let values = values.into_iter().flatten().filter_map(Value::as_str);
        let values = values.map(str::to_owned).collect();
        facts.insert(entry["ContextKeyName"].as_str().unwrap_or_default(), values);
    }
    let resource = ask.input.text("ResourcePolicy");
    let resource = resource
        .map(|text| parse(text, Kind::Resource))
        .transpose()?;
    let identity: Vec<&Policy> = tried.identity.iter().map(|(_, policy)| policy).collect();
    let policies = Policies {
        identity: &identity,
        boundary: tried.boundary.as_ref(),
        resource: resource.as_ref(),
        ..Policies::default()
    };
    let keys = context_keys::of(tried.texts.iter().map(String::as_str));
    let known = |key: &String| facts.values(&key.to_ascii_lowercase()).is_some();
    let missing: Vec<String> = keys.into_iter().filter(|key| !known(key)).collect();
    let mut results = Vec::new();
    for action in &actions {
        if !action.contains(':') {
            return Err(Failure::client(
                "InvalidInput",
                format!("Invalid action name: {action}"),
            ));
        }
        for resource in &resources {
            let request = Request {
                caller,
                action,
                resource: Resource::Named(resource),
                facts: &facts,
            };
            results.push(result(tried, &policies, &request, &missing));
        }
    }
    Ok(json!({"EvaluationResults": results, "IsTruncated": false}))
}

fn result(
    tried: &Tried,
    policies: &Policies<'_>,
    request: &Request<'_>,
    missing: &[String],
) -> Value {
    let decision = policies.decide(request);
    let word = match decision {
        Decision::Allowed => "allowed",
        Decision::Denied(Why::Explicit(_)) => "explicitDeny",
        Decision::Denied(Why::Implicit(_)) => "implicitDeny",
    };
    let wanted = match decision {
        Decision::Denied(Why::Explicit(_)) => Verdict::Denies,
        _ => Verdict::Allows,
    };
    let matched = tried.identity.iter();
    let matched = matched.filter(|(_, policy)| policy.verdict(request) == wanted);
    let matched: Vec<Value> = matched
        .map(|(name, _)| {
            let kind = if name.starts_with("arn:") {
                "IAM Policy"
            } else {
                "Inline"
            };
            let kind = if name.starts_with("PolicyInputList") {
                "IAM Policy"
            } else {
                kind
            };
            json!({"SourcePolicyId": name, "SourcePolicyType": kind})
        })
        .collect();
    let mut result = json!({
        "EvalActionName": request.action,
        "EvalResourceName": request.resource.to_string(),
        "EvalDecision": word,
        "MatchedStatements": matched,
        "MissingContextValues": missing,
    });
    if let Some(boundary) = policies.boundary {
        let allowed = boundary.verdict(request) == Verdict::Allows;
        result["PermissionsBoundaryDecisionDetail"] =
            json!({"AllowedByPermissionsBoundary": allowed});
    }
    result
}
