//! Large bodies, and callers who would keep the room for them to themselves.

mod common;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use common::World;
use gateway::{Pages, StreamedBody};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// More than a body that needs no leave.
const LARGE_BYTES: usize = 100 << 10;

/// Pages that read what they are sent, and answer when they may.
struct Reading {
    leave: Arc<Semaphore>,
    has_read: Arc<Semaphore>,
}

#[async_trait]
impl Pages for Reading {
    fn is_meant(&self, parts: &Parts) -> bool {
        parts.uri.path() == "/pages"
    }

    async fn answer(&self, request: Request<StreamedBody>) -> Response<StreamedBody> {
        let mut response = Response::new(
            http_body_util::Empty::new()
                .map_err(|never| match never {})
                .boxed_unsync(),
        );
        if request.into_body().collect().await.is_err() {
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
            return response;
        }
        self.has_read.add_permits(1);
        let leave = self.leave.acquire().await;
        leave.expect("nobody closes it").forget();
        response
    }
}

/// Begins a request with the head of a large body and `bytes` of it.
async fn begin(world: &World, declared: usize, bytes: usize) -> TcpStream {
    let head = world.head("POST", "/", Some("AWSStepFunctions.ListStateMachines"));
    let head = world.signed(head, "", &world.signer("states"));
    let mut text = String::from("POST / HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().expect("text")));
    }
    text.push_str(&format!("content-length: {declared}\r\n\r\n"));
    text.push_str(&" ".repeat(bytes));
    let mut stream = TcpStream::connect(world.address)
        .await
        .expect("the server listens");
    // The server may hang up before it has read everything.
    let _ = stream.write_all(text.as_bytes()).await;
    stream
}

async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Those who only say that much will come keep nobody out.
#[tokio::test(start_paused = true)]
async fn what_is_declared_takes_no_room() {
    let world = World::start().await;
    let mut open = Vec::new();
    for _ in 0..30 {
        open.push(begin(&world, 10 << 20, LARGE_BYTES).await);
    }
    let body = " ".repeat(LARGE_BYTES) + "{}";
    let answered = world.states("ListStateMachines", &body).await;
    assert_eq!(answered.status(), 200, "{}", answered.text);
    drop(open);
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(60), what).await;
    done.expect("it comes about in time")
}

/// Those who do send much, and then wait, are as many as there is room for; others are told to try again.
#[tokio::test]
async fn who_finds_no_room_is_told_so_and_not_kept() {
    let world = World::start().await;
    let mut open = Vec::new();
    for _ in 0..25 {
        open.push(begin(&world, 10 << 20, (10 << 20) - 1).await);
    }
    open.push(begin(&world, 10 << 20, (6 << 20) - 1).await);
    let asked = async || rest(begin(&world, LARGE_BYTES, LARGE_BYTES).await).await;
    // What was sent is read in its own time; and who is refused may lose the answer while still sending.
    let refused = async {
        loop {
            let answered = asked().await;
            if !answered.is_empty() && !answered.starts_with("HTTP/1.1 4") {
                break answered;
            }
        }
    };
    let refused = in_time(refused).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("ServiceUnavailable\""), "{refused}");
    assert_eq!(world.states("ListStateMachines", "{}").await.status(), 200);
    drop(open);
    // The body is not what was signed; but it is read.
    let taken = async { while !asked().await.starts_with("HTTP/1.1 4") {} };
    in_time(taken).await;
}

/// The clock is moved: it jumps when nobody can go on.
#[tokio::test(start_paused = true)]
async fn a_large_body_that_trickles_is_not_waited_for() {
    let world = World::start().await;
    let begun = tokio::time::Instant::now();
    let (mut reading, mut writing) = begin(&world, 10 << 20, LARGE_BYTES).await.into_split();
    let trickle = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            if writing.write_all(b" ").await.is_err() {
                return;
            }
        }
    });
    let mut answer = [0; 12];
    reading.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    trickle.abort();
}

/// Pages fill their own room and no more, and what is signed has its own.
#[tokio::test]
async fn pages_have_room_too() {
    const BYTES: usize = 10 << 20;
    let world = World::start().await;
    let (leave, has_read) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    world.gateway.set_pages(Arc::new(Reading {
        leave: Arc::clone(&leave),
        has_read: Arc::clone(&has_read),
    }));
    let ask = async |bytes: usize| {
        let head = format!(
            "POST /pages HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {bytes}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(world.address).await.expect("it listens");
        stream.write_all(head.as_bytes()).await.expect("it reads");
        // The server may hang up before it has read everything.
        let _ = stream.write_all(&vec![b' '; bytes]).await;
        stream
    };
    let mut fits = Vec::new();
    for _ in 0..6 {
        fits.push(ask(BYTES).await);
    }
    let six = has_read.acquire_many(6).await;
    six.expect("nobody closes it").forget();
    // All six are under way.
    let refused = async { rest(ask(5 << 20).await).await };
    let refused = in_time(refused).await;
    // The server may hang up while the client still writes, and then the answer is lost.
    assert!(
        refused.is_empty() || refused.starts_with("HTTP/1.1 503"),
        "{refused}"
    );
    let body = " ".repeat(LARGE_BYTES) + "{}";
    assert_eq!(world.states("ListStateMachines", &body).await.status(), 200);
    leave.add_permits(7);
    for stream in fits {
        let answer = rest(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let again = rest(ask(BYTES).await).await;
    assert!(again.starts_with("HTTP/1.1 200"), "{again}");
}
