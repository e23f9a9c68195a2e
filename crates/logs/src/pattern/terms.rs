//! Terms: `ERROR "exit 1"`, `?ERROR ?WARN`, `ERROR -DEBUG`, `%ERR\w+%`.

use regex::Regex;

use super::lexer::{between_percents, quoted};
use super::{PatternError, regex};

pub(super) struct Terms {
    /// Every one must be there.
    required: Vec<Term>,
    /// Asked only where nothing is required: then one must be there.
    optional: Vec<Term>,
    /// None may be there.
    excluded: Vec<Term>,
}

enum Term {
    Text(String),
    Regex(Regex),
}

impl Term {
    fn is_in(&self, message: &str) -> bool {
        match self {
            Self::Text(text) => message.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(message),
        }
    }
}

impl Terms {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut terms = Self {
            required: Vec::new(),
            optional: Vec::new(),
            excluded: Vec::new(),
        };
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (kind, word) = match rest.as_bytes()[0] {
                b'?' => (&mut terms.optional, &rest[1..]),
                b'-' => (&mut terms.excluded, &rest[1..]),
                _ => (&mut terms.required, rest),
            };
            let (term, behind) = term(word)?;
            kind.push(term);
            rest = behind.trim_start();
        }
        Ok(terms)
    }

    pub fn match_text(&self, message: &str) -> bool {
        let found = |term: &Term| term.is_in(message);
        let wanted = if self.required.is_empty() {
            self.optional.is_empty() || self.optional.iter().any(found)
        } else {
            self.required.iter().all(found)
        };
        wanted && !self.excluded.iter().any(found)
    }
}

fn term(text: &str) -> Result<(Term, &str), PatternError> {
    match text.as_bytes() {
        [b'"', ..] => quoted(text).map(|(text, behind)| (Term::Text(text), behind)),
        [b'%', ..] => {
            let (text, behind) = between_percents(text)?;
            Ok((Term::Regex(regex(text)?), behind))
        }
        _ => {
            let end = text.find(char::is_whitespace).unwrap_or(text.len());
            let (word, behind) = text.split_at(end);
            if word.is_empty() {
                return Err(PatternError::Invalid);
            }
            // "Terms that contain other characters must be inside double quotes" (user guide).
            if word
                .chars()
                .any(|letter| !letter.is_alphanumeric() && letter != '_')
            {
                return Err(PatternError::InvalidCharacter(word.to_owned()));
            }
            Ok((Term::Text(word.to_owned()), behind))
        }
    }
}
