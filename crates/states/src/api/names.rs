//! Names and ARNs, as callers write them.

use service::{Failure, Site};
use vocab::Arn;

use super::failure;

/// Checks a name of a state machine or an execution. The model has checked its length.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    if name.chars().any(is_forbidden) {
        return Err(failure::invalid_name(name));
    }
    Ok(())
}

/// `CreateStateMachine` and `StartExecution`, "name": "A name must not contain …".
fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}') || " <>{}[]?*\"#%\\^|~`$&,;:/".contains(c)
}

/// Returns the ARN's partition that `region` lies in.
fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Returns the ARN of the state machine called `name`.
pub(crate) fn machine_arn(site: &Site, name: &str) -> String {
    let Site { region, account_id } = site;
    format!(
        "arn:{}:states:{region}:{account_id}:stateMachine:{name}",
        partition(region)
    )
}

/// Returns the ARN of the activity called `name`.
pub(crate) fn activity_arn(site: &Site, name: &str) -> String {
    let Site { region, account_id } = site;
    format!(
        "arn:{}:states:{region}:{account_id}:activity:{name}",
        partition(region)
    )
}

/// Returns the name in the ARN of an activity.
pub(crate) fn parse_activity_arn(text: &str) -> Result<&str, Failure> {
    match resource(text)? {
        ("activity", name) => Ok(name),
        (other, _) => Err(failure::wrong_resource_type(other)),
    }
}

/// Which state machine an ARN means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MachineArn<'a> {
    /// `…:stateMachine:NAME`.
    Plain {
        /// The name.
        name: &'a str,
    },
    /// `…:stateMachine:NAME:QUALIFIER`: a version or an alias.
    Qualified {
        /// The ARN without the qualifier.
        base: &'a str,
        /// What follows.
        qualifier: Qualifier<'a>,
    },
    /// `…:stateMachine:NAME/LABEL`: the inner machine of a Distributed Map.
    Labelled,
}

/// What follows the name in the ARN of a state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Qualifier<'a> {
    /// A number.
    Version(u64),
    /// A name, which is never all digits.
    Alias(&'a str),
}

impl<'a> Qualifier<'a> {
    fn read(text: &'a str) -> Self {
        let number = text
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())
            .flatten();
        number.map_or(Self::Alias(text), Self::Version)
    }
}

/// Reads the ARN of a state machine.
pub(crate) fn parse_machine_arn(text: &str) -> Result<MachineArn<'_>, Failure> {
    let (resource_type, rest) = resource(text)?;
    if resource_type != "stateMachine" {
        return Err(failure::wrong_resource_type(resource_type));
    }
    Ok(match rest {
        _ if rest.contains('/') => MachineArn::Labelled,
        _ => match rest.split_once(':') {
            Some((_, qualifier)) => MachineArn::Qualified {
                base: &text[..text.len() - qualifier.len() - 1],
                qualifier: Qualifier::read(qualifier),
            },
            None => MachineArn::Plain { name: rest },
        },
    })
}

/// The parts of an execution's ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExecutionArn<'a> {
    /// The machine's ARN.
    pub(crate) machine_arn: String,
    /// The execution's name.
    pub(crate) name: &'a str,
}

/// Reads the ARN of an execution.
pub(crate) fn parse_execution_arn(text: &str) -> Result<ExecutionArn<'_>, Failure> {
    let (resource_type, rest) = resource(text)?;
    if resource_type != "execution" {
        return Err(failure::wrong_resource_type(resource_type));
    }
    // A name cannot be empty: such an execution cannot be there.
    let (machine, name) = rest.split_once(':').unwrap_or((rest, ""));
    let head = &text[..text.len() - rest.len() - "execution:".len()];
    Ok(ExecutionArn {
        machine_arn: format!("{head}stateMachine:{machine}"),
        name,
    })
}

/// Like [`parse_execution_arn`], where the execution may be one of an EXPRESS machine. A map run's child
/// has a name of its own; any other is told apart by what follows its name.
pub(crate) fn parse_any_execution_arn(text: &str) -> Result<ExecutionArn<'_>, Failure> {
    let ("express", rest) = resource(text)? else {
        return parse_execution_arn(text);
    };
    let (machine, mut name) = rest.split_once(':').unwrap_or((rest, ""));
    if machine.contains('/') {
        name = name.split(':').next().unwrap_or_default();
    }
    let head = &text[..text.len() - rest.len() - "express:".len()];
    Ok(ExecutionArn {
        machine_arn: format!("{head}stateMachine:{machine}"),
        name,
    })
}

/// Returns the type and the name of the resource that a Step Functions ARN names.
pub(crate) fn resource(text: &str) -> Result<(&str, &str), Failure> {
    let arn = Arn::parse(text)
        .filter(|arn| arn.service == "states")
        .ok_or_else(|| failure::invalid_arn_prefix(text))?;
    arn.resource
        .split_once(':')
        .ok_or_else(|| failure::invalid_arn_prefix(text))
}

/// Checks the ARN of a role.
pub(crate) fn check_role_arn(text: &str) -> Result<(), Failure> {
    Arn::parse(text)
        .filter(|arn| arn.service == "iam" && arn.resource.starts_with("role/"))
        .map(|_| ())
        .ok_or_else(|| failure::invalid_role_arn(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_names_that_aws_takes() {
        for good in [
            "a",
            "A-b_c.d",
            "name+with=signs@and!(more)'",
            "Größe",
            "名前",
        ] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in [
            "a b", "a/b", "a:b", "a\u{7f}", "a\u{9f}b", "\t", "a\\", "`", "x~", "{", "50%",
        ] {
            let failure = check_name(bad).expect_err(bad);
            assert_eq!(failure.message, format!("Invalid Name: '{bad}'"));
        }
    }

    #[test]
    fn reads_arns() {
        let head = "arn:aws:states:us-east-1:000000000000";
        let machine = format!("{head}:stateMachine:M");
        let cases = [
            (
                format!("{head}:stateMachine:M"),
                Ok(MachineArn::Plain { name: "M" }),
            ),
            (
                format!("{head}:stateMachine:M:3"),
                Ok(MachineArn::Qualified {
                    base: &machine,
                    qualifier: Qualifier::Version(3),
                }),
            ),
            (
                format!("{head}:stateMachine:M:PROD"),
                Ok(MachineArn::Qualified {
                    base: &machine,
                    qualifier: Qualifier::Alias("PROD"),
                }),
            ),
            (
                format!("{head}:stateMachine:M/label"),
                Ok(MachineArn::Labelled),
            ),
            (
                format!("{head}:execution:M:e"),
                Err("Invalid Arn: 'Resource type not valid in this context: execution'"),
            ),
            ("x".to_owned(), Err("Invalid Arn: 'Invalid ARN prefix: x'")),
            (
                "arn:aws:s3:::b".to_owned(),
                Err("Invalid Arn: 'Invalid ARN prefix: arn:aws:s3:::b'"),
            ),
        ];
        for (text, expected) in &cases {
            let read = parse_machine_arn(text).map_err(|failure| failure.message);
            assert_eq!(read, expected.map_err(str::to_owned), "{text}");
        }
        let execution = format!("{head}:execution:M:run-1");
        let read = parse_execution_arn(&execution).expect("an ARN of an execution");
        assert_eq!(
            (read.machine_arn, read.name),
            (format!("{head}:stateMachine:M"), "run-1")
        );
        let express = format!("{head}:express:M:run-1:uuid");
        let failure = parse_execution_arn(&express).expect_err("an express execution");
        assert_eq!(
            failure.message,
            "Invalid Arn: 'Resource type not valid in this context: express'"
        );
    }
}
