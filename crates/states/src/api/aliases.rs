//! What the actions on aliases and versions have in common.

use aws_model::states::RoutingConfigurationListItem;
use service::Failure;

use super::failure;
use super::names::{self, MachineArn, Qualifier};
use crate::machines::{Machine, MachineStatus, Route};
use crate::service::States;

/// Returns the machine that the plain ARN `arn` names, past the cache.
pub(super) async fn machine(states: &States, arn: &str) -> Result<Option<Machine>, Failure> {
    let machine = states.machines.read(plain(arn)?).await?;
    Ok(machine.filter(|machine| &*machine.arn == arn))
}

/// Returns the name in the ARN of a machine, which has neither version nor alias.
pub(super) fn plain(arn: &str) -> Result<&str, Failure> {
    match names::parse_machine_arn(arn)? {
        MachineArn::Plain { name } => Ok(name),
        MachineArn::Qualified { .. } => Err(failure::validation(
            "The state machine ARN must not have a version or an alias",
        )),
        MachineArn::Labelled => Err(failure::labelled_arn_not_supported()),
    }
}

/// Returns the machine's ARN and the name in the ARN of an alias.
pub(super) fn parts(arn: &str) -> Result<(&str, &str), Failure> {
    match names::parse_machine_arn(arn)? {
        MachineArn::Qualified {
            base,
            qualifier: Qualifier::Alias(name),
        } => Ok((base, name)),
        MachineArn::Plain { .. } | MachineArn::Qualified { .. } => Err(failure::validation(
            "The ARN must be that of a state machine alias",
        )),
        MachineArn::Labelled => Err(failure::labelled_arn_not_supported()),
    }
}

/// Checks a routing configuration, and returns the machine's ARN with the routes.
pub(super) fn routes(
    configuration: &[RoutingConfigurationListItem],
) -> Result<(&str, Vec<Route>), Failure> {
    let arns: Vec<&str> = configuration
        .iter()
        .map(|item| item.state_machine_version_arn.as_str())
        .collect();
    let received = || arns.join(", ");
    let mut machines = Vec::new();
    let mut routes = Vec::new();
    for item in configuration {
        let arn = &item.state_machine_version_arn;
        let MachineArn::Qualified {
            base,
            qualifier: Qualifier::Version(version),
        } = names::parse_machine_arn(arn)?
        else {
            return Err(failure::routing(
                "contain state machine version ARNs",
                &received(),
            ));
        };
        machines.push(base);
        let weight = u64::try_from(item.weight).unwrap_or(0);
        routes.push(Route { version, weight });
    }
    let first = *machines.first().ok_or_else(failure::missing_resource)?;
    if machines.iter().any(|machine| *machine != first) {
        return Err(failure::routing(
            "contain versions of one state machine",
            &received(),
        ));
    }
    if let [one, other] = &routes[..]
        && one.version == other.version
    {
        return Err(failure::routing(
            "contain distinct state machine version ARNs",
            &received(),
        ));
    }
    if routes.iter().map(|route| route.weight).sum::<u64>() != 100 {
        let weights: Vec<String> = routes
            .iter()
            .map(|route| route.weight.to_string())
            .collect();
        return Err(failure::weights(&weights.join(", ")));
    }
    Ok((first, routes))
}

/// Returns the machine of an alias, whose versions in `routes` are there.
pub(super) async fn with_versions(
    states: &States,
    arn: &str,
    routes: &[Route],
) -> Result<Machine, Failure> {
    let machine = machine(states, arn).await?;
    let machine = machine.ok_or_else(failure::missing_resource)?;
    if machine.record.status == MachineStatus::Deleting {
        return Err(failure::state_machine_deleting(arn));
    }
    for route in routes {
        let version = states.machines.version(arn, route.version).await?;
        version.ok_or_else(failure::missing_resource)?;
    }
    Ok(machine)
}

/// Returns routes as the API shows them.
pub(super) fn shown(machine_arn: &str, routes: &[Route]) -> Vec<RoutingConfigurationListItem> {
    let item = |route: &Route| RoutingConfigurationListItem {
        state_machine_version_arn: format!("{machine_arn}:{}", route.version),
        weight: i64::try_from(route.weight).unwrap_or(100),
    };
    routes.iter().map(item).collect()
}
