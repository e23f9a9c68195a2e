//! Results as files in a bucket, and as a state's output.

use std::sync::Arc;

use engine_core::Payload;
use serde_json::{Value, json};
use states::items::{
    ChildResult, ChildStatus, ResultWriter, StateOutput, WriterConfig, WriterTarget,
};
use vocab::Timestamp;

use super::{Buckets, block_on, principal};

const MAP_RUN: &str = "arn:aws:states:us-east-1:111111111111:mapRun:orders/TestMap:0bb8a402-344d";

fn child(name: &str, status: ChildStatus, output: Option<&str>) -> ChildResult {
    let has_started = status != ChildStatus::Pending;
    let moment = |text| {
        has_started
            .then(|| Timestamp::parse_rfc3339(text))
            .flatten()
    };
    ChildResult {
        execution_arn: format!(
            "arn:aws:states:us-east-1:111111111111:execution:orders/TestMap:{name}"
        ),
        state_machine_arn: "arn:aws:states:us-east-1:111111111111:stateMachine:orders/TestMap"
            .to_owned(),
        name: name.to_owned(),
        status,
        input: Payload::parse("{\"n\": 1}").expect("JSON"),
        output: output.map(|text| Payload::parse(text).expect("JSON")),
        error: (status == ChildStatus::Failed).then(|| "Oops".to_owned()),
        cause: (status == ChildStatus::Failed).then(|| "why".to_owned()),
        started_at: moment("2025-02-04T01:49:50.099Z"),
        stopped_at: moment("2025-02-04T01:49:50.163Z"),
        redrive_count: 0,
        redriven_at: None,
        redrive_status: (status == ChildStatus::Succeeded).then(|| "NOT_REDRIVABLE".to_owned()),
        redrive_status_reason: (status == ChildStatus::Succeeded)
            .then(|| "Execution is SUCCEEDED and cannot be redriven".to_owned()),
    }
}

/// Two that succeeded, one that failed, one that never started.
fn children() -> Vec<ChildResult> {
    vec![
        child("one", ChildStatus::Succeeded, Some("[{\"a\":\n1},2]")),
        child("two", ChildStatus::Failed, None),
        child("three", ChildStatus::Succeeded, Some("{\"b\":1.50}")),
        child("four", ChildStatus::Pending, None),
    ]
}

fn config(transformation: &str, output_type: &str) -> WriterConfig {
    let config = json!({ "Transformation": transformation, "OutputType": output_type });
    WriterConfig::from_evaluated(&config, WriterConfig::EXPORT).expect("a configuration")
}

fn write(buckets: &Arc<Buckets>, config: WriterConfig, children: &[ChildResult]) -> Payload {
    let target = json!({ "Bucket": "bucket", "Prefix": "mapJobs" });
    let target = WriterTarget::from_evaluated(&target).expect("a target");
    block_on(async {
        let mut writer = ResultWriter::new(buckets.clone(), principal(), target, config, MAP_RUN);
        for child in children {
            writer.push(child).await.expect("a result");
        }
        writer.finish().await.expect("a manifest")
    })
}

const FAILED: &str = concat!(
    r#"{"Cause":"why","Error":"Oops","ExecutionArn":"arn:aws:states:us-east-1:111111111111:execution:orders/TestMap:two","#,
    r#""Input":"{\"n\": 1}","InputDetails":{"Included":true},"Name":"two","RedriveCount":0,"#,
    r#""StartDate":"2025-02-04T01:49:50.099Z","StateMachineArn":"arn:aws:states:us-east-1:111111111111:stateMachine:orders/TestMap","#,
    r#""Status":"FAILED","StopDate":"2025-02-04T01:49:50.163Z"}"#
);

#[test]
fn files_and_manifest_are_as_aws_writes_them() {
    let buckets = Arc::new(Buckets::default());
    let result = write(&buckets, WriterConfig::EXPORT, &children());
    // Recorded.
    assert_eq!(
        result.text(),
        format!(
            r#"{{"MapRunArn":"{MAP_RUN}","ResultWriterDetails":{{"Bucket":"bucket","Key":"mapJobs/0bb8a402-344d/manifest.json"}}}}"#
        )
    );
    let texts = buckets.texts();
    let size = |name: &str| texts[&format!("mapJobs/0bb8a402-344d/{name}")].len();
    assert_eq!(
        texts["mapJobs/0bb8a402-344d/manifest.json"],
        format!(
            concat!(
                r#"{{"DestinationBucket":"bucket","MapRunArn":"{}","ResultFiles":{{"#,
                r#""FAILED":[{{"Key":"mapJobs/0bb8a402-344d/FAILED_0.json","Size":{}}}],"#,
                r#""PENDING":[{{"Key":"mapJobs/0bb8a402-344d/PENDING_0.json","Size":{}}}],"#,
                r#""SUCCEEDED":[{{"Key":"mapJobs/0bb8a402-344d/SUCCEEDED_0.json","Size":{}}}]}}}}"#
            ),
            MAP_RUN,
            size("FAILED_0.json"),
            size("PENDING_0.json"),
            size("SUCCEEDED_0.json")
        )
    );
    assert_eq!(
        texts["mapJobs/0bb8a402-344d/FAILED_0.json"],
        format!("[{FAILED}]")
    );
    let succeeded: Value =
        serde_json::from_str(&texts["mapJobs/0bb8a402-344d/SUCCEEDED_0.json"]).expect("JSON");
    // The names and forms of AWS's example.
    let names: Vec<&String> = succeeded[0]
        .as_object()
        .expect("an object")
        .keys()
        .collect();
    assert_eq!(
        names,
        [
            "ExecutionArn",
            "Input",
            "InputDetails",
            "Name",
            "Output",
            "OutputDetails",
            "RedriveCount",
            "RedriveStatus",
            "RedriveStatusReason",
            "StartDate",
            "StateMachineArn",
            "Status",
            "StopDate",
        ]
    );
    assert_eq!(succeeded[0]["Output"], "[{\"a\":\n1},2]");
    let pending: Value =
        serde_json::from_str(&texts["mapJobs/0bb8a402-344d/PENDING_0.json"]).expect("JSON");
    assert_eq!(pending[0]["Status"], "PENDING");
    assert_eq!(pending[0]["StartDate"], Value::Null);
}

#[test]
fn transformations() {
    let cases = [
        (
            "COMPACT",
            "JSON",
            r#"[[{"a":1},2],{"b":1.50}]"#,
            format!("[{FAILED}]"),
        ),
        (
            "FLATTEN",
            "JSON",
            r#"[{"a":1},2,{"b":1.50}]"#,
            format!("[{FAILED}]"),
        ),
        (
            "COMPACT",
            "JSONL",
            "[{\"a\":1},2]\n{\"b\":1.50}\n",
            format!("{FAILED}\n"),
        ),
        (
            "FLATTEN",
            "JSONL",
            "{\"a\":1}\n2\n{\"b\":1.50}\n",
            format!("{FAILED}\n"),
        ),
    ];
    for (transformation, output_type, succeeded, failed) in cases {
        let buckets = Arc::new(Buckets::default());
        write(&buckets, config(transformation, output_type), &children());
        let texts = buckets.texts();
        assert_eq!(
            texts["mapJobs/0bb8a402-344d/SUCCEEDED_0.json"], succeeded,
            "{transformation}"
        );
        assert_eq!(
            texts["mapJobs/0bb8a402-344d/FAILED_0.json"], failed,
            "{transformation}"
        );
    }
}

#[test]
fn no_children_are_a_manifest_without_files() {
    let buckets = Arc::new(Buckets::default());
    write(&buckets, WriterConfig::EXPORT, &[]);
    let texts = buckets.texts();
    assert_eq!(texts.len(), 1);
    assert!(
        texts["mapJobs/0bb8a402-344d/manifest.json"]
            .ends_with(r#""ResultFiles":{"FAILED":[],"PENDING":[],"SUCCEEDED":[]}}"#)
    );
}

#[test]
fn large_results_are_parts_and_the_same_when_written_again() {
    let buckets = Arc::new(Buckets::default());
    let output = json!("x".repeat(100_000)).to_string();
    let many: Vec<ChildResult> = (0..200)
        .map(|n| child(&n.to_string(), ChildStatus::Succeeded, Some(&output)))
        .collect();
    write(&buckets, config("COMPACT", "JSON"), &many);
    let first = buckets.texts();
    assert_eq!(buckets.uploads(), 0);
    let parts = buckets
        .calls()
        .iter()
        .filter(|call| *call == "UploadPart")
        .count();
    assert_eq!(parts, 3, "20 MB in parts of 8 MiB");
    assert!(buckets.largest_body() <= 8 * 1024 * 1024);
    let file: Vec<String> =
        serde_json::from_str(&first["mapJobs/0bb8a402-344d/SUCCEEDED_0.json"]).expect("JSON");
    assert_eq!(file.len(), 200);
    write(&buckets, config("COMPACT", "JSON"), &many);
    assert_eq!(buckets.texts(), first);
}

#[test]
fn what_is_given_up_leaves_nothing() {
    let buckets = Arc::new(Buckets::default());
    let output = json!("x".repeat(9_000_000)).to_string();
    block_on(async {
        let target =
            WriterTarget::from_evaluated(&json!({ "Bucket": "bucket" })).expect("a target");
        let gate = buckets.clone();
        let mut writer =
            ResultWriter::new(gate, principal(), target, WriterConfig::OUTPUT, MAP_RUN);
        let child = child("one", ChildStatus::Succeeded, Some(&output));
        writer.push(&child).await.expect("a result");
        assert_eq!(buckets.uploads(), 1);
        writer.abandon().await;
    });
    assert_eq!(buckets.uploads(), 0);
    assert!(buckets.texts().is_empty());
}

#[test]
fn a_refusal_is_the_states_failure() {
    let buckets = Arc::new(Buckets::default());
    let writer = |bucket: &str| {
        let target = WriterTarget::from_evaluated(&json!({ "Bucket": bucket })).expect("a target");
        let gate = buckets.clone();
        ResultWriter::new(gate, principal(), target, WriterConfig::EXPORT, MAP_RUN)
    };
    let at_once = block_on(writer("none").check()).expect_err("no bucket");
    let at_the_end = block_on(writer("none").finish()).expect_err("no bucket");
    for failed in [at_once, at_the_end] {
        assert_eq!(failed.error, "States.ResultWriterFailed");
        let cause = "The specified bucket does not exist (Service: Amazon S3;";
        assert!(failed.cause.starts_with(cause), "{failed:?}");
    }
    block_on(writer("bucket").check()).expect("a bucket");
    assert_eq!(buckets.uploads(), 0, "nothing is left behind");
    assert!(buckets.texts().is_empty());
}

#[test]
fn the_states_own_output() {
    let output = |config: WriterConfig, bytes_max: usize| {
        let mut output = StateOutput::new(config, bytes_max);
        for child in children()
            .iter()
            .filter(|child| child.status != ChildStatus::Pending)
        {
            output.push(child).ok()?;
        }
        Some(output.finish().text().to_owned())
    };
    let compact = format!(r#"[[{{"a":1}},2],{FAILED},{{"b":1.50}}]"#);
    assert_eq!(output(WriterConfig::OUTPUT, 262_144), Some(compact.clone()));
    assert_eq!(
        output(WriterConfig::OUTPUT, compact.len()),
        Some(compact.clone())
    );
    assert_eq!(output(WriterConfig::OUTPUT, compact.len() - 1), None);
    let lines = output(config("FLATTEN", "JSONL"), 262_144).expect("it fits");
    let lines: String = serde_json::from_str(&lines).expect("a text");
    assert_eq!(lines, format!("{{\"a\":1}}\n2\n{FAILED}\n{{\"b\":1.50}}"));
    let empty = StateOutput::new(WriterConfig::OUTPUT, 10);
    assert_eq!(empty.finish().text(), "[]");
}

#[test]
fn a_file_that_is_full_is_followed_by_another() {
    let buckets = Arc::new(Buckets::default());
    block_on(async {
        let target = json!({ "Bucket": "bucket", "Prefix": "out/" });
        let target = WriterTarget::from_evaluated(&target).expect("a target");
        let gate = buckets.clone();
        let mut writer =
            ResultWriter::new(gate, principal(), target, WriterConfig::OUTPUT, MAP_RUN)
                .with_file_bytes_max(9);
        for output in [
            "111",
            "222",
            "33333",
            "\"larger than a file\"",
            "444",
            "5555",
        ] {
            let child = child("one", ChildStatus::Succeeded, Some(output));
            writer.push(&child).await.expect("a result");
        }
        writer.finish().await.expect("a manifest");
    });
    let mut texts = buckets.texts();
    let manifest = texts
        .remove("out/0bb8a402-344d/manifest.json")
        .expect("a manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    let told = manifest["ResultFiles"]["SUCCEEDED"]
        .as_array()
        .expect("files");
    let told: Vec<(&str, u64)> = told
        .iter()
        .map(|file| {
            (
                file["Key"].as_str().expect("a key"),
                file["Size"].as_u64().expect("a size"),
            )
        })
        .collect();
    let found: Vec<(&str, u64)> = texts
        .iter()
        .map(|(key, text)| (&**key, text.len() as u64))
        .collect();
    assert_eq!(told, found);
    let texts: Vec<&str> = texts.values().map(String::as_str).collect();
    assert_eq!(
        texts,
        [
            "[111,222]",
            "[33333]",
            "[\"larger than a file\"]",
            "[444]",
            "[5555]"
        ]
    );
}
