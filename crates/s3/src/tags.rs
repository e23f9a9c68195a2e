//! Tags of objects.

use s3s::dto::{self, DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput};
use s3s::dto::{GetObjectTaggingOutput, PutObjectTaggingInput, PutObjectTaggingOutput};
use service::Failure;
use store::{Batch, Expectation, StoreError};

use crate::backend::Backend;
use crate::rows::{self, ObjectRow};
use crate::{describe, failure};

impl Backend {
    pub async fn get_object_tagging(
        &self,
        input: GetObjectTaggingInput,
    ) -> Result<GetObjectTaggingOutput, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        let row = self
            .object(&input.bucket, &input.key, input.version_id.as_deref())
            .await?;
        let tag = |(key, value)| dto::Tag {
            key: Some(key),
            value: Some(value),
        };
        let tag_set = row.tags.into_iter().map(tag).collect();
        Ok(GetObjectTaggingOutput {
            tag_set,
            version_id: None,
        })
    }

    pub async fn put_object_tagging(
        &self,
        input: PutObjectTaggingInput,
    ) -> Result<PutObjectTaggingOutput, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        let tags = input.tagging.tag_set.into_iter();
        let tags = tags.map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()));
        let tags = describe::check_tags(tags.collect())?;
        self.retag(&input.bucket, &input.key, input.version_id.as_deref(), tags)
            .await?;
        Ok(PutObjectTaggingOutput::default())
    }

    pub async fn delete_object_tagging(
        &self,
        input: DeleteObjectTaggingInput,
    ) -> Result<DeleteObjectTaggingOutput, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        self.retag(
            &input.bucket,
            &input.key,
            input.version_id.as_deref(),
            Vec::new(),
        )
        .await?;
        Ok(DeleteObjectTaggingOutput::default())
    }

    /// Gives an object other tags, and changes nothing else of it.
    async fn retag(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        tags: Vec<(String, String)>,
    ) -> Result<(), Failure> {
        let row_key = rows::object_key(bucket, key);
        loop {
            // Says what is wrong if it is not there; the row itself is read once more as it is.
            self.object(bucket, key, version).await?;
            let Some(old) = self.get(&row_key).await? else {
                continue;
            };
            let new = ObjectRow {
                tags: tags.clone(),
                ..rows::decode(&old)?
            };
            let batch = Batch {
                expect: vec![(row_key.clone(), Expectation::Holds(old))],
                put: vec![(row_key.clone(), rows::encode(&new))],
                delete: Vec::new(),
            };
            match self.store.commit(batch).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(failure::of_store(&error)),
            }
        }
    }
}
