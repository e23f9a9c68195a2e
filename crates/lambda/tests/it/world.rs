//! A Lambda service over a store in memory and a data directory of its own.

use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use lambda::{CodeSource, Lambda, LambdaOptions};
use logs::{Entry, Logs};
use serde_json::{Value, json};
use service::{
    Call, CredentialIssuer, Failure, Principal, RequestId, Service, Site, SystemClock,
    TemporaryCredentials,
};
use store::{MemoryStore, Store};
use tempfile::TempDir;
use vocab::Timestamp;
use zip::write::SimpleFileOptions;

pub const ROLE: &str = "arn:aws:iam::000000000000:role/functions";
pub const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:";

/// Hands out credentials that name whom they are for.
pub struct Issuer {
    pub seconds: i64,
}

impl CredentialIssuer for Issuer {
    fn issue_to(&self, principal: &Principal, seconds: u64) -> TemporaryCredentials {
        let Principal::Role {
            role_arn,
            session_name,
        } = principal
        else {
            panic!("functions have roles, not {principal:?}");
        };
        let lifetime = i64::try_from(seconds).expect("seconds").min(self.seconds);
        TemporaryCredentials {
            access_key_id: "ASIATEST".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: format!("{role_arn} as {session_name}"),
            expires_at: Timestamp::from_millis(
                service::Clock::now(&SystemClock).as_millis() + lifetime * 1000,
            ),
        }
    }
}

/// One object.
pub struct Assets(pub &'static str, pub Bytes);

impl CodeSource for Assets {
    fn get(&self, bucket: &str, key: &str) -> Option<Bytes> {
        (bucket == lambda::ASSETS_BUCKET && key == self.0).then(|| self.1.clone())
    }
}

pub struct World {
    pub lambda: Arc<Lambda>,
    pub logs: Arc<Logs>,
    pub directory: TempDir,
    pub store: Arc<MemoryStore>,
    pub credential_seconds: i64,
}

/// What an invocation answered.
#[derive(Debug)]
pub struct Answer {
    pub output: Value,
    pub payload: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or_else(|_| panic!("JSON: {:?}", self.payload))
    }

    pub fn failed(&self) -> bool {
        self.output
            .get("FunctionError")
            .is_some_and(|kind| kind == "Unhandled")
    }

    /// The log, if it was asked for.
    pub fn log(&self) -> String {
        let bytes = STANDARD
            .decode(self.output["LogResult"].as_str().unwrap_or_default())
            .expect("base64");
        String::from_utf8(bytes).expect("text")
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut LambdaOptions)) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Arc::new(MemoryStore::default());
        let logs = Logs::open(store.clone(), Arc::new(SystemClock), site());
        let lambda = open(&directory, &store, &logs, 3600, change).await;
        Self {
            lambda,
            logs,
            directory,
            store,
            credential_seconds: 3600,
        }
    }

    /// Stops the service and opens it again over the same store and directory.
    pub async fn restart(&mut self, change: impl FnOnce(&mut LambdaOptions)) {
        self.lambda.shutdown().await;
        self.lambda = open(
            &self.directory,
            &self.store,
            &self.logs,
            self.credential_seconds,
            change,
        )
        .await;
    }

    pub async fn call(&self, operation: &'static str, input: Value) -> Result<Value, Failure> {
        Ok(self.call_with(operation, input, Bytes::new()).await?.output)
    }

    pub async fn call_with(
        &self,
        operation: &'static str,
        input: Value,
        payload: Bytes,
    ) -> Result<Answer, Failure> {
        let call = Call {
            service: "lambda",
            operation: operation.into(),
            input: input.to_string().into(),
            payload,
            principal: Principal::Root {
                account: "000000000000".into(),
            },
            request_id: RequestId::random(),
        };
        let reply = self.lambda.call(call).await?;
        let output = serde_json::from_slice(&reply.output).expect("an object");
        Ok(Answer {
            output,
            payload: reply.payload,
        })
    }

    /// Creates the function `name` from `files`; members of `more` are added to the call.
    pub async fn create(
        &self,
        name: &str,
        runtime: &str,
        handler: &str,
        files: &[(&str, &str)],
        more: Value,
    ) -> Value {
        let mut input = json!({
            "FunctionName": name, "Runtime": runtime, "Handler": handler, "Role": ROLE, "Timeout": 20,
            "Code": { "ZipFile": STANDARD.encode(archive(files)) },
        });
        for (member, value) in more.as_object().expect("an object") {
            input[member] = value.clone();
        }
        self.call("CreateFunction", input).await.expect("created")
    }

    /// Creates a function of one file for Node.js.
    pub async fn node(&self, name: &str, code: &str) {
        self.create(
            name,
            "nodejs20.x",
            "index.handler",
            &[("index.js", code)],
            json!({}),
        )
        .await;
    }

    /// Returns the log of `name`.
    pub async fn tail(&self, name: &str, follow: bool) -> BoxStream<'static, Entry> {
        let group = self.lambda.log_group(name).await.expect("a function");
        self.logs.tail(&group, follow).await.expect("a log")
    }

    /// Follows the log of `name`: an item for every invocation that begins from now on.
    pub async fn starts(&self, name: &str) -> BoxStream<'static, ()> {
        let past = self.tail(name, false).await.count().await;
        let live = self.tail(name, true).await.skip(past);
        live.filter_map(async |entry| entry.message.starts_with("START ").then_some(()))
            .boxed()
    }

    pub async fn invoke(&self, name: &str, event: Value) -> Answer {
        let input = json!({ "FunctionName": name, "LogType": "Tail" });
        self.call_with("Invoke", input, event.to_string().into())
            .await
            .expect("invoked")
    }
}

async fn open(
    directory: &TempDir,
    store: &Arc<MemoryStore>,
    logs: &Arc<Logs>,
    credential_seconds: i64,
    change: impl FnOnce(&mut LambdaOptions),
) -> Arc<Lambda> {
    let mut options = LambdaOptions::new(
        directory.path().join("data"),
        site(),
        "http://127.0.0.1:9".to_owned(),
    );
    options.shutdown_grace = Duration::from_millis(200);
    change(&mut options);
    let store: Arc<dyn Store> = Arc::clone(store) as _;
    let issuer = Arc::new(Issuer {
        seconds: credential_seconds,
    });
    Lambda::open(options, store, issuer, Arc::new(SystemClock), logs.ingest())
        .await
        .expect("opened")
}

fn site() -> Site {
    Site {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
    }
}

/// Returns a zip archive; a file whose name is `bootstrap` can be executed.
pub fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let mode = if *name == "bootstrap" { 0o755 } else { 0o644 };
        writer
            .start_file(*name, SimpleFileOptions::default().unix_permissions(mode))
            .expect("an entry");
        writer.write_all(content.as_bytes()).expect("content");
    }
    writer.finish().expect("an archive").into_inner()
}

/// Says whether `program` can be run; where it cannot, the test that needs it says so and ends.
pub fn is_there(program: &str) -> bool {
    let there = std::process::Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

/// Waits until `condition` holds; the test's own limit ends it otherwise.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .unwrap_or_else(|_| panic!("in time: {what}"));
}

/// A folder below the data directory.
pub fn data(world: &World, path: &str) -> PathBuf {
    world.directory.path().join("data").join(path)
}
