//! What S3's condition keys say of a request: of its query and headers over HTTP, of its members in process.

use http::HeaderMap;

use super::Members;

/// The head of a request over HTTP.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub query: &'a str,
    pub headers: &'a HeaderMap,
}

/// Keys with the header or the parameter that they are, and the member.
const KEYS: &[(&str, Where, &str)] = &[
    ("s3:prefix", Where::Parameter("prefix"), "Prefix"),
    ("s3:delimiter", Where::Parameter("delimiter"), "Delimiter"),
    ("s3:max-keys", Where::Parameter("max-keys"), "MaxKeys"),
    ("s3:versionid", Where::Parameter("versionId"), "VersionId"),
    ("s3:x-amz-acl", Where::Header, "ACL"),
    ("s3:x-amz-content-sha256", Where::Header, ""),
    ("s3:x-amz-copy-source", Where::Header, "CopySource"),
    (
        "s3:x-amz-metadata-directive",
        Where::Header,
        "MetadataDirective",
    ),
    (
        "s3:x-amz-server-side-encryption",
        Where::Header,
        "ServerSideEncryption",
    ),
    (
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        Where::Header,
        "SSEKMSKeyId",
    ),
    ("s3:x-amz-storage-class", Where::Header, "StorageClass"),
    (
        "s3:x-amz-website-redirect-location",
        Where::Header,
        "WebsiteRedirectLocation",
    ),
    ("s3:if-match", Where::Header, "IfMatch"),
    ("s3:if-none-match", Where::Header, "IfNoneMatch"),
];

/// Where a key is over HTTP.
#[derive(Clone, Copy)]
enum Where {
    /// In the header of its name.
    Header,
    /// In this parameter.
    Parameter(&'static str),
}

/// Returns the value of one of S3's keys. What is said twice has none: see [`knows`].
pub(crate) fn value(
    key: &str,
    head: Option<Head<'_>>,
    members: &Members<'_>,
) -> Option<Vec<String>> {
    if let Some(tag) = key.strip_prefix("s3:requestobjecttag/") {
        let mut tags = request_tags(head, members).into_iter();
        let (_, value) = tags.find(|(name, _)| name.eq_ignore_ascii_case(tag))?;
        return Some(vec![value]);
    }
    match (key, head) {
        ("s3:requestobjecttagkeys", _) => {
            let tags = request_tags(head, members).into_iter();
            let keys: Vec<String> = tags.map(|(name, _)| name).collect();
            (!keys.is_empty()).then_some(keys)
        }
        ("s3:authtype", Some(head)) => {
            let by_header = head.headers.contains_key("authorization");
            let by_query = !parameters(head.query, "X-Amz-Signature").is_empty()
                || !parameters(head.query, "Signature").is_empty();
            let kind = match (by_header, by_query) {
                (true, _) => "REST-HEADER",
                (false, true) => "REST-QUERY-STRING",
                (false, false) => return None,
            };
            Some(vec![kind.to_owned()])
        }
        ("s3:signatureversion", Some(head)) => {
            let old = !parameters(head.query, "AWSAccessKeyId").is_empty();
            Some(vec![
                if old { "AWS" } else { "AWS4-HMAC-SHA256" }.to_owned(),
            ])
        }
        _ => {
            let mut all = said(key, head, members)?;
            (all.len() == 1)
                .then(|| all.swap_remove(0))
                .map(|one| vec![one])
        }
    }
}

/// Says whether [`value`] knows all that a request says of a key.
pub(crate) fn knows(key: &str, head: Option<Head<'_>>, members: &Members<'_>) -> bool {
    if key.starts_with("s3:requestobjecttag") {
        return true;
    }
    if matches!(key, "s3:authtype" | "s3:signatureversion") {
        return head.is_some();
    }
    // Nothing that speaks an older version is ever listened to.
    if key == "s3:tlsversion" {
        return true;
    }
    said(key, head, members).is_some_and(|all| all.len() <= 1)
}

/// Returns all that a request says of a key; `None` for a key that is not known here.
fn said(key: &str, head: Option<Head<'_>>, members: &Members<'_>) -> Option<Vec<String>> {
    let (_, place, member) = KEYS.iter().find(|(known, ..)| *known == key)?;
    let Some(head) = head else {
        let value = members.value(member);
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        return Some(value.map(text).into_iter().collect());
    };
    Some(match place {
        Where::Parameter(name) => parameters(head.query, name),
        Where::Header => {
            let name = key.trim_start_matches("s3:");
            let values = head.headers.get_all(name).into_iter();
            // Presigned URLs have headers as parameters, under their own names.
            let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            values.chain(parameters(head.query, name)).collect()
        }
    })
}

/// Returns the values of a parameter. Names are compared as S3 does, but for the capitals of headers.
fn parameters(query: &str, name: &str) -> Vec<String> {
    let pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let is_header = name.starts_with("x-amz-");
    let is_it = |known: &str| known == name || (is_header && known.eq_ignore_ascii_case(name));
    let values = pairs.filter(|(known, _)| is_it(&decoded(known)));
    values.map(|(_, value)| decoded(value)).collect()
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let text = percent_encoding::percent_decode_str(&text).decode_utf8_lossy();
    text.into_owned()
}

/// Returns the tags that a new object is to have.
fn request_tags(head: Option<Head<'_>>, members: &Members<'_>) -> Vec<(String, String)> {
    let written = match head {
        Some(head) => {
            let value = head.headers.get("x-amz-tagging");
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        }
        None => members.text("Tagging").map(|text| text.into_owned()),
    };
    let written = written.unwrap_or_default();
    let pairs = written.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_what_a_request_says_once() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-acl", "private".parse().expect("a header"));
        headers.insert("x-amz-tagging", "a=b%20c&d=".parse().expect("a header"));
        headers.insert(
            "authorization",
            "AWS4-HMAC-SHA256 …".parse().expect("a header"),
        );
        for (query, key, expected) in [
            ("list-type=2&prefix=a%2Fb+c", "s3:prefix", Some("a/b c")),
            ("list-type=2&%70refix=a", "s3:prefix", Some("a")),
            ("list-type=2", "s3:prefix", None),
            ("prefix=", "s3:prefix", Some("")),
            // Whoever says two things is believed neither.
            ("prefix=a&prefix=b", "s3:prefix", Some("?")),
            ("", "s3:x-amz-acl", Some("private")),
            ("X-Amz-Acl=public-read", "s3:x-amz-acl", Some("?")),
            (
                "X-Amz-Storage-Class=STANDARD",
                "s3:x-amz-storage-class",
                Some("STANDARD"),
            ),
            ("", "s3:x-amz-storage-class", None),
            ("", "s3:requestobjecttag/A", Some("b c")),
            ("", "s3:authtype", Some("REST-HEADER")),
            ("", "s3:tlsversion", None),
            ("", "s3:locationconstraint", Some("?")),
        ] {
            let head = Some(Head {
                query,
                headers: &headers,
            });
            let members = Members::default();
            let key = &key.replace("tag/A", "tag/a");
            let got = match knows(key, head, &members) {
                true => value(key, head, &members).map(|values| values.join(",")),
                false => Some("?".to_owned()),
            };
            assert_eq!(got.as_deref(), expected, "{query} {key}");
        }
        let members = Members::of(br#"{"Prefix": "a", "MaxKeys": 3, "Tagging": "x=y"}"#);
        for (key, expected) in [
            ("s3:prefix", "a"),
            ("s3:max-keys", "3"),
            ("s3:requestobjecttagkeys", "x"),
        ] {
            assert_eq!(
                value(key, None, &members),
                Some(vec![expected.to_owned()]),
                "{key}"
            );
        }
    }
}
