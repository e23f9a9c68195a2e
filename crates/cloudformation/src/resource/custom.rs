//! Custom resources: a function (or a topic's subscriber) makes, changes and deletes them, and answers at
//! an address of its own.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::Failure;

use super::{Made, NotCreated, ResourceHandler, Services, generated_name, properties};
use crate::signals::Signal;
use crate::stack::ResourceState;

pub(super) struct CustomResource;

/// How a custom resource's own types begin.
pub(super) const OWN: &str = "Custom::";
/// The attribute that holds where the answer came. No template can ask for it.
const ADDRESS: &str = "$address";
/// The attribute that says that nobody has written down yet what came to [`ADDRESS`].
const UNANSWERED: &str = "$unanswered";
/// The attribute that says that the resource is another now.
pub(crate) const PHYSICAL_ID: &str = "$physicalId";
/// How long an answer may take, where the resource does not say (`ServiceTimeout`).
const TIMEOUT_SECONDS: u64 = 3_600;
/// Longest name that is drawn.
const NAME_CHARS_MAX: usize = 200;

#[async_trait]
impl ResourceHandler for CustomResource {
    fn kind(&self) -> &'static str {
        "AWS::CloudFormation::CustomResource"
    }

    fn properties(&self) -> &'static [&'static str] {
        &["ServiceTimeout", "ServiceToken"]
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["ServiceToken"]
    }

    fn attributes(&self) -> &'static [&'static str] {
        &[]
    }

    /// What the function takes is for the function to say.
    fn accepts(&self, _: &str) -> bool {
        true
    }

    fn has_attribute(&self, attribute: &str) -> bool {
        !attribute.starts_with('$')
    }

    fn draw_name(&self, stack: &str, logical_id: &str) -> String {
        generated_name(stack, logical_id, NAME_CHARS_MAX)
    }

    /// The address of the answer is written down before anybody is asked.
    async fn known_before(
        &self,
        services: &Services,
        _: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let address = services.signals.open().await.map_err(store)?;
        Ok(properties::object([
            (ADDRESS, address.into()),
            (UNANSWERED, true.into()),
        ]))
    }

    async fn create(
        &self,
        services: &Services,
        name: &str,
        given: &Map<String, Value>,
    ) -> Result<Made, NotCreated> {
        let address = services.about.known.get(ADDRESS).and_then(Value::as_str);
        let address = address.unwrap_or_default().to_owned();
        let request = json!({"RequestType": "Create"});
        let signal = match ask(services, &address, given, request).await {
            Ok(signal) => signal,
            // Whatever went wrong, the function is asked to delete what it may have made.
            Err(Unanswered::Sent(failure)) => {
                return Err(NotCreated {
                    failure,
                    partly: true,
                });
            }
            // Nobody was asked, so that there is nothing to delete, nor perhaps anybody to ask for it.
            Err(Unanswered::NotSent(failure)) => {
                services.signals.close(&address).await.map_err(store)?;
                return Err(failure.into());
            }
        };
        let mut attributes = attributes(&signal);
        attributes.insert(ADDRESS.to_owned(), address.into());
        Ok(Made {
            attributes,
            physical_id: Some(signal.physical_resource_id.unwrap_or(name.to_owned())),
        })
    }

    async fn update(
        &self,
        services: &Services,
        physical_id: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let address = services.signals.open().await.map_err(store)?;
        let request = json!({
            "RequestType": "Update",
            "PhysicalResourceId": physical_id,
            "OldResourceProperties": texts(before),
        });
        let signal = ask(services, &address, after, request).await;
        services.signals.close(&address).await.map_err(store)?;
        let signal = signal?;
        let mut attributes = attributes(&signal);
        if let Some(other) = signal.physical_resource_id
            && other != physical_id
        {
            attributes.insert(PHYSICAL_ID.to_owned(), other.into());
        }
        Ok(attributes)
    }

    /// What it takes to delete one is in its row: see `remove`.
    async fn delete(&self, _: &Services, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn is_removed_by_properties(&self) -> bool {
        true
    }

    async fn remove(&self, services: &Services, state: &ResourceState) -> Result<(), Failure> {
        let known = state.attributes.get(ADDRESS).and_then(Value::as_str);
        let mut physical_id = state.physical_id.clone();
        if let Some(known) = known {
            // The answer to its creation may have come when nobody could write it down. One that was
            // written down says nothing any more: the resource may be another since.
            let answers = services.signals.answers(known).await.map_err(store)?;
            let named = answers.into_iter().find_map(|it| it.physical_resource_id);
            if let Some(named) = named.filter(|_| state.attributes.contains_key(UNANSWERED)) {
                physical_id = named;
            }
        }
        let address = services.signals.open().await.map_err(store)?;
        let none = Map::new();
        let given = state.properties.as_object().unwrap_or(&none);
        let request = json!({"RequestType": "Delete", "PhysicalResourceId": physical_id});
        let asked = ask(services, &address, given, request).await;
        services.signals.close(&address).await.map_err(store)?;
        asked?;
        match known {
            Some(known) => services.signals.close(known).await.map_err(store),
            None => Ok(()),
        }
    }
}

pub(super) fn store(error: store::StoreError) -> Failure {
    tracing::error!(%error, "the store failed while an answer was waited for");
    Failure::internal("The store is unavailable.")
}

/// Returns what an answer says of attributes, without those that only we give.
fn attributes(signal: &Signal) -> Map<String, Value> {
    let mut attributes = signal.attributes();
    attributes.retain(|name, _| !name.starts_with('$'));
    attributes
}

/// Why there is no answer that says that it was done.
enum Unanswered {
    /// Nobody has got the request.
    NotSent(Failure),
    /// Somebody has, and may have done something.
    Sent(Failure),
}

impl From<Unanswered> for Failure {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::NotSent(failure) | Unanswered::Sent(failure) => failure,
        }
    }
}

/// Asks whoever is behind the resource, and waits for the answer.
async fn ask(
    services: &Services,
    address: &str,
    given: &Map<String, Value>,
    request: Value,
) -> Result<Signal, Unanswered> {
    let sent = send(services, address, given, request).await;
    let sent = sent.map_err(Unanswered::NotSent)?;
    let answer = answer(services, address, &sent).await;
    answer.map_err(Unanswered::Sent)
}

/// A request that is under way.
struct Sent {
    request_id: String,
    /// How long its answer may take.
    timeout: Duration,
}

async fn send(
    services: &Services,
    address: &str,
    given: &Map<String, Value>,
    mut request: Value,
) -> Result<Sent, Failure> {
    let token = given.get("ServiceToken").and_then(Value::as_str);
    let token = token.ok_or_else(|| {
        Failure::client(
            "ValidationError",
            "ServiceToken is required and must be an ARN",
        )
    })?;
    let seconds = match given.get("ServiceTimeout").map(properties::text) {
        None => TIMEOUT_SECONDS,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (1..=TIMEOUT_SECONDS).contains(seconds))
            .ok_or_else(|| {
                let text = "ServiceTimeout must be between 1 and 3600";
                Failure::client("ValidationError", text)
            })?,
    };
    let request_id = uuid::Uuid::new_v4().to_string();
    request["ResponseURL"] = services.signals.url(address).into();
    request["StackId"] = services.stack_id.as_str().into();
    request["RequestId"] = request_id.as_str().into();
    request["ResourceType"] = services.about.kind.as_str().into();
    request["LogicalResourceId"] = services.about.logical_id.as_str().into();
    request["ServiceToken"] = token.into();
    request["ResourceProperties"] = texts(given);
    if token.contains(":sns:") {
        let input = properties::object([
            ("TopicArn", token.into()),
            (
                "Subject",
                "AWS CloudFormation custom resource request".into(),
            ),
            ("Message", request.to_string().into()),
        ]);
        services.call("sns", "Publish", input).await?;
    } else {
        let input = properties::object([
            ("FunctionName", token.into()),
            ("InvocationType", "Event".into()),
        ]);
        services
            .send("lambda", "Invoke", input, request.to_string().into())
            .await?;
    }
    Ok(Sent {
        request_id,
        timeout: Duration::from_secs(seconds),
    })
}

async fn answer(services: &Services, address: &str, sent: &Sent) -> Result<Signal, Failure> {
    let request_id = &sent.request_id;
    let first = services
        .signals
        .wait(address, |signals| signals.first().cloned());
    let answer = tokio::time::timeout(sent.timeout, first).await;
    let Ok(answer) = answer else {
        let text = "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId";
        return Err(Failure::client(
            "NotStabilized",
            format!(
                "{text} [{request_id}]. If you are using the Python cfn-response module, you may need to update your Lambda function code so that CloudFormation can attach the updated version."
            ),
        ));
    };
    let answer = answer.map_err(store)?;
    if answer.status == "SUCCESS" {
        return Ok(answer);
    }
    let reason = answer.reason.unwrap_or_default();
    Err(Failure::client(
        "GeneralServiceException",
        format!(
            "Received response status [FAILED] from custom resource. Message returned: {reason} (RequestId: {request_id})"
        ),
    ))
}

/// Returns properties as the function gets them: every scalar is a text.
fn texts(given: &Map<String, Value>) -> Value {
    fn text(value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(name, member)| (name.clone(), text(member)))
                .collect::<Map<_, _>>()
                .into(),
            Value::Array(items) => items.iter().map(text).collect(),
            scalar => properties::text(scalar).into(),
        }
    }
    let members = given.iter();
    members
        .map(|(name, member)| (name.clone(), text(member)))
        .collect::<Map<_, _>>()
        .into()
}
