//! Names of parameters, and what may stand behind one: a version or a label.

use service::{Failure, Site};

use crate::{Parameter, Version};

/// Returns the failure of a name that AWS does not take.
pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure::client("ValidationException", message)
}

pub(crate) fn not_found() -> Failure {
    // AWS says no more.
    Failure::client("ParameterNotFound", "")
}

/// Checks the name of a new parameter.
pub(crate) fn check(name: &str) -> Result<(), Failure> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte);
    if name.is_empty() || name.len() > 2048 || !name.bytes().all(letter) {
        return Err(invalid(
            "Parameter name: can't be empty and must only contain letters, digits and the symbols .-_/.",
        ));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(invalid("Parameter name must be a fully qualified name."));
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        let message = match name.contains('/') {
            true => {
                "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
            }
            false => {
                "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."
            }
        };
        return Err(if first.starts_with("aws") {
            Failure::client(
                "AccessDeniedException",
                format!("No access to reserved parameter name: {name}."),
            )
        } else {
            invalid(message)
        });
    }
    Ok(())
}

/// What a caller names: a parameter, by name or ARN, and perhaps one version of it.
pub(crate) struct Wanted {
    pub name: String,
    /// The other name that it may be: `x` and `/x` have the same ARN.
    pub slashed: Option<String>,
    /// A number or a label, with its colon, as it is shown again.
    pub selector: Option<String>,
}

impl Wanted {
    pub(crate) fn read(text: &str, site: &Site) -> Self {
        let prefix = format!("arn:aws:ssm:{}:{}:parameter", site.region, site.account_id);
        let path = text.strip_prefix(&prefix).unwrap_or(text);
        let (name, selector) = match path.split_once(':') {
            Some((name, selector)) => (name, Some(format!(":{selector}"))),
            None => (path, None),
        };
        // An ARN has a slash before every name, also before one that has none.
        let inner = name.strip_prefix('/').filter(|inner| !inner.contains('/'));
        let inner = inner.filter(|_| text.starts_with("arn:"));
        Self {
            name: inner.unwrap_or(name).to_owned(),
            slashed: inner.map(|_| name.to_owned()),
            selector,
        }
    }

    /// Returns the version of `parameter` that is meant.
    pub(crate) fn version<'a>(&self, parameter: &'a Parameter) -> Result<&'a Version, Failure> {
        let Some(selector) = &self.selector else {
            return parameter.versions.last().ok_or_else(not_found);
        };
        let selector = &selector[1..];
        let number: Option<i64> = selector.parse().ok();
        let meant = |version: &&Version| match number {
            Some(number) => version.number == number,
            None => version.labels.iter().any(|label| label == selector),
        };
        parameter.versions.iter().find(meant).ok_or_else(|| {
            let message = format!(
                "Systems Manager could not find version {selector} of {}. Verify the version and try again.",
                self.name
            );
            Failure::client("ParameterVersionNotFound", message)
        })
    }
}
