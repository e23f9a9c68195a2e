//! What a template says of its parameters: rules, and parameters of the Parameter Store.

use std::collections::BTreeMap;

use cfn_template::{Bindings, Surroundings, Template, TemplateError, sam};
use serde_json::{Value, json};

/// Binds the parameters of `text`; those of the Parameter Store are there under `fetched`.
fn bind(
    text: &str,
    given: &[(&str, &str)],
    fetched: &[(&str, &str)],
) -> Result<BTreeMap<String, Value>, TemplateError> {
    let owned = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    };
    let mut template = Template::parse(text)?;
    sam::transform(&mut template, &owned(given))?;
    let surroundings = Surroundings {
        account_id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        stack_name: "app".to_owned(),
        stack_id: "arn:aws:cloudformation:us-east-1:000000000000:stack/app/1".to_owned(),
        notification_arns: Vec::new(),
    };
    let bindings = Bindings::with_fetched(&template, &owned(given), &owned(fetched), surroundings)?;
    Ok(bindings.parameters().clone())
}

#[test]
fn rules_hold_or_say_what_is_wrong() {
    let cases: &[(&str, Option<&str>)] = &[
        (
            "{Assertions: [{Assert: {'Fn::Contains': [[a, b], !Ref P]}}]}",
            None,
        ),
        (
            "{Assertions: [{Assert: {'Fn::Contains': [[b], !Ref P]}, AssertDescription: no b}]}",
            Some("Rule R failed: no b"),
        ),
        (
            "{RuleCondition: !Equals [!Ref P, b], Assertions: [{Assert: !Equals [1, 2]}]}",
            None,
        ),
        (
            "{RuleCondition: !Equals [!Ref P, a], Assertions: [{Assert: !Equals [1, 2]}]}",
            Some("Rule R failed: {\"Fn::Equals\":[1,2]}"),
        ),
        ("{Assertions: [{Assert: !Not [!Equals [1, 2]]}]}", None),
        (
            "{Assertions: [{Assert: !And [!Equals [1, '1'], !Equals [1, 2]]}]}",
            Some("failed"),
        ),
        (
            "{Assertions: [{Assert: !Or [!Equals [1, 3], !Equals [1, 1]]}]}",
            None,
        ),
        (
            "{Assertions: [{Assert: {'Fn::EachMemberIn': [!Ref L, [x, y, z]]}}]}",
            None,
        ),
        (
            "{Assertions: [{Assert: {'Fn::EachMemberIn': [!Ref L, [x]]}}]}",
            Some("failed"),
        ),
        (
            "{Assertions: [{Assert: {'Fn::EachMemberEquals': [!Ref L, x]}}]}",
            Some("failed"),
        ),
        (
            "{Assertions: [{Assert: {'Fn::Contains': [{'Fn::RefAll': 'AWS::EC2::VPC::Id'}, x]}}]}",
            Some("The rule function Fn::RefAll is not supported yet"),
        ),
        (
            "{Assertions: [{Assert: {'Fn::Contains': [x, y]}}]}",
            Some("a list of strings"),
        ),
        (
            "{Assertions: [{Assert: {'Fn::Contains': [[x]]}}]}",
            Some("takes a list of 2 to 2"),
        ),
        (
            "{Assertions: [{Assert: yes}]}",
            Some("one of the rule-specific functions"),
        ),
        ("{Assertions: [{}]}", Some("must have an Assert")),
        ("{}", Some("must have a list of Assertions")),
        (
            "{Assertions: [{Assert: !Equals [!Ref Q, 1]}]}",
            Some("Unresolved resource dependencies"),
        ),
    ];
    for (rule, expected) in cases {
        let text = format!(
            "Parameters: {{P: {{Type: String, Default: a}}, L: {{Type: CommaDelimitedList, Default: 'x,y'}}}}\nRules: {{R: {rule}}}\nResources: {{Q: {{Type: T}}}}"
        );
        let found = bind(&text, &[], &[]);
        match (expected, found) {
            (None, Ok(_)) => {}
            (Some(expected), Err(error)) => {
                assert!(error.to_string().contains(expected), "{rule}: {error}");
            }
            (_, found) => panic!("{rule}: {found:?}"),
        }
    }
}

#[test]
fn parameters_of_the_store_are_checked_by_name_and_mean_what_they_hold() {
    let cases: &[(&str, &str, Result<Value, &str>)] = &[
        (
            "Type: 'AWS::SSM::Parameter::Value<String>'",
            "v",
            Ok(json!("v")),
        ),
        (
            "Type: 'AWS::SSM::Parameter::Value<List<String>>'",
            "a, b",
            Ok(json!(["a", "b"])),
        ),
        (
            "Type: 'AWS::SSM::Parameter::Value<CommaDelimitedList>'",
            "a,b",
            Ok(json!(["a", "b"])),
        ),
        (
            "Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>'",
            "ami-1",
            Ok(json!("ami-1")),
        ),
        (
            "Type: 'AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>'",
            "s,t",
            Ok(json!(["s", "t"])),
        ),
        (
            "Type: 'AWS::SSM::Parameter::Value<String>', AllowedValues: [/key]",
            "v",
            Ok(json!("v")),
        ),
        (
            "Type: 'AWS::SSM::Parameter::Value<String>', AllowedValues: [v]",
            "v",
            Err("Parameter 'P' must be one of AllowedValues"),
        ),
        (
            "Type: 'AWS::SSM::Parameter::Value<SecureString>'",
            "v",
            Err("Unrecognized parameter type: AWS::SSM::Parameter::Value<SecureString>"),
        ),
        (
            "Type: 'AWS::SSM::Parameter'",
            "v",
            Err("Unrecognized parameter type"),
        ),
        (
            "Type: 'AWS::SSM::Parameter::Other'",
            "v",
            Err("Unrecognized parameter type"),
        ),
    ];
    for (declared, held, expected) in cases {
        let text = format!(
            "Parameters: {{P: {{{declared}, Default: /key}}}}\nResources: {{Q: {{Type: T}}}}"
        );
        let found = bind(&text, &[], &[("P", held)]);
        match (expected, found) {
            (Ok(expected), Ok(found)) => assert_eq!(&found["P"], expected, "{declared}"),
            (Err(expected), Err(error)) => {
                assert!(error.to_string().contains(expected), "{declared}: {error}");
            }
            (_, found) => panic!("{declared}: {found:?}"),
        }
    }
    let named = "Parameters: {P: {Type: 'AWS::SSM::Parameter::Name', Default: /key}}\nResources: {Q: {Type: T}}";
    let found = bind(named, &[("P", "/other")], &[]).expect("binds");
    assert_eq!(found["P"], "/other");
}

#[test]
fn policies_that_mean_nothing_here_are_named() {
    let cases: &[(&str, Option<&str>)] = &[
        ("{Type: T, UpdatePolicy: {}}", None),
        (
            "{Type: AWS::Lambda::Alias, UpdatePolicy: {CodeDeployLambdaAliasUpdate: {ApplicationName: a}}}",
            Some(
                "UpdatePolicy CodeDeployLambdaAliasUpdate (of AWS::Lambda::Alias Q) is not supported yet",
            ),
        ),
        (
            "{Type: T, UpdatePolicy: 1}",
            Some("UpdatePolicy must be an object."),
        ),
        (
            "{Type: T, CreationPolicy: {ResourceSignal: {Count: 1}}}",
            Some("CreationPolicy (of T Q) is not supported yet"),
        ),
        (
            "{Type: AWS::CloudFormation::WaitCondition, CreationPolicy: {ResourceSignal: {Count: 1}}}",
            None,
        ),
        ("{Type: T, DeletionPolicy: RetainExceptOnCreate}", None),
        (
            "{Type: T, UpdateReplacePolicy: RetainExceptOnCreate}",
            Some("Unrecognized UpdateReplacePolicy RetainExceptOnCreate"),
        ),
    ];
    for (resource, expected) in cases {
        let found = bind(&format!("Resources: {{Q: {resource}}}"), &[], &[]);
        match (expected, found) {
            (None, Ok(_)) => {}
            (Some(expected), Err(error)) => {
                assert!(error.to_string().contains(expected), "{resource}: {error}");
            }
            (_, found) => panic!("{resource}: {found:?}"),
        }
    }
}

#[test]
fn traffic_moves_at_once_or_not_at_all() {
    let cases: &[(&str, Option<&str>)] = &[
        ("{Enabled: false}", None),
        ("{Enabled: 'False', Type: Canary10Percent5Minutes}", None),
        ("{Type: AllAtOnce}", None),
        ("{Type: AllAtOnce, Hooks: {}, Alarms: []}", None),
        (
            "{}",
            Some("'DeploymentPreference' is missing required Property 'Type'"),
        ),
        (
            "{Type: Canary10Percent5Minutes}",
            Some(
                "DeploymentPreference Canary10Percent5Minutes (of function F) is not supported yet",
            ),
        ),
        (
            "{Type: AllAtOnce, Hooks: {PreTraffic: f}}",
            Some("Hooks of DeploymentPreference (of function F) is not supported yet"),
        ),
    ];
    for (preference, expected) in cases {
        let text = format!(
            "Transform: AWS::Serverless-2016-10-31\nResources: {{F: {{Type: AWS::Serverless::Function, Properties: {{InlineCode: x, Handler: a.b, Runtime: r, AutoPublishAlias: live, DeploymentPreference: {preference}}}}}}}"
        );
        match (expected, bind(&text, &[], &[])) {
            (None, Ok(_)) => {}
            (Some(expected), Err(error)) => {
                assert!(
                    error.to_string().contains(expected),
                    "{preference}: {error}"
                );
            }
            (_, found) => panic!("{preference}: {found:?}"),
        }
    }
}
