//! Filter patterns: which events a search finds (CloudWatch Logs user guide, "Filter pattern syntax").
//!
//! A pattern is terms (`ERROR -"exit 1"`), a condition on JSON (`{ $.code = 4* }`) or a row of fields
//! separated by spaces (`[ip, user, status=4*]`). It is read once and then asked of every event.

mod condition;
mod fields;
mod json;
mod lexer;
mod terms;

use self::fields::Fields;
use self::json::JsonCondition;
use self::terms::Terms;

/// Longest compiled regular expression, in bytes: a search must not cost a caller's memory.
const REGEX_BYTES_MAX: usize = 1 << 20;
/// Most parentheses within one another.
const DEPTH_MAX: usize = 64;

/// A pattern, ready to be asked.
pub struct Pattern(Kind);

enum Kind {
    All,
    Terms(Terms),
    Json(JsonCondition),
    Fields(Fields),
}

/// Why a text is no pattern, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// A term without quotes holds what only a quoted one may.
    InvalidCharacter(String),
    /// Anything else.
    Invalid,
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InvalidCharacter(term) => write!(f, "Invalid character(s) in term '{term}'"),
            Self::Invalid => f.write_str("Invalid filter pattern"),
        }
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Reads a pattern; the empty one finds everything.
    ///
    /// # Errors
    /// When the text is no pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        Ok(Self(match text.as_bytes() {
            [] => Kind::All,
            [b'{', .., b'}'] => Kind::Json(JsonCondition::parse(&text[1..text.len() - 1])?),
            [b'[', .., b']'] => Kind::Fields(Fields::parse(&text[1..text.len() - 1])?),
            [b'{' | b'[', ..] => return Err(PatternError::Invalid),
            _ => Kind::Terms(Terms::parse(text)?),
        }))
    }

    /// Says whether an event with this message is found.
    pub fn matches(&self, message: &str) -> bool {
        match &self.0 {
            Kind::All => true,
            Kind::Terms(terms) => terms.match_text(message),
            Kind::Json(condition) => condition.matches(message),
            Kind::Fields(fields) => fields.match_text(message),
        }
    }
}

/// Returns the compiled expression between two percent signs.
fn regex(text: &str) -> Result<regex::Regex, PatternError> {
    regex::RegexBuilder::new(text)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|_| PatternError::Invalid)
}

#[cfg(test)]
mod tests {
    use super::{Pattern, PatternError};

    const LINE: &str =
        r#"127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;
    const OBJECT: &str = r#"{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],"objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"cluster.name":"c","ThisFlag":true,"off":false,"latency":50,"big":1e3,"text":"404"}"#;

    fn check(cases: &[(&str, &str, bool)]) {
        for (pattern, message, expected) in cases {
            let parsed =
                Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert_eq!(parsed.matches(message), *expected, "{pattern} on {message}");
        }
    }

    #[test]
    fn terms() {
        check(&[
            ("", "anything", true),
            ("ERROR", "[ERROR 400] BAD REQUEST", true),
            ("error", "[ERROR 400] BAD REQUEST", false),
            ("ERROR ARGUMENTS", "[ERROR] MISSING ARGUMENTS", true),
            ("ERROR ARGUMENTS", "[ERROR] UNAUTHORIZED", false),
            (
                "\"INTERNAL SERVER ERROR\"",
                "[ERROR 500] INTERNAL SERVER ERROR",
                true,
            ),
            ("\"INTERNAL SERVER ERROR\"", "INTERNAL ERROR SERVER", false),
            ("?ERROR ?ARGUMENTS", "[419] MISSING ARGUMENTS", true),
            ("?ERROR ?ARGUMENTS", "[INFO] fine", false),
            // Optional terms beside others mean nothing (user guide).
            ("?ERROR REQUEST", "BAD REQUEST", true),
            ("ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", true),
            ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false),
            ("-\"exit 1\"", "exit 0", true),
            (r#""a \"b\"""#, r#"a "b" c"#, true),
            ("%ERR[A-Z]+ 4\\d\\d%", "[ERROR 404]", true),
            ("%ERR[A-Z]+ 4\\d\\d%", "[ERROR 504]", false),
            ("-%4\\d\\d%", "504", true),
        ]);
    }

    #[test]
    fn conditions_on_json() {
        check(&[
            ("{ $.eventType = \"UpdateTrail\" }", OBJECT, true),
            ("{ $.eventType = UpdateTrail }", OBJECT, true),
            ("{$.eventType=\"Update*\"}", OBJECT, true),
            ("{ $.eventType = \"*date*\" }", OBJECT, true),
            ("{ $.eventType = \"*dates*\" }", OBJECT, false),
            ("{ $.eventType != \"UpdateTrail\" }", OBJECT, false),
            ("{ $.eventType != \"Other\" }", OBJECT, true),
            ("{ $.missing != \"Other\" }", OBJECT, false),
            ("{ $.sourceIPAddress != 123.123.* }", OBJECT, true),
            ("{ $.sourceIPAddress = 111.111.* }", OBJECT, true),
            ("{ $.arrayKey[0] = \"value\" }", OBJECT, true),
            ("{ $.arrayKey[1] = \"value\" }", OBJECT, false),
            ("{ $.arrayKey[*] = \"another*\" }", OBJECT, true),
            ("{ $.objectList[1].id = 2 }", OBJECT, true),
            ("{ $.objectList[*].id > 2 }", OBJECT, false),
            ("{ $.SomeObject IS NULL }", OBJECT, true),
            ("{ $.eventType IS NULL }", OBJECT, false),
            ("{ $.SomeOther NOT EXISTS }", OBJECT, true),
            ("{ $.eventType NOT EXISTS }", OBJECT, false),
            ("{ $.ThisFlag IS TRUE && $.off is false }", OBJECT, true),
            ("{ $.['cluster.name'] = \"c\" }", OBJECT, true),
            ("{ $.latency >= 50 && $.latency < 51 }", OBJECT, true),
            ("{ $.latency > 50 }", OBJECT, false),
            ("{ $.big = 1000 || $.latency = 7 }", OBJECT, true),
            ("{ $.big = 1E3 }", OBJECT, true),
            (
                "{ $.latency = 7 || $.latency = 50 && $.big = 1 }",
                OBJECT,
                false,
            ),
            (
                "{ ($.latency = 50 || $.latency = 7) && $.big > 1 }",
                OBJECT,
                true,
            ),
            ("{ $.text = \"404\" }", OBJECT, true),
            ("{ $.eventType = %^Up.*l$% }", OBJECT, true),
            ("{ $.eventType = %^x% }", OBJECT, false),
            ("{ $.eventType = \"UpdateTrail\" }", "no JSON at all", false),
            ("{ $[0].a = 1 }", "[{\"a\":1}]", true),
        ]);
    }

    #[test]
    fn rows_of_fields() {
        check(&[
            ("[ip, env, user, time, request, status, size]", LINE, true),
            ("[ip, env, user, time, request, status]", LINE, false),
            (
                "[ip, env, user, time, request, status=4*, size]",
                LINE,
                true,
            ),
            (
                "[ip, env, user, time, request, status=5*, size]",
                LINE,
                false,
            ),
            ("[..., request, status=404, size]", LINE, true),
            ("[ip, ..., size>1000]", LINE, true),
            ("[ip, ..., size<1000]", LINE, false),
            (
                "[ip, env, user, time, request=*html*, status=4*, ...]",
                LINE,
                true,
            ),
            (
                "[ip, env, user, time, request, status=404 || status=410, size]",
                LINE,
                true,
            ),
            ("[ip, env, user!=frank, ...]", LINE, false),
            ("[ip=%127\\.0\\.0\\.\\d+%, ...]", LINE, true),
            ("[w1=\"ERROR\", ...]", "ERROR 12 things", true),
            ("[]", LINE, false),
        ]);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(70), ")".repeat(70));
        for text in [
            "{ $.a }",
            "{ $.a = }",
            "{ a = 1 }",
            "{ $.a = 1 && }",
            "{ $.a = 1",
            "{}",
            "{ ($.a = 1 }",
            "\"open",
            "%[%",
            "[a=",
            "[a b]",
            "{ $.a[x] = 1 }",
            "{ $.a = 1 $.b = 2 }",
            deep.as_str(),
            "[..., a, ...]",
            "%a{999999999}%",
            "?",
            "-",
        ] {
            let refused = Pattern::parse(text).err();
            assert_eq!(refused, Some(PatternError::Invalid), "{text}");
        }
        let refused = Pattern::parse("foo-bar")
            .err()
            .map(|error| error.to_string());
        assert_eq!(
            refused.as_deref(),
            Some("Invalid character(s) in term 'foo-bar'")
        );
    }
}
