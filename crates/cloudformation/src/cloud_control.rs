//! Cloud Control: resources by their type, as CloudFormation shows them. What is there is what `sam list endpoints`
//! asks: the URL of a function.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use service::{Call, Failure, Gate, Reply, Service};

/// The type that can be read.
const URL: &str = "AWS::Lambda::Url";

/// The Cloud Control API over the services behind `gate`.
pub struct CloudControl(pub Arc<dyn Gate>);

#[async_trait]
impl Service for CloudControl {
    fn name(&self) -> &'static str {
        "cloudcontrolapi"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        if call.operation != "GetResource" {
            let message = format!("cloudcontrolapi:{} is not served here yet", call.operation);
            return Err(Failure::client("NotImplemented", message).with_status(501));
        }
        let input: Map<String, Value> = serde_json::from_slice(&call.input)
            .map_err(|error| Failure::client("ValidationException", error.to_string()))?;
        let member = |name: &str| {
            let text = input.get(name).and_then(Value::as_str);
            text.ok_or_else(|| {
                Failure::client("ValidationException", format!("{name} must be given."))
            })
        };
        let (kind, identifier) = (member("TypeName")?, member("Identifier")?);
        if kind != URL {
            let message = format!("Resource type {kind} does not support READ action");
            return Err(Failure::client("UnsupportedActionException", message));
        }
        let asked = Call {
            service: "lambda",
            operation: "GetFunctionUrlConfig".into(),
            input: json!({"FunctionName": identifier}).to_string().into(),
            ..call
        };
        let reply = self.0.call(asked).await?;
        let config: Value = serde_json::from_slice(&reply.output).unwrap_or_default();
        let mut shown = Map::new();
        for (name, from) in [
            ("AuthType", "AuthType"),
            ("Cors", "Cors"),
            ("FunctionArn", "FunctionArn"),
            ("FunctionUrl", "FunctionUrl"),
            ("InvokeMode", "InvokeMode"),
            ("TargetFunctionArn", "FunctionArn"),
        ] {
            if let Some(value) = config.get(from).filter(|value| !value.is_null()) {
                shown.insert(name.to_owned(), value.clone());
            }
        }
        let described = json!({
            "Identifier": config["FunctionArn"],
            "Properties": Value::Object(shown).to_string(),
        });
        let output = json!({"TypeName": kind, "ResourceDescription": described});
        Ok(Reply {
            output: output.to_string().into(),
            ..Reply::default()
        })
    }
}
