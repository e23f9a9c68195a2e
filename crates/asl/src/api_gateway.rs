//! What a definition, and what came of it, may not ask of `apigateway:invoke`.

use serde_json::{Map, Value};

/// Headers that Step Functions or the connection sets itself. Names that end in `*` are beginnings.
/// (Developer guide, "Create API Gateway REST APIs with Step Functions".)
const UNSUPPORTED: [&str; 17] = [
    "authorization",
    "connection",
    "content-md5",
    "expect",
    "host",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "www-authenticate",
    "x-amz-*",
    "x-amzn-*",
    "x-forwarded-*",
];

/// Says which of these headers cannot be sent, if any.
pub fn unsupported_headers(headers: &Map<String, Value>) -> Option<String> {
    let mut named: Vec<String> = headers
        .keys()
        .map(|name| name.trim_end_matches(".$").to_ascii_lowercase())
        .filter(|name| is_unsupported(name))
        .collect();
    named.dedup();
    let message = || {
        format!(
            "The 'Headers' field contains unsupported values: [{}]",
            named.join(", ")
        )
    };
    (!named.is_empty()).then(message)
}

fn is_unsupported(name: &str) -> bool {
    UNSUPPORTED
        .iter()
        .any(|unsupported| match unsupported.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == *unsupported,
        })
}
