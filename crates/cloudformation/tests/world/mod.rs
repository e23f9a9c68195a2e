//! Services in memory that remember what they were asked, and a deployer before them.

// A failure is an answer like any other.
#![allow(clippy::result_large_err)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cloudformation::{DeployError, Deployer, Deployment, Options, Outcome, StackEvent};
use serde_json::{Value, json};
use service::{Call, Failure, Gate, Principal, Reply, Service, Site, SystemClock};
use sha2::{Digest, Sha256};
use store::MemoryStore;
use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;

pub mod server;

/// Functions, machines and tables by name, behind the port that the deployer calls.
#[derive(Default)]
pub struct Cloud {
    pub there: Mutex<BTreeMap<String, Value>>,
    pub calls: Mutex<Vec<String>>,
    /// Operations (with the resource's name) that fail.
    pub failing: Mutex<BTreeSet<String>>,
    /// An operation that never answers, and who is told that it was called.
    pub hanging: Mutex<Option<String>>,
    pub hung: Notify,
    /// The same, but it is done before it does not answer.
    pub hanging_after: Mutex<Option<String>>,
    /// What there is in S3, by bucket and key, and how much of one object was read at most.
    pub objects: Mutex<BTreeMap<String, String>>,
    pub read_most: Mutex<usize>,
    /// Who answers for roles and policies, which are not counted among the calls.
    pub iam: tokio::sync::OnceCell<Arc<iam::Iam>>,
    /// The parameters of Systems Manager.
    pub parameters: Mutex<BTreeMap<String, String>>,
    /// What functions behind custom resources were asked and have not answered.
    pub asked: Mutex<Vec<Value>>,
    /// Who answers for stacks in stacks.
    pub stacks: Mutex<Option<Arc<dyn Service>>>,
}

pub fn name_of(input: &Value) -> String {
    let members = [
        "Bucket",
        "activityArn",
        "logGroupName",
        "logGroupNamePrefix",
        "stateMachineVersionArn",
        "stateMachineAliasArn",
        "FunctionName",
        "TableName",
        "stateMachineArn",
        "name",
        "Resource",
        "ResourceArn",
        "resourceArn",
    ];
    let name = members
        .iter()
        .find_map(|member| input[*member].as_str())
        .unwrap_or("?");
    name.rsplit(':').next().unwrap_or(name).to_owned()
}

#[async_trait]
impl Gate for Cloud {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        assert_eq!(
            call.principal,
            principal(),
            "the deployer acts as whoever deploys"
        );
        let input: Value = serde_json::from_slice(&call.input).expect("the input is JSON");
        let (what, answer) = if call.service == "iam" {
            let user = input["UserName"].as_str().unwrap_or("?");
            let what = format!("{} {user}", call.operation);
            let fails = self.failing.lock().expect("lock").contains(&what);
            let answer = match fails {
                true => Err(Failure::client("ServiceFailure", "not now")),
                false => self.roles().await.call(call).await,
            };
            (what, answer)
        } else {
            let what = format!("{} {}", call.operation, stable(&name_of(&input)));
            let answer = self.answer(call, input, &what).await;
            (what, answer)
        };
        if self.hanging_after.lock().expect("lock").as_ref() == Some(&what) {
            self.hung.notify_one();
            std::future::pending::<()>().await;
        }
        answer
    }
}

/// Splits the ARN of a version or an alias into the machine's name and the rest.
fn qualified(input: &Value) -> Option<(String, String)> {
    let members = [
        "stateMachineVersionArn",
        "stateMachineAliasArn",
        "stateMachineArn",
    ];
    let arn = members.iter().find_map(|member| input[*member].as_str())?;
    let parts: Vec<&str> = arn.split(':').collect();
    Some(((*parts.get(6)?).to_owned(), (*parts.get(7)?).to_owned()))
}

impl Cloud {
    async fn roles(&self) -> Arc<iam::Iam> {
        let open = || async {
            let site = Site {
                region: "us-east-1".into(),
                account_id: "000000000000".into(),
            };
            let secret_of = Arc::new(|id: &str| format!("secret of {id}"));
            iam::Iam::open(
                Arc::new(MemoryStore::default()),
                &site,
                Arc::new(SystemClock),
                secret_of,
            )
            .await
            .expect("a memory store is readable")
        };
        self.iam.get_or_init(open).await.clone()
    }

    async fn answer(&self, call: Call, input: Value, what: &str) -> Result<Reply, Failure> {
        let name = name_of(&input);
        let what = what.to_owned();
        if !call.operation.starts_with("Describe") && !call.operation.starts_with("Get") {
            self.calls.lock().expect("lock").push(what.clone());
        }
        if self.hanging.lock().expect("lock").as_ref() == Some(&what) {
            self.hung.notify_one();
            std::future::pending::<()>().await;
        }
        if self.failing.lock().expect("lock").contains(&what) {
            return Err(Failure::client(
                "InvalidParameterValueException",
                "no such runtime",
            ));
        }
        if call.service == "cloudformation" {
            let stacks = self.stacks.lock().expect("lock").clone();
            return stacks
                .expect("a test with stacks in stacks")
                .call(call)
                .await;
        }
        if &*call.operation == "Invoke" {
            let request = serde_json::from_slice(&call.payload).expect("the event is JSON");
            self.asked.lock().expect("lock").push(request);
            return Ok(Reply::default());
        }
        if let Some(answer) = self.versions(&call, &input) {
            return answer.map(|output| Reply {
                output: output.to_string().into(),
                ..Reply::default()
            });
        }
        if &*call.operation == "GetParameter" {
            let parameters = self.parameters.lock().expect("lock");
            let value = parameters.get(input["Name"].as_str().unwrap_or_default());
            let value =
                value.ok_or_else(|| Failure::client("ParameterNotFound", "it is not there"))?;
            return Ok(Reply {
                output: json!({"Parameter": {"Value": value}}).to_string().into(),
                ..Reply::default()
            });
        }
        if &*call.operation == "GetParameters" {
            let parameters = self.parameters.lock().expect("lock");
            let names = input["Names"].as_array().cloned().unwrap_or_default();
            let found = names.iter().filter_map(|name| {
                let value = parameters.get(name.as_str()?)?;
                Some(json!({"Name": name, "Type": "String", "Value": value}))
            });
            let found: Vec<Value> = found.collect();
            return Ok(Reply {
                output: json!({"Parameters": found}).to_string().into(),
                ..Reply::default()
            });
        }
        if &*call.operation == "GetObject" {
            return self.object(&input);
        }
        let absent = match call.service {
            "states" if call.operation.contains("Activity") => "ActivityDoesNotExist",
            "states" => "StateMachineDoesNotExist",
            "s3" => "NoSuchBucket",
            _ => "ResourceNotFoundException",
        };
        let key = format!("{} {name}", call.service);
        let mut there = self.there.lock().expect("lock");
        let output = match (&*call.operation, there.get_mut(&key)) {
            ("DescribeLogGroups", there) => match there {
                Some(_) => json!({"logGroups": [{"logGroupName": name}]}),
                None => json!({"logGroups": []}),
            },
            (operation, Some(_)) if operation.starts_with("Create") => {
                return Err(Failure::client("ResourceInUseException", "it is there"));
            }
            (operation, None) if operation.starts_with("Create") => {
                let arn = format!("arn:aws:{}:us-east-1:000000000000:{name}", call.service);
                there.insert(key, input);
                json!({"FunctionArn": arn, "stateMachineArn": arn, "revisionId": name})
            }
            (_, None) => return Err(Failure::client(absent, "it is not there")),
            ("GetBucketPolicy", Some(bucket)) if bucket.get("Policy").is_none() => {
                return Err(Failure::client("NoSuchBucketPolicy", "it has none"));
            }
            ("DeleteBucketPolicy", Some(bucket)) => {
                bucket
                    .as_object_mut()
                    .expect("an object")
                    .shift_remove("Policy");
                json!({})
            }
            ("DeleteBucketTagging" | "DeletePublicAccessBlock", Some(_)) => json!({}),
            ("DeleteRetentionPolicy" | "PutRetentionPolicy", Some(_)) => json!({}),
            (operation, Some(_)) if operation.starts_with("Delete") => {
                there.remove(&key);
                json!({})
            }
            (
                "GetFunctionConfiguration"
                | "DescribeTable"
                | "DescribeStateMachine"
                | "DescribeActivity"
                | "HeadBucket",
                Some(_),
            ) => {
                json!({})
            }
            (_, Some(resource)) => {
                for (member, value) in input.as_object().expect("an object") {
                    resource[member] = value.clone();
                }
                json!({})
            }
        };
        Ok(Reply {
            output: output.to_string().into(),
            ..Reply::default()
        })
    }
}

/// Replaces the random end of a generated name.
pub fn stable(name: &str) -> String {
    match name.rsplit_once('-') {
        Some((start, end)) if end.len() == 12 => format!("{start}-*"),
        _ => name.to_owned(),
    }
}

/// Where the machines of tests are.
const MACHINES: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:";

impl Cloud {
    /// Answers what is asked of versions and aliases, whose numbers are never given twice.
    fn versions(&self, call: &Call, input: &Value) -> Option<Result<Value, Failure>> {
        let mut there = self.there.lock().expect("lock");
        let absent = || Err(Failure::client("ResourceNotFound", "it is not there"));
        let missing = || {
            Err(Failure::client(
                "StateMachineDoesNotExist",
                "it is not there",
            ))
        };
        let (machine, qualifier) = qualified(input).unwrap_or_default();
        Some(match &*call.operation {
            "PublishStateMachineVersion" => {
                let Some(found) = there.get_mut(&format!("states {}", name_of(input))) else {
                    return Some(missing());
                };
                let number = found["last"].as_u64().unwrap_or_default() + 1;
                found["last"] = number.into();
                found["versions"][number.to_string()] = input["description"].clone();
                let arn = input["stateMachineArn"].as_str().unwrap_or_default();
                Ok(json!({"stateMachineVersionArn": format!("{arn}:{number}")}))
            }
            "ListStateMachineVersions" => {
                let found = there.get(&format!("states {}", name_of(input)));
                let Some(found) = found else {
                    return Some(missing());
                };
                let none = serde_json::Map::new();
                let numbers = found["versions"].as_object().unwrap_or(&none).keys();
                let mut numbers: Vec<u64> = numbers.filter_map(|key| key.parse().ok()).collect();
                numbers.sort_by_key(|number| std::cmp::Reverse(*number));
                let most = input["maxResults"].as_u64().unwrap_or(100) as usize;
                let arn = input["stateMachineArn"].as_str().unwrap_or_default();
                let items: Vec<Value> = numbers
                    .iter()
                    .take(most)
                    .map(|number| json!({"stateMachineVersionArn": format!("{arn}:{number}")}))
                    .collect();
                Ok(json!({"stateMachineVersions": items}))
            }
            "DescribeStateMachine" if !qualifier.is_empty() => {
                match there.get(&format!("states {machine}")) {
                    Some(found) if found["versions"].get(&qualifier).is_some() => Ok(json!({
                        "revisionId": machine,
                        "description": found["versions"][&qualifier],
                    })),
                    _ => missing(),
                }
            }
            "DeleteStateMachineVersion" => {
                let found = there.get_mut(&format!("states {machine}"));
                let versions = found.and_then(|found| found["versions"].as_object_mut());
                match versions.and_then(|versions| versions.shift_remove(&qualifier)) {
                    Some(_) => Ok(json!({})),
                    None => absent(),
                }
            }
            "CreateStateMachineAlias" => {
                let version = &input["routingConfiguration"][0]["stateMachineVersionArn"];
                let version = version.as_str().unwrap_or_default();
                let (machine, _) = version.rsplit_once(':').unwrap_or_default();
                let machine = machine.rsplit(':').next().unwrap_or_default();
                let name = input["name"].as_str().unwrap_or_default();
                let key = format!("alias {machine}:{name}");
                let arn = format!("{MACHINES}{machine}:{name}");
                match there.get(&key) {
                    Some(other) if other != input => {
                        Err(Failure::client("ConflictException", "there is another"))
                    }
                    _ => {
                        there.insert(key, input.clone());
                        Ok(json!({"stateMachineAliasArn": arn}))
                    }
                }
            }
            "DescribeStateMachineAlias" | "UpdateStateMachineAlias" => {
                match there.get(&format!("alias {machine}:{qualifier}")) {
                    Some(_) => Ok(json!({})),
                    None => absent(),
                }
            }
            "DeleteStateMachineAlias" => {
                match there.remove(&format!("alias {machine}:{qualifier}")) {
                    Some(_) => Ok(json!({})),
                    None => absent(),
                }
            }
            _ => return None,
        })
    }

    /// Answers the bytes of an object that the range asks for.
    fn object(&self, input: &Value) -> Result<Reply, Failure> {
        let text = |member: &str| input[member].as_str().unwrap_or_default();
        let key = format!("{}/{}", text("Bucket"), text("Key"));
        let objects = self.objects.lock().expect("lock");
        let Some(object) = objects.get(&key) else {
            return Err(Failure::client(
                "NoSuchKey",
                "The specified key does not exist.",
            ));
        };
        let last = text("Range")
            .rsplit('-')
            .next()
            .and_then(|last| last.parse().ok());
        let end = last.map_or(object.len(), |last: usize| object.len().min(last + 1));
        let mut most = self.read_most.lock().expect("lock");
        *most = end.max(*most);
        Ok(Reply {
            payload: object.as_bytes()[..end].to_vec().into(),
            ..Reply::default()
        })
    }

    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().expect("lock"))
    }

    pub fn names(&self) -> Vec<String> {
        self.there
            .lock()
            .expect("lock")
            .keys()
            .map(|key| stable(key))
            .collect()
    }

    pub fn get(&self, key: &str) -> Value {
        let there = self.there.lock().expect("lock");
        there
            .iter()
            .find(|(other, _)| stable(other) == key)
            .map(|(_, value)| value.clone())
            .unwrap_or_default()
    }

    pub fn fail(&self, what: &str) {
        self.failing.lock().expect("lock").insert(what.to_owned());
    }
}

pub fn principal() -> Principal {
    Principal::Root {
        account: "000000000000".into(),
    }
}

/// A deployer over services and a store, either of which outlives it.
pub struct World {
    pub cloud: Arc<Cloud>,
    pub store: Arc<MemoryStore>,
    pub directory: tempfile::TempDir,
    pub deployer: Arc<Deployer>,
}

impl World {
    pub fn new() -> Self {
        let (cloud, store) = (Arc::new(Cloud::default()), Arc::new(MemoryStore::new()));
        let directory = tempfile::tempdir().expect("a directory");
        let deployer = deployer(&cloud, &store, directory.path());
        Self {
            cloud,
            store,
            directory,
            deployer,
        }
    }

    /// Starts the server again: nothing stays but the store, the files and the services.
    pub fn restart(&mut self) {
        self.deployer = deployer(&self.cloud, &self.store, self.directory.path());
    }

    pub async fn asset(&self, text: &str) -> String {
        let sha256 = hex::encode(Sha256::digest(text.as_bytes()));
        self.deployer
            .assets()
            .put(&sha256, text.to_owned().into())
            .await
            .expect("keeps");
        sha256
    }

    pub async fn deployment(
        &self,
        resources: &str,
        code: &str,
        parameters: &[(&str, &str)],
    ) -> Deployment {
        let definition =
            r#"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"${F}","End":true}}}"#;
        Deployment {
            stack_name: "app".to_owned(),
            template: format!("{HEAD}{resources}"),
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            assets: BTreeMap::from([
                ("src/".to_owned(), self.asset(code).await),
                ("machine.json".to_owned(), self.asset(definition).await),
            ]),
            settings: Default::default(),
        }
    }

    pub async fn deploy(
        &self,
        deployment: Deployment,
    ) -> (Result<Outcome, DeployError>, Vec<String>) {
        let (progress, mut events) = unbounded_channel();
        let outcome = self
            .deployer
            .deploy(deployment, principal(), progress)
            .await;
        let mut lines = Vec::new();
        while let Some(event) = events.recv().await {
            lines.push(line(&event));
        }
        (outcome, lines)
    }

    /// Deploys and returns the stack's state with the calls that were made.
    pub async fn state_after(&self, deployment: Deployment) -> (String, Vec<String>) {
        self.cloud.take_calls();
        let (outcome, _) = self.deploy(deployment).await;
        let state = match outcome.expect("deploys") {
            Outcome::Unchanged(_) => "unchanged".to_owned(),
            Outcome::Deployed(stack) | Outcome::RolledBack(stack) => stack.stack_status.to_string(),
        };
        (state, self.cloud.take_calls())
    }
}

pub fn deployer(
    cloud: &Arc<Cloud>,
    store: &Arc<MemoryStore>,
    directory: &std::path::Path,
) -> Arc<Deployer> {
    let site = Site {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
    };
    let options = Options {
        data_dir: directory.to_owned(),
        ignore_unknown: false,
        endpoint_url: "http://127.0.0.1:9".to_owned(),
    };
    Deployer::new(
        cloud.clone(),
        store.clone(),
        site,
        Arc::new(SystemClock),
        &options,
    )
    .expect("opens")
}

pub fn line(event: &StackEvent) -> String {
    format!("{} {}", event.resource_status, event.logical_resource_id)
}

/// How every template begins.
const HEAD: &str = "
Transform: AWS::Serverless-2016-10-31
Parameters:
  Size: {Type: Number, Default: 128}
  Secret: {Type: String, Default: hush, NoEcho: true}
Outputs:
  Function: {Value: !GetAtt F.Arn, Description: It}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: checks
      CodeUri: src/
      Handler: index.handler
      Runtime: nodejs12.x
      MemorySize: !Ref Size
      Environment: {Variables: {SECRET: !Ref Secret, COUNT: 3}}
";
