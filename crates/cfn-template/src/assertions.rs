//! `Rules`: what a template asserts of its parameters before anything is made.

use indexmap::IndexMap;
use serde_json::Value;

use crate::bindings::{Bindings, NoResources, equal};
use crate::error::TemplateError;
use crate::intrinsics::single;
use crate::parameters::scalar_text;
use crate::resolve::Unresolved;

/// The functions that ask for the attributes of things of EC2, or for all parameters of a type of its.
const OF_EC2: [&str; 3] = ["Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll"];

/// Checks every rule whose condition holds. Ours is the text before an assertion's description
/// (docs/adr/0066).
pub(crate) fn check(
    rules: &IndexMap<String, Value>,
    bindings: &Bindings,
) -> Result<(), TemplateError> {
    for (name, rule) in rules {
        if let Some(condition) = rule.get("RuleCondition")
            && !holds(condition, bindings)?
        {
            continue;
        }
        let Some(assertions) = rule.get("Assertions").and_then(Value::as_array) else {
            let text = format!("Rule {name} must have a list of Assertions");
            return Err(TemplateError::invalid(text));
        };
        for assertion in assertions {
            let Some(assert) = assertion.get("Assert") else {
                let text = format!("Every assertion of rule {name} must have an Assert");
                return Err(TemplateError::invalid(text));
            };
            if !holds(assert, bindings)? {
                let said = assertion.get("AssertDescription");
                let said = said.map_or_else(|| assert.to_string(), scalar_text);
                let text = format!("Rule {name} failed: {said}");
                return Err(TemplateError::Parameter(text));
            }
        }
    }
    Ok(())
}

/// Says whether a rule's expression holds. The recursion is as deep as the text was nested, which has a
/// limit.
fn holds(expression: &Value, bindings: &Bindings) -> Result<bool, TemplateError> {
    let form = expression.as_object().and_then(single);
    let Some((name, arguments)) = form else {
        return Err(wrong("a rule is one of the rule-specific functions"));
    };
    let several = |least: usize, most: usize| {
        let list = arguments.as_array().map(Vec::as_slice);
        let list = list.filter(|list| (least..=most).contains(&list.len()));
        list.ok_or_else(|| wrong(&format!("{name} takes a list of {least} to {most}")))
    };
    match name {
        "Fn::And" => several(2, 10)?
            .iter()
            .try_fold(true, |all, one| Ok(all & holds(one, bindings)?)),
        "Fn::Or" => several(2, 10)?
            .iter()
            .try_fold(false, |any, one| Ok(any | holds(one, bindings)?)),
        "Fn::Not" => Ok(!holds(&several(1, 1)?[0], bindings)?),
        "Fn::Equals" => {
            let pair = several(2, 2)?;
            Ok(equal(
                &value(&pair[0], bindings)?,
                &value(&pair[1], bindings)?,
            ))
        }
        "Fn::Contains" => {
            let pair = several(2, 2)?;
            let (there, wanted) = (list(&pair[0], bindings)?, value(&pair[1], bindings)?);
            Ok(there.iter().any(|one| equal(one, &wanted)))
        }
        "Fn::EachMemberEquals" => {
            let pair = several(2, 2)?;
            let (members, wanted) = (list(&pair[0], bindings)?, value(&pair[1], bindings)?);
            Ok(members.iter().all(|one| equal(one, &wanted)))
        }
        "Fn::EachMemberIn" => {
            let pair = several(2, 2)?;
            let (members, there) = (list(&pair[0], bindings)?, list(&pair[1], bindings)?);
            let is_there = |one: &Value| there.iter().any(|other| equal(one, other));
            Ok(members.iter().all(is_there))
        }
        other => {
            let what = if OF_EC2.contains(&other) {
                format!("The rule function {other}")
            } else {
                format!("{other} in a rule")
            };
            Err(TemplateError::unsupported(what))
        }
    }
}

fn value(written: &Value, bindings: &Bindings) -> Result<Value, TemplateError> {
    if let Some((name, _)) = written.as_object().and_then(single)
        && OF_EC2.contains(&name)
    {
        return Err(TemplateError::unsupported(format!(
            "The rule function {name}"
        )));
    }
    let resolved = bindings.resolve(written, &NoResources);
    resolved.map_err(Unresolved::into_error)
}

fn list(written: &Value, bindings: &Bindings) -> Result<Vec<Value>, TemplateError> {
    match value(written, bindings)? {
        Value::Array(items) => Ok(items),
        _ => Err(wrong("a list of strings is expected here")),
    }
}

fn wrong(detail: &str) -> TemplateError {
    TemplateError::Intrinsic(format!("Rules: {detail}"))
}
