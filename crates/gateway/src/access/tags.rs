//! Tags of what a call is about. They are read where a policy asks for them, and from the service that has
//! them: each service has a call that tells them.

use serde_json::{Value, json};
use vocab::Arn;

use super::Need;

/// What is known of the tags of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tags {
    /// Nobody has asked, or the service did not say.
    #[default]
    Unknown,
    /// These, or none because there is no such resource.
    Known(Vec<(String, String)>),
}

impl Tags {
    /// Returns the value of a tag.
    pub fn value(&self, name: &str) -> Option<String> {
        let Self::Known(tags) = self else {
            return None;
        };
        let mut tags = tags.iter();
        let (_, value) = tags.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value.clone())
    }
}

/// Returns the service that a need's resource is of, and the call that tells its tags: an operation and its input.
pub(crate) fn question(need: &Need) -> Option<(&str, &'static str, Value)> {
    if need.is_beginning {
        return None;
    }
    let resource = need.resource.as_str();
    let arn = Arn::parse(resource)?;
    let kind = |kind: &str| arn.resource.strip_prefix(kind);
    let list = "ListTagsForResource";
    let (operation, input) = match arn.service {
        "states" => (list, json!({"resourceArn": machine(&arn, resource)})),
        "lambda" => {
            let function = kind("function:").and_then(|rest| rest.split_once(':'));
            let unqualified = match function {
                Some((_, qualifier)) => &resource[..resource.len() - qualifier.len() - 1],
                None => resource,
            };
            ("ListTags", json!({"Resource": unqualified}))
        }
        "dynamodb" => {
            let rest = kind("table/")?;
            let table = rest.split('/').next().unwrap_or(rest);
            let table = &resource[..resource.len() - rest.len() + table.len()];
            ("ListTagsOfResource", json!({"ResourceArn": table}))
        }
        "sqs" => {
            let url = format!("http://localhost/{}/{}", arn.account, arn.resource);
            ("ListQueueTags", json!({"QueueUrl": url}))
        }
        "sns" | "scheduler" => (list, json!({"ResourceArn": resource})),
        "events" => (list, json!({"ResourceARN": resource})),
        "logs" => {
            let name = kind("log-group:")?;
            let name = name.split(":log-stream:").next().unwrap_or(name);
            let begin = &resource[..resource.len() - arn.resource.len()];
            (
                list,
                json!({"resourceArn": format!("{begin}log-group:{name}")}),
            )
        }
        "ssm" => {
            let name = kind("parameter/")?;
            // A name that is a path begins with a slash, and its ARN does not have it twice.
            let slash = if name.contains('/') { "/" } else { "" };
            let id = format!("{slash}{name}");
            (list, json!({"ResourceType": "Parameter", "ResourceId": id}))
        }
        "secretsmanager" => ("DescribeSecret", json!({"SecretId": resource})),
        "cloudformation" => {
            let name = kind("stack/")?.split('/').next()?;
            ("DescribeStacks", json!({"StackName": name}))
        }
        // Of a bucket's tags AWS takes no notice here unless that is switched on for the bucket.
        "s3" => {
            let (bucket, key) = arn.resource.split_once('/')?;
            ("GetObjectTagging", json!({"Bucket": bucket, "Key": key}))
        }
        _ => return None,
    };
    Some((arn.service, operation, input))
}

/// Executions and Map Runs have the tags of their machine.
fn machine(arn: &Arn<'_>, resource: &str) -> String {
    let mut parts = arn.resource.splitn(3, ':');
    let (kind, name) = (parts.next(), parts.next());
    match (kind, name) {
        (Some("execution" | "express" | "mapRun"), Some(name)) => {
            let name = name.split('/').next().unwrap_or(name);
            let begin = &resource[..resource.len() - arn.resource.len()];
            format!("{begin}stateMachine:{name}")
        }
        _ => resource.to_owned(),
    }
}

/// Reads the tags out of an answer, in whichever form its service has them.
pub(crate) fn read(output: &[u8]) -> Vec<(String, String)> {
    let output: Value = serde_json::from_slice(output).unwrap_or_default();
    let names = ["tags", "Tags", "TagList", "TagSet"];
    let of = |value: &Value| names.iter().find_map(|name| value.get(*name)).cloned();
    let tags = of(&output).or_else(|| of(&output["Stacks"][0]));
    match tags {
        Some(Value::Array(tags)) => {
            let text = |tag: &Value, names: [&str; 2]| {
                let found = names.iter().find_map(|name| tag[*name].as_str());
                found.unwrap_or_default().to_owned()
            };
            let pair = |tag| (text(tag, ["key", "Key"]), text(tag, ["value", "Value"]));
            tags.iter().map(pair).collect()
        }
        Some(Value::Object(tags)) => {
            let pair = |(key, value): (String, Value)| {
                (key, value.as_str().unwrap_or_default().to_owned())
            };
            tags.into_iter().map(pair).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_is_asked_for_the_tags_of_its_own() {
        let arn = |service: &str, resource: &str| {
            format!("arn:aws:{service}:us-east-1:111122223333:{resource}")
        };
        for (service, resource, expected) in [
            (
                "states",
                "stateMachine:m",
                "ListTagsForResource stateMachine:m",
            ),
            (
                "states",
                "execution:m:e",
                "ListTagsForResource stateMachine:m",
            ),
            (
                "states",
                "express:m:e:1",
                "ListTagsForResource stateMachine:m",
            ),
            (
                "states",
                "mapRun:m/l:1",
                "ListTagsForResource stateMachine:m",
            ),
            ("states", "activity:a", "ListTagsForResource activity:a"),
            ("lambda", "function:f", "ListTags function:f"),
            ("lambda", "function:f:live", "ListTags function:f"),
            ("dynamodb", "table/t/index/i", "ListTagsOfResource table/t"),
            ("sqs", "q", "ListQueueTags http://localhost/111122223333/q"),
            ("sns", "t", "ListTagsForResource t"),
            ("events", "rule/bus/r", "ListTagsForResource rule/bus/r"),
            (
                "logs",
                "log-group:/g:log-stream:s",
                "ListTagsForResource log-group:/g",
            ),
            ("ssm", "parameter/a/b", "ListTagsForResource /a/b"),
            ("ssm", "parameter/a", "ListTagsForResource a"),
            (
                "secretsmanager",
                "secret:s-AbCdEf",
                "DescribeSecret secret:s-AbCdEf",
            ),
            ("cloudformation", "stack/s/*", "DescribeStacks s"),
            ("kms", "key/k", ""),
        ] {
            let need = Need::new("a:B", arn(service, resource));
            let asked = question(&need).map(|(of, operation, input)| {
                assert_eq!(of, service);
                let members = input.as_object().expect("an object").values();
                let last = members
                    .filter_map(Value::as_str)
                    .next_back()
                    .unwrap_or_default();
                let short = last.strip_prefix(&arn(service, "")).unwrap_or(last);
                format!("{operation} {short}")
            });
            assert_eq!(asked.unwrap_or_default(), expected, "{service} {resource}");
        }
        let object = Need::new("s3:GetObject", "arn:aws:s3:::b/a/k");
        let asked = question(&object).expect("objects have tags");
        assert_eq!(asked.2, json!({"Bucket": "b", "Key": "a/k"}));
        assert_eq!(
            question(&Need::new("s3:ListBucket", "arn:aws:s3:::b")),
            None
        );
        assert_eq!(question(&Need::on_any("sqs:SendMessage")), None);
    }

    #[test]
    fn tags_are_read_in_every_form() {
        for text in [
            r#"{"tags": [{"key": "a", "value": "b"}]}"#,
            r#"{"Tags": [{"Key": "a", "Value": "b"}]}"#,
            r#"{"Tags": {"a": "b"}}"#,
            r#"{"TagList": [{"Key": "a", "Value": "b"}]}"#,
            r#"{"TagSet": [{"Key": "a", "Value": "b"}]}"#,
            r#"{"Stacks": [{"Tags": [{"Key": "a", "Value": "b"}]}]}"#,
        ] {
            let tags = Tags::Known(read(text.as_bytes()));
            assert_eq!(tags.value("A").as_deref(), Some("b"), "{text}");
        }
        assert_eq!(read(b"no JSON"), Vec::new());
    }
}
