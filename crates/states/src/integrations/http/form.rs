//! Form encoding: queries and bodies as names and values, lists in four manners.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What stays as it is: RFC 3986's unreserved letters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// Deepest value that is written; a body that came through JSON is never deeper.
const DEPTH_MAX: usize = 256;

/// How a list becomes names and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    /// `a[0]=b&a[1]=c`
    Indices,
    /// `a=b&a=c`
    Repeat,
    /// `a=b,c`
    Commas,
    /// `a[]=b&a[]=c`
    Brackets,
}

/// Adds a value to a form.
pub(super) fn add(form: &mut String, name: &str, value: &Value, lists: Lists) {
    add_within(form, name, value, lists, DEPTH_MAX);
}

fn add_within(form: &mut String, name: &str, value: &Value, lists: Lists, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                add_within(form, &format!("{name}[{member}]"), value, lists, depth);
            }
        }
        Value::Array(items) if lists == Lists::Commas => {
            let items: Vec<String> = items.iter().map(scalar).collect();
            add_pair(form, name, &items.join(","));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let name = match lists {
                    Lists::Indices => format!("{name}[{index}]"),
                    Lists::Brackets => format!("{name}[]"),
                    Lists::Repeat | Lists::Commas => name.to_owned(),
                };
                add_within(form, &name, item, lists, depth);
            }
        }
        scalar_value => add_pair(form, name, &scalar(scalar_value)),
    }
}

/// Adds a name and a value.
pub(in crate::integrations) fn add_pair(form: &mut String, name: &str, value: &str) {
    if !form.is_empty() {
        form.push('&');
    }
    let (name, value) = (encoded(name), encoded(value));
    write!(form, "{name}={value}").expect("writing to memory does not fail");
}

/// Returns a text as it stands in a form.
pub(in crate::integrations) fn encoded(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, ENCODED)
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_become_names_and_values() {
        let values = json!({"array": ["a", "b c"]});
        for (lists, expected) in [
            (Lists::Indices, "array%5B0%5D=a&array%5B1%5D=b%20c"),
            (Lists::Repeat, "array=a&array=b%20c"),
            (Lists::Commas, "array=a%2Cb%20c"),
            (Lists::Brackets, "array%5B%5D=a&array%5B%5D=b%20c"),
        ] {
            let mut form = String::new();
            add(&mut form, "array", &values["array"], lists);
            assert_eq!(form, expected, "{lists:?}");
        }
        let mut form = String::new();
        let nested = json!({"order": {"id": 7, "paid": true}, "note": null});
        add(&mut form, "m", &nested, Lists::Indices);
        assert_eq!(
            form,
            "m%5Border%5D%5Bid%5D=7&m%5Border%5D%5Bpaid%5D=true&m%5Bnote%5D="
        );
    }
}
