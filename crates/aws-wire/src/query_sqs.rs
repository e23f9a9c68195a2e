//! The query protocol of SQS, which clients spoke before they spoke JSON. Its lists have no `member`: they are
//! flat and numbered, under names of the single (`AttributeName.1=All`), and so are its maps.

use serde_json::{Map, Value};

use crate::query::{element, element_start};
use crate::query_error::query_code;

/// The namespace of answers.
pub(crate) const SPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";

/// Lists: how a form calls an item, how the model calls the list.
const LISTS: [(&str, &str); 11] = [
    ("ActionName", "Actions"),
    ("AttributeName", "AttributeNames"),
    ("AWSAccountId", "AWSAccountIds"),
    ("BinaryListValue", "BinaryListValues"),
    ("ChangeMessageVisibilityBatchRequestEntry", "Entries"),
    ("DeleteMessageBatchRequestEntry", "Entries"),
    ("MessageAttributeName", "MessageAttributeNames"),
    ("MessageSystemAttributeName", "MessageSystemAttributeNames"),
    ("SendMessageBatchRequestEntry", "Entries"),
    ("StringListValue", "StringListValues"),
    ("TagKey", "TagKeys"),
];

/// Maps: how a form calls an entry, how the model calls the map, how the entry calls its key.
const MAPS: [(&str, &str, &str); 4] = [
    ("Attribute", "Attributes", "Name"),
    ("MessageAttribute", "MessageAttributes", "Name"),
    ("MessageSystemAttribute", "MessageSystemAttributes", "Name"),
    ("Tag", "Tags", "Key"),
];

/// Turns the members of a form into the model's. `path` is the request's: the first clients named the queue there
/// alone. The recursion is as deep as the names of a form, which have a limit.
pub(crate) fn input(operation: &str, members: Map<String, Value>, path: &str) -> Value {
    let mut input = named(members);
    if operation == "CreateQueue"
        && let Some(tags) = input.shift_remove("Tags")
    {
        // The one member that the model writes small.
        input.insert("tags".to_owned(), tags);
    }
    let segments = path.trim_matches('/').split('/').count();
    if segments == 2 && !input.contains_key("QueueUrl") && !ABOUT_NO_QUEUE.contains(&operation) {
        input.insert("QueueUrl".to_owned(), path.into());
    }
    input.into()
}

/// Operations that name no queue by its URL.
const ABOUT_NO_QUEUE: [&str; 6] = [
    "CancelMessageMoveTask",
    "CreateQueue",
    "GetQueueUrl",
    "ListMessageMoveTasks",
    "ListQueues",
    "StartMessageMoveTask",
];

fn named(members: Map<String, Value>) -> Map<String, Value> {
    let mut input = Map::new();
    for (name, value) in members {
        if let Some((_, list)) = LISTS.iter().find(|(item, _)| *item == name) {
            input.insert((*list).to_owned(), numbered(value).into());
        } else if let Some((_, map, key)) = MAPS.iter().find(|(entry, ..)| *entry == name) {
            let entries = numbered(value).into_iter();
            let entries = entries.filter_map(|mut entry| {
                let members = entry.as_object_mut()?;
                let name = members.shift_remove(*key)?.as_str()?.to_owned();
                let value = members.shift_remove("Value").unwrap_or("".into());
                Some((name, value))
            });
            input.insert((*map).to_owned(), entries.collect::<Map<_, _>>().into());
        } else {
            input.insert(name, below(value));
        }
    }
    input
}

fn below(value: Value) -> Value {
    match value {
        Value::Object(members) => named(members).into(),
        value => value,
    }
}

/// Returns what is numbered, in that order; a text is the one item of its list.
fn numbered(value: Value) -> Vec<Value> {
    let Value::Object(members) = value else {
        return vec![value];
    };
    let items = members.into_iter();
    let mut items: Vec<(u32, Value)> = items
        .filter_map(|(number, item)| Some((number.parse().ok()?, below(item))))
        .collect();
    items.sort_by_key(|(number, _)| *number);
    items.into_iter().map(|(_, item)| item).collect()
}

/// Writes the members of an operation's output.
pub(crate) fn output(operation: &str, members: &Map<String, Value>, xml: &mut String) {
    for (name, value) in members {
        let item = match name.as_str() {
            "QueueUrls" | "queueUrls" => "QueueUrl",
            "Messages" => "Message",
            "Successful" => &format!("{operation}ResultEntry"),
            "Failed" => "BatchResultErrorEntry",
            "Results" => &format!("{operation}ResultEntry"),
            "StringListValues" => "StringListValue",
            "BinaryListValues" => "BinaryListValue",
            other => other,
        };
        let map = MAPS.iter().find(|(_, map, _)| map == name);
        match (map, value) {
            (Some((entry, _, key)), Value::Object(entries)) => {
                for (name, value) in entries {
                    element_start(entry, xml);
                    element(key, &name.as_str().into(), xml);
                    one("Value", operation, value, xml);
                    xml.push_str(&format!("</{entry}>"));
                }
            }
            (_, Value::Array(items)) => {
                for value in items {
                    one(item, operation, value, xml);
                }
            }
            // In a batch an error has the code of old too.
            (_, Value::String(code)) if name == "Code" => {
                element(name, &query_code("sqs", code).into(), xml);
            }
            (_, value) => one(name, operation, value, xml),
        }
    }
}

fn one(name: &str, operation: &str, value: &Value, xml: &mut String) {
    let Value::Object(members) = value else {
        return element(name, value, xml);
    };
    element_start(name, xml);
    output(operation, members, xml);
    xml.push_str(&format!("</{name}>"));
}

#[cfg(test)]
mod tests {
    use super::output;
    use crate::query::read;

    #[test]
    fn forms_become_inputs() {
        for (path, form, expected) in [
            (
                "/",
                "Action=CreateQueue&QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&Tag.1.Key=k&Tag.1.Value=v",
                r#"CreateQueue {"QueueName":"q","Attributes":{"DelaySeconds":"5"},"tags":{"k":"v"}}"#,
            ),
            (
                "/000000000000/q",
                "Action=SendMessage&MessageBody=a+b&MessageAttribute.1.Name=n&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=x",
                r#"SendMessage {"MessageBody":"a b","MessageAttributes":{"n":{"DataType":"String","StringValue":"x"}},"QueueUrl":"/000000000000/q"}"#,
            ),
            (
                "/000000000000/q",
                "Action=ReceiveMessage&QueueUrl=u&AttributeName.2=B&AttributeName.1=A&MessageAttributeName=All",
                r#"ReceiveMessage {"QueueUrl":"u","AttributeNames":["A","B"],"MessageAttributeNames":["All"]}"#,
            ),
            (
                "/",
                "Action=DeleteMessageBatch&QueueUrl=u&DeleteMessageBatchRequestEntry.10.Id=b&DeleteMessageBatchRequestEntry.9.Id=a",
                r#"DeleteMessageBatch {"QueueUrl":"u","Entries":[{"Id":"a"},{"Id":"b"}]}"#,
            ),
            ("/000000000000/q", "Action=ListQueues", "ListQueues {}"),
        ] {
            let uri = format!("http://host{path}");
            let (parts, ()) = http::Request::builder()
                .uri(uri)
                .body(())
                .expect("a request")
                .into_parts();
            let (operation, input) = read("sqs", &parts, form.as_bytes()).expect("a form");
            let read = format!("{operation} {}", String::from_utf8_lossy(&input));
            assert_eq!(read, expected, "{form}");
        }
    }

    #[test]
    fn outputs_become_xml() {
        for (operation, json, expected) in [
            (
                "ListQueues",
                r#"{"QueueUrls":["a","b"]}"#,
                "<QueueUrl>a</QueueUrl><QueueUrl>b</QueueUrl>",
            ),
            (
                "ReceiveMessage",
                r#"{"Messages":[{"Body":"<","Attributes":{"S":"1"},"MessageAttributes":{"n":{"DataType":"String","StringValue":"x"}}}]}"#,
                "<Message><Body>&lt;</Body><Attribute><Name>S</Name><Value>1</Value></Attribute><MessageAttribute><Name>n</Name><Value><DataType>String</DataType><StringValue>x</StringValue></Value></MessageAttribute></Message>",
            ),
            (
                "SendMessageBatch",
                r#"{"Successful":[{"Id":"a"}],"Failed":[{"Id":"b","SenderFault":true,"Code":"QueueDoesNotExist"}]}"#,
                "<SendMessageBatchResultEntry><Id>a</Id></SendMessageBatchResultEntry><BatchResultErrorEntry><Id>b</Id><SenderFault>true</SenderFault><Code>AWS.SimpleQueueService.NonExistentQueue</Code></BatchResultErrorEntry>",
            ),
            (
                "ListQueueTags",
                r#"{"Tags":{"k":"v"}}"#,
                "<Tag><Key>k</Key><Value>v</Value></Tag>",
            ),
        ] {
            let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
            let mut xml = String::new();
            output(operation, json.as_object().expect("an object"), &mut xml);
            assert_eq!(xml, expected, "{operation}");
        }
    }
}
