//! Roles that tests name without making them: each may do everything, and the services that are given roles may
//! assume it.

use anyhow::Context;

use crate::Server;
use crate::client::Target;

/// The names of these roles.
const ROLES: &[&str] = &["any", "bench", "r"];

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":["events.amazonaws.com","lambda.amazonaws.com","scheduler.amazonaws.com","states.amazonaws.com"]},"Action":"sts:AssumeRole"}}"#;

const ALL: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// Makes the roles, where the server does not have them yet.
pub(crate) fn create(server: &Server) -> anyhow::Result<()> {
    let target = Target::of(server)?;
    // In a thread of its own: servers are started within tests that are async, too.
    let made = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("could not start a runtime")?;
        runtime.block_on(async {
            let mut client = target.connect().await?;
            for role in ROLES {
                let form = [
                    ("Action", "CreateRole"),
                    ("RoleName", role),
                    ("AssumeRolePolicyDocument", TRUST),
                ];
                let (status, text) = client.query("iam", &form).await?;
                anyhow::ensure!(status == 200 || status == 409, "{status} {text}");
                let form = [
                    ("Action", "AttachRolePolicy"),
                    ("RoleName", role),
                    ("PolicyArn", ALL),
                ];
                let (status, text) = client.query("iam", &form).await?;
                anyhow::ensure!(status == 200, "{status} {text}");
            }
            Ok(())
        })
    });
    made.join()
        .unwrap_or_else(|_| anyhow::bail!("it panicked"))
        .context("could not make the roles of tests")
}
