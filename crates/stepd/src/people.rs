//! Ways of the server's own for people: what waits for an answer, and executions by the beginning of a name.
//!
//! `POST /_stepd/tasks`, `POST /_stepd/executions` and `POST /_stepd/look`, JSON for JSON; each is authorized under its own name,
//! because whoever lists tasks gets their tokens.

use std::sync::Arc;

use async_trait::async_trait;
use gateway::{Route, RouteAnswer, RouteRequest};
use http::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Failure;
use states::States;

/// Most bytes of a question.
const BODY_BYTES_MAX: usize = 64 << 10;

/// `POST /_stepd/tasks`: lists open tasks.
pub struct OpenTasks(pub Arc<States>);

#[async_trait]
impl Route for OpenTasks {
    fn name(&self) -> &'static str {
        "tasks"
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    async fn answer(&self, request: RouteRequest) -> Result<RouteAnswer, Failure> {
        let query = asked(&request).map_err(|failure| *failure)?;
        Ok(answered(&self.0.open_tasks(&query).await?))
    }
}

/// `POST /_stepd/executions`: finds executions.
pub struct FindExecutions(pub Arc<States>);

#[async_trait]
impl Route for FindExecutions {
    fn name(&self) -> &'static str {
        "executions"
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    async fn answer(&self, request: RouteRequest) -> Result<RouteAnswer, Failure> {
        let query = asked(&request).map_err(|failure| *failure)?;
        Ok(answered(&self.0.find_executions(&query).await?))
    }
}

/// `POST /_stepd/look`: executions of EXPRESS machines as the API shows others, for the server's own views.
pub struct Looks(pub Arc<States>);

/// An operation and its input.
#[derive(Deserialize)]
struct Look {
    operation: String,
    input: Value,
}

#[async_trait]
impl Route for Looks {
    fn name(&self) -> &'static str {
        "look"
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    async fn answer(&self, request: RouteRequest) -> Result<RouteAnswer, Failure> {
        let Look { operation, input } = asked(&request).map_err(|failure| *failure)?;
        let reply = self
            .0
            .look(&operation, input.to_string().as_bytes())
            .await?;
        Ok(RouteAnswer::Json(reply.output))
    }
}

fn asked<T: DeserializeOwned>(request: &RouteRequest) -> Result<T, Box<Failure>> {
    if request.method != Method::POST {
        let failure = Failure::client("MethodNotAllowed", "This is asked with POST.");
        return Err(Box::new(failure.with_status(405)));
    }
    serde_json::from_slice(&request.body)
        .map_err(|error| Box::new(Failure::client("ValidationException", error.to_string())))
}

fn answered<T: Serialize>(answer: &T) -> RouteAnswer {
    let json = serde_json::to_vec(answer).expect("answers have text keys and no failing parts");
    RouteAnswer::Json(json.into())
}
