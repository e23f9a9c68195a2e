//! A Task's `Resource`: which functions, activities and integrations there are.

use vocab::Arn;

use crate::definition::{Pattern, Resource, ResourceKind};
use crate::parse::fields::Fields;
use crate::parse::{MachineType, UnknownAction};

/// Which patterns an integration has beside request and response.
#[derive(Clone, Copy)]
struct Patterns {
    job: bool,
    callback: bool,
}

const PLAIN: Patterns = Patterns {
    job: false,
    callback: false,
};
const JOB: Patterns = Patterns {
    job: true,
    callback: false,
};
const CALLBACK: Patterns = Patterns {
    job: false,
    callback: true,
};
const JOB_OR_CALLBACK: Patterns = Patterns {
    job: true,
    callback: true,
};

/// The optimized integrations: service, its actions, their patterns (Step Functions developer guide,
/// "Optimized integrations"). `aws-sdk:…` is not here: it takes any service and action.
const INTEGRATIONS: [(&str, &[&str], Patterns); 33] = [
    ("apigateway", &["invoke"], CALLBACK),
    ("athena", &["startQueryExecution"], JOB),
    (
        "athena",
        &["stopQueryExecution", "getQueryExecution", "getQueryResults"],
        PLAIN,
    ),
    ("batch", &["submitJob"], JOB),
    ("bedrock", &["invokeModel"], CALLBACK),
    ("bedrock", &["createModelCustomizationJob"], JOB),
    ("bedrockagentcore", &["invokeHarness"], PLAIN),
    ("codebuild", &["startBuild", "startBuildBatch"], JOB),
    (
        "codebuild",
        &[
            "stopBuild",
            "stopBuildBatch",
            "batchGetReports",
            "batchDeleteBuilds",
        ],
        PLAIN,
    ),
    ("codebuild", &["retryBuildBatch", "deleteBuildBatch"], JOB),
    ("databrew", &["startJobRun"], JOB),
    (
        "dynamodb",
        &["getItem", "putItem", "updateItem", "deleteItem"],
        PLAIN,
    ),
    ("ecs", &["runTask"], JOB_OR_CALLBACK),
    ("eks", &["call"], PLAIN),
    ("eks", &["runJob"], JOB_OR_CALLBACK),
    (
        "eks",
        &[
            "createCluster",
            "deleteCluster",
            "createNodegroup",
            "deleteNodegroup",
        ],
        JOB,
    ),
    (
        "eks",
        &["createFargateProfile", "deleteFargateProfile"],
        JOB,
    ),
    (
        "elasticmapreduce",
        &["createCluster", "terminateCluster", "addStep"],
        JOB,
    ),
    (
        "elasticmapreduce",
        &["cancelStep", "setClusterTerminationProtection"],
        PLAIN,
    ),
    (
        "elasticmapreduce",
        &["modifyInstanceFleetByName", "modifyInstanceGroupByName"],
        PLAIN,
    ),
    ("emr-containers", &["createVirtualCluster"], PLAIN),
    (
        "emr-containers",
        &["deleteVirtualCluster", "startJobRun"],
        JOB,
    ),
    (
        "emr-serverless",
        &["createApplication", "startApplication", "stopApplication"],
        JOB,
    ),
    (
        "emr-serverless",
        &["deleteApplication", "startJobRun", "cancelJobRun"],
        JOB,
    ),
    ("events", &["putEvents"], CALLBACK),
    ("glue", &["startJobRun"], JOB),
    ("http", &["invoke"], PLAIN),
    ("lambda", &["invoke"], CALLBACK),
    ("mediaconvert", &["createJob"], JOB),
    (
        "sagemaker",
        &[
            "createTrainingJob",
            "createTransformJob",
            "createLabelingJob",
        ],
        JOB,
    ),
    (
        "sagemaker",
        &[
            "createHyperParameterTuningJob",
            "createProcessingJob",
            "createAutoMLJob",
        ],
        JOB,
    ),
    (
        "sagemaker",
        &[
            "createEndpoint",
            "createEndpointConfig",
            "createModel",
            "updateEndpoint",
        ],
        PLAIN,
    ),
    ("states", &["startExecution"], JOB_OR_CALLBACK),
];

/// Publishing and sending have the same patterns and no other action.
const MESSAGING: [(&str, &str); 2] = [("sns", "publish"), ("sqs", "sendMessage")];

/// Reads `Resource`; reports what is unknown and what the type of machine does not have.
pub(crate) fn resource(
    machine_type: MachineType,
    unknown_action: UnknownAction,
    fields: &Fields<'_>,
) -> Option<Resource> {
    let text = fields.text("Resource")?;
    let Some(arn) = Arn::parse(text) else {
        fields.refuse_field("Resource", "Value is not a valid resource ARN");
        return None;
    };
    let is_known = |kind: &ResourceKind| match kind {
        ResourceKind::Integration {
            service, action, ..
        } => {
            let sdk = service.strip_prefix("aws-sdk:");
            !sdk.is_some_and(|sdk| unknown_action(sdk, action))
        }
        ResourceKind::LambdaFunction | ResourceKind::Activity => true,
    };
    let Some(kind) = kind(&arn).filter(is_known) else {
        fields.refuse_field(
            "Resource",
            format!(
                "The resource provided {text} is not recognized. The value is not a valid resource ARN, \
                 or the resource is not available in this region."
            ),
        );
        return None;
    };
    if machine_type == MachineType::Express {
        refuse_in_express(&kind, fields);
    }
    Some(Resource {
        arn: text.into(),
        kind,
    })
}

/// Says what an ARN means; `None` when it means nothing.
fn kind(arn: &Arn<'_>) -> Option<ResourceKind> {
    match (arn.service, arn.resource.split_once(':')) {
        ("lambda", Some(("function", name))) => {
            (!name.is_empty()).then_some(ResourceKind::LambdaFunction)
        }
        ("states", Some(("activity", name))) => {
            (!name.is_empty()).then_some(ResourceKind::Activity)
        }
        ("states", Some(_)) if arn.region.is_empty() && arn.account.is_empty() => {
            integration(arn.resource)
        }
        _ => None,
    }
}

/// Reads `service:action[.pattern]`, where the service may be `aws-sdk:name`.
fn integration(text: &str) -> Option<ResourceKind> {
    let (call, pattern) = match text.split_once('.') {
        None => (text, Pattern::RequestResponse),
        Some((call, "sync")) => (call, Pattern::Sync),
        Some((call, "sync:2")) => (call, Pattern::Sync2),
        Some((call, "waitForTaskToken")) => (call, Pattern::WaitForTaskToken),
        Some(_) => return None,
    };
    let (service, action) = call.rsplit_once(':')?;
    is_known(service, action, pattern).then(|| ResourceKind::Integration {
        service: service.into(),
        action: action.into(),
        pattern,
    })
}

fn is_known(service: &str, action: &str, pattern: Pattern) -> bool {
    if let Some(sdk_service) = service.strip_prefix("aws-sdk:") {
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
        // Waiting for a job needs knowledge of the job, which a plain SDK call has not.
        return is_name(sdk_service)
            && is_name(action)
            && matches!(
                pattern,
                Pattern::RequestResponse | Pattern::WaitForTaskToken
            );
    }
    let patterns = if MESSAGING.contains(&(service, action)) {
        CALLBACK
    } else {
        let found = INTEGRATIONS
            .iter()
            .find(|(name, actions, _)| *name == service && actions.contains(&action));
        let Some((.., patterns)) = found else {
            return false;
        };
        *patterns
    };
    match pattern {
        Pattern::RequestResponse => true,
        Pattern::Sync => patterns.job,
        Pattern::Sync2 => patterns.job && service == "states",
        Pattern::WaitForTaskToken => patterns.callback,
    }
}

/// Express machines wait for nothing: no callback, no job, no activity. AWS ends the sentence about
/// callbacks with a blank.
fn refuse_in_express(kind: &ResourceKind, fields: &Fields<'_>) {
    let message = match kind {
        ResourceKind::LambdaFunction => return,
        ResourceKind::Activity => "Express state machine does not support Activity ARN",
        ResourceKind::Integration { pattern, .. } => match pattern {
            Pattern::RequestResponse => return,
            Pattern::Sync | Pattern::Sync2 => {
                "Express state machine does not support '.sync' service integration"
            }
            Pattern::WaitForTaskToken => {
                "Express state machine does not support '.waitForTaskToken' service integration "
            }
        },
    };
    fields.refuse_field("Resource", message);
}
