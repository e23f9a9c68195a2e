//! Bytes on their way into a file: counted, hashed, compared with what the caller said of them.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::StreamingBlob;
use service::Failure;

use crate::blobs::Blobs;
use crate::rows::{BlobId, Checksums};
use crate::{checksums, failure};

/// Bytes that are hashed and written at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Most bytes that are put at once, and most of one part.
pub(crate) const PUT_BYTES_MAX: u64 = 5 << 30;

/// What the caller said of the bytes.
#[derive(Default)]
pub(crate) struct Announced {
    /// How many there are.
    pub size: Option<u64>,
    /// `Content-MD5`, in base64.
    pub md5: Option<String>,
    /// Checksums in base64.
    pub checksums: Checksums,
    /// Names of more checksums to make, as in `x-amz-checksum-algorithm`.
    pub algorithms: Vec<String>,
}

/// A file in `incoming/`, removed when it is dropped before [`Self::keep`].
pub(crate) struct Draft {
    pub id: BlobId,
    pub size: u64,
    /// The MD5 in hexadecimal digits: the entity tag of what is put whole.
    pub md5: String,
    pub checksums: Checksums,
    blobs: Option<Arc<Blobs>>,
}

impl Draft {
    /// Returns a file of which nothing is known yet but its name.
    pub fn new(blobs: &Arc<Blobs>) -> Self {
        Self {
            id: BlobId::random(),
            size: 0,
            md5: String::new(),
            checksums: Checksums::default(),
            blobs: Some(Arc::clone(blobs)),
        }
    }

    /// Leaves the file: from here on a row may speak of it.
    pub fn keep(&mut self) {
        self.blobs = None;
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(blobs) = self.blobs.take() {
            blobs.discard(self.id);
        }
    }
}

/// The hashes of one file, and the file.
struct Writer {
    file: File,
    md5: Md5,
    hasher: ChecksumHasher,
    size: u64,
}

impl Writer {
    fn create(path: &Path, hasher: ChecksumHasher) -> io::Result<Self> {
        Ok(Self {
            file: File::options().write(true).create_new(true).open(path)?,
            md5: Md5::new(),
            hasher,
            size: 0,
        })
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.md5.update(piece);
        self.hasher.update(piece);
        self.size += piece.len() as u64;
        self.file.write_all(piece)
    }
}

/// Writes `body` into a file of `blobs` and syncs it. Takes a few megabytes whatever its length.
///
/// `late` is asked for checksums that came behind the bytes.
pub(crate) async fn receive(
    blobs: &Arc<Blobs>,
    body: Option<StreamingBlob>,
    announced: Announced,
    late: impl FnOnce() -> Result<Checksums, Failure>,
) -> Result<Draft, Failure> {
    if let Some(size) = announced.size.filter(|&size| size > PUT_BYTES_MAX) {
        return Err(failure::entity_too_large(size, PUT_BYTES_MAX));
    }
    let mut draft = Draft::new(blobs);
    let path = blobs.incoming_of(draft.id);
    let hasher = hasher(&announced)?;
    let written = |error: io::Error| failure::internal("writing an object", &error);
    let mut writer = blocking(move || Writer::create(&path, hasher))
        .await
        .map_err(written)?;
    let mut body = body;
    let mut held = BytesMut::new();
    loop {
        let next = match &mut body {
            Some(body) => body.next().await,
            None => None,
        };
        let ended = next.is_none();
        if let Some(piece) = next {
            held.extend_from_slice(&piece.map_err(|error| broken(&*error))?);
        }
        if held.len() >= PIECE_BYTES || (ended && !held.is_empty()) {
            let piece: Bytes = held.split().freeze();
            let proposed = writer.size + piece.len() as u64;
            if proposed > PUT_BYTES_MAX {
                return Err(failure::entity_too_large(proposed, PUT_BYTES_MAX));
            }
            writer = blocking(move || writer.write(&piece).map(|()| writer))
                .await
                .map_err(written)?;
        }
        if ended {
            break;
        }
    }
    let Writer {
        file,
        md5,
        hasher,
        size,
    } = writer;
    draft.size = size;
    if announced.size.is_some_and(|announced| announced != size) {
        return Err(failure::incomplete_body());
    }
    let md5: [u8; 16] = md5.finalize();
    compare_md5(announced.md5.as_deref(), &md5)?;
    draft.md5 = hex::encode(md5);
    draft.checksums = checksums::finished(hasher);
    compare(&announced.checksums, &draft.checksums)?;
    compare(&late()?, &draft.checksums)?;
    let blobs = Arc::clone(blobs);
    blocking(move || file.sync_all().and_then(|()| blobs.sync_incoming()))
        .await
        .map_err(written)?;
    Ok(draft)
}

/// Runs `work` where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Returns what to hash with: all that was asked for, else the CRC-64 that S3 makes by itself.
fn hasher(announced: &Announced) -> Result<ChecksumHasher, Failure> {
    let mut wanted: Vec<&str> = announced.algorithms.iter().map(String::as_str).collect();
    for (name, value) in named(&announced.checksums) {
        if value.is_some() {
            wanted.push(name);
        }
    }
    if wanted.is_empty() {
        wanted.push("CRC64NVME");
    }
    checksums::hasher(wanted)
}

/// Returns the checksums with the names of their algorithms.
pub(crate) fn named(checksums: &Checksums) -> [(&'static str, Option<&String>); 5] {
    [
        ("CRC32", checksums.crc32.as_ref()),
        ("CRC32C", checksums.crc32c.as_ref()),
        ("CRC64NVME", checksums.crc64nvme.as_ref()),
        ("SHA1", checksums.sha1.as_ref()),
        ("SHA256", checksums.sha256.as_ref()),
    ]
}

/// Refuses bytes of which the caller said another checksum.
pub(crate) fn compare(said: &Checksums, made: &Checksums) -> Result<(), Failure> {
    for ((name, said), (_, made)) in named(said).into_iter().zip(named(made)) {
        let (Some(said), Some(made)) = (said, made) else {
            continue;
        };
        if said != made {
            return Err(failure::bad_digest(name, said, made));
        }
    }
    Ok(())
}

fn compare_md5(said: Option<&str>, made: &[u8; 16]) -> Result<(), Failure> {
    let Some(said) = said else { return Ok(()) };
    let bytes = base64(said).filter(|bytes| bytes.len() == made.len());
    let bytes = bytes.ok_or_else(|| failure::invalid_digest(said))?;
    if bytes == made {
        Ok(())
    } else {
        Err(failure::bad_digest(
            "MD5",
            &hex::encode(bytes),
            &hex::encode(made),
        ))
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// Says why a body ended early: the caller went away, or a chunk's signature is wrong.
fn broken(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Failure {
    let text = format!("{error:?}");
    tracing::debug!(%error, "a body broke off");
    if text.contains("Sha256Mismatch") {
        let message =
            "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Failure::client("XAmzContentSHA256Mismatch", message);
    }
    if text.contains("SignatureMismatch") {
        let message = "The request signature we calculated does not match the signature you \
                       provided. Check your key and signing method.";
        return Failure::client("SignatureDoesNotMatch", message).with_status(403);
    }
    failure::incomplete_body()
}
