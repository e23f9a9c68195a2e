//! The files of the page: compressed in the binary, sent as they are to browsers that can read them.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::{Body, headers, whole};

/// Name and gzip stream of every file of the built console; empty if it was not built.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The page that there is without the console.
const NOT_BUILT: &str = include_str!("not_built.html");

/// Where the page's nonce goes.
const NONCE: &str = "__NONCE__";

/// Returns the file below `/console/`, or the page itself: what the address says is its own affair.
pub(crate) fn answer(name: &str, asked: &HeaderMap) -> Response<Body> {
    match find(name) {
        Some(file) if name != "index.html" => asset(name, file, asked),
        None if name.starts_with("assets/") => {
            let mut gone = whole(
                StatusCode::NOT_FOUND,
                "text/plain",
                "There is no such file.",
            );
            headers::secure(gone.headers_mut(), None);
            gone
        }
        Some(_) | None => page(),
    }
}

fn find(name: &str) -> Option<&'static [u8]> {
    let found = FILES.binary_search_by(|(known, _)| (*known).cmp(name));
    found.ok().map(|at| FILES[at].1)
}

fn asset(name: &str, file: &'static [u8], asked: &HeaderMap) -> Response<Body> {
    let reads_gzip = asked
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("gzip"));
    let body = if reads_gzip {
        Bytes::from_static(file)
    } else {
        unpack(file).into()
    };
    let mut answer = whole(StatusCode::OK, content_type(name), body);
    let into = answer.headers_mut();
    if reads_gzip {
        into.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    into.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // The names of these files change with what is in them.
    let lasting = HeaderValue::from_static("public, max-age=31536000, immutable");
    into.insert(header::CACHE_CONTROL, lasting);
    headers::secure(into, None);
    answer
}

/// Returns the page with a nonce of its own: the editor's style sheet carries it.
fn page() -> Response<Body> {
    let nonce = headers::nonce();
    let text = match find("index.html") {
        Some(file) => String::from_utf8_lossy(&unpack(file)).replace(NONCE, &nonce),
        None => NOT_BUILT.replace(NONCE, &nonce),
    };
    let mut answer = whole(StatusCode::OK, "text/html; charset=utf-8", text);
    headers::secure(answer.headers_mut(), Some(&nonce));
    answer
}

fn unpack(file: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(file.len() * 4);
    GzDecoder::new(file)
        .read_to_end(&mut text)
        .expect("the build compressed it");
    text
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        "woff2" => "font/woff2",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}
