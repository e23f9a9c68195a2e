//! From a function's configuration to the command that runs it: which program, which bootstrap,
//! which environment.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use service::{Failure, Site, TemporaryCredentials};
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::aliases::version_text;
use crate::code::CodeStore;
use crate::failure;
use crate::function::{Function, log_group};
use crate::layer_folders::{LayerFolders, joined};
use crate::sdk::{SdkCache, SdkSet};

const NODE_BOOTSTRAP: &str = include_str!("../runtimes/bootstrap.cjs");
const PYTHON_BOOTSTRAP: &str = include_str!("../runtimes/bootstrap.py");
/// Modules that code finds behind all others, and their files.
const MODULES: [(&str, &str); 2] = [
    (
        "cfn-response.js",
        include_str!("../runtimes/cfn-response.js"),
    ),
    ("cfnresponse.py", include_str!("../runtimes/cfnresponse.py")),
];

/// What runs a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// The installed Node.js, whatever version the function names.
    Node {
        /// The version that it names; it decides which SDK comes along.
        major: u32,
    },
    /// The installed Python 3.
    Python,
    /// The function's own `bootstrap`.
    Provided,
}

impl Runtime {
    /// Parses `nodejs20.x`, `python3.12`, `provided.al2023`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if let Some(version) = text.strip_prefix("nodejs") {
            // `nodejs`, `nodejs4.3`, `nodejs4.3-edge`, `nodejs12.x`.
            let major = version.split('.').next().unwrap_or_default();
            let well_formed = version.is_empty() || version.contains('.');
            if let (true, Ok(major)) = (
                well_formed,
                if major.is_empty() {
                    Ok(0)
                } else {
                    major.parse()
                },
            ) {
                return Ok(Self::Node { major });
            }
        }
        if text
            .strip_prefix("python3.")
            .is_some_and(|minor| minor.parse::<u32>().is_ok())
        {
            return Ok(Self::Python);
        }
        if text == "provided" || text.starts_with("provided.al") {
            return Ok(Self::Provided);
        }
        Err(failure::invalid_parameter(format!(
            "stepd cannot run the runtime {text}: it runs nodejs*, python3.* and provided.*. \
             A program for another runtime can bring its own bootstrap as provided.al2023."
        )))
    }
}

/// A command that is ready but for what differs from instance to instance.
#[derive(Clone)]
pub struct Launch {
    program: PathBuf,
    arguments: Vec<PathBuf>,
    directory: PathBuf,
    environment: Vec<(OsString, OsString)>,
    /// Whether the program may insist that `AWS_LAMBDA_RUNTIME_API` is `host:port`.
    pub own_port: bool,
    /// Whether an SDK that the function speaks of is missing: then it is not remembered.
    pub incomplete: bool,
}

impl Launch {
    /// Returns the command of one instance.
    pub fn command(
        &self,
        runtime_api: &str,
        log_stream: &str,
        credentials: &TemporaryCredentials,
    ) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(&self.directory)
            .env_clear();
        // Only what is listed here reaches a function: the server's own environment has secrets.
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .env("AWS_LAMBDA_LOG_STREAM_NAME", log_stream)
            .env("AWS_ACCESS_KEY_ID", &credentials.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key)
            .env("AWS_SESSION_TOKEN", &credentials.session_token);
        command
    }

    /// Returns the program, for a message that it could not be started.
    pub fn program(&self) -> &Path {
        &self.program
    }
}

/// Makes [`Launch`]es.
pub struct Launcher {
    site: Site,
    endpoint_url: String,
    code: CodeStore,
    /// The bootstraps: `LAMBDA_RUNTIME_DIR`.
    runtime_directory: PathBuf,
    /// An empty home, so that no SDK finds the operator's own settings and keys.
    home: PathBuf,
    sdks: SdkCache,
    node: Interpreter,
    python: Interpreter,
    /// Whether that Python has boto3 already.
    boto3: OnceCell<bool>,
}

impl Launcher {
    /// Writes the bootstraps below `directory`.
    pub fn open(
        directory: &Path,
        site: Site,
        endpoint_url: String,
        code: CodeStore,
        sdks: SdkCache,
        programs: (Option<PathBuf>, Option<PathBuf>),
    ) -> io::Result<Self> {
        let (runtime_directory, home) = (directory.join("runtime"), directory.join("home"));
        fs::create_dir_all(&runtime_directory)?;
        fs::create_dir_all(&home)?;
        fs::write(runtime_directory.join("bootstrap.cjs"), NODE_BOOTSTRAP)?;
        fs::write(runtime_directory.join("bootstrap.py"), PYTHON_BOOTSTRAP)?;
        let modules = runtime_directory.join("node_modules");
        fs::create_dir_all(&modules)?;
        for (name, text) in MODULES {
            fs::write(modules.join(name), text)?;
        }
        let node = Interpreter::new(
            "Node.js",
            "STEPD_NODE",
            "node",
            &["-p", "process.execPath"],
            programs.0,
        );
        let python = Interpreter::new(
            "Python 3",
            "STEPD_PYTHON",
            "python3",
            &["-I", "-S", "-c", "import sys; print(sys.executable)"],
            programs.1,
        );
        Ok(Self {
            site,
            endpoint_url,
            code,
            runtime_directory,
            home,
            sdks,
            node,
            python,
            boto3: OnceCell::new(),
        })
    }

    /// Makes ready whatever `function` will need, in advance of its first invocation.
    pub fn warm_up(self: &Arc<Self>, function: Function) {
        let launcher = Arc::clone(self);
        tokio::spawn(async move {
            // What fails here fails again, and is told, when the function is invoked.
            let _ = launcher.prepare(&function).await;
        });
    }

    /// Returns how to run `function`; waits until what it needs is there.
    pub async fn prepare(&self, function: &Function) -> Result<Launch, Failure> {
        let runtime = Runtime::parse(&function.runtime)?;
        let task_root = self.code.path(&function.code_hash);
        let layers = LayerFolders::of(function, &self.code);
        let mut environment = self.environment(function, &task_root, &layers);
        let mut set = |name: &str, value: OsString| environment.push((name.into(), value));
        let mut incomplete = false;
        let (program, arguments) = match runtime {
            Runtime::Node { major } => {
                let node = self.node.find(&function.runtime).await?;
                set(
                    "AWS_EXECUTION_ENV",
                    format!("AWS_Lambda_{}", function.runtime).into(),
                );
                set("AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE", "1".into());
                let set_of_version = if major >= 18 {
                    SdkSet::NodeV3
                } else {
                    SdkSet::NodeV2
                };
                let own = function.variables.get("NODE_PATH").map(PathBuf::from);
                let mut modules: Vec<PathBuf> = own.into_iter().collect();
                modules.extend(layers.node_modules(major));
                // Behind what the function itself sets and has.
                match self.sdk(set_of_version, function.needs_sdk, &node).await {
                    Ok(sdk) => modules.extend(sdk),
                    Err(problem) => {
                        incomplete = true;
                        set("STEPD_SDK_PROBLEM", problem.into());
                    }
                }
                modules.push(self.runtime_directory.join("node_modules"));
                set("NODE_PATH", joined(&modules));
                (node, vec![self.runtime_directory.join("bootstrap.cjs")])
            }
            Runtime::Python => {
                let python = self.python.find(&function.runtime).await?;
                set(
                    "AWS_EXECUTION_ENV",
                    format!("AWS_Lambda_{}", function.runtime).into(),
                );
                set("PYTHONUNBUFFERED", "1".into());
                // The code's folder is shared by instances and named after what is in it.
                set("PYTHONDONTWRITEBYTECODE", "1".into());
                let packages = layers.python_packages(&function.runtime);
                if !packages.is_empty() {
                    set("STEPD_PYTHON_LAYERS", joined(&packages));
                }
                let needed =
                    function.needs_sdk && !*self.boto3.get_or_init(|| has_boto3(&python)).await;
                match self.sdk(SdkSet::Python, needed, &python).await {
                    Ok(Some(modules)) => set("STEPD_PYTHON_SDK", modules.into()),
                    Ok(None) => {}
                    Err(problem) => {
                        incomplete = true;
                        set("STEPD_SDK_PROBLEM", problem.into());
                    }
                }
                (python, vec![self.runtime_directory.join("bootstrap.py")])
            }
            Runtime::Provided => {
                let own = task_root.join("bootstrap");
                let shared = layers.files("bootstrap").into_iter().next();
                let program = shared.filter(|_| !own.exists()).unwrap_or(own);
                (program, Vec::new())
            }
        };
        let own_port = runtime == Runtime::Provided;
        Ok(Launch {
            program,
            arguments,
            directory: task_root,
            environment,
            own_port,
            incomplete,
        })
    }

    /// Returns the folder of an SDK. One that is not known to be needed is given where it is there,
    /// for what the function depends on may use it, and not waited for where it is not.
    async fn sdk(
        &self,
        set: SdkSet,
        needed: bool,
        program: &Path,
    ) -> Result<Option<PathBuf>, String> {
        if needed {
            return self.sdks.ensure(set, program).await.map(Some);
        }
        Ok(self.sdks.installed(set))
    }

    /// Returns what Lambda sets for every function, and the function's own variables.
    fn environment(
        &self,
        function: &Function,
        task_root: &Path,
        layers: &LayerFolders,
    ) -> Vec<(OsString, OsString)> {
        let path =
            std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        let path = layers.behind(path, "bin");
        let libraries = layers.files("lib");
        let libraries = (!libraries.is_empty()).then(|| ("LD_LIBRARY_PATH", joined(&libraries)));
        let region: OsString = (&*self.site.region).into();
        let log_group = log_group(&function.name);
        let defaults: [(&str, OsString); 9] = [
            ("PATH", path),
            ("HOME", self.home.clone().into()),
            ("LANG", "en_US.UTF-8".into()),
            ("TZ", ":UTC".into()),
            ("AWS_ENDPOINT_URL", self.endpoint_url.clone().into()),
            // Some operations would go to a prefix and the server's name, which is none.
            ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true".into()),
            // Credentials come from the environment; there is no instance metadata here to ask.
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("AWS_REGION", region.clone()),
            ("AWS_DEFAULT_REGION", region),
        ];
        let fixed: [(&str, OsString); 9] = [
            ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone().into()),
            (
                "AWS_LAMBDA_FUNCTION_VERSION",
                version_text(function.version).into(),
            ),
            (
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                function.memory_mib.to_string().into(),
            ),
            ("AWS_LAMBDA_LOG_GROUP_NAME", log_group.into()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into()),
            ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".into()),
            ("LAMBDA_TASK_ROOT", task_root.into()),
            ("LAMBDA_RUNTIME_DIR", self.runtime_directory.clone().into()),
            ("_HANDLER", function.handler.clone().into()),
        ];
        let own = function
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.into()));
        let all = defaults.into_iter().chain(libraries);
        let all = all.chain(own).chain(fixed);
        all.map(|(name, value)| (name.into(), value)).collect()
    }
}

async fn has_boto3(python: &Path) -> bool {
    let mut command = Command::new(python);
    command.args([
        "-c",
        "import importlib.util, sys; sys.exit(importlib.util.find_spec('boto3') is None)",
    ]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command.status().await.is_ok_and(|status| status.success())
}

/// A program that runs functions, looked for when it is first needed.
struct Interpreter {
    title: &'static str,
    variable: &'static str,
    name: &'static str,
    /// Makes it print where it really is: what is on the PATH may be a shim that needs a HOME.
    question: &'static [&'static str],
    configured: Option<PathBuf>,
    found: OnceCell<PathBuf>,
}

impl Interpreter {
    fn new(
        title: &'static str,
        variable: &'static str,
        name: &'static str,
        question: &'static [&'static str],
        configured: Option<PathBuf>,
    ) -> Self {
        Self {
            title,
            variable,
            name,
            question,
            configured,
            found: OnceCell::new(),
        }
    }

    async fn find(&self, runtime: &str) -> Result<PathBuf, Failure> {
        self.found
            .get_or_try_init(|| self.ask(runtime))
            .await
            .cloned()
    }

    async fn ask(&self, runtime: &str) -> Result<PathBuf, Failure> {
        let program = self.configured.clone().unwrap_or_else(|| self.name.into());
        let mut command = Command::new(&program);
        command
            .args(self.question)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let answer = command
            .output()
            .await
            .ok()
            .filter(|output| output.status.success());
        let path = answer
            .and_then(|output| String::from_utf8(output.stdout).ok())
            .map(|text| PathBuf::from(text.trim()));
        path.filter(|path| path.is_file()).ok_or_else(|| {
            failure::invalid_runtime(format!(
                "The runtime {runtime} needs {}, and none was found on the server: install it, or let {} name it.",
                self.title, self.variable
            ))
        })
    }
}
