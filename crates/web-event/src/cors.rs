//! Which pages of other origins may read what is answered.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, header};
use serde::{Deserialize, Serialize};

/// What is allowed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cors {
    /// Whether cookies may come along.
    pub allow_credentials: Option<bool>,
    /// Headers of requests.
    pub allow_headers: Option<Vec<String>>,
    /// Methods of requests.
    pub allow_methods: Option<Vec<String>>,
    /// Origins of pages; `*` is all.
    pub allow_origins: Option<Vec<String>>,
    /// Headers of responses that pages may read.
    pub expose_headers: Option<Vec<String>>,
    /// For how many seconds a browser may keep the answer.
    pub max_age: Option<i64>,
}

impl Cors {
    /// Answers the question of a browser whether its page may call; the function does not see it.
    pub fn preflight(&self, parts: &Parts) -> Option<Response<Bytes>> {
        let cors = self;
        let asks = parts.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        let asks = asks
            .to_str()
            .ok()
            .filter(|_| parts.method == Method::OPTIONS)?;
        let origin = origin(parts)?;
        let mut response = Response::new(Bytes::new());
        if permits(cors.allow_origins.as_ref(), origin)
            && permits(cors.allow_methods.as_ref(), asks)
        {
            let headers = response.headers_mut();
            self.share(parts, headers);
            let lists = [
                (header::ACCESS_CONTROL_ALLOW_METHODS, &cors.allow_methods),
                (header::ACCESS_CONTROL_ALLOW_HEADERS, &cors.allow_headers),
            ];
            for (name, list) in lists {
                let text = list.as_ref().map(|list| list.join(","));
                let value = text.and_then(|text| HeaderValue::try_from(text).ok());
                headers.extend(value.map(|value| (name, value)));
            }
            if let Some(seconds) = cors.max_age {
                headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
            }
        }
        Some(response)
    }

    /// Adds that the page that asks may read the answer.
    pub fn share(&self, parts: &Parts, headers: &mut HeaderMap) {
        let cors = self;
        let Some(origin) =
            origin(parts).filter(|origin| permits(cors.allow_origins.as_ref(), origin))
        else {
            return;
        };
        let credentials = cors.allow_credentials == Some(true);
        let everybody = cors.allow_origins.iter().flatten().any(|one| one == "*");
        let shown = if everybody && !credentials {
            "*"
        } else {
            origin
        };
        if let Ok(value) = HeaderValue::from_str(shown) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
        }
        if shown != "*" {
            headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        }
        if credentials {
            let yes = HeaderValue::from_static("true");
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        let exposed = cors.expose_headers.as_ref().map(|list| list.join(","));
        if let Some(value) = exposed.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, value);
        }
    }
}

fn origin(parts: &Parts) -> Option<&str> {
    parts.headers.get(header::ORIGIN)?.to_str().ok()
}

fn permits(list: Option<&Vec<String>>, value: &str) -> bool {
    let mut all = list.into_iter().flatten();
    all.any(|one| one == "*" || one.eq_ignore_ascii_case(value))
}
