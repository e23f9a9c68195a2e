//! What holds for all bytes.

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
