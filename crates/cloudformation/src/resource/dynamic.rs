//! Dynamic references: `{{resolve:ssm:/a/b:3}}`, `{{resolve:ssm-secure:…}}`,
//! `{{resolve:secretsmanager:NAME:SecretString:KEY:STAGE:VERSION}}`.
//!
//! They are looked up when a service is told a property, and nowhere written down: the stack's rows keep
//! the reference.

use serde_json::{Map, Value};
use service::Failure;

use super::{Services, properties};

const BEGIN: &str = "{{resolve:";
const END: &str = "}}";
/// Most references in one text.
const REFERENCES_MAX: usize = 60;

impl Services {
    /// Returns properties with what their references lead to.
    pub(crate) async fn dereferenced(
        &self,
        given: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let mut value = Value::Object(given.clone());
        let mut texts = Vec::new();
        collect(&mut value, &mut texts);
        for text in texts {
            self.dereference(text).await?;
        }
        match value {
            Value::Object(members) => Ok(members),
            _ => Ok(Map::new()),
        }
    }

    async fn dereference(&self, text: &mut String) -> Result<(), Failure> {
        // What a reference led to is not looked into again.
        let mut from = 0;
        for _ in 0..REFERENCES_MAX {
            let Some(begin) = text[from..].find(BEGIN).map(|at| from + at) else {
                return Ok(());
            };
            let inside = &text[begin + BEGIN.len()..];
            let Some(length) = inside.find(END) else {
                return Ok(());
            };
            let found = self.look_up(&inside[..length]).await?;
            text.replace_range(begin..begin + BEGIN.len() + length + END.len(), &found);
            from = begin + found.len();
        }
        Ok(())
    }

    async fn look_up(&self, reference: &str) -> Result<String, Failure> {
        let invalid = || {
            Failure::client(
                "ValidationError",
                format!("Could not parse dynamic reference: {{{{resolve:{reference}}}}}"),
            )
        };
        let (service, rest) = reference.split_once(':').ok_or_else(invalid)?;
        match service {
            "ssm" | "ssm-secure" => {
                let input = properties::object([
                    ("Name", rest.into()),
                    ("WithDecryption", (service == "ssm-secure").into()),
                ]);
                let found = self.call("ssm", "GetParameter", input).await?;
                Ok(properties::text(&found["Parameter"]["Value"]))
            }
            "secretsmanager" => {
                // An ARN has six colons of its own.
                let parts: Vec<&str> = rest.split(':').collect();
                let own = if rest.starts_with("arn:") { 7 } else { 1 };
                let id = parts.get(..own).ok_or_else(invalid)?.join(":");
                let part = |at: usize| parts.get(own + at).copied().filter(|part| !part.is_empty());
                let mut input = properties::object([("SecretId", id.into())]);
                for (at, member) in [(2, "VersionStage"), (3, "VersionId")] {
                    if let Some(part) = part(at) {
                        input.insert(member.to_owned(), part.into());
                    }
                }
                let found = self.call("secretsmanager", "GetSecretValue", input).await?;
                let secret = properties::text(&found["SecretString"]);
                let Some(key) = part(1) else {
                    return Ok(secret);
                };
                let members: Map<String, Value> = serde_json::from_str(&secret).unwrap_or_default();
                let member = members.get(key).map(properties::text);
                member.ok_or_else(|| {
                    let message = format!(
                        "Could not find a value associated with JSONKey in SecretString ({key})"
                    );
                    Failure::client("ValidationError", message)
                })
            }
            _ => Err(invalid()),
        }
    }
}

/// Collects the texts with references. Properties are as deep as the template was, which has a limit.
fn collect<'a>(value: &'a mut Value, texts: &mut Vec<&'a mut String>) {
    match value {
        Value::String(text) if text.contains(BEGIN) => texts.push(text),
        Value::Array(items) => items.iter_mut().for_each(|item| collect(item, texts)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| collect(member, texts)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
