//! Templates from their text to resources that could be created.

use std::collections::BTreeMap;

use cfn_template::{Bindings, Found, Graph, Lookup, Surroundings, Template, TemplateError, sam};
use serde_json::{Map, Value, json};

/// Every resource is there: `Ref` gives `its-ID`, an attribute `ID/Attribute`.
struct All;

impl Lookup for All {
    fn reference(&self, id: &str) -> Found {
        Found::Value(Value::from(format!("its-{id}")))
    }

    fn attribute(&self, id: &str, attribute: &str) -> Found {
        match attribute {
            "Missing" => Found::Absent,
            _ => Found::Value(Value::from(format!("{id}/{attribute}"))),
        }
    }
}

fn surroundings() -> Surroundings {
    Surroundings {
        account_id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        stack_name: "app".to_owned(),
        stack_id: "arn:aws:cloudformation:us-east-1:000000000000:stack/app/1".to_owned(),
        notification_arns: Vec::new(),
    }
}

/// Resources (id, type, properties) in order, and outputs.
type Planned = (Vec<(String, String, Value)>, Map<String, Value>);

/// What a deployment would do: resources in order with their properties, and the outputs.
fn plan(text: &str, given: &[(&str, &str)]) -> Result<Planned, TemplateError> {
    let mut template = Template::parse(text)?;
    sam::transform(&mut template, &BTreeMap::new())?;
    let given: BTreeMap<String, String> = given
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let bindings = Bindings::new(&template, &given, surroundings())?;
    let (resources, outputs) = (bindings.resources(&template)?, bindings.outputs(&template)?);
    let graph = Graph::new(&resources, &outputs, &bindings)?;
    let resolve = |value: &Value| {
        bindings
            .resolve(value, &All)
            .map_err(cfn_template::Unresolved::into_error)
    };
    let mut planned = Vec::new();
    for id in graph.order {
        let resource = &resources[&id];
        let properties = resolve(&Value::Object(resource.properties.clone()))?;
        planned.push((id, resource.kind.clone(), properties));
    }
    let outputs = outputs
        .iter()
        .map(|(id, output)| Ok((id.clone(), resolve(&output.value)?)));
    Ok((planned, outputs.collect::<Result<_, TemplateError>>()?))
}

const PARAMETERS: &str = "
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Names: {Type: CommaDelimitedList, Default: 'a, b,c'}
  Count: {Type: Number, Default: 3, MinValue: 1, MaxValue: 9}
  Code: {Type: String, Default: ab, AllowedPattern: '[a-z]+', MinLength: 2, MaxLength: 4}
Mappings:
  Sizes: {us-east-1: {dev: 128, prod: 1024}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  Late: !Not [!Condition IsProd]
  Both: !And [!Condition Late, !Or [!Condition IsProd, !Equals [1, '1']]]
";

fn one(value: &str) -> String {
    format!(
        "{PARAMETERS}\nResources:\n  A: {{Type: T, Properties: {{Value: {value}}}}}\n  B: {{Type: T}}\n"
    )
}

#[test]
fn intrinsic_functions_are_carried_out() {
    let cases: Vec<(&str, Result<Value, &str>)> = vec![
        ("!Ref Stage", Ok(json!("dev"))),
        ("!Ref Names", Ok(json!(["a", "b", "c"]))),
        ("!Ref AWS::Region", Ok(json!("us-east-1"))),
        ("!Ref B", Ok(json!("its-B"))),
        ("!GetAtt B.Arn", Ok(json!("B/Arn"))),
        ("{'Fn::GetAtt': 'B.Arn'}", Ok(json!("B/Arn"))),
        ("!GetAtt [B, !Ref Stage]", Ok(json!("B/dev"))),
        (
            "!GetAtt B.Missing",
            Err("resource B does not support attribute type Missing in Fn::GetAtt"),
        ),
        (
            "!Sub 'x-${AWS::StackName}-${B}-${B.Arn}-${Count}'",
            Ok(json!("x-app-its-B-B/Arn-3")),
        ),
        (
            "!Sub ['${a}${!a}${B}', {a: !Join [':', [1, true]]}]",
            Ok(json!("1:true${a}its-B")),
        ),
        ("!Sub '${unclosed'", Ok(json!("${unclosed"))),
        ("!Sub '${Names}'", Err("does not resolve to a string")),
        (
            "!Sub [1]",
            Err("Fn::Sub intrinsic functions don't specify expected arguments"),
        ),
        ("!Join ['-', !Ref Names]", Ok(json!("a-b-c"))),
        (
            "!Join [1, 2]",
            Err("every Fn::Join object requires two parameters"),
        ),
        ("!Select [1, !Ref Names]", Ok(json!("b"))),
        ("!Select ['2', !Split ['.', 'x.y.z']]", Ok(json!("z"))),
        (
            "!Select [3, [1]]",
            Err("cannot select nonexistent value at index 3"),
        ),
        ("!Split ['/', a/b]", Ok(json!(["a", "b"]))),
        ("!If [IsProd, 1, [2]]", Ok(json!([2]))),
        (
            "!If [Nope, 1, 2]",
            Err("Unresolved condition dependency Nope"),
        ),
        (
            "{a: !If [Both, !Ref AWS::NoValue, 1], b: [1, !Ref AWS::NoValue]}",
            Ok(json!({"b": [1]})),
        ),
        ("!If [IsProd, !GetAtt Nowhere.Arn, 1]", Ok(json!(1))),
        (
            "!FindInMap [Sizes, !Ref AWS::Region, !Ref Stage]",
            Ok(json!(128)),
        ),
        (
            "!FindInMap [Sizes, x, y]",
            Err("Unable to get mapping for Sizes::x::y"),
        ),
        ("!FindInMap [Sizes, x, y, {DefaultValue: 5}]", Ok(json!(5))),
        ("!Base64 'hello'", Ok(json!("aGVsbG8="))),
        ("!ImportValue x", Err("No export named x found")),
        (
            "!Cidr ['10.1.0.0/16', 2, 5]",
            Ok(json!(["10.1.0.0/27", "10.1.0.32/27"])),
        ),
        ("!Cidr ['10.1.0.0/30', 9, 5]", Err("Fn::Cidr takes")),
        (
            "!GetAZs ''",
            Ok(json!(["us-east-1a", "us-east-1b", "us-east-1c"])),
        ),
        (
            "!Ref Nowhere",
            Err(
                "Unresolved resource dependencies [Nowhere] in the Resources block of the template",
            ),
        ),
    ];
    for (value, expected) in cases {
        match (plan(&one(value), &[]), expected) {
            (Ok((planned, _)), Ok(expected)) => {
                let a = planned.iter().find(|(id, _, _)| id == "A").expect("A");
                assert_eq!(a.2["Value"], expected, "{value}");
            }
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{value}: {error}")
            }
            (Ok((planned, _)), Err(part)) => panic!("{value}: {planned:?} instead of {part}"),
            (Err(error), Ok(_)) => panic!("{value}: {error}"),
        }
    }
}

#[test]
fn parameters_take_what_they_declare() {
    let cases = [
        (("Stage", "prod"), None),
        (
            ("Stage", "x"),
            Some("Parameter 'Stage' must be one of AllowedValues"),
        ),
        (
            ("Count", "12"),
            Some("Parameter 'Count' must be a number not greater than 9"),
        ),
        (
            ("Count", "many"),
            Some("Parameter 'Count' must be a number."),
        ),
        (
            ("Code", "A1"),
            Some("Parameter 'Code' must match pattern [a-z]+"),
        ),
        (
            ("Code", "a"),
            Some("Parameter 'Code' must contain at least 2 characters"),
        ),
        (
            ("Other", "1"),
            Some("Parameters: [Other] do not exist in the template"),
        ),
    ];
    for (given, expected) in cases {
        let error = plan(&one("1"), &[given])
            .err()
            .map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected, "{given:?}");
    }
    let text = "Parameters: {P: {Type: String}, Q: {Type: String}}\nResources: {A: {Type: T}}";
    let error = plan(text, &[("P", "")]).expect_err("Q has no value");
    assert_eq!(error.to_string(), "Parameters: [Q] must have values");
}

#[test]
fn resources_come_in_the_order_of_their_references() {
    let cases: [(&str, Result<&str, &str>); 6] = [
        ("{A: {Type: T}, B: {Type: T}}", Ok("A B")),
        (
            "{A: {Type: T, Properties: {x: !Ref C}}, B: {Type: T}, C: {Type: T}}",
            Ok("B C A"),
        ),
        (
            "{A: {Type: T, DependsOn: [B]}, B: {Type: T, Properties: {x: !Sub '${C.Arn}'}}, C: {Type: T}}",
            Ok("C B A"),
        ),
        (
            "{A: {Type: T, Properties: {x: !Ref B}}, B: {Type: T, DependsOn: A}, C: {Type: T}}",
            Err("Circular dependency between resources: [A, B]"),
        ),
        (
            "{A: {Type: T, DependsOn: Z}}",
            Err("Unresolved resource dependencies [Z] in the Resources block of the template"),
        ),
        (
            "{A: {Type: T, Condition: Nope, DependsOn: B}, B: {Type: T}}",
            Err("Unresolved condition dependency Nope"),
        ),
    ];
    for (resources, expected) in cases {
        let order = plan(&format!("Resources: {resources}"), &[]).map(|(planned, _)| {
            planned
                .iter()
                .map(|(id, _, _)| id.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        });
        match (order, expected) {
            (Ok(order), Ok(expected)) => assert_eq!(order, expected, "{resources}"),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{resources}: {error}")
            }
            (order, expected) => panic!("{resources}: {order:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn shapes_are_checked() {
    let cases = [
        (
            "Resources: {}",
            "At least one Resources member must be defined.",
        ),
        (
            "Foo: 1\nResources: {A: {Type: T}}",
            "Invalid template property or properties [Foo] (line 1, column 1)",
        ),
        (
            "Resources:\n  A: {Properties: {}}",
            "Every Resources object must contain a Type member. (line 2, column 3)",
        ),
        (
            "Resources: {A_b: {Type: T}}",
            "Resources name A_b is non alphanumeric.",
        ),
        (
            "Resources: {A: {Type: T, Propertys: {}}}",
            "Invalid template resource property 'Propertys'",
        ),
        (
            "Resources: {A: {Type: T, Properties: {x: }}}",
            "[/Resources/A/Properties/x] 'null' values are not allowed",
        ),
        (
            "Transform: My::Macro\nResources: {A: {Type: T}}",
            "The transform My::Macro is not supported yet",
        ),
        (
            "Resources: {A: {Type: T}}\nOutputs: {O: {Description: d}}",
            "must contain a Value object",
        ),
        (
            "Resources: {A: {Type: T}}\nOutputs: {O: {Value: !Ref B}}",
            "Unresolved resource dependencies [B] in the Outputs block of the template",
        ),
    ];
    for (text, part) in cases {
        let error = plan(text, &[]).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

fn serverless(rest: &str) -> String {
    format!("Transform: AWS::Serverless-2016-10-31\n{rest}")
}

#[test]
fn globals_are_merged() {
    let text = serverless(
        "Globals: {Function: {Timeout: 5, Runtime: nodejs20.x, Layers: [one], Environment: {Variables: {A: '1', B: '1'}}}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {InlineCode: x, Handler: h, Timeout: 9, Layers: [two], Environment: {Variables: {B: !Ref AWS::Region}}}",
    );
    let (planned, _) = plan(&text, &[]).expect("plans");
    let (role, function) = (&planned[0], &planned[1]);
    assert_eq!(
        (role.0.as_str(), role.1.as_str()),
        ("FRole", "AWS::IAM::Role")
    );
    let expected = json!({
        "Code": {"ZipFile": "x"},
        "Handler": "h",
        "Runtime": "nodejs20.x",
        "Timeout": 9,
        "Environment": {"Variables": {"B": "us-east-1", "A": "1"}},
        "Layers": ["one", "two"],
        "Tags": [{"Key": "lambda:createdBy", "Value": "SAM"}],
        "Role": "FRole/Arn",
    });
    assert_eq!(function.2, expected);
}

#[test]
fn policies_become_a_role() {
    let text = serverless(
        "Resources:
  M:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: {StartAt: A, States: {A: {Type: Pass, ResultPath: null, End: true}}}
      Type: EXPRESS
      Policies:
        - AWSLambdaRole
        - !Ref Mine
        - arn:aws:iam::aws:policy/X
        - LambdaInvokePolicy: {FunctionName: !Ref F}
        - Statement: {Effect: Allow, Action: 's3:*', Resource: '*'}
  F: {Type: AWS::Lambda::Function}
  Mine: {Type: AWS::IAM::ManagedPolicy}",
    );
    let (planned, _) = plan(&text, &[]).expect("plans");
    let role = &planned
        .iter()
        .find(|(id, _, _)| id == "MRole")
        .expect("a role")
        .2;
    let managed = json!([
        "arn:aws:iam::aws:policy/service-role/AWSLambdaRole",
        "its-Mine",
        "arn:aws:iam::aws:policy/X"
    ]);
    assert_eq!(role["ManagedPolicyArns"], managed);
    let invoke = json!({"Statement": [{
        "Effect": "Allow",
        "Action": ["lambda:InvokeFunction"],
        "Resource": "arn:aws:lambda:us-east-1:000000000000:function:its-F*",
    }]});
    assert_eq!(
        role["Policies"][0],
        json!({"PolicyName": "MRolePolicy3", "PolicyDocument": invoke})
    );
    assert_eq!(
        role["Policies"][1]["PolicyDocument"]["Statement"]["Action"],
        "s3:*"
    );
    assert_eq!(
        role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"],
        json!(["states.amazonaws.com"])
    );
    let machine = &planned
        .iter()
        .find(|(id, _, _)| id == "M")
        .expect("a machine")
        .2;
    assert_eq!(
        (&machine["StateMachineType"], &machine["RoleArn"]),
        (&json!("EXPRESS"), &json!("MRole/Arn"))
    );
}

#[test]
fn sam_refuses_by_name() {
    let function = |properties: &str| {
        serverless(&format!(
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties: {properties}"
        ))
    };
    let cases = [
        (
            function("{Handler: h}"),
            "Resource with id [F] is invalid. Missing required property 'CodeUri' or 'InlineCode'.",
        ),
        (
            function("{CodeUri: src/}"),
            "'CodeUri' is not a valid S3 Uri of the form",
        ),
        (
            function("{InlineCode: x, Handler: h, Runtime: r, DurableConfig: {}}"),
            "The property DurableConfig (of AWS::Serverless::Function F) is not supported yet",
        ),
        (
            function("{InlineCode: x, Handler: h, Runtime: r, Events: {It: {Type: Kafka}}}"),
            "The event type Kafka (of event It of F) is not supported yet",
        ),
        (
            function("{InlineCode: x, Handler: h, Runtime: r, Policies: [{NopePolicy: {}}]}"),
            "there is no template NopePolicy",
        ),
        (
            function("{InlineCode: x, Handler: h, Runtime: r, Policies: [{SQSPollerPolicy: {}}]}"),
            "[\"QueueName\"]",
        ),
        (
            serverless("Resources: {A: {Type: AWS::Serverless::Application}}"),
            "The resource type AWS::Serverless::Application (of resource A) is not supported yet",
        ),
        (
            serverless("Globals: {Funktion: {}}\nResources: {A: {Type: T}}"),
            "'Globals' section is invalid. 'Funktion'",
        ),
    ];
    for (text, part) in cases {
        let error = plan(&text, &[]).expect_err(&text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn a_simple_table_has_one_key() {
    let (planned, _) = plan(
        &serverless("Resources: {T: {Type: AWS::Serverless::SimpleTable}}"),
        &[],
    )
    .expect("plans");
    let expected = json!({
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    assert_eq!(
        planned,
        [("T".to_owned(), "AWS::DynamoDB::Table".to_owned(), expected)]
    );
}
