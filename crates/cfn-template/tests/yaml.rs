//! Text in, value or complaint out.

use cfn_template::yaml;
use serde_json::{Value, json};

fn check(text: &str, expected: Result<Value, &str>) {
    match (yaml::parse(text), expected) {
        (Ok(document), Ok(expected)) => assert_eq!(document.value, expected, "{text}"),
        (Err(error), Err(part)) => {
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
        (Ok(document), Err(part)) => panic!("{text}: read as {} instead of {part}", document.value),
        (Err(error), Ok(_)) => panic!("{text}: {error}"),
    }
}

#[test]
fn scalars_mean_what_cloudformation_reads() {
    let cases = [
        ("12", json!(12)),
        ("-3", json!(-3)),
        ("0", json!(0)),
        ("1.5", json!(1.5)),
        ("012345678901", json!("012345678901")),
        ("123456789012", json!(123456789012_i64)),
        ("1.10", json!("1.10")),
        ("1_000", json!("1_000")),
        ("0x1F", json!("0x1F")),
        ("+5", json!("+5")),
        ("1e3", json!("1e3")),
        (".inf", json!(".inf")),
        ("-", json!([null])),
        ("99999999999999999999", json!("99999999999999999999")),
        ("true", json!(true)),
        ("yes", json!(true)),
        ("On", json!(true)),
        ("off", json!(false)),
        ("NO", json!(false)),
        ("y", json!("y")),
        ("'yes'", json!("yes")),
        ("\"12\"", json!("12")),
        ("~", Value::Null),
        ("2010-09-09", json!("2010-09-09")),
        ("12:30:45", json!("12:30:45")),
        ("nodejs12.x", json!("nodejs12.x")),
        ("!!str 12", json!("12")),
        ("!!int \"12\"", json!(12)),
        ("|\n  a\n  b\n", json!("a\nb\n")),
        (">-\n  a\n  b\n", json!("a b")),
    ];
    for (text, expected) in cases {
        check(text, Ok(expected));
    }
}

#[test]
fn short_forms_are_written_out() {
    let cases = [
        ("!Ref Table", json!({"Ref": "Table"})),
        ("!Ref 0123", json!({"Ref": "0123"})),
        (
            "!GetAtt Machine.Arn",
            json!({"Fn::GetAtt": ["Machine", "Arn"]}),
        ),
        (
            "!GetAtt Nested.Outputs.Url",
            json!({"Fn::GetAtt": ["Nested", "Outputs.Url"]}),
        ),
        (
            "!GetAtt [Machine, Arn]",
            json!({"Fn::GetAtt": ["Machine", "Arn"]}),
        ),
        (
            "!Sub a-${AWS::StackName}",
            json!({"Fn::Sub": "a-${AWS::StackName}"}),
        ),
        (
            "!Sub ['${a}', {a: !Ref B}]",
            json!({"Fn::Sub": ["${a}", {"a": {"Ref": "B"}}]}),
        ),
        (
            "!Join ['', [a, !Ref B]]",
            json!({"Fn::Join": ["", ["a", {"Ref": "B"}]]}),
        ),
        (
            "!If [C, 1, !Ref AWS::NoValue]",
            json!({"Fn::If": ["C", 1, {"Ref": "AWS::NoValue"}]}),
        ),
        ("!Condition C", json!({"Condition": "C"})),
        (
            "!Base64\n  Fn::Sub: x",
            json!({"Fn::Base64": {"Fn::Sub": "x"}}),
        ),
        (
            "on: 1\n0123: 2\nyes: 3",
            json!({"on": 1, "0123": 2, "yes": 3}),
        ),
        (
            "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  b: 2",
            json!({"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 2}}),
        ),
        ("{\"a\":\t[1, null]}", json!({"a": [1, null]})),
        ("\u{feff}a: 1", json!({"a": 1})),
    ];
    for (text, expected) in cases {
        check(text, Ok(expected));
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let deep = "[".repeat(70);
    let laughs = {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}", level - 1);
            let items = vec![before; 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        text
    };
    let cases = [
        (
            "a: 1\na: 2",
            "YAML not well-formed. (line 2, column 4): the key a appears twice",
        ),
        (
            "a: !Nope x",
            "(line 1, column 4): the tag !Nope is no intrinsic function",
        ),
        ("a:\n  - b\n c: 1", "line 3"),
        ("[1, 2]: x", "a key must be text"),
        ("a: !!binary aGk=", "!!binary is not supported"),
        ("a: 1\n---\nb: 2", "a template is one document"),
        ("a: &x [*x]", "an alias"),
        ("<<: 1", "<< takes a mapping"),
        (&deep, "nested deeper than 64 levels"),
        (
            &laughs,
            "more than 200000 nodes once its aliases are expanded",
        ),
        ("{\"a\": }", "JSON not well-formed. (line 1, column 7)"),
    ];
    for (text, part) in cases {
        check(text, Err(part));
    }
}
