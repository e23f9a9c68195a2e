//! Each format by examples: the bytes of a file and the items in it, whatever the pieces they come in.

use map_items::{
    CsvDecoder, CsvHeaders, Decoder, Delimiter, FormatError, HEADER_BYTES_MAX, ITEM_BYTES_MAX,
    JsonDecoder, JsonLinesDecoder,
};

/// What is read.
#[derive(Clone, Debug)]
enum Format {
    Csv(Delimiter, CsvHeaders),
    Json(&'static str),
    JsonLines,
}

impl Format {
    fn decoder(&self) -> Result<Box<dyn Decoder>, FormatError> {
        Ok(match self {
            Self::Csv(delimiter, headers) => {
                Box::new(CsvDecoder::new(*delimiter, headers.clone())?)
            }
            Self::Json(pointer) => Box::new(JsonDecoder::new(pointer)?),
            Self::JsonLines => Box::new(JsonLinesDecoder::new()),
        })
    }
}

/// Returns the items of `bytes`, which come `piece` at a time: `value`, or `key=value`.
fn decode(format: &Format, bytes: &[u8], piece: usize) -> Result<Vec<String>, FormatError> {
    let mut decoder = format.decoder()?;
    let mut items = Vec::new();
    let mut add = |item: map_items::Entry| match item.key {
        Some(key) => items.push(format!("{key}={}", item.value)),
        None => items.push(item.value.to_string()),
    };
    for mut piece in bytes.chunks(piece) {
        while let Some(item) = decoder.decode(&mut piece)? {
            add(item);
        }
        assert!(piece.is_empty(), "what is not used up is lost");
        if decoder.is_done() {
            break;
        }
    }
    while let Some(item) = decoder.finish()? {
        add(item);
    }
    Ok(items)
}

/// Decodes at once and in pieces of several sizes; all must agree.
fn check(name: &str, format: Format, bytes: impl AsRef<[u8]>, expected: Result<&[&str], &str>) {
    let bytes = bytes.as_ref();
    for piece in [usize::MAX, 1, 2, 3, 7] {
        let items = decode(&format, bytes, piece.min(bytes.len().max(1)));
        let items = items.map_err(|error| error.to_string());
        let expected = expected
            .map(|items| items.iter().map(|item| (*item).to_owned()).collect())
            .map_err(str::to_owned);
        assert_eq!(items, expected, "{name}, in pieces of {piece}");
    }
}

fn first_row(delimiter: Delimiter) -> Format {
    Format::Csv(delimiter, CsvHeaders::FirstRow)
}

fn given(names: &[&str]) -> Format {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Format::Csv(Delimiter::Comma, CsvHeaders::Given(names))
}

#[test]
fn csv_as_recorded() {
    // The rows that the recordings read, by their results.
    let rows = "Value4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n   ,\n";
    check(
        "names in the first row",
        first_row(Delimiter::Comma),
        format!("Col1,Col2,Col3\n{rows}"),
        Ok(&[
            r#"{"Col1":"Value4","Col2":"Value5","Col3":"Value6"}"#,
            r#"{"Col1":"","Col2":"","Col3":""}"#,
            r#"{"Col1":"true","Col2":"1","Col3":"'HelloWorld'"}"#,
            r#"{"Col1":"Null","Col2":"None","Col3":""}"#,
            r#"{"Col1":"   ","Col2":"","Col3":""}"#,
        ]),
    );
    check(
        "more fields than names",
        first_row(Delimiter::Comma),
        format!("H1,\n{rows}"),
        Ok(&[
            r#"{"":"Value5","H1":"Value4"}"#,
            r#"{"":"","H1":""}"#,
            r#"{"":"1","H1":"true"}"#,
            r#"{"":"None","H1":"Null"}"#,
            r#"{"":"","H1":"   "}"#,
        ]),
    );
    check(
        "given names and more fields",
        given(&["H1"]),
        format!("Value1,Value2,Value3\n{rows}"),
        Ok(&[
            r#"{"H1":"Value1"}"#,
            r#"{"H1":"Value4"}"#,
            r#"{"H1":""}"#,
            r#"{"H1":"true"}"#,
            r#"{"H1":"Null"}"#,
            r#"{"H1":"   "}"#,
        ]),
    );
    let duplicates = Err("CSV headers cannot contain duplicates.");
    check(
        "repeated names",
        first_row(Delimiter::Comma),
        "a,b,a\n1,2,3\n",
        duplicates,
    );
    check(
        "repeated given names",
        given(&["a", "a"]),
        "1,2\n",
        duplicates,
    );
}

#[test]
fn csv_as_documented() {
    let header = |rows: &str| format!("a,b\n{rows}");
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "a last row without an end",
            "1,2",
            &[r#"{"a":"1","b":"2"}"#],
        ),
        (
            "carriage returns",
            "1,2\r\n3,4\r\n",
            &[r#"{"a":"1","b":"2"}"#, r#"{"a":"3","b":"4"}"#],
        ),
        (
            "carriage returns alone",
            "1,2\r3,4",
            &[r#"{"a":"1","b":"2"}"#, r#"{"a":"3","b":"4"}"#],
        ),
        ("missing fields are empty", "1\n", &[r#"{"a":"1","b":""}"#]),
        (
            "a line without anything is a row",
            "1,2\n\n3,4\n",
            &[
                r#"{"a":"1","b":"2"}"#,
                r#"{"a":"","b":""}"#,
                r#"{"a":"3","b":"4"}"#,
            ],
        ),
        (
            "quotes hold delimiters and line ends",
            "\"x,\ny\",2\n",
            &[r#"{"a":"x,\ny","b":"2"}"#],
        ),
        (
            "quotes hold carriage returns",
            "\"x\r\ny\",2\n",
            &[r#"{"a":"x\r\ny","b":"2"}"#],
        ),
        (
            "quotes are repeated",
            "\"say \"\"x\"\"\",2\n",
            &[r#"{"a":"say \"x\"","b":"2"}"#],
        ),
        (
            "also without quotes around",
            "{\"\"k\"\":\"\"v\"\"},2\n",
            &[r#"{"a":"{\"k\":\"v\"}","b":"2"}"#],
        ),
        (
            "a single quote inside is itself",
            "5\" pipe,2\n",
            &[r#"{"a":"5\" pipe","b":"2"}"#],
        ),
        (
            "a quote at the end of a field",
            "5\",2\n",
            &[r#"{"a":"5\"","b":"2"}"#],
        ),
        (
            "an empty quoted field",
            "\"\",2\n",
            &[r#"{"a":"","b":"2"}"#],
        ),
        (
            "white space before quotes",
            " \"x,y\",2\n",
            &[r#"{"a":"x,y","b":"2"}"#],
        ),
        (
            "white space is kept",
            " x , y \n",
            &[r#"{"a":" x ","b":" y "}"#],
        ),
        (
            "what follows the quotes is kept",
            "\"x\"y,2\n",
            &[r#"{"a":"xy","b":"2"}"#],
        ),
        (
            "a backslash escapes a backslash",
            "C:\\\\Files\\\\App.exe,2\n",
            &[r#"{"a":"C:\\Files\\App.exe","b":"2"}"#],
        ),
        (
            "a backslash escapes the delimiter",
            "x\\,y,2\n",
            &[r#"{"a":"x,y","b":"2"}"#],
        ),
        (
            "a backslash escapes a quote",
            "\"x \\\"y\\\" z\",2\n",
            &[r#"{"a":"x \"y\" z","b":"2"}"#],
        ),
        (
            "a backslash before anything else is removed",
            "x\\ny,2\n",
            &[r#"{"a":"xny","b":"2"}"#],
        ),
        ("a backslash at the end", "1,x\\", &[r#"{"a":"1","b":"x"}"#]),
        (
            "numbers are texts",
            "1.50,true\n",
            &[r#"{"a":"1.50","b":"true"}"#],
        ),
        ("no rows", "", &[]),
    ];
    for (name, rows, expected) in cases {
        check(
            name,
            first_row(Delimiter::Comma),
            header(rows),
            Ok(expected),
        );
    }
    check("nothing at all", first_row(Delimiter::Comma), "", Ok(&[]));
    check(
        "a byte order mark",
        first_row(Delimiter::Comma),
        "\u{FEFF}a,b\n1,2",
        Ok(&[r#"{"a":"1","b":"2"}"#]),
    );
    check(
        "the beginning of a byte order mark",
        given(&["a"]),
        b"\xEF\xBBx\n\xEF\xBB",
        Ok(&["{\"a\":\"\u{FFFD}x\"}", "{\"a\":\"\u{FFFD}\"}"]),
    );
    check(
        "quotes without an end",
        first_row(Delimiter::Comma),
        header("1,\"2\n3,4\n"),
        Err("The CSV file ends within a quoted field that begins in row 2."),
    );
    for (delimiter, name, row) in [
        (Delimiter::Pipe, "PIPE", "a|b\n1,x|2"),
        (Delimiter::Semicolon, "SEMICOLON", "a;b\n1,x;2"),
        (Delimiter::Space, "SPACE", "a b\n1,x 2"),
        (Delimiter::Tab, "TAB", "a\tb\n1,x\t2"),
    ] {
        assert_eq!(Delimiter::named(name), Some(delimiter));
        check(
            name,
            first_row(delimiter),
            row,
            Ok(&[r#"{"a":"1,x","b":"2"}"#]),
        );
    }
    // AWS's example of the page on parsing.
    check(
        "the example",
        given(&["MyLetters", "MyNumbers", "MyString", "MyObject", "MyArray"]),
        "abc,123,\"This string contains commas, a double quotation marks (\"\"), and a newline (\n)\",{\"\"MyKey\"\":\"\"MyValue\"\"},\"[1,2,3]\"\n",
        Ok(&[
            r#"{"MyNumbers":"123","MyObject":"{\"MyKey\":\"MyValue\"}","MyString":"This string contains commas, a double quotation marks (\"), and a newline (\n)","MyLetters":"abc","MyArray":"[1,2,3]"}"#,
        ]),
    );
}

#[test]
fn csv_limits() {
    let long = "h".repeat(HEADER_BYTES_MAX);
    check("names of 10 KiB", given(&[&long]), "", Ok(&[]));
    check(
        "longer names",
        given(&[&long, "x"]),
        "",
        Err("CSV headers cannot be larger than 10240 bytes."),
    );
    let format = given(&["a"]);
    let fits = format!("{}\n", "x".repeat(ITEM_BYTES_MAX - 1));
    assert_eq!(
        decode(&format, fits.as_bytes(), 65536).map(|items| items.len()),
        Ok(1)
    );
    let longer = format!("1\n{}\n", "x".repeat(ITEM_BYTES_MAX));
    assert_eq!(
        decode(&format, longer.as_bytes(), 65536),
        Err(FormatError::ItemTooLong { index: 1 })
    );
}

#[test]
fn json_arrays_and_objects() {
    let cases: &[(&str, &str, &str, Result<&[&str], &str>)] = &[
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
    let cases: &[(&str, &str, Result<&[&str], &str>)] = &[
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

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn formats() -> impl Strategy<Value = Format> {
        prop_oneof![
            Just(first_row(Delimiter::Comma)),
            Just(given(&["a", "b"])),
            Just(Format::Json("")),
            Just(Format::Json("/a/1")),
            Just(Format::JsonLines),
        ]
    }

    /// Bytes that are likely to mean something, and some that are not.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop::sample::select(vec![
            &b"\""[..],
            &b"\\"[..],
            &b","[..],
            &b"\n"[..],
            &b"\r\n"[..],
            &b"["[..],
            &b"]"[..],
            &b"{"[..],
            &b"}"[..],
            &b":"[..],
            &b"\"a\""[..],
            &b"12"[..],
            &b"null"[..],
            &b" "[..],
            &b"\xEF\xBB\xBF"[..],
            &b"\xEF"[..],
            "é".as_bytes(),
            &b"{\"a\":["[..],
        ]);
        prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn pieces_of_any_size_hold_the_same_items(
            format in formats(), bytes in bytes(), piece in 1usize..20,
        ) {
            let at_once = decode(&format, &bytes, bytes.len().max(1));
            prop_assert_eq!(decode(&format, &bytes, piece), at_once);
        }

        #[test]
        fn json_finds_what_a_parser_finds(values in prop::collection::vec(any::<Option<(i64, String)>>(), 0..20), piece in 1usize..50) {
            let array = serde_json::json!(values);
            let expected: Vec<String> =
                array.as_array().expect("an array").iter().map(ToString::to_string).collect();
            let pretty = serde_json::to_vec_pretty(&array).expect("JSON");
            prop_assert_eq!(decode(&Format::Json(""), &pretty, piece), Ok(expected));
        }

        #[test]
        fn csv_finds_what_was_quoted(rows in prop::collection::vec(("[^\\\\]*", "[^\\\\]*"), 0..8), piece in 1usize..50) {
            let quoted = |field: &str| format!("\"{}\"", field.replace('"', "\"\""));
            let text: String = rows.iter().map(|(a, b)| format!("{},{}\n", quoted(a), quoted(b))).collect();
            let expected: Vec<String> = rows
                .iter()
                .map(|(a, b)| serde_json::json!({ "a": a, "b": b }).to_string())
                .collect();
            prop_assert_eq!(decode(&given(&["a", "b"]), text.as_bytes(), piece), Ok(expected));
        }
    }
}
