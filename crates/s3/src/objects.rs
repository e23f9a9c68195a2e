//! Operations on one object.

use s3s::TrailingHeaders;
use s3s::dto::{
    self, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
    GetObjectInput,
};
use s3s::dto::{GetObjectAttributesInput, GetObjectAttributesOutput};
use s3s::dto::{
    GetObjectOutput, HeadObjectInput, HeadObjectOutput, PutObjectInput, PutObjectOutput,
};
use service::Failure;

use crate::backend::{Backend, Change, e_tag, moment};
use crate::blobs::Pin;
use crate::conditions::{ReadConditions, WriteConditions};
use crate::describe::{self, description_of, refuse_unbuilt};
use crate::receive::{Announced, receive};
use crate::rows::{Body, Checksums, Description, ObjectRow, Piece};
use crate::{failure, reading};

/// Most objects of one deletion.
const DELETIONS_MAX: usize = 1_000;

/// Most parts of an object that are told at once.
const PARTS_PAGE: i32 = 1_000;

/// The part of an object that is asked for.
struct Window {
    range: std::ops::Range<u64>,
    /// `bytes 0-9/100`, when it is not the whole.
    content_range: Option<String>,
}

/// An object as it is answered, and where the bytes of the answer are.
struct Found {
    output: GetObjectOutput,
    pieces: Vec<Piece>,
    range: std::ops::Range<u64>,
    pin: Pin,
}

/// Reads the checksums that an input announces; they are called the same everywhere.
macro_rules! checksums_of {
    ($input:expr) => {
        $crate::rows::Checksums {
            crc32: $input.checksum_crc32.take(),
            crc32c: $input.checksum_crc32c.take(),
            crc64nvme: $input.checksum_crc64nvme.take(),
            sha1: $input.checksum_sha1.take(),
            sha256: $input.checksum_sha256.take(),
            composite: false,
        }
    };
}
pub(crate) use checksums_of;

/// Writes checksums into an output whose members are called as everywhere.
macro_rules! tell_checksums {
    ($output:expr, $checksums:expr) => {{
        let checksums: $crate::rows::Checksums = $checksums;
        $output.checksum_crc32 = checksums.crc32;
        $output.checksum_crc32c = checksums.crc32c;
        $output.checksum_crc64nvme = checksums.crc64nvme;
        $output.checksum_sha1 = checksums.sha1;
        $output.checksum_sha256 = checksums.sha256;
    }};
}
pub(crate) use tell_checksums;

/// Returns whether checksums are of the whole or of the parts' checksums.
pub(crate) fn checksum_type(checksums: &Checksums) -> dto::ChecksumType {
    let kind = if checksums.composite {
        dto::ChecksumType::COMPOSITE
    } else {
        dto::ChecksumType::FULL_OBJECT
    };
    dto::ChecksumType::from_static(kind)
}

/// Checksums that come behind the bytes they are of.
#[derive(Default)]
pub(crate) struct Trailer {
    /// Names of the algorithms, announced before the bytes.
    pub algorithms: Vec<String>,
    /// Filled when the last byte has been read.
    pub headers: Option<TrailingHeaders>,
}

impl Trailer {
    pub fn checksums(&self) -> Checksums {
        let read = |headers: &http::HeaderMap| {
            let value = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
            Checksums {
                crc32: value("x-amz-checksum-crc32"),
                crc32c: value("x-amz-checksum-crc32c"),
                crc64nvme: value("x-amz-checksum-crc64nvme"),
                sha1: value("x-amz-checksum-sha1"),
                sha256: value("x-amz-checksum-sha256"),
                composite: false,
            }
        };
        self.headers
            .as_ref()
            .and_then(|headers| headers.read(read))
            .unwrap_or_default()
    }
}

impl Backend {
    pub async fn put_object(
        &self,
        mut input: PutObjectInput,
        trailer: Trailer,
    ) -> Result<PutObjectOutput, Failure> {
        refuse_unbuilt!(input);
        if input.write_offset_bytes.is_some() {
            return Err(failure::not_implemented("x-amz-write-offset-bytes"));
        }
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        crate::names::check_key(&input.key)?;
        // Before the bytes come, so that a caller who sends many is told at once.
        self.bucket(&input.bucket).await?;
        let description = description_of!(input)?;
        let tags = describe::tags_of_header(input.tagging.as_deref())?;
        let condition = WriteConditions::new(input.if_match.take(), input.if_none_match.take())?;
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
                .collect(),
        };
        let late = || trailer.checksums();
        let mut draft = receive(&self.blobs, input.body.take(), announced, late).await?;
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
        let key = input.key.as_str();
        let mut output = PutObjectOutput {
            e_tag: Some(e_tag(&row.e_tag)),
            checksum_type: Some(checksum_type(&row.checksums)),
            ..PutObjectOutput::default()
        };
        tell_checksums!(output, row.checksums.clone());
        self.put_draft(&input.bucket, key, row, &mut draft, |there| {
            condition.check(key, there)
        })
        .await?;
        Ok(output)
    }

    /// Makes `row`, whose one file is `draft`, the object at a key.
    pub async fn put_draft(
        &self,
        bucket: &str,
        key: &str,
        row: ObjectRow,
        draft: &mut crate::receive::Draft,
        condition: impl Fn(Option<&ObjectRow>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self.change(bucket, key, Change::put(row), condition).await {
            // What the store could not say is decided at the next start: the file stays until then.
            Err(failure) if failure.status == 500 => {
                draft.keep();
                Err(failure)
            }
            Err(refused) => Err(refused),
            Ok(_) => {
                draft.keep();
                Ok(())
            }
        }
    }

    pub async fn get_object(&self, input: GetObjectInput) -> Result<GetObjectOutput, Failure> {
        let Found {
            mut output,
            pieces,
            range,
            pin,
        } = self.find(input).await?;
        output.body = Some(reading::stream(&self.blobs, pieces, range, pin).await?);
        Ok(output)
    }

    /// Finds an object and says everything of it but its bytes.
    async fn find(&self, input: GetObjectInput) -> Result<Found, Failure> {
        if input.sse_customer_algorithm.is_some() {
            return Err(failure::not_implemented(
                "x-amz-server-side-encryption-customer-algorithm",
            ));
        }
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        let (row, pieces, pin) = self
            .hold(&input.bucket, &input.key, input.version_id.as_deref())
            .await?;
        let conditions = ReadConditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
            of_copy: false,
        };
        conditions.check(&row)?;
        let window = window(&row, &pieces, input.range.as_ref(), input.part_number)?;
        let whole = window.content_range.is_none();
        let mut output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(length(&window)),
            content_range: window.content_range,
            e_tag: Some(e_tag(&row.e_tag)),
            last_modified: Some(moment(row.modified_at)),
            tag_count: count(row.tags.len()),
            parts_count: input.part_number.and(count(row.parts as usize)),
            metadata: describe::metadata(&row.description),
            expires: describe::expires(&row.description),
            ..GetObjectOutput::default()
        };
        if input.checksum_mode.is_some() && whole {
            output.checksum_type = Some(checksum_type(&row.checksums));
            tell_checksums!(output, row.checksums.clone());
        }
        let Description {
            content_type,
            cache_control,
            content_disposition,
            content_encoding,
            content_language,
            storage_class,
            ..
        } = row.description;
        output.content_type = content_type;
        output.cache_control = cache_control;
        output.content_disposition = content_disposition;
        output.content_encoding = content_encoding;
        output.content_language = content_language;
        output.storage_class = storage_class.map(dto::StorageClass::from);
        Ok(Found {
            output,
            pieces,
            range: window.range,
            pin,
        })
    }

    /// Tells what is asked of an object: entity tag, checksums, parts, class, size.
    pub async fn get_object_attributes(
        &self,
        input: GetObjectAttributesInput,
    ) -> Result<GetObjectAttributesOutput, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        let version = input.version_id.as_deref();
        let (row, pieces, _pin) = self.hold(&input.bucket, &input.key, version).await?;
        let mut output = GetObjectAttributesOutput {
            last_modified: Some(moment(row.modified_at)),
            ..GetObjectAttributesOutput::default()
        };
        // The list is one header, or several.
        let asked = input.object_attributes.iter();
        for asked in asked.flat_map(|asked| asked.as_str().split(',')) {
            match asked.trim() {
                "ETag" => output.e_tag = Some(e_tag(&row.e_tag)),
                "ObjectSize" => output.object_size = i64::try_from(row.size).ok(),
                "StorageClass" => {
                    let class = row.description.storage_class.clone();
                    let class = class.unwrap_or_else(|| "STANDARD".to_owned());
                    output.storage_class = Some(dto::StorageClass::from(class));
                }
                "Checksum" => {
                    let kind = Some(checksum_type(&row.checksums));
                    let mut sums = dto::Checksum {
                        checksum_type: kind,
                        ..Default::default()
                    };
                    tell_checksums!(sums, row.checksums.clone());
                    output.checksum = Some(sums);
                }
                "ObjectParts" if row.parts > 0 => {
                    let after = input.part_number_marker.unwrap_or_default();
                    output.object_parts = Some(object_parts(&pieces, after, input.max_parts));
                }
                "ObjectParts" => {}
                other => {
                    let message = "Invalid attribute name specified.";
                    return Err(failure::invalid_argument(
                        "x-amz-object-attributes",
                        other,
                        message,
                    ));
                }
            }
        }
        Ok(output)
    }

    pub async fn head_object(&self, input: HeadObjectInput) -> Result<HeadObjectOutput, Failure> {
        let get = GetObjectInput {
            bucket: input.bucket,
            key: input.key,
            checksum_mode: input.checksum_mode,
            expected_bucket_owner: input.expected_bucket_owner,
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
            part_number: input.part_number,
            range: input.range,
            sse_customer_algorithm: input.sse_customer_algorithm,
            version_id: input.version_id,
            ..GetObjectInput::default()
        };
        let got = self.find(get).await?.output;
        Ok(HeadObjectOutput {
            accept_ranges: got.accept_ranges,
            cache_control: got.cache_control,
            checksum_crc32: got.checksum_crc32,
            checksum_crc32c: got.checksum_crc32c,
            checksum_crc64nvme: got.checksum_crc64nvme,
            checksum_sha1: got.checksum_sha1,
            checksum_sha256: got.checksum_sha256,
            checksum_type: got.checksum_type,
            content_disposition: got.content_disposition,
            content_encoding: got.content_encoding,
            content_language: got.content_language,
            content_length: got.content_length,
            content_range: got.content_range,
            content_type: got.content_type,
            e_tag: got.e_tag,
            expires: got.expires,
            last_modified: got.last_modified,
            metadata: got.metadata,
            parts_count: got.parts_count,
            storage_class: got.storage_class,
            ..HeadObjectOutput::default()
        })
    }

    /// Removes an object. That it was not there is no error.
    pub async fn delete_object(
        &self,
        input: DeleteObjectInput,
    ) -> Result<DeleteObjectOutput, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        describe::refuse(&[
            ("x-amz-mfa", input.mfa.is_some()),
            (
                "x-amz-bypass-governance-retention",
                input.bypass_governance_retention == Some(true),
            ),
            (
                "x-amz-if-match-last-modified-time",
                input.if_match_last_modified_time.is_some(),
            ),
            ("x-amz-if-match-size", input.if_match_size.is_some()),
        ])?;
        let condition = WriteConditions {
            if_match: input.if_match,
            if_none_match: None,
        };
        let version = input.version_id.as_deref();
        self.delete_one(&input.bucket, &input.key, version, &condition)
            .await?;
        Ok(DeleteObjectOutput::default())
    }

    async fn delete_one(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        condition: &WriteConditions,
    ) -> Result<(), Failure> {
        crate::names::check_key(key)?;
        if let Some(version) = version.filter(|&version| version != "null") {
            return Err(failure::no_such_version(key, version));
        }
        let nothing = Change {
            object: None,
            beside: store::Batch::default(),
            waste: Vec::new(),
        };
        let removed = self
            .change(bucket, key, nothing, |there| condition.check(key, there))
            .await?;
        tracing::trace!(bucket, key, was_there = removed.is_some(), "deleted");
        Ok(())
    }

    pub async fn delete_all_objects(
        &self,
        input: DeleteObjectsInput,
    ) -> Result<DeleteObjectsOutput, Failure> {
        self.delete_objects(input, Vec::new()).await
    }

    /// Deletes objects, and says of those which the caller may not delete that they are `refused`.
    pub async fn delete_objects(
        &self,
        input: DeleteObjectsInput,
        refused: Vec<dto::Error>,
    ) -> Result<DeleteObjectsOutput, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        self.bucket(&input.bucket).await?;
        let dto::Delete { objects, quiet } = input.delete;
        let asked = objects.len() + refused.len();
        if asked == 0 || asked > DELETIONS_MAX {
            return Err(failure::malformed_xml());
        }
        // They share commits: a thousand of them do not sync the disk a thousand times.
        let deletions = objects.iter().map(|object| async {
            let if_match = object.e_tag.clone().map(dto::ETagCondition::ETag);
            let condition = WriteConditions {
                if_match,
                if_none_match: None,
            };
            let version = object.version_id.as_deref();
            self.delete_one(&input.bucket, &object.key, version, &condition)
                .await
        });
        let (mut deleted, mut errors) = (Vec::new(), refused);
        for (object, done) in objects
            .iter()
            .zip(futures::future::join_all(deletions).await)
        {
            match done {
                Ok(()) => deleted.push(dto::DeletedObject {
                    key: Some(object.key.clone()),
                    version_id: object.version_id.clone(),
                    ..dto::DeletedObject::default()
                }),
                Err(failure) => errors.push(dto::Error {
                    code: Some(failure.code.into_owned()),
                    key: Some(object.key.clone()),
                    message: Some(failure.message),
                    version_id: object.version_id.clone(),
                }),
            }
        }
        if quiet == Some(true) {
            deleted.clear();
        }
        let some = |errors: Vec<dto::Error>| Some(errors).filter(|errors| !errors.is_empty());
        Ok(DeleteObjectsOutput {
            deleted: Some(deleted).filter(|deleted| !deleted.is_empty()),
            errors: some(errors),
            ..DeleteObjectsOutput::default()
        })
    }
}

/// Returns a page of an object's parts, behind the one numbered `after`.
fn object_parts(pieces: &[Piece], after: i32, most: Option<i32>) -> dto::GetObjectAttributesParts {
    let most = most
        .filter(|most| (0..=PARTS_PAGE).contains(most))
        .unwrap_or(PARTS_PAGE);
    let behind = pieces
        .iter()
        .filter(|piece| i64::from(piece.number) > i64::from(after));
    let left = behind.clone().count();
    let parts = behind.take(most.unsigned_abs() as usize).map(|piece| {
        let mut part = dto::ObjectPart {
            part_number: i32::try_from(piece.number).ok(),
            size: i64::try_from(piece.size).ok(),
            ..dto::ObjectPart::default()
        };
        tell_checksums!(part, piece.checksums.clone());
        part
    });
    let parts: Vec<dto::ObjectPart> = parts.collect();
    let more = left > parts.len();
    dto::GetObjectAttributesParts {
        is_truncated: Some(more),
        max_parts: Some(most),
        next_part_number_marker: parts
            .last()
            .filter(|_| more)
            .and_then(|last| last.part_number),
        part_number_marker: Some(after),
        total_parts_count: i32::try_from(pieces.len()).ok(),
        parts: Some(parts),
    }
}

fn count(count: usize) -> Option<i32> {
    i32::try_from(count).ok().filter(|&count| count > 0)
}

fn length(window: &Window) -> i64 {
    i64::try_from(window.range.end - window.range.start).unwrap_or(i64::MAX)
}

/// Returns the part of an object that a range or the number of a part means.
fn window(
    row: &ObjectRow,
    pieces: &[Piece],
    range: Option<&dto::Range>,
    part: Option<i32>,
) -> Result<Window, Failure> {
    let size = row.size;
    let partly = |range: std::ops::Range<u64>| Window {
        content_range: Some(format!(
            "bytes {}-{}/{size}",
            range.start,
            range.end.saturating_sub(1)
        )),
        range,
    };
    match (range, part) {
        (Some(_), Some(_)) => {
            let message = "Cannot specify both Range header and partNumber query parameter";
            Err(failure::invalid_request(message))
        }
        (None, None) => Ok(Window {
            range: 0..size,
            content_range: None,
        }),
        (Some(asked), None) => match asked.check(size) {
            Ok(range) if !range.is_empty() => Ok(partly(range)),
            Ok(_) | Err(_) => Err(failure::invalid_range(&asked.to_header_string(), size)),
        },
        (None, Some(number)) => {
            let at = usize::try_from(number)
                .ok()
                .and_then(|number| number.checked_sub(1));
            let Some(piece) = at.and_then(|at| pieces.get(at)) else {
                return Err(failure::invalid_part_number(number, row.parts.max(1)));
            };
            let start: u64 = pieces
                .iter()
                .take(at.unwrap_or(0))
                .map(|piece| piece.size)
                .sum();
            if size == 0 {
                return Ok(Window {
                    range: 0..0,
                    content_range: None,
                });
            }
            Ok(partly(start..start + piece.size))
        }
    }
}
