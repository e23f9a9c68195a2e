//! The web console's server side: the files of the page, who is signed in, and the page's calls.
//!
//! It has no privileges. What a page asks for is one call through the gateway, as the principal who
//! signed in; what it is told to read again comes from the executions' changes and names nothing but
//! ARNs. Deliberately absent: what the page shows, which is `console/` beside the crates.

#![forbid(unsafe_code)]
#![allow(
    clippy::result_large_err,
    reason = "a failure is made once for a call that is refused"
)]

mod answer_links;
mod api;
mod asked;
mod counts;
mod files;
mod headers;
mod live;
mod records;
mod session;
mod tasks;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use service::{Clock, Failure, Gate, Principal};
use states::Changes;
use store::Store;
use tokio::sync::watch;

use counts::Counts;
use records::Records;
pub use session::Signer;
use session::{Session, Sessions};

/// A body that comes or goes piece by piece.
pub type Body = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Longest request of a page of somebody who is signed in: a definition or an input, with room.
const CALL_BYTES_MAX: usize = 10 << 20;

/// Longest token to sign in with, and what is around it.
const SIGN_IN_BYTES_MAX: usize = 1 << 10;

/// Longest answer link, and what is around it.
const LOOK_BYTES_MAX: usize = 16 << 10;

/// Longest answer of a visitor: an output, with every letter of it escaped twice, and the link.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// How long a page may take to send one.
const BODY_SECONDS_MAX: Duration = Duration::from_secs(60);

/// The server's own ways beside the operations of AWS: what `stepd`'s commands ask, too.
#[async_trait]
pub trait OwnWays: Send + Sync {
    /// Asks `/_stepd/NAME` as `principal`, who must be allowed to.
    async fn ask(&self, name: &str, principal: Principal, body: Bytes) -> Result<Bytes, Failure>;

    /// Says whether requests may be signed with this key, which does not end by itself.
    async fn has_key(&self, id: &str) -> bool;
}

/// What the console stands on.
pub struct Foundations {
    /// The way to the services.
    pub gate: Arc<dyn Gate>,
    /// The way to the server's own.
    pub ways: Arc<dyn OwnWays>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where the console's few rows are.
    pub store: Arc<dyn Store>,
    /// What pages hear of.
    pub changes: Changes,
}

/// How the console is set up.
pub struct ConsoleOptions {
    /// What sessions are sealed with, among other things.
    pub master: [u8; 32],
    /// The port that the server listens on: cookies of one machine are shared by its ports, so that
    /// their names tell servers apart.
    pub port: u16,
}

/// The console of one server.
pub struct Console {
    cookie: String,
    sessions: Sessions,
    gate: Arc<dyn Gate>,
    ways: Arc<dyn OwnWays>,
    clock: Arc<dyn Clock>,
    records: Records,
    changes: Changes,
    counts: Counts,
    /// Becomes true when the server stops: streams end then.
    stopping: watch::Sender<bool>,
}

impl Console {
    /// Returns the console; nothing is read and nothing runs before somebody asks.
    pub fn new(options: &ConsoleOptions, foundations: Foundations) -> Arc<Self> {
        let Foundations {
            gate,
            ways,
            clock,
            store,
            changes,
        } = foundations;
        Arc::new(Self {
            cookie: format!("stepd-console-{}", options.port),
            sessions: Sessions::new(&options.master),
            gate,
            ways,
            clock,
            records: Records::new(store),
            changes,
            counts: Counts::default(),
            stopping: watch::Sender::new(false),
        })
    }

    /// Returns a path that signs `signer` in, once and within ten minutes, for no longer than the key is good.
    ///
    /// The token stands behind `#`, so that no server, log or referrer sees it; the page sends it.
    pub fn sign_in_path(&self, signer: Signer) -> String {
        let token = self.sessions.link(signer, self.clock.now());
        format!("/console/sign-in#{token}")
    }

    /// Returns a path with which anybody can answer one task, once, as `principal`.
    ///
    /// # Errors
    /// `TaskTimedOut` where the task does not wait, and whatever the list of tasks answers.
    pub async fn answer_link(&self, principal: &Principal, input: &[u8]) -> Result<Bytes, Failure> {
        answer_links::make(self, principal, input).await
    }

    /// Ends all streams: the server stops, and they must not hold it up.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Says whether a request is for the console: its paths, and the root for a browser.
    pub fn is_meant(parts: &Parts) -> bool {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            return false;
        }
        let path = parts.uri.path();
        is_below(path, "/console") || (path == "/" && reads_html(parts))
    }

    /// Answers a request. Problems are answers.
    pub async fn answer(self: &Arc<Self>, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let mut answer = match self.route(&parts, body).await {
            Ok(answer) => answer,
            Err(failure) => refusal(&failure),
        };
        if !answer
            .headers()
            .contains_key(header::CONTENT_SECURITY_POLICY)
        {
            headers::secure(answer.headers_mut(), None);
        }
        answer
    }

    async fn route(self: &Arc<Self>, parts: &Parts, body: Body) -> Result<Response<Body>, Failure> {
        if !headers::is_ours(parts) {
            let message = "The request does not come from a page of this server.";
            return Err(Failure::client("AccessDeniedException", message).with_status(403));
        }
        let path = parts.uri.path();
        let Some(path) = path.strip_prefix("/console") else {
            return Ok(moved("/console/"));
        };
        let path = path.trim_start_matches('/');
        match (&parts.method, path) {
            (&Method::POST, "session") => self.sign_in(body).await,
            (&Method::DELETE, "session") => Ok(self.sign_out(parts)),
            (&Method::GET, "session") => Ok(self.who(&self.session(parts).await?)),
            (&Method::GET, "live") => live::answer(self, &self.session(parts).await?, parts).await,
            (&Method::POST, "answer/look") => {
                let shown = answer_links::look(self, &read(body, LOOK_BYTES_MAX).await?).await?;
                Ok(whole(StatusCode::OK, "application/json", shown))
            }
            (&Method::POST, "answer/send") => {
                let sent = answer_links::send(self, &read(body, ANSWER_BYTES_MAX).await?).await?;
                Ok(whole(StatusCode::OK, "application/json", sent))
            }
            (&Method::POST, path) if path.starts_with("api/") => {
                let session = self.session(parts).await?;
                let body = read(body, CALL_BYTES_MAX).await?;
                api::answer(self, &session, &path["api/".len()..], body).await
            }
            (&Method::GET | &Method::HEAD, name) => Ok(files::answer(name, &parts.headers)),
            _ => {
                let message = "There is nothing here that takes this method.";
                Err(Failure::client("MethodNotAllowed", message).with_status(405))
            }
        }
    }

    async fn session(&self, parts: &Parts) -> Result<Session, Failure> {
        let now = self.clock.now();
        let found = self.sessions.of(&parts.headers, &self.cookie, now);
        if let Some(session) = found
            && self.is_key_good(&session).await
        {
            return Ok(session);
        }
        let message = "Nobody is signed in. `stepd console` prints a link.";
        Err(Failure::client("NotSignedIn", message).with_status(401))
    }

    /// Says whether somebody is still signed in: nobody has signed them out, and their key is known.
    pub(crate) async fn goes_on(&self, session: &Session) -> bool {
        !self.sessions.is_ended(session) && self.is_key_good(session).await
    }

    async fn is_key_good(&self, session: &Session) -> bool {
        match &session.key_id {
            // It ended with its key, if that has ended.
            None => true,
            Some(id) => self.ways.has_key(id).await,
        }
    }

    async fn sign_in(&self, body: Body) -> Result<Response<Body>, Failure> {
        let body = read(body, SIGN_IN_BYTES_MAX).await?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let token = body["token"].as_str().unwrap_or_default();
        let now = self.clock.now();
        let redeemed = self.sessions.redeem(token, now);
        let session = match redeemed {
            Some(session) if self.is_key_good(&session).await => session,
            _ => {
                let message = "The link was used already, or is older than ten minutes. \
                               `stepd console` prints another one.";
                return Err(Failure::client("LinkUsed", message).with_status(401));
            }
        };
        let seconds = (session.expires_at.as_millis() - now.as_millis()) / 1_000;
        let text = self.sessions.seal(&session);
        let mut answer = self.who(&session);
        self.set_cookie(&mut answer, &text, seconds);
        Ok(answer)
    }

    fn sign_out(&self, parts: &Parts) -> Response<Body> {
        let now = self.clock.now();
        if let Some(session) = self.sessions.of(&parts.headers, &self.cookie, now) {
            self.sessions.end(&session, now);
        }
        let mut answer = json_answer(&json!({}));
        self.set_cookie(&mut answer, "", 0);
        answer
    }

    fn set_cookie(&self, answer: &mut Response<Body>, text: &str, seconds: i64) {
        let cookie = format!(
            "{}={text}; Path=/console; Max-Age={seconds}; HttpOnly; SameSite=Strict",
            self.cookie
        );
        let cookie = HeaderValue::from_str(&cookie).expect("base64 has only letters and digits");
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }

    fn who(&self, session: &Session) -> Response<Body> {
        json_answer(&json!({
            "arn": session.principal.arn(),
            "expiresAt": session.expires_at.as_millis(),
        }))
    }
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Says whether whoever asks is a browser that wants to show something.
fn reads_html(parts: &Parts) -> bool {
    let accept = parts.headers.get(header::ACCEPT);
    parts.method == Method::GET
        && accept
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains("text/html"))
}

/// Reads a body of at most `bytes_max` bytes, in time.
async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Failure> {
    let message = "The body did not arrive in time";
    let late = |_| Failure::client("RequestTimeout", message).with_status(408);
    let read = tokio::time::timeout(BODY_SECONDS_MAX, collect(body, bytes_max)).await;
    read.map_err(late)?.ok_or_else(|| {
        let message = "The body is too long, or broke off.";
        Failure::client("RequestEntityTooLargeException", message).with_status(413)
    })
}

/// Returns the whole body; `None` if it is too long or breaks off.
async fn collect(mut body: Body, bytes_max: usize) -> Option<Bytes> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame.ok()?.into_data() {
            if piece.len() > bytes_max - read.len() {
                return None;
            }
            read.extend_from_slice(&piece);
        }
    }
    Some(read.freeze())
}

fn whole(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {});
    let mut answer = Response::new(body.boxed_unsync());
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static(content_type);
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

fn json_answer(body: &Value) -> Response<Body> {
    whole(StatusCode::OK, "application/json", body.to_string())
}

fn moved(to: &'static str) -> Response<Body> {
    let mut answer = whole(StatusCode::FOUND, "text/plain", "");
    let to = HeaderValue::from_static(to);
    answer.headers_mut().insert(header::LOCATION, to);
    answer
}

/// Writes a failure as the services do.
fn refusal(failure: &Failure) -> Response<Body> {
    let mut body = failure.fields.clone();
    body.insert("__type".to_owned(), failure.code.as_ref().into());
    body.insert("message".to_owned(), failure.message.as_str().into());
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::BAD_REQUEST);
    whole(status, "application/json", Value::Object(body).to_string())
}

#[cfg(test)]
mod tests;
