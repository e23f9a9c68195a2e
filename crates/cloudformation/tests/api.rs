//! Twenty templates through the CloudFormation API: made, changed, broken on purpose, rolled back,
//! deleted, each ending in the state that CloudFormation documents.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloudformation::CloudFormation;
use serde_json::{Value, json};
use service::{Call, Failure, RequestId, Service};

use cases::{CASES, Case};
use world::{World, principal};

mod cases;
// The other tests use the rest of it.
#[allow(dead_code)]
mod world;

/// The API in front of services in memory.
struct Api {
    world: World,
    stacks: Arc<CloudFormation>,
}

impl Api {
    fn new() -> Self {
        let world = World::new();
        let stacks = Arc::new(CloudFormation::new(world.deployer.clone()));
        *world.cloud.stacks.lock().expect("lock") = Some(stacks.clone());
        Self { world, stacks }
    }

    async fn call(&self, operation: &'static str, input: Value) -> Result<Value, Failure> {
        let call = Call {
            service: "cloudformation",
            operation: operation.into(),
            input: input.to_string().into(),
            payload: Default::default(),
            principal: principal(),
            request_id: RequestId::random(),
        };
        let reply = self.stacks.call(call).await?;
        Ok(serde_json::from_slice(&reply.output).unwrap_or_default())
    }

    /// Returns the stack's state once nobody works on it, or how it is refused.
    async fn settled(&self, name: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let status = match self
                .call("DescribeStacks", json!({"StackName": name}))
                .await
            {
                Ok(found) => found["Stacks"][0]["StackStatus"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                Err(failure) => return failure.message,
            };
            if !status.ends_with("_IN_PROGRESS") || status == "REVIEW_IN_PROGRESS" {
                return status;
            }
            assert!(Instant::now() < deadline, "{name} stays in {status}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Does one step of a case and returns what came of it.
    async fn step(&self, stack: &str, template: &mut String, action: &str, what: &str) -> String {
        let deployment = |template: &str, parameters: &str| {
            let parameters: Vec<Value> = parameters
                .split(',')
                .filter_map(|pair| pair.split_once('='))
                .map(|(key, value)| match value {
                    "(previous)" => json!({"ParameterKey": key, "UsePreviousValue": "true"}),
                    value => json!({"ParameterKey": key, "ParameterValue": value}),
                })
                .collect();
            json!({
                "StackName": stack,
                "TemplateBody": template,
                "Parameters": parameters,
                "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            })
        };
        let answered = match action {
            "create" => self.call("CreateStack", deployment(template, what)).await,
            "parameters" => self.call("UpdateStack", deployment(template, what)).await,
            "update" => {
                let (from, to) = what.split_once(" => ").expect("a change");
                assert!(
                    template.contains(from),
                    "{stack}: {from} is not in the template"
                );
                let changed = template.replace(from, to);
                let answered = self.call("UpdateStack", deployment(&changed, "")).await;
                if answered.is_ok() && self.settled(stack).await == "UPDATE_COMPLETE" {
                    *template = changed;
                }
                answered
            }
            "delete" => self.call("DeleteStack", json!({"StackName": stack})).await,
            "protect" => {
                let input = json!({"StackName": stack, "EnableTerminationProtection": what});
                self.call("UpdateTerminationProtection", input).await
            }
            "break" => {
                self.world.cloud.fail(what);
                Ok(Value::Null)
            }
            "heal" => {
                self.world.cloud.failing.lock().expect("lock").clear();
                Ok(Value::Null)
            }
            other => panic!("{other} is no step"),
        };
        match answered {
            Ok(_) if matches!(action, "break" | "heal" | "protect") => String::new(),
            Ok(_) => self.settled(stack).await,
            Err(failure) => failure.message,
        }
    }
}

#[tokio::test]
async fn every_template_ends_in_the_documented_state() {
    assert!(CASES.len() >= 20, "{} templates", CASES.len());
    for Case {
        name,
        template,
        steps,
        left,
    } in CASES
    {
        let api = Api::new();
        // What begins with a brace would be JSON.
        let mut text = format!("---\n{template}");
        for (action, what, expected) in *steps {
            let found = api.step("app", &mut text, action, what).await;
            assert!(
                found.contains(expected),
                "{name}: {action} {what}: {found} instead of {expected}"
            );
        }
        assert_eq!(api.world.cloud.names(), *left, "{name}");
    }
}

const EXPORTING: &str = "
Resources: {Q: {Type: AWS::StepFunctions::Activity, Properties: {Name: shared}}}
Outputs: {Shared: {Value: !Ref Q, Export: {Name: !Sub '${AWS::Region}-shared'}}}";
const IMPORTING: &str = "
Resources: {B: {Type: AWS::StepFunctions::Activity, Properties: {Name: importing}}}
Outputs: {Got: {Value: !ImportValue us-east-1-shared}}";

#[tokio::test]
async fn exports_are_unique_and_held_by_those_who_import_them() {
    let api = Api::new();
    let create = |name: &str, template: &str| {
        api.call(
            "CreateStack",
            json!({"StackName": name, "TemplateBody": template}),
        )
    };
    let missing = create("user", IMPORTING)
        .await
        .expect_err("nothing is exported");
    assert_eq!(missing.message, "No export named us-east-1-shared found");
    create("owner", EXPORTING).await.expect("creates");
    assert_eq!(api.settled("owner").await, "CREATE_COMPLETE");
    create("user", IMPORTING).await.expect("creates");
    assert_eq!(api.settled("user").await, "CREATE_COMPLETE");
    let user = api
        .call("DescribeStacks", json!({"StackName": "user"}))
        .await
        .expect("is there");
    assert_eq!(
        user["Stacks"][0]["Outputs"][0]["OutputValue"],
        "arn:aws:states:us-east-1:000000000000:activity:shared"
    );
    let exports = api.call("ListExports", json!({})).await.expect("lists");
    assert_eq!(exports["Exports"][0]["Name"], "us-east-1-shared");
    let imports = api
        .call("ListImports", json!({"ExportName": "us-east-1-shared"}))
        .await;
    assert_eq!(imports.expect("lists")["Imports"], json!(["user"]));

    create("other", &EXPORTING.replace("Name: shared", "Name: another"))
        .await
        .expect("creates");
    assert_eq!(api.settled("other").await, "ROLLBACK_COMPLETE");
    api.call("DeleteStack", json!({"StackName": "owner"}))
        .await
        .expect("accepts");
    assert_eq!(api.settled("owner").await, "DELETE_FAILED");
    let owner = api
        .call("DescribeStacks", json!({"StackName": "owner"}))
        .await
        .expect("is there");
    let reason = &owner["Stacks"][0]["StackStatusReason"];
    assert_eq!(
        reason,
        "Cannot delete export us-east-1-shared as it is in use by user"
    );
    for name in ["user", "owner"] {
        api.call("DeleteStack", json!({"StackName": name}))
            .await
            .expect("deletes");
        assert_eq!(
            api.settled(name).await,
            format!("Stack with id {name} does not exist")
        );
    }
}

const ONE: &str = "{\"Parameters\": {\"Name\": {\"Type\": \"String\", \"Default\": \"one\"}, \"Secret\": {\"Type\": \"String\", \"NoEcho\": true}},
 \"Resources\": {\"A\": {\"Type\": \"AWS::StepFunctions::Activity\", \"Properties\": {\"Name\": {\"Ref\": \"Name\"}}}},
 \"Outputs\": {\"Arn\": {\"Value\": {\"Fn::GetAtt\": [\"A\", \"Arn\"]}}}}";

#[tokio::test]
async fn change_sets_are_made_executed_and_refused() {
    let api = Api::new();
    let make = |name: &str, kind: &str, value: &str| {
        let parameters = json!([
            {"ParameterKey": "Name", "ParameterValue": value},
            {"ParameterKey": "Secret", "ParameterValue": "hush"},
        ]);
        api.call(
            "CreateChangeSet",
            json!({
                "StackName": "app", "ChangeSetName": name, "ChangeSetType": kind, "TemplateBody": ONE,
                "Parameters": parameters, "Tags": [{"Key": "k", "Value": "v"}], "Description": "d",
            }),
        )
    };
    let none = make("first", "UPDATE", "one")
        .await
        .expect_err("there is no stack");
    assert_eq!(none.message, "Stack [app] does not exist");
    let made = make("first", "CREATE", "one").await.expect("makes");
    assert_eq!(api.settled("app").await, "REVIEW_IN_PROGRESS");
    let id = made["Id"].as_str().expect("an id");
    assert!(
        id.starts_with("arn:aws:cloudformation:us-east-1:000000000000:changeSet/first/"),
        "{id}"
    );
    let set = api
        .call("DescribeChangeSet", json!({"ChangeSetName": id}))
        .await
        .expect("is there");
    let change = json!({"Type": "Resource", "ResourceChange": {
        "Action": "Add", "LogicalResourceId": "A", "ResourceType": "AWS::StepFunctions::Activity",
        "Scope": [], "Details": [],
    }});
    assert_eq!(
        (&set["Status"], &set["ExecutionStatus"]),
        (&json!("CREATE_COMPLETE"), &json!("AVAILABLE"))
    );
    assert_eq!(set["Changes"], json!([change]));
    assert_eq!(
        set["Parameters"][1],
        json!({"ParameterKey": "Secret", "ParameterValue": "****"})
    );
    assert_eq!(
        api.world.cloud.names(),
        Vec::<String>::new(),
        "nothing is made yet"
    );

    let named = json!({"ChangeSetName": "first", "StackName": "app"});
    api.call("ExecuteChangeSet", named.clone())
        .await
        .expect("executes");
    assert_eq!(api.settled("app").await, "CREATE_COMPLETE");
    let stack = api
        .call("DescribeStacks", json!({"StackName": "app"}))
        .await
        .expect("is there");
    let stack = &stack["Stacks"][0];
    assert_eq!(stack["Tags"], json!([{"Key": "k", "Value": "v"}]));
    assert_eq!(
        (&stack["ChangeSetId"], &stack["StackId"]),
        (&made["Id"], &made["StackId"])
    );
    let refused = api
        .call("ExecuteChangeSet", named)
        .await
        .expect_err("is executed already");
    assert_eq!(refused.code, "InvalidChangeSetStatus");

    make("same", "UPDATE", "one").await.expect("makes");
    let set = api
        .call(
            "DescribeChangeSet",
            json!({"ChangeSetName": "same", "StackName": "app"}),
        )
        .await;
    let set = set.expect("is there");
    assert_eq!(
        (&set["Status"], &set["ExecutionStatus"]),
        (&json!("FAILED"), &json!("UNAVAILABLE"))
    );
    let reason = set["StatusReason"].as_str().expect("a reason");
    assert!(
        reason.starts_with("The submitted information didn't contain changes."),
        "{reason}"
    );

    make("other", "UPDATE", "two").await.expect("makes");
    let set = api
        .call(
            "DescribeChangeSet",
            json!({"ChangeSetName": "other", "StackName": "app"}),
        )
        .await;
    let change = &set.expect("is there")["Changes"][0]["ResourceChange"];
    assert_eq!(
        (&change["Action"], &change["Replacement"]),
        (&json!("Modify"), &json!("True"))
    );
    assert_eq!(change["Details"][0]["Target"]["Name"], "Name");
    let input = json!({"ChangeSetName": "other", "StackName": "app"});
    api.call("ExecuteChangeSet", input).await.expect("executes");
    assert_eq!(api.settled("app").await, "UPDATE_COMPLETE");
    assert_eq!(api.world.cloud.names(), ["states two"]);
    let listed = api
        .call("ListChangeSets", json!({"StackName": "app"}))
        .await
        .expect("lists");
    let names: Vec<&Value> = listed["Summaries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|set| &set["ChangeSetName"])
        .collect();
    assert_eq!(
        names,
        ["other"],
        "what was worked out for the former stack is gone"
    );

    let events = api
        .call("DescribeStackEvents", json!({"StackName": made["StackId"]}))
        .await
        .expect("events");
    let last = events["StackEvents"]
        .as_array()
        .and_then(|events| events.last())
        .expect("events");
    assert_eq!(last["ResourceStatus"], "REVIEW_IN_PROGRESS");
    api.call("DeleteStack", json!({"StackName": "app"}))
        .await
        .expect("deletes");
    assert_eq!(api.settled("app").await, "Stack with id app does not exist");
    let gone = api.settled(made["StackId"].as_str().expect("an id")).await;
    assert_eq!(gone, "DELETE_COMPLETE");
}

#[tokio::test]
async fn what_is_refused_is_said_as_aws_says_it() {
    let api = Api::new();
    let sam = "--- {Transform: AWS::Serverless-2016-10-31, Resources: {T: {Type: AWS::Serverless::SimpleTable}}}";
    let role = "--- {Resources: {R: {Type: AWS::IAM::Role, Properties: {RoleName: r, AssumeRolePolicyDocument: {}}}}}";
    let cases = [
        (
            "DescribeStacks",
            json!({"StackName": "x"}),
            "ValidationError: Stack with id x does not exist",
        ),
        (
            "DescribeStackEvents",
            json!({"StackName": "x"}),
            "ValidationError: Stack [x] does not exist",
        ),
        (
            "DescribeStackResources",
            json!({"StackName": "x"}),
            "ValidationError: Stack with id x does not exist",
        ),
        (
            "DescribeStackResource",
            json!({"StackName": "x", "LogicalResourceId": "A"}),
            "ValidationError: Stack 'x' does not exist",
        ),
        (
            "ListStackResources",
            json!({"StackName": "x"}),
            "ValidationError: Stack with id x does not exist",
        ),
        (
            "GetTemplate",
            json!({"StackName": "x"}),
            "ValidationError: Stack with id x does not exist",
        ),
        (
            "GetTemplateSummary",
            json!({"StackName": "x"}),
            "ValidationError: Stack with id x does not exist",
        ),
        (
            "UpdateStack",
            json!({"StackName": "x", "TemplateBody": ONE}),
            "ValidationError: Stack [x] does not exist",
        ),
        (
            "ListChangeSets",
            json!({"StackName": "x"}),
            "ValidationError: Stack [x] does not exist",
        ),
        (
            "UpdateTerminationProtection",
            json!({"StackName": "x", "EnableTerminationProtection": "true"}),
            "ValidationError: Stack [x] does not exist",
        ),
        (
            "DescribeChangeSet",
            json!({"ChangeSetName": "c"}),
            "ValidationError: StackName must be specified if ChangeSetName is not specified as an ARN.",
        ),
        (
            "DescribeChangeSet",
            json!({"ChangeSetName": "arn:aws:cloudformation:x"}),
            "ChangeSetNotFound: ChangeSet [arn:aws:cloudformation:x] does not exist",
        ),
        (
            "CreateStack",
            json!({"TemplateBody": ONE}),
            "ValidationError: 1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member must not be null",
        ),
        (
            "CreateStack",
            json!({"StackName": "a_b", "TemplateBody": ONE, "Parameters": [{"ParameterKey": "Secret", "ParameterValue": "x"}]}),
            "ValidationError: 1 validation error detected: Value 'a_b' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
        ),
        (
            "CreateStack",
            json!({"StackName": "a"}),
            "ValidationError: Either Template URL or Template Body must be specified.",
        ),
        (
            "CreateStack",
            json!({"StackName": "a", "TemplateBody": ONE}),
            "ValidationError: Parameters: [Secret] must have values",
        ),
        (
            "CreateStack",
            json!({"StackName": "a", "TemplateBody": sam}),
            "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_AUTO_EXPAND]",
        ),
        (
            "CreateStack",
            json!({"StackName": "a", "TemplateBody": role, "Capabilities": ["CAPABILITY_IAM"]}),
            "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_NAMED_IAM]",
        ),
        (
            "CreateStack",
            json!({"StackName": "a", "TemplateBody": role, "TimeoutInMinutes": "5"}),
            "NotImplemented: TimeoutInMinutes of CreateStack is not served here yet",
        ),
        (
            "CreateStack",
            json!({"StackName": "a", "TemplateBody": "--- {Resources: {A: {Type: AWS::EC2::VPC}}}"}),
            "ValidationError: The resource type AWS::EC2::VPC (of resource A) is not supported yet (line 1, column 18)",
        ),
        (
            "ValidateTemplate",
            json!({"TemplateBody": "--- {Resources: {}}"}),
            "ValidationError: Template format error: At least one Resources member must be defined.",
        ),
        (
            "DetectStackDrift",
            json!({"StackName": "a"}),
            "NotImplemented: cloudformation:DetectStackDrift is not served here yet",
        ),
        ("DeleteStack", json!({"StackName": "x"}), ""),
    ];
    for (operation, input, expected) in cases {
        let answer = match api.call(operation, input.clone()).await {
            Ok(_) => String::new(),
            Err(failure) => failure.to_string(),
        };
        assert_eq!(answer, expected, "{operation} {input}");
    }
    let create = json!({"StackName": "a", "TemplateBody": "--- {Resources: {A: {Type: AWS::StepFunctions::Activity}}}"});
    api.call("CreateStack", create.clone())
        .await
        .expect("creates");
    assert_eq!(api.settled("a").await, "CREATE_COMPLETE");
    let again = api
        .call("CreateStack", create.clone())
        .await
        .expect_err("is there");
    assert_eq!(
        again.to_string(),
        "AlreadyExistsException: Stack [a] already exists"
    );
    let same = api
        .call("UpdateStack", create)
        .await
        .expect_err("is the same");
    assert_eq!(
        same.to_string(),
        "ValidationError: No updates are to be performed."
    );
}

#[tokio::test]
async fn templates_are_summed_up_and_shown_as_processed() {
    let api = Api::new();
    let sam = "--- {Transform: AWS::Serverless-2016-10-31, Description: d, Parameters: {P: {Type: Number, Default: 5, AllowedValues: [5, 6]}}, Resources: {M: {Type: AWS::Serverless::StateMachine, Properties: {Definition: {StartAt: A, States: {A: {Type: Pass, End: true}}}}}}}";
    let summary = api
        .call("GetTemplateSummary", json!({"TemplateBody": sam}))
        .await
        .expect("sums up");
    assert_eq!(summary["Capabilities"], json!(["CAPABILITY_IAM"]));
    assert_eq!(
        summary["DeclaredTransforms"],
        json!(["AWS::Serverless-2016-10-31"])
    );
    assert_eq!(
        summary["ResourceTypes"],
        json!(["AWS::Serverless::StateMachine"])
    );
    let parameter = &summary["Parameters"][0];
    assert_eq!(
        parameter["ParameterConstraints"]["AllowedValues"],
        json!(["5", "6"])
    );
    let capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"];
    let create = json!({"StackName": "a", "TemplateBody": sam, "Capabilities": capabilities});
    api.call("CreateStack", create).await.expect("creates");
    assert_eq!(api.settled("a").await, "CREATE_COMPLETE");
    let original = api
        .call("GetTemplate", json!({"StackName": "a"}))
        .await
        .expect("is there");
    assert_eq!(original["TemplateBody"], sam);
    let input = json!({"StackName": "a", "TemplateStage": "Processed"});
    let processed = api.call("GetTemplate", input).await.expect("is there");
    let processed: Value =
        serde_json::from_str(processed["TemplateBody"].as_str().expect("text")).expect("JSON");
    assert_eq!(processed.get("Transform"), None);
    assert_eq!(
        processed["Resources"]["M"]["Type"],
        "AWS::StepFunctions::StateMachine"
    );
    assert_eq!(processed["Resources"]["MRole"]["Type"], "AWS::IAM::Role");
}
