//! SAM's policy templates: a name and parameters that stand for statements.

use serde_json::{Map, Value, json};

use crate::error::TemplateError;

/// A policy template. In resources, `${Parameter}` is a parameter of the template.
struct PolicyTemplate {
    name: &'static str,
    parameters: &'static [&'static str],
    statements: &'static [(&'static [&'static str], &'static [&'static str])],
}

const TABLE: &[&str] = &[
    "dynamodb:table/${TableName}",
    "dynamodb:table/${TableName}/index/*",
];
const BUCKET: &[&str] = &[
    "arn:${AWS::Partition}:s3:::${BucketName}",
    "arn:${AWS::Partition}:s3:::${BucketName}/*",
];
const QUEUE: &[&str] = &["sqs:${QueueName}"];

/// A resource that does not begin with `arn:` or `*` is `service:rest` in the stack's region and account.
const TEMPLATES: &[PolicyTemplate] = &[
    PolicyTemplate {
        name: "AWSSecretsManagerGetSecretValuePolicy",
        parameters: &["SecretArn"],
        statements: &[(&["secretsmanager:GetSecretValue"], &["${SecretArn}"])],
    },
    PolicyTemplate {
        name: "CloudWatchPutMetricPolicy",
        parameters: &[],
        statements: &[(&["cloudwatch:PutMetricData"], &["*"])],
    },
    PolicyTemplate {
        name: "DynamoDBCrudPolicy",
        parameters: &["TableName"],
        statements: &[(
            &[
                "dynamodb:GetItem",
                "dynamodb:DeleteItem",
                "dynamodb:PutItem",
                "dynamodb:Scan",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
                "dynamodb:BatchWriteItem",
                "dynamodb:BatchGetItem",
                "dynamodb:DescribeTable",
                "dynamodb:ConditionCheckItem",
            ],
            TABLE,
        )],
    },
    PolicyTemplate {
        name: "DynamoDBReadPolicy",
        parameters: &["TableName"],
        statements: &[(
            &[
                "dynamodb:GetItem",
                "dynamodb:Scan",
                "dynamodb:Query",
                "dynamodb:BatchGetItem",
                "dynamodb:DescribeTable",
            ],
            TABLE,
        )],
    },
    PolicyTemplate {
        name: "DynamoDBReconfigurePolicy",
        parameters: &["TableName"],
        statements: &[(&["dynamodb:UpdateTable"], &["dynamodb:table/${TableName}"])],
    },
    PolicyTemplate {
        name: "DynamoDBStreamReadPolicy",
        parameters: &["TableName", "StreamName"],
        statements: &[
            (
                &[
                    "dynamodb:DescribeStream",
                    "dynamodb:GetRecords",
                    "dynamodb:GetShardIterator",
                ],
                &["dynamodb:table/${TableName}/stream/${StreamName}"],
            ),
            (
                &["dynamodb:ListStreams"],
                &["dynamodb:table/${TableName}/stream/*"],
            ),
        ],
    },
    PolicyTemplate {
        name: "DynamoDBWritePolicy",
        parameters: &["TableName"],
        statements: &[(
            &[
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                "dynamodb:BatchWriteItem",
            ],
            TABLE,
        )],
    },
    PolicyTemplate {
        name: "EventBridgePutEventsPolicy",
        parameters: &["EventBusName"],
        statements: &[(&["events:PutEvents"], &["events:event-bus/${EventBusName}"])],
    },
    PolicyTemplate {
        name: "KMSDecryptPolicy",
        parameters: &["KeyId"],
        statements: &[(&["kms:Decrypt"], &["kms:key/${KeyId}"])],
    },
    PolicyTemplate {
        name: "KMSEncryptPolicy",
        parameters: &["KeyId"],
        statements: &[(&["kms:Encrypt"], &["kms:key/${KeyId}"])],
    },
    PolicyTemplate {
        name: "LambdaInvokePolicy",
        parameters: &["FunctionName"],
        statements: &[(
            &["lambda:InvokeFunction"],
            &["lambda:function:${FunctionName}*"],
        )],
    },
    PolicyTemplate {
        name: "S3CrudPolicy",
        parameters: &["BucketName"],
        statements: &[(
            &[
                "s3:GetObject",
                "s3:ListBucket",
                "s3:GetBucketLocation",
                "s3:GetObjectVersion",
                "s3:PutObject",
                "s3:PutObjectAcl",
                "s3:GetLifecycleConfiguration",
                "s3:PutLifecycleConfiguration",
                "s3:DeleteObject",
            ],
            BUCKET,
        )],
    },
    PolicyTemplate {
        name: "S3ReadPolicy",
        parameters: &["BucketName"],
        statements: &[(
            &[
                "s3:GetObject",
                "s3:ListBucket",
                "s3:GetBucketLocation",
                "s3:GetObjectVersion",
                "s3:GetLifecycleConfiguration",
            ],
            BUCKET,
        )],
    },
    PolicyTemplate {
        name: "S3WritePolicy",
        parameters: &["BucketName"],
        statements: &[(
            &[
                "s3:PutObject",
                "s3:PutObjectAcl",
                "s3:PutLifecycleConfiguration",
            ],
            BUCKET,
        )],
    },
    PolicyTemplate {
        name: "SNSPublishMessagePolicy",
        parameters: &["TopicName"],
        statements: &[(&["sns:Publish"], &["sns:${TopicName}"])],
    },
    PolicyTemplate {
        name: "SQSPollerPolicy",
        parameters: &["QueueName"],
        statements: &[(
            &[
                "sqs:ChangeMessageVisibility",
                "sqs:ChangeMessageVisibilityBatch",
                "sqs:DeleteMessage",
                "sqs:DeleteMessageBatch",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            ],
            QUEUE,
        )],
    },
    PolicyTemplate {
        name: "SQSSendMessagePolicy",
        parameters: &["QueueName"],
        statements: &[(&["sqs:SendMessage*"], QUEUE)],
    },
    PolicyTemplate {
        name: "SSMParameterReadPolicy",
        parameters: &["ParameterName"],
        statements: &[
            (&["ssm:DescribeParameters"], &["*"]),
            (
                &[
                    "ssm:GetParameters",
                    "ssm:GetParameter",
                    "ssm:GetParametersByPath",
                ],
                &["ssm:parameter/${ParameterName}"],
            ),
        ],
    },
    PolicyTemplate {
        name: "StepFunctionsExecutionPolicy",
        parameters: &["StateMachineName"],
        statements: &[(
            &["states:StartExecution"],
            &["states:stateMachine:${StateMachineName}"],
        )],
    },
    PolicyTemplate {
        name: "VPCAccessPolicy",
        parameters: &[],
        statements: &[(
            &[
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DetachNetworkInterface",
            ],
            &["*"],
        )],
    },
];

/// Returns the policy document that the template `name` stands for.
pub(super) fn expand(logical_id: &str, name: &str, given: &Value) -> Result<Value, TemplateError> {
    let Some(template) = TEMPLATES.iter().find(|template| template.name == name) else {
        return Err(TemplateError::unsupported(format!(
            "The policy template {name} (of resource {logical_id})"
        )));
    };
    let Some(given) = given.as_object() else {
        let text = format!("Must specify valid parameter values for policy template '{name}'");
        return Err(TemplateError::sam(logical_id, text));
    };
    let missing: Vec<&str> = template
        .parameters
        .iter()
        .copied()
        .filter(|parameter| !given.contains_key(*parameter))
        .collect();
    if !missing.is_empty() {
        let text = format!(
            "Following required parameters of template '{name}' don't have values: {missing:?}"
        );
        return Err(TemplateError::sam(logical_id, text));
    }
    let statements = template.statements.iter().map(|(actions, resources)| {
        let resources: Vec<Value> = resources
            .iter()
            .map(|resource| self::resource(resource, template.parameters, given))
            .collect();
        json!({"Effect": "Allow", "Action": actions, "Resource": resources})
    });
    let statements: Vec<Value> = statements.collect();
    Ok(json!({"Version": "2012-10-17", "Statement": statements}))
}

/// Returns a resource as `Fn::Sub` with the parameters that it names.
fn resource(text: &str, parameters: &[&str], given: &Map<String, Value>) -> Value {
    if text == "*" {
        return Value::from(text);
    }
    let full = match text.split_once(':') {
        Some((service, rest)) if !text.starts_with("arn:") && !text.starts_with('$') => {
            format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{rest}")
        }
        _ => text.to_owned(),
    };
    let mut own = Map::new();
    for parameter in parameters {
        if text.contains(&format!("${{{parameter}}}")) {
            own.insert((*parameter).to_owned(), given[*parameter].clone());
        }
    }
    json!({"Fn::Sub": [full, own]})
}
