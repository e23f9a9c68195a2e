//! What a function finds in its environment, and what it must not.

use serde_json::{Value, json};

use crate::world::{ROLE, World, data, is_there};

const NODE: &str = "exports.handler = async () => process.env";
const PYTHON: &str = "import os\ndef handler(event, context): return dict(os.environ)";

fn check(world: &World, found: &Value, runtime: &str) {
    let expected = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "ASIATEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("TZ", ":UTC"),
        ("OWN", "mine"),
        ("LANG", "C.UTF-8"),
    ];
    for (name, value) in expected {
        assert_eq!(found[name], value, "{name}");
    }
    assert_eq!(found["AWS_SESSION_TOKEN"], format!("{ROLE} as f"));
    assert_eq!(found["AWS_EXECUTION_ENV"], format!("AWS_Lambda_{runtime}"));
    let text = |name: &str| found[name].as_str().unwrap_or_else(|| panic!("{name} is set")).to_owned();
    let root = data(world, "functions").canonicalize().expect("the folder");
    assert!(text("LAMBDA_TASK_ROOT").contains("functions/code/"));
    assert!(text("LAMBDA_RUNTIME_DIR").ends_with("functions/runtime"));
    assert_eq!(std::path::Path::new(&text("HOME")).canonicalize().expect("a folder"), root.join("home"));
    assert!(text("AWS_LAMBDA_LOG_STREAM_NAME").contains("/[$LATEST]"));
    assert!(text("AWS_LAMBDA_RUNTIME_API").starts_with("127.0.0.1:"));
    assert!(text("_X_AMZN_TRACE_ID").starts_with("Root=1-"));
    assert!(found["_HANDLER"].as_str().is_some_and(|handler| handler.ends_with(".handler")));
    // Cargo sets these for every test: they stand for whatever the server was started with.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "USER", "SSH_AUTH_SOCK"] {
        assert_eq!(found[name], Value::Null, "{name} must not be inherited");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_lambdas() {
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok(), "the test itself has what functions must not");
    let cases = [("node", "nodejs16.x", "index.handler", "index.js", NODE), ("python3", "python3.11", "app.handler", "app.py", PYTHON)];
    for (program, runtime, handler, file, code) in cases {
        if !is_there(program) {
            continue;
        }
        let world = World::new().await;
        let variables = json!({ "Environment": { "Variables": { "OWN": "mine", "LANG": "C.UTF-8" } } });
        world.create("f", runtime, handler, &[(file, code)], variables).await;
        check(&world, &world.invoke("f", json!({})).await.json(), runtime);
        world.lambda.shutdown().await;
    }
}
