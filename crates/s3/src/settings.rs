//! What a bucket is told beside its objects: its policy, the block of public access, its tags.
//!
//! They are in the bucket's row. What every request to the bucket has to know of them is in memory, too.

use std::sync::Arc;

use iam_policy::{Kind, Policy};
use s3s::dto;
use s3s::dto::{
    DeleteBucketPolicyInput, DeleteBucketPolicyOutput, DeleteBucketTaggingInput,
    DeleteBucketTaggingOutput, DeletePublicAccessBlockInput, DeletePublicAccessBlockOutput,
    GetBucketPolicyInput, GetBucketPolicyOutput, GetBucketPolicyStatusInput,
    GetBucketPolicyStatusOutput, GetBucketTaggingInput, GetBucketTaggingOutput,
    GetPublicAccessBlockInput, GetPublicAccessBlockOutput, PutBucketPolicyInput,
    PutBucketPolicyOutput, PutBucketTaggingInput, PutBucketTaggingOutput,
    PutPublicAccessBlockInput, PutPublicAccessBlockOutput,
};
use service::Failure;
use store::{Batch, Expectation, Range, Space, Store, StoreError};

use crate::backend::Backend;
use crate::rows::{self, BucketRow, PublicAccess};
use crate::{bucket_policy, describe, failure};

/// Most tags of a bucket.
const TAGS_MAX: usize = 50;

/// Buckets that are read at once.
const PAGE: usize = 1_000;

/// What every request to a bucket has to know of its policy.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub policy: Arc<str>,
    is_public: bool,
    restricted: bool,
}

impl Rules {
    /// Returns the rules of a bucket that has a policy.
    pub fn of(row: &BucketRow) -> Option<Self> {
        let text = row.policy.as_deref()?;
        // One that is not understood any more lets nobody in.
        let policy = Policy::parse(text, Kind::Resource);
        Some(Self {
            policy: text.into(),
            is_public: policy.is_ok_and(|policy| policy.is_public()),
            restricted: row.public_access().restrict_public_buckets,
        })
    }

    /// Says whether those who have not signed may be let in, if the policy lets them.
    pub fn are_open(&self) -> bool {
        self.is_public && !self.restricted
    }
}

/// Returns the rules of all buckets that have some.
pub(crate) async fn read_all(
    store: &Arc<dyn Store>,
) -> Result<std::collections::HashMap<String, Arc<Rules>>, StoreError> {
    let mut range = Range::prefix(Space::Buckets, b"");
    let mut all = std::collections::HashMap::new();
    loop {
        let page = store.scan(&range, PAGE).await?;
        for (name, row) in &page {
            // What is damaged is said to whoever asks for the bucket.
            let row: Result<BucketRow, Failure> = rows::decode(row);
            let rules = row.ok().and_then(|row| Rules::of(&row));
            if let Some(rules) = rules {
                all.insert(String::from_utf8_lossy(name).into_owned(), Arc::new(rules));
            }
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE => {
                range.start = [last.as_ref(), b"\0"].concat().into();
            }
            _ => return Ok(all),
        }
    }
}

impl Backend {
    /// Returns the rules of a bucket, if it has some.
    pub fn rules_of(&self, bucket: &str) -> Option<Arc<Rules>> {
        self.rules.read().get(bucket).cloned()
    }

    /// Changes what a bucket is told. Once this returns, it is durable and holds.
    async fn set(
        &self,
        bucket: &str,
        owner: Option<&str>,
        change: impl FnOnce(&mut BucketRow) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.check_owner(owner)?;
        let _alone = self.buckets.write().await;
        let key = rows::bucket_key(bucket);
        let mut after = self.bucket(bucket).await?;
        let before = self.get(&key).await?;
        change(&mut after)?;
        let expected = before.map_or(Expectation::Absent, Expectation::Holds);
        let batch = Batch {
            expect: vec![(key.clone(), expected)],
            put: vec![(key, rows::encode(&after))],
            delete: Vec::new(),
        };
        self.store
            .commit(batch)
            .await
            .map_err(|error| failure::of_store(&error))?;
        let mut rules = self.rules.write();
        match Rules::of(&after) {
            Some(told) => rules.insert(bucket.to_owned(), Arc::new(told)),
            None => rules.remove(bucket),
        };
        Ok(())
    }

    /// Reads what a bucket is told.
    async fn told(&self, bucket: &str, owner: Option<&str>) -> Result<BucketRow, Failure> {
        let row = self.bucket(bucket).await?;
        self.check_owner(owner)?;
        Ok(row)
    }

    /// Gives a bucket a policy, unless it lets in everybody and the bucket is not to. `caller` is the ARN of
    /// who asks.
    pub async fn put_bucket_policy(
        &self,
        input: PutBucketPolicyInput,
        caller: String,
    ) -> Result<PutBucketPolicyOutput, Failure> {
        let bucket = input.bucket.as_str();
        let owner = input.expected_bucket_owner.as_deref();
        self.set(bucket, owner, |row| {
            let taken = bucket_policy::read(&input.policy, bucket)?;
            if row.public_access().block_public_policy && taken.policy.is_public() {
                return Err(failure::public_policy(bucket, &caller));
            }
            row.policy = Some(taken.text);
            Ok(())
        })
        .await?;
        Ok(PutBucketPolicyOutput {})
    }

    pub async fn get_bucket_policy(
        &self,
        input: GetBucketPolicyInput,
    ) -> Result<GetBucketPolicyOutput, Failure> {
        let owner = input.expected_bucket_owner.as_deref();
        let row = self.told(&input.bucket, owner).await?;
        match row.policy {
            Some(policy) => Ok(GetBucketPolicyOutput {
                policy: Some(policy),
            }),
            None => Err(failure::no_such_bucket_policy(&input.bucket)),
        }
    }

    pub async fn delete_bucket_policy(
        &self,
        input: DeleteBucketPolicyInput,
    ) -> Result<DeleteBucketPolicyOutput, Failure> {
        let owner = input.expected_bucket_owner.as_deref();
        self.set(&input.bucket, owner, |row| {
            row.policy = None;
            Ok(())
        })
        .await?;
        Ok(DeleteBucketPolicyOutput {})
    }

    pub async fn get_bucket_policy_status(
        &self,
        input: GetBucketPolicyStatusInput,
    ) -> Result<GetBucketPolicyStatusOutput, Failure> {
        let owner = input.expected_bucket_owner.as_deref();
        let row = self.told(&input.bucket, owner).await?;
        let Some(rules) = Rules::of(&row) else {
            return Err(failure::no_such_bucket_policy(&input.bucket));
        };
        Ok(GetBucketPolicyStatusOutput {
            policy_status: Some(dto::PolicyStatus {
                is_public: Some(rules.is_public),
            }),
        })
    }

    pub async fn put_public_access_block(
        &self,
        input: PutPublicAccessBlockInput,
    ) -> Result<PutPublicAccessBlockOutput, Failure> {
        let owner = input.expected_bucket_owner.as_deref();
        let given = input.public_access_block_configuration;
        // What is not said is not blocked.
        let block = PublicAccess {
            is_told: true,
            block_public_acls: given.block_public_acls.unwrap_or_default(),
            ignore_public_acls: given.ignore_public_acls.unwrap_or_default(),
            block_public_policy: given.block_public_policy.unwrap_or_default(),
            restrict_public_buckets: given.restrict_public_buckets.unwrap_or_default(),
        };
        self.set(&input.bucket, owner, |row| {
            row.public_access = Some(block);
            Ok(())
        })
        .await?;
        Ok(PutPublicAccessBlockOutput {})
    }

    pub async fn get_public_access_block(
        &self,
        input: GetPublicAccessBlockInput,
    ) -> Result<GetPublicAccessBlockOutput, Failure> {
        let owner = input.expected_bucket_owner.as_deref();
        let row = self.told(&input.bucket, owner).await?;
        let block = row.public_access();
        if !block.is_told {
            return Err(failure::no_such_public_access_block(&input.bucket));
        }
        Ok(GetPublicAccessBlockOutput {
            public_access_block_configuration: Some(dto::PublicAccessBlockConfiguration {
                block_public_acls: Some(block.block_public_acls),
                ignore_public_acls: Some(block.ignore_public_acls),
                block_public_policy: Some(block.block_public_policy),
                restrict_public_buckets: Some(block.restrict_public_buckets),
            }),
        })
    }

    /// Takes every block of public access away, the one among them that a new bucket begins with.
    pub async fn delete_public_access_block(
        &self,
        input: DeletePublicAccessBlockInput,
    ) -> Result<DeletePublicAccessBlockOutput, Failure> {
        let owner = input.expected_bucket_owner.as_deref();
        self.set(&input.bucket, owner, |row| {
            row.public_access = Some(PublicAccess::default());
            Ok(())
        })
        .await?;
        Ok(DeletePublicAccessBlockOutput {})
    }

    pub async fn put_bucket_tagging(
        &self,
        input: PutBucketTaggingInput,
    ) -> Result<PutBucketTaggingOutput, Failure> {
        let owner = input.expected_bucket_owner.as_deref();
        let tags = input.tagging.tag_set.into_iter();
        let tags = tags.map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()));
        let too_many = "Bucket tag count cannot be greater than 50";
        let tags = describe::check_tags_of(tags.collect(), TAGS_MAX, too_many)?;
        self.set(&input.bucket, owner, |row| {
            row.tags = Some(tags);
            Ok(())
        })
        .await?;
        Ok(PutBucketTaggingOutput {})
    }

    pub async fn get_bucket_tagging(
        &self,
        input: GetBucketTaggingInput,
    ) -> Result<GetBucketTaggingOutput, Failure> {
        let owner = input.expected_bucket_owner.as_deref();
        let row = self.told(&input.bucket, owner).await?;
        let Some(tags) = row.tags else {
            return Err(failure::no_such_tag_set(&input.bucket));
        };
        let tag = |(key, value)| dto::Tag {
            key: Some(key),
            value: Some(value),
        };
        Ok(GetBucketTaggingOutput {
            tag_set: tags.into_iter().map(tag).collect(),
        })
    }

    pub async fn delete_bucket_tagging(
        &self,
        input: DeleteBucketTaggingInput,
    ) -> Result<DeleteBucketTaggingOutput, Failure> {
        let owner = input.expected_bucket_owner.as_deref();
        self.set(&input.bucket, owner, |row| {
            row.tags = None;
            Ok(())
        })
        .await?;
        Ok(DeleteBucketTaggingOutput {})
    }
}
