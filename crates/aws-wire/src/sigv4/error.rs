//! Why a signature was refused, in AWS's words.

use base64::Engine;
use sha2::{Digest, Sha256};

use crate::Refusal;
use aws_model::Protocol;

/// Why a request is not taken for that of its claimed sender.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Nothing is claimed.
    #[error("Missing Authentication Token")]
    Missing,
    /// Something is claimed, but not all that is needed.
    #[error("{0}")]
    Incomplete(String),
    /// The key is not one of ours.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session has ended.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// The signature is not that of the request.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// The signature is for another place, another service or another time.
    #[error("{0}")]
    OutOfScope(String),
    /// The body is sent in a way that only S3 takes.
    #[error("The payload form '{0}' is only known to S3")]
    PayloadForm(String),
}

impl SignatureError {
    /// Returns the error for an `Authorization` header (or query) in which `missing` are not found.
    pub(super) fn incomplete(missing: &[&str], authorization: &str) -> Self {
        let mut text = String::new();
        for name in missing {
            text.push_str(match *name {
                "date" => {
                    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
                }
                "Credential" => "Authorization header requires 'Credential' parameter. ",
                "SignedHeaders" => "Authorization header requires 'SignedHeaders' parameter. ",
                _ => "Authorization header requires 'Signature' parameter. ",
            });
        }
        // The header itself may hold a secret that was put into the wrong place.
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(authorization));
        text.push_str("(Hashed with SHA-256 and encoded with Base64) Authorization=");
        text.push_str(&hash);
        Self::Incomplete(text)
    }

    /// Returns the code as clients match it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::Mismatch | Self::OutOfScope(_) | Self::PayloadForm(_) => {
                "InvalidSignatureException"
            }
        }
    }

    /// Returns the code and the text of services that are asked with forms, which have words of their own
    /// (IAM API Reference, Common Errors).
    fn in_forms(&self) -> (&'static str, String) {
        match self {
            Self::Missing => (
                "MissingAuthenticationToken",
                "Request is missing Authentication Token".to_owned(),
            ),
            Self::Incomplete(_) => ("IncompleteSignature", self.to_string()),
            Self::UnknownKey => ("InvalidClientTokenId", self.to_string()),
            Self::ExpiredToken => ("ExpiredToken", self.to_string()),
            Self::Mismatch | Self::OutOfScope(_) | Self::PayloadForm(_) => {
                ("SignatureDoesNotMatch", self.to_string())
            }
        }
    }

    /// Returns the answer in `protocol`: 400 where the protocol names operations in a header, else 403.
    pub fn refusal(&self, protocol: Protocol) -> Refusal {
        let (code, message) = match protocol {
            Protocol::Query => self.in_forms(),
            _ => (self.code(), self.to_string()),
        };
        let status = match protocol {
            Protocol::Json10 | Protocol::Json11 => 400,
            Protocol::RestJson | Protocol::Query | Protocol::RestXml => 403,
        };
        Refusal {
            code: code.into(),
            message,
            status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &SignatureError, protocol: Protocol, status: u16, code: &str) {
        let refusal = error.refusal(protocol);
        assert_eq!((refusal.status, &*refusal.code), (status, code));
    }

    #[test]
    fn each_protocol_has_its_own_codes() {
        use Protocol::{Json10, Query, RestJson};
        use SignatureError::{ExpiredToken, Mismatch, Missing, UnknownKey};
        check(&UnknownKey, Json10, 400, "UnrecognizedClientException");
        check(&UnknownKey, RestJson, 403, "UnrecognizedClientException");
        check(&UnknownKey, Query, 403, "InvalidClientTokenId");
        check(&Mismatch, Json10, 400, "InvalidSignatureException");
        check(&Mismatch, Query, 403, "SignatureDoesNotMatch");
        check(&Missing, Query, 403, "MissingAuthenticationToken");
        check(&ExpiredToken, Query, 403, "ExpiredToken");
    }
}
