//! What a request claims about its sender, and whether that is so.

use std::borrow::Cow;

use http::HeaderMap;
use http::request::Parts;
use subtle::ConstantTimeEq;
use vocab::Timestamp;

use super::canonical::{Canonical, percent_decoded};
use super::{ALGORITHM, PRESIGNED_SECONDS_MAX, SKEW_SECONDS_MAX, SigningKey, TERMINATOR};
use super::{SignatureError, amz_date, parse_amz_date, sha256_hex};

const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Headers that a sender may add without signing them: they only name the program, or are sealed.
const MAY_BE_UNSIGNED: [&str; 2] = ["x-amz-security-token", "x-amz-user-agent"];

/// The day, place and service for which a signature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `YYYYMMDD`.
    pub date: Cow<'a, str>,
    /// The region.
    pub region: Cow<'a, str>,
    /// The service's signing name.
    pub service: Cow<'a, str>,
}

/// Who says to have sent a request, and how it can be checked.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// The access key.
    pub access_key_id: Cow<'a, str>,
    /// Where and when it counts.
    pub scope: Scope<'a>,
    /// The token that belongs to temporary keys.
    pub session_token: Option<Cow<'a, str>>,
    signed_headers: Cow<'a, str>,
    signature: Cow<'a, str>,
    date_text: Cow<'a, str>,
    signed_at: Timestamp,
    /// How long a presigned URL lives; nothing for a signature in a header.
    presigned_seconds: Option<u64>,
}

impl<'a> Claim<'a> {
    /// Reads the claim of a request's head, out of its header or its query.
    ///
    /// # Errors
    /// When there is none, or when it lacks a part.
    pub fn read(parts: &'a Parts) -> Result<Self, SignatureError> {
        let query = parts.uri.query().unwrap_or_default();
        match header(&parts.headers, "authorization") {
            Some(authorization) => Self::of_header(authorization, &parts.headers),
            None if query.contains("X-Amz-Algorithm") => Self::of_query(query),
            None => Err(SignatureError::Missing),
        }
    }

    fn of_header(authorization: &'a str, headers: &'a HeaderMap) -> Result<Self, SignatureError> {
        let parameters = authorization.strip_prefix(ALGORITHM).unwrap_or_default();
        let parameter = |name: &str| {
            let named = |part: &'a str| part.trim().strip_prefix(name)?.strip_prefix('=');
            parameters.split(',').find_map(named).map(Cow::Borrowed)
        };
        let date = header(headers, "x-amz-date")
            .or_else(|| header(headers, "date"))
            .map(Cow::Borrowed);
        let token = header(headers, "x-amz-security-token").map(Cow::Borrowed);
        let found = [
            parameter("Credential"),
            parameter("Signature"),
            parameter("SignedHeaders"),
            date,
        ];
        Self::of_fields(found, token, None, authorization)
    }

    fn of_query(query: &'a str) -> Result<Self, SignatureError> {
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs
                .find(|(known, _)| *known == name)
                .map(|(_, value)| decoded_text(value))
        };
        if parameter("X-Amz-Algorithm").as_deref() != Some(ALGORITHM) {
            return Err(SignatureError::Incomplete(format!(
                "Unsupported AWS 'algorithm': only {ALGORITHM} is known."
            )));
        }
        let seconds = match parameter("X-Amz-Expires") {
            None => SKEW_SECONDS_MAX,
            Some(text) => text
                .parse()
                .ok()
                .filter(|seconds| (1..=PRESIGNED_SECONDS_MAX).contains(seconds))
                .ok_or_else(|| {
                    SignatureError::OutOfScope(format!(
                        "X-Amz-Expires must be between 1 and {PRESIGNED_SECONDS_MAX} seconds"
                    ))
                })?,
        };
        let found = [
            "X-Amz-Credential",
            "X-Amz-Signature",
            "X-Amz-SignedHeaders",
            "X-Amz-Date",
        ]
        .map(parameter);
        Self::of_fields(
            found,
            parameter("X-Amz-Security-Token"),
            Some(seconds),
            query,
        )
    }

    /// Puts a claim together; `found` is credential, signature, signed headers, date.
    fn of_fields(
        found: [Option<Cow<'a, str>>; 4],
        session_token: Option<Cow<'a, str>>,
        presigned_seconds: Option<u64>,
        authorization: &str,
    ) -> Result<Self, SignatureError> {
        let names = ["Credential", "Signature", "SignedHeaders", "date"];
        let [
            Some(credential),
            Some(signature),
            Some(signed_headers),
            Some(date_text),
        ] = found.clone()
        else {
            let missing: Vec<_> = names
                .into_iter()
                .zip(&found)
                .filter(|(_, part)| part.is_none())
                .map(|(name, _)| name)
                .collect();
            return Err(SignatureError::incomplete(&missing, authorization));
        };
        let Some(signed_at) = parse_amz_date(&date_text) else {
            return Err(SignatureError::incomplete(&["date"], authorization));
        };
        let (access_key_id, scope) = split_credential(credential)?;
        if !date_text.starts_with(&*scope.date) {
            return Err(SignatureError::OutOfScope(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from '{date_text}'.",
                scope.date,
                &date_text[..8],
            )));
        }
        Ok(Self {
            access_key_id,
            scope,
            session_token,
            signed_headers,
            signature,
            date_text,
            signed_at,
            presigned_seconds,
        })
    }

    /// Says whether the request is the claimed sender's: `key` must be that sender's for
    /// [`Self::scope`].
    ///
    /// # Errors
    /// When the time is not near `now`, when a header that matters is not signed, or when the
    /// signature is another.
    pub fn verify(
        &self,
        parts: &Parts,
        body: &[u8],
        key: &SigningKey,
        now: Timestamp,
    ) -> Result<(), SignatureError> {
        self.check_time(now)?;
        self.check_signed_headers(&parts.headers)?;
        let payload_hash = self.payload_hash(&parts.headers, body)?;
        let canonical = Canonical {
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &parts.headers,
            signed_headers: &self.signed_headers,
            payload_hash: &payload_hash,
            is_s3: self.is_s3(),
        };
        let expected = key.sign(&canonical.string_to_sign(&self.date_text, &self.scope));
        let mut given = [0; 32];
        // AWS writes lower case; anything else was not written by a signer.
        let readable = !self.signature.bytes().any(|byte| byte.is_ascii_uppercase())
            && hex::decode_to_slice(self.signature.as_bytes(), &mut given).is_ok();
        if readable && bool::from(expected.ct_eq(&given)) {
            Ok(())
        } else {
            Err(SignatureError::Mismatch)
        }
    }

    fn is_s3(&self) -> bool {
        self.scope.service == "s3"
    }

    fn check_time(&self, now: Timestamp) -> Result<(), SignatureError> {
        let (skew, signed) = (SKEW_SECONDS_MAX as i64 * 1000, &self.date_text);
        let minutes = SKEW_SECONDS_MAX / 60;
        let life = self
            .presigned_seconds
            .map_or(skew, |seconds| seconds as i64 * 1000);
        let (now_text, early) = (
            amz_date(now),
            Timestamp::from_millis(now.as_millis() - skew),
        );
        if self.signed_at.as_millis() + life < now.as_millis() {
            let (early, why) = match self.presigned_seconds {
                None => (amz_date(early), format!(" ({now_text} - {minutes} min.)")),
                Some(_) => (
                    amz_date(Timestamp::from_millis(now.as_millis() - life)),
                    String::new(),
                ),
            };
            return Err(SignatureError::OutOfScope(format!(
                "Signature expired: {signed} is now earlier than {early}{why}"
            )));
        }
        if self.signed_at.as_millis() > now.as_millis() + skew {
            let late = amz_date(Timestamp::from_millis(now.as_millis() + skew));
            return Err(SignatureError::OutOfScope(format!(
                "Signature not yet current: {signed} is still later than {late} ({now_text} + {minutes} min.)"
            )));
        }
        Ok(())
    }

    /// Refuses a header that decides what is done and is not covered by the signature.
    ///
    /// # Errors
    /// When there is one, or when the host is not covered.
    pub fn check_signed_headers(&self, headers: &HeaderMap) -> Result<(), SignatureError> {
        let signed = |name: &str| self.signed_headers.split(';').any(|signed| signed == name);
        if !signed("host") {
            return Err(SignatureError::OutOfScope(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
                    .to_owned(),
            ));
        }
        let acts = |name: &str| name.starts_with("x-amz-") && !MAY_BE_UNSIGNED.contains(&name);
        match headers
            .keys()
            .map(http::HeaderName::as_str)
            .find(|name| acts(name) && !signed(name))
        {
            None => Ok(()),
            Some(name) => Err(SignatureError::OutOfScope(format!(
                "There were headers present in the request which were not signed: {name}"
            ))),
        }
    }

    fn payload_hash(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Cow<'static, str>, SignatureError> {
        let declared = header(headers, "x-amz-content-sha256");
        match declared {
            None if self.is_s3() && self.presigned_seconds.is_some() => {
                Ok(Cow::Borrowed(UNSIGNED_PAYLOAD))
            }
            Some(UNSIGNED_PAYLOAD) if self.is_s3() => Ok(Cow::Borrowed(UNSIGNED_PAYLOAD)),
            Some(form) if form == UNSIGNED_PAYLOAD || form.starts_with("STREAMING-") => {
                Err(SignatureError::PayloadForm(form.to_owned()))
            }
            None => Ok(Cow::Owned(sha256_hex(body))),
            Some(declared) => {
                let hash = sha256_hex(body);
                if declared == hash {
                    Ok(Cow::Owned(hash))
                } else {
                    Err(SignatureError::Mismatch)
                }
            }
        }
    }
}

/// Splits `key/date/region/service/aws4_request`; a key may hold slashes of its own.
fn split_credential(credential: Cow<'_, str>) -> Result<(Cow<'_, str>, Scope<'_>), SignatureError> {
    let elements: Vec<&str> = credential.rsplitn(5, '/').collect();
    let [terminator, service, region, date, key] = elements[..] else {
        return Err(SignatureError::Incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
        )));
    };
    if terminator != TERMINATOR {
        return Err(SignatureError::OutOfScope(format!(
            "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'."
        )));
    }
    if date.len() != 8 {
        return Err(SignatureError::Incomplete(format!(
            "Date must be in YYYYMMDD format, got '{date}'."
        )));
    }
    let scope = |date: &str, region: &str, service: &str| Scope {
        date: Cow::Owned(date.to_owned()),
        region: Cow::Owned(region.to_owned()),
        service: Cow::Owned(service.to_owned()),
    };
    Ok((Cow::Owned(key.to_owned()), scope(date, region, service)))
}

fn decoded_text(value: &str) -> Cow<'_, str> {
    match percent_decoded(value) {
        Cow::Borrowed(_) => Cow::Borrowed(value),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
