//! How callers name a function: by name, by part of its ARN, or by all of it, with or without a
//! qualifier.

use service::{Failure, Site};
use vocab::Arn;

use crate::failure;

/// The version that changes.
pub const LATEST: &str = "$LATEST";

const NAME_CHARS_MAX: usize = 64;
const PATTERN: &str = r"Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";

/// A function that a caller named, and the version or alias of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionName {
    /// The name alone.
    pub name: String,
    /// What was asked for, in the name or beside it.
    pub qualifier: Option<String>,
}

impl FunctionName {
    /// Parses `text`, with the call's `Qualifier` if it has one.
    pub fn parse(text: &str, qualifier: Option<&str>, site: &Site) -> Result<Self, Failure> {
        let parts =
            split(text).ok_or_else(|| failure::validation(text, "functionName", PATTERN))?;
        if parts.region.is_some_and(|region| region != &*site.region) {
            return Err(failure::other_region(
                parts.region.unwrap_or_default(),
                &site.region,
            ));
        }
        if parts
            .account
            .is_some_and(|account| account != &*site.account_id)
        {
            return Err(failure::function_not_found(text));
        }
        if let (Some(inner), Some(outer)) = (parts.qualifier, qualifier)
            && inner != outer
        {
            return Err(failure::invalid_parameter(
                "The derived qualifier from the function name does not match the specified qualifier.",
            ));
        }
        let qualifier = qualifier.or(parts.qualifier).map(str::to_owned);
        Ok(Self {
            name: parts.name.to_owned(),
            qualifier,
        })
    }

    /// Returns the function's ARN, without a qualifier.
    pub fn arn(&self, site: &Site) -> String {
        function_arn(&self.name, site)
    }

    /// Returns the ARN as `ResourceNotFoundException` prints it for this call.
    pub fn qualified_arn(&self, site: &Site, default: Option<&str>) -> String {
        match self.qualifier.as_deref().or(default) {
            Some(qualifier) => format!("{}:{qualifier}", self.arn(site)),
            None => self.arn(site),
        }
    }

    /// Returns what the qualifier means.
    pub fn which(&self) -> Qualifier<'_> {
        match self.qualifier.as_deref() {
            None | Some(LATEST) => Qualifier::Latest,
            Some(text) => match text.parse() {
                Ok(number) => Qualifier::Version(number),
                Err(_) => Qualifier::Alias(text),
            },
        }
    }
}

/// What a qualifier means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier<'a> {
    /// The function as it is now.
    Latest,
    /// A version.
    Version(u64),
    /// An alias.
    Alias(&'a str),
}

/// Returns the ARN of the function `name`.
pub fn function_arn(name: &str, site: &Site) -> String {
    format!(
        "arn:aws:lambda:{}:{}:function:{name}",
        site.region, site.account_id
    )
}

struct Parts<'a> {
    region: Option<&'a str>,
    account: Option<&'a str>,
    name: &'a str,
    qualifier: Option<&'a str>,
}

fn split(text: &str) -> Option<Parts<'_>> {
    let parts = if text.starts_with("arn:") {
        let arn = Arn::parse(text).filter(|arn| arn.service == "lambda")?;
        let (name, qualifier) = name_and_qualifier(arn.resource.strip_prefix("function:")?);
        Parts {
            region: Some(arn.region),
            account: Some(arn.account),
            name,
            qualifier,
        }
    // `my-function:1` is a name that ends so.
    } else if let Some((before, after)) = text
        .split_once("function:")
        .filter(|(before, _)| before.is_empty() || before.ends_with(':'))
    {
        let (name, qualifier) = name_and_qualifier(after);
        let mut before = before.strip_suffix(':').unwrap_or(before).rsplitn(2, ':');
        let account = before.next().filter(|account| !account.is_empty());
        Parts {
            region: before.next(),
            account,
            name,
            qualifier,
        }
    } else {
        let (name, qualifier) = name_and_qualifier(text);
        Parts {
            region: None,
            account: None,
            name,
            qualifier,
        }
    };
    let account_is_valid =
        |account: &str| account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let qualifier_is_valid = |qualifier: &str| qualifier == LATEST || is_word(qualifier, 128);
    let valid = is_word(parts.name, NAME_CHARS_MAX)
        && parts.account.is_none_or(account_is_valid)
        && parts.qualifier.is_none_or(qualifier_is_valid);
    valid.then_some(parts)
}

fn name_and_qualifier(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (text, None),
    }
}

fn is_word(text: &str, chars_max: usize) -> bool {
    (1..=chars_max).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, qualifier: Option<&str>) -> Result<String, String> {
        let site = Site {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        };
        FunctionName::parse(text, qualifier, &site)
            .map(|name| {
                name.qualified_arn(&site, None)
                    ["arn:aws:lambda:us-east-1:000000000000:function:".len()..]
                    .to_owned()
            })
            .map_err(|failure| failure.code.into_owned())
    }

    #[test]
    fn names_are_read_in_every_form() {
        let cases = [
            ("f", None, Ok("f")),
            ("f:$LATEST", None, Ok("f:$LATEST")),
            ("f", Some("prod"), Ok("f:prod")),
            ("f:prod", Some("prod"), Ok("f:prod")),
            ("function:f", None, Ok("f")),
            ("000000000000:function:f", None, Ok("f")),
            ("us-east-1:000000000000:function:f:1", None, Ok("f:1")),
            (
                "arn:aws:lambda:us-east-1:000000000000:function:f",
                None,
                Ok("f"),
            ),
            (
                "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST",
                None,
                Ok("f:$LATEST"),
            ),
            ("f:prod", Some("dev"), Err("InvalidParameterValueException")),
            (
                "arn:aws:lambda:eu-west-1:000000000000:function:f",
                None,
                Err("ResourceNotFoundException"),
            ),
            (
                "arn:aws:lambda:us-east-1:111111111111:function:f",
                None,
                Err("ResourceNotFoundException"),
            ),
            (
                "arn:aws:states:us-east-1:000000000000:function:f",
                None,
                Err("ValidationException"),
            ),
            ("", None, Err("ValidationException")),
            ("../f", None, Err("ValidationException")),
            ("f:a:b", None, Err("ValidationException")),
            ("f g", None, Err("ValidationException")),
        ];
        for (text, qualifier, expected) in cases {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(check(text, qualifier), expected, "{text} {qualifier:?}");
        }
    }
}
