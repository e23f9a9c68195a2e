//! Amazon Resource Names: parsed once, compared as text.

use std::fmt;

/// The six fields of an ARN, borrowed from its text: `arn:partition:service:region:account:resource`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: &'a str,
    /// `states`, `lambda`, `iam`, …
    pub service: &'a str,
    /// Empty for services that have no region.
    pub region: &'a str,
    /// Twelve digits, or empty.
    pub account: &'a str,
    /// All that follows the fifth colon, with its colons and slashes.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Parses `text`; `None` when a field is missing or it does not start with `arn:`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut fields = text.splitn(6, ':');
        if fields.next()? != "arn" {
            return None;
        }
        Some(Self {
            partition: fields.next()?,
            service: fields.next()?,
            region: fields.next()?,
            account: fields.next()?,
            resource: fields.next().filter(|resource| !resource.is_empty())?,
        })
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            service,
            region,
            account,
            resource,
        } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_aws_writes() {
        let text = "arn:aws:states:us-east-1:000000000000:execution:Machine:name";
        let arn = Arn::parse(text).expect("an ARN");
        assert_eq!(
            (arn.service, arn.resource),
            ("states", "execution:Machine:name")
        );
        assert_eq!(arn.to_string(), text);
        for bad in [
            "",
            "arn:aws:states",
            "arn:aws:states:us-east-1:000000000000:",
            "urn:a:b:c:d:e",
        ] {
            assert_eq!(Arn::parse(bad), None, "{bad}");
        }
    }
}
