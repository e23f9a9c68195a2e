//! Loops of `AWS::LanguageExtensions`: what they become, and what is refused.

use std::collections::BTreeMap;

use cfn_template::{Template, TemplateError};
use serde_json::{Value, json};

fn read(body: &str, given: &[(&str, &str)]) -> Result<(Template, Value), TemplateError> {
    let text = format!("Transform: AWS::LanguageExtensions\n{body}");
    let given: BTreeMap<String, String> = given
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let template = Template::parse_with(&text, &given)?;
    let processed = template.processed(&text)?;
    Ok((template, processed))
}

#[test]
fn loops_become_what_they_stand_for() {
    let body = "
Parameters:
  Names: {Type: CommaDelimitedList, Default: 'a,b'}
  Policy: {Type: String, Default: Retain}
Mappings: {Sizes: {a: {All: [x, y]}, b: {All: [z-1]}}}
Resources:
  Fn::ForEach::Tables:
    - Name
    - !Ref Names
    - Table${Name}:
        Type: AWS::DynamoDB::Table
        DeletionPolicy: !Ref Policy
        Properties:
          TableName: !Join ['-', [!Ref Name, '${Name}']]
          Tags: [{Key: !Sub '${Name}-${AWS::Region}', Value: v}]
      Fn::ForEach::Buckets:
        - Size
        - !FindInMap [Sizes, !Ref Name, All]
        - Bucket${Name}&{Size}: {Type: AWS::S3::Bucket, Properties: {BucketName: '${Name}-${Size}'}}
Outputs:
  Fn::ForEach::Arns:
    - Name
    - !Ref Names
    - Arn${Name}: {Value: !GetAtt ['Table${Name}', Arn]}
";
    let (template, processed) = read(body, &[]).expect("reads");
    let ids: Vec<&str> = template.resources.keys().map(String::as_str).collect();
    assert_eq!(
        ids,
        ["Tablea", "Bucketax", "Bucketay", "Tableb", "Bucketbz1"]
    );
    assert_eq!(
        template.resources["Tableb"].to_value(),
        json!({
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "Properties": {
                "TableName": {"Fn::Join": ["-", ["b", "b"]]},
                "Tags": [{"Key": {"Fn::Sub": "b-${AWS::Region}"}, "Value": "v"}],
            },
        })
    );
    assert_eq!(
        template.resources["Bucketbz1"].properties["BucketName"],
        "b-z-1"
    );
    assert_eq!(
        processed["Outputs"]["Arna"]["Value"],
        json!({"Fn::GetAtt": ["Tablea", "Arn"]})
    );
    let (template, _) = read(body, &[("Names", "b")]).expect("reads");
    let ids: Vec<&str> = template.resources.keys().map(String::as_str).collect();
    assert_eq!(ids, ["Tableb", "Bucketbz1"]);
    // A template that is only looked at shows what it would make.
    let open = "
Parameters: {Names: {Type: CommaDelimitedList}}
Resources:
  Fn::ForEach::Topics: [Name, !Ref Names, {'Topic${Name}': {Type: AWS::SNS::Topic}}]
";
    let (template, _) = read(open, &[]).expect("reads");
    assert_eq!(template.resources["TopicName"].kind, "AWS::SNS::Topic");
}

#[test]
fn loops_are_refused_by_name() {
    let one = |collection: &str, key: &str| {
        format!(
            "Resources:\n  Fn::ForEach::Loop: [Name, {collection}, {{{key}: {{Type: AWS::S3::Bucket}}}}]\n"
        )
    };
    let many: Vec<String> = (0..400).map(|number| format!("n{number}")).collect();
    let many = format!("[{}]", many.join(","));
    let bomb = format!(
        "Resources:\n  Fn::ForEach::A: [A, {many}, {{'Fn::ForEach::B': [B, {many}, {{'X${{A}}Y${{B}}': {{Type: AWS::S3::Bucket}}}}]}}]\n"
    );
    // Turns that make nothing are turns nevertheless.
    let idle = format!(
        "Resources:\n  Fn::ForEach::A: [A, {many}, {{'Fn::ForEach::B': [B, {many}, {{'Fn::ForEach::C': [C, {many}, {{}}]}}]}}]\n"
    );
    let long = format!(
        "Resources:\n  Fn::ForEach::A: [A, [{}], {{'X&{{A}}': {{Type: '{}'}}}}]\n",
        "a".repeat(100_000),
        "${A}".repeat(1_000)
    );
    let cases = [
        (idle, "make more than 200000 values"),
        (long, "bytes of text"),
        (
            one("!GetAtt [A, B]", "'X${Name}'"),
            "Fn::ForEach::Loop could not be resolved",
        ),
        (one("[a, b]", "X"), "does not have ${Name}"),
        (one("[a, a]", "'X${Name}'"), "make Xa twice"),
        (bomb, "make more than 200000 values"),
        (
            "Resources:\n  Fn::ForEach::Loop: {a: b}\n".to_owned(),
            "takes a list of an identifier",
        ),
    ];
    for (body, expected) in cases {
        let error = read(&body, &[]).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}
