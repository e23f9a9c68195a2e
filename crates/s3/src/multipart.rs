//! Uploads in parts.
//!
//! A part is a file, and an object that was uploaded in parts stays in them: completing an upload
//! writes rows and moves no bytes. The lock `uploads` is held for reading while a part is recorded
//! and for writing while an upload ends, so that no part is recorded for an upload that has ended.

use s3s::dto::{self, AbortMultipartUploadInput, AbortMultipartUploadOutput};
use s3s::dto::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart};
use s3s::dto::{CreateMultipartUploadInput, CreateMultipartUploadOutput};
use s3s::dto::{UploadPartInput, UploadPartOutput};
use service::Failure;
use store::{Batch, Expectation, StoreError};

use crate::backend::{Backend, Change, e_tag, throw_away};
use crate::conditions::WriteConditions;
use crate::describe::{self, description_of, refuse_unbuilt};
use crate::objects::{Trailer, checksum_type, checksums_of, tell_checksums};
use crate::receive::{Announced, Draft, compare, receive};
use crate::rows::{self, BlobId, Body, ObjectRow, PartRow, Piece, UploadRow};
use crate::{checksums, failure};

/// Fewest bytes of a part that is not the last.
pub(crate) const PART_BYTES_MIN: u64 = 5 << 20;

/// Highest number of a part, and so most parts of an object.
pub(crate) const PARTS_MAX: u32 = 10_000;

/// Most bytes of an object.
const OBJECT_BYTES_MAX: u64 = 5 << 40;

/// Rows of uploads that are read at a time.
pub(crate) const UPLOADS_PAGE: usize = 1_000;

impl Backend {
    pub async fn create_multipart_upload(
        &self,
        mut input: CreateMultipartUploadInput,
    ) -> Result<CreateMultipartUploadOutput, Failure> {
        refuse_unbuilt!(input);
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        crate::names::check_key(&input.key)?;
        let algorithm = input
            .checksum_algorithm
            .as_ref()
            .map(|algorithm| algorithm.as_str());
        let kind = input.checksum_type.as_ref().map(|kind| kind.as_str());
        let (algorithm, composite) = checksums::plan(algorithm, kind)?;
        let row = UploadRow {
            initiated_at: self.now_in_seconds(),
            description: description_of!(input)?,
            tags: describe::tags_of_header(input.tagging.as_deref())?,
            checksum_algorithm: algorithm.to_owned(),
            composite,
        };
        let upload = BlobId::random();
        let batch = Batch {
            put: vec![(
                rows::upload_key(&input.bucket, &input.key, upload),
                rows::encode(&row),
            )],
            ..Batch::default()
        };
        let _bucket = self.buckets.read().await;
        self.bucket(&input.bucket).await?;
        self.store
            .commit(batch)
            .await
            .map_err(|error| failure::of_store(&error))?;
        Ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload.name()),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            ..CreateMultipartUploadOutput::default()
        })
    }

    /// Returns an upload that has not ended.
    pub async fn upload(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
    ) -> Result<(BlobId, UploadRow), Failure> {
        self.bucket(bucket).await?;
        crate::names::check_key(key)?;
        let id = BlobId::from_name(upload).ok_or_else(|| failure::no_such_upload(upload))?;
        let row = self.get(&rows::upload_key(bucket, key, id)).await?;
        let row = row.ok_or_else(|| failure::no_such_upload(upload))?;
        Ok((id, rows::decode(&row)?))
    }

    pub async fn upload_part(
        &self,
        mut input: UploadPartInput,
        trailer: Trailer,
    ) -> Result<UploadPartOutput, Failure> {
        if input.sse_customer_algorithm.is_some() {
            return Err(failure::not_implemented(
                "x-amz-server-side-encryption-customer-algorithm",
            ));
        }
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        let number = part_number(input.part_number)?;
        let (_, upload) = self
            .upload(&input.bucket, &input.key, &input.upload_id)
            .await?;
        let announced = Announced {
            size: input
                .content_length
                .and_then(|size| u64::try_from(size).ok()),
            md5: input.content_md5.take(),
            checksums: checksums_of!(input),
            algorithms: input
                .checksum_algorithm
                .iter()
                .map(|algorithm| algorithm.as_str().to_owned())
                .chain(trailer.algorithms.iter().cloned())
                .chain([upload.checksum_algorithm])
                .collect(),
        };
        let late = || trailer.checksums();
        let draft = receive(&self.blobs, input.body.take(), announced, late).await?;
        let mut output = UploadPartOutput {
            e_tag: Some(e_tag(&draft.md5)),
            ..UploadPartOutput::default()
        };
        tell_checksums!(output, draft.checksums.clone());
        self.put_part(&input.bucket, &input.key, &input.upload_id, number, draft)
            .await?;
        Ok(output)
    }

    /// Makes a file a part of an upload, in place of one of the same number.
    pub async fn put_part(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        number: u32,
        mut draft: Draft,
    ) -> Result<PartRow, Failure> {
        let part = PartRow {
            piece: Piece {
                blob: draft.id,
                size: draft.size,
                checksums: draft.checksums.clone(),
                number,
            },
            e_tag: draft.md5.clone(),
            modified_at: self.now_in_seconds(),
        };
        loop {
            let _open = self.uploads.read().await;
            let (id, _) = self.upload(bucket, key, upload).await?;
            let row_key = rows::part_key(id, number);
            let there = self.get(&row_key).await?;
            let old: Option<PartRow> = there.as_deref().map(rows::decode).transpose()?;
            let expected = there.map_or(Expectation::Absent, Expectation::Holds);
            let mut batch = Batch {
                expect: vec![(row_key.clone(), expected)],
                put: vec![
                    (row_key, rows::encode(&part)),
                    (rows::needed_key(draft.id), bytes::Bytes::new()),
                ],
                delete: Vec::new(),
            };
            let waste: Vec<BlobId> = old.iter().map(|old| old.piece.blob).collect();
            throw_away(&mut batch, &waste);
            match self.store.commit(batch).await {
                Ok(()) => {}
                Err(StoreError::Conflict { .. }) => continue,
                Err(error) => {
                    // Whether a row speaks of the file now is known at the next start.
                    draft.keep();
                    return Err(failure::of_store(&error));
                }
            }
            draft.keep();
            self.blobs.put_into_place(&[draft.id]);
            self.blobs.discard_waste(&self.store, waste);
            return Ok(part);
        }
    }

    /// Returns all parts of an upload, by number.
    pub async fn parts(&self, upload: BlobId) -> Result<Vec<PartRow>, Failure> {
        let found = self
            .scan(&rows::parts_of(upload), PARTS_MAX as usize)
            .await?;
        found.iter().map(|(_, row)| rows::decode(row)).collect()
    }

    pub async fn complete_multipart_upload(
        &self,
        mut input: CompleteMultipartUploadInput,
    ) -> Result<CompleteMultipartUploadOutput, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        let condition = WriteConditions::new(input.if_match.take(), input.if_none_match.take())?;
        let listed = input
            .multipart_upload
            .take()
            .and_then(|upload| upload.parts);
        let listed = listed
            .filter(|parts| !parts.is_empty())
            .ok_or_else(failure::malformed_xml)?;
        let (bucket, key) = (input.bucket.as_str(), input.key.as_str());
        let _ending = self.uploads.write().await;
        let (id, upload) = match self.upload(bucket, key, &input.upload_id).await {
            Ok(found) => found,
            Err(failure) => return self.completed_before(bucket, key, &listed, failure).await,
        };
        let there = self.parts(id).await?;
        let parts = chosen(&there, &listed, &input.upload_id)?;
        let size = parts.iter().map(|part| part.piece.size).sum();
        check_sizes(&parts, size, input.mpu_object_size)?;
        let made = checksums::of_parts(&parts, &upload.checksum_algorithm, upload.composite);
        compare(&checksums_of!(input), &made)?;
        let row = ObjectRow {
            body: Body::Many(BlobId::random()),
            size,
            e_tag: checksums::e_tag_of_parts(parts.iter().map(|part| part.e_tag.as_str())),
            modified_at: self.now_in_seconds(),
            description: upload.description,
            checksums: made,
            tags: upload.tags,
            parts: u32::try_from(parts.len()).unwrap_or(PARTS_MAX),
        };
        let used: Vec<BlobId> = parts.iter().map(|part| part.piece.blob).collect();
        let unused = there
            .iter()
            .map(|part| part.piece.blob)
            .filter(|blob| !used.contains(blob));
        let mut ended = vec![rows::upload_key(bucket, key, id)];
        ended.extend(
            there
                .iter()
                .map(|part| rows::part_key(id, part.piece.number)),
        );
        let change = Change {
            object: Some((
                row.clone(),
                parts.iter().map(|part| part.piece.clone()).collect(),
            )),
            beside: Batch {
                delete: ended,
                ..Batch::default()
            },
            waste: unused.collect(),
        };
        self.change(bucket, key, change, |there| condition.check(key, there))
            .await?;
        Ok(completed(bucket, key, row))
    }

    /// An upload that has ended with this very object is completed once more without harm: its
    /// answer may have been lost.
    async fn completed_before(
        &self,
        bucket: &str,
        key: &str,
        listed: &[CompletedPart],
        failure: Failure,
    ) -> Result<CompleteMultipartUploadOutput, Failure> {
        let tags = listed
            .iter()
            .filter_map(|part| part.e_tag.as_ref())
            .map(dto::ETag::value);
        let e_tag = checksums::e_tag_of_parts(tags);
        match self.object(bucket, key, None).await {
            Ok(row) if row.e_tag == e_tag => Ok(completed(bucket, key, row)),
            Ok(_) | Err(_) => Err(failure),
        }
    }

    pub async fn abort_multipart_upload(
        &self,
        input: AbortMultipartUploadInput,
    ) -> Result<AbortMultipartUploadOutput, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        if input.if_match_initiated_time.is_some() {
            return Err(failure::not_implemented("x-amz-if-match-initiated-time"));
        }
        let _ending = self.uploads.write().await;
        let (id, _) = self
            .upload(&input.bucket, &input.key, &input.upload_id)
            .await?;
        self.abort(&input.bucket, &input.key, id).await?;
        Ok(AbortMultipartUploadOutput::default())
    }

    /// Ends every upload of a bucket. The lock `uploads` is held for writing.
    pub async fn abort_all(&self, bucket: &str) -> Result<(), Failure> {
        loop {
            let found = self
                .scan(&rows::uploads_with(bucket, ""), UPLOADS_PAGE)
                .await?;
            if found.is_empty() {
                return Ok(());
            }
            for (row, _) in found {
                let Some((key, id)) = rows::upload_of(bucket, &row) else {
                    return Err(failure::internal("ending uploads", &"a row has no key"));
                };
                self.abort(bucket, &key, id).await?;
            }
        }
    }

    async fn abort(&self, bucket: &str, key: &str, id: BlobId) -> Result<(), Failure> {
        let parts = self.parts(id).await?;
        let mut batch = Batch {
            delete: vec![rows::upload_key(bucket, key, id)],
            ..Batch::default()
        };
        batch.delete.extend(
            parts
                .iter()
                .map(|part| rows::part_key(id, part.piece.number)),
        );
        let waste: Vec<BlobId> = parts.iter().map(|part| part.piece.blob).collect();
        throw_away(&mut batch, &waste);
        self.store
            .commit(batch)
            .await
            .map_err(|error| failure::of_store(&error))?;
        self.blobs.discard_waste(&self.store, waste);
        Ok(())
    }
}

/// Refuses a number that no part can have.
pub(crate) fn part_number(asked: i32) -> Result<u32, Failure> {
    let number = u32::try_from(asked)
        .ok()
        .filter(|number| (1..=PARTS_MAX).contains(number));
    number.ok_or_else(|| {
        let message = "Part number must be an integer between 1 and 10000, inclusive";
        failure::invalid_argument("partNumber", &asked.to_string(), message)
    })
}

/// Returns the parts that the caller lists, which must be those that are there.
fn chosen<'a>(
    there: &'a [PartRow],
    listed: &[CompletedPart],
    upload: &str,
) -> Result<Vec<&'a PartRow>, Failure> {
    let mut parts: Vec<&PartRow> = Vec::with_capacity(listed.len());
    for wanted in listed {
        let number = wanted.part_number.ok_or_else(failure::malformed_xml)?;
        let tag = wanted.e_tag.as_ref().map_or("", dto::ETag::value);
        let found = there
            .iter()
            .find(|part| i64::from(part.piece.number) == i64::from(number));
        let part = found.filter(|part| part.e_tag == tag);
        let part = part.ok_or_else(|| failure::invalid_part(upload, number, tag))?;
        if parts
            .last()
            .is_some_and(|last| last.piece.number >= part.piece.number)
        {
            return Err(failure::invalid_part_order(upload));
        }
        let mut said = wanted.clone();
        if compare(&checksums_of!(said), &part.piece.checksums).is_err() {
            return Err(failure::invalid_part(upload, number, tag));
        }
        parts.push(part);
    }
    Ok(parts)
}

fn check_sizes(parts: &[&PartRow], size: u64, said: Option<i64>) -> Result<(), Failure> {
    let (_, all_but_last) = parts.split_last().expect("a list of no parts was refused");
    if let Some(small) = all_but_last
        .iter()
        .find(|part| part.piece.size < PART_BYTES_MIN)
    {
        let number = small.piece.number;
        return Err(failure::entity_too_small(
            small.piece.size,
            number,
            &small.e_tag,
        ));
    }
    if size > OBJECT_BYTES_MAX {
        return Err(failure::entity_too_large(size, OBJECT_BYTES_MAX));
    }
    if said.is_some_and(|said| u64::try_from(said) != Ok(size)) {
        let message =
            "The provided 'x-amz-mp-object-size' header value does not match what was computed";
        return Err(failure::invalid_request(message));
    }
    Ok(())
}

fn completed(bucket: &str, key: &str, row: ObjectRow) -> CompleteMultipartUploadOutput {
    let mut output = CompleteMultipartUploadOutput {
        bucket: Some(bucket.to_owned()),
        key: Some(key.to_owned()),
        e_tag: Some(e_tag(&row.e_tag)),
        location: Some(format!("/{bucket}/{key}")),
        checksum_type: Some(checksum_type(&row.checksums)),
        ..CompleteMultipartUploadOutput::default()
    };
    tell_checksums!(output, row.checksums);
    output
}
