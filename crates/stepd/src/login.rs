//! `stepd login`: a profile for the AWS command line and SDKs, with the server's address and keys that are good.
//!
//! Everything is tried before anything is written: a profile that is there works.

mod profiles;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::client::{Client, Credentials};
use crate::keys::Keys;
use crate::names::text;
use crate::place;

pub use profiles::{Kind, ProfileFile};

/// Options of `stepd login`.
#[derive(clap::Args)]
#[command(
    after_help = "Without --user and --role the profile has the owner's key, which may do everything."
)]
pub struct Arguments {
    /// The server's data directory
    #[arg(long, env = "STEPD_DATA_DIR", default_value_os_t = place::default_data_dir())]
    data_dir: PathBuf,
    /// The server's address, if it is not the one that the server wrote down
    #[arg(long, alias = "endpoint")]
    endpoint_url: Option<String>,
    /// The server's region, if it is not the one that the server wrote down
    #[arg(long)]
    region: Option<String>,
    /// Sign with the keys in AWS_* instead of the owner's in the data directory, as on another machine
    #[arg(long)]
    from_environment: bool,
    /// The profile to write
    #[arg(long, default_value = "stepd", value_parser = profile_name)]
    profile: String,
    /// Be this user: with a session that ends after --seconds, or with a key of its own
    #[arg(long)]
    user: Option<String>,
    /// Give the user an access key that does not end by itself
    #[arg(long, requires = "user")]
    access_key: bool,
    /// How long the user's session is
    #[arg(long, default_value_t = 43_200, value_parser = clap::value_parser!(u32).range(900..=129_600))]
    seconds: u32,
    /// Be this role, by name or ARN; tools assume it by themselves and again when its session ends
    #[arg(long)]
    role: Option<String>,
    /// Write over a profile of this name that somebody else made
    #[arg(long)]
    replace: bool,
}

fn profile_name(text: &str) -> Result<String, String> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@+".contains(&byte);
    if !text.is_empty() && text.bytes().all(letter) {
        Ok(text.to_owned())
    } else {
        Err("a profile's name is made of letters, digits and -_.@+".into())
    }
}

/// Writes the profile and says what was written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut config = ProfileFile::read(Kind::Config, Kind::Config.path()?)?;
    let mut credentials = ProfileFile::read(Kind::Credentials, Kind::Credentials.path()?)?;
    let profile = arguments.profile.as_str();
    if !arguments.replace {
        for file in [&config, &credentials] {
            if file.is_foreign(profile) {
                bail!(
                    "{} has a profile {profile} that `stepd login` did not write: choose another with --profile, or say --replace",
                    file.path().display()
                );
            }
        }
    }
    let caller = caller(arguments)?;
    let whose = identity(&caller)?;
    let mut until = None;
    let keys = match &arguments.user {
        None => caller.credentials().clone(),
        Some(user) if arguments.access_key => {
            let id = credentials.get(profile, "aws_access_key_id");
            let secret = credentials.get(profile, "aws_secret_access_key");
            match id.zip(secret) {
                // Whoever logs in again needs no other key.
                Some((id, secret)) if is_active(&caller, user, &id)? => Credentials {
                    access_key_id: id,
                    secret_access_key: secret,
                    session_token: None,
                },
                _ => new_key(&caller, user)?,
            }
        }
        Some(user) => {
            let (session, end) = session_of(&caller, user, arguments.seconds)?;
            until = Some(end);
            session
        }
    };
    let mut client = caller.with(keys.clone());
    let mut named = match arguments.user {
        Some(_) => identity(&client)?,
        None => whose,
    };
    let role = arguments.role.as_ref().map(|role| role_arn(role, &named));
    if let Some(role) = &role {
        client = client.assume(role)?;
        named = identity(&client)?;
    }

    let mut entries = vec![
        ("aws_access_key_id", keys.access_key_id.as_str()),
        ("aws_secret_access_key", keys.secret_access_key.as_str()),
    ];
    if let Some(token) = &keys.session_token {
        entries.push(("aws_session_token", token));
    }
    credentials.set(profile, &entries);
    let mut entries = vec![
        ("region", client.region()),
        ("endpoint_url", client.endpoint()),
        // Version 2 of the command line takes a payload for base64 unless it is told otherwise.
        ("cli_binary_format", "raw-in-base64-out"),
        // Two operations of Step Functions would go to `sync-` and the server's name, which is none.
        ("disable_host_prefix_injection", "true"),
    ];
    if let Some(role) = &role {
        entries.extend([("role_arn", role.as_str()), ("source_profile", profile)]);
    }
    config.set(profile, &entries);
    credentials.write()?;
    config.write()?;

    println!("profile {profile} is {named} at {}", client.endpoint());
    for (kind, file) in [(Kind::Config, &config), (Kind::Credentials, &credentials)] {
        println!("  {} {}", file.path().display(), kind.header(profile));
    }
    if let Some(until) = until {
        println!("its keys are good until {until}; the same command brings new ones");
    }
    println!("try: aws --profile {profile} stepfunctions list-state-machines");
    println!("or:  export AWS_PROFILE={profile}");
    for name in ["AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"] {
        if std::env::var_os(name).is_some_and(|value| !value.is_empty()) {
            eprintln!("note: {name} is set in this shell and goes before what a profile says");
        }
    }
    Ok(())
}

/// Returns a client of the server that signs as whoever logs somebody in.
fn caller(arguments: &Arguments) -> anyhow::Result<Client> {
    if arguments.from_environment {
        let client = Client::from_environment()?;
        return Ok(client.at(arguments.endpoint_url.clone(), arguments.region.clone()));
    }
    owner(
        &arguments.data_dir,
        arguments.endpoint_url.clone(),
        arguments.region.clone(),
    )
}

/// Returns a client that signs with the owner's key, which the data directory has.
///
/// # Errors
/// When no server has used the directory.
pub fn owner(
    data_dir: &std::path::Path,
    endpoint: Option<String>,
    region: Option<String>,
) -> anyhow::Result<Client> {
    let keys = Keys::read(data_dir)?;
    let credentials = Credentials {
        access_key_id: keys.root_access_key_id,
        secret_access_key: keys.root_secret_access_key,
        session_token: None,
    };
    Ok(Client::new(
        endpoint.unwrap_or_else(|| place::endpoint(data_dir)),
        region.unwrap_or_else(|| place::region(data_dir)),
        credentials,
    ))
}

/// Returns the ARN of whom the client signs as.
fn identity(client: &Client) -> anyhow::Result<String> {
    let answer = client.query("sts", "GetCallerIdentity", &[])?;
    Ok(text(&answer, "Arn").to_owned())
}

/// Returns the ARN of a role that is told by its name or its ARN, in the account of `whose`.
fn role_arn(role: &str, whose: &str) -> String {
    if role.starts_with("arn:") {
        return role.to_owned();
    }
    let account = whose.split(':').nth(4).unwrap_or_default();
    format!("arn:aws:iam::{account}:role/{role}")
}

fn is_active(caller: &Client, user: &str, id: &str) -> anyhow::Result<bool> {
    let answer = caller.query("iam", "ListAccessKeys", &[("UserName", user)])?;
    let keys = answer["AccessKeyMetadata"].as_array();
    Ok(keys
        .into_iter()
        .flatten()
        .any(|key| text(key, "AccessKeyId") == id && text(key, "Status") == "Active"))
}

fn new_key(caller: &Client, user: &str) -> anyhow::Result<Credentials> {
    let made = caller.query("iam", "CreateAccessKey", &[("UserName", user)]);
    let made = made.with_context(|| format!("{user} can have no new access key"))?;
    Ok(read_keys(&made["AccessKey"]))
}

/// Returns the keys of a session of the user, and when it ends. The key that it is asked for with goes again.
fn session_of(caller: &Client, user: &str, seconds: u32) -> anyhow::Result<(Credentials, String)> {
    let key = new_key(caller, user)?;
    let seconds = seconds.to_string();
    let session = caller.with(key.clone()).query(
        "sts",
        "GetSessionToken",
        &[("DurationSeconds", seconds.as_str())],
    );
    let id = key.access_key_id.as_str();
    let gone = caller.query(
        "iam",
        "DeleteAccessKey",
        &[("UserName", user), ("AccessKeyId", id)],
    );
    let session = session.with_context(|| format!("{user} can have no session"))?;
    gone.with_context(|| format!("the access key {id} of {user} cannot be deleted"))?;
    let session = &session["Credentials"];
    Ok((read_keys(session), text(session, "Expiration").to_owned()))
}

fn read_keys(answer: &Value) -> Credentials {
    let token = text(answer, "SessionToken");
    Credentials {
        access_key_id: text(answer, "AccessKeyId").to_owned(),
        secret_access_key: text(answer, "SecretAccessKey").to_owned(),
        session_token: (!token.is_empty()).then(|| token.to_owned()),
    }
}
