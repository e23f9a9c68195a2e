//! What no client of AWS sends: bytes that are no request, or not all of one.

mod common;

use common::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends `bytes`, closes the sending half if `half_closes`, and returns all that comes back.
async fn exchange(world: &World, bytes: &[u8], half_closes: bool) -> String {
    let mut stream = TcpStream::connect(world.address)
        .await
        .expect("the server listens");
    // The server may hang up before it has read everything.
    let _ = stream.write_all(bytes).await;
    if half_closes {
        let _ = stream.shutdown().await;
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Writes a signed request as it goes over the wire.
fn wire(world: &World, body: &str, more: &str) -> Vec<u8> {
    let head = world.head("POST", "/", Some("AWSStepFunctions.ListStateMachines"));
    let head = world.signed(head, body, &world.signer("states"));
    let mut text = String::from("POST / HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().expect("text")));
    }
    format!("{text}{more}\r\n{body}").into_bytes()
}

#[tokio::test]
async fn answers_or_hangs_up_and_lives() {
    let world = World::start().await;
    let whole = wire(&world, "{}", "content-length: 2\r\n");
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let cases: Vec<(&str, Vec<u8>, bool, &str)> =
        vec![
        ("a whole request", whole.clone(), false, "HTTP/1.1 200"),
        (
            "a client that half-closes after a whole request",
            whole.clone(),
            true,
            "HTTP/1.1 200",
        ),
        (
            "chunks",
            wire(&world, "", "transfer-encoding: chunked\r\n")
                .into_iter()
                .chain(*b"0\r\n\r\n")
                .collect(),
            false,
            "HTTP/1.1 200",
        ),
        (
            "no HTTP",
            b"\x16\x03\x01\x00\xff\x00\r\n\r\n".to_vec(),
            false,
            "HTTP/1.1 400",
        ),
        ("nothing", Vec::new(), true, ""),
        ("half a head", whole[..40].to_vec(), true, ""),
        (
            "half a body",
            wire(&world, "{", "content-length: 2\r\n"),
            true,
            "HTTP/1.1 400",
        ),
        (
            "two lengths",
            wire(&world, "{}", "content-length: 2\r\ncontent-length: 3\r\n"),
            false,
            "HTTP/1.1 400",
        ),
        (
            "a huge header",
            wire(&world, "", &format!("x-huge: {}\r\n", "x".repeat(1_000_000))),
            false,
            "HTTP/1.1 431",
        ),
        (
            "many headers",
            wire(&world, "", &many),
            false,
            "HTTP/1.1 431",
        ),
        (
            "a huge target",
            format!("POST /{} HTTP/1.1\r\n\r\n", "x".repeat(1_000_000)).into_bytes(),
            false,
            "HTTP/1.1 4",
        ),
        (
            "no UTF-8 in a header",
            b"POST / HTTP/1.1\r\nx-amz-target: \xff\xfe\r\nhost: h\r\nconnection: close\r\n\r\n"
                .to_vec(),
            false,
            "HTTP/1.1 403",
        ),
        (
            "no UTF-8 in the path",
            b"GET /2015-03-31/functions/%FF%FE HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
                .to_vec(),
            false,
            "HTTP/1.1 403",
        ),
        (
            "too large, as declared",
            wire(&world, "{}", "content-length: 99999999\r\n"),
            false,
            "HTTP/1.1 413",
        ),
        (
            "no chunk size",
            wire(&world, "zz\r\n", "transfer-encoding: chunked\r\n"),
            false,
            "HTTP/1.1 400",
        ),
    ];
    for (name, bytes, half_closes, expected) in cases {
        let answer = exchange(&world, &bytes, half_closes).await;
        assert!(answer.starts_with(expected), "{name}: {answer}");
        assert_eq!(expected.is_empty(), answer.is_empty(), "{name}: {answer}");
    }
    assert_eq!(world.states("ListStateMachines", "{}").await.status(), 200);
}

/// A known key may send much, but no more than the limit, also when it does not say how much.
#[tokio::test]
async fn chunks_have_the_same_limit() {
    let world = World::start().await;
    let mut bytes = wire(&world, "", "transfer-encoding: chunked\r\n");
    for _ in 0..11 {
        bytes.extend(b"100000\r\n");
        bytes.resize(bytes.len() + 0x10_0000, b' ');
        bytes.extend(b"\r\n");
    }
    let answer = exchange(&world, &bytes, false).await;
    // The server may hang up while the client still writes, and then the answer is lost.
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 413"),
        "{answer}"
    );
    assert_eq!(world.states("ListStateMachines", "{}").await.status(), 200);
}

/// Nobody keeps a connection by saying nothing. The clock is moved: it jumps when nobody can go on.
#[tokio::test(start_paused = true)]
async fn hangs_up_on_slow_clients() {
    let world = World::start().await;
    let cases = [
        (
            "half a head",
            b"POST / HTTP/1.1\r\nhost: h\r\n".to_vec(),
            "",
        ),
        (
            "half a body",
            wire(&world, "{", "content-length: 2\r\n"),
            "HTTP/1.1 408",
        ),
    ];
    for (name, bytes, expected) in cases {
        let answer = exchange(&world, &bytes, false).await;
        assert!(answer.starts_with(expected), "{name}: {answer}");
    }
}
