//! `stepd keys`: access keys of users, through the IAM API, and the owner's, which is kept in the data
//! directory and exchanged by the server itself.

use std::path::PathBuf;
use std::sync::Weak;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use gateway::{Gateway, Route, RouteAnswer, RouteRequest};
use http::Method;
use serde_json::{Value, json};
use service::Failure;

use crate::client::Client;
use crate::keys::Keys;
use crate::names::text;
use crate::print::{self, Paint};
use crate::{login, place};

/// What is done about access keys.
#[derive(clap::Subcommand)]
pub enum Command {
    /// List the access keys of a user, or of all users
    List(ListArguments),
    /// Make an access key for a user; its secret is shown this once
    Create(CreateArguments),
    /// Have a key refused until it is activated again
    Deactivate(KeyArguments),
    /// Have a key accepted again
    Activate(KeyArguments),
    /// Delete a key for ever
    Delete(KeyArguments),
    /// Exchange the owner's key for a new one; the old one is refused from then on
    Rotate(RotateArguments),
}

/// Options of `stepd keys list`.
#[derive(clap::Args)]
pub struct ListArguments {
    /// The user; all users when absent
    user: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `stepd keys create`.
#[derive(clap::Args)]
pub struct CreateArguments {
    /// The user
    user: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Which key of a user.
#[derive(clap::Args)]
pub struct KeyArguments {
    /// The access key's id
    id: String,
    /// Whose it is; looked for when absent
    #[arg(long)]
    user: Option<String>,
}

/// Options of `stepd keys rotate`.
#[derive(clap::Args)]
pub struct RotateArguments {
    /// The server's data directory
    #[arg(long, env = "STEPD_DATA_DIR", default_value_os_t = place::default_data_dir())]
    data_dir: PathBuf,
}

/// Carries out the command.
pub fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => list(arguments),
        Command::Create(arguments) => create(arguments),
        Command::Deactivate(key) => update(key, "Inactive"),
        Command::Activate(key) => update(key, "Active"),
        Command::Delete(key) => delete(key),
        Command::Rotate(arguments) => rotate(arguments),
    }
}

/// Returns everything that an operation lists, page by page.
fn every(
    client: &Client,
    action: &str,
    members: &[(&str, &str)],
    list: &str,
) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut marker = String::new();
    loop {
        let mut members = members.to_vec();
        if !marker.is_empty() {
            members.push(("Marker", &marker));
        }
        let mut page = client.query("iam", action, &members)?;
        if let Value::Array(items) = page[list].take() {
            all.extend(items);
        }
        if text(&page, "IsTruncated") != "true" {
            return Ok(all);
        }
        marker = text(&page, "Marker").to_owned();
    }
}

fn keys_of(client: &Client, user: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let users = match user {
        Some(user) => vec![user.to_owned()],
        None => {
            let users = every(client, "ListUsers", &[], "Users")?;
            users
                .iter()
                .map(|user| text(user, "UserName").to_owned())
                .collect()
        }
    };
    let mut keys = Vec::new();
    for user in &users {
        let named = [("UserName", user.as_str())];
        keys.extend(every(
            client,
            "ListAccessKeys",
            &named,
            "AccessKeyMetadata",
        )?);
    }
    Ok(keys)
}

fn list(arguments: &ListArguments) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let keys = keys_of(&client, arguments.user.as_deref())?;
    if arguments.json {
        return print::json(&json!({ "AccessKeyMetadata": keys }));
    }
    if keys.is_empty() {
        return print::out("there is no access key yet: `stepd keys create USER` makes one\n");
    }
    let paint = Paint::for_output();
    let head = ["USER", "ACCESS KEY", "STATUS", "CREATED"];
    let mut rows = vec![head.map(|name| paint.faint(name)).to_vec()];
    rows.extend(keys.iter().map(|key| {
        ["UserName", "AccessKeyId", "Status", "CreateDate"]
            .map(|member| text(key, member).to_owned())
            .to_vec()
    }));
    print::out(&print::columns(&rows))
}

fn create(arguments: &CreateArguments) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    let named = [("UserName", arguments.user.as_str())];
    let made = client.query("iam", "CreateAccessKey", &named)?;
    let key = &made["AccessKey"];
    if arguments.json {
        return print::json(&made);
    }
    print::out(&format!(
        "AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}\n",
        text(key, "AccessKeyId"),
        text(key, "SecretAccessKey")
    ))?;
    eprintln!("the secret is not shown again");
    Ok(())
}

/// Returns a client, and whose the key is.
fn found(key: &KeyArguments) -> anyhow::Result<(Client, String)> {
    let client = Client::from_environment()?;
    if let Some(user) = &key.user {
        return Ok((client, user.clone()));
    }
    if client.credentials().access_key_id == key.id {
        // Perhaps the owner's, perhaps a user's: both would lock out whoever asks.
        bail!(
            "{} is the key that this command signs with: say --user if it is meant, or `stepd keys rotate` for the owner's",
            key.id
        );
    }
    let keys = keys_of(&client, None)?;
    let one = keys
        .iter()
        .find(|known| text(known, "AccessKeyId") == key.id);
    let one = one.with_context(|| format!("no user has the access key {}", key.id))?;
    let user = text(one, "UserName").to_owned();
    Ok((client, user))
}

fn update(key: &KeyArguments, status: &str) -> anyhow::Result<()> {
    let (client, user) = found(key)?;
    let members = [
        ("UserName", user.as_str()),
        ("AccessKeyId", &key.id),
        ("Status", status),
    ];
    client.query("iam", "UpdateAccessKey", &members)?;
    print::out(&format!(
        "{} of {user} is {}\n",
        key.id,
        status.to_lowercase()
    ))
}

fn delete(key: &KeyArguments) -> anyhow::Result<()> {
    let (client, user) = found(key)?;
    let members = [("UserName", user.as_str()), ("AccessKeyId", &key.id)];
    client.query("iam", "DeleteAccessKey", &members)?;
    print::out(&format!("{} of {user} is deleted\n", key.id))
}

fn rotate(arguments: &RotateArguments) -> anyhow::Result<()> {
    let client = login::owner(&arguments.data_dir, None, None)?;
    let answer = client.ask("keys", &json!({}))?;
    print::out(&format!(
        "the owner's key is {} from now on; the one before is refused\n",
        text(&answer, "accessKeyId")
    ))?;
    eprintln!(
        "shells and profiles have the old one: `eval \"$(stepd env)\"` and `stepd login` again"
    );
    Ok(())
}

/// `POST /_stepd/keys`: makes another access key for the owner, who must ask for it.
pub struct Rotation {
    /// Where the key is kept.
    pub data_dir: PathBuf,
    /// Who is told of it. It holds the routes, so they do not hold it.
    pub gateway: Weak<Gateway>,
    /// Whether the key was chosen when the server was started: it would be back at the next start.
    pub is_chosen: bool,
}

#[async_trait]
impl Route for Rotation {
    fn name(&self) -> &'static str {
        "keys"
    }

    async fn answer(&self, request: RouteRequest) -> Result<RouteAnswer, Failure> {
        let refuse = |code: &'static str, message: &str, status| {
            Failure::client(code, message.to_owned()).with_status(status)
        };
        if request.method != Method::POST {
            return Err(refuse("MethodNotAllowed", "This is asked with POST.", 405));
        }
        // No policy hands this on: whoever has the owner's key may do everything.
        if !request.principal.is_root() {
            let message = "Only the owner may exchange the owner's access key.";
            return Err(refuse("AccessDenied", message, 403));
        }
        if self.is_chosen {
            let message = "The owner's access key was given to the server when it was started (--root-access-key): exchange it there.";
            return Err(refuse("ValidationException", message, 400));
        }
        let data_dir = self.data_dir.clone();
        // A new key is on disk before it is good, and good before it is told.
        let made = tokio::task::spawn_blocking(move || Keys::rotate(&data_dir)).await;
        let keys = match made {
            Ok(Ok(keys)) => keys,
            Ok(Err(error)) => {
                tracing::error!(?error, "the owner's key cannot be exchanged");
                return Err(Failure::internal("The new key cannot be kept."));
            }
            Err(_) => return Err(Failure::internal("The new key was not made.")),
        };
        let (id, secret) = (keys.root_access_key_id, keys.root_secret_access_key);
        if let Some(gateway) = self.gateway.upgrade() {
            gateway.replace_root_key(id.as_str().into(), secret.as_str().into());
        }
        let answer = json!({"accessKeyId": id, "secretAccessKey": secret});
        Ok(RouteAnswer::Json(answer.to_string().into()))
    }
}
