//! Functions that say who may call (API Gateway guide, "Use API Gateway Lambda authorizers").
//!
//! Deliberately absent: the cache of what they said. Each request asks again, which is what a time to live of
//! nothing means on AWS.

use iam_policy::{Caller, Context, Kind, Policy, Request as PolicyRequest, Resource, Verdict};
use regex::Regex;
use serde_json::{Map, Value, json};

use crate::ApiGateway;
use crate::answer::Request;
use crate::event;
use crate::integration::function_of;
use crate::response::Trouble;
use crate::rest_import::text_of;

/// A function that says who may call.
#[derive(Debug)]
pub(crate) struct Authorizer {
    id: String,
    function: String,
    credentials: Option<String>,
    kind: Kinds,
    sources: Vec<Source>,
}

#[derive(Debug)]
enum Kinds {
    Token(Option<Regex>),
    Request,
    /// Of HTTP APIs: whether it has the second format, and whether it answers simply.
    Http {
        second: bool,
        simple: bool,
    },
}

/// Where an identity is in a request.
#[derive(Debug)]
enum Source {
    Header(String),
    Query(String),
    StageVariable(String),
    Context(String),
}

impl Source {
    fn read(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_start_matches('$');
        let text = text.strip_prefix("method.").unwrap_or(text);
        type Make = fn(String) -> Source;
        let known: [(&str, Make); 4] = [
            ("request.header.", Self::Header),
            ("request.querystring.", Self::Query),
            ("stageVariables.", Self::StageVariable),
            ("context.", Self::Context),
        ];
        let found = known
            .iter()
            .find_map(|(prefix, make)| Some(make(text.strip_prefix(prefix)?.to_owned())));
        found.ok_or_else(|| format!("the identity source '{text}'"))
    }

    fn value(&self, request: &Request<'_>) -> Option<String> {
        let found = match self {
            Self::Header(name) => {
                let value = request.parts.headers.get(name.to_ascii_lowercase())?;
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            }
            Self::Query(name) => {
                let mut pairs = web_event::pairs(request.parts.uri.query().unwrap_or_default());
                pairs.find(|(key, _)| key == name)?.1
            }
            Self::StageVariable(name) => request.plan.variables.get(name)?.as_str()?.to_owned(),
            Self::Context(name) => {
                let context = event::context(request);
                let pointer = format!("/{}", name.replace('.', "/"));
                text_of(context.pointer(&pointer).filter(|value| !value.is_null())?)
            }
        };
        Some(found).filter(|found| !found.is_empty())
    }
}

impl Authorizer {
    /// Reads an authorizer. The error names what is not supported.
    pub fn read(shown: &Value, http: bool) -> Result<Self, String> {
        let kind = text_of(&shown[if http { "authorizerType" } else { "type" }]);
        let uri = text_of(&shown["authorizerUri"]);
        let list: Vec<String> = match &shown["identitySource"] {
            Value::Array(items) => items.iter().map(text_of).collect(),
            Value::String(text) => text.split(',').map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let sources = list.iter().filter(|text| !text.trim().is_empty());
        let kind = match (kind.as_str(), http) {
            ("TOKEN", false) => {
                let expression = shown["identityValidationExpression"].as_str();
                let expression = expression.map(|text| {
                    Regex::new(&format!("^(?:{text})$"))
                        .map_err(|_| format!("the identity validation expression '{text}'"))
                });
                Kinds::Token(expression.transpose()?)
            }
            ("REQUEST", false) => Kinds::Request,
            ("REQUEST", true) => Kinds::Http {
                second: shown["authorizerPayloadFormatVersion"] != "1.0",
                simple: shown["enableSimpleResponses"] == true,
            },
            (other, _) => return Err(format!("the authorizer type {other}")),
        };
        Ok(Self {
            id: text_of(&shown[if http { "authorizerId" } else { "id" }]),
            function: function_of(&uri).ok_or_else(|| format!("the authorizer '{uri}'"))?,
            credentials: shown
                .get("authorizerCredentials")
                .or(shown.get("authorizerCredentialsArn"))
                .and_then(Value::as_str)
                .map(str::to_owned),
            kind,
            sources: sources
                .map(|text| Source::read(text))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Asks whether a request may be made, and returns what it is to know of who makes it.
    pub async fn ask(&self, core: &ApiGateway, request: &Request<'_>) -> Result<Value, Trouble> {
        let identity: Option<Vec<String>> = self
            .sources
            .iter()
            .map(|source| source.value(request))
            .collect();
        let Some(identity) = identity else {
            return Err(Trouble::Unauthorized);
        };
        let arn = request.method_arn();
        let event = match &self.kind {
            Kinds::Token(expression) => {
                let token = identity.first().cloned().unwrap_or_default();
                if expression
                    .as_ref()
                    .is_some_and(|expression| !expression.is_match(&token))
                {
                    return Err(Trouble::Unauthorized);
                }
                json!({"type": "TOKEN", "authorizationToken": token, "methodArn": arn})
            }
            Kinds::Request => described(event::event(request, false), "methodArn", &arn),
            Kinds::Http { second: false, .. } => {
                let mut event = described(event::event(request, true), "methodArn", &arn);
                event["identitySource"] = identity.join(",").into();
                event["authorizationToken"] = identity.join(",").into();
                event
            }
            Kinds::Http { second: true, .. } => {
                let mut event = described(request.second(), "routeArn", &arn);
                event["identitySource"] = identity.into();
                event
            }
        };
        let source = core.execute_arn(&request.plan.api_id, &format!("authorizers/{}", self.id));
        let principal = request.principal(self.credentials.as_deref(), source);
        let function = request.with_variables(&self.function);
        let answer = core
            .invoke(&function, event, principal, false, crate::answer::REST_WAIT)
            .await;
        let answer = answer.map_err(|_| Trouble::Authorizer)?;
        if answer.failed {
            let message: Value = serde_json::from_slice(&answer.payload).unwrap_or_default();
            return Err(match message["errorMessage"] == "Unauthorized" {
                true => Trouble::Unauthorized,
                false => Trouble::Authorizer,
            });
        }
        let answer: Value =
            serde_json::from_slice(&answer.payload).map_err(|_| Trouble::Authorizer)?;
        self.judge(&answer, &arn)
    }

    fn judge(&self, answer: &Value, arn: &str) -> Result<Value, Trouble> {
        let mut known = answer["context"].as_object().cloned().unwrap_or_default();
        if let Kinds::Http { simple: true, .. } = self.kind {
            return match answer["isAuthorized"].as_bool() {
                Some(true) => Ok(wrapped(known, true)),
                Some(false) => Err(Trouble::Denied { explicit: true }),
                None => Err(Trouble::Authorizer),
            };
        }
        let policy = Policy::parse(&answer["policyDocument"].to_string(), Kind::Identity);
        let policy = policy.map_err(|_| Trouble::Authorizer)?;
        let Some(principal) = answer["principalId"].as_str() else {
            return Err(Trouble::Authorizer);
        };
        let caller = Caller::Root {
            account: String::new(),
        };
        let facts = Context::default();
        let verdict = policy.verdict(&PolicyRequest {
            caller: &caller,
            action: "execute-api:Invoke",
            resource: Resource::Named(arn),
            facts: &facts,
        });
        match verdict {
            Verdict::Allows => {}
            Verdict::Denies => return Err(Trouble::Denied { explicit: true }),
            Verdict::Silent => return Err(Trouble::Denied { explicit: false }),
        }
        let second = matches!(self.kind, Kinds::Http { second: true, .. });
        if second {
            return Ok(wrapped(known, true));
        }
        // Functions of REST APIs see all of it as text.
        for value in known.values_mut() {
            *value = text_of(value).into();
        }
        known.insert("principalId".to_owned(), principal.into());
        Ok(wrapped(known, false))
    }
}

fn wrapped(known: Map<String, Value>, second: bool) -> Value {
    match second {
        true => json!({ "lambda": known }),
        false => known.into(),
    }
}

fn described(mut event: Value, name: &str, arn: &str) -> Value {
    if let Value::Object(event) = &mut event {
        event.remove("body");
        event.remove("isBase64Encoded");
    }
    event["type"] = "REQUEST".into();
    event[name] = arn.into();
    event
}
