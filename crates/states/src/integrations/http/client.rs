//! The way out: HTTP/1.1, with TLS or, to machines of the same network alone, without.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;

use super::connection::Token;
use super::request::Ready;

/// Longest body that is taken: what `Range` asks for.
pub(in crate::integrations) const BODY_BYTES_MAX: usize = 262_144;
/// Longest exchange, from looking the host up to the end of the body.
const EXCHANGE_MAX: Duration = Duration::from_secs(60);
/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(30);

type Way = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// What all HTTP tasks of a server share.
pub(crate) struct Client {
    way: Way,
    /// Tokens of connections that authorize by OAuth, by the connection's ARN.
    pub(super) tokens: Mutex<HashMap<String, Token>>,
}

/// An answer.
pub(in crate::integrations) struct Received {
    pub(in crate::integrations) status: StatusCode,
    pub(in crate::integrations) headers: HeaderMap,
    pub(in crate::integrations) body: Bytes,
    /// There is more than [`BODY_BYTES_MAX`] of it.
    pub(in crate::integrations) is_cut: bool,
}

/// Why there is no answer.
pub(in crate::integrations) enum Unanswered {
    /// It was not asked.
    Refused(String),
    TimedOut,
    Broken(String),
}

impl Client {
    pub(crate) fn new() -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let https = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let way = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(https);
        let tokens = Mutex::default();
        Self { way, tokens }
    }

    /// Sends a request and reads its answer.
    pub(in crate::integrations) async fn send(
        &self,
        method: &Method,
        ready: Ready,
    ) -> Result<Received, Unanswered> {
        let uri: Uri = ready.url.parse().map_err(|_| {
            // Behind the question mark are secrets, of the connection and of its authorization.
            let shown = ready.url.split('?').next().unwrap_or_default();
            Unanswered::Refused(format!("'{shown}' is not a URL."))
        })?;
        let mut request = Request::builder().method(method).uri(&uri);
        for (name, value) in &ready.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        let body = Full::new(Bytes::from(ready.body.unwrap_or_default()));
        let request = request
            .body(body)
            .map_err(|error| Unanswered::Refused(format!("A header is not valid: {error}.")))?;
        let exchange = async {
            check_plain(&uri).await?;
            self.exchange(request).await
        };
        tokio::time::timeout(EXCHANGE_MAX, exchange)
            .await
            .unwrap_or(Err(Unanswered::TimedOut))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Received, Unanswered> {
        let answer = self.way.request(request).await;
        let (parts, mut body) = answer.map_err(|error| broken(&error))?.into_parts();
        let mut read = BytesMut::new();
        let mut is_cut = false;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| broken(&error))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let room = BODY_BYTES_MAX - read.len();
            if data.len() > room {
                is_cut = true;
                break;
            }
            read.extend_from_slice(&data);
        }
        Ok(Received {
            status: parts.status,
            headers: parts.headers,
            body: read.freeze(),
            is_cut,
        })
    }
}

/// Returns what went wrong, to its cause.
fn broken(error: &dyn std::error::Error) -> Unanswered {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    Unanswered::Broken(deepest.to_string())
}

/// Refuses to send anything in the clear to other networks: what a connection adds is secret.
async fn check_plain(uri: &Uri) -> Result<(), Unanswered> {
    if uri.scheme_str() != Some("http") {
        return Ok(());
    }
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((host, uri.port_u16().unwrap_or(80))).await;
    let found = found.map_err(|error| Unanswered::Broken(error.to_string()))?;
    let mut found = found.peekable();
    if found.peek().is_some() && found.all(|address| is_near(address.ip())) {
        return Ok(());
    }
    Err(Unanswered::Refused(format!(
        "'http://{host}' is not of this machine or a private network: what leaves it must be encrypted. Say \
         https."
    )))
}

fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near() {
        for (address, near) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.17.0.2", true),
            ("192.168.1.1", true),
            ("::1", true),
            ("fd00::1", true),
            ("::ffff:127.0.0.1", true),
            ("169.254.169.254", false),
            ("8.8.8.8", false),
            ("::ffff:8.8.8.8", false),
            ("2001:db8::1", false),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(is_near(address), near, "{address}");
        }
    }
}
