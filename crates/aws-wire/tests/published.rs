//! The published test suite of Signature Version 4, case by case: what it signs is taken, and whatever differs
//! from it by a byte is not, unless an independent implementation says that it is signed alike.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
};
use aws_sigv4::sign::v4;
use aws_wire::sigv4::{Claim, SigningKey};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use vocab::Timestamp;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SCOPE: &str = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
const DATE: &str = "20150830T123600Z";
const NOW: Timestamp = Timestamp::from_millis(1_440_938_160_000);

/// One case of the suite.
struct Case<'a> {
    name: &'a str,
    method: &'a str,
    target: &'a str,
    /// Names, values, and whether they are signed.
    headers: Vec<(&'a str, &'a str, bool)>,
    body: &'a str,
    signature: &'a str,
    query_signature: &'a str,
}

fn cases() -> Vec<Case<'static>> {
    let lines = include_str!("published.txt").lines();
    let cases = lines.filter(|line| !line.starts_with('#')).map(case);
    cases.collect()
}

fn case(line: &'static str) -> Case<'static> {
    let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
    let [name, request, headers, body, signature, query_signature] = columns[..] else {
        panic!("{line}");
    };
    let (method, target) = request.split_once(' ').expect(line);
    let headers = headers.split(" || ").filter(|header| !header.is_empty());
    let header = |header: &'static str| {
        let (name, value) = header.split_once(": ").expect(line);
        (
            name.trim_start_matches('+'),
            value,
            !header.starts_with('+'),
        )
    };
    Case {
        name,
        method,
        target,
        headers: headers.map(header).collect(),
        body,
        signature,
        query_signature,
    }
}

impl Case<'_> {
    /// Returns the request before it is signed, with those headers that `keep` keeps.
    fn parts(&self, target: &str, keep: impl Fn(&str) -> bool) -> Parts {
        let mut request = Request::builder().method(self.method).uri(target);
        request = request.header("host", "example.amazonaws.com");
        for (name, value, _) in &self.headers {
            if keep(name) {
                request = request.header(*name, *value);
            }
        }
        request.body(()).expect(self.name).into_parts().0
    }

    fn signed_headers(&self, keep: impl Fn(&str) -> bool) -> String {
        let own = self.headers.iter();
        let own = own.filter(|(name, _, signed)| *signed && keep(name));
        let mut names: Vec<String> = own.map(|(name, ..)| name.to_ascii_lowercase()).collect();
        names.push("host".to_owned());
        names.sort();
        names.dedup();
        names.join(";")
    }

    /// Returns the request with the signature of the suite in its header.
    fn by_header(&self) -> Parts {
        let mut parts = self.parts(self.target, |_| true);
        parts
            .headers
            .insert("x-amz-date", HeaderValue::from_static(DATE));
        let mut signed: Vec<String> = self
            .signed_headers(|_| true)
            .split(';')
            .map(str::to_owned)
            .collect();
        signed.push("x-amz-date".to_owned());
        signed.sort();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders={}, Signature={}",
            signed.join(";"),
            self.signature
        );
        let authorization = HeaderValue::from_str(&authorization).expect("a header");
        parts.headers.insert("authorization", authorization);
        parts
    }

    /// Returns the request with the signature of the suite in its query, where it has one that is whole.
    fn by_query(&self) -> Option<Parts> {
        let mut target = self.target.to_owned();
        let mut add = |name: &str, value: &str| {
            let and = if target.contains('?') { '&' } else { '?' };
            target.push_str(&format!("{and}{name}={}", escaped(value)));
        };
        add("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
        add("X-Amz-Credential", SCOPE);
        add("X-Amz-Date", DATE);
        add("X-Amz-Expires", "3600");
        let is_header = |name: &str| !name.to_ascii_lowercase().starts_with("x-amz-");
        add("X-Amz-SignedHeaders", &self.signed_headers(is_header));
        for (name, value, signed) in &self.headers {
            if *name == "X-Amz-Security-Token" {
                // A token that is put behind the signature is not covered by it, and not taken.
                signed.then(|| add(name, value))?;
            }
        }
        add("X-Amz-Signature", self.query_signature);
        Some(self.parts(&target, is_header))
    }
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

fn is_taken(parts: &Parts, body: &[u8]) -> bool {
    let Ok(claim) = Claim::read(parts) else {
        return false;
    };
    // Another key has another secret.
    if claim.access_key_id != "AKIDEXAMPLE" {
        return false;
    }
    let scope = &claim.scope;
    let key = SigningKey::derive(SECRET, &scope.date, &scope.region, &scope.service);
    claim.verify(parts, body, &key, NOW).is_ok()
}

/// Returns what the independent implementation signs a request with in its header.
fn oracle(parts: &Parts, body: &[u8]) -> Option<String> {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Double;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Enabled;
    let identity = Credentials::new("AKIDEXAMPLE", SECRET, None, None, "test").into();
    let signing = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("service")
        .time(UNIX_EPOCH + Duration::from_millis(NOW.as_millis() as u64))
        .settings(settings)
        .build()
        .expect("all parameters are there")
        .into();
    let all = parts.headers.iter();
    let unsigned = ["authorization", "x-amz-date", "x-amz-content-sha256"];
    let all = all.filter(|(name, _)| !unsigned.contains(&name.as_str()));
    let headers: Option<Vec<(&str, &str)>> = all
        .map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let uri = format!("https://example.amazonaws.com{}", parts.uri);
    let body = SignableBody::Bytes(body);
    let signable =
        SignableRequest::new(parts.method.as_str(), uri, headers?.into_iter(), body).ok()?;
    let signed = aws_sigv4::http_request::sign(signable, &signing).ok()?;
    Some(signed.signature().to_owned())
}

#[test]
fn the_published_signatures_are_taken() {
    let mut wrong = Vec::new();
    for case in cases() {
        if !is_taken(&case.by_header(), case.body.as_bytes()) {
            wrong.push(format!("{} in the header", case.name));
        }
        if case
            .by_query()
            .is_some_and(|parts| !is_taken(&parts, case.body.as_bytes()))
        {
            wrong.push(format!("{} in the query", case.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(cases().len() >= 30);
}

/// Returns every text that differs from `text` in one byte by one bit, and is still one that can be sent.
fn changed(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..text.len()).map(|at| {
        let mut changed = text.to_vec();
        changed[at] ^= 1;
        changed
    })
}

#[test]
fn a_wrong_byte_anywhere_is_refused() {
    let mut tried = 0;
    for case in cases() {
        let whole = case.by_header();
        let mut refused = |what: &str, parts: &Parts, body: &[u8]| {
            tried += 1;
            let alike = || oracle(parts, body).as_deref() == Some(case.signature);
            let taken = is_taken(parts, body);
            assert!(!taken || alike(), "{}: {what}: {parts:?}", case.name);
        };
        for body in changed(case.body.as_bytes()) {
            refused("body", &whole, &body);
        }
        refused(
            "a longer body",
            &whole,
            format!("{}x", case.body).as_bytes(),
        );
        for method in changed(case.method.as_bytes()) {
            let mut parts = whole.clone();
            parts.method = http::Method::from_bytes(&method).expect("letters");
            refused("method", &parts, case.body.as_bytes());
        }
        for target in changed(case.target.as_bytes()) {
            let mut parts = whole.clone();
            let Ok(uri) = http::Uri::try_from(target.as_slice()) else {
                continue;
            };
            // What begins with no slash is another form of a request.
            if uri.path().starts_with('/') && uri.host().is_none() {
                parts.uri = uri;
                refused("target", &parts, case.body.as_bytes());
            }
        }
        let signed: Vec<HeaderName> = whole.headers.keys().cloned().collect();
        for name in signed {
            let is_sealed = case
                .headers
                .iter()
                .any(|(header, _, signed)| !signed && header.eq_ignore_ascii_case(name.as_str()));
            let values: Vec<HeaderValue> = whole.headers.get_all(&name).iter().cloned().collect();
            for (at, value) in values.iter().enumerate() {
                for text in changed(value.as_bytes()) {
                    let Ok(other) = HeaderValue::from_bytes(&text) else {
                        continue;
                    };
                    let mut parts = whole.clone();
                    parts.headers.remove(&name);
                    for (index, value) in values.iter().enumerate() {
                        let value = if index == at { &other } else { value };
                        parts.headers.append(name.clone(), value.clone());
                    }
                    // A token that is not signed is sealed: whoever opens it sees the change.
                    if !is_sealed {
                        refused(name.as_str(), &parts, case.body.as_bytes());
                    }
                }
            }
            if !is_sealed {
                let mut parts = whole.clone();
                parts.headers.append(name.clone(), values[0].clone());
                refused("a header twice", &parts, case.body.as_bytes());
                parts.headers.remove(&name);
                refused("a header less", &parts, case.body.as_bytes());
            }
        }
        let Some(link) = case.by_query() else {
            continue;
        };
        let uri = link.uri.to_string();
        for target in changed(uri.as_bytes()) {
            let Ok(uri) = http::Uri::try_from(target.as_slice()) else {
                continue;
            };
            if !uri.path().starts_with('/') || uri.host().is_some() {
                continue;
            }
            let mut parts = link.clone();
            parts.uri = uri;
            tried += 1;
            // A dot more or less of a path that is made plain may be the same path.
            let same_path = plain(parts.uri.path()) == plain(link.uri.path())
                && parts.uri.query() == link.uri.query();
            assert!(
                !is_taken(&parts, case.body.as_bytes()) || same_path,
                "{}: {parts:?}",
                case.name
            );
        }
    }
    assert!(tried > 5_000, "{tried}");
}

/// Returns a path without `.`, `..` and empty parts.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    let end = if path.ends_with('/') && !parts.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", parts.join("/"))
}
