//! What operators see and what callers cannot do to a server: pages without a key, a
//! thousand connections that say little.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;
use testkit::Server;

use crate::command_line::{closed, create, passing, start};

/// How many connections are held open at once.
const CONNECTIONS: usize = 1_000;
/// Most memory, in MiB, that a server may have more with them.
const MEMORY_MIB_MAX: u64 = 200;

fn connect(server: &Server) -> anyhow::Result<TcpStream> {
    let address = server.endpoint().trim_start_matches("http://");
    let stream = TcpStream::connect(address).context("could not connect")?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    Ok(stream)
}

/// Asks for a page as anybody may; returns its status line and its text.
fn page(server: &Server, path: &str) -> anyhow::Result<(String, String)> {
    let mut stream = connect(server)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .context("an answer has a body")?;
    let status = head.lines().next().unwrap_or_default();
    Ok((status.to_owned(), body.to_owned()))
}

/// Returns how much memory the server has, in MiB.
fn memory_mib(server: &Server) -> anyhow::Result<u64> {
    let id = server.id().context("the server runs")?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.context("a process has memory")?.parse::<u64>()? / 1024)
}

#[test]
fn pages_tell_without_a_key_what_the_server_does() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    for path in ["/healthz", "/readyz"] {
        let (status, text) = page(&server, path)?;
        ensure!(
            status == "HTTP/1.1 200 OK" && text == "ok",
            "{path}: {status} {text}"
        );
    }
    let arn = create(&aws, "counted", &passing(json!(1)))?;
    for name in ["a", "b"] {
        closed(&aws, &start(&aws, &arn, name, "{}")?)?;
    }
    let failing = json!({ "StartAt": "F", "States": { "F": { "Type": "Fail" } } });
    let failing = create(&aws, "failing", &failing)?;
    closed(&aws, &start(&aws, &failing, "c", "{}")?)?;
    let (status, text) = page(&server, "/metrics")?;
    ensure!(status == "HTTP/1.1 200 OK", "{status}");
    let expected = [
        format!("states_executions_started_total{{state_machine_arn=\"{arn}\"}} 2"),
        format!("states_executions_succeeded_total{{state_machine_arn=\"{arn}\"}} 2"),
        format!("states_executions_failed_total{{state_machine_arn=\"{failing}\"}} 1"),
        format!("states_execution_time_seconds_count{{state_machine_arn=\"{arn}\"}} 2"),
        "states_approximate_open_map_run_count 0".to_owned(),
        "stepd_api_calls_total{service=\"states\",operation=\"StartExecution\",status=\"200\"} 3"
            .to_owned(),
    ];
    for line in expected {
        ensure!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    ensure!(text.contains("stepd_store_commit_seconds_count "), "{text}");
    // What is not a page is asked with a key.
    let (status, _) = page(&server, "/_stepd/logs/f")?;
    ensure!(status.starts_with("HTTP/1.1 403"), "{status}");
    Ok(())
}

#[test]
fn a_thousand_connections_cost_little_and_hold_nobody_up() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let arn = create(&aws, "busy", &passing(json!(1)))?;
    let before = memory_mib(&server)?;
    // A third says nothing, a third half a head, a third a head whose body does not come.
    let heads = [
        "",
        "POST / HTTP/1.1\r\nhost: h\r\n",
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10485760\r\n\r\n{",
    ];
    let mut held = Vec::new();
    for number in 0..CONNECTIONS {
        let mut stream = connect(&server)?;
        stream.write_all(heads[number % heads.len()].as_bytes())?;
        held.push(stream);
    }
    // Callers are served all the same.
    closed(&aws, &start(&aws, &arn, "meanwhile", "{}")?)?;
    let with = memory_mib(&server)?;
    println!("{CONNECTIONS} connections: {before} MiB before, {with} MiB with them");
    ensure!(
        with < before + MEMORY_MIB_MAX,
        "{before} MiB became {with} MiB"
    );
    drop(held);
    closed(&aws, &start(&aws, &arn, "afterwards", "{}")?)?;
    Ok(())
}

/// A collector of traces: keeps what it is sent, and answers with a status that can be changed.
struct Collector {
    address: std::net::SocketAddr,
    status: std::sync::Arc<std::sync::atomic::AtomicU16>,
    bodies: std::sync::mpsc::Receiver<serde_json::Value>,
}

impl Collector {
    fn start(status: u16) -> anyhow::Result<Self> {
        use std::sync::atomic::{AtomicU16, Ordering};
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let status = std::sync::Arc::new(AtomicU16::new(status));
        let (send, bodies) = std::sync::mpsc::channel();
        let answer = std::sync::Arc::clone(&status);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = std::io::BufReader::new(stream);
                let Some(body) = body_of(&mut stream) else {
                    continue;
                };
                let status = answer.load(Ordering::SeqCst);
                let head = format!(
                    "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                );
                let told = stream.get_mut().write_all(head.as_bytes()).is_ok();
                // The test may be over.
                if told
                    && send
                        .send(json!({ "status": status, "body": body }))
                        .is_err()
                {
                    return;
                }
            }
        });
        Ok(Self {
            address,
            status,
            bodies,
        })
    }
}

fn body_of(stream: &mut impl std::io::BufRead) -> Option<serde_json::Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

#[test]
fn a_collector_hears_of_every_execution_also_after_a_crash() -> anyhow::Result<()> {
    let collector = Collector::start(503)?;
    let endpoint = format!("http://{}", collector.address);
    let mut server = Server::start_with(testkit::Options {
        environment: vec![("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), endpoint)],
        ..testkit::Options::default()
    })?;
    let aws = server.aws()?;
    let arn = create(&aws, "traced", &passing(json!(1)))?;
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let started = aws.call(&[
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        &arn,
        "--name",
        "one",
        "--trace-header",
        header,
    ])?;
    let execution = started["executionArn"].as_str().context("an ARN")?;
    closed(&aws, execution)?;
    // It has tried, in vain; then it is gone.
    collector.bodies.recv_timeout(testkit::PATIENCE)?;
    server.kill9()?;
    collector
        .status
        .store(200, std::sync::atomic::Ordering::SeqCst);
    server.restart()?;
    let told = loop {
        let told = collector.bodies.recv_timeout(testkit::PATIENCE)?;
        if told["status"] == 200 {
            break told;
        }
    };
    let spans = &told["body"]["resourceSpans"][0]["scopeSpans"][0]["spans"];
    let (root, state) = (&spans[0], &spans[1]);
    ensure!(
        root["name"] == "traced"
            && root["traceId"] == "5759e988bd862e3fe1be46a994272793"
            && root["parentSpanId"] == "53995c3f42cd8ad8"
            && state["parentSpanId"] == root["spanId"]
            && state["traceId"] == root["traceId"],
        "{spans}"
    );
    Ok(())
}
