//! Templates: read back, summed up, checked.

use std::collections::{BTreeMap, BTreeSet};

use cfn_template::{Template, sam};
use serde_json::{Value, json};
use service::{Call, RequestId};

use crate::error::DeployError;

use super::input::{Input, invalid};
use super::{Caller, CloudFormation, present};

/// Longest template that a request may carry itself (CloudFormation quotas).
const BODY_BYTES_MAX: usize = 51_200;
/// Longest template in S3 (CloudFormation quotas). The quota says 1 MB, the refusal says how many bytes.
const OBJECT_BYTES_MAX: usize = 1_000_000;

impl CloudFormation {
    /// Takes `TemplateBody` or what `TemplateURL` points to.
    pub(super) async fn template_text(
        &self,
        input: &mut Input,
        caller: Caller<'_>,
    ) -> Result<Option<String>, DeployError> {
        match (input.text("TemplateBody"), input.text("TemplateURL")) {
            (Some(_), Some(_)) => Err(invalid(
                "You cannot specify both Template URL and Template Body.",
            )),
            (Some(body), None) if body.len() > BODY_BYTES_MAX => Err(invalid(format!(
                "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to {BODY_BYTES_MAX}"
            ))),
            (Some(body), None) => Ok(Some(body)),
            (None, Some(url)) => self.fetch(&url, caller).await.map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Reads an object of S3 as the caller, and no more of it than tells that it is too long.
    async fn fetch(&self, url: &str, caller: Caller<'_>) -> Result<String, DeployError> {
        let Some((bucket, key)) = object_of(url) else {
            return Err(invalid(format!(
                "TemplateURL must be a supported URL: {url}"
            )));
        };
        let range = format!("bytes=0-{OBJECT_BYTES_MAX}");
        let input = json!({"Bucket": bucket, "Key": key, "Range": range});
        let call = Call {
            service: "s3",
            operation: "GetObject".into(),
            input: input.to_string().into(),
            payload: Default::default(),
            principal: caller.clone(),
            request_id: RequestId::random(),
        };
        let reply = self.deployer.gate().call(call).await;
        let reply = match reply {
            Ok(reply) => reply,
            // Nothing has no first byte.
            Err(failure) if failure.code == "InvalidRange" => Default::default(),
            Err(failure) => return Err(invalid(format!("S3 error: {}", failure.message))),
        };
        if reply.payload.len() > OBJECT_BYTES_MAX {
            return Err(invalid(format!(
                "Template may not exceed {OBJECT_BYTES_MAX} bytes in size."
            )));
        }
        String::from_utf8(reply.payload.to_vec())
            .map_err(|_| invalid(format!("The template at {url} is not UTF-8")))
    }

    pub(super) async fn get_template(&self, input: &mut Input) -> Result<Value, DeployError> {
        let name = input.need("StackName")?;
        let (stage, change_set) = (input.text("TemplateStage"), input.text("ChangeSetName"));
        input.finish("GetTemplate")?;
        let Some(stack) = self.living(&name).await? else {
            return Err(DeployError::NoStack(name));
        };
        let (text, parameters) = match change_set {
            None => {
                let text = self.deployer.template(&stack.name).await?;
                (text, stack.contents.parameters)
            }
            Some(set) => {
                let rows = self.deployer.change_sets(&stack.name).await?;
                let row = rows
                    .into_iter()
                    .find(|row| row.id == set || row.name == set);
                let row = row.ok_or(DeployError::NoChangeSet(set))?;
                (row.template, row.parameters)
            }
        };
        let body = match stage.as_deref() {
            Some("Processed") if !text.is_empty() => processed(&text, &parameters)?,
            _ => text,
        };
        Ok(json!({"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}))
    }

    /// Returns the template that is asked about, as text.
    async fn asked(
        &self,
        input: &mut Input,
        caller: Caller<'_>,
    ) -> Result<(String, BTreeMap<String, String>), DeployError> {
        let text = self.template_text(input, caller).await?;
        match (text, input.text("StackName")) {
            (Some(text), None) => Ok((text, BTreeMap::new())),
            (None, Some(name)) => match self.living(&name).await? {
                Some(stack) => {
                    let text = self.deployer.template(&stack.name).await?;
                    Ok((text, stack.contents.parameters))
                }
                None => Err(DeployError::NoStack(name)),
            },
            _ => Err(invalid(
                "Exactly one of TemplateBody, TemplateURL and StackName must be specified.",
            )),
        }
    }

    pub(super) async fn template_summary(
        &self,
        input: &mut Input,
        caller: Caller<'_>,
    ) -> Result<Value, DeployError> {
        let (text, given) = self.asked(input, caller).await?;
        input.ignore(&["TemplateSummaryConfig"]);
        input.finish("GetTemplateSummary")?;
        // A stack that only its change set has made has no template yet.
        if text.is_empty() {
            return Ok(json!({"Parameters": [], "ResourceTypes": []}));
        }
        let mut template = Template::parse(&text)?;
        let parameters: Vec<Value> = template
            .parameters
            .iter()
            .map(|(key, parameter)| {
                let allowed = parameter.allowed_values.clone().unwrap_or_default();
                present([
                    ("ParameterKey", Some(key.as_str().into())),
                    ("DefaultValue", parameter.default.clone().map(Value::from)),
                    ("ParameterType", Some(parameter.declared.as_str().into())),
                    ("NoEcho", Some(parameter.no_echo.into())),
                    (
                        "Description",
                        parameter.description.clone().map(Value::from),
                    ),
                    (
                        "ParameterConstraints",
                        Some(json!({"AllowedValues": allowed})),
                    ),
                ])
            })
            .collect();
        let document = cfn_template::yaml::parse(&text)?.value;
        let section = |name: &str| document.get(name).cloned();
        let kinds: BTreeSet<String> = template
            .resources
            .values()
            .map(|resource| resource.kind.clone())
            .collect();
        let transforms = transforms(&document);
        sam::transform(&mut template, &given)?;
        let capability = needed_capability(&template);
        Ok(present([
            ("Parameters", Some(parameters.into())),
            ("Description", template.description.clone().map(Value::from)),
            ("Capabilities", capability.map(|name| json!([name]))),
            ("CapabilitiesReason", reason(&template).map(Value::from)),
            ("ResourceTypes", Some(json!(kinds))),
            ("Version", section("AWSTemplateFormatVersion")),
            (
                "Metadata",
                section("Metadata").map(|value| value.to_string().into()),
            ),
            ("DeclaredTransforms", transforms),
        ]))
    }

    pub(super) async fn validate_template(
        &self,
        input: &mut Input,
        caller: Caller<'_>,
    ) -> Result<Value, DeployError> {
        let text = self.template_text(input, caller).await?;
        input.finish("ValidateTemplate")?;
        let Some(text) = text else {
            return Err(invalid(
                "Either Template URL or Template Body must be specified.",
            ));
        };
        let mut template = Template::parse(&text)?;
        let parameters: Vec<Value> = template
            .parameters
            .iter()
            .map(|(key, parameter)| {
                present([
                    ("ParameterKey", Some(key.as_str().into())),
                    ("DefaultValue", parameter.default.clone().map(Value::from)),
                    ("NoEcho", Some(parameter.no_echo.into())),
                    (
                        "Description",
                        parameter.description.clone().map(Value::from),
                    ),
                ])
            })
            .collect();
        let transforms = transforms(&cfn_template::yaml::parse(&text)?.value);
        // A local path stands where an upload will be, which is nobody's mistake yet.
        let capability = match sam::transform(&mut template, &BTreeMap::new()) {
            Ok(()) => needed_capability(&template),
            Err(_) => None,
        };
        Ok(present([
            ("Parameters", Some(parameters.into())),
            ("Description", template.description.clone().map(Value::from)),
            ("Capabilities", capability.map(|name| json!([name]))),
            ("CapabilitiesReason", reason(&template).map(Value::from)),
            ("DeclaredTransforms", transforms),
        ]))
    }
}

fn transforms(document: &Value) -> Option<Value> {
    match document.get("Transform")? {
        Value::Array(names) => Some(names.clone().into()),
        name => Some(json!([name])),
    }
}

fn processed(text: &str, parameters: &BTreeMap<String, String>) -> Result<String, DeployError> {
    let mut template = Template::parse(text)?;
    if !template.serverless {
        return Ok(text.to_owned());
    }
    sam::transform(&mut template, parameters)?;
    Ok(template.processed(text)?.to_string())
}

/// The types that let something act in the account, and the property that names one.
const ACTORS: [(&str, &str); 6] = [
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::IAM::Policy", ""),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::IAM::User", "UserName"),
    ("AWS::IAM::Group", "GroupName"),
    ("AWS::IAM::InstanceProfile", "InstanceProfileName"),
];

/// Returns what somebody must say who deploys this, which is expanded already.
pub(super) fn needed_capability(template: &Template) -> Option<&'static str> {
    let mut needed = None;
    for resource in template.resources.values() {
        for (kind, name) in ACTORS {
            if resource.kind == kind {
                if resource.properties.contains_key(name) {
                    return Some("CAPABILITY_NAMED_IAM");
                }
                needed = Some("CAPABILITY_IAM");
            }
        }
    }
    needed
}

fn reason(template: &Template) -> Option<String> {
    let kinds: BTreeSet<&str> = template
        .resources
        .values()
        .map(|resource| resource.kind.as_str())
        .filter(|kind| ACTORS.iter().any(|(other, _)| other == kind))
        .collect();
    let kinds: Vec<&str> = kinds.into_iter().collect();
    (!kinds.is_empty()).then(|| {
        format!(
            "The following resource(s) require capabilities: [{}]",
            kinds.join(", ")
        )
    })
}

/// Returns the bucket and the key that a URL of S3 names, by its path or by its host.
fn object_of(url: &str) -> Option<(String, String)> {
    if let Some(rest) = url.strip_prefix("s3://") {
        let (bucket, key) = rest.split_once('/')?;
        return Some((bucket.to_owned(), decoded(key)));
    }
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let (host, path) = rest.split_once('/')?;
    let path = path.split('?').next().unwrap_or(path);
    let found = match host.split_once(".s3") {
        Some((bucket, _)) => (bucket.to_owned(), decoded(path)),
        None => {
            let (bucket, key) = path.split_once('/')?;
            (bucket.to_owned(), decoded(key))
        }
    };
    (!found.0.is_empty() && !found.1.is_empty()).then_some(found)
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn urls_name_objects() {
        let cases = [
            (
                "https://s3.us-east-1.amazonaws.com/bucket/a/b%20c.yaml",
                Some(("bucket", "a/b c.yaml")),
            ),
            (
                "http://127.0.0.1:4566/bucket/key?versionId=1",
                Some(("bucket", "key")),
            ),
            (
                "https://bucket.s3.us-east-1.amazonaws.com/key",
                Some(("bucket", "key")),
            ),
            (
                "https://bucket.s3-us-west-2.amazonaws.com/key",
                Some(("bucket", "key")),
            ),
            ("s3://bucket/key", Some(("bucket", "key"))),
            ("https://s3.amazonaws.com/bucket", None),
            ("file:///etc/passwd", None),
        ];
        for (url, expected) in cases {
            let found = super::object_of(url);
            let found = found
                .as_ref()
                .map(|(bucket, key)| (bucket.as_str(), key.as_str()));
            assert_eq!(found, expected, "{url}");
        }
    }
}
