//! The metadata of an object in a listing, as an item.

use serde_json::{Map, Value};
use vocab::Timestamp;

/// Returns the item of one element of `Contents`, as JSON text.
///
/// Measured (2026): `Etag` keeps its quotation marks and is spelled so; the names are in the order of the
/// alphabet; `LastModified` is whole seconds as a floating-point number in Java's form, `1.789180622E9`.
pub fn listing_item(contents: &Map<String, Value>) -> String {
    let text = |name: &str| {
        let value = contents.get(name).cloned();
        value.unwrap_or_else(|| Value::String(String::new()))
    };
    let modified = match contents.get("LastModified") {
        Some(Value::String(moment)) => {
            Timestamp::parse_rfc3339(moment).map(Timestamp::as_epoch_seconds)
        }
        Some(number) => number.as_f64(),
        None => None,
    };
    let class = contents.get("StorageClass").and_then(Value::as_str);
    format!(
        r#"{{"Etag":{},"Key":{},"LastModified":{},"Size":{},"StorageClass":{}}}"#,
        text("ETag"),
        text("Key"),
        scientific(modified.unwrap_or_default().trunc()),
        contents.get("Size").and_then(Value::as_u64).unwrap_or(0),
        Value::String(class.unwrap_or("STANDARD").to_owned()),
    )
}

/// Returns a number in the form in which Java writes one of at least ten million: `1.789180622E9`.
fn scientific(number: f64) -> String {
    if number.abs() < 1e7 {
        return format!("{number:?}");
    }
    let text = format!("{number:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        Some(_) | None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_are_as_measured() {
        let cases = [
            (
                json!({"ETag": "\"401b30e3\"", "Key": "input/0001.txt", "Size": 2, "StorageClass": "STANDARD",
                    "LastModified": 1_789_180_622}),
                r#"{"Etag":"\"401b30e3\"","Key":"input/0001.txt","LastModified":1.789180622E9,"Size":2,"StorageClass":"STANDARD"}"#,
            ),
            (
                json!({"ETag": "\"e\"", "Key": "folder/", "Size": 0,
                    "LastModified": "2022-11-17T15:44:41.000Z"}),
                r#"{"Etag":"\"e\"","Key":"folder/","LastModified":1.668699881E9,"Size":0,"StorageClass":"STANDARD"}"#,
            ),
            (
                json!({"ETag": "\"e\"", "Key": "a", "Size": 1, "LastModified": 1_700_000_000.25}),
                r#"{"Etag":"\"e\"","Key":"a","LastModified":1.7E9,"Size":1,"StorageClass":"STANDARD"}"#,
            ),
            (
                json!({"ETag": "\"e\"", "Key": "a", "Size": 1, "LastModified": 2_000_000_000}),
                r#"{"Etag":"\"e\"","Key":"a","LastModified":2.0E9,"Size":1,"StorageClass":"STANDARD"}"#,
            ),
        ];
        for (contents, expected) in cases {
            let item = listing_item(contents.as_object().expect("an object"));
            assert_eq!(item, expected);
            serde_json::from_str::<Value>(&item).expect("JSON");
        }
    }
}
