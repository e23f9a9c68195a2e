//! `stepd logs`: what a function wrote, from the server that ran it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use gateway::{Route, RouteAnswer, RouteRequest};
use http::Method;
use lambda::Lambda;
use logs::Logs;
use serde_json::{Value, json};
use service::Failure;

use crate::client::Client;

/// Options of `stepd logs`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The function's name or ARN
    function: String,
    /// Go on with what the function writes from now on
    #[arg(long, short)]
    follow: bool,
}

/// Prints the log until it ends, or for ever.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    tokio::task::spawn_blocking(move || print(&arguments)).await?
}

fn print(arguments: &Arguments) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let Arguments { function, follow } = arguments;
    let body = client.send(
        Method::GET,
        &format!("/_stepd/logs/{function}?follow={follow}"),
        Vec::new(),
    )?;
    let mut out = std::io::stdout().lock();
    for line in BufReader::new(body.into_reader()).lines() {
        let entry: Value = serde_json::from_str(&line?)?;
        let member = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let written =
            writeln!(out, "{} {}", member("time"), member("message")).and_then(|()| out.flush());
        // Whoever reads has gone: `stepd logs … | head`.
        if written.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The server's side: `GET /_stepd/logs/FUNCTION?follow=true`.
pub struct FunctionLogs {
    /// Knows the functions.
    pub lambda: Arc<Lambda>,
    /// Keeps what they write.
    pub logs: Arc<Logs>,
}

#[async_trait]
impl Route for FunctionLogs {
    fn name(&self) -> &'static str {
        "logs"
    }

    async fn answer(&self, request: RouteRequest) -> Result<RouteAnswer, Failure> {
        if request.method != Method::GET {
            return Err(
                Failure::client("MethodNotAllowed", "Logs are read with GET.").with_status(405),
            );
        }
        let follow = request.query.split('&').any(|pair| pair == "follow=true");
        let group = self.lambda.log_group(&request.path).await?;
        let entries = self.logs.tail(&group, follow).await?;
        let lines = entries.map(|entry| {
            let instance = entry.stream.rsplit(']').next();
            let line = json!({
                "time": entry.time.to_string(),
                "instance": instance,
                "message": entry.message,
            });
            Bytes::from(format!("{line}\n"))
        });
        Ok(RouteAnswer::Lines(lines.boxed()))
    }
}
