//! A request for an API: which stage and route it means, whether it may be made, and what it comes to.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, Response, StatusCode, header};
use serde_json::{Value, json};
use service::{Call, Failure, Principal, RequestId};
use vocab::Timestamp;
use web_event::Signer;

use crate::integration::{Backend, Format, Target};
use crate::plan::{Access, Endpoint, Plan};
use crate::response::{Trouble, forbidden, mapped, message, missing_token, proxied, returned};
use crate::{ApiGateway, event};

/// Longest body of a request (API Gateway quotas).
pub const BODY_BYTES_MAX: usize = 10 << 20;

/// How long a function that authorizes may take.
pub(crate) const REST_WAIT: Duration = Duration::from_secs(29);

/// The users whose own credentials a call goes on with.
const OF_THE_CALLER: &str = "arn:aws:iam::*:user/*";

/// Who signed a request.
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// By which key.
    pub access_key_id: String,
}

/// A request with what is known of it.
pub struct Asked {
    /// Its head.
    pub parts: Parts,
    /// Its body.
    pub body: Bytes,
    /// Who signed it, where somebody did.
    pub caller: Option<Caller>,
    /// Where it comes from.
    pub source: Option<IpAddr>,
    /// Its id.
    pub request_id: RequestId,
}

/// A request that a route takes.
pub(crate) struct Request<'a> {
    pub plan: &'a Plan,
    pub endpoint: Arc<Endpoint>,
    pub parameters: Vec<(String, String)>,
    pub parts: &'a Parts,
    /// Behind the stage.
    pub path: &'a str,
    pub body: &'a Bytes,
    pub caller: Option<&'a Caller>,
    /// Who signed, where that counts.
    pub signer: Option<Signer>,
    pub authorizer: Value,
    pub source: Option<IpAddr>,
    pub domain: &'a str,
    pub account: &'a str,
    pub region: &'a str,
    pub now: Timestamp,
    pub request_id: String,
}

/// What a function came to.
pub(crate) struct Outcome {
    pub failed: bool,
    pub payload: Bytes,
}

impl ApiGateway {
    /// Says by the head whether a request is for an API.
    pub fn is_host(&self, parts: &Parts) -> bool {
        host(parts).is_some()
    }

    /// Answers a request for an API. Problems are answers.
    pub async fn answer(&self, asked: Asked) -> Response<Bytes> {
        let parts = &asked.parts;
        let Some((id, domain)) = host(parts) else {
            return message(StatusCode::NOT_FOUND, "Not Found", "NotFoundException");
        };
        let (plan, path) = match self.plan(id, parts.uri.path()).await {
            Ok(Some(found)) => found,
            Ok(None) => return forbidden(),
            Err(failure) => {
                tracing::debug!(%failure, "an API cannot answer");
                return message(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "Internal server error",
                    "InternalServerErrorException",
                );
            }
        };
        if plan.disabled {
            return forbidden();
        }
        if let Some(mut preflight) = plan.cors.as_ref().and_then(|cors| cors.preflight(parts)) {
            *preflight.status_mut() = StatusCode::NO_CONTENT;
            return preflight;
        }
        let mut response = self.routed(&plan, path, &asked, domain).await;
        if let Some(cors) = &plan.cors {
            let headers = response.headers_mut();
            let own: Vec<HeaderName> = headers.keys().cloned().collect();
            // What the API says of other origins counts, not what a function says.
            for name in own
                .iter()
                .filter(|name| name.as_str().starts_with("access-control-"))
            {
                headers.remove(name);
            }
            cors.share(parts, headers);
        }
        response
    }

    async fn routed(
        &self,
        plan: &Plan,
        path: &str,
        asked: &Asked,
        domain: &str,
    ) -> Response<Bytes> {
        let Some(found) = plan.find(asked.parts.method.as_str(), path) else {
            return match plan.http {
                true => message(StatusCode::NOT_FOUND, "Not Found", ""),
                false => missing_token(),
            };
        };
        let mut request = Request {
            plan,
            endpoint: found.endpoint,
            parameters: found.parameters,
            parts: &asked.parts,
            path,
            body: &asked.body,
            caller: asked.caller.as_ref(),
            signer: None,
            authorizer: Value::Null,
            source: asked.source,
            domain,
            account: &self.site.account_id,
            region: &self.site.region,
            now: self.clock.now(),
            request_id: asked.request_id.to_string(),
        };
        let answered = match self.admit(&mut request).await {
            Ok(()) => self.carry_out(&request).await,
            Err(trouble) => Err(trouble),
        };
        answered.unwrap_or_else(|trouble| trouble.answer(plan.http))
    }

    /// Says whether a request may be made, and notes who makes it.
    async fn admit(&self, request: &mut Request<'_>) -> Result<(), Trouble> {
        let endpoint = Arc::clone(&request.endpoint);
        match &endpoint.access {
            Access::Everybody => Ok(()),
            Access::Signed => {
                let Some(caller) = request.caller else {
                    return Err(Trouble::Refused(String::new()));
                };
                let input = json!({"resource": request.method_arn()});
                let call = Call {
                    service: "execute-api",
                    operation: "Invoke".into(),
                    input: input.to_string().into(),
                    payload: Bytes::new(),
                    principal: caller.principal.clone(),
                    request_id: RequestId::random(),
                };
                let allowed = self.gate.call(call).await;
                allowed.map_err(|failure| Trouble::Refused(failure.message))?;
                request.signer = Some(Signer {
                    arn: caller.principal.arn(),
                    access_key_id: caller.access_key_id.clone(),
                });
                Ok(())
            }
            Access::Function(authorizer) => {
                request.authorizer = authorizer.ask(self, request).await?;
                Ok(())
            }
        }
    }

    async fn carry_out(&self, request: &Request<'_>) -> Result<Response<Bytes>, Trouble> {
        let integration = &request.endpoint.integration;
        let timeout = integration.timeout;
        let principal = || {
            let source = self.execute_arn(&request.plan.api_id, &request.source_resource());
            request.principal(integration.credentials.as_deref(), source)
        };
        match &integration.target {
            Target::Proxy { arn, format } => {
                let event = match format {
                    Format::Rest => event::event(request, false),
                    Format::One => event::event(request, true),
                    Format::Two => request.second(),
                };
                let arn = request.with_variables(arn);
                let outcome = self
                    .invoke(&arn, event, principal(), false, timeout)
                    .await?;
                if outcome.failed {
                    return Err(Trouble::Malformed);
                }
                match format {
                    Format::Two => web_event::response_of(&outcome.payload),
                    Format::Rest | Format::One => proxied(request, &outcome.payload),
                }
                .ok_or(Trouble::Malformed)
            }
            Target::Mapped { backend, mapping } => {
                let input = mapped(request, mapping)?;
                let (sign, body) = match backend {
                    Backend::Function { arn, is_event } => {
                        let event: Value =
                            serde_json::from_str(&input).map_err(|_| Trouble::Failed)?;
                        let arn = request.with_variables(arn);
                        let called = self.invoke(&arn, event, principal(), *is_event, timeout);
                        let outcome = called.await?;
                        let text = String::from_utf8_lossy(&outcome.payload).into_owned();
                        let sign = match outcome.failed {
                            true => serde_json::from_str::<Value>(&text).unwrap_or_default()["errorMessage"]
                                .as_str()
                                .unwrap_or_default()
                                .to_owned(),
                            false => String::new(),
                        };
                        (sign, text)
                    }
                    Backend::Action { service, operation } => {
                        let called = self.act(service, operation, input, principal());
                        let called = tokio::time::timeout(timeout, called).await;
                        called.map_err(|_| Trouble::TimedOut)?
                    }
                };
                let response = mapping.response(&sign).ok_or(Trouble::Failed)?;
                returned(request, response, &body)
            }
            Target::Mock(mapping) => {
                let input = mapped(request, mapping)?;
                let said: Value = serde_json::from_str(&input).unwrap_or_default();
                let status = crate::rest_import::text_of(&said["statusCode"]);
                let response = mapping.response(&status).ok_or(Trouble::Failed)?;
                returned(request, response, "")
            }
        }
    }

    /// Calls an action of a service, and returns the status and the body of its answer.
    async fn act(
        &self,
        service: &'static str,
        operation: &str,
        input: String,
        principal: Principal,
    ) -> (String, String) {
        if serde_json::from_str::<serde::de::IgnoredAny>(&input).is_err() {
            let body = json!({"__type": "com.amazon.coral.service#SerializationException"});
            return ("400".to_owned(), body.to_string());
        }
        let call = Call {
            service,
            operation: operation.to_owned().into(),
            input: input.into(),
            payload: Bytes::new(),
            principal,
            request_id: RequestId::random(),
        };
        match self.gate.call(call).await {
            Ok(reply) => (
                "200".to_owned(),
                String::from_utf8_lossy(&reply.output).into_owned(),
            ),
            Err(Failure {
                code,
                message,
                status,
                ..
            }) => {
                let body = json!({"__type": code, "message": message});
                (status.to_string(), body.to_string())
            }
        }
    }

    /// Calls a function.
    pub(crate) async fn invoke(
        &self,
        arn: &str,
        event: Value,
        principal: Principal,
        is_event: bool,
        timeout: Duration,
    ) -> Result<Outcome, Trouble> {
        let kind = if is_event { "Event" } else { "RequestResponse" };
        let call = Call {
            service: "lambda",
            operation: "Invoke".into(),
            input: json!({"FunctionName": arn, "InvocationType": kind})
                .to_string()
                .into(),
            payload: event.to_string().into(),
            principal,
            request_id: RequestId::random(),
        };
        let called = tokio::time::timeout(timeout, self.gate.call(call)).await;
        let reply = called.map_err(|_| Trouble::TimedOut)?.map_err(|failure| {
            tracing::debug!(%failure, arn, "a function cannot be called by an API");
            Trouble::Failed
        })?;
        let output: Value = serde_json::from_slice(&reply.output).unwrap_or_default();
        Ok(Outcome {
            failed: output.get("FunctionError").is_some(),
            payload: reply.payload,
        })
    }

    /// Returns `arn:aws:execute-api:…:API/WHAT`.
    pub(crate) fn execute_arn(&self, api: &str, what: &str) -> String {
        let (region, account) = (&self.site.region, &self.site.account_id);
        format!("arn:aws:execute-api:{region}:{account}:{api}/{what}")
    }

    /// Returns what answers for a path of an API, and the path behind the stage.
    async fn plan<'a>(
        &self,
        id: &str,
        path: &'a str,
    ) -> Result<Option<(Arc<Plan>, &'a str)>, Failure> {
        let inner = path.strip_prefix('/').unwrap_or(path);
        let (first, rest) = match inner.find('/') {
            Some(end) => inner.split_at(end),
            None => (inner, "/"),
        };
        for (stage, rest) in [(first, rest), ("$default", path)] {
            if stage.is_empty() {
                continue;
            }
            let key = (id.to_owned(), stage.to_owned());
            let known = self.plans.read().get(&key).cloned();
            if let Some(plan) = known {
                return Ok(Some((plan, rest)));
            }
            if let Some(plan) = self.made(key).await? {
                return Ok(Some((plan, rest)));
            }
        }
        Ok(None)
    }

    async fn made(&self, key: (String, String)) -> Result<Option<Arc<Plan>>, Failure> {
        // Nobody changes the API while a plan is made of it and kept.
        let _changing = self.changing.lock().await;
        let (id, stage) = (key.0.as_str(), key.1.as_str());
        let Some(row) = self.find(id).await? else {
            return Ok(None);
        };
        let Some(settings) = row.stages.get(stage) else {
            return Ok(None);
        };
        let live = row.http && settings["autoDeploy"] == true;
        let deployment = settings["deploymentId"].as_str().unwrap_or_default();
        let served = match live {
            true => Some(row.snapshot()),
            false => self.deployed(id, deployment).await?,
        };
        let Some(mut served) = served else {
            return Ok(None);
        };
        let disabled = row.shown.get("disableExecuteApiEndpoint").cloned();
        served.shown.insert(
            "disableExecuteApiEndpoint".to_owned(),
            disabled.unwrap_or_default(),
        );
        let plan = match row.http {
            true => Plan::of_http(&served, stage, settings),
            false => Plan::of_rest(&served, stage, settings),
        };
        let plan = Arc::new(plan.map_err(|what| crate::failure::not_built(&what))?);
        self.plans.write().insert(key, Arc::clone(&plan));
        Ok(Some(plan))
    }
}

impl Request<'_> {
    /// Returns the ARN of what is called, as policies name it.
    pub fn method_arn(&self) -> String {
        let (method, stage) = (&self.parts.method, &self.plan.stage);
        let path = web_event::decoded(self.path);
        let (region, account, api) = (self.region, self.account, &self.plan.api_id);
        format!("arn:aws:execute-api:{region}:{account}:{api}/{stage}/{method}{path}")
    }

    /// Returns for what a function is called: stage, method and the path of the route.
    fn source_resource(&self) -> String {
        let (stage, path) = (&self.plan.stage, &self.endpoint.path);
        match path.as_str() {
            "$default" => format!("{stage}/$default"),
            path => format!("{stage}/{}{path}", self.parts.method),
        }
    }

    /// Returns as whom the API calls on.
    pub fn principal(&self, credentials: Option<&str>, source: String) -> Principal {
        match (credentials, self.caller) {
            (Some(OF_THE_CALLER), Some(caller)) => caller.principal.clone(),
            (Some(role), _) if role != OF_THE_CALLER => Principal::Role {
                role_arn: role.into(),
                session_name: "BackplaneAssumeRoleSession".into(),
            },
            _ => Principal::Service {
                name: "apigateway.amazonaws.com".into(),
                source_arn: Some(source.into()),
            },
        }
    }

    /// Puts stage variables in the place of what names them: `${stageVariables.alias}`.
    pub fn with_variables(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (name, value) in self.plan.variables.as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            out = out.replace(&format!("${{stageVariables.{name}}}"), value);
        }
        out
    }

    /// Returns the event in payload format 2.0.
    pub fn second(&self) -> Value {
        let asked = web_event::Asked {
            parts: self.parts,
            body: self.body,
            api_id: &self.plan.api_id,
            domain: self.domain,
            account: self.account,
            source: self.source,
            caller: self.signer.as_ref(),
            now: self.now,
            request_id: self.request_id.clone(),
            route_key: &self.endpoint.route_key,
            stage: &self.plan.stage,
            path: web_event::decoded(self.parts.uri.path()),
            anonymous: false,
        };
        let mut event = web_event::event(&asked);
        let parameters = event::or_null(event::path_parameters(self));
        for (name, value) in [
            ("pathParameters", parameters),
            (
                "stageVariables",
                event::or_null(self.plan.variables.clone()),
            ),
        ] {
            if !value.is_null() {
                event[name] = value;
            }
        }
        if !self.authorizer.is_null() {
            event["requestContext"]["authorizer"] = self.authorizer.clone();
        }
        event
    }
}

/// Returns the id of the API that a request is for, and the host without its port.
fn host(parts: &Parts) -> Option<(&str, &str)> {
    let host = parts.uri.host().or_else(|| {
        let host = parts.headers.get(header::HOST)?.to_str().ok()?;
        Some(host.split(':').next().unwrap_or(host))
    })?;
    let (id, rest) = host.split_once('.')?;
    rest.starts_with("execute-api.").then_some((id, host))
}
