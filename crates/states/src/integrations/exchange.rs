//! What the SDK of Step Functions shows of an HTTP exchange and of a refusal, as recorded.
//!
//! Optimized integrations use the first SDK for Java: results carry `SdkHttpMetadata`, errors say
//! `Error Code: …; Proxy: null`. `aws-sdk` integrations use the second.

use serde_json::{Map, Value, json};
use service::{Failure, RequestId};

use super::Answer;

/// What is known of an exchange with a service, for the headers that the SDK shows.
pub(super) struct Exchange {
    /// `application/x-amz-json-1.0`.
    pub(super) content_type: &'static str,
    /// How many bytes AWS would send.
    pub(super) content_length: usize,
    /// The request's.
    pub(super) request_id: RequestId,
    /// Its front end says that it is a `Server`.
    pub(super) server: bool,
}

impl Exchange {
    /// Adds what the SDK knows of the exchange to the members of a reply; members are shown in the
    /// order of the alphabet.
    pub(super) fn add_to(&self, shown: &mut Map<String, Value>) {
        let id = self.request_id.to_string();
        let length = self.content_length.to_string();
        let (connection, server) = if self.server {
            ("Connection", Some(("Server", "Server".to_owned())))
        } else {
            ("connection", None)
        };
        let rest = [
            ("x-amzn-RequestId", id.clone()),
            (connection, "keep-alive".to_owned()),
            ("Content-Length", length),
            ("Content-Type", self.content_type.to_owned()),
        ];
        let mut headers: Vec<(&str, String)> = server.into_iter().chain(rest).collect();
        let all: Map<String, Value> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!([value])))
            .collect();
        headers.sort_by_key(|(name, _)| name.to_ascii_lowercase());
        let single: Map<String, Value> = headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        shown.insert(
            "SdkHttpMetadata".into(),
            json!({ "AllHttpHeaders": all, "HttpHeaders": single, "HttpStatusCode": 200 }),
        );
        shown.insert("SdkResponseMetadata".into(), json!({ "RequestId": id }));
        shown.sort_keys();
    }
}

/// How the first SDK names a service and its errors.
pub(super) struct FirstSdk {
    /// Before the dot of an error: `DynamoDB`.
    pub(super) prefix: &'static str,
    /// In a cause: `AmazonDynamoDBv2`.
    pub(super) service: &'static str,
    /// The exception of what the model does not name: `AmazonDynamoDBException`.
    pub(super) general: &'static str,
}

impl FirstSdk {
    /// Returns the failure of a call that the service refused; `modelled` says which codes have an
    /// exception of their own.
    pub(super) fn refused(
        &self,
        failure: &Failure,
        request_id: RequestId,
        modelled: impl Fn(&str) -> bool,
    ) -> Answer {
        if let Some(answer) = not_served(failure) {
            return answer;
        }
        let Failure {
            code,
            message,
            status,
            ..
        } = failure;
        let exception = match &**code {
            code if modelled(code) => exception(code),
            _ => self.general.to_owned(),
        };
        let cause = format!(
            "{message} (Service: {}; Status Code: {status}; Error Code: {code}; Request ID: {request_id}; Proxy: null)",
            self.service
        );
        Answer::failed(format!("{}.{exception}", self.prefix), cause)
    }
}

/// Returns the name of a code's exception: all end alike.
pub(super) fn exception(code: &str) -> String {
    if code.ends_with("Exception") {
        code.to_owned()
    } else {
        format!("{code}Exception")
    }
}

/// Returns the failure of a call to a service that is not served here.
pub(super) fn not_served(failure: &Failure) -> Option<Answer> {
    (failure.code == "NotImplemented").then(|| {
        Answer::failed(
            "States.Runtime",
            format!("stepd does not serve this call: {}.", failure.message),
        )
    })
}
