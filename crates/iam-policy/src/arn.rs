//! ARNs with wildcards: each of the six parts is matched by itself, so that no star reaches over a colon
//! into the next part.

use crate::context::Facts;
use crate::pattern::{Fold, Pattern, Reach, Reading};

/// Parts of an ARN; the last is all that is left.
const PARTS: usize = 6;

/// A compiled ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArnPattern {
    /// `*` alone: everything, be it an ARN or not.
    All,
    Parts(Box<[Pattern; PARTS]>),
}

impl ArnPattern {
    /// Compiles `text`; `None` when it is neither `*` nor an ARN. `arn:aws:s3:*` is short for all that
    /// begins so.
    pub fn new(text: &str, variables: bool) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        let mut parts = split(text);
        let last = *parts.last()?;
        while parts.len() < PARTS && last.ends_with('*') && parts.len() > 1 {
            parts.push("*");
        }
        let parts: [&str; PARTS] = parts.try_into().ok()?;
        let reading = Reading {
            wildcards: true,
            variables,
        };
        Some(Self::Parts(Box::new(
            parts.map(|part| Pattern::new(part, reading)),
        )))
    }

    /// Returns the parts, if there are any.
    pub fn parts(&self) -> &[Pattern] {
        match self {
            Self::All => &[],
            Self::Parts(parts) => &parts[..],
        }
    }

    /// Says whether `arn` matches.
    pub fn matches(&self, arn: &str, facts: &dyn Facts) -> bool {
        match self {
            Self::All => true,
            Self::Parts(patterns) => {
                // What is no ARN is matched by `*` alone. Nothing in it is a variable.
                let mut parts = arn.splitn(PARTS, ':');
                patterns.iter().all(|pattern| {
                    let part = parts.next();
                    part.is_some_and(|part| pattern.matches(part, facts, Fold::Exact))
                })
            }
        }
    }

    /// Returns how many of the ARNs match that begin with `begin`.
    pub fn reach(&self, begin: &str, facts: &dyn Facts) -> Reach {
        let Self::Parts(patterns) = self else {
            return Reach::All;
        };
        let parts: Vec<&str> = begin.splitn(PARTS, ':').collect();
        let Some((last, whole)) = parts.split_last() else {
            return Reach::Some;
        };
        let (before, rest) = patterns.split_at(whole.len());
        let mut pairs = before.iter().zip(whole);
        if !pairs.all(|(pattern, part)| pattern.matches(part, facts, Fold::Exact)) {
            return Reach::None;
        }
        match rest {
            [pattern] => pattern.reach(last, facts),
            // It ends before the last part. What only `*` alone could match whole is at best matched in part.
            [pattern, ..] => pattern.reach(last, facts).min(Reach::Some),
            [] => Reach::None,
        }
    }
}

/// Splits at the colons that are not inside of a variable.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::with_capacity(PARTS);
    let (mut begin, mut inside) = (0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '{' if text[..at].ends_with('$') => inside = true,
            '}' => inside = false,
            ':' if !inside && parts.len() < PARTS - 1 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;

    #[test]
    fn arns_match_part_by_part() {
        let facts = Context::new([("aws:username", "u"), ("aws:principalaccount", "1")]);
        let cases = [
            ("*", "*", true),
            ("*", "arn:aws:s3:::b", true),
            ("arn:aws:s3:::b", "*", false),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/a:b", true),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b", false),
            ("arn:aws:s3:*", "arn:aws:s3:::b", true),
            (
                "arn:aws:lambda:*:function:f",
                "arn:aws:lambda:r:1:function:f",
                false,
            ),
            (
                "arn:aws:lambda:*:*:function:f",
                "arn:aws:lambda:r:1:function:f",
                true,
            ),
            (
                "arn:aws:lambda:*:*:*",
                "arn:aws:lambda:r:1:function:f:1",
                true,
            ),
            (
                "arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}",
                "arn:aws:iam::1:user/u",
                true,
            ),
            (
                "arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}",
                "arn:aws:iam::1:user/v",
                false,
            ),
            ("arn:*:iam::1:user/v", "arn:aws:iam::1:user/v", true),
        ];
        for (pattern, arn, expected) in cases {
            let compiled = ArnPattern::new(pattern, true).expect(pattern);
            assert_eq!(compiled.matches(arn, &facts), expected, "{pattern} {arn}");
        }
        let begin = "arn:aws:s3:::b/";
        let reaches = [
            ("*", begin, Reach::All),
            ("*", "", Reach::All),
            ("arn:aws:s3:*", begin, Reach::All),
            ("arn:aws:s3:::b/*", begin, Reach::All),
            ("arn:aws:s3:::b*", begin, Reach::All),
            ("arn:aws:s3:::b/?*", begin, Reach::Some),
            ("arn:aws:s3:::b/?", begin, Reach::Some),
            ("arn:aws:s3:::b/secret", begin, Reach::Some),
            ("arn:aws:s3:::*/secret", begin, Reach::Some),
            ("arn:aws:s3:::b/${aws:username}", begin, Reach::Some),
            ("arn:aws:s3:::b", begin, Reach::None),
            ("arn:aws:s3:::c/*", begin, Reach::None),
            ("arn:aws:sqs:*:*:*", begin, Reach::None),
            ("arn:aws:sqs:*:*:*", "", Reach::Some),
        ];
        for (pattern, begin, expected) in reaches {
            let compiled = ArnPattern::new(pattern, true).expect(pattern);
            assert_eq!(compiled.reach(begin, &facts), expected, "{pattern} {begin}");
        }
        assert_eq!(ArnPattern::new("nonsense", true), None);
        assert_eq!(ArnPattern::new("arn:aws:s3", true), None);
    }
}
