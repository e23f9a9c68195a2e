//! What AWS was recorded to answer: every case whose operations are built is played, and its answer is
//! compared after both were scrubbed alike. The cases are not part of the project (`STEPD_CORPUS`).

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::{ROLE, World, machine_arn};
use serde_json::{Map, Value, json};
use service::Failure;

/// How many cases agree; fewer means that something that worked is lost.
const AGREE_MIN: usize = 322;

/// Why a case is not played.
fn out_of_scope(case: &Value) -> Option<&'static str> {
    let text = case.to_string();
    match () {
        () if text.contains("ParamValidationError") => Some("the client refused, not AWS"),
        () if text.contains("<execution-id-") => Some("what came before was not recorded"),
        // A conflict is with something; an alias is of a version.
        () if text.contains("ConflictException") || text.contains("AliasName-3") => (!text
            .contains("\"CreateStateMachine\""))
        .then_some("what came before was not recorded"),
        () if text.contains("\"s3\"") => Some("there are no buckets in this world"),
        () => None,
    }
}

fn operation(case: &Value) -> &str {
    case["operation"]
        .as_str()
        .unwrap_or("ValidateStateMachineDefinition")
}

fn cases() -> Option<Vec<(String, Value)>> {
    let root = std::env::var_os("STEPD_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    if !root.is_dir() {
        println!(
            "SKIPPED: no recorded cases at {} (set STEPD_CORPUS)",
            root.display()
        );
        return None;
    }
    let mut cases = Vec::new();
    let mut folders: Vec<_> = ["api_response", "api_error", "validate_definition"]
        .map(|name| root.join(name))
        .into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of cases can be read") {
            let path = entry.expect("an entry of a folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).expect("a case can be read");
                let case = serde_json::from_str(&text).expect("a case is JSON");
                cases.push((
                    path.strip_prefix(&root)
                        .unwrap_or(&path)
                        .display()
                        .to_string(),
                    case,
                ));
            }
        }
    }
    cases.sort_by(|left, right| left.0.cmp(&right.0));
    Some(cases)
}

/// Plays one case against a world of its own.
struct Player {
    world: World,
    /// Names that AWS gave, by the placeholder that stands for them.
    executions: Vec<String>,
    revisions: Vec<String>,
    next_token: Option<String>,
    /// A call asked for something that is not built yet.
    met_unbuilt: bool,
}

impl Player {
    /// Puts names of ours where names were scrubbed.
    fn fill(&self, value: &Value) -> Value {
        let mut text = value.to_string();
        for (number, name) in self.executions.iter().enumerate() {
            text = text.replace(&format!("<ExecArnPart_{number}idx>"), name);
        }
        let pairs = [
            ("<ArnPart_0idx>", "M"),
            ("<ExecArnPart_0idx>", "E"),
            ("<execution-name>", "E"),
            ("<state-machine-name>", "M"),
            ("state_machine_name", "M"),
            ("<lambda_function_name>", "F"),
            ("<ExpressExecArn_Part1_0idx>", "E"),
            ("<ExpressExecArn_Part2_0idx>", "1"),
            ("<resource:1>", "M"),
            ("<resource:2>", "E"),
            ("<partition>", "aws"),
            ("activity_name", "A"),
            (
                "activity_arn",
                "arn:aws:states:us-east-1:000000000000:activity:A",
            ),
        ];
        for (scrubbed, ours) in pairs {
            text = text.replace(scrubbed, ours);
        }
        let mut value: Value = serde_json::from_str(&text).expect("filled text is JSON");
        walk(&mut value, &mut |key, member| {
            let Value::String(text) = member else {
                return;
            };
            match (key, text.as_str()) {
                ("roleArn", role) if !role.starts_with("arn:") => *text = role_of(role),
                // A well-formed ARN of nothing stood here.
                ("executionArn", "invalid_execution_arn") => {
                    *text = common::execution_arn("M", "invalid_execution_arn")
                }
                ("stateMachineArn", "ssm_nonexistent_arn") => {
                    *text = machine_arn("ssm_nonexistent_arn")
                }
                ("nextToken", token) if token.starts_with("<invalid_token_") => {
                    let length = token
                        .chars()
                        .filter(char::is_ascii_digit)
                        .collect::<String>();
                    *text = "a".repeat(length.parse().expect("a length"));
                }
                ("nextToken", _) => {
                    if let Some(token) = &self.next_token {
                        text.clone_from(token);
                    }
                }
                _ => {}
            }
        });
        value
    }

    async fn play(&mut self, operation: &str, params: &Value) -> Result<Value, Failure> {
        let mut input = self.fill(params);
        if operation == "CreateStateMachine"
            && input
                .to_string()
                .contains("sqs:sendMessage.waitForTaskToken")
        {
            // No queue is there; a function waits for its token as well.
            input["definition"] = common::callback().to_string().into();
        }
        let answer = self.world.call(operation, input).await;
        if let Err(failure) = &answer {
            self.met_unbuilt |= failure.code == "UnsupportedOperation";
        }
        self.met_unbuilt |= format!("{answer:?}").contains("NOT_BUILT_YET");
        if let Ok(output) = &answer {
            if let Some(arn) = output["executionArn"]
                .as_str()
                .filter(|_| operation == "StartExecution")
            {
                let name = arn.rsplit(':').next().expect("a name").to_owned();
                if !self.executions.contains(&name) {
                    self.executions.push(name);
                }
                // The recorder waited for the end, except of what waits for an answer.
                if params["name"] != "<ExecArnPart_0idx>" {
                    self.settle(arn).await;
                }
            }
            let revision = output["revisionId"].as_str().map(str::to_owned);
            let is_new = |revision: &String| !self.revisions.contains(revision);
            self.revisions.extend(revision.filter(is_new));
        }
        answer
    }

    /// Waits for the end of an execution, with the clock ahead by more than any recorded time.
    async fn settle(&self, arn: &str) {
        self.world.clock.advance_millis(10_000);
        self.world.until_closed(arn).await;
    }

    /// Does to an answer of ours what was done to the recorded one.
    fn scrub(&self, value: &Value) -> Value {
        let mut text = value
            .to_string()
            .replace("000000000000", "111111111111")
            .replace("us-east-1", "<region>")
            .replace("arn:aws:", "arn:<partition>:");
        for (number, revision) in self.revisions.iter().enumerate() {
            text = text.replace(revision, &format!("<uuid:{}>", number + 1));
        }
        let mut value: Value = serde_json::from_str(&text).expect("scrubbed text is JSON");
        walk(&mut value, &mut |key, member| {
            if key.ends_with("Date") {
                *member = "datetime".into();
            }
            if let Value::String(text) = member {
                let parsed = serde_json::from_str::<Value>(text)
                    .ok()
                    .filter(Value::is_object);
                if let Some(parsed) = parsed {
                    *member = parsed;
                }
            }
        });
        value
    }
}

fn role_of(scrubbed: &str) -> String {
    ROLE.replace("/R", &format!("/{scrubbed}"))
}

/// Shows every member to `look`, the inner ones last.
fn walk(value: &mut Value, look: &mut impl FnMut(&str, &mut Value)) {
    match value {
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                look(key, member);
                walk(member, look);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, look)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Says where `ours` lacks or contradicts what was recorded; members that are newer than the recording
/// do not count, and neither does the order of a set.
fn difference(path: &str, recorded: &Value, ours: &Value) -> Option<String> {
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            recorded.iter().find_map(|(key, value)| {
                difference(
                    &format!("{path}/{key}"),
                    value,
                    ours.get(key).unwrap_or(&Value::Null),
                )
            })
        }
        (Value::Array(recorded), Value::Array(ours)) if recorded.len() == ours.len() => {
            let pairs = recorded.iter().zip(ours).enumerate();
            pairs.into_iter().find_map(|(index, (recorded, ours))| {
                difference(&format!("{path}/{index}"), recorded, ours)
            })
        }
        (recorded, ours) if recorded == ours => None,
        // The recorder hid every moment, and whatever is in a member that is called one; it is there.
        (Value::String(recorded), Value::Number(_))
            if recorded == "timestamp" && is_moment(path) =>
        {
            None
        }
        (Value::String(recorded), Value::String(ours))
            if recorded == "timestamp" && is_moment(path) && !ours.is_empty() =>
        {
            None
        }
        (Value::String(recorded), Value::String(ours))
            if recorded == "date" && vocab::Timestamp::parse_rfc3339(ours).is_some() =>
        {
            None
        }
        (recorded, ours) => Some(format!("{path}: recorded {recorded}, ours {ours}")),
    }
}

/// Says whether the member at the end of `path` is called a moment.
fn is_moment(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.to_ascii_lowercase().contains("timestamp")
}

/// Makes what a case needs and what was made before its recording began.
async fn prepare(player: &mut Player, name: &str, case: &Value) {
    if !name.contains("deleted_log_group") {
        let group = json!({ "logGroupName": "log_group_name" });
        player.world.logs("CreateLogGroup", group).await;
    }
    let operation = operation(case);
    let prior = case["prior_sfn_calls"].to_string();
    let exists = case["expected"]["error"]["Error"]["Code"]
        .as_str()
        .is_some_and(|code| code.ends_with("AlreadyExists"));
    let is_created =
        prior.contains("CreateStateMachine") || (operation == "CreateStateMachine" && !exists);
    if is_created || operation == "ValidateStateMachineDefinition" || name.contains("nonexistent") {
        return;
    }
    let response = &case["expected"]["response"];
    let definition = match response.get("definition") {
        Some(definition) => definition.clone(),
        None if exists && operation == "StartExecution" => common::callback(),
        None if exists => common::fail(),
        None => common::pass(),
    };
    let role = response["roleArn"].as_str().unwrap_or(ROLE);
    let mut input = json!({"name": "M", "definition": definition.to_string(), "roleArn": role});
    if name.contains("express") {
        input["type"] = "EXPRESS".into();
    }
    if player.play("CreateStateMachine", &input).await.is_err() {
        return;
    }
    if exists && operation == "StartExecution" {
        player.world.start("M", "E", "{}").await;
    }
    // Executions that the answer names and that no recorded call began.
    let answered = case["expected"].to_string();
    let is_named = |number: &usize| answered.contains(&format!("<ExecArnPart_{number}idx>"));
    let named = (0..100)
        .filter(is_named)
        .max()
        .map_or(0, |highest| highest + 1);
    let begun =
        prior.matches("\"StartExecution\"").count() + usize::from(operation == "StartExecution");
    for _ in begun..named {
        let input = json!({"stateMachineArn": machine_arn("M")});
        player
            .play("StartExecution", &input)
            .await
            .expect("an execution for the case");
    }
}

/// What playing a case came to.
enum Verdict {
    Agrees,
    NotBuilt,
    Differs(String),
}

async fn check(name: &str, case: &Value) -> Verdict {
    let world = World::new().await;
    // Later than every recording: what was the past there is the past here (a Wait's moment).
    world.clock.advance_millis(100_000_000_000);
    let (executions, revisions) = (Vec::new(), Vec::new());
    let mut player = Player {
        world,
        executions,
        revisions,
        next_token: None,
        met_unbuilt: false,
    };
    prepare(&mut player, name, case).await;
    for call in case["prior_sfn_calls"].as_array().unwrap_or(&Vec::new()) {
        let operation = call["op"].as_str().expect("the name of an operation");
        // Those that failed on AWS are recorded too, and fail here.
        let _ = player.play(operation, &call["params"]).await;
    }
    let last_page = case["expected"]["response"]["executions"].as_array();
    if let (Some(last_page), Some(_)) = (last_page, case["request"].get("nextToken")) {
        let before = player.executions.len().saturating_sub(last_page.len());
        let first = json!({"stateMachineArn": machine_arn("M"), "maxResults": before});
        if let Ok(page) = player.play("ListExecutions", &first).await {
            player.next_token = page["nextToken"].as_str().map(str::to_owned);
        }
    }
    let answer = player.play(operation(case), &case["request"]).await;
    match compare(&player, case, answer) {
        _ if player.met_unbuilt => Verdict::NotBuilt,
        Some(difference) => Verdict::Differs(difference),
        None => Verdict::Agrees,
    }
}

fn compare(player: &Player, case: &Value, answer: Result<Value, Failure>) -> Option<String> {
    match (case["expected"].get("response"), answer) {
        (Some(response), Ok(output)) => {
            let mut recorded = player.fill_expected(response);
            recorded.remove("ResponseMetadata");
            if recorded.contains_key("nextToken") {
                recorded.remove("nextToken");
                if output.get("nextToken").is_none() {
                    return Some("there is no next page".to_owned());
                }
            }
            difference("", &Value::Object(recorded), &player.scrub(&output))
        }
        (None, Err(failure)) => {
            let error = &case["expected"]["error"];
            let ours = format!("{}: {}", failure.code, failure.message);
            let recorded = match error["exception_value"].as_str() {
                // `An error occurred (CODE) when calling the OPERATION operation: MESSAGE`
                Some(text) => {
                    let message = text
                        .split_once("operation: ")
                        .map_or(text, |(_, message)| message);
                    format!(
                        "{}: {message}",
                        error["exception_typename"].as_str().unwrap_or_default()
                    )
                }
                None => format!(
                    "{}: {}",
                    error["Error"]["Code"].as_str().unwrap_or_default(),
                    error["Error"]["Message"].as_str().unwrap_or_default()
                ),
            };
            let recorded = player.fill_text(&recorded);
            let ours = player.scrub(&Value::String(ours));
            (ours != recorded).then(|| format!("recorded {recorded}, ours {ours}"))
        }
        (Some(_), Err(failure)) => Some(format!("ours failed: {failure}")),
        (None, Ok(output)) => Some(format!("ours worked: {output}")),
    }
}

impl Player {
    fn fill_expected(&self, response: &Value) -> Map<String, Value> {
        let filled = self.fill(response);
        match self.scrub(&filled) {
            Value::Object(members) => members,
            other => panic!("a response is an object, not {other}"),
        }
    }

    fn fill_text(&self, text: &str) -> String {
        let text = text
            .replace(
                "'invalid_execution_arn'",
                &format!("'{}'", common::execution_arn("M", "invalid_execution_arn")),
            )
            .replace(
                "'ssm_nonexistent_arn'",
                &format!("'{}'", machine_arn("ssm_nonexistent_arn")),
            );
        let text = match text.find("<invalid_token_") {
            Some(start) => {
                let length: String = text[start..]
                    .chars()
                    .filter(char::is_ascii_digit)
                    .take(4)
                    .collect();
                let end = start + text[start..].find('>').expect("a placeholder ends") + 1;
                format!(
                    "{}{}{}",
                    &text[..start],
                    "a".repeat(length.parse().expect("a length")),
                    &text[end..]
                )
            }
            None => text,
        };
        let filled = self.fill(&Value::String(text));
        self.scrub(&filled).as_str().expect("a text").to_owned()
    }
}

#[tokio::test]
async fn answers_as_aws_was_recorded_to_answer() {
    let Some(cases) = cases() else {
        return;
    };
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failed = Vec::new();
    let mut passed = 0;
    for (name, case) in &cases {
        if let Some(reason) = out_of_scope(case) {
            *skipped.entry(reason).or_default() += 1;
            continue;
        }
        match check(name, case).await {
            Verdict::Agrees => passed += 1,
            Verdict::NotBuilt => *skipped.entry("it uses what is not built yet").or_default() += 1,
            Verdict::Differs(difference) => failed.push(format!("{name}\n    {difference}")),
        }
    }
    println!(
        "{} cases: {passed} agree, {} do not",
        cases.len(),
        failed.len()
    );
    for (reason, count) in skipped {
        println!("  {count} not played: {reason}");
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(passed >= AGREE_MIN, "only {passed} cases agree");
}
