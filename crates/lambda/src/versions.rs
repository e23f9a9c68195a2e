//! Versions: what a function was when it was published. They do not change.

use aws_model::lambda::{ListVersionsByFunctionInput, PublishVersionInput};
use bytes::Bytes;
use serde_json::{Value, json};
use service::{Failure, Reply};
use store::{Batch, StoreError};

use crate::catalog::{Stored, change, written};
use crate::configure::{parse_input, reply};
use crate::function::{Function, code_sha256};
use crate::name::{FunctionName, LATEST, function_arn};
use crate::page::{Page, asked};
use crate::{Lambda, failure, keys};

/// Versions of one page.
const PAGE_MAX: usize = 50;

impl Lambda {
    pub(crate) async fn publish_version(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: PublishVersionInput = parse_input(input)?;
        if input.publish_to.is_some() {
            return Err(failure::not_built("PublishTo"));
        }
        let (name, latest) = self.find_latest(&input.function_name).await?;
        if let Some(asked) = input.code_sha256 {
            let current = code_sha256(&latest.function.code_hash);
            if asked != current {
                return Err(failure::invalid_parameter(format!(
                    "CodeSHA256 ({asked}) is different from current CodeSHA256 in $LATEST ({current}). \
                     Please try again with the CodeSHA256 in $LATEST."
                )));
            }
        }
        if let Some(asked) = input.revision_id
            && asked != latest.function.revision_id
        {
            return Err(failure::revision_mismatch());
        }
        let version = self.publish(&name, &latest, input.description).await?;
        let arn = version_arn(&version, &self.site);
        Ok(reply(Value::Object(version.configuration(arn))))
    }

    /// Returns the version that `latest` is: the last one, if nothing has changed since, or a new one.
    pub(crate) async fn publish(
        &self,
        name: &FunctionName,
        latest: &Stored,
        description: Option<String>,
    ) -> Result<Function, Failure> {
        let store = |error: StoreError| failure::store(&error);
        let number_key = keys::version_number(&name.name);
        let last = self.catalog.read::<u64>(&number_key).await.map_err(store)?;
        let number = last.as_ref().map_or(0, |last| last.value);
        let before = self.catalog.get(&name.name, Some(number)).await;
        if let Some(Stored { function, .. }) = before.map_err(store)?
            && same(&latest.function, &function)
        {
            return Ok(function);
        }
        let number = number + 1;
        let mut version = latest.function.clone();
        version.version = Some(number);
        version.published_as = Some(std::mem::take(&mut version.description));
        version.description = match (description, &version.published_as) {
            (Some(own), _) => own,
            (None, Some(latest)) => latest.clone(),
            (None, None) => String::new(),
        };
        version.revision_id = uuid::Uuid::new_v4().to_string();
        version.reserved_concurrency = None;
        let mut batch = Batch::default();
        let last = last.map(|last| last.row);
        change(&mut batch, number_key, last, written(&number));
        let key = keys::version(&name.name, number);
        change(&mut batch, key, None, written(&version));
        // What is published is what was seen.
        let function = keys::function(&name.name);
        let seen = store::Expectation::Holds(latest.row.clone());
        batch.expect.push((function, seen));
        self.catalog
            .commit(batch)
            .await
            .map_err(|error| self.save_failure(&error, name))?;
        Ok(version)
    }

    pub(crate) async fn list_versions(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: ListVersionsByFunctionInput = parse_input(input)?;
        let (name, latest) = self.find_latest(&input.function_name).await?;
        let (after, limit) = asked(input.marker.as_deref(), input.max_items, PAGE_MAX)?;
        let mut shown = Vec::new();
        if after.is_none() {
            let arn = format!("{}:{LATEST}", name.arn(&self.site));
            shown.push((String::new(), latest.function.configuration(arn)));
        }
        let prefix = keys::of("version", &name.name);
        let after = after.as_deref().filter(|after| !after.is_empty());
        let versions = self.catalog.list::<Function>(&prefix, after, limit + 1);
        for version in versions.await.map_err(|error| failure::store(&error))? {
            let marker = keys::numbered(version.version.unwrap_or_default());
            let arn = version_arn(&version, &self.site);
            shown.push((marker, version.configuration(arn)));
        }
        let page = Page::cut(shown, limit);
        Ok(reply(page.named("Versions", json!({}))))
    }
}

/// Returns the ARN of a function's version, which says which version it is.
pub fn version_arn(function: &Function, site: &service::Site) -> String {
    let arn = function_arn(&function.name, site);
    match function.version {
        Some(number) => format!("{arn}:{number}"),
        None => arn,
    }
}

/// Says whether publishing `latest` would make the same version again.
fn same(latest: &Function, version: &Function) -> bool {
    let mut as_latest = version.clone();
    as_latest.version = None;
    if let Some(description) = as_latest.published_as.take() {
        as_latest.description = description;
    }
    as_latest.last_modified = latest.last_modified;
    as_latest.revision_id.clone_from(&latest.revision_id);
    as_latest.tags.clone_from(&latest.tags);
    as_latest.reserved_concurrency = latest.reserved_concurrency;
    as_latest == *latest
}
