//! The query protocol: a form in, XML out (CloudFormation, IAM, STS, SNS; SQS as `query_sqs` says).
//!
//! A form says how it is nested in its names: `Tags.member.1.Key=…`. It becomes JSON without the
//! model's help; every value is text, and services read numbers and booleans out of it.

use aws_model::catalog;
use bytes::Bytes;
use http::request::Parts;
use serde_json::{Map, Value};

use crate::sigv4::percent_decoded;
use crate::{Refusal, query_sqs};

/// Deepest nesting of a form's names.
const DEPTH_MAX: usize = 12;

/// Reads a form and returns the operation of `service` that it names, with its input.
pub(crate) fn read(
    service: &'static str,
    parts: &Parts,
    body: &[u8],
) -> Result<(&'static str, Bytes), Refusal> {
    let refuse = |code: &'static str, message: String| Refusal {
        code: code.into(),
        message,
        status: 400,
    };
    let mut input = Map::new();
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    for pair in query
        .split(|byte| *byte == b'&')
        .chain(body.split(|byte| *byte == b'&'))
    {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decoded(halves.next().unwrap_or_default());
        let value = decoded(halves.next().unwrap_or_default());
        // What signs a presigned request is not the operation's.
        if name.is_empty() || name.starts_with("X-Amz-") {
            continue;
        }
        let path: Vec<&str> = name.split('.').collect();
        if path.len() > DEPTH_MAX {
            return Err(refuse(
                "MalformedQueryString",
                format!("{name} is nested too deep"),
            ));
        }
        insert(&mut input, &path, value);
    }
    let action = match input.shift_remove("Action") {
        Some(Value::String(action)) => action,
        _ => {
            return Err(refuse(
                "MissingAction",
                "The request must contain the parameter Action.".to_owned(),
            ));
        }
    };
    let version = match input.shift_remove("Version") {
        Some(Value::String(version)) => version,
        _ => String::new(),
    };
    let operation = catalog::service(service).and_then(|entry| entry.operation(&action));
    let Some(operation) = operation else {
        let message = format!("Could not find operation {action} for version {version}");
        return Err(refuse("InvalidAction", message));
    };
    let input = match service {
        "sqs" => query_sqs::input(operation, input, parts.uri.path()),
        _ => listed(Value::Object(input)),
    };
    Ok((operation, input.to_string().into()))
}

fn decoded(text: &[u8]) -> String {
    let spaced = String::from_utf8_lossy(text).replace('+', " ");
    String::from_utf8_lossy(&percent_decoded(&spaced)).into_owned()
}

fn insert(into: &mut Map<String, Value>, path: &[&str], value: String) {
    let [name, rest @ ..] = path else { return };
    if rest.is_empty() {
        into.insert((*name).to_owned(), Value::String(value));
        return;
    }
    let below = into
        .entry(*name)
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(below) = below {
        insert(below, rest, value);
    }
}

/// Makes lists of what is numbered. The recursion is as deep as the names, which have a limit.
fn listed(value: Value) -> Value {
    let Value::Object(mut members) = value else {
        return value;
    };
    if members.len() == 1
        && let Some(Value::Object(numbered)) = members.get_mut("member")
        && numbered.keys().all(|key| key.parse::<u32>().is_ok())
    {
        let mut items: Vec<(u32, Value)> = std::mem::take(numbered)
            .into_iter()
            .map(|(key, item)| (key.parse().unwrap_or_default(), listed(item)))
            .collect();
        items.sort_by_key(|(number, _)| *number);
        return items.into_iter().map(|(_, item)| item).collect();
    }
    if members.len() == 1
        && let Some(Value::Object(numbered)) = members.get_mut("entry")
        && numbered.keys().all(|key| key.parse::<u32>().is_ok())
    {
        return std::mem::take(numbered)
            .into_iter()
            .filter_map(|(_, entry)| entry_of(entry))
            .collect::<Map<_, _>>()
            .into();
    }
    members
        .into_iter()
        .map(|(name, member)| (name, listed(member)))
        .collect::<Map<_, _>>()
        .into()
}

/// Returns the key and the value of an entry of a map.
fn entry_of(mut entry: Value) -> Option<(String, Value)> {
    let mut take = |names: [&str; 2]| {
        let members = entry.as_object_mut()?;
        names.iter().find_map(|name| members.shift_remove(*name))
    };
    let key = take(["key", "Name"])?;
    let value = take(["value", "Value"]).unwrap_or_default();
    Some((key.as_str()?.to_owned(), listed(value)))
}

/// Writes the output of an operation that worked; `output` is a JSON object, or empty where the
/// operation has none.
pub(crate) fn write(service: &str, operation: &str, output: &[u8], request_id: &str) -> Bytes {
    let space = match service {
        "cloudformation" => "http://cloudformation.amazonaws.com/doc/2010-05-15/",
        "iam" => "https://iam.amazonaws.com/doc/2010-05-08/",
        "sts" => "https://sts.amazonaws.com/doc/2011-06-15/",
        "sns" => "http://sns.amazonaws.com/doc/2010-03-31/",
        "sqs" => query_sqs::SPACE,
        _ => "",
    };
    let mut xml = format!("<{operation}Response xmlns=\"{space}\">");
    // Clients look for the result of every operation that has an output, and be it empty.
    match serde_json::from_slice(output) {
        Ok(Value::Object(members)) if service == "sqs" => {
            element_start(&format!("{operation}Result"), &mut xml);
            query_sqs::output(operation, &members, &mut xml);
            xml.push_str(&format!("</{operation}Result>"));
        }
        Ok(result @ Value::Object(_)) => {
            element(&format!("{operation}Result"), &result, &mut xml);
        }
        // Operations without an output answer nothing.
        Ok(_) | Err(_) => {}
    }
    xml.push_str(&format!(
        "<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    ));
    xml.into()
}

pub(crate) fn element_start(name: &str, xml: &mut String) {
    xml.push_str(&format!("<{name}>"));
}

/// The recursion is as deep as our own answers.
pub(crate) fn element(name: &str, value: &Value, xml: &mut String) {
    let text = match value {
        Value::Null => return,
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => {
            xml.push_str(&format!("<{name}>"));
            for item in items {
                element("member", item, xml);
            }
            xml.push_str(&format!("</{name}>"));
            return;
        }
        // The maps among the outputs of this protocol that are served: attributes of SNS, and what IAM counts.
        Value::Object(members) if matches!(name, "Attributes" | "SummaryMap") => {
            xml.push_str(&format!("<{name}>"));
            for (key, value) in members {
                xml.push_str("<entry>");
                element("key", &Value::from(key.as_str()), xml);
                element("value", value, xml);
                xml.push_str("</entry>");
            }
            xml.push_str(&format!("</{name}>"));
            return;
        }
        Value::Object(members) => {
            xml.push_str(&format!("<{name}>"));
            for (name, member) in members {
                element(name, member, xml);
            }
            xml.push_str(&format!("</{name}>"));
            return;
        }
    };
    xml.push_str(&format!("<{name}>"));
    escape(&text, xml);
    xml.push_str(&format!("</{name}>"));
}

/// Writes text as XML 1.0 has it, which has no form for most control characters.
pub(crate) fn escape(text: &str, xml: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            // A parser would make a line feed of it.
            '\r' => xml.push_str("&#13;"),
            '\t' | '\n' => xml.push(letter),
            letter if letter.is_control() => xml.push(' '),
            letter => xml.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    fn form(body: &str) -> String {
        let (parts, ()) = http::Request::new(()).into_parts();
        match read("cloudformation", &parts, body.as_bytes()) {
            Ok((operation, input)) => {
                format!("{operation} {}", String::from_utf8_lossy(&input))
            }
            Err(refusal) => format!("{} {}", refusal.code, refusal.message),
        }
    }

    #[test]
    fn forms_become_inputs() {
        let many: String = (1..=10).map(|n| format!("&L.member.{n}={n}")).collect();
        let deep = "a.".repeat(20);
        let cases = [
            (
                "Action=CreateStack&Version=2010-05-15&StackName=a+b%26",
                r#"CreateStack {"StackName":"a b&"}"#.to_owned(),
            ),
            (
                "Tags.member.1.Key=k&Action=CreateStack&Tags.member.1.Value=v&Tags.member.2.Key=",
                r#"CreateStack {"Tags":[{"Key":"k","Value":"v"},{"Key":""}]}"#.to_owned(),
            ),
            (
                &format!("Action=ListStacks{many}"),
                r#"ListStacks {"L":["1","2","3","4","5","6","7","8","9","10"]}"#.to_owned(),
            ),
            (
                "Action=ListStacks&Capabilities=",
                r#"ListStacks {"Capabilities":""}"#.to_owned(),
            ),
            (
                "Action=ListStacks&A=1&A.b=2",
                r#"ListStacks {"A":"1"}"#.to_owned(),
            ),
            (
                "StackName=x",
                "MissingAction The request must contain the parameter Action.".to_owned(),
            ),
            (
                "Action=Nope&Version=2010-05-15",
                "InvalidAction Could not find operation Nope for version 2010-05-15".to_owned(),
            ),
            (
                &format!("Action=ListStacks&{deep}=1"),
                format!("MalformedQueryString {deep} is nested too deep"),
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(form(body), expected, "{body}");
        }
    }

    #[test]
    fn outputs_become_xml() {
        let cases = [
            (
                "",
                "<DeleteStackResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DeleteStackResponse>",
            ),
            (
                r#"{"A":"<&\r","B":[{"C":true},1],"D":null,"E":[]}"#,
                "<DeleteStackResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><DeleteStackResult><A>&lt;&amp;&#13;</A><B><member><C>true</C></member><member>1</member></B><E></E></DeleteStackResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DeleteStackResponse>",
            ),
        ];
        for (output, xml) in cases {
            assert_eq!(write("sts", "DeleteStack", output.as_bytes(), "id"), xml);
        }
    }
}
