//! Reads what an instance writes to its standard output and error, line by line, into its log.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use service::{Clock, LogLine, LogSink, LogStreamName};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::{mpsc, oneshot};

use crate::log_tail::LogTail;

/// A line that is longer is cut into several (the limit of a CloudWatch Logs event).
const LINE_BYTES_MAX: usize = 256 << 10;

/// The log of one instance, and the tail of the invocation that runs on it.
pub struct Output {
    sink: Arc<Sink>,
    pumps: [mpsc::Sender<oneshot::Sender<()>>; 2],
}

struct Sink {
    log: Arc<dyn LogSink>,
    to: Arc<LogStreamName>,
    clock: Arc<dyn Clock>,
    tail: Mutex<Option<LogTail>>,
}

impl Output {
    /// Begins to read both pipes, until they end.
    pub fn capture(
        log: Arc<dyn LogSink>,
        to: LogStreamName,
        clock: Arc<dyn Clock>,
        stdout: ChildStdout,
        stderr: ChildStderr,
    ) -> Self {
        let sink = Arc::new(Sink {
            log,
            to: Arc::new(to),
            clock,
            tail: Mutex::new(None),
        });
        let pumps = [
            pump(stdout, Arc::clone(&sink)),
            pump(stderr, Arc::clone(&sink)),
        ];
        Self { sink, pumps }
    }

    /// Begins a new invocation, whose tail is kept if `keep_tail`.
    pub fn begin(&self, keep_tail: bool) {
        *self.sink.tail.lock() = keep_tail.then(LogTail::default);
    }

    /// Writes lines of the service's own: START, END, REPORT.
    pub async fn write(&self, lines: Vec<String>) {
        self.sink.write(lines).await;
    }

    /// Returns once everything that the instance wrote before now is in the log.
    pub async fn flush(&self) {
        for pump in &self.pumps {
            let (done, flushed) = oneshot::channel();
            // A pump that has ended has nothing left.
            if pump.send(done).await.is_ok() {
                let _ = flushed.await;
            }
        }
    }

    /// Ends the invocation and returns its tail, if it was kept.
    pub fn end(&self) -> Option<Vec<u8>> {
        self.sink.tail.lock().take().map(LogTail::into_bytes)
    }
}

impl Sink {
    async fn write(&self, lines: Vec<String>) {
        if lines.is_empty() {
            return;
        }
        if let Some(tail) = &mut *self.tail.lock() {
            for line in &lines {
                tail.push(line);
            }
        }
        let time = self.clock.now();
        // As on AWS an event of a function's log ends with the line's end.
        let line = |mut message: String| {
            message.push('\n');
            LogLine { time, message }
        };
        let lines = lines.into_iter().map(line).collect();
        self.log.write(&self.to, lines).await;
    }
}

fn pump<P>(mut pipe: P, sink: Arc<Sink>) -> mpsc::Sender<oneshot::Sender<()>>
where
    P: AsyncRead + Unpin + Send + 'static,
{
    let (requests, mut flushes) = mpsc::channel::<oneshot::Sender<()>>(1);
    tokio::spawn(async move {
        let mut buffer = BytesMut::with_capacity(8 << 10);
        loop {
            tokio::select! {
                // A flush is answered only when there is nothing to read.
                biased;
                read = pipe.read_buf(&mut buffer) => {
                    if !matches!(read, Ok(1..)) {
                        break;
                    }
                    sink.write(take_lines(&mut buffer)).await;
                }
                Some(done) = flushes.recv() => {
                    sink.write(take_rest(&mut buffer)).await;
                    let _ = done.send(());
                }
            }
        }
        sink.write(take_rest(&mut buffer)).await;
    });
    requests
}

fn take_lines(buffer: &mut BytesMut) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
        lines.push(String::from_utf8_lossy(&buffer[..end]).into_owned());
        buffer.advance(end + 1);
    }
    while buffer.len() > LINE_BYTES_MAX {
        lines.push(String::from_utf8_lossy(&buffer[..LINE_BYTES_MAX]).into_owned());
        buffer.advance(LINE_BYTES_MAX);
    }
    lines
}

fn take_rest(buffer: &mut BytesMut) -> Vec<String> {
    if buffer.is_empty() {
        return Vec::new();
    }
    vec![String::from_utf8_lossy(&buffer.split()).into_owned()]
}
