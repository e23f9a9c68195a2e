//! The console, mounted on the gateway, and `stepd console`, which prints a link to sign in with.

use std::sync::Arc;

use async_trait::async_trait;
use console::Console;
use gateway::{Pages, Route, RouteAnswer, RouteRequest, StreamedBody};
use http::request::Parts;
use http::{Method, Request, Response};
use serde_json::{Value, json};
use service::Failure;

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

/// The way of the command: `POST /_stepd/console/links`, signed; the link is for who signed.
pub struct ConsoleLinks(pub Arc<Console>);

#[async_trait]
impl Route for ConsoleLinks {
    fn name(&self) -> &'static str {
        "console"
    }

    async fn answer(&self, request: RouteRequest) -> Result<RouteAnswer, Failure> {
        match (&request.method, request.path.as_str()) {
            (&Method::POST, "links") => {
                let path = self.0.sign_in_path(request.principal);
                Ok(RouteAnswer::Json(json!({"path": path}).to_string().into()))
            }
            _ => {
                let message = "There is nothing here but POST /_stepd/console/links.";
                Err(Failure::client("UnknownOperationException", message).with_status(404))
            }
        }
    }
}
