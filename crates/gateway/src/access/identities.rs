//! IAM, STS and CloudFormation.

use super::{Members, Need, Place};

/// Returns what a call of IAM needs. ARNs have the path that the call gives; where it gives none and the
/// identity has one, the gateway puts in the real ARN.
pub(super) fn iam(operation: &str, members: &Members<'_>, place: Place<'_>) -> Vec<Need> {
    let action = format!("iam:{operation}");
    let account = place.account;
    let path = members.text("Path").unwrap_or("/".into());
    let named = |kind: &str, member: &str| {
        let name = members.text(member)?;
        Some(format!("arn:aws:iam::{account}:{kind}{path}{name}"))
    };
    let resource = match operation {
        "ListUsers"
        | "ListRoles"
        | "ListGroups"
        | "ListPolicies"
        | "ListInstanceProfiles"
        | "GetAccountAuthorizationDetails"
        | "GetAccountSummary"
        | "SimulateCustomPolicy" => None,
        "SimulatePrincipalPolicy" => members.text("PolicySourceArn").map(|arn| arn.into_owned()),
        "AddUserToGroup" | "RemoveUserFromGroup" => named("group", "GroupName"),
        _ => named("user", "UserName")
            .or_else(|| named("instance-profile", "InstanceProfileName"))
            .or_else(|| named("role", "RoleName"))
            .or_else(|| named("group", "GroupName"))
            .or_else(|| members.text("PolicyArn").map(|arn| arn.into_owned()))
            .or_else(|| named("policy", "PolicyName")),
    };
    vec![Need::new(
        action,
        resource.unwrap_or_else(|| "*".to_owned()),
    )]
}

/// Returns what a call of STS needs. Who one is everybody may ask.
pub(super) fn sts(operation: &str, members: &Members<'_>, place: Place<'_>) -> Vec<Need> {
    match operation {
        "GetCallerIdentity" | "GetSessionToken" => Vec::new(),
        "AssumeRole" => {
            let role = members.text("RoleArn").unwrap_or_default();
            vec![Need::new("sts:AssumeRole", role.into_owned())]
        }
        "GetFederationToken" => {
            let name = members.text("Name").unwrap_or_default();
            let resource = format!("arn:aws:sts::{}:federated-user/{name}", place.account);
            vec![Need::new("sts:GetFederationToken", resource)]
        }
        other => vec![Need::new(format!("sts:{other}"), "*")],
    }
}

/// Returns what a call of CloudFormation needs. What a stack is made of its own calls need.
pub(super) fn cloudformation(
    operation: &str,
    members: &Members<'_>,
    place: Place<'_>,
) -> Vec<Need> {
    let name = members.text("StackName").or_else(|| {
        // A change set may be named by its ARN alone.
        members
            .text("ChangeSetName")
            .filter(|name| name.starts_with("arn:"))
    });
    let resource = match name {
        Some(arn) if arn.starts_with("arn:") => arn.into_owned(),
        Some(name) => place.arn("cloudformation", &format!("stack/{name}/*")),
        None => "*".to_owned(),
    };
    let mut needs = vec![Need::new(format!("cloudformation:{operation}"), resource)];
    if let Some(role) = members.text("RoleARN") {
        needs.push(Need::pass_role(&role, "cloudformation.amazonaws.com"));
    }
    needs
}
