//! Which names buckets and objects may have.
//!
//! The rules are those of S3's user guide ("General purpose bucket naming rules", "Naming Amazon S3
//! objects"). A key is never part of a path here, so no key is dangerous.

use std::net::Ipv4Addr;

use s3s::validation::NameValidation;
use service::Failure;

use crate::failure;

/// Longest key, in bytes of UTF-8.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;

const PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
const SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/// Says whether a bucket may be called `name`.
fn is_bucket_name(name: &str) -> bool {
    let edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inner = |byte: u8| edge(byte) || byte == b'.' || byte == b'-';
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|&byte| inner(byte))
        && edge(bytes[0])
        && edge(bytes[bytes.len() - 1])
        && !name.contains("..")
        && name.parse::<Ipv4Addr>().is_err()
        && !PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && !SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// Refuses what no bucket may be called.
pub(crate) fn check_bucket(name: &str) -> Result<(), Failure> {
    if is_bucket_name(name) {
        Ok(())
    } else {
        Err(failure::invalid_bucket_name(name))
    }
}

/// Refuses a key that no object may have.
pub(crate) fn check_key(key: &str) -> Result<(), Failure> {
    match key.len() {
        0 => Err(failure::invalid_argument(
            "Key",
            "",
            "Key must have at least one character.",
        )),
        1..=KEY_BYTES_MAX => Ok(()),
        longer => Err(failure::key_too_long(longer)),
    }
}

/// Lets every name through the wire, so that the backend refuses it for callers of both kinds.
pub(crate) struct AnyName;

impl NameValidation for AnyName {
    fn validate_bucket_name(&self, _: &str) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_are_those_of_the_user_guide() {
        for (name, allowed) in [
            ("amzn-bucket", true),
            ("my.bucket.1", true),
            ("ab", false),
            ("abc", true),
            ("Upper", false),
            ("under_score", false),
            ("-edge", false),
            ("edge.", false),
            ("two..dots", false),
            ("192.168.5.4", false),
            ("xn--name", false),
            ("name-s3alias", false),
            ("name--ol-s3", false),
            ("../../etc", false),
            ("a/b/c", false),
        ] {
            assert_eq!(check_bucket(name).is_ok(), allowed, "{name}");
        }
        assert!(check_bucket(&"a".repeat(63)).is_ok());
        assert!(check_bucket(&"a".repeat(64)).is_err());
    }

    #[test]
    fn a_key_is_limited_in_bytes_not_in_letters() {
        assert!(check_key(&"é".repeat(512)).is_ok());
        assert!(check_key(&"é".repeat(513)).is_err());
        assert!(check_key("").is_err());
    }
}
