//! `stepd serve`: puts the server together and runs it until it is told to stop.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use apigateway::ApiGateway;
use cloudformation::{CloudControl, CloudFormation, Deployer};
use console::{Console, ConsoleOptions, Foundations};
use dynamodb::DynamoDb;
use gateway::Gateway;
use lambda::{Lambda, LambdaOptions};
use logs::Logs;
use s3::S3;
use service::{Clock, Gate, Site, SpanSink, SystemClock};
use states::mocks::MockFile;
use states::{States, StatesOptions};
use store::Store;
use store_fjall::FjallStore;
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;

use crate::access::Enforcement;
use crate::access_keys::Rotation;
use crate::apis::ApiHosts;
use crate::console::{ConsoleLinks, ConsolePages, Ways};
use crate::forward::{self, Forward, Forwarded};
use crate::function_urls::FunctionUrls;
use crate::keys::{Keys, RootAccessKey};
use crate::logs::FunctionLogs;
use crate::messaging::{Grounds, Messaging};
use crate::objects::Objects;
use crate::observe::{MeteredStore, Observed};
use crate::opening::Opening;
use crate::otlp::Otlp;
use crate::people::{FindExecutions, Looks, OpenTasks};
use crate::place;
use crate::policy::Suggestions;
use crate::signals::Answers;
use crate::stacks::StackRoute;

/// Largest upload of a deployment: Lambda's limit of an unpacked package, with room.
const ASSET_BYTES_MAX: usize = 300 << 20;

/// Options of `stepd serve`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where everything is kept
    #[arg(long, env = "STEPD_DATA_DIR", default_value_os_t = place::default_data_dir())]
    data_dir: PathBuf,
    /// Where to listen; port 0 takes any free one
    #[arg(long, default_value = place::LISTEN)]
    listen: SocketAddr,
    /// The region to be
    #[arg(long, default_value = place::REGION, value_parser = region)]
    region: String,
    /// The account to be: twelve digits
    #[arg(long, default_value = "000000000000", value_parser = account_id)]
    account_id: String,
    /// The root access key to use from now on [default: made at the first start]
    #[arg(
        long,
        env = "STEPD_ROOT_ACCESS_KEY",
        hide_env_values = true,
        value_name = "ID:SECRET"
    )]
    root_access_key: Option<RootAccessKey>,
    /// What becomes of calls that no policy allows; the root access key may do everything
    #[arg(long, value_enum, default_value_t = Enforcement::Enforce)]
    iam: Enforcement,
    #[command(flatten)]
    tls: crate::tls::Files,
    /// Listen on an address that other machines reach, although requests are not encrypted
    #[arg(long)]
    allow_remote: bool,
    /// Let definitions use operators of JSONata that AWS does not have yet: `??` and `?:`
    #[arg(long)]
    newer_jsonata: bool,
    /// Have a service served by somebody else: its calls go to the URL, signed with the keys in AWS_*
    #[arg(long, value_name = "SERVICE=URL")]
    forward: Vec<Forward>,
    /// How the server's own log is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// Deploy templates with resources of types that are not built: these are nothing but their names
    #[arg(long)]
    ignore_unknown_resources: bool,
    /// Test cases with made-up answers, in the format of Step Functions Local; an execution of one is
    /// started with `#CASE` behind the ARN of its state machine
    #[arg(long, env = "SFN_MOCK_CONFIG", value_name = "FILE")]
    mock_config: Option<PathBuf>,
    #[command(flatten)]
    limits: crate::limits::Raised,
}

/// How the server's own log is written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

fn account_id(text: &str) -> Result<String, String> {
    let valid = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if valid {
        Ok(text.to_owned())
    } else {
        Err("an account id has twelve digits".into())
    }
}

fn region(text: &str) -> Result<String, String> {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let valid = !text.is_empty() && text.bytes().all(word);
    if valid {
        Ok(text.to_owned())
    } else {
        Err("a region is made of small letters, digits and hyphens".into())
    }
}

/// Runs the server until a signal ends it.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    log_to_stderr(arguments.log_format);
    allow_open_files();
    let tls = arguments.tls.read()?;
    let seen = !arguments.listen.ip().is_loopback();
    if seen && tls.is_none() && !arguments.allow_remote {
        anyhow::bail!(
            "{} can be reached from other machines, and requests are not encrypted: \
             listen on 127.0.0.1, give --tls-cert and --tls-key, or say --allow-remote",
            arguments.listen
        );
    }
    // Taken first, so that the port is known to everything that is told the endpoint.
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("{} cannot be listened on", arguments.listen))?;
    let address = listener.local_addr()?;
    // Functions and tools of this machine are spoken to without TLS, on the loopback alone.
    let inside = match &tls {
        Some(_) => Some(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?),
        None => None,
    };
    let near = match &inside {
        Some(inside) => inside.local_addr()?,
        None => address,
    };
    let endpoint = format!("http://{near}");
    let server = Server::open(&arguments, &endpoint, near.port()).await?;
    place::announce(&arguments.data_dir, &endpoint, &arguments.region)?;
    let shown = match &tls {
        Some(_) => format!("https://{address}"),
        None => endpoint,
    };
    println!(
        "stepd is ready on {shown} (data in {})",
        arguments.data_dir.display()
    );
    server
        .run(Listeners {
            listener,
            tls,
            inside,
        })
        .await
}

/// Where the server listens: for everybody, and with TLS for this machine besides.
struct Listeners {
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    inside: Option<TcpListener>,
}

/// The parts that have something to end.
struct Server {
    gateway: Arc<Gateway>,
    states: Arc<States>,
    lambda: Arc<Lambda>,
    logs: Arc<Logs>,
    messaging: Messaging,
    observed: Arc<Observed>,
    console: Arc<Console>,
    expiry: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn open(arguments: &Arguments, endpoint: &str, port: u16) -> anyhow::Result<Self> {
        let mocks = arguments.mock_config.as_deref();
        let mocks = mocks.map(mock_file).transpose()?;
        let data_dir = &arguments.data_dir;
        place::create_data_dir(data_dir)?;
        let site = Site {
            region: arguments.region.as_str().into(),
            account_id: arguments.account_id.as_str().into(),
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = FjallStore::open(data_dir.join("store"), store_fjall::Options::default());
        let store = MeteredStore::new(Arc::new(store.context("the store cannot be opened")?));
        let metered = store.clone();
        let store: Arc<dyn Store> = store;
        let keys = Keys::open(data_dir, arguments.root_access_key.as_ref())?;
        let root = (
            keys.root_access_key_id.as_str().into(),
            keys.root_secret_access_key.as_str().into(),
        );
        let gateway_keys = gateway::Keys {
            root,
            master: keys.master()?,
        };
        // The services call one another through the gateway, so it comes first and they are added to it.
        let gateway = Gateway::new(site.clone(), gateway_keys, Vec::new(), clock.clone());
        let gate: Arc<dyn Gate> = gateway.clone();
        let iam = crate::access::open(&gateway, &store, &site, &clock, arguments.iam).await?;

        let logs = Logs::open(store.clone(), clock.clone(), site.clone());
        gateway.add_service(logs.clone());
        let mut lambda_options =
            LambdaOptions::new(data_dir.clone(), site.clone(), endpoint.to_owned());
        lambda_options.gate = Some(gate.clone());
        let lambda = Lambda::open(
            lambda_options,
            store.clone(),
            gateway.clone(),
            clock.clone(),
            logs.ingest(),
        )
        .await
        .context("the functions cannot be opened")?;
        gateway.add_service(lambda.clone());
        gateway.add_hosted(Arc::new(FunctionUrls(lambda.clone())));
        gateway.add_route(Arc::new(FunctionLogs {
            lambda: lambda.clone(),
            logs: logs.clone(),
        }));
        let dynamodb = DynamoDb::open(data_dir, &site).context("the tables cannot be opened")?;
        let dynamodb = Arc::new(dynamodb);
        gateway.add_service(dynamodb.clone());
        let expiry = tokio::spawn(expire_items(dynamodb));
        let s3 = S3::open(data_dir, store.clone(), site.clone(), clock.clone());
        let s3 = Arc::new(s3.await.context("the objects cannot be opened")?);
        gateway.add_service(s3.clone());
        gateway.add_streaming(Arc::new(Objects(s3)));
        let messaging = Messaging::open(Grounds {
            gateway: &gateway,
            store: &store,
            clock: &clock,
            site: &site,
            endpoint,
            lambda: &lambda,
            master: keys.master()?,
        })
        .await?;
        let apis = ApiGateway::new(
            store.clone(),
            gate.clone(),
            clock.clone(),
            site.clone(),
            endpoint,
        );
        for service in apis.services() {
            gateway.add_service(service);
        }
        gateway.add_hosted(Arc::new(ApiHosts(apis)));
        let options = cloudformation::Options {
            data_dir: data_dir.clone(),
            ignore_unknown: arguments.ignore_unknown_resources,
            endpoint_url: endpoint.to_owned(),
        };
        let deployer = Deployer::new(
            gate.clone(),
            store.clone(),
            site.clone(),
            clock.clone(),
            &options,
        )
        .context("the stacks cannot be opened")?;
        gateway.add_service(Arc::new(CloudFormation::new(deployer.clone())));
        gateway.add_service(Arc::new(CloudControl(gateway.clone())));
        gateway.add_hosted(Arc::new(Answers(deployer.signals().clone())));
        gateway.add_service(Arc::new(sts::Sts::new(
            site.clone(),
            gateway.clone(),
            iam.clone(),
            clock.clone(),
        )));
        gateway.add_route(Arc::new(Rotation {
            data_dir: data_dir.clone(),
            gateway: Arc::downgrade(&gateway),
            is_chosen: arguments.root_access_key.is_some(),
        }));
        gateway.add_route(Arc::new(Suggestions {
            iam,
            gate: gate.clone(),
        }));
        for name in ["stacks", "assets"] {
            let router = cloudformation::routes(deployer.clone());
            gateway.add_route(Arc::new(StackRoute {
                name,
                router,
                body_bytes_max: ASSET_BYTES_MAX,
            }));
        }
        if !arguments.forward.is_empty() {
            let keys = forward::Keys::from_environment(&arguments.region)?;
            for to in &arguments.forward {
                gateway.add_service(Arc::new(Forwarded::new(to.clone(), keys.clone())));
            }
        }
        // Last, because calls that the last run left open go out at once, and need the others.
        let options = StatesOptions {
            site,
            limits: arguments.limits.into(),
            token_key: keys.tokens()?,
            newer_jsonata: arguments.newer_jsonata,
            statuses: Some(messaging.statuses(gate.clone())),
            spans: Otlp::from_environment().map(|otlp| Arc::new(otlp) as Arc<dyn SpanSink>),
            mocks,
        };
        let (opening, open) = Opening::new();
        gateway.add_service(opening);
        let states = States::open(options, store.clone(), gate.clone(), clock.clone());
        let states = states.await.context("the executions cannot be opened")?;
        gateway.add_service(states.clone());
        open.send_replace(Some(states.clone()));
        gateway.add_route(Arc::new(OpenTasks(states.clone())));
        gateway.add_route(Arc::new(FindExecutions(states.clone())));
        gateway.add_route(Arc::new(Looks(states.clone())));
        let observed = Observed::add(&gateway, states.clone(), metered);
        let options = ConsoleOptions {
            master: keys.master()?,
            port,
        };
        let foundations = Foundations {
            ways: Arc::new(Ways(gateway.clone())),
            changes: states.changes(),
            gate,
            clock,
            store,
        };
        let console = Console::new(&options, foundations);
        gateway.add_route(Arc::new(ConsoleLinks(console.clone())));
        gateway.set_pages(Arc::new(ConsolePages(console.clone())));
        let recovery = deployer.begin_recovery().await;
        let recovery = recovery.context("a deployment that was cut off cannot be taken up")?;
        // It may wait for executions, which go on only when the server is there.
        tokio::spawn(async move {
            if let Err(error) = recovery.await {
                tracing::error!(?error, "a deployment that was cut off could not be ended");
            }
        });
        Ok(Self {
            gateway,
            states,
            lambda,
            logs,
            messaging,
            observed,
            console,
            expiry,
        })
    }

    async fn run(self, listeners: Listeners) -> anyhow::Result<()> {
        let (states, console) = (self.states.clone(), self.console.clone());
        let observed = self.observed.clone();
        let messaging = self.messaging;
        let stopped = async move {
            stopped().await;
            observed.stop();
            states.stop_polls();
            messaging.stop();
            console.stop();
        };
        let Listeners {
            listener,
            tls,
            inside,
        } = listeners;
        let (ended, mut end) = tokio::sync::watch::channel(());
        let near = inside.map(|inside| {
            let until = async move { drop(end.changed().await) };
            tokio::spawn(gateway::serve(inside, self.gateway.clone(), until))
        });
        gateway::serve_with(listener, tls, self.gateway, stopped).await;
        drop(ended);
        if let Some(near) = near {
            near.await.context("the listener for this machine failed")?;
        }
        tracing::info!("stopping: executions that wait stay as they are");
        self.expiry.abort();
        self.states.shut_down().await;
        self.lambda.shutdown().await;
        self.logs.shut_down().await;
        Ok(())
    }
}

fn mock_file(path: &Path) -> anyhow::Result<MockFile> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the mock file {} cannot be read", path.display()))?;
    MockFile::parse(&text).with_context(|| format!("the mock file {} is wrong", path.display()))
}

/// Removes items whose time to live is over, about as soon as AWS does: some time after.
async fn expire_items(dynamodb: Arc<DynamoDb>) {
    let mut minute = tokio::time::interval(std::time::Duration::from_secs(60));
    loop {
        minute.tick().await;
        if let Err(failure) = dynamodb.expire_items().await {
            tracing::warn!(%failure, "expired items could not be removed");
        }
    }
}

/// Lets the server have as many files and connections open as it may: many systems begin with 1,024,
/// which is less than the connections that it accepts.
fn allow_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the number of open files stays as it is");
    }
}

/// Logs to standard error; `STEPD_LOG` chooses what, as in `STEPD_LOG=debug` or `STEPD_LOG=states=trace`.
fn log_to_stderr(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("STEPD_LOG").unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new("info,fjall=warn,lsm_tree=warn,s3s=off")
    });
    let on_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(on_terminal);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// Waits for the signal to stop.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
