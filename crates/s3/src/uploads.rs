//! Lists of uploads and of their parts, of those that are under way and of those that have ended.

use s3s::dto::ListPartsOutput;
use s3s::dto::{self, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput};
use service::Failure;

use crate::backend::{Backend, e_tag, moment};
use crate::failure;
use crate::listing::{Encoding, common_prefixes};
use crate::multipart::UPLOADS_PAGE;
use crate::objects::tell_checksums;
use crate::rows::{self, PartRow, UploadRow};

/// Most entries of a page; S3's own limit.
const ENTRIES_MAX: i32 = 1_000;

impl Backend {
    pub async fn list_parts(&self, input: ListPartsInput) -> Result<ListPartsOutput, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        let most = most(input.max_parts, "max-parts")?;
        let (id, upload) = self
            .upload(&input.bucket, &input.key, &input.upload_id)
            .await?;
        let after = input.part_number_marker.unwrap_or_default();
        let mut range = rows::parts_of(id);
        range.start = rows::part_key(id, after.max(0).unsigned_abs().saturating_add(1)).bytes;
        let mut found = self.scan(&range, most + 1).await?;
        let more = found.len() > most;
        found.truncate(most);
        let parts = found.iter().map(|(_, row)| rows::decode(row).map(part));
        let parts = parts.collect::<Result<Vec<dto::Part>, Failure>>()?;
        let owner = self.owner();
        let class = upload.description.storage_class.clone();
        Ok(ListPartsOutput {
            next_part_number_marker: parts
                .last()
                .filter(|_| more)
                .and_then(|last| last.part_number),
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            initiator: Some(dto::Initiator {
                display_name: None,
                id: owner.id.clone(),
            }),
            owner: Some(owner),
            storage_class: Some(dto::StorageClass::from(
                class.unwrap_or_else(|| "STANDARD".to_owned()),
            )),
            part_number_marker: Some(after),
            max_parts: i32::try_from(most).ok(),
            is_truncated: Some(more),
            checksum_algorithm: Some(dto::ChecksumAlgorithm::from(
                upload.checksum_algorithm.clone(),
            )),
            checksum_type: Some(kind(&upload)),
            parts: Some(parts),
            ..ListPartsOutput::default()
        })
    }

    pub async fn list_multipart_uploads(
        &self,
        input: ListMultipartUploadsInput,
    ) -> Result<ListMultipartUploadsOutput, Failure> {
        self.check_owner(input.expected_bucket_owner.as_deref())?;
        let bucket = input.bucket.as_str();
        self.bucket(bucket).await?;
        let most = most(input.max_uploads, "max-uploads")?;
        let encoding = Encoding::of(input.encoding_type.as_ref())?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let delimiter = input
            .delimiter
            .as_deref()
            .filter(|delimiter| !delimiter.is_empty());
        let key_marker = input.key_marker.as_deref().unwrap_or_default();
        let id_marker = input.upload_id_marker.as_deref().unwrap_or_default();
        let (mut uploads, mut prefixes) = (Vec::new(), Vec::<String>::new());
        let mut next: Option<(String, String)> = None;
        let mut more = false;
        let mut range = rows::uploads_with(bucket, prefix);
        'pages: loop {
            let found = self.scan(&range, UPLOADS_PAGE).await?;
            let Some((last, _)) = found.last() else { break };
            range.start = [last, b"\0".as_slice()].concat().into();
            for (row, value) in &found {
                let Some((key, id)) = rows::upload_of(bucket, row) else {
                    continue;
                };
                let id = id.name();
                // Uploads of the marker's key come again behind the marked one; without it, not at all.
                let before = key.as_str() < key_marker
                    || (key == key_marker && (id_marker.is_empty() || id.as_str() <= id_marker));
                if before && !key_marker.is_empty() {
                    continue;
                }
                let folded = delimiter.and_then(|delimiter| {
                    let at = key.get(prefix.len()..)?.find(delimiter)?;
                    key.get(..prefix.len() + at + delimiter.len())
                });
                if folded.is_some_and(|folded| {
                    folded == key_marker || prefixes.last().is_some_and(|last| last == folded)
                }) {
                    continue;
                }
                if uploads.len() + prefixes.len() >= most {
                    more = true;
                    break 'pages;
                }
                match folded {
                    Some(folded) => {
                        next = Some((folded.to_owned(), String::new()));
                        prefixes.push(folded.to_owned());
                    }
                    None => {
                        uploads.push(self.upload_entry(&key, &id, &rows::decode(value)?, encoding));
                        next = Some((key, id));
                    }
                }
            }
        }
        let next = next.filter(|_| more);
        Ok(ListMultipartUploadsOutput {
            key_marker: Some(encoding.write(key_marker)),
            upload_id_marker: Some(id_marker.to_owned()),
            next_key_marker: next.as_ref().map(|(key, _)| encoding.write(key)),
            next_upload_id_marker: next.map(|(_, id)| id).filter(|id| !id.is_empty()),
            prefix: Some(encoding.write(prefix)),
            delimiter: delimiter.map(|delimiter| encoding.write(delimiter)),
            max_uploads: i32::try_from(most).ok(),
            is_truncated: Some(more),
            common_prefixes: common_prefixes(&prefixes, encoding),
            uploads: Some(uploads),
            bucket: Some(input.bucket),
            encoding_type: input.encoding_type,
            ..ListMultipartUploadsOutput::default()
        })
    }

    fn upload_entry(
        &self,
        key: &str,
        id: &str,
        row: &UploadRow,
        encoding: Encoding,
    ) -> dto::MultipartUpload {
        let owner = self.owner();
        let class = row.description.storage_class.clone();
        dto::MultipartUpload {
            key: Some(encoding.write(key)),
            upload_id: Some(id.to_owned()),
            initiated: Some(moment(row.initiated_at)),
            initiator: Some(dto::Initiator {
                display_name: None,
                id: owner.id.clone(),
            }),
            owner: Some(owner),
            storage_class: Some(dto::StorageClass::from(
                class.unwrap_or_else(|| "STANDARD".to_owned()),
            )),
            checksum_algorithm: Some(dto::ChecksumAlgorithm::from(row.checksum_algorithm.clone())),
            checksum_type: Some(kind(row)),
        }
    }
}

fn kind(upload: &UploadRow) -> dto::ChecksumType {
    let kind = if upload.composite {
        dto::ChecksumType::COMPOSITE
    } else {
        dto::ChecksumType::FULL_OBJECT
    };
    dto::ChecksumType::from_static(kind)
}

fn part(row: PartRow) -> dto::Part {
    let mut part = dto::Part {
        e_tag: Some(e_tag(&row.e_tag)),
        last_modified: Some(moment(row.modified_at)),
        part_number: i32::try_from(row.piece.number).ok(),
        size: i64::try_from(row.piece.size).ok(),
        ..dto::Part::default()
    };
    tell_checksums!(part, row.piece.checksums);
    part
}

fn most(asked: Option<i32>, name: &str) -> Result<usize, Failure> {
    match asked.unwrap_or(ENTRIES_MAX) {
        negative if negative < 0 => {
            let message = format!("Argument {name} must be an integer between 0 and 2147483647");
            Err(failure::invalid_argument(
                name,
                &negative.to_string(),
                &message,
            ))
        }
        most => Ok(most.min(ENTRIES_MAX).unsigned_abs() as usize),
    }
}
