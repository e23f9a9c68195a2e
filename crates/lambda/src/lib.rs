//! The Lambda API and its local runtime.
//!
//! A function is a row in the store and a folder of code; an invocation is one event on one of the
//! processes that are kept warm for it and speak the Runtime API. Deliberately absent: container images,
//! streamed responses, and the enforcement of memory.

#![forbid(unsafe_code)]
// A `Failure` is the answer itself on its way to the caller; a box would only add an allocation.
#![allow(clippy::result_large_err)]

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use service::{Call, Clock, CredentialIssuer, Failure, Gate, LogSink, Reply, Service, Site};
use store::{Store, StoreError};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

mod aliases;
mod catalog;
mod code;
mod configure;
mod destinations;
mod events;
mod failure;
mod function;
mod instance;
mod invoke;
mod invoke_configs;
mod invoker;
mod keys;
mod layer_folders;
mod layers;
mod log_tail;
mod mappings;
mod name;
mod output;
mod page;
mod permissions;
mod pool;
mod process;
mod room;
mod runtime;
mod runtime_api;
mod sdk;
mod settings;
mod tags;
mod url_call;
mod urls;
mod versions;
mod watchdog;

use crate::catalog::Catalog;
use crate::code::CodeStore;
use crate::events::{Ends, EventQueue};
use crate::invoker::Invoker;
use crate::mappings::Mappings;
use crate::pool::Grounds;
use crate::runtime::Launcher;
use crate::runtime_api::RuntimeApi;
use crate::sdk::SdkCache;
use crate::watchdog::Watchdog;

pub use crate::url_call::{URL_BODY_BYTES_MAX, UrlCaller};

/// The bucket in which deployments keep code that is named by its hash.
pub const ASSETS_BUCKET: &str = "stepd-assets";

/// Where code comes from that a call names by `S3Bucket` and `S3Key`.
pub trait CodeSource: Send + Sync {
    /// Returns the object's bytes, or `None` if there is no such object. May block on the disk.
    fn get(&self, bucket: &str, key: &str) -> Option<Bytes>;
}

/// Everything that can be set.
pub struct LambdaOptions {
    /// Holds `functions/`.
    pub data_dir: PathBuf,
    /// Holds the SDKs; shared with other servers.
    pub cache_dir: PathBuf,
    /// Where the functions are.
    pub site: Site,
    /// Where functions find AWS: this server.
    pub endpoint_url: String,
    /// The Node.js that runs `nodejs*`; looked for on the PATH where none is given.
    pub node: Option<PathBuf>,
    /// The Python that runs `python3.*`; looked for on the PATH where none is given.
    pub python: Option<PathBuf>,
    /// Resolves code in a bucket, if anything does.
    pub code_source: Option<Arc<dyn CodeSource>>,
    /// The way to other services: for code in buckets, and for whoever is told what became of events.
    pub gate: Option<Arc<dyn Gate>>,
    /// How many events of one function run at the same time.
    pub instances_per_function_max: usize,
    /// How many processes there are, of all functions.
    pub instances_max: u32,
    /// How long an event waits for a free instance before it is refused.
    pub queue_timeout: Duration,
    /// How long an instance stays when it has nothing to do.
    pub idle_timeout: Duration,
    /// How long functions may go on when the server stops.
    pub shutdown_grace: Duration,
    /// Before the second try of an event that nobody waits for, the third, ….
    pub event_retry_delays: Vec<Duration>,
}

impl LambdaOptions {
    /// Returns the defaults: `STEPD_NODE`, `STEPD_PYTHON` and `STEPD_CACHE_DIR` are read here.
    pub fn new(data_dir: PathBuf, site: Site, endpoint_url: String) -> Self {
        let path = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let cache_dir = path("STEPD_CACHE_DIR")
            .or_else(|| Some(path("XDG_CACHE_HOME")?.join("stepd")))
            .or_else(|| Some(path("HOME")?.join(".cache/stepd")))
            .unwrap_or_else(|| data_dir.join("cache"));
        Self {
            data_dir,
            cache_dir,
            site,
            endpoint_url,
            node: path("STEPD_NODE"),
            python: path("STEPD_PYTHON"),
            code_source: None,
            gate: None,
            instances_per_function_max: 10,
            instances_max: 1000,
            queue_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(300),
            shutdown_grace: Duration::from_secs(2),
            event_retry_delays: vec![Duration::from_secs(60), Duration::from_secs(120)],
        }
    }
}

/// Why Lambda could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory.
    #[error("Lambda could not prepare {what}")]
    Prepare {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The store.
    #[error("Lambda could not read its rows")]
    ReadRows(#[from] StoreError),
}

/// The Lambda service.
pub struct Lambda {
    site: Site,
    catalog: Arc<Catalog>,
    code: CodeStore,
    code_source: Option<Arc<dyn CodeSource>>,
    gate: Option<Arc<dyn Gate>>,
    /// Where functions and their URLs are.
    endpoint_url: String,
    clock: Arc<dyn Clock>,
    launcher: Arc<Launcher>,
    invoker: Arc<Invoker>,
    events: Arc<EventQueue>,
    mappings: Mappings,
    /// Itself, for those who poll.
    mappings_of: OnceLock<Weak<Lambda>>,
    shutdown_grace: Duration,
    reaper: Mutex<Option<JoinHandle<()>>>,
}

impl Lambda {
    /// Opens the functions in `store` and `options.data_dir`, and takes up events that wait.
    pub async fn open(
        options: LambdaOptions,
        store: Arc<dyn Store>,
        credentials: Arc<dyn CredentialIssuer>,
        clock: Arc<dyn Clock>,
        logs: Arc<dyn LogSink>,
    ) -> Result<Arc<Self>, OpenError> {
        let prepare = |what: &'static str| move |source| OpenError::Prepare { what, source };
        // Children run in folders of their own: what they are told must not depend on where we are.
        let data_dir =
            std::path::absolute(&options.data_dir).map_err(prepare("the data directory"))?;
        let cache_dir =
            std::path::absolute(&options.cache_dir).map_err(prepare("the cache directory"))?;
        let directory = data_dir.join("functions");
        // Code is for the server's user alone.
        make_private(&directory).map_err(prepare("the data directory"))?;
        let catalog = Arc::new(Catalog::new(Arc::clone(&store)));
        let mappings = Mappings::new(Arc::clone(&store));
        let code =
            CodeStore::open(directory.join("code")).map_err(prepare("the folder of code"))?;
        code.retain(&catalog.code_hashes().await?)
            .map_err(prepare("the folder of code"))?;
        let launcher = Launcher::open(
            &directory,
            options.site.clone(),
            options.endpoint_url.clone(),
            code.clone(),
            SdkCache::new(cache_dir),
            (options.node, options.python),
        );
        let launcher = Arc::new(launcher.map_err(prepare("the runtimes"))?);
        let grounds = Grounds {
            launcher: Arc::clone(&launcher),
            runtime_api: RuntimeApi::listen()
                .await
                .map_err(prepare("the Runtime API"))?,
            watchdog: Arc::new(Watchdog::start().map_err(prepare("the watchdog"))?),
            logs,
            credentials,
            clock: Arc::clone(&clock),
            places: Arc::new(Semaphore::new(options.instances_max as usize)),
            queue_timeout: options.queue_timeout,
            instances_per_function_max: options.instances_per_function_max,
        };
        let invoker = Arc::new(Invoker::new(
            Arc::clone(&catalog),
            Arc::new(grounds),
            options.instances_max,
        ));
        let events = EventQueue::open(
            store,
            Arc::clone(&invoker),
            Arc::clone(&clock),
            Ends {
                catalog: Arc::clone(&catalog),
                gate: options.gate.clone(),
                site: options.site.clone(),
            },
            options.event_retry_delays,
        )
        .await?;
        let reaper = tokio::spawn(reap(Arc::clone(&invoker), options.idle_timeout));
        Ok(Arc::new(Self {
            site: options.site,
            catalog,
            code,
            code_source: options.code_source,
            gate: options.gate,
            endpoint_url: options.endpoint_url,
            clock,
            launcher,
            invoker,
            events,
            mappings,
            mappings_of: OnceLock::new(),
            shutdown_grace: options.shutdown_grace,
            reaper: Mutex::new(Some(reaper)),
        }))
    }

    /// Returns the log group that the function writes to.
    ///
    /// Fails as `GetFunction` does if there is no such function.
    pub async fn log_group(&self, function: &str) -> Result<String, Failure> {
        let (name, _) = self.find(function, None).await?;
        Ok(log_group(&name.name))
    }

    /// Stops: nothing new begins, functions that work get a moment, then nothing of them is left.
    pub async fn shutdown(&self) {
        if let Some(reaper) = self.reaper.lock().take() {
            reaper.abort();
        }
        self.events.stop();
        self.mappings.stop();
        self.invoker.shutdown(self.shutdown_grace).await;
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        if let Some(reaper) = self.reaper.lock().take() {
            reaper.abort();
        }
        self.events.stop();
        self.mappings.stop();
    }
}

/// Returns the log group of the function `name`.
fn log_group(name: &str) -> String {
    format!("/aws/lambda/{name}")
}

fn make_private(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
}

async fn reap(invoker: Arc<Invoker>, idle_timeout: Duration) {
    let pause = (idle_timeout / 4).clamp(Duration::from_millis(20), Duration::from_secs(30));
    loop {
        tokio::time::sleep(pause).await;
        invoker.reap(idle_timeout);
    }
}

#[async_trait]
impl Service for Lambda {
    fn name(&self) -> &'static str {
        "lambda"
    }

    fn waits(&self, operation: &str) -> bool {
        operation == "Invoke"
    }

    async fn resource_policy(&self, resource: &str) -> Option<String> {
        self.policy_of(resource).await
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        match &*call.operation {
            "Invoke" => self.invoke(call).await,
            "CreateFunction" => self.create_function(call).await,
            "UpdateFunctionCode" => self.update_function_code(call).await,
            "PublishLayerVersion" => self.publish_layer_version(call).await,
            "UpdateFunctionConfiguration" => self.update_function_configuration(&call.input).await,
            "GetFunction" => self.get_function(&call.input).await,
            "GetFunctionConfiguration" => self.get_function_configuration(&call.input).await,
            "ListFunctions" => self.list_functions(&call.input).await,
            "DeleteFunction" => self.delete_function(&call.input).await,
            "PublishVersion" => self.publish_version(&call.input).await,
            "ListVersionsByFunction" => self.list_versions(&call.input).await,
            "CreateAlias" => self.create_alias(&call.input).await,
            "GetAlias" => self.get_alias(&call.input).await,
            "UpdateAlias" => self.update_alias(&call.input).await,
            "DeleteAlias" => self.delete_alias(&call.input).await,
            "ListAliases" => self.list_aliases(&call.input).await,
            "AddPermission" => self.add_permission(&call.input).await,
            "RemovePermission" => self.remove_permission(&call.input).await,
            "GetPolicy" => self.get_policy(&call.input).await,
            "GetLayerVersion" => self.get_layer_version(&call.input).await,
            "GetLayerVersionByArn" => self.get_layer_version_by_arn(&call.input).await,
            "DeleteLayerVersion" => self.delete_layer_version(&call.input).await,
            "ListLayers" => self.list_layers(&call.input).await,
            "ListLayerVersions" => self.list_layer_versions(&call.input).await,
            "AddLayerVersionPermission" => self.add_layer_permission(&call.input).await,
            "RemoveLayerVersionPermission" => self.remove_layer_permission(&call.input).await,
            "GetLayerVersionPolicy" => self.get_layer_policy(&call.input).await,
            "PutFunctionEventInvokeConfig" => self.put_invoke_config(&call.input).await,
            "UpdateFunctionEventInvokeConfig" => self.update_invoke_config(&call.input).await,
            "GetFunctionEventInvokeConfig" => self.get_invoke_config(&call.input).await,
            "DeleteFunctionEventInvokeConfig" => self.delete_invoke_config(&call.input).await,
            "ListFunctionEventInvokeConfigs" => self.list_invoke_configs(&call.input).await,
            "CreateFunctionUrlConfig" => self.create_url(&call.input).await,
            "GetFunctionUrlConfig" => self.get_url(&call.input).await,
            "UpdateFunctionUrlConfig" => self.update_url(&call.input).await,
            "DeleteFunctionUrlConfig" => self.delete_url(&call.input).await,
            "ListFunctionUrlConfigs" => self.list_urls(&call.input).await,
            // Leave to call a URL, which the gate has given; there is nothing else to do, and no way here
            // from outside.
            "InvokeFunctionUrl" => Ok(Reply::default()),
            "ListTags" => self.list_tags(&call.input).await,
            "TagResource" => self.tag_resource(&call.input).await,
            "UntagResource" => self.untag_resource(&call.input).await,
            "PutFunctionConcurrency" => self.put_concurrency(&call.input).await,
            "GetFunctionConcurrency" => self.get_concurrency(&call.input).await,
            "GetFunctionCodeSigningConfig" => self.get_code_signing(&call.input).await,
            "DeleteFunctionConcurrency" => self.delete_concurrency(&call.input).await,
            "CreateEventSourceMapping" => self.create_mapping(&call.input).await,
            "GetEventSourceMapping" => self.get_mapping(&call.input).await,
            "ListEventSourceMappings" => self.list_mappings(&call.input).await,
            "UpdateEventSourceMapping" => self.update_mapping(&call.input).await,
            "DeleteEventSourceMapping" => self.delete_mapping(&call.input).await,
            operation => {
                let message =
                    format!("stepd's Lambda does not have the operation {operation} yet.");
                Err(Failure::client("NotImplemented", message).with_status(501))
            }
        }
    }
}
