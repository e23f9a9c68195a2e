//! A call of a function's URL: a request becomes an event of payload format 2.0, and what the function
//! returns becomes a response (Lambda guide, "Invoking Lambda function URLs").

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode, header};
use serde_json::json;
use service::{Call, Failure, Principal, RequestId};
use web_event::{Asked, Signer, json_response, response_of};

use crate::Lambda;
use crate::instance::Event;
use crate::permissions::ResourcePolicy;
use crate::urls::UrlConfig;

/// Longest body of a request (Lambda quotas).
pub const URL_BODY_BYTES_MAX: usize = 6 << 20;

const FORBIDDEN: &str = "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";

/// Who called a URL, where the call was signed.
pub struct UrlCaller {
    /// Who.
    pub principal: Principal,
    /// By which key.
    pub access_key_id: String,
}

impl Lambda {
    /// Says by the head whether a request is for a function's URL.
    pub fn is_url(&self, parts: &Parts) -> bool {
        url_id(parts).is_some()
    }

    /// Answers a request for a function's URL. Problems are answers.
    pub async fn answer_url(
        &self,
        parts: &Parts,
        body: Bytes,
        caller: Option<UrlCaller>,
        source: Option<IpAddr>,
        request_id: RequestId,
    ) -> Response<Bytes> {
        let id = url_id(parts).unwrap_or_default();
        let config = match self.url_by_id(id).await {
            Ok(Some(config)) => config,
            Ok(None) => return message(StatusCode::FORBIDDEN, FORBIDDEN),
            Err(failure) => return refused(&failure),
        };
        let cors = config.cors.clone().map(shared);
        if let Some(preflight) = cors.as_ref().and_then(|cors| cors.preflight(parts)) {
            return preflight;
        }
        let allowed = match (&caller, config.signed) {
            (Some(caller), true) => self.may_call(&caller.principal, &config).await,
            (None, true) => false,
            (_, false) => match self.policy(&config.target()).await {
                Ok(policy) => policy.is_some_and(|policy| is_open(&policy.value)),
                Err(failure) => return refused(&failure),
            },
        };
        let mut response = if allowed {
            self.invoke_url(&config, parts, body, caller, source, request_id)
                .await
        } else {
            message(StatusCode::FORBIDDEN, FORBIDDEN)
        };
        if let Some(cors) = cors {
            cors.share(parts, response.headers_mut());
        }
        response
    }

    /// Says whether somebody who signed may call a URL: the gate knows policies, and asks nobody else where
    /// there are none.
    async fn may_call(&self, principal: &Principal, config: &UrlConfig) -> bool {
        let Some(gate) = &self.gate else {
            return true;
        };
        let arn = config.target().qualified_arn(&self.site, None);
        let call = Call {
            service: "lambda",
            operation: "InvokeFunctionUrl".into(),
            input: json!({"FunctionName": arn}).to_string().into(),
            payload: Bytes::new(),
            principal: principal.clone(),
            request_id: RequestId::random(),
        };
        gate.call(call).await.is_ok()
    }

    async fn invoke_url(
        &self,
        config: &UrlConfig,
        parts: &Parts,
        body: Bytes,
        caller: Option<UrlCaller>,
        source: Option<IpAddr>,
        request_id: RequestId,
    ) -> Response<Bytes> {
        let host = self.url_host(&config.id);
        let domain = host.split(':').next().unwrap_or_default();
        let signer = caller.filter(|_| config.signed).map(|caller| Signer {
            arn: caller.principal.arn(),
            access_key_id: caller.access_key_id,
        });
        let asked = Asked {
            parts,
            body: &body,
            api_id: &config.id,
            domain,
            account: &self.site.account_id,
            source,
            caller: signer.as_ref(),
            route_key: "$default",
            stage: "$default",
            path: web_event::decoded(parts.uri.path()),
            anonymous: true,
            now: self.clock.now(),
            request_id: request_id.to_string(),
        };
        let target = config.target();
        let event = Event {
            request_id: request_id.to_string(),
            function_arn: Arc::from(target.qualified_arn(&self.site, None)),
            payload: web_event::event(&asked).to_string().into(),
            client_context: None,
            keep_tail: false,
        };
        let version = match self.catalog.resolve(&target).await {
            Ok(Some(version)) => version,
            Ok(None) => return message(StatusCode::FORBIDDEN, FORBIDDEN),
            Err(error) => return refused(&crate::failure::store(&error)),
        };
        match self.invoker.run(&target.name, version, event).await {
            Ok(Some(outcome)) if outcome.failed => bad_gateway(),
            Ok(Some(outcome)) => response_of(&outcome.payload).unwrap_or_else(bad_gateway),
            Ok(None) => message(StatusCode::FORBIDDEN, FORBIDDEN),
            Err(failure) => refused(&failure),
        }
    }
}

/// Returns the id of the URL that a request is for: the beginning of its host.
fn url_id(parts: &Parts) -> Option<&str> {
    let host = parts.uri.host().or_else(|| {
        let host = parts.headers.get(header::HOST)?.to_str().ok()?;
        Some(host.split(':').next().unwrap_or(host))
    })?;
    let (id, rest) = host.split_once('.')?;
    rest.starts_with("lambda-url.").then_some(id)
}

/// Says whether everybody may call a URL that nobody signs for.
fn is_open(policy: &ResourcePolicy) -> bool {
    policy.statements.iter().any(|statement| {
        let action = statement["Action"].as_str().unwrap_or_default();
        let kind = statement.pointer("/Condition/StringEquals/lambda:FunctionUrlAuthType");
        statement["Effect"] == "Allow"
            && (statement["Principal"] == "*" || statement["Principal"]["AWS"] == "*")
            && matches!(action, "lambda:InvokeFunctionUrl" | "lambda:*" | "*")
            && kind.is_none_or(|kind| kind == "NONE")
    })
}

fn message(status: StatusCode, text: &str) -> Response<Bytes> {
    json_response(status, json!({"Message": text}).to_string())
}

fn bad_gateway() -> Response<Bytes> {
    json_response(StatusCode::BAD_GATEWAY, "Internal Server Error".to_owned())
}

fn refused(failure: &Failure) -> Response<Bytes> {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::BAD_GATEWAY);
    message(status, &failure.message)
}

fn shared(cors: aws_model::lambda::Cors) -> web_event::Cors {
    web_event::Cors {
        allow_credentials: cors.allow_credentials,
        allow_headers: cors.allow_headers,
        allow_methods: cors.allow_methods,
        allow_origins: cors.allow_origins,
        expose_headers: cors.expose_headers,
        max_age: cors.max_age,
    }
}
