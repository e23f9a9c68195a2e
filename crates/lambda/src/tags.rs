//! Tags of functions, and how many of their events run at a time.

use aws_model::lambda::{
    DeleteFunctionConcurrencyInput, GetFunctionCodeSigningConfigInput, GetFunctionConcurrencyInput,
    ListTagsInput, PutFunctionConcurrencyInput, TagResourceInput, UntagResourceInput,
};
use bytes::Bytes;
use serde_json::json;
use service::{Failure, Reply};

use crate::catalog::Stored;
use crate::configure::{parse_input, reply};
use crate::function::Function;
use crate::name::FunctionName;
use crate::{Lambda, failure};

/// Most tags of a function (Lambda guide, "Tags").
const TAGS_MAX: usize = 50;

impl Lambda {
    pub(crate) async fn list_tags(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: ListTagsInput = parse_input(input)?;
        let (_, stored) = self.find_latest(&input.resource).await?;
        Ok(reply(json!({"Tags": stored.function.tags})))
    }

    pub(crate) async fn tag_resource(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: TagResourceInput = parse_input(input)?;
        self.change_quietly(&input.resource, |function| {
            function.tags.extend(input.tags);
            if function.tags.len() > TAGS_MAX {
                return Err(failure::invalid_parameter(format!(
                    "Number of tags exceeds resource tag limit: {TAGS_MAX}"
                )));
            }
            Ok(())
        })
        .await?;
        Ok(reply(json!({})))
    }

    pub(crate) async fn untag_resource(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: UntagResourceInput = parse_input(input)?;
        self.change_quietly(&input.resource, |function| {
            function.tags.retain(|key, _| !input.tag_keys.contains(key));
            Ok(())
        })
        .await?;
        Ok(reply(json!({})))
    }

    pub(crate) async fn put_concurrency(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: PutFunctionConcurrencyInput = parse_input(input)?;
        let reserved = u32::try_from(input.reserved_concurrent_executions).map_err(|_| {
            failure::invalid_parameter("ReservedConcurrentExecutions is too large.")
        })?;
        self.change_quietly(&input.function_name, |function| {
            function.reserved_concurrency = Some(reserved);
            Ok(())
        })
        .await?;
        Ok(reply(json!({"ReservedConcurrentExecutions": reserved})))
    }

    pub(crate) async fn get_concurrency(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetFunctionConcurrencyInput = parse_input(input)?;
        let (_, stored) = self.find_latest(&input.function_name).await?;
        Ok(reply(match stored.function.reserved_concurrency {
            Some(reserved) => json!({"ReservedConcurrentExecutions": reserved}),
            None => json!({}),
        }))
    }

    /// Says that nobody must sign the function's code; there is no way to change that.
    pub(crate) async fn get_code_signing(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetFunctionCodeSigningConfigInput = parse_input(input)?;
        let (name, _) = self.find_latest(&input.function_name).await?;
        Ok(reply(json!({"FunctionName": name.name})))
    }

    pub(crate) async fn delete_concurrency(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: DeleteFunctionConcurrencyInput = parse_input(input)?;
        self.change_quietly(&input.function_name, |function| {
            function.reserved_concurrency = None;
            Ok(())
        })
        .await?;
        Ok(reply(json!({})))
    }

    /// Changes what is no part of a function's revision.
    async fn change_quietly(
        &self,
        text: &str,
        change: impl FnOnce(&mut Function) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (name, Stored { row, mut function }) = self.find_latest(text).await?;
        change(&mut function)?;
        let name = FunctionName {
            name: name.name,
            qualifier: None,
        };
        self.catalog
            .put(&function, Some(row))
            .await
            .map_err(|error| self.save_failure(&error, &name))?;
        Ok(())
    }
}
