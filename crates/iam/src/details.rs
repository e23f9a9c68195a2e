//! Everything at once: `GetAccountAuthorizationDetails`, `GetAccountSummary`.

use serde_json::{Value, json};

use crate::identities;
use crate::input::{encoded, moment};
use crate::policies::attached_value;
use crate::profiles;
use crate::rows::{Identity, IdentityKind};
use crate::{Answer, Ask};

pub(crate) fn authorization(ask: &mut Ask<'_>) -> Answer {
    let filter = ask.input.texts("Filter");
    let wanted = |name: &str| filter.is_empty() || filter.iter().any(|known| known == name);
    let mut answer = json!({"IsTruncated": false});
    for kind in IdentityKind::ALL {
        let title = kind.title();
        let all: Vec<Value> = ask
            .account
            .identities(kind)
            .filter(|_| wanted(title))
            .map(|identity| detail(ask, identity))
            .collect();
        answer[format!("{title}DetailList")] = all.into();
    }
    let policies = ask
        .account
        .policies()
        .filter(|_| wanted("LocalManagedPolicy"));
    let policies = policies.map(|policy| {
        let arn = ask.account.policy_arn(policy);
        let (attached, boundaries) = ask.account.uses(&arn);
        let versions: Vec<Value> = policy
            .versions
            .iter()
            .map(|(number, version)| {
                json!({
                    "Document": encoded(&version.document),
                    "VersionId": format!("v{number}"),
                    "IsDefaultVersion": *number == policy.default_version,
                    "CreateDate": moment(version.created_at),
                })
            })
            .collect();
        json!({
            "PolicyName": policy.name,
            "PolicyId": policy.id,
            "Arn": arn,
            "Path": policy.path,
            "DefaultVersionId": format!("v{}", policy.default_version),
            "AttachmentCount": attached,
            "PermissionsBoundaryUsageCount": boundaries,
            "IsAttachable": true,
            "CreateDate": moment(policy.created_at),
            "UpdateDate": moment(policy.updated_at),
            "PolicyVersionList": versions,
        })
    });
    answer["Policies"] = policies.collect();
    Ok(answer)
}

/// Counts what there is, beside the most that there may be. What is not built there is none of.
pub(crate) fn summary(ask: &mut Ask<'_>) -> Answer {
    let count = |kind| ask.account.identities(kind).count();
    let versions = ask.account.policies().map(|policy| policy.versions.len());
    let versions: usize = versions.sum();
    Ok(json!({"SummaryMap": {
        "Users": count(IdentityKind::User),
        "UsersQuota": 5_000,
        "Groups": count(IdentityKind::Group),
        "GroupsQuota": 300,
        "Roles": count(IdentityKind::Role),
        "RolesQuota": 1_000,
        "Policies": ask.account.policies().count(),
        "PoliciesQuota": 1_500,
        "PolicyVersionsInUse": versions,
        "PolicyVersionsInUseQuota": 10_000,
        "VersionsPerPolicyQuota": 5,
        "InstanceProfiles": ask.account.profiles().count(),
        "InstanceProfilesQuota": 1_000,
        "GroupsPerUserQuota": 10,
        "AccessKeysPerUserQuota": 2,
        "AttachedPoliciesPerUserQuota": 10,
        "AttachedPoliciesPerGroupQuota": 10,
        "AttachedPoliciesPerRoleQuota": 10,
        "UserPolicySizeQuota": 2_048,
        "GroupPolicySizeQuota": 5_120,
        "RolePolicySizeQuota": 10_240,
        "PolicySizeQuota": 6_144,
        "AssumeRolePolicySizeQuota": 2_048,
        "SigningCertificatesPerUserQuota": 2,
        "ServerCertificates": 0,
        "ServerCertificatesQuota": 20,
        "MFADevices": 0,
        "MFADevicesInUse": 0,
        "AccountMFAEnabled": 0,
        "AccountAccessKeysPresent": 1,
        "AccountPasswordPresent": 0,
        "AccountSigningCertificatesPresent": 0,
        "Providers": 0,
        "GlobalEndpointTokenVersion": 1,
    }}))
}

fn detail(ask: &Ask<'_>, identity: &Identity) -> Value {
    let mut detail = identities::shown(ask, identity, true);
    let title = identity.kind.title();
    let inline: Vec<Value> = identity
        .inline
        .iter()
        .map(|(name, document)| json!({"PolicyName": name, "PolicyDocument": encoded(document)}))
        .collect();
    detail[format!("{title}PolicyList")] = inline.into();
    detail["AttachedManagedPolicies"] = attached_value(identity);
    match identity.kind {
        IdentityKind::User => {
            detail["GroupList"] = identity.groups.iter().map(String::as_str).collect();
        }
        IdentityKind::Role => {
            let profiles = ask.account.profiles();
            let profiles = profiles.filter(|profile| profile.roles.contains(&identity.name));
            detail["InstanceProfileList"] = profiles
                .map(|profile| profiles::shown(ask, profile))
                .collect();
        }
        IdentityKind::Group => {}
    }
    detail
}
