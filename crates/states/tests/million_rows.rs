//! A data set of a million rows is read in memory that does not grow with it.
//!
//! A program of its own: what is measured is the most memory that the process ever had.

#![cfg(target_os = "linux")]

use std::io::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use service::{Call, Failure, Gate, Principal, Reply};
use states::items::{ItemReader, ItemSource};

const ROWS: usize = 1_000_000;
/// Bytes of each row, its end included.
const ROW: usize = 128;

/// An object whose bytes are made when they are asked for.
struct Rows;

#[async_trait]
impl Gate for Rows {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let input: Value = serde_json::from_slice(&call.input).expect("JSON");
        let range = input["Range"]
            .as_str()
            .and_then(|range| range.strip_prefix("bytes="));
        let (first, last) = range
            .and_then(|range| range.split_once('-'))
            .expect("a range");
        let first: usize = first.parse().expect("a number");
        let end = (last.parse::<usize>().expect("a number") + 1).min(ROWS * ROW);
        let mut body = Vec::with_capacity(end - first + 2 * ROW);
        for row in first / ROW..end.div_ceil(ROW) {
            writeln!(body, "{row:0width$},x,{:0100}", row * 7, width = ROW - 104).expect("memory");
        }
        body.truncate(end - first / ROW * ROW);
        body.drain(..first % ROW);
        let range = format!("bytes {first}-{}/{}", end - 1, ROWS * ROW);
        Ok(Reply {
            output: json!({ "ETag": "\"same\"", "ContentRange": range })
                .to_string()
                .into(),
            payload: body.into(),
        })
    }
}

/// Returns the most bytes of memory that the process had so far.
fn most_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says it");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("a line");
    let kilobytes = line
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse::<usize>().ok());
    kilobytes.expect("a number") * 1024
}

#[tokio::test]
async fn a_million_rows_take_the_memory_of_some_ranges() {
    let config =
        json!({ "InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b", "c"] });
    let at = json!({ "Bucket": "bucket", "Key": "rows.csv" });
    let reader = ItemReader::from_evaluated("arn:aws:states:::s3:getObject", &at, &config)
        .expect("a configuration");
    let principal = Principal::Root {
        account: Arc::from("111111111111"),
    };
    let mut source = ItemSource::open(Arc::new(Rows), principal, reader)
        .await
        .expect("a data set");
    let before = most_memory();
    let mut rows = 0u64;
    loop {
        let page = source.next_page(1000, 256 * 1024).await.expect("a page");
        for item in &page.items {
            assert_eq!(item.index, rows);
            rows += 1;
        }
        if page.is_last {
            break;
        }
    }
    assert_eq!(rows, ROWS as u64);
    let grown = most_memory() - before;
    // The object has 128 MB; three ranges of 8 MiB are alive when one follows another.
    assert!(grown < 32 * 1024 * 1024, "{grown} bytes for {ROWS} rows");
}
