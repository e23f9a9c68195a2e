//! Mapping templates, as far as they are references: `$input`, `$util`, `$context` and `$stageVariables`
//! (API Gateway guide, "Mapping template and access logging variable reference").
//!
//! Deliberately absent: directives (`#set`, `#if`, `#foreach`), and methods of Java beyond a few of text. They are
//! refused when the API is deployed, by name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonpath::JsonPath;
use regex::Regex;
use serde_json::Value;

/// A template that was read.
#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Reference(Reference),
}

#[derive(Clone, Debug)]
struct Reference {
    root: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    name: String,
    /// Arguments, where it is a call.
    call: Option<Vec<Argument>>,
}

#[derive(Clone, Debug)]
enum Argument {
    Text(String),
    Reference(Reference),
}

/// What references are about.
pub(crate) struct Scope<'a> {
    /// `$input.body`.
    pub body: &'a str,
    /// `$input.params()`: `path`, `querystring`, `header`, each with texts by name.
    pub params: &'a Value,
    pub context: &'a Value,
    pub stage_variables: &'a Value,
}

/// Deepest nesting of calls in arguments.
const DEPTH_MAX: usize = 16;

const OF_INPUT: [&str; 4] = ["json", "path", "params", "body"];
const OF_UTIL: [&str; 6] = [
    "escapeJavaScript",
    "urlEncode",
    "urlDecode",
    "base64Encode",
    "base64Decode",
    "parseJson",
];
const OF_TEXT: [&str; 6] = [
    "replaceAll",
    "replace",
    "toUpperCase",
    "toLowerCase",
    "trim",
    "toString",
];

impl Template {
    /// Reads a template. The error names what is not supported.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text };
        let mut pieces = Vec::new();
        let mut plain = String::new();
        while let Some(next) = reader.rest.chars().next() {
            match next {
                '#' => reader.hash(&mut plain)?,
                '$' => match reader.reference(0)? {
                    Some(reference) => {
                        if !plain.is_empty() {
                            pieces.push(Piece::Text(std::mem::take(&mut plain)));
                        }
                        pieces.push(Piece::Reference(reference));
                    }
                    None => {
                        plain.push('$');
                        reader.rest = &reader.rest[1..];
                    }
                },
                other => {
                    plain.push(other);
                    reader.rest = &reader.rest[other.len_utf8()..];
                }
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// Returns what the template comes to.
    pub fn expand(&self, scope: &Scope<'_>) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Reference(reference) => out.push_str(&shown(&reference.value(scope))),
            }
        }
        out
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Takes a comment; a directive is refused.
    fn hash(&mut self, plain: &mut String) -> Result<(), String> {
        let behind = &self.rest[1..];
        if behind.starts_with('#') {
            let end = behind.find('\n').map_or(behind.len(), |end| end + 1);
            self.rest = &behind[end..];
            return Ok(());
        }
        if let Some(comment) = behind.strip_prefix('*') {
            let end = comment.find("*#").map_or(comment.len(), |end| end + 2);
            self.rest = &comment[end..];
            return Ok(());
        }
        let name = behind.strip_prefix('{').unwrap_or(behind);
        let end = name.find(|letter: char| !letter.is_ascii_alphabetic());
        let name = &name[..end.unwrap_or(name.len())];
        let known = [
            "set", "if", "elseif", "else", "end", "foreach", "include", "parse", "macro", "define",
            "evaluate", "break", "stop",
        ];
        if known.contains(&name) {
            return Err(format!("the directive '#{name}' of a mapping template"));
        }
        plain.push('#');
        self.rest = behind;
        Ok(())
    }

    fn name(&mut self) -> Option<String> {
        let letter =
            |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        let end = self
            .rest
            .find(|next| !letter(next))
            .unwrap_or(self.rest.len());
        let name = &self.rest[..end];
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return None;
        }
        self.rest = &self.rest[end..];
        Some(name.to_owned())
    }

    /// Takes a reference; `None` where a dollar sign is only one.
    fn reference(&mut self, depth: usize) -> Result<Option<Reference>, String> {
        let before = self.rest;
        self.rest = &self.rest[1..];
        self.rest = self.rest.strip_prefix('!').unwrap_or(self.rest);
        let braced = self.rest.strip_prefix('{');
        self.rest = braced.unwrap_or(self.rest);
        let root = self.name();
        let known = ["input", "util", "context", "stageVariables"];
        let Some(root) = root.filter(|root| known.contains(&root.as_str())) else {
            // A variable that nothing sets stays as it is written.
            self.rest = before;
            return Ok(None);
        };
        let mut steps = Vec::new();
        loop {
            if let Some(index) = self.rest.strip_prefix("['") {
                let end = index
                    .find("']")
                    .ok_or("an index that does not end in a mapping template")?;
                steps.push(Step {
                    name: index[..end].to_owned(),
                    call: None,
                });
                self.rest = &index[end + 2..];
                continue;
            }
            let Some(rest) = self.rest.strip_prefix('.') else {
                break;
            };
            let behind = std::mem::replace(&mut self.rest, rest);
            let Some(name) = self.name() else {
                self.rest = behind;
                break;
            };
            let call = match self.rest.starts_with('(') {
                true => Some(self.arguments(depth)?),
                false => None,
            };
            steps.push(Step { name, call });
        }
        if braced.is_some() {
            self.rest = self
                .rest
                .strip_prefix('}')
                .ok_or("a reference without its '}' in a mapping template")?;
        }
        let reference = Reference { root, steps };
        reference.check()?;
        Ok(Some(reference))
    }

    fn arguments(&mut self, depth: usize) -> Result<Vec<Argument>, String> {
        if depth > DEPTH_MAX {
            return Err("calls nested so deep in a mapping template".to_owned());
        }
        self.rest = &self.rest[1..];
        let mut arguments = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',', '\n', '\t']);
            let first = self.rest.chars().next();
            match first {
                Some(')') => {
                    self.rest = &self.rest[1..];
                    return Ok(arguments);
                }
                Some(quote @ ('"' | '\'')) => {
                    let text = &self.rest[1..];
                    let end = text
                        .find(quote)
                        .ok_or("a text that does not end in a mapping template")?;
                    arguments.push(Argument::Text(text[..end].to_owned()));
                    self.rest = &text[end + 1..];
                }
                Some('$') => match self.reference(depth + 1)? {
                    Some(reference) => arguments.push(Argument::Reference(reference)),
                    None => {
                        return Err("a variable in an argument of a mapping template".to_owned());
                    }
                },
                _ => {
                    return Err(
                        "an argument that is neither text nor reference in a mapping template"
                            .to_owned(),
                    );
                }
            }
        }
    }
}

impl Reference {
    /// Refuses what is not known.
    fn check(&self) -> Result<(), String> {
        let refuse = |name: &str| Err(format!("'${}.{name}' of a mapping template", self.root));
        let mut steps = self.steps.iter();
        match (self.root.as_str(), steps.next()) {
            ("input", Some(first)) if !OF_INPUT.contains(&first.name.as_str()) => {
                return refuse(&first.name);
            }
            ("util", Some(first)) if !OF_UTIL.contains(&first.name.as_str()) => {
                return refuse(&first.name);
            }
            ("input", Some(first)) if first.name != "body" && first.call.is_none() => {
                return refuse(&first.name);
            }
            ("util", None) => return refuse(""),
            ("util", Some(first)) if first.call.as_ref().is_none_or(Vec::is_empty) => {
                return refuse(&first.name);
            }
            ("context" | "stageVariables", Some(first)) => known(self, first)?,
            _ => {}
        }
        steps.try_for_each(|step| known(self, step))
    }

    fn value(&self, scope: &Scope<'_>) -> Value {
        let mut steps = self.steps.iter();
        let mut value = match self.root.as_str() {
            "context" => scope.context.clone(),
            "stageVariables" => scope.stage_variables.clone(),
            "util" => steps
                .next()
                .map_or(Value::Null, |step| utility(step, scope)),
            _ => steps.next().map_or(Value::Null, |step| input(step, scope)),
        };
        for step in steps {
            value = step.of(&value, scope);
        }
        value
    }
}

fn known(reference: &Reference, step: &Step) -> Result<(), String> {
    let count = step.call.as_ref().map(Vec::len);
    let right = match (step.name.as_str(), count) {
        (_, None) => true,
        ("get", Some(1)) | ("replaceAll" | "replace", Some(2)) => true,
        (name, Some(0)) => OF_TEXT.contains(&name) && !name.starts_with("replace"),
        _ => false,
    };
    if right {
        return Ok(());
    }
    Err(format!(
        "the method '{}' behind '${}' of a mapping template",
        step.name, reference.root
    ))
}

impl Step {
    fn argument(&self, index: usize, scope: &Scope<'_>) -> Value {
        match self.call.as_ref().and_then(|all| all.get(index)) {
            Some(Argument::Text(text)) => text.as_str().into(),
            Some(Argument::Reference(reference)) => reference.value(scope),
            None => Value::Null,
        }
    }

    fn text(&self, index: usize, scope: &Scope<'_>) -> String {
        shown(&self.argument(index, scope))
    }

    fn of(&self, value: &Value, scope: &Scope<'_>) -> Value {
        let text = || shown(value);
        match (self.name.as_str(), &self.call) {
            (name, None) => value.get(name).cloned().unwrap_or_default(),
            ("get", _) => value.get(self.text(0, scope)).cloned().unwrap_or_default(),
            ("replaceAll", _) => match Regex::new(&self.text(0, scope)) {
                Ok(pattern) => pattern.replace_all(&text(), self.text(1, scope)).into(),
                Err(_) => text().into(),
            },
            ("replace", _) => text()
                .replace(&self.text(0, scope), &self.text(1, scope))
                .into(),
            ("toUpperCase", _) => text().to_uppercase().into(),
            ("toLowerCase", _) => text().to_lowercase().into(),
            ("trim", _) => text().trim().into(),
            _ => text().into(),
        }
    }
}

fn input(step: &Step, scope: &Scope<'_>) -> Value {
    let at = || {
        let root: Value = serde_json::from_str(scope.body).unwrap_or_default();
        let path = JsonPath::parse(&step.text(0, scope)).ok();
        path.and_then(|path| Some(path.evaluate(&root).ok()?.into_owned()))
    };
    match step.name.as_str() {
        "body" => scope.body.into(),
        "json" => at().map_or_else(|| "".into(), |value| value.to_string().into()),
        "path" => at().unwrap_or_default(),
        _ if step.call.as_ref().is_none_or(Vec::is_empty) => scope.params.clone(),
        _ => {
            let name = step.text(0, scope);
            let places = ["path", "querystring", "header"].into_iter();
            let found = places.filter_map(|place| {
                let all = scope.params.get(place)?.as_object()?;
                let same = |key: &str| {
                    key == name || (place == "header" && key.eq_ignore_ascii_case(&name))
                };
                all.iter()
                    .find(|(key, _)| same(key))
                    .map(|(_, value)| value.clone())
            });
            found.into_iter().next().unwrap_or("".into())
        }
    }
}

fn utility(step: &Step, scope: &Scope<'_>) -> Value {
    let text = step.text(0, scope);
    match step.name.as_str() {
        "escapeJavaScript" => escaped(&text).into(),
        "urlEncode" => url_encoded(&text).into(),
        "urlDecode" => web_event::decoded(&text.replace('+', " ")).into(),
        "base64Encode" => STANDARD.encode(text).into(),
        "base64Decode" => {
            let bytes = STANDARD.decode(text).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned().into()
        }
        _ => serde_json::from_str(&text).unwrap_or_default(),
    }
}

/// Returns a value as Java writes it; nothing is written as nothing.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => jsonpath::java_text(other),
    }
}

/// Returns a text with the characters escaped that JavaScript's rules name.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\'' | '\\' | '/' => {
                out.push('\\');
                out.push(letter);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(letter),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
    out
}

fn url_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte) => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let params =
            json!({"path": {"id": "7"}, "querystring": {"q": "a b"}, "header": {"X-One": "1"}});
        let scope = Scope {
            body: r#"{"a": {"b": [1, "it's"]}}"#,
            params: &params,
            context: &json!({"httpMethod": "POST", "identity": {"sourceIp": "::1"}}),
            stage_variables: &json!({"v": "w"}),
        };
        let found = Template::parse(text).map(|template| template.expand(&scope));
        assert_eq!(
            found.as_deref(),
            expected.map_err(str::to_owned).as_deref(),
            "{text}"
        );
    }

    #[test]
    fn references_become_what_they_name() {
        let cases = [
            ("plain $5 and $x and #1", Ok("plain $5 and $x and #1")),
            ("$input.json('$')", Ok(r#"{"a":{"b":[1,"it's"]}}"#)),
            ("$input.json('$.a.b[1]')", Ok(r#""it's""#)),
            ("$input.path('$.a.b[0]')!", Ok("1!")),
            ("$input.body", Ok(r#"{"a": {"b": [1, "it's"]}}"#)),
            (
                r#"$util.escapeJavaScript($input.json('$.a.b'))"#,
                Ok(r#"[1,\"it\'s\"]"#),
            ),
            (
                r#"$util.escapeJavaScript($input.json('$.a.b')).replaceAll("\\'","'")"#,
                Ok(r#"[1,\"it's\"]"#),
            ),
            (
                "$input.params('id')-$input.params('q')-$input.params('x-one')",
                Ok("7-a b-1"),
            ),
            ("${input.params('none')}|$input.params().path.id", Ok("|7")),
            (
                "$context.httpMethod $context.identity.sourceIp",
                Ok("POST ::1"),
            ),
            ("${stageVariables.v}$stageVariables['v']x", Ok("wwx")),
            ("$util.urlEncode($input.params('q'))", Ok("a+b")),
            ("## comment\n#* more *#x", Ok("x")),
            (
                "#set($a = 1)",
                Err("the directive '#set' of a mapping template"),
            ),
            (
                "#if($x)y#end",
                Err("the directive '#if' of a mapping template"),
            ),
            (
                "$input.nothing",
                Err("'$input.nothing' of a mapping template"),
            ),
            (
                "$util.time.nowISO8601()",
                Err("'$util.time' of a mapping template"),
            ),
            (
                "$input.path('$').size()",
                Err("the method 'size' behind '$input' of a mapping template"),
            ),
        ];
        for (text, expected) in cases {
            check(text, expected);
        }
    }
}
