//! SAM's policy templates: a name and parameters that stand for statements. They are in
//! `policy_templates.txt`, which is read when a template names one.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;

const TEMPLATES: &str = include_str!("policy_templates.txt");

/// Says whether there is a policy template of this name.
pub(super) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// Returns the statements that the template `name` stands for.
pub(super) fn expand(logical_id: &str, name: &str, given: &Value) -> Result<Value, TemplateError> {
    let Some((parameters, statements)) = find(name) else {
        let text = format!(
            "Must specify valid policy templates or statements in 'Policies': there is no template {name}."
        );
        return Err(TemplateError::sam(logical_id, text));
    };
    let Some(given) = given.as_object() else {
        let text = format!("Must specify valid parameter values for policy template '{name}'");
        return Err(TemplateError::sam(logical_id, text));
    };
    let parameters: Vec<(&str, &str)> = parameters
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .collect();
    let missing: Vec<&str> = parameters
        .iter()
        .map(|(parameter, _)| *parameter)
        .filter(|parameter| !given.contains_key(*parameter))
        .collect();
    if !missing.is_empty() {
        let text = format!(
            "Following required parameters of template '{name}' don't have values: {missing:?}"
        );
        return Err(TemplateError::sam(logical_id, text));
    }
    let mut words = statements.split_whitespace().peekable();
    let resource = |text: &str| substituted(text, &parameters, given);
    let mut list = Vec::new();
    while words.peek().is_some() {
        let actions = series(&mut words, &|text| Value::from(text));
        words.next_if_eq(&">");
        let resources = series(&mut words, &resource);
        let mut statement = json!({"Effect": "Allow", "Action": actions, "Resource": resources});
        if words.next_if_eq(&"if").is_some()
            && let (Some(operator), Some(key), Some(value)) =
                (words.next(), words.next(), words.next())
        {
            statement["Condition"] = json!({operator: {key: resource(value)}});
        }
        list.push(statement);
    }
    Ok(json!({"Statement": list}))
}

/// Returns the parameters and the statements of a template, as written.
fn find(name: &str) -> Option<(&'static str, &'static str)> {
    let mut rest = TEMPLATES;
    while let Some((line, behind)) = rest.split_once('\n') {
        rest = behind;
        let (first, parameters) = line.split_once(' ').unwrap_or((line, ""));
        if first == name && !matches!(name, "" | "#") {
            // The statements are the indented lines that follow.
            let mut length = 0;
            for line in rest.split_inclusive('\n') {
                if !line.starts_with(' ') {
                    break;
                }
                length += line.len();
            }
            return Some((parameters, &rest[..length]));
        }
    }
    None
}

/// Reads one word, or a list of words in brackets.
fn series<'a>(words: &mut impl Iterator<Item = &'a str>, read: &dyn Fn(&str) -> Value) -> Value {
    match words.next() {
        Some("[") => words.take_while(|word| *word != "]").map(read).collect(),
        Some(word) => read(word),
        None => Value::Null,
    }
}

/// Returns a resource as `Fn::Sub` with the parameters that it names.
fn substituted(text: &str, parameters: &[(&str, &str)], given: &Map<String, Value>) -> Value {
    if text == "*" {
        return Value::from(text);
    }
    let full = match text.split_once(':') {
        Some((service, rest)) if !text.starts_with("arn:") && !text.starts_with('$') => {
            format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{rest}")
        }
        _ => text.to_owned(),
    };
    let mut own = Map::new();
    for (parameter, name) in parameters {
        if text.contains(&format!("${{{name}}}")) {
            own.insert((*name).to_owned(), given[*parameter].clone());
        }
    }
    if own.is_empty() {
        json!({"Fn::Sub": full})
    } else {
        json!({"Fn::Sub": [full, own]})
    }
}
