//! The workshop's own template, taken from its page: it becomes the resources that AWS makes of it.
//!
//! The page is not part of the project. `STEPD_SEED` names the folder in which it is; without it,
//! `../shared/seed` beside the repository is tried, and the test says so when there is none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cfn_template::{Bindings, Found, Graph, Lookup, Surroundings, Template, artifacts, sam};
use serde_json::{Value, json};

struct All;

impl Lookup for All {
    fn reference(&self, id: &str) -> Found {
        Found::Value(Value::from(format!("ref:{id}")))
    }

    fn attribute(&self, id: &str, attribute: &str) -> Found {
        Found::Value(Value::from(format!("att:{id}.{attribute}")))
    }
}

fn page() -> Option<String> {
    let folder = std::env::var_os("STEPD_SEED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/seed"),
        PathBuf::from,
    );
    std::fs::read_to_string(folder.join("pausing-an-execution.md")).ok()
}

#[test]
fn the_workshops_template_becomes_its_resources() {
    let Some(page) = page() else {
        eprintln!("skipped: the workshop's page is not here (set STEPD_SEED to its folder)");
        return;
    };
    let start = page
        .find(">AWSTemplateFormatVersion")
        .expect("the page has a template")
        + 1;
    let text = &page[start..start + page[start..].find("</textarea>").expect("and its end")];

    let mut template = Template::parse(text).expect("parses");
    let paths: Vec<String> = artifacts::list(&template)
        .into_iter()
        .map(|artifact| artifact.path)
        .collect();
    assert_eq!(
        paths,
        [
            "statemachine/account-application-workflow.asl.json",
            "functions/account-applications/",
            "functions/data-checking/"
        ]
    );
    let keys: BTreeMap<String, String> = paths
        .iter()
        .map(|path| (path.clone(), format!("key:{path}")))
        .collect();
    assert!(artifacts::replace(&mut template, "assets", &keys).is_empty());
    sam::transform(&mut template, &BTreeMap::new()).expect("transforms");
    let surroundings = Surroundings {
        account_id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        stack_name: "workshop".to_owned(),
        stack_id: "arn:stack".to_owned(),
        notification_arns: Vec::new(),
    };
    let bindings = Bindings::new(&template, &BTreeMap::new(), surroundings).expect("binds");
    let resources = bindings.resources(&template).expect("resources");
    let outputs = bindings.outputs(&template).expect("outputs");
    let graph = Graph::new(&resources, &outputs, &bindings).expect("has an order");
    let properties = |id: &str| {
        bindings
            .resolve(&Value::Object(resources[id].properties.clone()), &All)
            .expect("resolves")
    };
    let place = |id: &str| graph.order.iter().position(|other| other == id).expect(id);

    // Seven functions, a machine, a role each, a table.
    assert_eq!(resources.len(), 17);
    for (before, after) in [
        ("ApplicationsTable", "FlagApplicationFunctionRole"),
        (
            "FlagApplicationFunction",
            "ApplicationProcessingStateMachine",
        ),
        (
            "ApplicationProcessingStateMachine",
            "ReviewApplicationFunctionRole",
        ),
        (
            "ApplicationProcessingStateMachine",
            "SubmitApplicationFunction",
        ),
    ] {
        assert!(place(before) < place(after), "{before} before {after}");
    }
    assert_eq!(
        properties("ApplicationProcessingStateMachine"),
        json!({
            "DefinitionS3Location": {
                "Bucket": "assets", "Key": "key:statemachine/account-application-workflow.asl.json",
            },
            "DefinitionSubstitutions": {
                "DataCheckingFunctionArn": "att:DataCheckingFunction.Arn",
                "FlagApplicationFunctionName": "ref:FlagApplicationFunction",
            },
            "Tags": [{"Key": "stateMachine:createdBy", "Value": "SAM"}],
            "RoleArn": "att:ApplicationProcessingStateMachineRole.Arn",
        })
    );
    assert_eq!(
        properties("SubmitApplicationFunction"),
        json!({
            "Code": {"S3Bucket": "assets", "S3Key": "key:functions/account-applications/"},
            "FunctionName": "sfn-workshop-SubmitApplication",
            "Handler": "submit.handler",
            "Runtime": "nodejs12.x",
            "Environment": {"Variables": {
                "APPLICATIONS_TABLE_NAME": "ref:ApplicationsTable",
                "APPLICATION_PROCESSING_STEP_FUNCTION_ARN": "ref:ApplicationProcessingStateMachine",
            }},
            "Tags": [{"Key": "lambda:createdBy", "Value": "SAM"}],
            "Role": "att:SubmitApplicationFunctionRole.Arn",
        })
    );
    assert_eq!(
        properties("ApplicationsTable")["TableName"],
        "StepFunctionWorkshop-AccountApplications-workshop"
    );
    let policies = &properties("ReviewApplicationFunctionRole")["Policies"];
    assert_eq!(
        policies[1]["PolicyDocument"]["Statement"][0]["Resource"],
        "ref:ApplicationProcessingStateMachine"
    );
    let start = &properties("SubmitApplicationFunctionRole")["Policies"][1]["PolicyDocument"]["Statement"]
        [0];
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:att:ApplicationProcessingStateMachine.Name";
    assert_eq!(start["Resource"], machine);
    // The page gives three outputs the Flag function's ARN. They stay as written.
    let values: Vec<Value> = outputs
        .values()
        .map(|output| bindings.resolve(&output.value, &All).expect("resolves"))
        .collect();
    assert_eq!(
        values,
        [
            "att:SubmitApplicationFunction.Arn",
            "att:FlagApplicationFunction.Arn",
            "att:FlagApplicationFunction.Arn",
            "att:FlagApplicationFunction.Arn",
            "att:FlagApplicationFunction.Arn",
            "att:DataCheckingFunction.Arn",
        ]
    );
}
