//! Connections, as a caller and an HTTP task see them.

use std::sync::Arc;

use async_trait::async_trait;
use delivery::Deliveries;
use events::Events;
use serde_json::{Value, json};
use service::{Call, Failure, Gate, Principal, Reply, RequestId, Service as _, Site, SystemClock};
use store::MemoryStore;

struct World(Arc<Events>);

/// Nobody is called for a connection.
struct Nobody;

#[async_trait]
impl Gate for Nobody {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        panic!("{} is called", call.service)
    }
}

impl World {
    async fn new() -> Self {
        let site = Site {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        };
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(SystemClock);
        let deliveries = Deliveries::open(store.clone(), Arc::new(Nobody), clock.clone());
        let deliveries = deliveries.await.expect("the deliveries open");
        let events = Events::open(store, deliveries, clock, site);
        Self(events.await.expect("the buses open"))
    }

    async fn call(&self, operation: &'static str, input: Value) -> Result<Value, Failure> {
        let call = Call {
            service: "events",
            operation: operation.into(),
            input: input.to_string().into(),
            payload: Default::default(),
            principal: Principal::Root {
                account: "000000000000".into(),
            },
            request_id: RequestId::random(),
        };
        let reply = self.0.call(call).await?;
        Ok(serde_json::from_slice(&reply.output).expect("an output is JSON"))
    }

    async fn ok(&self, operation: &'static str, input: Value) -> Value {
        let answer = self.call(operation, input).await;
        answer.unwrap_or_else(|failure| panic!("{operation} answered {failure}"))
    }

    async fn err(&self, operation: &'static str, input: Value) -> String {
        let answer = self.call(operation, input).await;
        answer.expect_err("is refused").to_string()
    }
}

fn basic(name: &str) -> Value {
    json!({
        "Name": name,
        "AuthorizationType": "BASIC",
        "AuthParameters": {
            "BasicAuthParameters": {"Username": "u", "Password": "secret"},
            "InvocationHttpParameters": {"HeaderParameters": [
                {"Key": "a", "Value": "shown", "IsValueSecret": false},
                {"Key": "b", "Value": "secret", "IsValueSecret": true},
            ]},
        },
    })
}

#[tokio::test]
async fn a_connection_shows_its_secrets_to_who_retrieves_them_alone() {
    let world = World::new().await;
    let made = world.ok("CreateConnection", basic("C")).await;
    let arn = made["ConnectionArn"].as_str().expect("an ARN");
    assert!(arn.starts_with("arn:aws:events:us-east-1:000000000000:connection/C/"));
    assert_eq!(made["ConnectionState"], "AUTHORIZED");
    let shown = world.ok("DescribeConnection", json!({"Name": "C"})).await;
    assert!(!shown.to_string().contains("\"secret\""), "{shown}");
    assert_eq!(
        shown["AuthParameters"],
        json!({
            "BasicAuthParameters": {"Username": "u"},
            "InvocationHttpParameters": {"HeaderParameters": [
                {"Key": "a", "Value": "shown", "IsValueSecret": false},
                {"Key": "b", "IsValueSecret": true},
            ]},
        })
    );
    let of = json!({"ConnectionArn": arn});
    let retrieved = world.ok("RetrieveConnectionCredentials", of.clone()).await;
    assert_eq!(
        retrieved,
        json!({"AuthorizationType": "BASIC", "AuthParameters": basic("C")["AuthParameters"]})
    );
    let key = json!({"Name": "C", "AuthorizationType": "API_KEY",
        "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}}});
    world.ok("UpdateConnection", key).await;
    let retrieved = world.ok("RetrieveConnectionCredentials", of.clone()).await;
    assert_eq!(retrieved["AuthorizationType"], "API_KEY");
    assert!(
        retrieved["AuthParameters"]
            .get("BasicAuthParameters")
            .is_none()
    );
    let gone = world.ok("DeleteConnection", json!({"Name": "C"})).await;
    assert_eq!(gone["ConnectionState"], "DELETING");
    // One of the same name is another one.
    world.ok("CreateConnection", basic("C")).await;
    let refused = world.err("RetrieveConnectionCredentials", of).await;
    assert!(
        refused.starts_with("ResourceNotFoundException"),
        "{refused}"
    );
}

#[tokio::test]
async fn connections_are_listed_in_pages() {
    let world = World::new().await;
    for name in ["a1", "a2", "a3", "b"] {
        world.ok("CreateConnection", basic(name)).await;
    }
    let mut query = json!({"NamePrefix": "a", "Limit": 2});
    let names = |page: &Value| -> Vec<String> {
        let connections = page["Connections"].as_array().expect("a list").iter();
        connections
            .map(|one| one["Name"].as_str().expect("a name").to_owned())
            .collect()
    };
    let page = world.ok("ListConnections", query.clone()).await;
    assert_eq!(names(&page), ["a1", "a2"]);
    query["NextToken"] = page["NextToken"].clone();
    let page = world.ok("ListConnections", query).await;
    assert_eq!(
        (names(&page), page.get("NextToken")),
        (vec!["a3".to_owned()], None)
    );
}

#[tokio::test]
async fn what_makes_no_connection_is_refused() {
    let world = World::new().await;
    world.ok("CreateConnection", basic("C")).await;
    let oauth = |endpoint: &str| {
        let parameters = json!({"OAuthParameters": {
            "ClientParameters": {"ClientID": "me", "ClientSecret": "s"},
            "AuthorizationEndpoint": endpoint, "HttpMethod": "GET",
        }});
        json!({"Name": "D", "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": parameters})
    };
    let no_endpoint = "ValidationException: OAuthParameters needs an AuthorizationEndpoint that is a URL of https.";
    let with = |name: &str, value: Value| {
        let mut input = basic("D");
        input[name] = value;
        input
    };
    for (input, refused) in [
        (
            basic("C"),
            "ResourceAlreadyExistsException: Connection C already exists.",
        ),
        (
            basic("a b"),
            "ValidationException: 1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+",
        ),
        (
            with("AuthorizationType", "NONE".into()),
            "ValidationException: 1 validation error detected: Value 'NONE' at 'authorizationType' failed",
        ),
        (
            with("AuthorizationType", "API_KEY".into()),
            "ValidationException: Authorization type API_KEY needs the authorization parameters ApiKeyAuthParameters.",
        ),
        (
            with(
                "AuthParameters",
                json!({"BasicAuthParameters": {"Username": "u"}}),
            ),
            "ValidationException: BasicAuthParameters needs a Password",
        ),
        (oauth("a"), no_endpoint),
        (oauth("https://a b/token"), no_endpoint),
        (oauth("ftp://a/token"), no_endpoint),
        (oauth("https://u:p@a/token"), no_endpoint),
        (
            with("KmsKeyIdentifier", "k".into()),
            "NotImplemented: KmsKeyIdentifier of a connection is not served here yet",
        ),
    ] {
        let told = world.err("CreateConnection", input).await;
        assert!(told.starts_with(refused), "{told}");
    }
    for (operation, verb) in [
        ("DescribeConnection", "describe"),
        ("DeleteConnection", "delete"),
    ] {
        let told = world.err(operation, json!({"Name": "X"})).await;
        assert_eq!(
            told,
            format!(
                "ResourceNotFoundException: Failed to {verb} the connection(s). Connection 'X' does not exist."
            )
        );
    }
    let told = world.err("CreateArchive", json!({})).await;
    assert_eq!(
        told,
        "NotImplemented: events:CreateArchive is not served here yet"
    );
}
