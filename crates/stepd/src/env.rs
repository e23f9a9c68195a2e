//! `stepd env`: the environment that points AWS tools at the server.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::keys::Keys;
use crate::login::{Kind, ProfileFile};
use crate::place;

/// Options of `stepd env`.
#[derive(clap::Args)]
#[command(after_help = "Use it as: eval \"$(stepd env)\"")]
pub struct Arguments {
    /// The server's data directory
    #[arg(long, env = "STEPD_DATA_DIR", default_value_os_t = place::default_data_dir())]
    data_dir: PathBuf,
    /// The server's address, if it is not the one that the server wrote down
    #[arg(long)]
    endpoint_url: Option<String>,
    /// The server's region, if it is not the one that the server wrote down
    #[arg(long)]
    region: Option<String>,
}

/// Prints `export` lines; writes the AWS configuration file that they name.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments {
        data_dir,
        endpoint_url,
        region,
    } = arguments;
    let keys = Keys::read(&data_dir)?;
    let endpoint = endpoint_url.unwrap_or_else(|| place::endpoint(&data_dir));
    let region = region.unwrap_or_else(|| place::region(&data_dir));
    let config = std::path::absolute(data_dir.join("aws-config"))
        .context("the data directory has no absolute path")?;
    let mut file = ProfileFile::read(Kind::Config, config.clone())?;
    // AWS CLI version 2 takes a payload for base64 unless its configuration says otherwise.
    let entries = [
        ("cli_binary_format", "raw-in-base64-out"),
        ("region", &region),
    ];
    file.set("default", &entries);
    file.write()?;
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_REGION", &region),
        ("AWS_DEFAULT_REGION", &region),
        ("AWS_ACCESS_KEY_ID", &keys.root_access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &keys.root_secret_access_key),
        // Two operations of Step Functions would go to `sync-` and the server's name, which is none.
        ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
        ("AWS_CONFIG_FILE", &config.to_string_lossy()),
    ];
    for (name, value) in variables {
        println!("export {name}={}", quoted(value));
    }
    // A session token of an earlier AWS session would spoil every signature.
    println!("unset AWS_SESSION_TOKEN AWS_PROFILE");
    Ok(())
}

/// Returns `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:+=@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn quotes_what_a_shell_would_read_otherwise() {
        for (text, expected) in [
            ("plain/+=", "plain/+="),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(x)", "'$(x)'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
