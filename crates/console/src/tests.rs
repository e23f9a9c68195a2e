//! The console as its pages and its visitors ask it, over a list of tasks that wait.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use parking_lot::Mutex;
use serde_json::{Value, json};
use service::{Call, Failure, Gate, Principal, Reply, SystemClock};
use store::MemoryStore;

use crate::{Body, Console, ConsoleOptions, Foundations, OwnWays, Signer};

const TOKEN: &str = "AQAAAAAAAAAAAAcAAAAAAAAABWq0rPZ1x-7yXhTn_2o5bVQ";

/// How large the pieces of a body are here.
const PIECE_BYTES: usize = 512;

/// Tasks that wait, in pages of one, as the server's own way lists them.
#[derive(Default)]
struct Waiting {
    tasks: Mutex<Vec<Value>>,
    /// The id of the one key.
    key: Mutex<String>,
}

#[async_trait]
impl OwnWays for Waiting {
    async fn ask(&self, name: &str, _: Principal, query: Bytes) -> Result<Bytes, Failure> {
        let query: Value = serde_json::from_slice(&query).expect("the query is JSON");
        if name == "look" {
            return Ok(query.to_string().into());
        }
        assert_eq!(name, "tasks");
        let asked = query["executionArn"].as_str();
        let tasks = self.tasks.lock();
        let of_it = |task: &&Value| asked.is_none_or(|arn| task["executionArn"] == arn);
        let at = query["nextToken"]
            .as_str()
            .map_or(0, |at| at.parse().expect("a number"));
        let mut rest = tasks.iter().filter(of_it).skip(at);
        let mut page = json!({"tasks": rest.next().into_iter().collect::<Vec<_>>()});
        if rest.next().is_some() {
            page["nextToken"] = (at + 1).to_string().into();
        }
        Ok(page.to_string().into())
    }

    async fn has_key(&self, id: &str) -> bool {
        *self.key.lock() == id
    }
}

#[async_trait]
impl Gate for Waiting {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let input: Value = serde_json::from_slice(&call.input).expect("the input is JSON");
        let output = match &*call.operation {
            "SendTaskSuccess" => {
                let mut tasks = self.tasks.lock();
                tasks.retain(|task| task["taskToken"] != input["taskToken"]);
                json!({})
            }
            "DescribeExecution" => json!({}),
            "DescribeStateMachineForExecution" => {
                let states =
                    json!({"Ask": {"Type": "Task", "Resource": "a secret"}, "B": {"Type": "Pass"}});
                json!({"definition": json!({"StartAt": "Ask", "States": states}).to_string()})
            }
            "ListStateMachines" => json!({}),
            "ListExecutions" if input["stateMachineArn"] == "express" => {
                return Err(Failure::client("StateMachineTypeNotSupported", ""));
            }
            "ListExecutions" | "StartExecution" => {
                return Err(Failure::client("AccessDeniedException", ""));
            }
            operation => panic!("nobody calls {operation}"),
        };
        Ok(Reply {
            output: output.to_string().into(),
            payload: Bytes::new(),
        })
    }
}

struct World {
    console: Arc<Console>,
    waiting: Arc<Waiting>,
    cookie: String,
}

fn waits(token: &str) -> Value {
    json!({
        "taskToken": token, "executionArn": "arn:x", "stateMachineArn": "arn:m", "stateName": "Ask",
        "parameters": json!({"taskToken": token}).to_string(), "resource": "a secret",
    })
}

impl World {
    /// Returns a console with two tasks that wait, and somebody who is signed in.
    async fn start() -> Self {
        let waiting = Arc::new(Waiting::default());
        *waiting.tasks.lock() = vec![waits("another"), waits(TOKEN)];
        let options = ConsoleOptions {
            master: [7; 32],
            port: 1,
        };
        let foundations = Foundations {
            gate: Arc::<Waiting>::clone(&waiting),
            ways: Arc::<Waiting>::clone(&waiting),
            clock: Arc::new(SystemClock),
            store: Arc::new(MemoryStore::default()),
            changes: states::Changes::default(),
        };
        let console = Console::new(&options, foundations);
        let account = "000000000000".into();
        "AKIDROOT".clone_into(&mut waiting.key.lock());
        let path = console.sign_in_path(Signer {
            principal: Principal::Root { account },
            key_id: "AKIDROOT".into(),
            key_ends_at: None,
        });
        let token = path.rsplit('#').next().expect("a path has an end");
        let body = json!({"token": token}).to_string();
        let mut world = Self {
            console,
            waiting,
            cookie: String::new(),
        };
        let answer = world.send("session", body).await;
        let cookie = answer.headers()[header::SET_COOKIE].to_str().expect("text");
        world.cookie = cookie.split(';').next().expect("a pair").to_owned();
        world
    }

    async fn send(&self, path: &str, body: impl Into<Bytes>) -> http::Response<Body> {
        self.request(Method::POST, path, body.into()).await
    }

    async fn request(&self, method: Method, path: &str, body: Bytes) -> http::Response<Body> {
        let pieces: Vec<_> = body
            .chunks(PIECE_BYTES)
            .map(Bytes::copy_from_slice)
            .collect();
        let pieces = stream::iter(pieces).map_frames();
        let request = Request::builder()
            .method(method)
            .uri(format!("/console/{path}"))
            .header("x-stepd-console", "1")
            .header(header::COOKIE, &self.cookie)
            .body(StreamBody::new(pieces).boxed_unsync())
            .expect("the case is a request");
        self.console.answer(request).await
    }

    async fn ask(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.send(path, body.to_string()).await;
        let status = answer.status().as_u16();
        let body = answer
            .into_body()
            .collect()
            .await
            .expect("whole")
            .to_bytes();
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    async fn link(&self) -> String {
        let task = json!({"taskToken": TOKEN, "executionArn": "arn:x", "stateName": "Other"});
        let (_, made) = self.ask("api/answer-link", &task).await;
        let path = made["path"].as_str().expect("a path");
        path.rsplit('#')
            .next()
            .expect("a path has an end")
            .to_owned()
    }

    async fn answers(&self, execution: &str) -> Value {
        let asked = json!({"executionArn": execution});
        self.ask("api/answers", &asked).await.1["answers"].take()
    }
}

trait Frames: futures::Stream<Item = Bytes> + Sized {
    fn map_frames(
        self,
    ) -> impl futures::Stream<Item = Result<Frame<Bytes>, Box<dyn std::error::Error + Send + Sync>>>
    {
        futures::StreamExt::map(self, |piece| Ok(Frame::data(piece)))
    }
}

impl<S: futures::Stream<Item = Bytes>> Frames for S {}

#[tokio::test]
async fn strangers_send_little() {
    let world = World::start().await;
    let cases = [
        ("session", 1 << 10, 401),
        ("session", (1 << 10) + 1, 413),
        ("answer/look", 16 << 10, 404),
        ("answer/look", (16 << 10) + 1, 413),
        ("answer/send", 1 << 20, 404),
        ("answer/send", (1 << 20) + 1, 413),
        ("api/tasks", 1 << 20, 200),
        ("api/tasks", (10 << 20) + 1, 413),
    ];
    for (path, bytes, expected) in cases {
        let mut body = br"{}".to_vec();
        body.resize(bytes, b' ');
        let answer = world.send(path, body).await;
        assert_eq!(answer.status().as_u16(), expected, "{path}: {bytes} bytes");
    }
}

#[tokio::test]
async fn nobody_stays_signed_in_with_a_key_that_is_gone() {
    let world = World::start().await;
    assert_eq!(world.ask("api/tasks", &json!({})).await.0, 200);
    "ANOTHER".clone_into(&mut world.waiting.key.lock());
    let (status, answer) = world.ask("api/tasks", &json!({})).await;
    assert_eq!((status, &answer["__type"]), (401, &json!("NotSignedIn")));
}

/// The clock is moved: it jumps when nobody can go on.
#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_session() {
    for is_signed_out in [false, true] {
        let world = World::start().await;
        let live = world.request(Method::GET, "live", Bytes::new()).await;
        assert_eq!(live.status().as_u16(), 200);
        let mut live = live.into_body();
        for begins in ["retry", ":"] {
            let frame = live.frame().await.expect("it goes on").expect("whole");
            let text = frame.into_data().expect("bytes");
            assert!(text.starts_with(begins.as_bytes()), "{text:?}");
        }
        if is_signed_out {
            world.request(Method::DELETE, "session", Bytes::new()).await;
        } else {
            "ANOTHER".clone_into(&mut world.waiting.key.lock());
        }
        // One more may be under way.
        let mut ended = live.frame().await;
        if ended.is_some() {
            ended = live.frame().await;
        }
        assert!(ended.is_none());
    }
}

#[tokio::test]
async fn express_executions_are_looked_at_and_nothing_else_is() {
    let world = World::start().await;
    let input = json!({"stateMachineArn": "express"});
    let (status, seen) = world.ask("api/ListExecutions", &input).await;
    let expected = json!({"operation": "ListExecutions", "input": input});
    assert_eq!((status, seen), (200, expected));
    for (operation, machine) in [("ListExecutions", "refused"), ("StartExecution", "express")] {
        let input = json!({"stateMachineArn": machine});
        let (_, refused) = world.ask(&format!("api/{operation}"), &input).await;
        assert_eq!(refused["__type"], "AccessDeniedException");
    }
}

#[tokio::test]
async fn a_record_says_what_the_server_knows() {
    let world = World::start().await;
    let forged = json!({"taskToken": TOKEN, "executionArn": "arn:other", "stateName": "Ask", "output": "{}"});
    let (status, refused) = world.ask("api/answer", &forged).await;
    assert_eq!((status, &refused["__type"]), (400, &json!("TaskTimedOut")));
    assert_eq!(world.answers("arn:other").await, json!([]));

    let forged = json!({"taskToken": TOKEN, "executionArn": "arn:x", "stateName": "Forged", "name": "Bob", "output": "{}"});
    assert_eq!(world.ask("api/answer", &forged).await.0, 200);
    let answers = world.answers("arn:x").await;
    assert_eq!(answers[0]["stateName"], "Ask");
    assert_eq!(answers[0]["name"], Value::Null);
    // It says who was quicker, also once it does not wait any more.
    assert_eq!(world.ask("api/answer", &forged).await.0, 409);
}

#[tokio::test]
async fn a_task_that_ended_elsewhere_is_let_go() {
    let world = World::start().await;
    let mut task =
        json!({"taskToken": TOKEN, "executionArn": "arn:x", "stateName": "Ask", "take": true});
    assert_eq!(world.ask("api/claim", &task).await.0, 200);
    let ended = std::mem::take(&mut *world.waiting.tasks.lock());
    assert_eq!(world.ask("api/claim", &task).await.0, 400);
    task["take"] = false.into();
    assert_eq!(world.ask("api/claim", &task).await.0, 200);
    *world.waiting.tasks.lock() = ended;
    let claim = world.console.records.claim_of(TOKEN).await;
    assert_eq!(claim, Ok(None));
}

#[tokio::test]
async fn a_link_shows_its_question_and_nothing_else() {
    let world = World::start().await;
    let link = world.link().await;
    let (status, shown) = world.ask("answer/look", &json!({"link": link})).await;
    assert_eq!(status, 200, "{shown}");
    let definition = json!({"StartAt": "Ask", "States": {"Ask": {"Type": "Task"}}}).to_string();
    let expected = json!({
        "task": {
            "stateName": "Ask", "executionArn": "arn:x", "stateMachineArn": "arn:m",
            "parameters": json!({"taskToken": "…"}).to_string(),
        },
        "definition": definition,
    });
    assert_eq!(shown, expected);

    let said = json!({"link": link, "output": "{}", "name": "Ann"});
    assert_eq!(world.ask("answer/send", &said).await.0, 200);
    let answer = &world.answers("arn:x").await[0];
    assert_eq!(
        (&answer["name"], &answer["via"]),
        (&json!("Ann"), &json!("link"))
    );
    assert_eq!(
        world.ask("answer/look", &json!({"link": link})).await.0,
        409
    );
}
