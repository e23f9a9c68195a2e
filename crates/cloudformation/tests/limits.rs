//! What one request may ask for at most.

use std::sync::Arc;

use cloudformation::CloudFormation;
use serde_json::{Value, json};
use service::{Call, Failure, RequestId, Service};
use store::{Batch, Key, Space, Store};

use world::{World, principal};

// The other tests use the rest of it.
#[allow(dead_code)]
mod world;

async fn call(world: &World, operation: &'static str, input: Value) -> Result<Value, Failure> {
    let stacks = Arc::new(CloudFormation::new(world.deployer.clone()));
    let call = Call {
        service: "cloudformation",
        operation: operation.into(),
        input: input.to_string().into(),
        payload: Default::default(),
        principal: principal(),
        request_id: RequestId::random(),
    };
    let reply = stacks.call(call).await?;
    Ok(serde_json::from_slice(&reply.output).unwrap_or_default())
}

fn template(name: &str) -> String {
    format!(
        "---\nResources: {{A: {{Type: AWS::StepFunctions::Activity, Properties: {{Name: {name}}}}}}}\n"
    )
}

#[tokio::test]
async fn there_are_two_thousand_stacks_at_most() {
    let world = World::new();
    let deployment = |name: &str| cloudformation::Deployment {
        stack_name: name.to_owned(),
        template: template(name),
        parameters: Default::default(),
        assets: Default::default(),
        settings: Default::default(),
    };
    world.deploy(deployment("app")).await.0.expect("deploys");
    let key = |name: &str| Key::new(Space::Stacks, format!("stack/{name}").into_bytes());
    let row = world.store.get(&key("app")).await.expect("reads");
    let row = String::from_utf8(row.expect("is there").to_vec()).expect("text");
    let copies = (1..2_000).map(|number| {
        let name = format!("app{number}");
        let copy = row
            .replace(":stack/app/", &format!(":stack/{name}/"))
            .replace("\"name\":\"app\"", &format!("\"name\":\"{name}\""));
        (key(&name), copy.into())
    });
    let batch = Batch {
        put: copies.collect(),
        ..Batch::default()
    };
    world.store.commit(batch).await.expect("writes");
    assert_eq!(world.deployer.stacks().await.expect("lists").len(), 2_000);
    for (operation, more) in [
        ("CreateStack", json!({})),
        (
            "CreateChangeSet",
            json!({"ChangeSetName": "c", "ChangeSetType": "CREATE"}),
        ),
    ] {
        let mut input = json!({"StackName": "new", "TemplateBody": template("new")});
        let members = input.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        let refused = call(&world, operation, input).await.expect_err(operation);
        assert_eq!(
            refused.to_string(),
            "LimitExceededException: Limit for stack has been exceeded"
        );
    }
    let (outcome, _) = world
        .deploy(cloudformation::Deployment {
            template: template("renamed"),
            ..deployment("app")
        })
        .await;
    outcome.expect("a stack that is there may change");
}

#[tokio::test]
async fn a_template_in_s3_has_a_million_bytes_at_most() {
    let world = World::new();
    let mut text = template("a");
    text.push('#');
    // Beyond the limit it is no template: it is refused before it is read as one.
    let padded = |length: usize| format!("{text}{}", "x".repeat(length - text.len()));
    {
        let mut objects = world.cloud.objects.lock().expect("lock");
        objects.insert("b/fits".to_owned(), padded(1_000_000));
        objects.insert("b/long".to_owned(), format!("{{{}", padded(1_000_000)));
        objects.insert("b/huge".to_owned(), format!("{{{}", padded(3_000_000)));
    }
    let validate = |key: &str| {
        let url = format!("https://s3.amazonaws.com/b/{key}");
        call(&world, "ValidateTemplate", json!({"TemplateURL": url}))
    };
    validate("fits").await.expect("fits");
    for key in ["long", "huge"] {
        assert_eq!(
            validate(key).await.expect_err(key).to_string(),
            "ValidationError: Template may not exceed 1000000 bytes in size."
        );
    }
    assert_eq!(*world.cloud.read_most.lock().expect("lock"), 1_000_001);
}
