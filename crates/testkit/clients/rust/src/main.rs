//! The AWS SDK for Rust against a server: what a program does in a day, with its types, its paginators and
//! its errors. The environment says where the server is; the program ends with 0 when all went as expected.

use std::error::Error;
use std::time::Duration;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_sfn::config::{
    BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
};
use aws_sdk_sfn::error::{BoxError, ProvideErrorMetadata as _};
use aws_sdk_sfn::types::{
    ExecutionStatus, HistoryEventType, InspectionLevel, StateMachineType, SyncExecutionStatus, Tag,
    TestExecutionStatus,
};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const ROLE: &str = "arn:aws:iam::000000000000:role/r";
const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","Result":7,"End":true}}}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let credentials = Credentials::new(
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
        None,
        None,
        "environment",
    );
    let endpoint = variable("AWS_ENDPOINT_URL")?;
    let config = aws_sdk_sfn::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(variable("AWS_REGION")?))
        .endpoint_url(&endpoint)
        .interceptor(SameHost(endpoint))
        .credentials_provider(credentials)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let client = Client::from_conf(config);
    machines_and_executions(&client).await?;
    activities(&client).await?;
    express(&client).await?;
    versions(&client).await?;
    tested_states(&client).await?;
    refusals(&client).await?;
    println!("the SDK for Rust found everything as expected");
    Ok(())
}

/// Sends all calls to the endpoint itself: the SDK would send some to `sync-` and the host's name.
#[derive(Debug)]
struct SameHost(String);

impl Intercept for SameHost {
    fn name(&self) -> &'static str {
        "SameHost"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().set_uri(self.0.as_str())?;
        Ok(())
    }
}

fn check(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(what.into()) }
}

async fn create(client: &Client, name: &str, definition: &str) -> Outcome<String> {
    let made = client
        .create_state_machine()
        .name(name)
        .definition(definition)
        .role_arn(ROLE)
        .tags(Tag::builder().key("client").value("rust").build())
        .send()
        .await?;
    Ok(made.state_machine_arn)
}

async fn closed(client: &Client, arn: &str) -> Outcome<ExecutionStatus> {
    // A hundred looks: the server is on this machine.
    for _ in 0..100 {
        let shown = client
            .describe_execution()
            .execution_arn(arn)
            .send()
            .await?;
        if shown.status != ExecutionStatus::Running {
            return Ok(shown.status);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("the execution does not end".into())
}

async fn machines_and_executions(client: &Client) -> Outcome {
    let arn = create(client, "rust", PASS).await?;
    let mut executions = Vec::new();
    for number in 0..3 {
        let start = client.start_execution().state_machine_arn(&arn);
        let started = start.name(format!("e{number}")).input("{}").send().await?;
        executions.push(started.execution_arn);
    }
    for execution in &executions {
        check(
            closed(client, execution).await? == ExecutionStatus::Succeeded,
            "the status",
        )?;
    }
    let listed = client
        .list_executions()
        .state_machine_arn(&arn)
        .max_results(2);
    let listed: Vec<_> = listed
        .into_paginator()
        .items()
        .send()
        .collect::<Result<_, _>>()
        .await?;
    check(listed.len() == 3, "three executions, in pages of two")?;
    let history = client.get_execution_history().execution_arn(&executions[0]);
    let history = history.include_execution_data(true).send().await?;
    let types: Vec<_> = history
        .events
        .iter()
        .map(|event| event.r#type.clone())
        .collect();
    let expected = [
        HistoryEventType::ExecutionStarted,
        HistoryEventType::PassStateEntered,
        HistoryEventType::PassStateExited,
        HistoryEventType::ExecutionSucceeded,
    ];
    check(types == expected, "the history")?;
    let tags = client
        .list_tags_for_resource()
        .resource_arn(&arn)
        .send()
        .await?;
    check(tags.tags().len() == 1, "the tag")?;
    let found = client
        .describe_state_machine()
        .state_machine_arn(&arn)
        .send()
        .await?;
    check(found.definition == PASS, "the definition")?;
    client
        .delete_state_machine()
        .state_machine_arn(&arn)
        .send()
        .await?;
    Ok(())
}

async fn activities(client: &Client) -> Outcome {
    let activity = client
        .create_activity()
        .name("rust")
        .send()
        .await?
        .activity_arn;
    let work = format!(
        r#"{{"StartAt":"W","States":{{"W":{{"Type":"Task","Resource":"{activity}","End":true}}}}}}"#
    );
    let arn = create(client, "rust-work", &work).await?;
    let start = client.start_execution().state_machine_arn(&arn);
    let execution = start.input(r#"{"a":1}"#).send().await?.execution_arn;
    let task = client
        .get_activity_task()
        .activity_arn(&activity)
        .worker_name("rust");
    let task = task.send().await?;
    check(task.input() == Some(r#"{"a":1}"#), "the task's input")?;
    let token = task.task_token().ok_or("a token")?;
    client
        .send_task_heartbeat()
        .task_token(token)
        .send()
        .await?;
    client
        .send_task_success()
        .task_token(token)
        .output("2")
        .send()
        .await?;
    check(
        closed(client, &execution).await? == ExecutionStatus::Succeeded,
        "the status",
    )?;
    let late = client.send_task_failure().task_token(token).send().await;
    let late = late.expect_err("is refused").into_service_error();
    check(late.is_task_timed_out(), "a second answer is TaskTimedOut")
}

async fn express(client: &Client) -> Outcome {
    let made = client
        .create_state_machine()
        .name("rust-express")
        .definition(PASS)
        .role_arn(ROLE)
        .r#type(StateMachineType::Express)
        .send()
        .await?;
    let start = client
        .start_sync_execution()
        .state_machine_arn(&made.state_machine_arn);
    let end = start.send().await?;
    check(end.status == SyncExecutionStatus::Succeeded, "the status")?;
    check(end.output() == Some("7"), "the output")?;
    check(end.billing_details().is_some(), "what would be billed")
}

async fn versions(client: &Client) -> Outcome {
    let arn = create(client, "rust-versions", PASS).await?;
    let published = client
        .publish_state_machine_version()
        .state_machine_arn(&arn);
    let published = published.description("one").send().await?;
    check(
        published.state_machine_version_arn == format!("{arn}:1"),
        "the version",
    )?;
    let start = client.start_execution();
    let started = start.state_machine_arn(format!("{arn}:1")).send().await?;
    let closed = closed(client, &started.execution_arn).await?;
    check(closed == ExecutionStatus::Succeeded, "the status")
}

async fn tested_states(client: &Client) -> Outcome {
    let tested = client
        .test_state()
        .definition(r#"{"Type":"Pass","Parameters":{"b.$":"$.a"},"Next":"N"}"#)
        .input(r#"{"a":1}"#)
        .inspection_level(InspectionLevel::Debug)
        .send()
        .await?;
    check(
        tested.status() == Some(&TestExecutionStatus::Succeeded),
        "the status",
    )?;
    check(tested.next_state() == Some("N"), "the next state")?;
    let data = tested.inspection_data().ok_or("what was inspected")?;
    check(
        data.after_parameters() == Some(r#"{"b":1}"#),
        "the parameters",
    )
}

async fn refusals(client: &Client) -> Outcome {
    let nowhere = "arn:aws:states:us-east-1:000000000000:stateMachine:nowhere";
    let refused = client
        .describe_state_machine()
        .state_machine_arn(nowhere)
        .send()
        .await;
    let refused = refused.expect_err("is refused").into_service_error();
    check(
        refused.is_state_machine_does_not_exist(),
        "StateMachineDoesNotExist",
    )?;
    let message = refused.message().unwrap_or_default();
    check(message.contains("nowhere"), "the message")?;
    let wrong = client
        .create_state_machine()
        .name("wrong")
        .definition("{}")
        .role_arn(ROLE);
    let wrong = wrong
        .send()
        .await
        .expect_err("is refused")
        .into_service_error();
    check(wrong.is_invalid_definition(), "InvalidDefinition")
}
