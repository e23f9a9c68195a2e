//! Presigned URLs of Signature Version 2, which boto3 and the first version of the AWS command line still make.
//!
//! `s3s` verifies them too, and compares texts where they first differ. So they are verified here before, in
//! constant time, and what is not signed never gets there.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sha1::Sha1;

/// What of a query says what is asked for, and is signed with the path.
const SUBRESOURCES: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// Later subresources, which these signatures do not know: a URL that was signed without one could be given it.
const UNSIGNED: &[&str] = &[
    "encryption",
    "policyStatus",
    "publicAccessBlock",
    "select-object",
];

/// A request by such a URL.
pub(crate) struct OldUrl<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub query: &'a str,
    /// With those that [`spread`] has put there.
    pub headers: &'a HeaderMap,
    /// The bucket that the host names.
    pub bucket: Option<&'a str>,
}

/// Says whether a query is that of such a URL.
pub(crate) fn is_old(query: &str) -> bool {
    query
        .split('&')
        .any(|pair| pair.starts_with("AWSAccessKeyId="))
}

/// In such a URL, what would be signed headers are parameters: S3 takes them for headers, with the session token
/// among them, and so they are signed.
pub(crate) fn spread(query: &str, headers: &mut HeaderMap) {
    if !is_old(query) {
        return;
    }
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    for (name, value) in pairs {
        let name = name.to_ascii_lowercase();
        let signed = name.starts_with("x-amz-") || name == "content-md5" || name == "content-type";
        let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
        if let (true, Ok(name), Ok(value)) = (
            signed,
            HeaderName::try_from(name),
            HeaderValue::from_str(&value),
        ) {
            headers.entry(name).or_insert(value);
        }
    }
}

impl OldUrl<'_> {
    /// Says whether the URL was signed with `secret`.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let pairs = self.pairs();
        let unsigned = |(name, _): &(String, String)| UNSIGNED.contains(&name.as_str());
        if pairs.iter().any(unsigned) {
            return false;
        }
        let given = unique(&pairs, "Signature");
        let Some(given) = given.and_then(|text| STANDARD.decode(text).ok()) else {
            return false;
        };
        let mut mac =
            Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(self.string_to_sign(&pairs).as_bytes());
        // Compares in constant time.
        mac.verify_slice(&given).is_ok()
    }

    fn pairs(&self) -> Vec<(String, String)> {
        let decoded = |text: &str| {
            let text = text.replace('+', " ");
            let text = percent_encoding::percent_decode_str(&text).decode_utf8_lossy();
            text.into_owned()
        };
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect()
    }

    fn string_to_sign(&self, pairs: &[(String, String)]) -> String {
        let header = |name: &str| {
            let mut values = self.headers.get_all(name).iter();
            let first = values.next().map(text_of);
            first
                .filter(|_| values.next().is_none())
                .unwrap_or_default()
        };
        let mut text = format!(
            "{}\n{}\n{}\n{}\n",
            self.method,
            header("content-md5"),
            header("content-type"),
            unique(pairs, "Expires").unwrap_or_default()
        );
        let names = self.headers.keys().map(HeaderName::as_str);
        let mut names: Vec<&str> = names.filter(|name| name.starts_with("x-amz-")).collect();
        names.sort_unstable();
        for name in names {
            let values = self.headers.get_all(name).iter();
            let values: Vec<String> = values
                .map(|value| text_of(value).trim().to_owned())
                .collect();
            text.push_str(&format!("{name}:{}\n", values.join(",")));
        }
        if let Some(bucket) = self.bucket {
            text.push('/');
            text.push_str(bucket);
        }
        text.push_str(self.path);
        let named = SUBRESOURCES
            .iter()
            .filter_map(|name| Some((*name, unique(pairs, name)?)));
        for (at, (name, value)) in named.enumerate() {
            text.push(if at == 0 { '?' } else { '&' });
            text.push_str(name);
            if !value.is_empty() {
                text.push('=');
                text.push_str(value);
            }
        }
        text
    }
}

fn text_of(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// Returns the value of a parameter that is there once.
fn unique<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    let mut values = pairs.iter().filter(|(known, _)| known == name);
    let (_, value) = values.next()?;
    values.next().is_none().then_some(value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_an_old_url_are_headers() {
        for (query, expected) in [
            (
                "AWSAccessKeyId=A&x-amz-security-token=a%2Fb%2B&Expires=1",
                Some("a/b+"),
            ),
            ("AWSAccessKeyId=A&X-Amz-Security-Token=t", Some("t")),
            ("AWSAccessKeyId=A&x-amz-security-token=a%0Ab", None),
            // In a URL of the fourth version they are parameters, signed as such.
            ("X-Amz-Credential=A&x-amz-security-token=t", None),
        ] {
            let mut headers = HeaderMap::new();
            spread(query, &mut headers);
            let found = headers
                .get("x-amz-security-token")
                .and_then(|value| value.to_str().ok());
            assert_eq!(found, expected, "{query}");
        }
    }

    /// The example of the documentation of Signature Version 2: a `GET` of an object of johnsmith.
    #[test]
    fn the_documented_url_is_signed_and_no_other() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let query = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620";
        let check = |method: &Method, path: &str, query: &str, secret: &str, expected: bool| {
            let url = OldUrl {
                method,
                path,
                query,
                headers: &HeaderMap::new(),
                bucket: Some("johnsmith"),
            };
            let found = url.is_signed_with(secret);
            assert_eq!(found, expected, "{method} {path} {query}");
        };
        let path = "/photos/puppy.jpg";
        check(&Method::GET, path, query, secret, true);
        check(&Method::PUT, path, query, secret, false);
        check(&Method::GET, path, query, "another", false);
        for (from, to) in [
            ("1175139620", "1175139621"),
            ("Npg", "npg"),
            ("Expires", "expires"),
            ("&Expires", "&policyStatus&Expires"),
            ("&Expires", "&versionId=1&Expires"),
            ("&Expires", "&Expires=1&Expires"),
        ] {
            check(
                &Method::GET,
                path,
                &query.replacen(from, to, 1),
                secret,
                false,
            );
        }
        check(&Method::GET, "/photos/puppy.jpf", query, secret, false);
        check(&Method::GET, path, "", secret, false);
    }
}
