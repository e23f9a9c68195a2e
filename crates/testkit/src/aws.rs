//! The real AWS command line, run as a user would run it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::{binary, server};

/// The AWS command line with its environment. It knows nothing of the person's own account.
#[derive(Clone, Debug)]
pub struct Aws {
    program: PathBuf,
    environment: BTreeMap<String, String>,
    folder: PathBuf,
}

/// What a command printed when it was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `ExecutionDoesNotExist`, from the line `An error occurred (…)`; empty without such a line.
    pub code: String,
    /// The service's message; all that was printed where there is no such line.
    pub message: String,
}

/// What `aws lambda invoke` showed: the function's answer, and the service's about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The payload.
    pub payload: Value,
    /// `Unhandled` when the function failed.
    pub function_error: Option<String>,
}

impl Aws {
    /// Returns the command line of the tools, with `environment`, running in `folder`.
    pub fn new(environment: BTreeMap<String, String>, folder: &Path) -> anyhow::Result<Self> {
        let program = binary::tools()?.join("venv/bin/aws");
        Ok(Self {
            program,
            environment,
            folder: folder.to_owned(),
        })
    }

    /// Returns the same with one more variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Returns the command `aws ARGUMENTS…`, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        server::without_aws(&mut command);
        let nowhere = self.folder.join("no-such-file");
        command
            .env("AWS_CONFIG_FILE", &nowhere)
            .env("AWS_SHARED_CREDENTIALS_FILE", &nowhere);
        command
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_PAGER", "");
        // The first version of the command line sends the calls of SQS to AWS, whatever the variable says.
        if let (Some(&"sqs"), Some(endpoint)) =
            (arguments.first(), self.environment.get("AWS_ENDPOINT_URL"))
        {
            command.args(["--endpoint-url", endpoint]);
        }
        command
            .args(arguments)
            .envs(&self.environment)
            .current_dir(&self.folder);
        command
    }

    /// Runs `aws ARGUMENTS…` and returns the JSON that it printed; `null` where it printed nothing.
    pub fn call(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        match self.try_call(arguments)? {
            Ok(value) => Ok(value),
            Err(refusal) => bail!(
                "aws {}: {} {}",
                arguments.join(" "),
                refusal.code,
                refusal.message
            ),
        }
    }

    /// Creates a function in Node.js whose handler is `index.handler` of `source`.
    pub fn create_function(&self, name: &str, role: &str, source: &str) -> anyhow::Result<()> {
        let index = self.folder.join("index.js");
        let bundle = self.folder.join(format!("{name}.zip"));
        std::fs::write(&index, source).context("could not write the function")?;
        // The Python that the command line runs on packs as well as any.
        let python = self.program.with_file_name("python");
        let status = Command::new(python)
            .args(["-m", "zipfile", "-c"])
            .arg(&bundle)
            .arg(&index)
            .status();
        ensure!(
            status.context("could not start python")?.success(),
            "python could not pack {}",
            index.display()
        );
        let code = format!("fileb://{}", bundle.display());
        let made = [
            "lambda",
            "create-function",
            "--function-name",
            name,
            "--role",
            role,
            "--zip-file",
            &code,
        ];
        self.call(
            &[
                made.as_slice(),
                &["--runtime", "nodejs22.x", "--handler", "index.handler"],
            ]
            .concat(),
        )
        .map(drop)
    }

    /// Runs `aws ARGUMENTS…`, which must be refused; returns how.
    pub fn refused(&self, arguments: &[&str]) -> anyhow::Result<Refusal> {
        match self.try_call(arguments)? {
            Ok(value) => bail!("aws {}: was not refused: {value}", arguments.join(" ")),
            Err(refusal) => Ok(refusal),
        }
    }

    /// Runs `aws ARGUMENTS…`; the outer error is that it could not be run at all.
    pub fn try_call(&self, arguments: &[&str]) -> anyhow::Result<Result<Value, Refusal>> {
        let output = self
            .command(arguments)
            .output()
            .context("could not start the AWS command line")?;
        if !output.status.success() {
            return Ok(Err(refusal_of(&String::from_utf8_lossy(&output.stderr))));
        }
        if output.stdout.iter().all(u8::is_ascii_whitespace) {
            return Ok(Ok(Value::Null));
        }
        let value = serde_json::from_slice(&output.stdout);
        let value = value.with_context(|| {
            format!(
                "aws {} printed no JSON: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stdout)
            )
        })?;
        Ok(Ok(value))
    }

    /// Runs `aws lambda invoke … /dev/stdout` as the workshop's page does, which prints the
    /// function's answer and the service's, one behind the other.
    pub fn invoke(&self, function: &str, payload: &Value) -> anyhow::Result<Answer> {
        let payload = payload.to_string();
        let arguments = [
            "lambda",
            "invoke",
            "--function-name",
            function,
            "--payload",
            &payload,
            "/dev/stdout",
        ];
        let output = self
            .command(&arguments)
            .output()
            .context("could not start the AWS command line")?;
        if !output.status.success() {
            bail!(
                "aws lambda invoke {function}: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let mut values = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
        let (payload, told) = (values.next(), values.next());
        let (Some(Ok(payload)), Some(Ok(told))) = (payload, told) else {
            bail!(
                "aws lambda invoke {function} printed: {}",
                String::from_utf8_lossy(&output.stdout)
            );
        };
        if told["StatusCode"] != 200 {
            bail!(
                "aws lambda invoke {function}: the status is {}",
                told["StatusCode"]
            );
        }
        Ok(Answer {
            payload,
            function_error: told["FunctionError"].as_str().map(str::to_owned),
        })
    }
}

/// Reads `An error occurred (CODE) when calling the X operation: MESSAGE`.
fn refusal_of(text: &str) -> Refusal {
    let found = text
        .split_once("An error occurred (")
        .and_then(|(_, rest)| {
            let (code, rest) = rest.split_once(')')?;
            let (_, message) = rest
                .split_once(" operation: ")
                .or_else(|| rest.split_once(": "))?;
            Some(Refusal {
                code: code.to_owned(),
                message: message.trim().to_owned(),
            })
        });
    found.unwrap_or_else(|| Refusal {
        code: String::new(),
        message: text.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::refusal_of;

    #[test]
    fn a_refusal_is_read_from_what_the_command_line_prints() {
        let text = "\nAn error occurred (TaskTimedOut) when calling the SendTaskSuccess operation: \
                    Task Timed Out: 'Provided task does not exist anymore'\n";
        let refusal = refusal_of(text);
        assert_eq!(refusal.code, "TaskTimedOut");
        assert_eq!(
            refusal.message,
            "Task Timed Out: 'Provided task does not exist anymore'"
        );
        let refusal = refusal_of("Could not connect to the endpoint URL\n");
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            ("", "Could not connect to the endpoint URL")
        );
    }
}
