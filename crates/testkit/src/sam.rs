//! The real SAM command line, run as a user would run it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::{binary, server};

/// The SAM command line. It knows nothing of the person's own account.
#[derive(Clone, Debug)]
pub struct Sam {
    program: PathBuf,
}

impl Sam {
    /// Returns the command line of the tools.
    pub fn find() -> anyhow::Result<Self> {
        let program = binary::tools()?.join("sam/bin/sam");
        if !program.exists() {
            bail!(
                "there is no {}; run `cargo xtask tools` once",
                program.display()
            );
        }
        Ok(Self { program })
    }

    /// Returns the command `sam ARGUMENTS…` in `folder`, ready to be started.
    pub fn command(
        &self,
        environment: &BTreeMap<String, String>,
        folder: &Path,
        arguments: &[&str],
    ) -> Command {
        let mut command = Command::new(&self.program);
        server::without_aws(&mut command);
        let nowhere = folder.join("no-such-file");
        command
            .env("AWS_CONFIG_FILE", &nowhere)
            .env("AWS_SHARED_CREDENTIALS_FILE", &nowhere)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("SAM_CLI_TELEMETRY", "0")
            .env("SAM_CLI_POLL_DELAY", "1")
            .args(arguments)
            .envs(environment)
            .current_dir(folder);
        command
    }
}
