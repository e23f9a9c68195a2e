//! CSV.

use super::*;

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
        (
            "a quote at the end of the file",
            "1,5\"",
            &[r#"{"a":"1","b":"5\""}"#],
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
