//! Traces by OTLP over HTTP, in JSON, to the collector that the standard variables name.
//!
//! `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or `OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/traces` behind it,
//! switches it on; `OTEL_SDK_DISABLED=true` or `OTEL_TRACES_EXPORTER=none` off. `…_HEADERS`, `…_TIMEOUT`
//! and `OTEL_SERVICE_NAME` are read, too.

use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use aws_wire::sigv4::percent_decoded;
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use service::{Span, SpanSink};

/// How long a collector may take (OTLP exporter configuration).
const TIMEOUT: Duration = Duration::from_secs(10);

/// A collector.
pub struct Otlp {
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    service_name: String,
    agent: ureq::Agent,
}

impl Otlp {
    /// Returns the collector that the environment names, if it names one.
    pub fn from_environment() -> Option<Self> {
        Self::of(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value == "true")
            || variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        if disabled {
            return None;
        }
        let of_traces = |name: &str| {
            variable(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"))
                .or_else(|| variable(&format!("OTEL_EXPORTER_OTLP_{name}")))
        };
        let url = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| {
            let base = variable("OTEL_EXPORTER_OTLP_ENDPOINT")?;
            Some(format!("{}/v1/traces", base.trim_end_matches('/')))
        })?;
        let headers = of_traces("HEADERS").unwrap_or_default();
        let headers = headers.split(',').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let value = percent_decoded(value.trim());
            let pair = HeaderName::from_str(name.trim())
                .ok()
                .zip(HeaderValue::from_bytes(&value).ok());
            if pair.is_none() {
                // Not the value: it may be a secret.
                tracing::warn!(
                    name,
                    "a header for the collector of traces is none, and is left out"
                );
            }
            pair
        });
        let millis = of_traces("TIMEOUT").and_then(|text| text.parse().ok());
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(millis.map_or(TIMEOUT, Duration::from_millis)))
            .http_status_as_error(false)
            .build();
        Some(Self {
            url,
            headers: headers.collect(),
            service_name: variable("OTEL_SERVICE_NAME").unwrap_or_else(|| "stepd".to_owned()),
            agent: config.into(),
        })
    }

    fn body(&self, spans: &[Span]) -> Value {
        let spans: Vec<Value> = spans.iter().map(shown).collect();
        json!({ "resourceSpans": [{
            "resource": { "attributes": [text("service.name", &self.service_name)] },
            "scopeSpans": [{ "scope": { "name": "stepd" }, "spans": spans }],
        }] })
    }
}

#[async_trait]
impl SpanSink for Otlp {
    async fn export(&self, spans: &[Span]) -> Result<(), String> {
        let body = self.body(spans).to_string();
        let mut request = self.agent.post(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.header("content-type", "application/json");
        // The client blocks; so it gets a thread for as long as it takes.
        let sent = tokio::task::spawn_blocking(move || request.send(body)).await;
        let answered = match sent {
            Ok(Ok(answered)) => answered,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(error) => return Err(error.to_string()),
        };
        let status = answered.status().as_u16();
        match status {
            200..=299 => Ok(()),
            // What a collector refuses for good is not sent again and again: it would keep back all that is
            // behind it (OTLP/HTTP, "Retryable Response Codes").
            429 | 502..=504 => Err(format!("the collector answered {status}")),
            _ => {
                tracing::warn!(status, "the collector refused traces");
                Ok(())
            }
        }
    }
}

fn shown(span: &Span) -> Value {
    let nanos = |at: vocab::Timestamp| format!("{}000000", at.as_millis());
    let attributes: Vec<Value> = span
        .attributes
        .iter()
        .map(|(name, value)| text(name, value))
        .collect();
    let mut shown = json!({
        "traceId": hex::encode(span.trace_id),
        "spanId": hex::encode(span.span_id),
        "name": span.name,
        "kind": 1,
        "startTimeUnixNano": nanos(span.started_at),
        "endTimeUnixNano": nanos(span.ended_at),
        "attributes": attributes,
    });
    if let Some(parent) = span.parent_span_id {
        shown["parentSpanId"] = hex::encode(parent).into();
    }
    if let Some(error) = &span.error {
        shown["status"] = json!({ "code": 2, "message": error });
    }
    shown
}

fn text(name: &str, value: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
}

#[cfg(test)]
mod tests {
    use super::Otlp;

    #[test]
    fn the_environment_names_the_collector() {
        type Variables = &'static [(&'static str, &'static str)];
        let cases: [(Variables, Option<&str>); 5] = [
            (&[], None),
            (
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/")],
                Some("http://c:4318/v1/traces"),
            ),
            (
                &[
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
                    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/x"),
                ],
                Some("http://t/x"),
            ),
            (
                &[
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
                    ("OTEL_SDK_DISABLED", "true"),
                ],
                None,
            ),
            (
                &[
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
                    ("OTEL_TRACES_EXPORTER", "none"),
                ],
                None,
            ),
        ];
        for (variables, expected) in cases {
            let found = Otlp::of(|name| {
                let mut pairs = variables.iter();
                pairs
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(
                found.map(|otlp| otlp.url).as_deref(),
                expected,
                "{variables:?}"
            );
        }
    }

    #[test]
    fn headers_are_decoded_where_they_can_be_sent() {
        let found = Otlp::of(|name| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://c".to_owned()),
            "OTEL_EXPORTER_OTLP_HEADERS" => {
                Some("authorization=Bearer%20x, a b=c, d=%0A, a=b".to_owned())
            }
            _ => None,
        });
        let headers = found.expect("a collector").headers;
        let headers: Vec<(&str, &[u8])> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        // What cannot be a header is left out: it would make every request fail.
        let expected: [(&str, &[u8]); 2] = [("authorization", b"Bearer x"), ("a", b"b")];
        assert_eq!(headers, expected);
    }
}
