//! Makes signatures: for the command line, which is a client like others, and for tests.

use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Uri};
use vocab::Timestamp;

use super::canonical::{Canonical, write_encoded};
use super::{ALGORITHM, Scope, SigningKey, amz_date, sha256_hex};

/// Who signs, and for where.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The access key.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret_access_key: &'a str,
    /// The token of temporary keys.
    pub session_token: Option<&'a str>,
    /// The region.
    pub region: &'a str,
    /// The service's signing name.
    pub service: &'a str,
}

impl std::fmt::Debug for Signer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Signer({}, {}, {})",
            self.access_key_id, self.region, self.service
        )
    }
}

impl Signer<'_> {
    fn key(&self, date: &str) -> SigningKey {
        SigningKey::derive(self.secret_access_key, date, self.region, self.service)
    }

    fn scope<'b>(&'b self, date: &'b str) -> Scope<'b> {
        Scope {
            date: date.into(),
            region: self.region.into(),
            service: self.service.into(),
        }
    }
}

/// Signs a request in its `Authorization` header. Every header that is there is signed, so add them
/// before.
///
/// # Errors
/// When a key or token holds what a header cannot.
pub fn sign(
    parts: &mut Parts,
    body: &[u8],
    signer: &Signer<'_>,
    now: Timestamp,
) -> Result<(), http::header::InvalidHeaderValue> {
    let (amz_date, payload_hash) = (amz_date(now), sha256_hex(body));
    add_host(parts)?;
    parts.headers.insert(
        HeaderName::from_static("x-amz-date"),
        HeaderValue::from_str(&amz_date)?,
    );
    if signer.service == "s3" {
        let hash = HeaderValue::from_str(&payload_hash)?;
        parts
            .headers
            .insert(HeaderName::from_static("x-amz-content-sha256"), hash);
    }
    if let Some(token) = signer.session_token {
        parts.headers.insert(
            HeaderName::from_static("x-amz-security-token"),
            HeaderValue::from_str(token)?,
        );
    }
    let signed_headers = header_names(parts);
    let date = &amz_date[..8];
    let scope = signer.scope(date);
    let text =
        canonical(parts, &signed_headers, &payload_hash, signer).string_to_sign(&amz_date, &scope);
    let signature = hex::encode(signer.key(date).sign(&text));
    let authorization = format!(
        "{ALGORITHM} Credential={}/{date}/{}/{}/aws4_request, SignedHeaders={signed_headers}, Signature={signature}",
        signer.access_key_id, signer.region, signer.service,
    );
    parts
        .headers
        .insert(AUTHORIZATION, HeaderValue::from_str(&authorization)?);
    Ok(())
}

/// Signs a request in its query, for `seconds`: a link that needs no headers but those that are there
/// now and `Host`.
///
/// # Errors
/// When the link would be no URI.
pub fn presign(
    parts: &mut Parts,
    body: &[u8],
    signer: &Signer<'_>,
    seconds: u64,
    now: Timestamp,
) -> Result<(), http::Error> {
    let amz_date = amz_date(now);
    add_host(parts)?;
    let (date, signed_headers) = (&amz_date[..8], header_names(parts));
    let credential = format!(
        "{}/{date}/{}/{}/aws4_request",
        signer.access_key_id, signer.region, signer.service
    );
    let mut query = parts
        .uri
        .query()
        .map(|query| format!("{query}&"))
        .unwrap_or_default();
    let mut add = |name: &str, value: &str| {
        query.push_str(name);
        query.push('=');
        write_encoded(&mut query, value.as_bytes());
        query.push('&');
    };
    add("X-Amz-Algorithm", ALGORITHM);
    add("X-Amz-Credential", &credential);
    add("X-Amz-Date", &amz_date);
    add("X-Amz-Expires", &seconds.to_string());
    add("X-Amz-SignedHeaders", &signed_headers);
    if let Some(token) = signer.session_token {
        add("X-Amz-Security-Token", token);
    }
    parts.uri = with_query(&parts.uri, query.trim_end_matches('&'))?;
    let payload_hash = if signer.service == "s3" {
        "UNSIGNED-PAYLOAD".to_owned()
    } else {
        sha256_hex(body)
    };
    let text = canonical(parts, &signed_headers, &payload_hash, signer)
        .string_to_sign(&amz_date, &signer.scope(date));
    let signature = hex::encode(signer.key(date).sign(&text));
    parts.uri = with_query(&parts.uri, &format!("{query}X-Amz-Signature={signature}"))?;
    Ok(())
}

fn canonical<'a>(
    parts: &'a Parts,
    signed_headers: &'a str,
    payload_hash: &'a str,
    signer: &Signer<'_>,
) -> Canonical<'a> {
    Canonical {
        method: &parts.method,
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        signed_headers,
        payload_hash,
        is_s3: signer.service == "s3",
    }
}

/// Returns the names of all headers as a signature lists them.
fn header_names(parts: &Parts) -> String {
    let mut names: Vec<&str> = parts.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names.join(";")
}

fn add_host(parts: &mut Parts) -> Result<(), http::header::InvalidHeaderValue> {
    if let (false, Some(authority)) = (parts.headers.contains_key(HOST), parts.uri.authority()) {
        let host = HeaderValue::from_str(authority.as_str())?;
        parts.headers.insert(HOST, host);
    }
    Ok(())
}

fn with_query(uri: &Uri, query: &str) -> Result<Uri, http::Error> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{}?{query}", uri.path()).parse()?);
    Ok(Uri::from_parts(parts)?)
}
