//! IAM, STS and CloudFormation.

use service::Principal;

use super::{Members, Need, Place};

/// Returns what a call of IAM needs. ARNs have the path that a call which makes something gives; of all others
/// the gateway puts in the real ARN.
pub(super) fn iam(
    operation: &str,
    members: &Members<'_>,
    place: Place<'_>,
    caller: &Principal,
) -> Vec<Need> {
    let action = format!("iam:{operation}");
    let Some(kind) = kind_of(operation) else {
        return vec![Need::new(action, "*")];
    };
    let account = place.account;
    let path = match operation.starts_with("Create") {
        true => members.text("Path"),
        false => None,
    };
    let path = path.unwrap_or("/".into());
    let named = |kind: &str, member: &str| {
        let name = members.text(member)?;
        Some(format!("arn:aws:iam::{account}:{kind}{path}{name}"))
    };
    let arn = |member: &str| members.text(member).map(|arn| arn.into_owned());
    let resource = match kind {
        "user" => named("user", "UserName").or_else(|| match caller {
            // Who names no user means themselves.
            Principal::User { user_arn } => Some(user_arn.to_string()),
            _ => None,
        }),
        "role" => named("role", "RoleName"),
        "group" => named("group", "GroupName"),
        "instance-profile" => named("instance-profile", "InstanceProfileName"),
        "source" => arn("PolicySourceArn"),
        _ if operation == "CreatePolicy" => named("policy", "PolicyName"),
        _ => arn("PolicyArn"),
    };
    Need::on_each(&action, resource)
}

/// Returns of which kind the resource of an operation is, as the Service Authorization Reference has it; `None`
/// for what is about nothing that can be named.
fn kind_of(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "ListUsers"
        | "ListRoles"
        | "ListGroups"
        | "ListPolicies"
        | "ListInstanceProfiles"
        | "GetAccountAuthorizationDetails"
        | "GetAccountSummary"
        | "GetAccountPasswordPolicy"
        | "UpdateAccountPasswordPolicy"
        | "DeleteAccountPasswordPolicy"
        | "ListAccountAliases"
        | "CreateAccountAlias"
        | "DeleteAccountAlias"
        | "GenerateCredentialReport"
        | "GetCredentialReport"
        | "GetContextKeysForCustomPolicy"
        | "SimulateCustomPolicy" => return None,
        "SimulatePrincipalPolicy" | "GetContextKeysForPrincipalPolicy" => "source",
        "AddUserToGroup" | "RemoveUserFromGroup" => "group",
        "ListInstanceProfilesForRole" => "role",
        "ChangePassword" => "user",
        name if name.contains("InstanceProfile") => "instance-profile",
        name if name.contains("Role") => "role",
        name if ["User", "AccessKey", "LoginProfile"]
            .iter()
            .any(|of_user| name.contains(of_user)) =>
        {
            "user"
        }
        name if name.contains("Group") => "group",
        _ => "policy",
    })
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
        other => vec![Need::on_any(format!("sts:{other}"))],
    }
}

/// Says whether a call of CloudFormation names its stack by the ARN of a change set alone.
pub(super) fn names_change_set_alone(operation: &str, members: &Members<'_>) -> bool {
    operation.ends_with("ChangeSet")
        && members.text("StackName").is_none()
        && members
            .text("ChangeSetName")
            .is_some_and(|name| name.starts_with("arn:"))
}

/// Returns what a call of CloudFormation needs. What a stack is made of its own calls need. `asked` is the stack of
/// a change set that is named by its ARN.
pub(super) fn cloudformation(
    operation: &str,
    members: &Members<'_>,
    place: Place<'_>,
    asked: Vec<Option<String>>,
) -> Vec<Need> {
    let action = format!("cloudformation:{operation}");
    let resource = match operation {
        "ListStacks"
        | "ListExports"
        | "ListImports"
        | "ValidateTemplate"
        | "DescribeAccountLimits" => {
            return vec![Need::new(action, "*")];
        }
        _ => members.text("StackName"),
    };
    let resource = resource.map(|name| match name.starts_with("arn:") {
        true => name.into_owned(),
        false => place.arn("cloudformation", &format!("stack/{name}/*")),
    });
    let resource = resource.or_else(|| asked.into_iter().flatten().next());
    let mut needs = Need::on_each(&action, resource);
    if let Some(role) = members.text("RoleARN") {
        needs.push(Need::pass_role(&role, "cloudformation.amazonaws.com"));
    }
    needs
}
