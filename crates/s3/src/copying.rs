//! Copies of objects, whole or as a part of an upload.
//!
//! A copy that keeps entity tag and checksums is a second name of the same file, because files are
//! never changed; every other one is read and written as if it came from outside.

use s3s::dto::{
    self, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource,
};
use s3s::dto::{UploadPartCopyInput, UploadPartCopyOutput};
use service::Failure;

use crate::backend::{Backend, e_tag, moment};
use crate::blobs::Pin;
use crate::conditions::ReadConditions;
use crate::describe::{self, description_of, refuse_unbuilt};
use crate::objects::{checksum_type, tell_checksums};
use crate::receive::{Announced, Draft, PUT_BYTES_MAX, blocking, receive};
use crate::rows::{Body, Checksums, Description, ObjectRow, Piece};
use crate::{failure, multipart, reading};

/// What is copied. Its files are there as long as it is.
struct Source {
    bucket: String,
    key: String,
    row: ObjectRow,
    pieces: Vec<Piece>,
    pin: Pin,
}

/// Reads the conditions on a source; they are called the same in both operations.
macro_rules! source_conditions {
    ($input:expr) => {
        ReadConditions {
            if_match: $input.copy_source_if_match.as_ref(),
            if_none_match: $input.copy_source_if_none_match.as_ref(),
            if_modified_since: $input.copy_source_if_modified_since.as_ref(),
            if_unmodified_since: $input.copy_source_if_unmodified_since.as_ref(),
            of_copy: true,
        }
    };
}

impl Backend {
    async fn source(
        &self,
        source: &CopySource,
        owner: Option<&str>,
        conditions: ReadConditions<'_>,
    ) -> Result<Source, Failure> {
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = source
        else {
            return Err(failure::not_implemented(
                "x-amz-copy-source of an access point",
            ));
        };
        self.check_owner(owner)?;
        let (row, pieces, pin) = self.hold(bucket, key, version_id.as_deref()).await?;
        conditions.check(&row)?;
        Ok(Source {
            bucket: bucket.to_string(),
            key: key.to_string(),
            row,
            pieces,
            pin,
        })
    }

    pub async fn copy_object(
        &self,
        mut input: CopyObjectInput,
    ) -> Result<CopyObjectOutput, Failure> {
        refuse_unbuilt!(input);
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        crate::names::check_key(&input.key)?;
        self.bucket(&input.bucket).await?;
        let conditions = source_conditions!(input);
        let owner = input.expected_source_bucket_owner.as_deref();
        let source = self.source(&input.copy_source, owner, conditions).await?;
        if source.row.size > PUT_BYTES_MAX {
            let message = format!(
                "The specified copy source is larger than the maximum allowable size for a copy source: {PUT_BYTES_MAX}"
            );
            return Err(failure::invalid_request(&message));
        }
        let replaces = directive(
            input
                .metadata_directive
                .as_ref()
                .map(|directive| directive.as_str()),
        )?;
        let retags = directive(
            input
                .tagging_directive
                .as_ref()
                .map(|directive| directive.as_str()),
        )?;
        let same = source.bucket == input.bucket && source.key == input.key;
        if same && !replaces && !retags && input.storage_class.is_none() {
            return Err(failure::invalid_request(
                "This copy request is illegal because it is trying to copy an object to itself without \
                 changing the object's metadata, storage class, website redirect location or \
                 encryption attributes.",
            ));
        }
        let said = description_of!(input)?;
        let description = match replaces {
            true => said,
            // The class is not metadata: it is the copy's own.
            false => Description {
                storage_class: said.storage_class,
                ..source.row.description.clone()
            },
        };
        let tags = match retags {
            true => describe::tags_of_header(input.tagging.as_deref())?,
            false => source.row.tags.clone(),
        };
        let algorithm = input
            .checksum_algorithm
            .as_ref()
            .map(|algorithm| algorithm.as_str());
        let mut draft = self.copied(source, algorithm).await?;
        let row = ObjectRow {
            body: Body::One(draft.id),
            size: draft.size,
            e_tag: draft.md5.clone(),
            modified_at: self.now_in_seconds(),
            description,
            checksums: draft.checksums.clone(),
            tags,
            parts: 0,
        };
        self.put_draft(&input.bucket, &input.key, row.clone(), &mut draft, |_| {
            Ok(())
        })
        .await?;
        let mut result = CopyObjectResult {
            e_tag: Some(e_tag(&row.e_tag)),
            last_modified: Some(moment(row.modified_at)),
            checksum_type: Some(checksum_type(&row.checksums)),
            ..CopyObjectResult::default()
        };
        tell_checksums!(result, row.checksums);
        Ok(CopyObjectOutput {
            copy_object_result: Some(result),
            ..CopyObjectOutput::default()
        })
    }

    /// Returns a file with the source's bytes.
    async fn copied(&self, source: Source, algorithm: Option<&str>) -> Result<Draft, Failure> {
        let Source {
            row, pieces, pin, ..
        } = source;
        // What was uploaded in parts becomes whole, with the MD5 of the whole for its tag.
        if let (Body::One(from), 0, None) = (&row.body, row.parts, algorithm) {
            let (from, blobs) = (*from, std::sync::Arc::clone(&self.blobs));
            let mut draft = Draft::new(&self.blobs);
            let to = draft.id;
            let linked = blocking(move || {
                blobs.link(from, to)?;
                blobs.sync_incoming()
            });
            match linked.await {
                Ok(()) => {
                    draft.size = row.size;
                    draft.md5 = row.e_tag;
                    draft.checksums = row.checksums;
                    return Ok(draft);
                }
                // Not every file system has second names.
                Err(error) => {
                    tracing::debug!(%error, "a file is copied because it cannot be linked")
                }
            }
        }
        let size = row.size;
        let announced = Announced {
            size: Some(size),
            algorithms: algorithm
                .iter()
                .map(|&algorithm| algorithm.to_owned())
                .collect(),
            ..Announced::default()
        };
        let body = reading::stream(&self.blobs, pieces, 0..size, pin).await?;
        receive(&self.blobs, Some(body), announced, || {
            Ok(Checksums::default())
        })
        .await
    }

    pub async fn upload_part_copy(
        &self,
        input: UploadPartCopyInput,
    ) -> Result<UploadPartCopyOutput, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        describe::refuse(&[(
            "x-amz-server-side-encryption-customer-algorithm",
            input.sse_customer_algorithm.is_some()
                || input.copy_source_sse_customer_algorithm.is_some(),
        )])?;
        let number = multipart::part_number(input.part_number)?;
        let (bucket, key, upload) = (&input.bucket, &input.key, &input.upload_id);
        let (_, row) = self.upload(bucket, key, upload).await?;
        let conditions = source_conditions!(input);
        let owner = input.expected_source_bucket_owner.as_deref();
        let Source {
            row: copied,
            pieces,
            pin,
            ..
        } = self.source(&input.copy_source, owner, conditions).await?;
        let range = section(input.copy_source_range.as_deref(), copied.size)?;
        let announced = Announced {
            size: Some(range.end - range.start),
            algorithms: vec![row.checksum_algorithm],
            ..Announced::default()
        };
        let body = reading::stream(&self.blobs, pieces, range, pin).await?;
        let draft = receive(&self.blobs, Some(body), announced, || {
            Ok(Checksums::default())
        })
        .await?;
        let part = self.put_part(bucket, key, upload, number, draft).await?;
        let mut result = CopyPartResult {
            e_tag: Some(e_tag(&part.e_tag)),
            last_modified: Some(moment(part.modified_at)),
            ..CopyPartResult::default()
        };
        tell_checksums!(result, part.piece.checksums);
        Ok(UploadPartCopyOutput {
            copy_part_result: Some(result),
            ..UploadPartCopyOutput::default()
        })
    }
}

/// Says whether a directive is to replace; what is not said is copied.
fn directive(asked: Option<&str>) -> Result<bool, Failure> {
    match asked {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(failure::invalid_argument(
            "x-amz-metadata-directive",
            other,
            "Unknown metadata directive.",
        )),
    }
}

/// Returns the part of a source that a range means. It must be all there.
fn section(range: Option<&str>, size: u64) -> Result<std::ops::Range<u64>, Failure> {
    let Some(text) = range else {
        return Ok(0..size);
    };
    let malformed = || {
        let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first \
                       and last are the zero-based offsets of the first and last bytes to copy";
        failure::invalid_argument("x-amz-copy-source-range", text, message)
    };
    let Ok(dto::Range::Int {
        first,
        last: Some(last),
    }) = dto::Range::parse(text)
    else {
        return Err(malformed());
    };
    if last >= size {
        let message = format!("Range specified is not valid for source object of size: {size}");
        return Err(failure::invalid_argument(
            "x-amz-copy-source-range",
            text,
            &message,
        ));
    }
    Ok(first..last + 1)
}
