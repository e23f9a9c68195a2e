//! What a document says, compiled.

use crate::arn::ArnPattern;
use crate::condition::Condition;
use crate::error::Malformed;
use crate::evaluate::{Request, Resource};
use crate::parse;
use crate::pattern::{Fold, Pattern, Reach};
use crate::principal::{Naming, Principals};

/// Where a document is used: the grammar differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Attached to a user, group or role, as a boundary, or passed with a session.
    Identity,
    /// The same as a policy of its own, which must be of the new version.
    Managed,
    /// Attached to a bucket, a queue, a function: it names principals.
    Resource,
    /// Attached to a role: who may assume it.
    Trust,
}

/// What a statement does with what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Allows it, if nothing denies it.
    Allow,
    /// Denies it, whatever allows it.
    Deny,
}

/// A document, read and compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub(crate) statements: Vec<Statement>,
    asks_for_tags: bool,
}

/// What the keys of resources' tags have in them.
const TAG_KEYS: [&str; 2] = ["resourcetag/", "existingobjecttag/"];

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    pub effect: Effect,
    pub principals: Option<Principals>,
    pub actions: Actions,
    /// `None` where the statement stands on the resource itself (a trust policy).
    pub resources: Option<Resources>,
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Actions {
    pub all_but: bool,
    pub patterns: Vec<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resources {
    pub all_but: bool,
    pub patterns: Vec<ArnPattern>,
}

impl Policy {
    pub(crate) fn new(statements: Vec<Statement>) -> Self {
        let is_tag = |key: &str| TAG_KEYS.iter().any(|tags| key.contains(tags));
        let asks_for_tags = statements.iter().flat_map(Statement::keys).any(is_tag);
        Self {
            statements,
            asks_for_tags,
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it, in the words that IAM has for it.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, Malformed> {
        parse::policy(text, kind)
    }

    /// Says whether the policy of a bucket is public as S3 means it: a statement allows something to everybody,
    /// and no condition holds it to a fixed few.
    pub fn is_public(&self) -> bool {
        let is_public = |statement: &Statement| {
            let principals = statement.principals.as_ref();
            statement.effect == Effect::Allow
                && principals.is_some_and(Principals::are_everybody)
                && !statement.conditions.iter().any(Condition::narrows)
        };
        self.statements.iter().any(is_public)
    }

    /// Says whether what the policy comes to may depend on the tags of what a request is about.
    pub fn asks_for_tags(&self) -> bool {
        self.asks_for_tags
    }

    /// Returns what the policy says by itself of a request: the effects of the statements that match.
    pub(crate) fn effects(&self, request: &Request<'_>) -> Effects {
        let mut effects = Effects::default();
        for statement in &self.statements {
            let Some(naming) = statement.matches(request) else {
                continue;
            };
            match statement.effect {
                Effect::Deny => effects.denies = true,
                Effect::Allow => effects.allows = effects.allows.max(Some(naming)),
            }
        }
        effects
    }
}

/// What one policy comes to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effects {
    pub denies: bool,
    pub allows: Option<Naming>,
}

impl Statement {
    /// Returns the keys of its conditions and of all variables.
    fn keys(&self) -> impl Iterator<Item = &str> {
        let resources = self
            .resources
            .iter()
            .flat_map(|resources| &resources.patterns);
        let resources = resources.flat_map(|pattern| pattern.parts());
        let conditions = self.conditions.iter().flat_map(Condition::keys);
        conditions.chain(resources.flat_map(|pattern| pattern.keys()))
    }

    /// Says whether the statement is about a request, and how it names the caller.
    fn matches(&self, request: &Request<'_>) -> Option<Naming> {
        if !self.actions.match_action(request) {
            return None;
        }
        if let Some(resources) = &self.resources
            && !resources.match_resource(request, self.effect)
        {
            return None;
        }
        let naming = match &self.principals {
            Some(principals) => principals.name(request.caller)?,
            None => Naming::Itself,
        };
        let hold = |condition: &Condition| condition.holds(request.facts, self.effect);
        self.conditions.iter().all(hold).then_some(naming)
    }
}

impl Actions {
    fn match_action(&self, request: &Request<'_>) -> bool {
        let is_one = self.patterns.iter().any(|pattern| {
            pattern.is_all() || pattern.matches(request.action, request.facts, Fold::IgnoreCase)
        });
        is_one != self.all_but
    }
}

impl Resources {
    /// What is not known counts against the caller: a denial is about it if it may be, and a permission if it
    /// must be.
    fn match_resource(&self, request: &Request<'_>, effect: Effect) -> bool {
        let mut patterns = self.patterns.iter();
        let is_one = match request.resource {
            Resource::Named(arn) => patterns.any(|pattern| pattern.matches(arn, request.facts)),
            Resource::Among(begin) => {
                let least = match (effect, self.all_but) {
                    (Effect::Deny, false) | (Effect::Allow, true) => Reach::Some,
                    (Effect::Deny, true) | (Effect::Allow, false) => Reach::All,
                };
                patterns.any(|pattern| pattern.reach(begin, request.facts) >= least)
            }
        };
        is_one != self.all_but
    }
}
