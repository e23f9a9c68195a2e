//! The Lambda Runtime API (version 2018-06-01) for the processes that run functions.
//!
//! One loopback listener serves every instance; an instance finds its own session under an
//! unguessable path, so that no function can take or answer another's events. A custom runtime may
//! insist that `AWS_LAMBDA_RUNTIME_API` is `host:port`: its session gets a listener of its own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use vocab::Timestamp;

/// Longest result of a function, in bytes (Lambda quotas, "Invocation payload").
pub const RESPONSE_BYTES_MAX: usize = 6_291_556;

const API_PREFIX: &str = "2018-06-01/runtime/";

/// One event on its way to a function.
#[derive(Debug)]
pub struct Invocation {
    /// `Lambda-Runtime-Aws-Request-Id`.
    pub request_id: String,
    /// `Lambda-Runtime-Deadline-Ms`.
    pub deadline: Timestamp,
    /// `Lambda-Runtime-Invoked-Function-Arn`.
    pub function_arn: Arc<str>,
    /// `Lambda-Runtime-Trace-Id`.
    pub trace_id: String,
    /// `Lambda-Runtime-Client-Context`: JSON in ASCII, where the caller gave one.
    pub client_context: Option<String>,
    /// The event itself: JSON.
    pub payload: Bytes,
}

/// What a runtime tells of itself, in order; each at most once an instance or an invocation.
#[derive(Debug)]
pub enum Signal {
    /// It asked for its first event: initialization is over.
    Ready,
    /// It could not initialize; the body says why.
    InitError(Bytes),
    /// It was handed the invocation.
    Taken,
    /// The handler returned.
    Response(Bytes),
    /// The handler failed; the body says how.
    Error(Bytes),
    /// The handler returned more than [`RESPONSE_BYTES_MAX`].
    ResponseTooLarge,
}

/// The listener and the sessions of all instances.
pub struct RuntimeApi {
    address: SocketAddr,
    sessions: Arc<Mutex<HashMap<String, Arc<Session>>>>,
    listener: JoinHandle<()>,
}

impl RuntimeApi {
    /// Listens on a free loopback port.
    pub async fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let sessions: Arc<Mutex<HashMap<String, Arc<Session>>>> = Arc::default();
        let known = Arc::clone(&sessions);
        let find = move |path: &str| {
            let (token, rest) = path.strip_prefix('/')?.split_once('/')?;
            let session = known.lock().get(token).cloned()?;
            Some((session, rest.to_owned()))
        };
        let listener = tokio::spawn(accept(listener, Arc::new(find)));
        Ok(Self { address, sessions, listener })
    }

    /// Opens a session on the shared listener.
    pub fn open(&self) -> SessionHandle {
        let (session, handle) = Session::new();
        let token = uuid::Uuid::new_v4().simple().to_string();
        self.sessions.lock().insert(token.clone(), session);
        SessionHandle {
            address: format!("{}/{token}", self.address),
            _entry: Entry::Shared { token, sessions: Arc::clone(&self.sessions) },
            ..handle
        }
    }

    /// Opens a session on a port of its own.
    pub async fn open_on_own_port(&self) -> io::Result<SessionHandle> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (session, handle) = Session::new();
        let find = move |path: &str| Some((Arc::clone(&session), path.strip_prefix('/')?.to_owned()));
        let task = tokio::spawn(accept(listener, Arc::new(find)));
        Ok(SessionHandle { address: address.to_string(), _entry: Entry::OwnPort(task), ..handle })
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// The server's end of one instance's session; the session ends when it is dropped.
pub struct SessionHandle {
    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub address: String,
    invocations: mpsc::Sender<Invocation>,
    signals: mpsc::UnboundedReceiver<Signal>,
    session: Arc<Session>,
    /// Held for what dropping it does.
    _entry: Entry,
}

enum Entry {
    None,
    Shared { token: String, sessions: Arc<Mutex<HashMap<String, Arc<Session>>>> },
    OwnPort(JoinHandle<()>),
}

impl Drop for Entry {
    fn drop(&mut self) {
        match self {
            Self::None => {}
            Self::Shared { token, sessions } => drop(sessions.lock().remove(token)),
            Self::OwnPort(task) => task.abort(),
        }
    }
}

impl SessionHandle {
    /// Hands `invocation` to the runtime as soon as it asks.
    pub async fn deliver(&self, invocation: Invocation) {
        self.session.state.lock().current = Some(invocation.request_id.clone());
        // The receiver lives in the session, which this handle holds.
        let _ = self.invocations.send(invocation).await;
    }

    /// Returns what the runtime says next.
    pub async fn signal(&mut self) -> Signal {
        match self.signals.recv().await {
            Some(signal) => signal,
            // The sender lives in the session, which this handle holds.
            None => std::future::pending().await,
        }
    }
}

/// The runtime's end of one instance's session.
struct Session {
    waiting: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    signals: mpsc::UnboundedSender<Signal>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    initialized: bool,
    /// The request that may be answered.
    current: Option<String>,
}

impl Session {
    fn new() -> (Arc<Self>, SessionHandle) {
        let (invocations, waiting) = mpsc::channel(1);
        let (sender, signals) = mpsc::unbounded_channel();
        let session = Arc::new(Self {
            waiting: tokio::sync::Mutex::new(waiting),
            signals: sender,
            state: Mutex::default(),
        });
        let handle = SessionHandle {
            address: String::new(),
            invocations,
            signals,
            session: Arc::clone(&session),
            _entry: Entry::None,
        };
        (session, handle)
    }

    fn tell(&self, signal: Signal) {
        // Nobody listens any more once the instance is given up.
        let _ = self.signals.send(signal);
    }

    async fn answer(&self, path: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let Some(route) = path.strip_prefix(API_PREFIX) else {
            return refusal(StatusCode::NOT_FOUND, "InvalidPath", "This is the Runtime API 2018-06-01.");
        };
        let fields: Vec<&str> = route.split('/').collect();
        match (request.method(), fields.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => self.respond(id, request, false).await,
            (&Method::POST, ["invocation", id, "error"]) => self.respond(id, request, true).await,
            (&Method::POST, ["init", "error"]) => self.init_error(request).await,
            _ => refusal(StatusCode::NOT_FOUND, "InvalidPath", "The Runtime API has no such operation."),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        let first = !std::mem::replace(&mut self.state.lock().initialized, true);
        if first {
            self.tell(Signal::Ready);
        }
        let Some(invocation) = self.waiting.lock().await.recv().await else {
            return refusal(StatusCode::GONE, "InstanceEnded", "This instance was given up.");
        };
        self.tell(Signal::Taken);
        let mut response = Response::new(Full::new(invocation.payload));
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let values = [
            ("lambda-runtime-aws-request-id", Some(invocation.request_id)),
            ("lambda-runtime-deadline-ms", Some(invocation.deadline.as_millis().to_string())),
            ("lambda-runtime-invoked-function-arn", Some(invocation.function_arn.to_string())),
            ("lambda-runtime-trace-id", Some(invocation.trace_id)),
            ("lambda-runtime-client-context", invocation.client_context),
        ];
        for (name, value) in values {
            if let Some(value) = value.and_then(|text| HeaderValue::from_str(&text).ok()) {
                headers.insert(name, value);
            }
        }
        response
    }

    async fn respond(&self, id: &str, request: Request<Incoming>, failed: bool) -> Response<Full<Bytes>> {
        if self.state.lock().current.as_deref() != Some(id) {
            return refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        }
        let body = Limited::new(request.into_body(), RESPONSE_BYTES_MAX).collect().await;
        // The first answer counts, also when two come at once.
        if self.state.lock().current.take_if(|current| current == id).is_none() {
            return refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        }
        match body {
            Ok(body) if failed => self.tell(Signal::Error(body.to_bytes())),
            Ok(body) => self.tell(Signal::Response(body.to_bytes())),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                self.tell(Signal::ResponseTooLarge);
                return refusal(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "RequestEntityTooLarge",
                    "Exceeded maximum allowed payload size (6291556 bytes).",
                );
            }
            Err(_) => {
                // The connection broke within the body: the process is about to be seen as gone.
                return refusal(StatusCode::BAD_REQUEST, "InvalidBody", "The body could not be read.");
            }
        }
        accepted()
    }

    async fn init_error(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let Ok(body) = Limited::new(request.into_body(), RESPONSE_BYTES_MAX).collect().await else {
            return refusal(StatusCode::BAD_REQUEST, "InvalidBody", "The body could not be read.");
        };
        if std::mem::replace(&mut self.state.lock().initialized, true) {
            let message = "Initialization is over.";
            return refusal(StatusCode::FORBIDDEN, "InvalidStateTransition", message);
        }
        self.tell(Signal::InitError(body.to_bytes()));
        accepted()
    }
}

type Find = dyn Fn(&str) -> Option<(Arc<Session>, String)> + Send + Sync;

async fn accept(listener: TcpListener, find: Arc<Find>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the Runtime API could not accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        // Small answers must not wait for more to come.
        let _ = stream.set_nodelay(true);
        let find = Arc::clone(&find);
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let found = find(request.uri().path());
                async move {
                    Ok::<_, Infallible>(match found {
                        Some((session, path)) => session.answer(&path, request).await,
                        None => refusal(StatusCode::FORBIDDEN, "UnknownInstance", "No instance has this path."),
                    })
                }
            });
            // A connection ends when its process does; there is nobody to tell.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn accepted() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"{\"status\":\"OK\"}\n")));
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Response<Full<Bytes>> {
    let body = serde_json::json!({ "errorMessage": message, "errorType": kind });
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}
