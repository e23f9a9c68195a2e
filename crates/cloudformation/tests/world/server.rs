//! The CloudFormation API in a server that can be killed and started again.

use std::sync::Arc;

use cloudformation::CloudFormation;
use serde_json::{Value, json};
use service::{Call, Failure, RequestId, Service};
use tokio::runtime::Runtime;

use super::{World, principal};

/// The API over services and a store that outlive it.
pub struct Server {
    pub world: World,
    pub stacks: Arc<CloudFormation>,
}

impl Server {
    pub fn new() -> Self {
        let world = World::new();
        let stacks = Arc::new(CloudFormation::new(world.deployer.clone()));
        *world.cloud.stacks.lock().expect("lock") = Some(stacks.clone());
        Self { world, stacks }
    }

    /// Starts the server again, without what was under way.
    pub fn restart(&mut self) {
        *self.world.cloud.hanging.lock().expect("lock") = None;
        *self.world.cloud.hanging_after.lock().expect("lock") = None;
        self.world.restart();
        self.stacks = Arc::new(CloudFormation::new(self.world.deployer.clone()));
        *self.world.cloud.stacks.lock().expect("lock") = Some(self.stacks.clone());
    }

    pub async fn call(&self, operation: &'static str, input: Value) -> Result<Value, Failure> {
        let call = Call {
            service: "cloudformation",
            operation: operation.into(),
            input: input.to_string().into(),
            payload: Default::default(),
            principal: principal(),
            request_id: RequestId::random(),
        };
        let reply = self.stacks.call(call).await?;
        Ok(serde_json::from_slice(&reply.output).unwrap_or_default())
    }

    pub async fn stack(&self, name: &str) -> Result<Value, Failure> {
        let found = self.call("DescribeStacks", json!({"StackName": name}));
        Ok(found.await?["Stacks"][0].clone())
    }

    /// Returns the state of a stack once nobody works on it, or how it is refused.
    pub async fn settled(&self, name: &str) -> String {
        let mut last = String::new();
        until(async || {
            last = match self.stack(name).await {
                Ok(stack) => stack["StackStatus"].as_str().unwrap_or_default().to_owned(),
                Err(failure) => failure.message,
            };
            !last.ends_with("_IN_PROGRESS")
        })
        .await;
        last
    }

    pub async fn deploy(&self, operation: &'static str, template: &str) {
        let input = json!({"StackName": "app", "TemplateBody": template});
        self.call(operation, input).await.expect("accepts");
    }

    /// Does something in a server that is killed when it comes to `point`: before the call is made, or
    /// after it was made and before its answer is written down.
    pub fn killed_at(&mut self, point: &str, after: bool, operation: &'static str, template: &str) {
        let cloud = self.world.cloud.clone();
        let slot = if after {
            &cloud.hanging_after
        } else {
            &cloud.hanging
        };
        *slot.lock().expect("lock") = Some(point.to_owned());
        let server = Runtime::new().expect("a runtime");
        server.block_on(async {
            self.deploy(operation, template).await;
            cloud.hung.notified().await;
        });
        drop(server);
        self.restart();
    }

    pub async fn recovered(&self) -> Vec<String> {
        let stacks = self.world.deployer.recover().await.expect("recovers");
        stacks
            .iter()
            .map(|stack| stack.stack_status.to_string())
            .collect()
    }

    pub async fn names(&self) -> Vec<String> {
        let stacks = self.world.deployer.stacks().await.expect("lists");
        stacks
            .iter()
            .map(|stack| super::stable(&stack.stack_name))
            .collect()
    }
}

/// Polls until `condition` holds.
pub async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !condition().await {
        assert!(std::time::Instant::now() < deadline, "it takes too long");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}
