//! The console, mounted on the gateway, and `stepd console`, which prints a link to sign in with.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use console::{Console, OwnWays, Signer};
use gateway::{Gateway, Pages, Route, RouteAnswer, RouteRequest, StreamedBody};
use http::request::Parts;
use http::{Method, Request, Response};
use serde_json::{Value, json};
use service::{Failure, Principal};

use crate::client::Client;

/// Prints a link that signs in whoever opens it first.
pub async fn run() -> anyhow::Result<()> {
    tokio::task::spawn_blocking(|| {
        let client = Client::from_environment()?;
        let mut answer = client.send(Method::POST, "/_stepd/console/links", Vec::new())?;
        let said: Value = serde_json::from_str(&answer.read_to_string()?)?;
        let path = said["path"].as_str().unwrap_or_default();
        println!("{}{path}", client.endpoint());
        Ok(())
    })
    .await?
}

/// The pages.
pub struct ConsolePages(pub Arc<Console>);

#[async_trait]
impl Pages for ConsolePages {
    fn is_meant(&self, parts: &Parts) -> bool {
        Console::is_meant(parts)
    }

    async fn answer(&self, request: Request<StreamedBody>) -> Response<StreamedBody> {
        self.0.answer(request).await
    }
}

/// The server's own ways, asked through the gateway like everything else.
pub struct Ways(pub Arc<Gateway>);

#[async_trait]
impl OwnWays for Ways {
    async fn ask(&self, name: &str, principal: Principal, body: Bytes) -> Result<Bytes, Failure> {
        match self.0.ask_own(name, principal, body).await? {
            RouteAnswer::Json(answer) => Ok(answer),
            RouteAnswer::Lines(_) => Err(Failure::internal("The way answers a stream.")),
        }
    }

    async fn has_key(&self, id: &str) -> bool {
        self.0.has_key(id)
    }
}

/// The ways of commands and functions, signed: `POST /_stepd/console/links` signs in who signed,
/// `POST /_stepd/console/answer-links` lets somebody answer one task.
pub struct ConsoleLinks(pub Arc<Console>);

#[async_trait]
impl Route for ConsoleLinks {
    fn name(&self) -> &'static str {
        "console"
    }

    async fn answer(&self, request: RouteRequest) -> Result<RouteAnswer, Failure> {
        match (&request.method, request.path.as_str()) {
            (&Method::POST, "links") => {
                let Some(key) = request.key else {
                    let message = "A link is given to whoever signs for it.";
                    return Err(Failure::client("AccessDeniedException", message).with_status(403));
                };
                let path = self.0.sign_in_path(Signer {
                    principal: request.principal,
                    key_id: key.id,
                    key_ends_at: key.ends_at,
                });
                Ok(RouteAnswer::Json(json!({"path": path}).to_string().into()))
            }
            (&Method::POST, "answer-links") => {
                let link = self
                    .0
                    .answer_link(&request.principal, &request.body)
                    .await?;
                Ok(RouteAnswer::Json(link))
            }
            _ => {
                let message = "There is nothing here but POST to links and answer-links.";
                Err(Failure::client("UnknownOperationException", message).with_status(404))
            }
        }
    }
}
