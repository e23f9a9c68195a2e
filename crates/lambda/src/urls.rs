//! Function URLs: the configuration. What a call of one becomes is in `url_call.rs`.

use aws_model::lambda::{
    Cors, CreateFunctionUrlConfigInput, DeleteFunctionUrlConfigInput, FunctionUrlAuthType,
    GetFunctionUrlConfigInput, InvokeMode, ListFunctionUrlConfigsInput,
    UpdateFunctionUrlConfigInput,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::{Failure, Reply};
use store::{Batch, StoreError};
use vocab::Timestamp;

use crate::catalog::{Row, change, written};
use crate::configure::{parse_input, reply};
use crate::name::FunctionName;
use crate::page::{Page, asked};
use crate::{Lambda, failure, keys};

/// URLs of one page.
const PAGE_MAX: usize = 50;

/// The row of one URL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UrlConfig {
    /// The beginning of its host.
    #[serde(rename = "UrlId")]
    pub id: String,
    /// The function.
    pub function: String,
    /// An alias, or empty for `$LATEST`.
    pub qualifier: String,
    /// Whether callers sign.
    pub signed: bool,
    /// Who may call it from a page of elsewhere.
    pub cors: Option<Cors>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub last_modified: Timestamp,
}

impl UrlConfig {
    /// Returns what the URL calls.
    pub fn target(&self) -> FunctionName {
        FunctionName {
            name: self.function.clone(),
            qualifier: Some(self.qualifier.clone()).filter(|qualifier| !qualifier.is_empty()),
        }
    }
}

impl Lambda {
    pub(crate) async fn create_url(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: CreateFunctionUrlConfigInput = parse_input(input)?;
        refuse_streaming(input.invoke_mode)?;
        let name = self
            .url_owner(&input.function_name, input.qualifier.as_deref())
            .await?;
        let now = self.clock.now();
        let config = UrlConfig {
            id: uuid::Uuid::new_v4().simple().to_string(),
            function: name.name.clone(),
            qualifier: name.qualifier.clone().unwrap_or_default(),
            signed: input.auth_type == FunctionUrlAuthType::AwsIam,
            cors: input.cors,
            created_at: now,
            last_modified: now,
        };
        let mut batch = Batch::default();
        let key = keys::url(&config.function, &config.qualifier);
        change(&mut batch, key, None, written(&config));
        let key = keys::url_id(&config.id);
        let target = json!([config.function, config.qualifier]);
        change(&mut batch, key, None, written(&target));
        self.catalog.commit(batch).await.map_err(|error| {
            if let StoreError::Conflict { .. } = error {
                let arn = name.qualified_arn(&self.site, None);
                return failure::conflict(format!(
                    "Failed to create function url config for [functionArn = {arn}]. Error message:  FunctionUrlConfig exists for this Lambda function"
                ));
            }
            failure::store(&error)
        })?;
        let mut shown = self.shown_url(&config);
        shown.remove("LastModifiedTime");
        Ok(reply(Value::Object(shown)))
    }

    pub(crate) async fn get_url(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetFunctionUrlConfigInput = parse_input(input)?;
        let name =
            FunctionName::parse(&input.function_name, input.qualifier.as_deref(), &self.site)?;
        let found = self.url(&name).await?;
        Ok(reply(Value::Object(self.shown_url(&found.value))))
    }

    pub(crate) async fn update_url(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: UpdateFunctionUrlConfigInput = parse_input(input)?;
        refuse_streaming(input.invoke_mode)?;
        let name =
            FunctionName::parse(&input.function_name, input.qualifier.as_deref(), &self.site)?;
        let Row { row, mut value } = self.url(&name).await?;
        if let Some(auth) = input.auth_type {
            value.signed = auth == FunctionUrlAuthType::AwsIam;
        }
        if let Some(cors) = input.cors {
            value.cors = Some(cors);
        }
        value.last_modified = self.clock.now();
        let mut batch = Batch::default();
        let key = keys::url(&value.function, &value.qualifier);
        change(&mut batch, key, Some(row), written(&value));
        self.catalog
            .commit(batch)
            .await
            .map_err(|error| self.save_failure(&error, &name))?;
        Ok(reply(Value::Object(self.shown_url(&value))))
    }

    pub(crate) async fn delete_url(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: DeleteFunctionUrlConfigInput = parse_input(input)?;
        let name =
            FunctionName::parse(&input.function_name, input.qualifier.as_deref(), &self.site)?;
        let found = self.url(&name).await?.value;
        let mut batch = Batch::default();
        self.drop_url(&found.function, &found.qualifier, &mut batch)
            .await?;
        self.catalog
            .commit(batch)
            .await
            .map_err(|error| failure::store(&error))?;
        Ok(reply(json!({})))
    }

    pub(crate) async fn list_urls(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: ListFunctionUrlConfigsInput = parse_input(input)?;
        let (name, _) = self.find_latest(&input.function_name).await?;
        let (after, limit) = asked(input.marker.as_deref(), input.max_items, PAGE_MAX)?;
        let prefix = keys::of("url", &name.name);
        let urls = self.catalog.all::<UrlConfig>(&prefix).await;
        let urls = urls.map_err(|error| failure::store(&error))?;
        let shown = urls
            .into_iter()
            .map(|(_, url)| (url.qualifier.clone(), self.shown_url(&url)))
            .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
        let page = Page::cut(shown.collect(), limit);
        Ok(reply(page.named("FunctionUrlConfigs", json!({}))))
    }

    /// Adds to `batch` that a function's or alias's URL goes, if it has one.
    pub(crate) async fn drop_url(
        &self,
        function: &str,
        qualifier: &str,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        let key = keys::url(function, qualifier);
        let found = self.catalog.read::<UrlConfig>(&key).await;
        if let Some(found) = found.map_err(|error| failure::store(&error))? {
            batch.delete.push(keys::url_id(&found.value.id));
            batch.delete.push(key);
        }
        Ok(())
    }

    /// Returns the URL whose host begins with `id`.
    pub(crate) async fn url_by_id(&self, id: &str) -> Result<Option<UrlConfig>, Failure> {
        let store = |error: StoreError| failure::store(&error);
        let key = keys::url_id(id);
        let target = self.catalog.read::<(String, String)>(&key);
        let Some(target) = target.await.map_err(store)? else {
            return Ok(None);
        };
        let (function, qualifier) = target.value;
        let found = self.catalog.read(&keys::url(&function, &qualifier)).await;
        Ok(found.map_err(store)?.map(|found| found.value))
    }

    async fn url(&self, name: &FunctionName) -> Result<Row<UrlConfig>, Failure> {
        let qualifier = name.qualifier.as_deref().unwrap_or_default();
        let found = self.catalog.read(&keys::url(&name.name, qualifier)).await;
        let found = found.map_err(|error| failure::store(&error))?;
        found.ok_or_else(|| failure::not_found("The resource you requested does not exist."))
    }

    async fn url_owner(
        &self,
        text: &str,
        qualifier: Option<&str>,
    ) -> Result<FunctionName, Failure> {
        let found = self.find(text, qualifier).await;
        let (name, _) = found.map_err(|failure| {
            if failure.code == "ResourceNotFoundException" {
                return failure::not_found("Function does not exist");
            }
            failure
        })?;
        Ok(name)
    }

    /// Returns the host of a URL.
    pub(crate) fn url_host(&self, id: &str) -> String {
        let port = self
            .endpoint_url
            .rsplit_once(':')
            .map_or("", |(_, port)| port);
        format!("{id}.lambda-url.{}.localhost:{port}", self.site.region)
    }

    fn shown_url(&self, config: &UrlConfig) -> Map<String, Value> {
        let arn = config.target().qualified_arn(&self.site, None);
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put(
            "FunctionUrl",
            format!("http://{}/", self.url_host(&config.id)).into(),
        );
        put("FunctionArn", arn.into());
        let auth = if config.signed { "AWS_IAM" } else { "NONE" };
        put("AuthType", auth.into());
        if let Some(cors) = &config.cors {
            let cors = serde_json::to_value(cors);
            put(
                "Cors",
                cors.expect("structures of the model have a JSON form"),
            );
        }
        put("CreationTime", config.created_at.to_string().into());
        put("LastModifiedTime", config.last_modified.to_string().into());
        put("InvokeMode", "BUFFERED".into());
        shown
    }
}

fn refuse_streaming(mode: Option<InvokeMode>) -> Result<(), Failure> {
    match mode {
        Some(InvokeMode::ResponseStream) => Err(failure::not_built(
            "streamed responses (InvokeMode RESPONSE_STREAM)",
        )),
        Some(InvokeMode::Buffered) | None => Ok(()),
    }
}
