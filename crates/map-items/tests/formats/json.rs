//! JSON and JSON Lines.

use super::*;

#[test]
fn json_arrays_and_objects() {
    type Case<'a> = (&'a str, &'a str, &'a str, Result<&'a [&'a str], &'a str>);
    let cases: &[Case<'_>] = &[
        (
            "an array",
            "",
            r#" [ {"b":1, "a" : [2]} , "x", 3,null,1.50 ] "#,
            Ok(&[r#"{"b":1,"a":[2]}"#, r#""x""#, "3", "null", "1.5"]),
        ),
        (
            "arrays inside",
            "",
            r#"[["from-bucket-item-0"]]"#,
            Ok(&[r#"["from-bucket-item-0"]"#]),
        ),
        (
            "an object's members",
            "",
            r#"{"k":{"v":1},"a\"b":[2], "é" : "x"}"#,
            Ok(&[r#"k={"v":1}"#, r#"a"b=[2]"#, r#"é="x""#]),
        ),
        (
            "brackets and quotes in texts",
            "",
            r#"["}]\"\\", {"a":"]"}]"#,
            Ok(&[r#""}]\"\\""#, r#"{"a":"]"}"#]),
        ),
        ("nothing", "", "[]", Ok(&[])),
        ("no members", "", "{}", Ok(&[])),
        ("a byte order mark", "", "\u{FEFF}[1]", Ok(&["1"])),
        (
            "a pointer",
            "/inventory/products/featured",
            r#"{"x":{"inventory":[0]},"inventory":{"y":"}","products":{"featured":[1,2],"z":3}}}"#,
            Ok(&["1", "2"]),
        ),
        (
            "a pointer to an object",
            "/a",
            r#"{"a":{"k":1}}"#,
            Ok(&["k=1"]),
        ),
        (
            "a pointer into an array",
            "/1/a",
            r#"[{"a":[1]},{"a":[2]}]"#,
            Ok(&["2"]),
        ),
        (
            "an escaped pointer",
            "/a~1b/~0",
            r#"{"a/b":{"~":[1]}}"#,
            Ok(&["1"]),
        ),
        ("an empty name", "/", r#"{"":[1]}"#, Ok(&["1"])),
        (
            "what follows the items is not read",
            "/a",
            r#"{"a":[1], nonsense"#,
            Ok(&["1"]),
        ),
        (
            "a pointer to nothing",
            "/b",
            r#"{"a":[1]}"#,
            Err("The ItemsPointer '/b' does not match a node of the JSON file."),
        ),
        (
            "a pointer through a number",
            "/a/b",
            r#"{"a":1}"#,
            Err("The ItemsPointer '/a/b' does not match a node of the JSON file."),
        ),
        (
            "a pointer beyond an array",
            "/2",
            "[[],[]]",
            Err("The ItemsPointer '/2' does not match a node of the JSON file."),
        ),
        (
            "a pointer to a text",
            "/a",
            r#"{"a":"x"}"#,
            Err("Attempting to map over non-iterable node."),
        ),
        (
            "no JSON Pointer",
            "a",
            "{}",
            Err("The ItemsPointer 'a' is not a valid JSON Pointer."),
        ),
        (
            "a wrong escape",
            "/~2",
            "{}",
            Err("The ItemsPointer '/~2' is not a valid JSON Pointer."),
        ),
        (
            "a text",
            "",
            r#""abc""#,
            Err("Attempting to map over non-iterable node."),
        ),
        (
            "a number",
            "",
            "12",
            Err("Attempting to map over non-iterable node."),
        ),
        (
            "white space alone",
            "",
            "  ",
            Err("Attempting to map over non-iterable node."),
        ),
        (
            "no JSON",
            "",
            "<html>",
            Err("The JSON of the file is not valid: unexpected character '<', expected a value"),
        ),
        (
            "an item that is no JSON",
            "",
            "[1, tru]",
            Err(
                "The JSON of the item at index 1 is not valid: EOF while parsing a value at line 1 column 3",
            ),
        ),
        (
            "an end too early",
            "",
            "[1, 2",
            Err("The JSON of the item at index 1 is not valid: the text ends too early"),
        ),
        (
            "no comma",
            "",
            "[1 2]",
            Err(
                "The JSON of the item at index 0 is not valid: unexpected character '2', expected a comma or the end",
            ),
        ),
        (
            "a comma too many",
            "",
            "[1,]",
            Err(
                "The JSON of the item at index 1 is not valid: unexpected character ']', expected a value",
            ),
        ),
        (
            "no name",
            "",
            "{1:2}",
            Err(
                "The JSON of the item at index 0 is not valid: unexpected character '1', expected a name in quotation marks",
            ),
        ),
        (
            "a second text",
            "",
            "[1] [2]",
            Err(
                "The JSON of the item at index 0 is not valid: unexpected character '[', expected the end of the text",
            ),
        ),
    ];
    for (name, pointer, text, expected) in cases {
        check(name, Format::Json(pointer), text, *expected);
    }
}

#[test]
fn json_items_have_a_limit() {
    let longer = format!("[1,\"{}\"]", "x".repeat(ITEM_BYTES_MAX));
    assert_eq!(
        decode(&Format::Json(""), longer.as_bytes(), 65536),
        Err(FormatError::ItemTooLong { index: 1 })
    );
    let beside = format!("{{\"x\":\"{}\",\"a\":[1]}}", "x".repeat(ITEM_BYTES_MAX));
    assert_eq!(
        decode(&Format::Json("/a"), beside.as_bytes(), 65536),
        Ok(vec!["1".to_owned()]),
        "what is passed over is not held"
    );
    let deep = format!("[{}{}]", "[".repeat(200), "]".repeat(200));
    assert!(decode(&Format::Json(""), deep.as_bytes(), 65536).is_err());
}

#[test]
fn json_lines() {
    type Case<'a> = (&'a str, &'a str, Result<&'a [&'a str], &'a str>);
    let cases: &[Case<'_>] = &[
        (
            "lines",
            "{\"b\": 1, \"a\":2}\n[3]\n",
            Ok(&[r#"{"b":1,"a":2}"#, "[3]"]),
        ),
        ("a last line without an end", "1\n2", Ok(&["1", "2"])),
        (
            "carriage returns and empty lines",
            "1\r\n\r\n  \n2\r\n",
            Ok(&["1", "2"]),
        ),
        ("a byte order mark", "\u{FEFF}1\n", Ok(&["1"])),
        ("nothing", "", Ok(&[])),
        (
            "no JSON",
            "1\n{\n",
            Err("The JSON of line 2 is not valid: EOF while parsing an object at line 1 column 1"),
        ),
        (
            "two texts in a line",
            "1 2\n",
            Err("The JSON of line 1 is not valid: trailing characters at line 1 column 3"),
        ),
    ];
    for (name, text, expected) in cases {
        check(name, Format::JsonLines, text, *expected);
    }
    let longer = format!("1\n\"{}\"\n", "x".repeat(ITEM_BYTES_MAX));
    assert_eq!(
        decode(&Format::JsonLines, longer.as_bytes(), 65536),
        Err(FormatError::ItemTooLong { index: 1 })
    );
}
