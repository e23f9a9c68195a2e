//! Operations on buckets.

use s3s::dto::ListBucketsOutput;
use s3s::dto::{
    self, CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput,
};
use s3s::dto::{GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput};
use s3s::dto::{GetBucketVersioningOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput};
use service::Failure;
use store::{Batch, Expectation, Range, Space, StoreError};

use crate::backend::{Backend, moment};
use crate::rows::{self, BucketRow};
use crate::{failure, names};

/// Most buckets of one answer; S3's own limit.
const BUCKETS_MAX: i32 = 10_000;

/// The region whose buckets name no region.
const CLASSIC_REGION: &str = "us-east-1";

impl Backend {
    pub async fn create_bucket(
        &self,
        input: CreateBucketInput,
    ) -> Result<CreateBucketOutput, Failure> {
        let bucket = input.bucket.as_str();
        names::check_bucket(bucket)?;
        if input.object_lock_enabled_for_bucket == Some(true) {
            return Err(failure::not_implemented("x-amz-bucket-object-lock-enabled"));
        }
        let private = |acl: &dto::BucketCannedACL| acl.as_str() == "private";
        if !input.acl.as_ref().is_none_or(private) {
            return Err(failure::not_implemented("x-amz-acl"));
        }
        self.check_location(&input)?;
        let row = BucketRow {
            created_at: self.now(),
            policy: None,
            public_access: None,
            tags: None,
        };
        let key = rows::bucket_key(bucket);
        let batch = Batch {
            expect: vec![(key.clone(), Expectation::Absent)],
            put: vec![(key, rows::encode(&row))],
            delete: Vec::new(),
        };
        let _alone = self.buckets.write().await;
        match self.store.commit(batch).await {
            Ok(()) => Ok(CreateBucketOutput {
                location: Some(format!("/{bucket}")),
            }),
            // In the first of all regions it is no error to create what one has.
            Err(StoreError::Conflict { .. }) if &*self.site.region == CLASSIC_REGION => {
                Ok(CreateBucketOutput {
                    location: Some(format!("/{bucket}")),
                })
            }
            Err(StoreError::Conflict { .. }) => Err(failure::bucket_already_owned(bucket)),
            Err(error) => Err(failure::of_store(&error)),
        }
    }

    /// A bucket is made where the server is; `us-east-1` is not named, every other region must be.
    fn check_location(&self, input: &CreateBucketInput) -> Result<(), Failure> {
        let region = &*self.site.region;
        let configuration = input.create_bucket_configuration.as_ref();
        let asked =
            configuration.and_then(|configuration| configuration.location_constraint.as_ref());
        match asked.map(dto::BucketLocationConstraint::as_str) {
            Some(CLASSIC_REGION) if region == CLASSIC_REGION => {
                let message = "The specified location-constraint is not valid";
                Err(Failure::client("InvalidLocationConstraint", message)
                    .with_field("LocationConstraint", CLASSIC_REGION))
            }
            Some(asked) if asked != region => Err(failure::illegal_location(asked)),
            None if region != CLASSIC_REGION => Err(failure::illegal_location("unspecified")),
            Some(_) | None => Ok(()),
        }
    }

    pub async fn delete_bucket(
        &self,
        input: DeleteBucketInput,
    ) -> Result<DeleteBucketOutput, Failure> {
        let bucket = input.bucket.as_str();
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        let _ending = self.uploads.write().await;
        let _alone = self.buckets.write().await;
        self.bucket(bucket).await?;
        if !self
            .scan(&rows::objects_with(bucket, ""), 1)
            .await?
            .is_empty()
        {
            return Err(failure::bucket_not_empty(bucket));
        }
        // Uploads that are under way end with their bucket.
        self.abort_all(bucket).await?;
        let batch = Batch {
            delete: vec![rows::bucket_key(bucket)],
            ..Batch::default()
        };
        self.store
            .commit(batch)
            .await
            .map_err(|error| failure::of_store(&error))?;
        self.rules.write().remove(bucket);
        Ok(DeleteBucketOutput {})
    }

    pub async fn head_bucket(&self, input: HeadBucketInput) -> Result<HeadBucketOutput, Failure> {
        self.bucket(&input.bucket).await?;
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        Ok(HeadBucketOutput {
            bucket_region: Some(self.site.region.to_string()),
            ..HeadBucketOutput::default()
        })
    }

    pub async fn get_bucket_location(
        &self,
        input: GetBucketLocationInput,
    ) -> Result<GetBucketLocationOutput, Failure> {
        self.bucket(&input.bucket).await?;
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        let region = self.site.region.to_string();
        let named = region != CLASSIC_REGION;
        Ok(GetBucketLocationOutput {
            location_constraint: named.then(|| dto::BucketLocationConstraint::from(region)),
        })
    }

    /// Says that a bucket keeps one version of everything; there is no way to change that.
    pub async fn get_bucket_versioning(
        &self,
        input: GetBucketVersioningInput,
    ) -> Result<GetBucketVersioningOutput, Failure> {
        self.bucket(&input.bucket).await?;
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        Ok(GetBucketVersioningOutput::default())
    }

    pub async fn list_buckets(
        &self,
        input: ListBucketsInput,
    ) -> Result<ListBucketsOutput, Failure> {
        let most = input.max_buckets.unwrap_or(BUCKETS_MAX);
        if !(1..=BUCKETS_MAX).contains(&most) {
            let message = "Argument maxBuckets must be an integer between 1 and 10000";
            return Err(failure::invalid_argument(
                "max-buckets",
                &most.to_string(),
                message,
            ));
        }
        let prefix = input.prefix.unwrap_or_default();
        let mut range = Range::prefix(Space::Buckets, prefix.as_bytes());
        if let Some(token) = &input.continuation_token {
            // A token is the last name with a zero byte behind it, so it is where to go on.
            let start = [token.as_bytes(), b"\0"].concat();
            range.start = range.start.max(start.into());
        }
        let most = most.unsigned_abs() as usize;
        let mut found = self.scan(&range, most + 1).await?;
        let more = found.len() > most;
        found.truncate(most);
        let region = self.site.region.to_string();
        let mut buckets = Vec::with_capacity(found.len());
        for (name, row) in &found {
            let row: BucketRow = rows::decode(row)?;
            buckets.push(dto::Bucket {
                name: Some(String::from_utf8_lossy(name).into_owned()),
                creation_date: Some(moment(row.created_at.div_euclid(1_000) * 1_000)),
                bucket_region: Some(region.clone()),
            });
        }
        let last = buckets.last().and_then(|bucket| bucket.name.clone());
        Ok(ListBucketsOutput {
            continuation_token: last.filter(|_| more),
            prefix: Some(prefix).filter(|prefix| !prefix.is_empty()),
            buckets: Some(buckets),
            owner: Some(self.owner()),
        })
    }
}
