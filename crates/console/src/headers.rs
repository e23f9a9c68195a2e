//! What browsers are told, and what of them is believed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};

/// A header that no form and no link can send: only a script of our own origin does, for a stranger's
/// would have to ask for leave first, and is never given it.
const OURS: &str = "x-stepd-console";

/// Returns a nonce for one page.
pub(crate) fn nonce() -> String {
    STANDARD_NO_PAD.encode(rand::random::<[u8; 18]>())
}

/// Adds the headers that keep a page to itself. With `nonce`, style sheets that carry it are the page's.
pub(crate) fn secure(headers: &mut HeaderMap, nonce: Option<&str>) {
    let style = nonce.map_or(String::new(), |nonce| format!(" 'nonce-{nonce}'"));
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'{style}; img-src 'self' data: blob:; \
         font-src 'self' data:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::from_str(&policy).expect("a nonce is letters and digits");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(), microphone=(), geolocation=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Says whether a request that may change something comes from a page of ours.
///
/// The cookie alone does not say it: to a browser, another port of the same machine is the same site.
pub(crate) fn is_ours(parts: &Parts) -> bool {
    if parts.method == Method::GET || parts.method == Method::HEAD {
        return true;
    }
    let text = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let same_origin = match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => origin
            .split_once("://")
            .is_some_and(|(_, from)| from.eq_ignore_ascii_case(host)),
        // A program, not a page: it has no cookies but those that it was given.
        (None, _) => true,
        (Some(_), None) => false,
    };
    let fetched_from = text("sec-fetch-site").unwrap_or("same-origin");
    text(OURS).is_some() && same_origin && fetched_from == "same-origin"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_the_same_origin_may_change_something() {
        let check = |method: &str, headers: &[(&str, &str)], expected: bool| {
            let mut request = http::Request::builder().method(method);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            assert_eq!(is_ours(&parts), expected, "{method} {headers:?}");
        };
        let (ours, host) = ((OURS, "1"), ("host", "127.0.0.1:4566"));
        check("GET", &[], true);
        check(
            "POST",
            &[ours, host, ("origin", "http://127.0.0.1:4566")],
            true,
        );
        check("POST", &[ours, host], true);
        check("POST", &[host, ("origin", "http://127.0.0.1:4566")], false);
        check(
            "POST",
            &[ours, host, ("origin", "http://127.0.0.1:3000")],
            false,
        );
        check("POST", &[ours, host, ("origin", "null")], false);
        check(
            "DELETE",
            &[ours, host, ("sec-fetch-site", "same-site")],
            false,
        );
        check("POST", &[ours, ("origin", "http://127.0.0.1:4566")], false);
    }
}
