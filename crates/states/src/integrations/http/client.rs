//! The way out: HTTP/1.1, with TLS or, to machines of the same network alone, without.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use tower::util::ServiceFn;

use super::connection::Token;
use super::request::Ready;

/// Longest body that is taken: what `Range` asks for.
pub(in crate::integrations) const BODY_BYTES_MAX: usize = 262_144;
/// Longest exchange, from looking the host up to the end of the body.
const EXCHANGE_MAX: Duration = Duration::from_secs(60);
/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(30);

type Way<C> = hyper_util::client::legacy::Client<C, Full<Bytes>>;
/// Addresses that are looked up.
type Found = BoxFuture<'static, Result<std::vec::IntoIter<SocketAddr>, BoxError>>;
/// The resolver of those who are near.
type Near = ServiceFn<fn(Name) -> Found>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What all HTTP tasks of a server share.
pub(crate) struct Client {
    /// With TLS, to anybody.
    sealed: Way<HttpsConnector<HttpConnector>>,
    /// In the clear, to those who are near alone.
    plain: Way<HttpConnector<Near>>,
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
            .https_only()
            .enable_http1()
            .wrap_connector(http);
        let near: fn(Name) -> Found = near;
        let mut plain = HttpConnector::new_with_resolver(tower::service_fn(near));
        plain.set_nodelay(true);
        Self {
            sealed: way(https),
            plain: way(plain),
            tokens: Mutex::default(),
        }
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
        check_plain(&uri)?;
        tokio::time::timeout(EXCHANGE_MAX, self.exchange(request))
            .await
            .unwrap_or(Err(Unanswered::TimedOut))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Received, Unanswered> {
        let answer = match request.uri().scheme_str() {
            Some("http") => self.plain.request(request).await,
            Some(_) | None => self.sealed.request(request).await,
        };
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

/// Sends nothing in the clear to other networks: what a connection adds is secret.
#[derive(Debug, thiserror::Error)]
#[error(
    "'http://{host}' is not of this machine or a private network: what leaves it must be encrypted. Say https."
)]
struct FarAway {
    host: String,
}

fn way<C: Connect + Clone>(connector: C) -> Way<C> {
    hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build(connector)
}

/// Returns what went wrong, to its cause.
fn broken(error: &(dyn std::error::Error + 'static)) -> Unanswered {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    match deepest.downcast_ref::<FarAway>() {
        Some(far) => Unanswered::Refused(far.to_string()),
        None => Unanswered::Broken(deepest.to_string()),
    }
}

/// Refuses an address of another network. Names are left to [`near`]; an address is not looked up.
fn check_plain(uri: &Uri) -> Result<(), Unanswered> {
    if uri.scheme_str() != Some("http") {
        return Ok(());
    }
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) if !is_near(address) => {
            let host = host.to_owned();
            Err(Unanswered::Refused(FarAway { host }.to_string()))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Looks a name up and keeps the addresses that are near. Who connects asks this, once: a name that was
/// looked up before might be another machine's by then.
fn near(name: Name) -> Found {
    Box::pin(async move {
        let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
        let near: Vec<_> = found.filter(|address| is_near(address.ip())).collect();
        if near.is_empty() {
            let host = name.as_str().to_owned();
            return Err(FarAway { host }.into());
        }
        Ok(near.into_iter())
    })
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

    #[tokio::test]
    async fn a_name_of_another_network_is_not_connected_to() {
        for (name, expected) in [("127.0.0.1", true), ("192.0.2.1", false), ("::1", true)] {
            let found = near(name.parse().expect("a name")).await;
            match found {
                Ok(mut found) => assert!(expected && found.all(|at| is_near(at.ip())), "{name}"),
                Err(error) => {
                    // The task is refused, which is not to be tried again.
                    let is_refused = matches!(broken(&*error), Unanswered::Refused(_));
                    assert!(!expected && is_refused, "{name}: {error}");
                }
            }
        }
    }

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
