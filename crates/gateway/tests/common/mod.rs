//! A gateway on port 0 with services that tell what they were asked, and a client that signs.

#![allow(dead_code, reason = "every test file uses its part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use aws_wire::sigv4::{Signer, sign};
use bytes::Bytes;
use futures::StreamExt;
use gateway::{Gateway, Keys, Route, RouteAnswer, RouteRequest};
use http::request::Parts;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use service::{Call, Clock, Failure, Reply, Service, Site};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use vocab::Timestamp;

pub const ROOT: (&str, &str) = ("AKIDROOT", "root-secret");

/// A clock that stands still until it is moved.
pub struct StandingClock(pub AtomicI64);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Answers with what it was asked; some operations misbehave.
pub struct Echo {
    pub name: &'static str,
    pub entered: Arc<Notify>,
    pub leave: Arc<Notify>,
}

#[async_trait]
impl Service for Echo {
    fn name(&self) -> &'static str {
        self.name
    }

    fn waits(&self, operation: &str) -> bool {
        operation == "GetActivityTask"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        match &*call.operation {
            "DeleteActivity" => panic!("a planted bug"),
            "DescribeActivity" => {
                Err(Failure::client("ActivityDoesNotExist", "gone").with_field("more", 1))
            }
            "GetActivityTask" => {
                self.entered.notify_one();
                self.leave.notified().await;
                Ok(Reply::default())
            }
            "PublishStateMachineVersion" => {
                self.entered.notify_one();
                self.leave.notified().await;
                self.entered.notify_one();
                Ok(Reply::default())
            }
            "Invoke" => {
                let output = json!({"StatusCode": 200, "ExecutedVersion": "$LATEST"});
                Ok(Reply {
                    output: output.to_string().into(),
                    payload: call.payload,
                })
            }
            operation => {
                let output = json!({
                    "operation": operation,
                    "input": String::from_utf8_lossy(&call.input),
                    "principal": call.principal.arn(),
                });
                Ok(Reply {
                    output: output.to_string().into(),
                    payload: Bytes::new(),
                })
            }
        }
    }
}

/// A way of the server's own: tells what it was asked, or counts.
struct Tell;

#[async_trait]
impl Route for Tell {
    fn name(&self) -> &'static str {
        "tell"
    }

    fn body_bytes_max(&self) -> usize {
        100
    }

    async fn answer(&self, request: RouteRequest) -> Result<RouteAnswer, Failure> {
        match &*request.path {
            "lines" => {
                let lines =
                    futures::stream::iter(1..=3).map(|n| Bytes::from(format!("{{\"n\":{n}}}\n")));
                Ok(RouteAnswer::Lines(lines.boxed()))
            }
            "bug" => panic!("a planted bug"),
            "no" => Err(Failure::client("ValidationException", "no")),
            path => {
                let body = String::from_utf8_lossy(&request.body);
                let told = json!({"path": path, "query": request.query, "body": body, "who": request.principal.arn()});
                Ok(RouteAnswer::Json(told.to_string().into()))
            }
        }
    }
}

/// A running server.
pub struct World {
    pub gateway: Arc<Gateway>,
    pub clock: Arc<StandingClock>,
    pub address: std::net::SocketAddr,
    pub entered: Arc<Notify>,
    pub leave: Arc<Notify>,
    pub stop: std::sync::Mutex<Option<oneshot::Sender<()>>>,
}

impl World {
    pub async fn start() -> Self {
        let clock = Arc::new(StandingClock(AtomicI64::new(1_457_920_740_000)));
        let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let echo = |name| -> Arc<dyn Service> {
            Arc::new(Echo {
                name,
                entered: Arc::clone(&entered),
                leave: Arc::clone(&leave),
            })
        };
        let site = Site {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        };
        let keys = Keys {
            root: (ROOT.0.into(), ROOT.1.into()),
            master: [3; 32],
        };
        let services = vec![echo("states"), echo("lambda")];
        let gateway = Gateway::new(site, keys, services, Arc::<StandingClock>::clone(&clock));
        gateway.add_route(Arc::new(Tell));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopping) = oneshot::channel::<()>();
        let serving = gateway::serve(listener, Arc::clone(&gateway), async move {
            drop(stopping.await)
        });
        tokio::spawn(serving);
        Self {
            gateway,
            clock,
            address,
            entered,
            leave,
            stop: Some(stop).into(),
        }
    }

    /// Tells the server to stop and waits until it takes nobody new.
    pub async fn gateway_stops(&self) {
        drop(self.stop.lock().expect("nobody panicked with it").take());
        while TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    pub fn signer<'a>(&self, service: &'a str) -> Signer<'a> {
        Signer {
            access_key_id: ROOT.0,
            secret_access_key: ROOT.1,
            session_token: None,
            region: "us-east-1",
            service,
        }
    }

    /// Returns the head of a request, unsigned.
    pub fn head(&self, method: &str, path: &str, target: Option<&str>) -> Parts {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        if let Some(target) = target {
            request = request
                .header("x-amz-target", target)
                .header("content-type", "application/x-amz-json-1.0");
        }
        request
            .body(())
            .expect("the case is a request")
            .into_parts()
            .0
    }

    pub fn signed(&self, mut parts: Parts, body: &str, signer: &Signer<'_>) -> Parts {
        sign(&mut parts, body.as_bytes(), signer, self.clock.now())
            .expect("the keys fit into headers");
        parts
    }

    /// Calls an operation of Step Functions as the root.
    pub async fn states(&self, operation: &str, body: &str) -> Answered {
        let head = self.head("POST", "/", Some(&format!("AWSStepFunctions.{operation}")));
        self.send(self.signed(head, body, &self.signer("states")), body)
            .await
    }

    /// Sends a request on a connection of its own.
    pub async fn send(&self, mut parts: Parts, body: &str) -> Answered {
        let stream = TcpStream::connect(self.address)
            .await
            .expect("the server listens");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("it speaks HTTP");
        tokio::spawn(connection);
        if !parts.headers.contains_key("host") {
            let host = parts
                .uri
                .authority()
                .expect("an absolute URI")
                .as_str()
                .parse()
                .expect("a host");
            parts.headers.insert("host", host);
        }
        parts.uri = parts
            .uri
            .path_and_query()
            .expect("a path")
            .as_str()
            .parse()
            .expect("a path");
        let request = http::Request::from_parts(parts, Full::new(Bytes::from(body.to_owned())));
        let response = sender.send_request(request).await.expect("it answers");
        let (parts, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .expect("the answer is whole")
            .to_bytes();
        Answered {
            parts,
            text: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answered {
    pub parts: http::response::Parts,
    pub text: String,
}

impl Answered {
    pub fn status(&self) -> u16 {
        self.parts.status.as_u16()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("the answer is JSON")
    }

    /// Returns status and code, however the protocol says the code.
    pub fn code(&self) -> String {
        assert!(
            self.parts.headers.contains_key("x-amzn-requestid"),
            "{self:?}"
        );
        let header = self
            .parts
            .headers
            .get("x-amzn-errortype")
            .map(|value| value.to_str().expect("text").to_owned());
        let code = header.unwrap_or_else(|| {
            let kind = self.json()["__type"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            kind.rsplit('#').next().unwrap_or_default().to_owned()
        });
        format!("{} {code}", self.status())
    }
}
