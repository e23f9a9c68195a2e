//! What holds for all policies: a denial more never allows, a permission more never denies.

use iam_policy::{Caller, Context, Decision, Kind, Policies, Policy, Request, Resource};
use proptest::prelude::*;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const USER: &str = "arn:aws:iam::111122223333:user/alice";

fn statement(effect: &'static str, principals: bool) -> impl Strategy<Value = Value> {
    let action = prop::sample::select(vec![
        "*",
        "s3:*",
        "s3:Get*",
        "s3:GetObject",
        "s3:PutObject",
        "ec2:*",
    ]);
    let resource = prop::sample::select(vec![
        "*",
        "arn:aws:s3:::*",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b/${aws:username}",
        "arn:aws:s3:::c",
    ]);
    let principal = prop::sample::select(vec![
        json!("*"),
        json!({"AWS": ACCOUNT}),
        json!({"AWS": USER}),
        json!({"Service": "states.amazonaws.com"}),
    ]);
    let condition = prop::sample::select(vec![
        json!({}),
        json!({"StringEquals": {"aws:username": "alice"}}),
        json!({"StringNotEquals": {"aws:username": "alice"}}),
        json!({"ForAllValues:StringLike": {"aws:TagKeys": "a*"}}),
        json!({"Null": {"aws:TagKeys": "true"}}),
    ]);
    let not = (any::<bool>(), any::<bool>());
    (action, resource, principal, condition, not).prop_map(
        move |(action, resource, principal, condition, (not_action, not_resource))| {
            let mut written = json!({"Effect": effect, "Condition": condition});
            written[if not_action { "NotAction" } else { "Action" }] = action.into();
            written[if not_resource {
                "NotResource"
            } else {
                "Resource"
            }] = resource.into();
            if principals {
                written["Principal"] = principal;
            }
            written
        },
    )
}

fn document(principals: bool) -> impl Strategy<Value = Vec<Value>> {
    let either = prop_oneof![
        3 => statement("Allow", principals),
        1 => statement("Deny", principals),
    ];
    prop::collection::vec(either, 1..4)
}

fn policy(statements: &[Value], kind: Kind) -> Policy {
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    Policy::parse(&text, kind).expect("it is well formed")
}

#[derive(Clone, Debug)]
struct All {
    identity: Vec<Value>,
    boundary: Option<Vec<Value>>,
    session: Option<Vec<Value>>,
    resource: Option<Vec<Value>>,
}

fn all() -> impl Strategy<Value = All> {
    (
        document(false),
        prop::option::of(document(false)),
        prop::option::of(document(false)),
        prop::option::of(document(true)),
    )
        .prop_map(|(identity, boundary, session, resource)| All {
            identity,
            boundary,
            session,
            resource,
        })
}

fn decide(all: &All, caller: &Caller, tagged: bool) -> Decision {
    let identity = policy(&all.identity, Kind::Identity);
    let boundary = all
        .boundary
        .as_ref()
        .map(|text| policy(text, Kind::Identity));
    let session = all
        .session
        .as_ref()
        .map(|text| policy(text, Kind::Identity));
    let resource = all
        .resource
        .as_ref()
        .map(|text| policy(text, Kind::Resource));
    let session: Option<Vec<&Policy>> = session.as_ref().map(|policy| vec![policy]);
    let mut facts = Context::new([("aws:username", "alice")]);
    if tagged {
        facts = facts.with("aws:TagKeys", ["a", "ab"]);
    }
    let policies = Policies {
        identity: &[&identity],
        boundary: boundary.as_ref(),
        session: session.as_deref(),
        resource: resource.as_ref(),
        trust: None,
    };
    policies.decide(&Request {
        caller,
        action: "s3:GetObject",
        resource: Resource::Named("arn:aws:s3:::b/alice"),
        facts: &facts,
    })
}

fn caller() -> impl Strategy<Value = Caller> {
    prop::sample::select(vec![
        Caller::User {
            account: ACCOUNT.into(),
            arn: USER.into(),
        },
        Caller::Root {
            account: ACCOUNT.into(),
        },
        Caller::Service {
            name: "states.amazonaws.com".into(),
        },
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_denial_more_never_allows(
        all in all(), caller in caller(), tagged in any::<bool>(), which in 0..4,
        identity in statement("Deny", false), resource in statement("Deny", true),
    ) {
        let mut more = all.clone();
        match which {
            0 => more.identity.push(identity),
            1 => more.boundary.get_or_insert_default().push(identity),
            2 => more.session.get_or_insert_default().push(identity),
            _ => more.resource.get_or_insert_default().push(resource),
        }
        if decide(&all, &caller, tagged) != Decision::Allowed {
            prop_assert_ne!(decide(&more, &caller, tagged), Decision::Allowed);
        }
    }

    #[test]
    fn a_permission_more_never_denies(
        all in all(), caller in caller(), tagged in any::<bool>(),
        identity in statement("Allow", false), resource in statement("Allow", true),
        to_resource in any::<bool>(),
    ) {
        let mut more = all.clone();
        if to_resource {
            more.resource.get_or_insert_default().push(resource);
        } else {
            more.identity.push(identity);
        }
        if decide(&all, &caller, tagged) == Decision::Allowed {
            prop_assert_eq!(decide(&more, &caller, tagged), Decision::Allowed);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}") {
        for kind in [Kind::Identity, Kind::Resource, Kind::Trust] {
            let _ = Policy::parse(&text, kind);
            let statement = json!({"Effect": "Allow", "Action": text, "Resource": text, "Condition": {"StringLike": {"a:b": text}, text.clone(): {"a:b": text}}});
            let _ = Policy::parse(&json!({"Version": "2012-10-17", "Statement": statement}).to_string(), kind);
        }
    }
}
