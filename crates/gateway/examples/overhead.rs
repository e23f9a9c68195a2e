//! Measures what the gateway costs a request: signed calls to a service that does nothing, over real
//! connections, with a client in the same process.
//!
//! `cargo run --release -p gateway --example overhead`

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_wire::sigv4::{Signer, sign};
use bytes::Bytes;
use gateway::{Gateway, Keys};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use service::{Call, Clock, Failure, Reply, Service, Site, SystemClock};
use tokio::net::{TcpListener, TcpStream};

const CONNECTIONS: usize = 32;
const SECONDS: u64 = 5;

struct Nothing;

#[async_trait]
impl Service for Nothing {
    fn name(&self) -> &'static str {
        "states"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        // What every real service does first.
        match aws_model::states::StartExecutionInput::from_json(&call.input) {
            Ok(_) => Ok(Reply::default()),
            Err(invalid) => Err(Failure::client(invalid.code, invalid.message)),
        }
    }
}

#[tokio::main]
async fn main() {
    let site = Site {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
    };
    let keys = Keys {
        root: ("AKIDROOT".into(), "secret".into()),
        master: [1; 32],
    };
    let gateway = Gateway::new(site, keys, vec![Arc::new(Nothing)], Arc::new(SystemClock));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(gateway::serve(listener, gateway, std::future::pending()));
    for path in ["/health", "/"] {
        let started = Instant::now();
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| tokio::spawn(client(address, path)))
            .collect();
        let mut answered = 0;
        for client in clients {
            answered += client.await.expect("the client lives");
        }
        let seconds = started.elapsed().as_secs_f64();
        let each = seconds * 1e6 / answered as f64;
        println!(
            "{path}: {:.0} requests/s, {each:.1} µs each",
            answered as f64 / seconds
        );
    }
}

/// Sends requests one after another for a while and returns how many were answered.
async fn client(address: std::net::SocketAddr, path: &'static str) -> u64 {
    let stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("HTTP");
    tokio::spawn(connection);
    let body = Bytes::from_static(
        br#"{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:M","input":"{\"a\":1}"}"#,
    );
    let signer = Signer {
        access_key_id: "AKIDROOT",
        secret_access_key: "secret",
        session_token: None,
        region: "us-east-1",
        service: "states",
    };
    let (mut answered, until) = (0, Instant::now() + Duration::from_secs(SECONDS));
    // The client signs once a second, so that the figure is the server's.
    let mut signed: Option<(Instant, http::request::Parts)> = None;
    while Instant::now() < until {
        let fresh = signed
            .take()
            .filter(|(at, _)| at.elapsed() < Duration::from_secs(1));
        let (at, parts) = fresh.unwrap_or_else(|| {
            let request = http::Request::post(path)
                .method(if path == "/" { "POST" } else { "GET" })
                .header("host", address.to_string())
                .header("x-amz-target", "AWSStepFunctions.StartExecution")
                .header("content-type", "application/x-amz-json-1.0");
            let mut parts = request.body(()).expect("a request").into_parts().0;
            sign(&mut parts, &body, &signer, SystemClock.now()).expect("signs");
            (Instant::now(), parts)
        });
        let request = http::Request::from_parts(parts.clone(), Full::new(body.clone()));
        signed = Some((at, parts));
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status(), 200);
        response
            .into_body()
            .collect()
            .await
            .expect("a whole answer");
        answered += 1;
    }
    answered
}
