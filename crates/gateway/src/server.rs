//! The listener: connections over HTTP/1.1, kept alive, closed politely.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::exchange;
use crate::gateway::Gateway;

/// Most connections at a time; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 10_000;

/// Longest head of a request, in bytes: session tokens are long, but not that long.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long a caller may take to send a head, and a connection may be idle.
const HEAD_SECONDS_MAX: Duration = Duration::from_secs(60);

/// How long answers in flight are waited for when the server stops.
const FAREWELL_MAX: Duration = Duration::from_secs(30);

/// How long a caller may take to agree on encryption.
const HANDSHAKE_MAX: Duration = Duration::from_secs(20);

/// Serves `gateway` on `listener` until `shutdown` is ready. Once this returns, no further request is
/// taken, and those in flight are answered or have had thirty seconds.
pub async fn serve(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    shutdown: impl Future<Output = ()>,
) {
    serve_with(listener, None, gateway, shutdown).await;
}

/// Serves `gateway` as [`serve`] does, over TLS where `tls` says how.
pub async fn serve_with(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    gateway: Arc<Gateway>,
    shutdown: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let acceptor = tls.map(TlsAcceptor::from);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let seat = Arc::clone(&seats).acquire_owned();
        let accepted = async { (seat.await, listener.accept().await) };
        tokio::select! {
            () = &mut shutdown => break,
            (seat, accepted) = accepted => match accepted {
                Ok((stream, from)) => {
                    let (gateway, watcher) = (Arc::clone(&gateway), graceful.watcher());
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        speak(stream, from.ip(), acceptor, gateway, watcher).await;
                        drop(seat);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    // Out of descriptors, most likely: let some connections end.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    if tokio::time::timeout(FAREWELL_MAX, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were not answered in time before the server stopped");
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub address: IpAddr,
    /// Whether the connection is encrypted, or does not leave the machine.
    pub secure: bool,
}

/// Serves one connection to its end.
async fn speak(
    stream: TcpStream,
    address: IpAddr,
    acceptor: Option<TlsAcceptor>,
    gateway: Arc<Gateway>,
    watcher: Watcher,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch Nagle's algorithm off");
    }
    let secure = acceptor.is_some() || address.to_canonical().is_loopback();
    let peer = Peer { address, secure };
    let ended = match acceptor {
        None => watcher.watch(connection(stream, peer, gateway)).await,
        Some(acceptor) => {
            let agreed = tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await;
            match agreed {
                Ok(Ok(stream)) => watcher.watch(connection(stream, peer, gateway)).await,
                Ok(Err(error)) => return tracing::debug!(%error, "no encryption was agreed on"),
                Err(_) => return tracing::debug!("no encryption was agreed on in time"),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

fn connection<S>(
    stream: S,
    peer: Peer,
    gateway: Arc<Gateway>,
) -> impl GracefulConnection<Error = hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, Infallible>(exchange::answer(&gateway, request).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_SECONDS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
}
