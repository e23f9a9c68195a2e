//! The forms of handlers, what they return and how they fail, in both languages.

use serde_json::{Value, json};

use crate::world::{World, is_there};

/// One function of one file: its name, its code, the event, the result.
type Returns = (&'static str, &'static str, &'static str, Value);

async fn check_returns(runtime: &str, cases: &[Returns]) {
    let world = World::new().await;
    for (number, (file, handler, code, expected)) in cases.iter().enumerate() {
        let name = format!("f{number}");
        world.create(&name, runtime, handler, &[(file, code)], json!({})).await;
        let answer = world.invoke(&name, json!({ "n": 1 })).await;
        assert_eq!(answer.json(), *expected, "{code}\n{}", answer.log());
        assert!(!answer.failed(), "{code}");
        assert_eq!(answer.output["StatusCode"], 200);
        assert_eq!(answer.output["ExecutedVersion"], "$LATEST");
    }
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_handlers_return() {
    if !is_there("node") {
        return;
    }
    check_returns("nodejs20.x", &[
        ("index.js", "index.handler", "exports.handler = async (event) => event.n + 1", json!(2)),
        ("index.js", "index.handler", "exports.handler = (event, context, callback) => callback(null, [event.n])", json!([1])),
        ("index.js", "index.handler", "exports.handler = (event, context, callback) => { setTimeout(() => callback(null, 'late'), 20) }", json!("late")),
        ("index.js", "index.handler", "exports.handler = (e, c, cb) => { let late = false; setTimeout(() => { late = true; e.box.late = true }, 30); e.box = {}; cb(null, e.box) }", json!({ "late": true })),
        ("index.js", "index.handler", "exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000); cb(null, 'now') }", json!("now")),
        ("index.js", "index.handler", "exports.handler = (e, context) => context.succeed('ok')", json!("ok")),
        ("index.js", "index.handler", "exports.handler = (e, context) => context.done(null, 'done')", json!("done")),
        ("index.js", "index.handler", "exports.handler = async () => {}", json!(null)),
        ("index.js", "index.handler", "exports.handler = () => {}", json!(null)),
        ("index.js", "index.handler", "exports.handler = async () => { try { null.x } catch (e) { console.error(e) } }", json!(null)),
        ("index.js", "index.handler", "exports.handler = () => Promise.resolve({ a: undefined, b: 1 })", json!({ "b": 1 })),
        ("index.js", "index.a.b", "exports.a = { b() { return Promise.resolve(this === exports.a) } }", json!(true)),
        ("src/deep/app.js", "src/deep/app.run", "exports.run = async () => __filename.endsWith('src/deep/app.js')", json!(true)),
        ("index.mjs", "index.handler", "export const handler = async () => 'module'", json!("module")),
        ("index.mjs", "index.handler", "const x = await Promise.resolve('awaited'); export const handler = async () => x", json!("awaited")),
        ("index.cjs", "index.handler", "exports.handler = async () => 'cjs'", json!("cjs")),
        ("index.js", "index.handler", "exports.handler = async (e, context) => [context.functionName.slice(0, 1), context.functionVersion, context.memoryLimitInMB, context.getRemainingTimeInMillis() > 15000, context.invokedFunctionArn.split(':').slice(0, 6).join(':'), context.logGroupName.startsWith('/aws/lambda/'), /^[0-9a-f-]{36}$/.test(context.awsRequestId)]",
            json!(["f", "$LATEST", "128", true, "arn:aws:lambda:us-east-1:000000000000:function", true, true])),
        ("index.js", "index.handler", "exports.handler = async () => 'ü€😀'", json!("ü€😀")),
        ("index.js", "index.handler", "exports.handler = async () => process.cwd() === process.env.LAMBDA_TASK_ROOT", json!(true)),
    ]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_handlers_return() {
    if !is_there("python3") {
        return;
    }
    check_returns("python3.12", &[
        ("app.py", "app.handler", "def handler(event, context): return event['n'] + 1", json!(2)),
        ("app.py", "app.handler", "def handler(event, context): pass", json!(null)),
        ("src/app.py", "src/app.run", "def run(event, context): return __name__", json!("src.app")),
        ("src/app.py", "src.app.run", "def run(event, context): return 'dotted'", json!("dotted")),
        ("app.py", "app.handler", "def handler(event, context): return [context.function_name[0], context.memory_limit_in_mb, context.get_remaining_time_in_millis() > 15000, len(context.aws_request_id)]", json!(["f", "128", true, 36])),
        ("app.py", "app.handler", "import sys\ndef handler(event, context):\n  sys.stdout.write('no newline')\n  return 'ü€😀'", json!("ü€😀")),
    ]).await;
}

/// A function that fails: handler, code, error type, a part of the message, a part of the log.
type Fails = (&'static str, &'static str, &'static str, &'static str);

async fn check_fails(runtime: &str, file: &str, trace: &str, cases: &[Fails]) {
    let world = World::new().await;
    for (number, (handler, code, kind, message)) in cases.iter().enumerate() {
        let name = format!("f{number}");
        world.create(&name, runtime, handler, &[(file, code)], json!({})).await;
        // Twice: what ended an instance must not end the function.
        for _ in 0..2 {
            let answer = world.invoke(&name, json!({})).await;
            let error = answer.json();
            assert!(answer.failed(), "{code}: {error}");
            assert_eq!(error["errorType"], *kind, "{code}: {error}");
            let text = error["errorMessage"].as_str().expect("a message");
            assert!(text.contains(message), "{code}: {error}");
            assert!(error[trace].is_array() || kind.starts_with("Runtime.Exit"), "{code}: {error}");
            assert!(answer.log().contains("END RequestId: "), "{code}: {}", answer.log());
        }
    }
    world.lambda.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_handlers_fail() {
    if !is_there("node") {
        return;
    }
    check_fails("nodejs12.x", "index.js", "trace", &[
        ("index.handler", "exports.handler = async () => { throw new Error('no') }", "Error", "no"),
        ("index.handler", "exports.handler = () => { throw new TypeError('sync') }", "TypeError", "sync"),
        ("index.handler", "exports.handler = async () => Object.assign(undefined, {})", "TypeError", "Cannot convert undefined"),
        ("index.handler", "exports.handler = (e, c, cb) => cb(new RangeError('cb'))", "RangeError", "cb"),
        ("index.handler", "exports.handler = (e, c, cb) => cb('text')", "string", "text"),
        ("index.handler", "exports.handler = (e, c) => c.fail(new Error('failed'))", "Error", "failed"),
        ("index.handler", "exports.handler = async () => { const e = new Error('u'); e.name = 'UnprocessableDataException'; throw e }", "UnprocessableDataException", "u"),
        ("index.handler", "exports.handler = async () => { const a = {}; a.a = a; return a }", "Error", "Unable to stringify response body"),
        ("index.handler", "exports.handler = () => { setTimeout(() => { throw new Error('later') }, 5) }", "Error", "later"),
        ("index.handler", "exports.handler = () => { Promise.reject(new Error('nobody')); setTimeout(() => {}, 1000) }", "Runtime.UnhandledPromiseRejection", "Error: nobody"),
        ("index.handler", "exports.handler = async () => process.exit(3)", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("index.handler", "exports.handler = async () => process.exit(0)", "Runtime.ExitError", "Runtime exited without providing a reason"),
        ("index.handler", "exports.handler = async () => process.kill(process.pid, 'SIGKILL')", "Runtime.ExitError", "Runtime exited with error: signal: killed"),
        ("index.handler", "throw new Error('at the start')", "Error", "at the start"),
        ("index.handler", "process.exit(1)", "Runtime.ExitError", "exit status 1"),
        ("index.handler", "require('no-such-module')", "Runtime.ImportModuleError", "Cannot find module 'no-such-module'"),
        ("index.handler", "exports.handler = (", "Runtime.UserCodeSyntaxError", "SyntaxError"),
        ("index.missing", "exports.handler = 1", "Runtime.HandlerNotFound", "index.missing is undefined or not exported"),
        ("index.handler", "exports.handler = 1", "Runtime.HandlerNotFound", "is not a function"),
        ("other.handler", "exports.handler = 1", "Runtime.ImportModuleError", "Cannot find module 'other'"),
        ("handler", "exports.handler = 1", "Runtime.MalformedHandlerName", "Bad handler"),
        ("../index.handler", "exports.handler = 1", "Runtime.MalformedHandlerName", "not a valid handler name"),
    ]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_handlers_fail() {
    if !is_there("python3") {
        return;
    }
    check_fails("python3.12", "app.py", "stackTrace", &[
        ("app.handler", "def handler(event, context): raise ValueError('no')", "ValueError", "no"),
        ("app.handler", "class UnprocessableDataException(Exception): pass\ndef handler(event, context): raise UnprocessableDataException('u')", "UnprocessableDataException", "u"),
        ("app.handler", "def handler(event, context): return object()", "Runtime.MarshalError", "Unable to marshal response"),
        ("app.handler", "import sys\ndef handler(event, context): sys.exit(4)", "Runtime.ExitError", "exit status 4"),
        ("app.handler", "import no_such_module", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'no_such_module'"),
        ("app.handler", "def handler(", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("app.missing", "x = 1", "Runtime.HandlerNotFound", "Handler 'missing' missing on module 'app'"),
        ("app", "x = 1", "Runtime.MalformedHandlerName", "Bad handler 'app'"),
    ]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn package_type_decides_what_js_is() {
    if !is_there("node") {
        return;
    }
    let world = World::new().await;
    let files = [("package.json", r#"{"type":"module"}"#), ("index.js", "import { x } from './x.js'; export const handler = async () => x"), ("x.js", "export const x = 'esm'")];
    world.create("f", "nodejs20.x", "index.handler", &files, json!({})).await;
    assert_eq!(world.invoke("f", json!({})).await.json(), json!("esm"));
    world.lambda.shutdown().await;
}
