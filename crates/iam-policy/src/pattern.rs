//! Texts with wildcards and variables: `arn:aws:s3:::home/${aws:username}/*`.
//!
//! A pattern is compiled once. What a variable stands for is never a wildcard.

use crate::context::Facts;

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Letter(char),
    /// `?`: any one character.
    One,
    /// `*`: any characters, or none.
    Any,
    /// `${key}` or `${key, 'default'}`.
    Variable {
        key: String,
        default: Option<String>,
    },
}

/// A compiled text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    tokens: Vec<Token>,
    has_variables: bool,
}

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Whether `*` and `?` are wildcards.
    pub wildcards: bool,
    /// Whether `${…}` is a variable; it is none in documents of the old version.
    pub variables: bool,
}

impl Pattern {
    /// Compiles `text`.
    pub fn new(text: &str, reading: Reading) -> Self {
        let mut tokens = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            if reading.variables
                && let Some(inner) = rest.strip_prefix("${")
                && let Some(end) = inner.find('}')
            {
                tokens.push(variable(&inner[..end]));
                rest = &inner[end + 1..];
                continue;
            }
            tokens.push(match letter {
                '*' if reading.wildcards => Token::Any,
                '?' if reading.wildcards => Token::One,
                other => Token::Letter(other),
            });
            rest = &rest[letter.len_utf8()..];
        }
        // Two stars are one; a text of many would only take longer.
        tokens.dedup_by(|a, b| *a == Token::Any && *b == Token::Any);
        let has_variables = tokens
            .iter()
            .any(|token| matches!(token, Token::Variable { .. }));
        Self {
            tokens,
            has_variables,
        }
    }

    /// Says whether the pattern is `*` alone.
    pub fn is_all(&self) -> bool {
        self.tokens == [Token::Any]
    }

    /// Says whether the pattern is one text and no other.
    pub fn is_fixed(&self) -> bool {
        let is_letter = |token: &Token| matches!(token, Token::Letter(_));
        self.tokens.iter().all(is_letter)
    }

    /// Returns the keys of the pattern's variables.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Variable { key, .. } => Some(key.as_str()),
            Token::Letter(_) | Token::One | Token::Any => None,
        })
    }

    /// Says whether `text` matches. A variable without a value and without a default matches nothing.
    pub fn matches(&self, text: &str, facts: &dyn Facts, fold: Fold) -> bool {
        if !self.has_variables {
            return glob(&self.tokens, text, fold);
        }
        self.filled(facts)
            .is_some_and(|tokens| glob(&tokens, text, fold))
    }

    /// Returns how many of the texts match that begin with `begin`.
    pub fn reach(&self, begin: &str, facts: &dyn Facts) -> Reach {
        let Some(tokens) = self.filled(facts) else {
            return Reach::None;
        };
        // Every place in the pattern at which the beginning may end.
        let mut places = vec![false; tokens.len() + 1];
        places[0] = true;
        pass_stars(&tokens, &mut places);
        for letter in begin.chars() {
            let mut next = vec![false; places.len()];
            for (at, token) in tokens.iter().enumerate().filter(|(at, _)| places[*at]) {
                match token {
                    Token::Any => next[at] = true,
                    Token::One => next[at + 1] = true,
                    Token::Letter(expected) => next[at + 1] |= *expected == letter,
                    Token::Variable { .. } => {}
                }
            }
            pass_stars(&tokens, &mut next);
            places = next;
        }
        let behind = tokens.len();
        if behind > 0 && tokens[behind - 1] == Token::Any && places[behind - 1] {
            return Reach::All;
        }
        match places.contains(&true) {
            true => Reach::Some,
            false => Reach::None,
        }
    }

    /// Returns the text that the pattern is, where it has no wildcards.
    pub fn text(&self, facts: &dyn Facts) -> Option<String> {
        let tokens = self.filled(facts)?;
        let letters = tokens.into_iter().map(|token| match token {
            Token::Letter(letter) => letter,
            Token::One => '?',
            Token::Any | Token::Variable { .. } => '*',
        });
        Some(letters.collect())
    }

    /// Returns the pattern with the values of its variables.
    fn filled(&self, facts: &dyn Facts) -> Option<Vec<Token>> {
        let mut filled = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            let Token::Variable { key, default } = token else {
                filled.push(token.clone());
                continue;
            };
            // A key with several values stands for none of them.
            let value = match facts.values(key).as_deref() {
                Some([value]) => Some(value.clone()),
                Some(_) => None,
                None => default.clone(),
            };
            filled.extend(value?.chars().map(Token::Letter));
        }
        Some(filled)
    }
}

/// Whether capitals matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    Exact,
    IgnoreCase,
}

/// How many of a set of texts match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    None,
    /// One or more may, and it is not sure that all do.
    Some,
    All,
}

/// A star may stand for nothing.
fn pass_stars(tokens: &[Token], places: &mut [bool]) {
    for (at, token) in tokens.iter().enumerate() {
        if places[at] && *token == Token::Any {
            places[at + 1] = true;
        }
    }
}

fn variable(inside: &str) -> Token {
    // `${*}`, `${?}` and `${$}` are the characters themselves.
    if let "*" | "?" | "$" = inside {
        return Token::Letter(inside.chars().next().unwrap_or('$'));
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => {
            let default = default.trim();
            let default = default
                .strip_prefix('\'')
                .and_then(|text| text.strip_suffix('\''));
            (key, default.map(str::to_owned))
        }
        None => (inside, None),
    };
    Token::Variable {
        key: key.trim().to_ascii_lowercase(),
        default,
    }
}

/// Matches with one point to return to: no text makes it slower than the product of the lengths.
fn glob(tokens: &[Token], text: &str, fold: Fold) -> bool {
    let mut letters = text.chars();
    let mut at = 0;
    // Behind the last star, and what was left of the text then.
    let mut star: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        let before = letters.clone();
        let Some(letter) = letters.next() else {
            return tokens[at..].iter().all(|token| *token == Token::Any);
        };
        let matched = match tokens.get(at) {
            Some(Token::Any) => {
                star = Some((at + 1, before.clone()));
                letters = before;
                at += 1;
                continue;
            }
            Some(Token::One) => true,
            Some(Token::Letter(expected)) => same(*expected, letter, fold),
            Some(Token::Variable { .. }) | None => false,
        };
        if matched {
            at += 1;
            continue;
        }
        let Some((behind, rest)) = &mut star else {
            return false;
        };
        rest.next();
        letters = rest.clone();
        at = *behind;
    }
}

fn same(a: char, b: char, fold: Fold) -> bool {
    a == b || (fold == Fold::IgnoreCase && a.to_lowercase().eq(b.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;

    #[test]
    fn patterns_match() {
        let facts =
            Context::new([("aws:username", "al*ce"), ("aws:one", "1")]).with("many", ["a", "b"]);
        let cases = [
            ("*", "", true),
            ("*", "anything", true),
            ("a*", "a", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("a*b*c", "aXbYbZc", true),
            ("**a**", "bab", true),
            ("a?c", "abc", true),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("?", "", false),
            ("", "", true),
            ("", "a", false),
            ("a", "A", false),
            ("home/${aws:username}/*", "home/al*ce/x", true),
            ("home/${aws:username}/*", "home/alice/x", false),
            ("${AWS:UserName}", "al*ce", true),
            ("${aws:none}", "", false),
            ("${aws:none, 'company'}", "company", true),
            ("${aws:none,'a*'}", "abc", false),
            ("${aws:one, 'company'}", "company", false),
            ("${many}", "a", false),
            ("${*}", "*", true),
            ("${*}", "a", false),
            ("${?}${$}", "?$", true),
            ("${open", "${open", true),
        ];
        for (pattern, text, expected) in cases {
            let reading = Reading {
                wildcards: true,
                variables: true,
            };
            let matched = Pattern::new(pattern, reading).matches(text, &facts, Fold::Exact);
            assert_eq!(matched, expected, "{pattern} {text}");
        }
        let reading = Reading {
            wildcards: false,
            variables: false,
        };
        assert!(Pattern::new("${a}*", reading).matches("${a}*", &facts, Fold::Exact));
        assert!(Pattern::new("ÄB", reading).matches("äb", &facts, Fold::IgnoreCase));
    }
}
