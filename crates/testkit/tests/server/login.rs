//! `stepd login` and `stepd keys`: profiles that the real AWS command line reads, and keys that come and go.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Server, stepd, tools};

/// Somebody's shell: their own AWS files, and nothing of a server.
struct Shell {
    folder: PathBuf,
    variables: Vec<(String, String)>,
}

impl Shell {
    fn new(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("home");
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            variables: Vec::new(),
        })
    }

    fn with(&self, name: &str, value: &str) -> Self {
        let mut variables = self.variables.clone();
        variables.push((name.to_owned(), value.to_owned()));
        Self {
            folder: self.folder.clone(),
            variables,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(".aws").join(name)
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("HOME", &self.folder)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_PAGER", "")
            .env_remove("XDG_DATA_HOME")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder);
        command.output().context("could not start the program")
    }

    fn stepd(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.run(&stepd()?, arguments)?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "stepd {arguments:?}: {errors}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs what must fail; returns what it said.
    fn refused(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.run(&stepd()?, arguments)?;
        ensure!(!output.status.success(), "stepd {arguments:?} worked");
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Returns whose ARN the AWS command line is with `profile`, or what it said instead.
    fn who(&self, profile: &str) -> anyhow::Result<String> {
        let aws = tools()?.join("venv/bin/aws");
        let arguments = ["--profile", profile, "sts", "get-caller-identity"];
        let output = self.run(&aws, &[&arguments[..], &["--output", "json"]].concat())?;
        if !output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let said: Value = serde_json::from_slice(&output.stdout)?;
        Ok(said["Arn"].as_str().unwrap_or_default().to_owned())
    }
}

/// What is said of a key that nobody has.
const INVALID: &str = "The security token included in the request is invalid.";

const ROOT: &str = "arn:aws:iam::000000000000:root";

#[test]
fn profiles_are_written_and_good() -> anyhow::Result<()> {
    let server = Server::start()?;
    let data_dir = server.data_dir();
    let data_dir = data_dir.to_str().context("a path")?;
    let shell = Shell::new(server.folder())?.with("STEPD_DATA_DIR", data_dir);
    fs::create_dir_all(shell.file(""))?;
    let theirs = "# mine\n[default]\nregion = eu-west-1\ns3 =\n  addressing_style = path\n\n[profile work]\nrole_arn = r\n";
    fs::write(shell.file("config"), theirs)?;

    let said = shell.stepd(&["login"])?;
    ensure!(said.contains(&format!("is {ROOT} at http://")), "{said}");
    ensure!(said.contains("aws --profile stepd"), "{said}");
    ensure!(shell.who("stepd")? == ROOT);
    let config = fs::read_to_string(shell.file("config"))?;
    ensure!(config.starts_with(theirs), "{config}");
    #[cfg(unix)]
    for file in ["config", "credentials"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(shell.file(file))?.permissions().mode();
        ensure!(mode & 0o777 == 0o600, "{file} {mode:o}");
    }
    // The profile is enough for our own commands too.
    let ours = shell.with("AWS_PROFILE", "stepd");
    ensure!(ours.stepd(&["list"])?.contains("no state machine"));

    // Somebody else's profile is not touched unasked.
    let refused = shell.refused(&["login", "--profile", "work"])?;
    ensure!(refused.contains("--replace"), "{refused}");
    ensure!(fs::read_to_string(shell.file("config"))? == config);
    shell.stepd(&["login", "--profile", "default", "--replace"])?;
    ensure!(shell.who("default")? == ROOT);
    let config = fs::read_to_string(shell.file("config"))?;
    ensure!(
        config.contains("addressing_style = path") && config.contains("role_arn = r"),
        "{config}"
    );

    // A user: a session, whose key is gone again; or a key of its own, which is kept.
    let root = server.aws()?;
    root.call(&["iam", "create-user", "--user-name", "alice"])?;
    let alice = "arn:aws:iam::000000000000:user/alice";
    let said = shell.stepd(&["login", "--profile", "alice", "--user", "alice"])?;
    ensure!(said.contains("good until"), "{said}");
    ensure!(shell.who("alice")? == alice);
    let keys = ["iam", "list-access-keys", "--user-name", "alice"];
    let count = || -> anyhow::Result<usize> {
        let keys = root.call(&keys)?;
        Ok(keys["AccessKeyMetadata"].as_array().map_or(0, Vec::len))
    };
    ensure!(count()? == 0);
    for _ in 0..3 {
        let login = ["login", "--profile", "alice", "--user", "alice"];
        shell.stepd(&[&login[..], &["--access-key"]].concat())?;
        ensure!(shell.who("alice")? == alice && count()? == 1);
    }
    let refused = shell.refused(&["login", "--user", "nobody"])?;
    ensure!(refused.contains("nobody cannot be found"), "{refused}");

    // A role, which tools assume by themselves.
    let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Principal": {"AWS": [ROOT, alice]}, "Action": "sts:AssumeRole"}});
    let made = ["iam", "create-role", "--role-name", "reader"];
    let trust = trust.to_string();
    let document = ["--assume-role-policy-document", &trust];
    root.call(&[&made[..], &document].concat())?;
    for user in [&[][..], &["--user", "alice"]] {
        let login = ["login", "--profile", "reader", "--role", "reader"];
        shell.stepd(&[&login[..], user].concat())?;
        let who = shell.who("reader")?;
        ensure!(
            who.starts_with("arn:aws:sts::000000000000:assumed-role/reader/"),
            "{who}"
        );
        let ours = shell.with("AWS_PROFILE", "reader");
        let refused = ours.refused(&["list"])?;
        ensure!(refused.contains("assumed-role/reader/stepd"), "{refused}");
    }
    let refused = shell.refused(&["login", "--role", "none"])?;
    ensure!(refused.contains("role/none cannot be assumed"), "{refused}");

    // From elsewhere: an address, and keys of the environment.
    let keys = server.env();
    let mut remote = Shell::new(server.folder())?.with("STEPD_DATA_DIR", "/nowhere");
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        remote = remote.with(name, &keys[name]);
    }
    let login = ["login", "--profile", "far", "--from-environment"];
    remote.stepd(&[&login[..], &["--endpoint", server.endpoint()]].concat())?;
    ensure!(shell.who("far")? == ROOT);
    Ok(())
}

#[test]
fn what_is_not_there_is_said() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let shell = Shell::new(server.folder())?;
    let refused = shell.refused(&["login", "--data-dir", "/nowhere"])?;
    ensure!(
        refused.contains("no server has used /nowhere yet"),
        "{refused}"
    );
    let data_dir = server.data_dir();
    let data_dir = data_dir.to_str().context("a path")?;
    let refused = shell.refused(&["login", "--data-dir", data_dir, "--profile", "a b"])?;
    ensure!(refused.contains("profile's name"), "{refused}");
    server.kill9()?;
    for command in ["login", "keys rotate"] {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.extend(["--data-dir", data_dir]);
        let refused = shell.refused(&arguments)?;
        ensure!(
            refused.contains("is `stepd serve` running?"),
            "{command}: {refused}"
        );
    }
    ensure!(!shell.file("config").exists(), "nothing was written");
    let refused = shell.refused(&["keys", "list"])?;
    ensure!(refused.contains("`stepd login`"), "{refused}");
    Ok(())
}

#[test]
fn keys_come_and_go() -> anyhow::Result<()> {
    let server = Server::start()?;
    let mut shell = Shell::new(server.folder())?;
    for (name, value) in server.env() {
        shell = shell.with(&name, &value);
    }
    let root = server.aws()?;
    ensure!(
        shell
            .stepd(&["keys", "list"])?
            .contains("no access key yet")
    );
    for user in ["alice", "bob"] {
        root.call(&["iam", "create-user", "--user-name", user])?;
    }
    let made: Value = serde_json::from_str(&shell.stepd(&["keys", "create", "alice", "--json"])?)?;
    let key = &made["AccessKey"];
    let id = key["AccessKeyId"].as_str().context("an id")?;
    let secret = key["SecretAccessKey"].as_str().context("a secret")?;
    let alice = root
        .clone()
        .with("AWS_ACCESS_KEY_ID", id)
        .with("AWS_SECRET_ACCESS_KEY", secret);
    let who = ["sts", "get-caller-identity"];
    alice.call(&who)?;
    let printed = shell.stepd(&["keys", "create", "bob"])?;
    ensure!(printed.contains("AWS_SECRET_ACCESS_KEY="), "{printed}");
    let listed = shell.stepd(&["keys", "list"])?;
    ensure!(
        listed.contains(id) && listed.contains("bob") && !listed.contains(secret),
        "{listed}"
    );
    ensure!(!shell.stepd(&["keys", "list", "alice"])?.contains("bob"));

    shell.stepd(&["keys", "deactivate", id])?;
    ensure!(alice.refused(&who)?.message.contains(INVALID));
    ensure!(
        shell
            .stepd(&["keys", "list", "alice"])?
            .contains("Inactive")
    );
    shell.stepd(&["keys", "activate", id, "--user", "alice"])?;
    alice.call(&who)?;
    shell.stepd(&["keys", "delete", id])?;
    ensure!(alice.refused(&who)?.message.contains(INVALID));
    let refused = shell.refused(&["keys", "delete", id])?;
    ensure!(refused.contains("no user has the access key"), "{refused}");
    let own = server.env()["AWS_ACCESS_KEY_ID"].clone();
    let refused = shell.refused(&["keys", "delete", &own])?;
    ensure!(refused.contains("`stepd keys rotate`"), "{refused}");

    // This server was told its owner's key, and is told so again at the next start.
    let data_dir = server.data_dir();
    let data_dir = data_dir.to_str().context("a path")?;
    let refused = shell.refused(&["keys", "rotate", "--data-dir", data_dir])?;
    ensure!(refused.contains("--root-access-key"), "{refused}");
    Ok(())
}

/// A server that made its owner's key itself.
struct Own(Child);

impl Own {
    fn start(data_dir: &str) -> anyhow::Result<Self> {
        let mut child = Command::new(stepd()?)
            .args(["serve", "--listen", "127.0.0.1:0", "--region", "eu-north-1"])
            .args(["--data-dir", data_dir])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut output = BufReader::new(child.stdout.take().context("a pipe")?);
        let own = Self(child);
        let mut line = String::new();
        output.read_line(&mut line)?;
        ensure!(line.contains("stepd is ready on"), "{line}");
        Ok(own)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_owners_key_is_exchanged_while_the_server_runs() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data_dir = folder.path().join("data");
    let data_dir = data_dir.to_str().context("a path")?;
    let shell = Shell::new(folder.path())?.with("STEPD_DATA_DIR", data_dir);
    let server = Own::start(data_dir)?;
    // The region is the server's, without being told.
    shell.stepd(&["login"])?;
    ensure!(shell.who("stepd")? == ROOT);
    shell.stepd(&["keys", "rotate"])?;
    let who = shell.who("stepd")?;
    ensure!(who.contains(INVALID), "{who}");
    shell.stepd(&["login"])?;
    ensure!(shell.who("stepd")? == ROOT);
    drop(server);
    let _server = Own::start(data_dir)?;
    // The new key is on disk; only the port is another one.
    shell.stepd(&["login"])?;
    ensure!(shell.who("stepd")? == ROOT);
    Ok(())
}
