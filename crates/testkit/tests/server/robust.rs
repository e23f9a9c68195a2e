//! Clients that send too much, the same twice, the half, or that live at another time: modelled answers, and
//! a server whose memory stays what it was.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use aws_wire::sigv4::{Signer, sign};
use serde_json::json;
use testkit::Server;
use vocab::Timestamp;

use crate::command_line::{closed, create, passing};

const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:there";
const TEN_MEBIBYTES: usize = 10 << 20;
/// Most bytes by which the server may grow, whatever it is sent: of 240 MiB that come at once, what it has
/// room for, and copies of that.
const GROWTH_MAX: u64 = 160 << 20;

fn seconds_from_now(seconds: i64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_millis() as i64);
    Timestamp::from_millis(now + seconds * 1_000)
}

/// Returns the bytes of a signed request: its head, and behind it the body.
fn signed(
    server: &Server,
    (service, target): (&str, &str),
    body: &[u8],
    at: Timestamp,
) -> anyhow::Result<(String, Vec<u8>)> {
    let env = server.env();
    let value = |name: &str| env.get(name).context("a server has an environment");
    let host = server.endpoint().trim_start_matches("http://");
    let request = http::Request::post("/")
        .header("host", host)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", target)
        .body(())?;
    let (mut parts, ()) = request.into_parts();
    let signer = Signer {
        access_key_id: value("AWS_ACCESS_KEY_ID")?,
        secret_access_key: value("AWS_SECRET_ACCESS_KEY")?,
        session_token: None,
        region: value("AWS_REGION")?,
        service,
    };
    sign(&mut parts, body, &signer, at)?;
    let mut head = "POST / HTTP/1.1\r\nconnection: close\r\n".to_owned();
    for (name, value) in &parts.headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str()?));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    Ok((head, body.to_vec()))
}

fn start(server: &Server, name: &str, at: Timestamp) -> anyhow::Result<(String, Vec<u8>)> {
    let input = json!({"stateMachineArn": MACHINE, "name": name, "input": "{}"});
    let target = ("states", "AWSStepFunctions.StartExecution");
    signed(server, target, input.to_string().as_bytes(), at)
}

/// Sends a head and as much of the body as there is; returns what is answered, which is nothing where the
/// server hangs up.
fn send(server: &Server, head: &str, body: &[u8], half_closes: bool) -> anyhow::Result<String> {
    let host = server.endpoint().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&host)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_write_timeout(Some(Duration::from_secs(60)))?;
    // A server that has heard enough answers and closes while it is still sent to.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
    if half_closes {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Returns the most memory that the server has had, in bytes.
fn most_memory(server: &Server) -> anyhow::Result<u64> {
    let id = server.id().context("the server runs")?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes: u64 = kibibytes.context("Linux says it")?.trim().parse()?;
    Ok(kibibytes << 10)
}

fn ready() -> anyhow::Result<Server> {
    let server = Server::start()?;
    create(&server.aws()?, "there", &passing(json!(1)))?;
    Ok(server)
}

#[test]
fn long_bodies_at_once_take_no_memory() -> anyhow::Result<()> {
    let server = ready()?;
    let before = most_memory(&server)?;
    let long = vec![b'x'; TEN_MEBIBYTES];
    let input = json!({"stateMachineArn": MACHINE, "input": "x".repeat(TEN_MEBIBYTES)});
    let (services, bodies) = (
        [
            ("states", "AWSStepFunctions.StartExecution"),
            ("dynamodb", "DynamoDB_20120810.PutItem"),
            ("logs", "Logs_20140328.PutLogEvents"),
        ],
        [long, input.to_string().into_bytes()],
    );
    std::thread::scope(|scope| {
        let mut sent = Vec::new();
        for number in 0..24 {
            let (service, body) = (services[number % 3], &bodies[number % 2]);
            let server = &server;
            sent.push(scope.spawn(move || -> anyhow::Result<()> {
                let (head, body) = signed(server, service, body, seconds_from_now(0))?;
                let answer = send(server, &head, &body, number % 4 == 0)?;
                ensure!(
                    answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
                    "{service:?} answered {answer}"
                );
                Ok(())
            }));
        }
        sent.into_iter().try_for_each(|sent| match sent.join() {
            Ok(ended) => ended,
            Err(_) => anyhow::bail!("a client panicked"),
        })
    })?;
    let grown = most_memory(&server)?.saturating_sub(before);
    println!(
        "24 bodies of 10 MiB at once: the server grew by {} KiB",
        grown >> 10
    );
    ensure!(grown < GROWTH_MAX, "the server grew by {grown} bytes");
    let (head, body) = start(&server, "after", seconds_from_now(0))?;
    let answer = send(&server, &head, &body, false)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(())
}

#[test]
fn half_bodies_are_let_go_of() -> anyhow::Result<()> {
    let server = ready()?;
    let before = most_memory(&server)?;
    let (head, body) = start(&server, "half", seconds_from_now(0))?;
    for count in 0..300 {
        // The whole body without its last bytes; nothing of it; and nothing but a part of the head.
        let (head, body) = match count % 3 {
            0 => (&*head, &body[..body.len() - 3]),
            1 => (&*head, &[][..]),
            _ => (&head[..head.len() / 2], &[][..]),
        };
        let answer = send(&server, head, body, true)?;
        ensure!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "half a request was answered {answer}"
        );
    }
    let grown = most_memory(&server)?.saturating_sub(before);
    println!(
        "300 halves of requests: the server grew by {} KiB",
        grown >> 10
    );
    ensure!(grown < GROWTH_MAX, "the server grew by {grown} bytes");
    let answer = send(&server, &head, &body, false)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(())
}

#[test]
fn what_is_sent_again_happens_once() -> anyhow::Result<()> {
    let server = ready()?;
    let (head, body) = start(&server, "once", seconds_from_now(0))?;
    let first = send(&server, &head, &body, false)?;
    ensure!(first.starts_with("HTTP/1.1 200"), "{first}");
    let aws = server.aws()?;
    let execution = format!("{}:once", MACHINE.replace(":stateMachine:", ":execution:"));
    closed(&aws, &execution)?;
    // The same name and input again, byte for byte: the execution is over, and nothing begins.
    let answer = send(&server, &head, &body, false)?;
    ensure!(answer.contains("ExecutionAlreadyExists"), "{answer}");
    let machine = ["--state-machine-arn", MACHINE];
    let listed = aws.call(&[&["stepfunctions", "list-executions"], &machine[..]].concat())?;
    let count = listed["executions"].as_array().map(Vec::len);
    ensure!(count == Some(1), "{listed}");
    Ok(())
}

#[test]
fn clocks_may_differ_by_a_quarter_of_an_hour() -> anyhow::Result<()> {
    let server = ready()?;
    for (seconds, expected) in [
        (-840, "HTTP/1.1 200"),
        (840, "HTTP/1.1 200"),
        (-960, "InvalidSignatureException"),
        (960, "InvalidSignatureException"),
        (-86_400 * 400, "InvalidSignatureException"),
    ] {
        let name = format!("clock{seconds}");
        let (head, body) = start(&server, &name, seconds_from_now(seconds))?;
        let answer = send(&server, &head, &body, false)?;
        ensure!(answer.contains(expected), "{seconds}: {answer}");
    }
    Ok(())
}
