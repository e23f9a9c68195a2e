//! The Parameter Store of Systems Manager: parameters, their versions and labels.
//!
//! A parameter is one row with up to a hundred versions; a value that is a `SecureString` is sealed in it.
//! Deliberately absent: everything else of Systems Manager, policies of parameters, and values that other
//! services check (`aws:ec2:image`).

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod history;
mod names;
mod parameters;
mod read;

use std::sync::Arc;

use async_trait::async_trait;
use seal::Seal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Call, Clock, Failure, Members, Reply, Service, Site};
use store::{Documents, Space, Store, StoreError};
use vocab::Timestamp;

use crate::names::Wanted;

/// The service `ssm`.
pub struct Ssm {
    core: Core,
}

/// What the operations share.
pub(crate) struct Core {
    pub documents: Documents,
    pub clock: Arc<dyn Clock>,
    pub site: Site,
    pub seal: Seal,
    /// Held by who changes a parameter.
    pub changing: tokio::sync::Mutex<()>,
}

/// The row of a parameter: `p/NAME`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub name: String,
    pub tags: std::collections::BTreeMap<String, String>,
    /// The oldest first.
    pub versions: Vec<Version>,
}

/// One version of a parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Version {
    pub number: i64,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// Sealed where the kind says so.
    pub value: String,
    pub description: Option<String>,
    pub allowed_pattern: Option<String>,
    pub key_id: Option<String>,
    pub tier: String,
    pub data_type: String,
    pub labels: Vec<String>,
    pub modified_at: Timestamp,
    pub modified_by: String,
}

impl Ssm {
    /// Returns the service over `store`; secrets are sealed under `master`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, site: Site, master: &[u8]) -> Self {
        Self {
            core: Core {
                documents: Documents::new(store, Space::Parameters),
                clock,
                site,
                seal: Seal::new(master, "ssm parameters"),
                changing: tokio::sync::Mutex::default(),
            },
        }
    }
}

impl Core {
    pub(crate) fn arn(&self, name: &str) -> String {
        let slash = if name.starts_with('/') { "" } else { "/" };
        let Site { region, account_id } = &self.site;
        format!("arn:aws:ssm:{region}:{account_id}:parameter{slash}{name}")
    }

    pub(crate) async fn find(&self, name: &str) -> Result<Option<Parameter>, Failure> {
        let found = self.documents.get(&key(name)).await;
        found.map_err(|error| store_failure(&error))
    }

    /// Returns the parameter that a caller names.
    pub(crate) async fn wanted(&self, wanted: &Wanted) -> Result<Option<Parameter>, Failure> {
        let found = self.find(&wanted.name).await?;
        match &wanted.slashed {
            Some(slashed) if found.is_none() => self.find(slashed).await,
            _ => Ok(found),
        }
    }

    pub(crate) async fn write(&self, parameter: &Parameter) -> Result<(), Failure> {
        let written = self.documents.write(&key(&parameter.name), parameter).await;
        written.map_err(|error| store_failure(&error))
    }

    /// Returns the value of a version: as it is, or sealed as callers see it who do not ask for more.
    pub(crate) fn value(
        &self,
        name: &str,
        version: &Version,
        open: bool,
    ) -> Result<String, Failure> {
        if version.kind != "SecureString" || !open {
            return Ok(version.value.clone());
        }
        let opened = self.seal.open(&version.value, name).ok();
        let text = opened.and_then(|opened| String::from_utf8(opened).ok());
        text.ok_or_else(|| {
            tracing::error!("a sealed parameter does not open");
            Failure::internal("A stored parameter does not open.")
        })
    }
}

pub(crate) fn key(name: &str) -> String {
    format!("p/{name}")
}

pub(crate) fn store_failure(error: &StoreError) -> Failure {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "the parameters cannot be read or written"
    );
    Failure {
        code: "InternalServerError".into(),
        message: "The request has failed due to a temporary failure of the server.".into(),
        status: 500,
        ..Failure::internal("")
    }
}

#[async_trait]
impl Service for Ssm {
    fn name(&self) -> &'static str {
        "ssm"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let core = &self.core;
        let input = Members::read(&call.input)?;
        let output: Value = match &*call.operation {
            "PutParameter" => parameters::put(core, &input, &call.principal).await,
            "DeleteParameter" => parameters::delete(core, &input).await,
            "DeleteParameters" => parameters::delete_many(core, &input).await,
            "AddTagsToResource" => parameters::tag(core, &input).await,
            "RemoveTagsFromResource" => parameters::untag(core, &input).await,
            "ListTagsForResource" => parameters::tags(core, &input).await,
            "GetParameter" => read::one(core, &input).await,
            "GetParameters" => read::many(core, &input).await,
            "GetParametersByPath" => read::by_path(core, &input).await,
            "DescribeParameters" => read::describe(core, &input).await,
            "GetParameterHistory" => history::show(core, &input).await,
            "LabelParameterVersion" => history::label(core, &input).await,
            "UnlabelParameterVersion" => history::unlabel(core, &input).await,
            other => {
                let message = format!("ssm:{other} is not served here yet");
                return Err(Failure::client("NotImplemented", message).with_status(501));
            }
        }?;
        Ok(Reply {
            output: output.to_string().into(),
            ..Reply::default()
        })
    }
}
