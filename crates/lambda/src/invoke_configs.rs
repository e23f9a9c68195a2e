//! What becomes of events that nobody waits for: how often and how long they are tried, and who is told
//! (`EventInvokeConfig`).

use aws_model::lambda::{
    DeleteFunctionEventInvokeConfigInput, DestinationConfig, GetFunctionEventInvokeConfigInput,
    ListFunctionEventInvokeConfigsInput, PutFunctionEventInvokeConfigInput,
    UpdateFunctionEventInvokeConfigInput,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::{Failure, Reply, Site};
use store::Batch;
use vocab::{Arn, Timestamp};

use crate::catalog::{Row, removal, written};
use crate::configure::{parse_input, reply};
use crate::name::{FunctionName, LATEST, function_arn};
use crate::page::{Page, asked};
use crate::{Lambda, failure, keys};

/// Configurations of one page.
const PAGE_MAX: usize = 50;
/// Services that can be told.
const DESTINATIONS: [&str; 5] = ["lambda", "sqs", "sns", "events", "s3"];

/// The row of one configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InvokeConfig {
    /// The function.
    pub function: String,
    /// `$LATEST`, a version or an alias.
    pub qualifier: String,
    /// When it was last changed.
    pub last_modified: Timestamp,
    /// How often an event is tried again that the function failed on.
    pub retries_max: Option<u32>,
    /// How old an event may become.
    pub age_seconds_max: Option<u64>,
    /// The ARN of whoever is told of successes.
    pub on_success: Option<String>,
    /// The ARN of whoever is told of failures.
    pub on_failure: Option<String>,
}

impl InvokeConfig {
    fn shown(&self, site: &Site) -> Map<String, Value> {
        let arn = function_arn(&self.function, site);
        let mut shown = Map::new();
        let modified = self.last_modified.as_millis() as f64 / 1000.0;
        shown.insert("LastModified".to_owned(), modified.into());
        let arn = format!("{arn}:{}", self.qualifier);
        shown.insert("FunctionArn".to_owned(), arn.into());
        if let Some(retries) = self.retries_max {
            shown.insert("MaximumRetryAttempts".to_owned(), retries.into());
        }
        if let Some(age) = self.age_seconds_max {
            shown.insert("MaximumEventAgeInSeconds".to_owned(), age.into());
        }
        let end = |arn: &Option<String>| match arn {
            Some(arn) => json!({"Destination": arn}),
            None => json!({}),
        };
        let destinations = json!({
            "OnSuccess": end(&self.on_success),
            "OnFailure": end(&self.on_failure),
        });
        shown.insert("DestinationConfig".to_owned(), destinations);
        shown
    }

    fn set(
        &mut self,
        retries_max: Option<i64>,
        age_seconds_max: Option<i64>,
        destinations: Option<DestinationConfig>,
    ) {
        if let Some(retries) = retries_max {
            self.retries_max = u32::try_from(retries).ok();
        }
        if let Some(age) = age_seconds_max {
            self.age_seconds_max = u64::try_from(age).ok();
        }
        if let Some(destinations) = destinations {
            let given = |arn: Option<String>| arn.filter(|arn| !arn.is_empty());
            self.on_success = given(destinations.on_success.and_then(|end| end.destination));
            self.on_failure = given(destinations.on_failure.and_then(|end| end.destination));
        }
    }
}

impl Lambda {
    pub(crate) async fn put_invoke_config(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: PutFunctionEventInvokeConfigInput = parse_input(input)?;
        let name = self
            .invoked(&input.function_name, input.qualifier.as_deref())
            .await?;
        let settings = (
            input.maximum_retry_attempts,
            input.maximum_event_age_in_seconds,
            input.destination_config,
        );
        self.write_invoke_config(&name, InvokeConfig::default(), settings)
            .await
    }

    pub(crate) async fn update_invoke_config(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: UpdateFunctionEventInvokeConfigInput = parse_input(input)?;
        let name = self
            .invoked(&input.function_name, input.qualifier.as_deref())
            .await?;
        let before = self.invoke_config(&name).await?;
        let settings = (
            input.maximum_retry_attempts,
            input.maximum_event_age_in_seconds,
            input.destination_config,
        );
        self.write_invoke_config(&name, before.value, settings)
            .await
    }

    pub(crate) async fn get_invoke_config(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetFunctionEventInvokeConfigInput = parse_input(input)?;
        let name = self
            .invoked(&input.function_name, input.qualifier.as_deref())
            .await?;
        let found = self.invoke_config(&name).await?;
        Ok(reply(Value::Object(found.value.shown(&self.site))))
    }

    pub(crate) async fn delete_invoke_config(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: DeleteFunctionEventInvokeConfigInput = parse_input(input)?;
        let name = self
            .invoked(&input.function_name, input.qualifier.as_deref())
            .await?;
        let Row { row, value } = self.invoke_config(&name).await?;
        let mut batch = Batch::default();
        let key = keys::invoke_config(&value.function, &value.qualifier);
        removal(&mut batch, key, row);
        self.catalog
            .commit(batch)
            .await
            .map_err(|error| self.save_failure(&error, &name))?;
        Ok(reply(json!({})))
    }

    pub(crate) async fn list_invoke_configs(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: ListFunctionEventInvokeConfigsInput = parse_input(input)?;
        let (name, _) = self.find_latest(&input.function_name).await?;
        let (after, limit) = asked(input.marker.as_deref(), input.max_items, PAGE_MAX)?;
        let prefix = keys::of("invoke-config", &name.name);
        let configs = self
            .catalog
            .list::<InvokeConfig>(&prefix, after.as_deref(), limit + 1)
            .await
            .map_err(|error| failure::store(&error))?;
        let shown = configs
            .into_iter()
            .map(|config| (config.qualifier.clone(), config.shown(&self.site)));
        let page = Page::cut(shown.collect(), limit);
        Ok(reply(page.named("FunctionEventInvokeConfigs", json!({}))))
    }

    async fn write_invoke_config(
        &self,
        name: &FunctionName,
        mut config: InvokeConfig,
        (retries, age, destinations): (Option<i64>, Option<i64>, Option<DestinationConfig>),
    ) -> Result<Reply, Failure> {
        if retries.is_none() && age.is_none() && destinations.is_none() {
            return Err(failure::invalid_parameter(
                "You must specify at least one of error handling or destination setting.",
            ));
        }
        config.set(retries, age, destinations);
        for arn in [&config.on_success, &config.on_failure]
            .into_iter()
            .flatten()
        {
            self.check_destination(name, arn).await?;
        }
        config.function.clone_from(&name.name);
        name.qualifier
            .as_deref()
            .unwrap_or(LATEST)
            .clone_into(&mut config.qualifier);
        config.last_modified = self.clock.now();
        let key = keys::invoke_config(&config.function, &config.qualifier);
        let batch = Batch {
            put: vec![(key, written(&config))],
            ..Batch::default()
        };
        self.catalog
            .commit(batch)
            .await
            .map_err(|error| failure::store(&error))?;
        Ok(reply(Value::Object(config.shown(&self.site))))
    }

    async fn check_destination(&self, name: &FunctionName, arn: &str) -> Result<(), Failure> {
        let parsed = Arn::parse(arn).filter(|arn| DESTINATIONS.contains(&arn.service));
        let Some(parsed) = parsed else {
            return Err(failure::invalid_parameter(format!(
                "The destination ARN {arn} is invalid."
            )));
        };
        if parsed.service != "lambda" {
            return Ok(());
        }
        let told = FunctionName::parse(arn, None, &self.site)?;
        if told.name == name.name {
            return Err(failure::invalid_parameter(
                "You can't specify the function as a destination for itself.",
            ));
        }
        self.find(arn, None).await.map(|_| ()).map_err(|missing| {
            if missing.code == "ResourceNotFoundException" {
                let text = format!("The destination ARN {arn} is invalid.");
                return failure::invalid_parameter(text);
            }
            missing
        })
    }

    /// Returns the function, version or alias that events go to, which must be there.
    async fn invoked(&self, text: &str, qualifier: Option<&str>) -> Result<FunctionName, Failure> {
        let asked = FunctionName::parse(text, qualifier, &self.site)?;
        let missing = |failure: Failure| match failure.code.as_ref() {
            "ResourceNotFoundException" => {
                failure::not_found("The function does not exist.".to_owned())
            }
            _ => failure,
        };
        self.find(text, qualifier).await.map_err(missing)?;
        Ok(asked)
    }

    async fn invoke_config(&self, name: &FunctionName) -> Result<Row<InvokeConfig>, Failure> {
        let qualifier = name.qualifier.as_deref().unwrap_or(LATEST);
        let found = self
            .catalog
            .read(&keys::invoke_config(&name.name, qualifier))
            .await
            .map_err(|error| failure::store(&error))?;
        found.ok_or_else(|| {
            let arn = name.qualified_arn(&self.site, Some(LATEST));
            failure::not_found(format!(
                "The function {arn} doesn't have an EventInvokeConfig"
            ))
        })
    }
}
