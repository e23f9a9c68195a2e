//! Checksums and entity tags of an object that was uploaded in parts, out of those of its parts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, checksum_combine};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use service::Failure;

use crate::failure;
use crate::receive::named;
use crate::rows::{Checksums, PartRow};

/// The algorithm of uploads that name none.
const DEFAULT: &str = "CRC64NVME";

/// Returns the algorithm of an upload's checksums, and whether they are checksums of checksums.
///
/// # Errors
/// When there is no such algorithm, or it cannot make what is asked for.
pub(crate) fn plan(
    algorithm: Option<&str>,
    kind: Option<&str>,
) -> Result<(&'static str, bool), Failure> {
    let known = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];
    let asked = algorithm.unwrap_or(DEFAULT);
    let Some(&algorithm) = known.iter().find(|known| known.eq_ignore_ascii_case(asked)) else {
        return Err(unknown());
    };
    let refused = |kind: &str| {
        let algorithm = algorithm.to_ascii_lowercase();
        let message = format!(
            "The {kind} checksum type cannot be used with the {algorithm} checksum algorithm."
        );
        Err(failure::invalid_request(&message))
    };
    match (algorithm, kind) {
        ("CRC64NVME", Some("COMPOSITE")) => refused("COMPOSITE"),
        ("SHA1" | "SHA256", Some("FULL_OBJECT")) => refused("FULL_OBJECT"),
        ("CRC64NVME", None | Some("FULL_OBJECT")) | (_, Some("FULL_OBJECT")) => {
            Ok((algorithm, false))
        }
        (_, None | Some("COMPOSITE")) => Ok((algorithm, true)),
        (_, Some(other)) => Err(failure::invalid_argument(
            "x-amz-checksum-type",
            other,
            "Value for x-amz-checksum-type header is invalid.",
        )),
    }
}

/// The failure of an algorithm that S3 does not have.
pub(crate) fn unknown() -> Failure {
    failure::invalid_request(
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
         [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
    )
}

/// Returns a hasher of the algorithms called `names`.
pub(crate) fn hasher<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Result<ChecksumHasher, Failure> {
    let mut hasher = ChecksumHasher::default();
    for name in names {
        match name.to_ascii_uppercase().as_str() {
            "CRC32" => hasher.crc32 = Some(Crc32::new()),
            "CRC32C" => hasher.crc32c = Some(Crc32c::new()),
            "CRC64NVME" => hasher.crc64nvme = Some(Crc64Nvme::new()),
            "SHA1" => hasher.sha1 = Some(Sha1::new()),
            "SHA256" => hasher.sha256 = Some(Sha256::new()),
            _ => return Err(unknown()),
        }
    }
    Ok(hasher)
}

/// Returns what a hasher made of all that it was given.
pub(crate) fn finished(hasher: ChecksumHasher) -> Checksums {
    let sums = hasher.finalize();
    Checksums {
        crc32: sums.checksum_crc32,
        crc32c: sums.checksum_crc32c,
        crc64nvme: sums.checksum_crc64nvme,
        sha1: sums.checksum_sha1,
        sha256: sums.checksum_sha256,
        composite: false,
    }
}

/// Returns the entity tag of an object in parts: the MD5 of their MD5s, and how many there are.
pub(crate) fn e_tag_of_parts<'a>(e_tags: impl Iterator<Item = &'a str>) -> String {
    let (mut hash, mut count) = (Md5::new(), 0);
    for e_tag in e_tags {
        hash.update(&hex::decode(e_tag).unwrap_or_default());
        count += 1;
    }
    format!("{}-{count}", hex::encode(hash.finalize()))
}

/// Returns the checksum of an object in parts; nothing where a part lacks one.
pub(crate) fn of_parts(parts: &[&PartRow], algorithm: &str, composite: bool) -> Checksums {
    let of_part = |part: &&PartRow| {
        let all = named(&part.piece.checksums);
        let (_, value) = all.into_iter().find(|(name, _)| *name == algorithm)?;
        STANDARD.decode(value?).ok()
    };
    let Some(sums) = parts.iter().map(of_part).collect::<Option<Vec<_>>>() else {
        return Checksums::default();
    };
    let made = if composite {
        composed(&sums, algorithm)
    } else {
        combined(&sums, parts.iter().map(|part| part.piece.size), algorithm)
    };
    made.unwrap_or_default()
}

/// The checksum of the checksums, as they are in bytes, and how many there are.
fn composed(sums: &[Vec<u8>], algorithm: &str) -> Option<Checksums> {
    let mut hasher = hasher([algorithm]).ok()?;
    sums.iter().for_each(|sum| hasher.update(sum));
    let counted = |sum: Option<String>| Some(format!("{}-{}", sum?, sums.len()));
    let made = finished(hasher);
    Some(Checksums {
        crc32: counted(made.crc32),
        crc32c: counted(made.crc32c),
        crc64nvme: counted(made.crc64nvme),
        sha1: counted(made.sha1),
        sha256: counted(made.sha256),
        composite: true,
    })
}

/// The checksum that the whole would have: redundancy checks can be put together without the bytes.
fn combined(
    sums: &[Vec<u8>],
    sizes: impl Iterator<Item = u64>,
    algorithm: &str,
) -> Option<Checksums> {
    let (kind, width) = match algorithm {
        "CRC32" => (CrcAlgorithm::Crc32IsoHdlc, 4),
        "CRC32C" => (CrcAlgorithm::Crc32Iscsi, 4),
        "CRC64NVME" => (CrcAlgorithm::Crc64Nvme, 8),
        _ => return None,
    };
    let number = |sum: &Vec<u8>| {
        sum.iter()
            .fold(0, |all: u64, byte| all << 8 | u64::from(*byte))
    };
    let mut whole = None;
    for (sum, size) in sums.iter().zip(sizes) {
        whole = Some(match whole {
            None => number(sum),
            Some(before) => checksum_combine(kind, before, number(sum), size),
        });
    }
    let text = STANDARD.encode(&whole?.to_be_bytes()[8 - width..]);
    let mut made = Checksums::default();
    match algorithm {
        "CRC32" => made.crc32 = Some(text),
        "CRC32C" => made.crc32c = Some(text),
        _ => made.crc64nvme = Some(text),
    }
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{BlobId, Piece};

    fn part(bytes: &[u8], algorithm: &str) -> PartRow {
        let mut hasher = hasher([algorithm]).expect("it is known");
        hasher.update(bytes);
        let checksums = finished(hasher);
        let piece = Piece {
            blob: BlobId([0; 16]),
            size: bytes.len() as u64,
            checksums,
            number: 1,
        };
        PartRow {
            piece,
            e_tag: String::new(),
            modified_at: 0,
        }
    }

    #[test]
    fn the_checksum_of_the_whole_is_that_of_its_parts_together() {
        let parts = [
            b"The quick ".as_slice(),
            b"",
            b"brown fox jumps",
            b" over the lazy dog",
        ];
        for algorithm in ["CRC32", "CRC32C", "CRC64NVME"] {
            let rows: Vec<_> = parts.iter().map(|bytes| part(bytes, algorithm)).collect();
            let together = of_parts(&rows.iter().collect::<Vec<_>>(), algorithm, false);
            let whole = part(&parts.concat(), algorithm).piece.checksums;
            assert_eq!(together, whole, "{algorithm}");
        }
    }

    #[test]
    fn a_composite_checksum_is_one_of_checksums_and_says_of_how_many() {
        let rows = [part(b"a", "SHA256"), part(b"b", "SHA256")];
        let made = of_parts(&rows.iter().collect::<Vec<_>>(), "SHA256", true);
        assert_eq!(
            made.sha256
                .as_deref()
                .and_then(|sum| sum.rsplit('-').next()),
            Some("2")
        );
        assert!(made.composite);
    }

    #[test]
    fn only_some_algorithms_can_tell_of_the_whole() {
        for (algorithm, kind, expected) in [
            (None, None, Some(("CRC64NVME", false))),
            (Some("CRC32"), None, Some(("CRC32", true))),
            (Some("crc32"), Some("FULL_OBJECT"), Some(("CRC32", false))),
            (Some("SHA1"), Some("FULL_OBJECT"), None),
            (Some("CRC64NVME"), Some("COMPOSITE"), None),
            (Some("MD4"), None, None),
            (None, Some("HALF"), None),
        ] {
            assert_eq!(
                plan(algorithm, kind).ok(),
                expected,
                "{algorithm:?} {kind:?}"
            );
        }
    }
}
