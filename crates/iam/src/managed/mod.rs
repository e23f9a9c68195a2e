//! Policies that AWS manages: those that templates and people attach most.
//!
//! Each grants what AWS's documentation says of it, as far as services here have the actions. Names that
//! are not here cannot be attached, so that nobody believes to have given what nobody gave.

mod documents;

pub(crate) use documents::ALL;

/// When AWS's policies were written, as answers give it.
pub(crate) const WRITTEN: &str = "2015-02-06T18:39:46Z";

/// One policy of AWS.
pub(crate) struct AwsManaged {
    pub name: &'static str,
    pub path: &'static str,
    pub description: &'static str,
    pub document: &'static str,
}

impl AwsManaged {
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::aws:policy{}{}", self.path, self.name)
    }

    /// Returns an id that is always the same.
    pub fn id(&self) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut state: u64 = 0xcbf2_9ce4_8422_2325;
        let mut id = String::from("ANPA");
        for at in 0..17 {
            let byte = self.name.as_bytes()[at % self.name.len()];
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            id.push(char::from(LETTERS[(state >> 40) as usize % LETTERS.len()]));
        }
        id
    }
}

/// Returns AWS's policy with this ARN.
pub(crate) fn find(arn: &str) -> Option<&'static AwsManaged> {
    let rest = arn.strip_prefix("arn:aws:iam::aws:policy")?;
    ALL.iter().find(|policy| {
        rest.strip_prefix(policy.path)
            .is_some_and(|name| name == policy.name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_well_formed_and_found() {
        for policy in ALL {
            let parsed = iam_policy::Policy::parse(policy.document, iam_policy::Kind::Identity);
            assert!(parsed.is_ok(), "{}: {parsed:?}", policy.name);
            let found = find(&policy.arn()).map(|found| found.name);
            assert_eq!(found, Some(policy.name));
        }
        assert!(find("arn:aws:iam::aws:policy/Nope").is_none());
    }
}
