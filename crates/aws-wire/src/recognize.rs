//! Which operation of which service a request means.

use aws_model::{OperationModel, Protocol, ServiceEntry, catalog, lambda};
use bytes::Bytes;
use http::request::Parts;

use crate::rest::{self, Labels};
use crate::sigv4::Claim;
use crate::{Refusal, query, sigv4};

/// The operation that a request means.
#[derive(Debug)]
pub struct Target {
    /// The service's endpoint prefix.
    pub service: &'static str,
    /// The operation's name in the model; empty where only the body has it.
    pub operation: &'static str,
    /// How the caller speaks and wants to be answered.
    pub protocol: Protocol,
    /// What the model says of it; `None` where only the name is known.
    pub model: Option<&'static OperationModel>,
    labels: Labels,
}

/// A request of which no operation could be told.
#[derive(Debug, PartialEq, Eq)]
pub struct Unrecognized {
    /// The service, where that much is known.
    pub service: Option<&'static str>,
    /// How to answer.
    pub protocol: Protocol,
    /// What to answer.
    pub refusal: Refusal,
}

/// A request as a service reads it.
#[derive(Debug)]
pub struct Decoded {
    /// The operation's name in the model.
    pub operation: &'static str,
    /// A JSON object with the model's member names.
    pub input: Bytes,
    /// The member that is the body, raw.
    pub payload: Bytes,
}

impl Target {
    /// Recognizes a request by its `X-Amz-Target`, else by the service that its signature is for,
    /// else by its path.
    ///
    /// # Errors
    /// With the answer to give when there is no such operation.
    pub fn recognize(parts: &Parts, claim: Option<&Claim<'_>>) -> Result<Self, Box<Unrecognized>> {
        if let Some(target) = header(parts, "x-amz-target") {
            return Self::of_target(target);
        }
        match claim.and_then(|claim| signed_for(claim)) {
            // Two services sign alike and have one host.
            Some(entry)
                if entry.service == "apigateway" && parts.uri.path().starts_with("/v2/") =>
            {
                let second = catalog::service("apigatewayv2").unwrap_or(entry);
                Self::of_path(parts, second)
            }
            // A REST service, or nothing that can be told from outside: the path decides.
            Some(entry) if entry.protocol == Protocol::RestJson => Self::of_path(parts, entry),
            None => match catalog::service("lambda") {
                Some(entry) => Self::of_path(parts, entry),
                None => Err(Box::new(Unrecognized::operation(
                    None,
                    protocol_of(parts, None),
                    "",
                ))),
            },
            // Which operation of it is in the form.
            Some(entry) if entry.protocol == Protocol::Query || is_form_of_old(parts, entry) => {
                Ok(Self {
                    service: entry.service,
                    operation: "",
                    protocol: Protocol::Query,
                    model: None,
                    labels: Vec::new(),
                })
            }
            Some(entry) => Err(Box::new(match entry.protocol {
                Protocol::Json10 | Protocol::Json11 => {
                    Unrecognized::operation(Some(entry), entry.protocol, "")
                }
                Protocol::RestJson | Protocol::Query | Protocol::RestXml => {
                    Unrecognized::not_served(entry)
                }
            })),
        }
    }

    fn of_target(target: &str) -> Result<Self, Box<Unrecognized>> {
        let (prefix, name) = target.rsplit_once('.').unwrap_or((target, ""));
        let Some(entry) = catalog::service_of_target(prefix) else {
            return Err(Box::new(Unrecognized::operation(
                None,
                Protocol::Json11,
                target,
            )));
        };
        let Some(operation) = entry.operation(name) else {
            return Err(Box::new(Unrecognized::operation(
                Some(entry),
                entry.protocol,
                name,
            )));
        };
        Ok(Self {
            service: entry.service,
            operation,
            protocol: entry.protocol,
            model: None,
            labels: Vec::new(),
        })
    }

    fn of_path(parts: &Parts, entry: &'static ServiceEntry) -> Result<Self, Box<Unrecognized>> {
        let found = rest::find(
            entry,
            parts.method.as_str(),
            parts.uri.path(),
            parts.uri.query().unwrap_or_default(),
        );
        let found = found.map(|(operation, labels)| {
            let model = (entry.service == "lambda")
                .then(|| lambda::Operation::from_name(operation).map(lambda::Operation::model));
            Self {
                service: entry.service,
                operation,
                protocol: Protocol::RestJson,
                model: model.flatten(),
                labels,
            }
        });
        found.ok_or_else(|| Box::new(Unrecognized::operation(None, protocol_of(parts, None), "")))
    }

    /// Turns the request into the operation's input.
    ///
    /// # Errors
    /// With the answer to give when the request cannot be one of the operation.
    pub fn decode(&self, parts: &Parts, body: Bytes) -> Result<Decoded, Refusal> {
        match (self.protocol, self.model) {
            (Protocol::Json10 | Protocol::Json11, _) => Ok(Decoded {
                operation: self.operation,
                input: body,
                payload: Bytes::new(),
            }),
            (Protocol::RestJson, Some(model)) => {
                let mut decoded = rest::decode(model, &self.labels, parts, body);
                decoded.operation = self.operation;
                Ok(decoded)
            }
            (Protocol::Query, _) => {
                let (operation, input) = query::read(self.service, parts, &body)?;
                Ok(Decoded {
                    operation,
                    input,
                    payload: Bytes::new(),
                })
            }
            (Protocol::RestJson, None) => {
                let decoded = match (self.service, self.operation) {
                    // The body is a member of its own.
                    ("apigateway", "PutRestApi" | "ImportRestApi") => Decoded {
                        payload: body,
                        ..rest::decode_by_names(&self.labels, parts, Bytes::new())
                    },
                    _ => rest::decode_by_names(&self.labels, parts, body),
                };
                Ok(Decoded {
                    operation: self.operation,
                    ..decoded
                })
            }
            (Protocol::RestXml, _) => Err(Refusal {
                code: "NotImplemented".into(),
                message: format!("{}:{} is not served here yet", self.service, self.operation),
                status: 501,
            }),
        }
    }
}

impl Unrecognized {
    fn not_served(entry: &'static ServiceEntry) -> Self {
        let refusal = Refusal {
            code: "NotImplemented".into(),
            message: format!("{} is not served here over HTTP yet", entry.service),
            status: 501,
        };
        Self {
            service: Some(entry.service),
            protocol: entry.protocol,
            refusal,
        }
    }

    fn operation(entry: Option<&'static ServiceEntry>, protocol: Protocol, name: &str) -> Self {
        let message = match (entry, name) {
            (_, "") => "The request names no operation".to_owned(),
            (Some(entry), name) => format!("Operation {name} of {} does not exist", entry.service),
            (None, name) => format!("The target {name} names no service"),
        };
        // AWS answers 404 where not even the service is known, 400 where only the operation is not.
        let status = if entry.is_some() { 400 } else { 404 };
        let refusal = Refusal {
            code: "UnknownOperationException".into(),
            message,
            status,
        };
        Self {
            service: entry.map(|entry| entry.service),
            protocol,
            refusal,
        }
    }
}

/// Returns how to answer a request that is refused before its operation is known.
pub fn protocol_of(parts: &Parts, claim: Option<&Claim<'_>>) -> Protocol {
    let target = header(parts, "x-amz-target").and_then(|target| target.rsplit_once('.'));
    if let Some(entry) = target.and_then(|(prefix, _)| catalog::service_of_target(prefix)) {
        return entry.protocol;
    }
    if let Some(entry) = claim.and_then(signed_for) {
        return match is_form_of_old(parts, entry) {
            true => Protocol::Query,
            false => entry.protocol,
        };
    }
    match header(parts, "content-type") {
        Some(kind) if kind.starts_with("application/x-amz-json-1.0") => Protocol::Json10,
        Some(kind) if kind.starts_with("application/x-amz-json-1.1") => Protocol::Json11,
        Some(kind) if kind.starts_with("application/x-www-form-urlencoded") => Protocol::Query,
        Some(_) | None => Protocol::RestJson,
    }
}

/// Says whether a request is one of a client that speaks to SQS as all did before there was JSON.
fn is_form_of_old(parts: &Parts, entry: &ServiceEntry) -> bool {
    let is_form = |kind: &str| kind.starts_with("application/x-www-form-urlencoded");
    let query = parts.uri.query().unwrap_or_default();
    entry.service == "sqs"
        && (header(parts, "content-type").is_some_and(is_form)
            || query.split('&').any(|pair| pair.starts_with("Action=")))
}

fn signed_for(claim: &Claim<'_>) -> Option<&'static ServiceEntry> {
    aws_model::catalog::SERVICES
        .iter()
        .find(|entry| entry.signing_name == claim.scope.service)
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    sigv4::header(&parts.headers, name)
}
