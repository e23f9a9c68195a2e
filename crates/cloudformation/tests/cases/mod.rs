//! Twenty templates and what becomes of them.

/// A template, its steps (what is done, with what, and the state or the refusal that it ends in) and
/// what is left at the end.
pub struct Case {
    pub name: &'static str,
    pub template: &'static str,
    pub steps: &'static [(&'static str, &'static str, &'static str)],
    pub left: &'static [&'static str],
}

const GONE: (&str, &str, &str) = ("delete", "", "does not exist");

const WORKSHOP: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Check:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: 'exports.handler = async () => ({flagged: false})'
      Handler: index.handler
      Runtime: nodejs22.x
      Environment: {Variables: {TABLE: !Ref Items}}
      Policies: [{DynamoDBCrudPolicy: {TableName: !Ref Items}}]
  M:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: {StartAt: A, States: {A: {Type: Task, Resource: !GetAtt Check.Arn, End: true}}}
      Policies: [{LambdaInvokePolicy: {FunctionName: !Ref Check}}]
  Items: {Type: AWS::Serverless::SimpleTable}
";

pub const CASES: &[Case] = &[
    Case {
        name: "the smallest",
        template: "{Resources: {A: {Type: AWS::StepFunctions::Activity}}}",
        steps: &[
            ("create", "", "CREATE_COMPLETE"),
            ("parameters", "", "No updates are to be performed."),
            GONE,
        ],
        left: &[],
    },
    Case {
        name: "an output alone changes",
        template: "{Resources: {A: {Type: AWS::StepFunctions::Activity, Properties: {Name: a}}}, Outputs: {O: {Value: one}}}",
        steps: &[
            ("create", "", "CREATE_COMPLETE"),
            ("update", "Value: one => Value: two", "UPDATE_COMPLETE"),
            (
                "update",
                "Value: two => Value: !GetAtt A.Name",
                "UPDATE_COMPLETE",
            ),
            GONE,
        ],
        left: &[],
    },
    Case {
        name: "a name that is taken",
        template: "{Resources: {A: {Type: AWS::StepFunctions::Activity, Properties: {Name: same}}, B: {Type: AWS::StepFunctions::Activity, Properties: {Name: same}}}}",
        steps: &[
            ("create", "", "ROLLBACK_COMPLETE"),
            (
                "parameters",
                "",
                "is in ROLLBACK_COMPLETE state and can not be updated.",
            ),
            GONE,
        ],
        left: &[],
    },
    Case {
        name: "a bucket that stays",
        template: "{Resources: {B: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: kept, VersioningConfiguration: {Status: Enabled}}}}}",
        steps: &[("create", "", "CREATE_COMPLETE"), GONE],
        left: &["s3 kept"],
    },
    Case {
        name: "a policy for a bucket",
        template: "{Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: mine}}, P: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: !Ref B, PolicyDocument: {Statement: [{Effect: Allow, Principal: '*', Action: 's3:GetObject', Resource: !Sub '${B.Arn}/*'}]}}}}}",
        steps: &[
            ("create", "", "CREATE_COMPLETE"),
            ("update", "s3:GetObject => s3:PutObject", "UPDATE_COMPLETE"),
            GONE,
        ],
        left: &[],
    },
    Case {
        name: "parameters with constraints",
        template: "{Parameters: {Name: {Type: String, AllowedPattern: '[a-z]+', MinLength: 2}, Stage: {Type: String, AllowedValues: [dev, prod], Default: dev}}, Resources: {A: {Type: AWS::StepFunctions::Activity, Properties: {Name: !Sub '${Name}-${Stage}'}}}}",
        steps: &[
            (
                "create",
                "Name=A",
                "Parameter 'Name' must match pattern [a-z]+",
            ),
            (
                "create",
                "Name=a",
                "Parameter 'Name' must contain at least 2 characters",
            ),
            (
                "create",
                "Name=ab,Stage=test",
                "Parameter 'Stage' must be one of AllowedValues",
            ),
            (
                "create",
                "Name=ab,Nobody=1",
                "Parameters: [Nobody] do not exist in the template",
            ),
            ("create", "Name=ab", "CREATE_COMPLETE"),
            (
                "parameters",
                "Name=(previous)",
                "No updates are to be performed.",
            ),
            (
                "parameters",
                "Stage=prod",
                "Parameters: [Name] must have values",
            ),
            (
                "parameters",
                "Name=(previous),Stage=prod",
                "UPDATE_COMPLETE",
            ),
        ],
        left: &["states ab-prod"],
    },
    Case {
        name: "conditions make and remove",
        template: "{Parameters: {Both: {Type: String, Default: 'no'}}, Conditions: {Two: !Or [!Equals [!Ref Both, 'yes'], !And [!Equals [a, b], !Not [!Equals [a, b]]]]}, Resources: {A: {Type: AWS::StepFunctions::Activity, Properties: {Name: a}}, B: {Type: AWS::StepFunctions::Activity, Condition: Two, Properties: {Name: b}}}}",
        steps: &[
            ("create", "", "CREATE_COMPLETE"),
            ("parameters", "Both=yes", "UPDATE_COMPLETE"),
            ("parameters", "Both=no", "UPDATE_COMPLETE"),
        ],
        left: &["states a"],
    },
    Case {
        name: "mappings and functions",
        template: "{Mappings: {M: {us-east-1: {name: here}}}, Resources: {A: {Type: AWS::StepFunctions::Activity, Properties: {Name: !Join ['-', [!FindInMap [M, !Ref 'AWS::Region', name], !Select [1, !Split [',', 'a,b']], !Length [1, 2]]]}}}}",
        steps: &[("create", "", "CREATE_COMPLETE")],
        left: &["states here-b-2"],
    },
    Case {
        name: "an update that fails is rolled back",
        template: "{Resources: {T: {Type: AWS::DynamoDB::Table, Properties: {TableName: t, BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{AttributeName: id, AttributeType: S}], KeySchema: [{AttributeName: id, KeyType: HASH}]}}}}",
        steps: &[
            ("create", "", "CREATE_COMPLETE"),
            ("break", "CreateStateMachine m", ""),
            (
                "update",
                "{Resources: {T: => {Resources: {M: {Type: AWS::StepFunctions::StateMachine, Properties: {StateMachineName: m, RoleArn: r, DefinitionString: '{}'}}, T:",
                "UPDATE_ROLLBACK_COMPLETE",
            ),
            ("heal", "", ""),
            (
                "update",
                "{Resources: {T: => {Resources: {M: {Type: AWS::StepFunctions::StateMachine, Properties: {StateMachineName: m, RoleArn: r, DefinitionString: '{}'}}, T:",
                "UPDATE_COMPLETE",
            ),
        ],
        left: &["dynamodb t", "states m"],
    },
    Case {
        name: "a deletion that fails, and then does not",
        template: "{Resources: {T: {Type: AWS::DynamoDB::Table, Properties: {TableName: t, BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{AttributeName: id, AttributeType: S}], KeySchema: [{AttributeName: id, KeyType: HASH}]}}}}",
        steps: &[
            ("create", "", "CREATE_COMPLETE"),
            ("break", "DeleteTable t", ""),
            ("delete", "", "DELETE_FAILED"),
            (
                "parameters",
                "",
                "is in DELETE_FAILED state and can not be updated.",
            ),
            ("heal", "", ""),
            GONE,
        ],
        left: &[],
    },
    Case {
        name: "a rollback that fails",
        template: "{Resources: {A: {Type: AWS::StepFunctions::Activity, Properties: {Name: a}}, B: {Type: AWS::StepFunctions::Activity, DependsOn: A, Properties: {Name: b}}}}",
        steps: &[
            ("break", "CreateActivity b", ""),
            ("break", "DeleteActivity a", ""),
            ("create", "", "ROLLBACK_FAILED"),
            ("heal", "", ""),
            GONE,
        ],
        left: &[],
    },
    Case {
        name: "protected from deletion",
        template: "{Resources: {A: {Type: AWS::StepFunctions::Activity, Properties: {Name: a}}}}",
        steps: &[
            ("create", "", "CREATE_COMPLETE"),
            ("protect", "true", ""),
            (
                "delete",
                "",
                "Stack [app] cannot be deleted while TerminationProtection is enabled",
            ),
            ("protect", "false", ""),
            GONE,
        ],
        left: &[],
    },
    Case {
        name: "a change that makes another resource",
        template: "{Resources: {A: {Type: AWS::StepFunctions::Activity, Properties: {Name: one}}}}",
        steps: &[
            ("create", "", "CREATE_COMPLETE"),
            ("update", "Name: one => Name: two", "UPDATE_COMPLETE"),
            ("break", "CreateActivity three", ""),
            (
                "update",
                "Name: two => Name: three",
                "UPDATE_ROLLBACK_COMPLETE",
            ),
        ],
        left: &["states two"],
    },
    Case {
        name: "a circle",
        template: "{Resources: {A: {Type: AWS::StepFunctions::Activity, DependsOn: B}, B: {Type: AWS::StepFunctions::Activity, DependsOn: A}}}",
        steps: &[(
            "create",
            "",
            "Circular dependency between resources: [A, B]",
        )],
        left: &[],
    },
    Case {
        name: "references to nothing",
        template: "{Resources: {A: {Type: AWS::StepFunctions::Activity, Properties: {Name: !Ref B}}}}",
        steps: &[(
            "create",
            "",
            "Template format error: Unresolved resource dependencies [B] in the Resources block of the template",
        )],
        left: &[],
    },
    Case {
        name: "a machine with versions and an alias",
        template: "
Transform: AWS::Serverless-2016-10-31
Resources:
  M:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: M
      Definition: {StartAt: A, States: {A: {Type: Pass, End: true}}}
      Role: arn:aws:iam::000000000000:role/r
      AutoPublishAlias: live
",
        steps: &[
            ("create", "", "CREATE_COMPLETE"),
            ("update", "Type: Pass => Type: Succeed", "UPDATE_COMPLETE"),
            GONE,
        ],
        left: &[],
    },
    Case {
        name: "logs with a retention",
        template: "{Resources: {L: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: g, RetentionInDays: 7}}}}",
        steps: &[
            ("create", "", "CREATE_COMPLETE"),
            ("update", "Days: 7 => Days: 14", "UPDATE_COMPLETE"),
            ("update", ", RetentionInDays: 14 => ", "UPDATE_COMPLETE"),
            GONE,
        ],
        left: &[],
    },
    Case {
        name: "policies and permissions",
        template: "
Resources:
  R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}, Path: /p/}}
  P: {Type: AWS::IAM::Policy, Properties: {PolicyName: p, PolicyDocument: {}, Roles: [!Ref R]}}
  W: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {}, Roles: [!Ref R]}}
  A: {Type: AWS::StepFunctions::Activity, Properties: {Name: !Select [9, !Split [':', !Ref W]]}}
",
        steps: &[("create", "", "ROLLBACK_COMPLETE"), GONE],
        left: &[],
    },
    Case {
        name: "the workshop in small",
        template: WORKSHOP,
        steps: &[
            ("create", "", "CREATE_COMPLETE"),
            (
                "update",
                "flagged: false => flagged: true",
                "UPDATE_COMPLETE",
            ),
            (
                "update",
                "Type: Task, => Type: Task, Comment: changed,",
                "UPDATE_COMPLETE",
            ),
            ("break", "UpdateFunctionConfiguration app-Check-*", ""),
            (
                "update",
                "nodejs22.x => nodejs24.x",
                "UPDATE_ROLLBACK_FAILED",
            ),
            ("heal", "", ""),
            GONE,
        ],
        left: &[],
    },
    Case {
        name: "fifty activities",
        template: FIFTY,
        steps: &[
            ("create", "", "CREATE_COMPLETE"),
            ("break", "CreateActivity last", ""),
            (
                "update",
                "Name: x49 => Name: last",
                "UPDATE_ROLLBACK_COMPLETE",
            ),
            GONE,
        ],
        left: &[],
    },
];

/// Each waits for the one before it.
const FIFTY: &str = include_str!("fifty.yaml");
