//! JSON as Python's `json.dumps` writes it with sorted keys, which is the text that the transform
//! hashes for logical ids and puts into `DefinitionString`.

use serde_json::Value;

/// Returns `value` without spaces.
pub(super) fn compact(value: &Value) -> String {
    let mut text = String::new();
    write(value, None, 0, &mut text);
    text
}

/// Returns `value` indented by four spaces, line by line.
pub(super) fn lines(value: &Value) -> Vec<String> {
    let mut text = String::new();
    write(value, Some(4), 0, &mut text);
    text.split('\n').map(str::to_owned).collect()
}

/// The recursion is as deep as the text was nested, which has a limit.
fn write(value: &Value, indent: Option<usize>, depth: usize, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|left, right| left.0.cmp(right.0));
            let write_member = |index: usize, text: &mut String| {
                let (name, member) = members[index];
                quote(name, text);
                text.push_str(if indent.is_some() { ": " } else { ":" });
                write(member, indent, depth + 1, text);
            };
            series(
                members.len(),
                ['{', '}'],
                (indent, depth),
                text,
                &write_member,
            );
        }
        Value::Array(items) => {
            let write_item =
                |index: usize, text: &mut String| write(&items[index], indent, depth + 1, text);
            series(items.len(), ['[', ']'], (indent, depth), text, &write_item);
        }
        Value::String(string) => quote(string, text),
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn series(
    length: usize,
    [open, close]: [char; 2],
    (indent, depth): (Option<usize>, usize),
    text: &mut String,
    write_one: &dyn Fn(usize, &mut String),
) {
    text.push(open);
    let line = |depth: usize, text: &mut String| {
        if let Some(width) = indent {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', width * depth));
        }
    };
    for index in 0..length {
        if index > 0 {
            text.push(',');
        }
        line(depth + 1, text);
        write_one(index, text);
    }
    if length > 0 {
        line(depth, text);
    }
    text.push(close);
}

/// Everything that is not ASCII is escaped.
fn quote(string: &str, text: &mut String) {
    text.push('"');
    for letter in string.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            ' '..='~' => text.push(letter),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn texts_are_pythons() {
        let value = json!({"b": [1, {}, []], "a": "ä\u{1F600}\"\n"});
        assert_eq!(
            super::compact(&value),
            r#"{"a":"\u00e4\ud83d\ude00\"\n","b":[1,{},[]]}"#
        );
        let lines = ["{", "    \"a\": [", "        1", "    ]", "}"];
        assert_eq!(super::lines(&json!({"a": [1]})), lines);
    }
}
