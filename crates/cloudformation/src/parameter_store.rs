//! Parameters of templates that stand for parameters of the Parameter Store. They are fetched whenever a
//! deployment is worked out, as whoever deploys, so that an update finds what has changed there.

use std::collections::{BTreeMap, BTreeSet};

use cfn_template::{StoreUse, Template};
use serde_json::{Map, Value, json};

use crate::error::DeployError;
use crate::resource::Services;

/// Most names of one `GetParameters`.
const NAMES_MAX: usize = 10;

/// Returns what the parameters of `template` hold that stand for others, by their own names.
pub(crate) async fn fetch(
    services: &Services,
    template: &Template,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, DeployError> {
    let mut asked: BTreeMap<&String, (&String, StoreUse)> = BTreeMap::new();
    for (name, parameter) in &template.parameters {
        let key = given.get(name).or(parameter.default.as_ref());
        if let (Some(used), Some(key)) = (parameter.store, key) {
            asked.insert(name, (key, used));
        }
    }
    let keys: BTreeSet<&String> = asked.values().map(|(key, _)| *key).collect();
    let keys: Vec<&String> = keys.into_iter().collect();
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    for page in keys.chunks(NAMES_MAX) {
        let input = Map::from_iter([("Names".to_owned(), json!(page))]);
        let answer = services.call("ssm", "GetParameters", input).await;
        let answer = answer.map_err(|failure| DeployError::Invalid(failure.message))?;
        let parameters = answer["Parameters"].as_array().cloned().unwrap_or_default();
        for (parameter, key) in parameters.into_iter().flat_map(|one| {
            let page = page.iter().filter(|key| is_named(&one, key));
            let keys: Vec<String> = page.map(|key| (*key).clone()).collect();
            keys.into_iter().map(move |key| (one.clone(), key))
        }) {
            found.insert(key, parameter);
        }
    }
    let missing = keys.iter().filter(|key| !found.contains_key(**key));
    if let Some(names) = listed(missing.map(|key| key.as_str())) {
        return Err(DeployError::Invalid(format!(
            "Unable to fetch parameters [{names}] from parameter store for this account."
        )));
    }
    let secret = asked.values().filter(|(key, used)| {
        *used == StoreUse::Value && found[key.as_str()]["Type"] == "SecureString"
    });
    if let Some(names) = listed(secret.map(|(key, _)| key.as_str())) {
        return Err(DeployError::Invalid(format!(
            "Parameters [{names}] referenced by template have types not supported by CloudFormation."
        )));
    }
    let values = asked
        .into_iter()
        .filter(|(_, (_, used))| *used == StoreUse::Value);
    Ok(values
        .map(|(name, (key, _))| {
            let value = found[key.as_str()]["Value"].as_str().unwrap_or_default();
            (name.clone(), value.to_owned())
        })
        .collect())
}

/// A key may be a name, a name with a version or a label, or an ARN.
fn is_named(parameter: &Value, key: &str) -> bool {
    let text = |member: &str| parameter[member].as_str().unwrap_or_default();
    let with_selector = format!("{}{}", text("Name"), text("Selector"));
    [text("Name"), text("ARN"), &with_selector].contains(&key)
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: BTreeSet<&str> = names.collect();
    let names: Vec<&str> = names.into_iter().collect();
    (!names.is_empty()).then(|| names.join(", "))
}
