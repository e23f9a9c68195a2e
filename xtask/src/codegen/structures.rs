//! Structures and enums: what an operation reads and answers, as Rust types.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::names::{constant, snake, variant};
use super::shapes::bounded;
use super::{Generator, object, text};

impl<'a> Generator<'a> {
    pub(super) fn enumeration(&self, out: &mut String, name: &str, shape: &Value) -> Result<()> {
        let values: Vec<&str> = shape["enum"]
            .as_array()
            .context("an enum lists values")?
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let variants: Vec<String> = values.iter().map(|value| variant(value)).collect();
        ensure!(
            variants.iter().collect::<BTreeSet<_>>().len() == variants.len(),
            "{name}: two values, one variant"
        );
        writeln!(
            out,
            "/// `{name}`: a string out of a set.\n#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, \
             Serialize, Deserialize)]\npub enum {name} {{"
        )?;
        for (value, variant) in values.iter().zip(&variants) {
            writeln!(
                out,
                "/// `{value}`.\n#[serde(rename = {value:?})]\n{variant},"
            )?;
        }
        let all: String = variants
            .iter()
            .map(|variant| format!("Self::{variant},"))
            .collect();
        writeln!(
            out,
            "}}\n\nimpl {name} {{\n/// Every value, in the model's order.\npub const ALL: [Self; {}] = [{all}];\n\n/// Returns the value as it is on the wire.\npub const fn as_str(self) -> &'static str {{\nmatch self {{",
            variants.len()
        )?;
        for (value, variant) in values.iter().zip(&variants) {
            writeln!(out, "Self::{variant} => {value:?},")?;
        }
        writeln!(
            out,
            "}}\n}}\n\n/// Returns the value that is `text` on the wire.\npub fn from_name(text: &str) -> Option<Self> {{\n\
             Self::ALL.into_iter().find(|value| value.as_str() == text)\n}}\n}}\n"
        )?;
        Ok(())
    }

    /// Returns the members of a structure that are Rust fields: the raw payload travels beside.
    pub(super) fn fields(&self, name: &str, shape: &'a Value) -> Result<Vec<Field<'a>>> {
        let required: BTreeSet<&str> = shape["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let payload = shape["payload"].as_str();
        let mut fields = Vec::new();
        for (member, reference) in object(shape, "members").with_context(|| name.to_owned())? {
            let target = text(reference, "shape")?;
            if payload == Some(member.as_str()) && text(self.shape(target)?, "type")? == "blob" {
                continue;
            }
            fields.push(Field {
                member,
                shape: target,
                required: required.contains(member.as_str()),
            });
        }
        Ok(fields)
    }

    pub(super) fn structure(&self, out: &mut String, name: &str, shape: &'a Value) -> Result<()> {
        let fields = self.fields(name, shape)?;
        let rust = self.rust_name(name);
        let secret = fields
            .iter()
            .map(|field| self.sensitive(field.shape))
            .collect::<Result<Vec<_>>>()?;
        let debug = if secret.contains(&true) {
            ""
        } else {
            "Debug, "
        };
        let default = if fields.iter().any(|field| field.required) {
            ""
        } else {
            "Default, "
        };
        writeln!(
            out,
            "/// `{rust}` of the model.\n#[derive(Clone, {debug}{default}PartialEq, Serialize, Deserialize)]"
        )?;
        writeln!(out, "pub struct {rust} {{")?;
        for field in &fields {
            let kind = self.rust_type(field.shape)?;
            let (attributes, kind) = match (field.required, kind == "Timestamp") {
                (true, false) => (String::new(), kind),
                (true, true) => (", with = \"crate::epoch_seconds\"".to_owned(), kind),
                (false, stamp) => {
                    let with = if stamp {
                        ", with = \"crate::epoch_seconds::option\""
                    } else {
                        ""
                    };
                    (
                        format!(", default, skip_serializing_if = \"Option::is_none\"{with}"),
                        format!("Option<{kind}>"),
                    )
                }
            };
            let member = field.member;
            writeln!(
                out,
                "/// `{member}`{}.\n#[serde(rename = {member:?}{attributes})]\npub {}: {kind},",
                if field.required { "" } else { ", optional" },
                snake(member)
            )?;
        }
        out.push_str("}\n\n");
        if secret.contains(&true) {
            writeln!(
                out,
                "impl std::fmt::Debug for {rust} {{\nfn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{\nf.debug_struct({rust:?})"
            )?;
            for (field, secret) in fields.iter().zip(&secret) {
                let snake = snake(field.member);
                let label = snake.trim_start_matches("r#");
                match (secret, field.required) {
                    (false, _) => writeln!(out, ".field({label:?}, &self.{snake})")?,
                    (true, true) => writeln!(out, ".field({label:?}, &crate::Redacted)")?,
                    (true, false) => {
                        writeln!(
                            out,
                            ".field({label:?}, &self.{snake}.as_ref().map(|_| crate::Redacted))"
                        )?;
                    }
                }
            }
            out.push_str(".finish()\n}\n}\n\n");
        }
        self.constructor(out, &rust, &fields)?;
        self.constraints(out, name, &rust, &fields)
    }

    /// Writes `new`, for structures that have both required and optional members.
    pub(super) fn constructor(
        &self,
        out: &mut String,
        rust: &str,
        fields: &[Field<'_>],
    ) -> Result<()> {
        let (needed, free): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.required);
        if needed.is_empty() || free.is_empty() {
            return Ok(());
        }
        let mut parameters = Vec::new();
        for field in &needed {
            let kind = self.rust_type(field.shape)?;
            let kind = if kind == "String" {
                "impl Into<String>".to_owned()
            } else {
                kind
            };
            parameters.push(format!("{}: {kind}", snake(field.member)));
        }
        let mut values = String::new();
        for field in fields {
            let snake = snake(field.member);
            match (field.required, self.rust_type(field.shape)? == "String") {
                (true, true) => write!(values, "{snake}: {snake}.into(),")?,
                (true, false) => write!(values, "{snake},")?,
                (false, _) => write!(values, "{snake}: None,")?,
            }
        }
        let parameters = parameters.join(", ");
        writeln!(
            out,
            "impl {rust} {{\n/// Returns one with the members that must be there.\npub fn new({parameters}) -> Self {{\nSelf {{ {values} }}\n}}\n}}\n"
        )?;
        Ok(())
    }

    /// Writes `holds`, for structures that are part of an input, and the reader of an input.
    pub(super) fn constraints(
        &self,
        out: &mut String,
        name: &str,
        rust: &str,
        fields: &[Field<'_>],
    ) -> Result<()> {
        if !self.inputs.contains(name) {
            return Ok(());
        }
        let mut tests = Vec::new();
        for field in fields {
            let member = format!("self.{}", snake(field.member));
            let test = if field.required {
                self.test(field.shape, &format!("&{member}"))?
            } else {
                self.test(field.shape, "value")?
                    .map(|test| format!("{member}.as_ref().is_none_or(|value| {test})"))
            };
            tests.extend(test);
        }
        let body = if tests.is_empty() {
            "true".to_owned()
        } else {
            tests.join(" && ")
        };
        let is_input = self
            .operations
            .values()
            .any(|operation| operation["input"]["shape"] == name);
        if is_input {
            writeln!(
                out,
                "impl {rust} {{\n/// Reads the input and checks every constraint of the model.\n///\n/// # Errors\n/// \
                 AWS's `SerializationException` or `ValidationException`.\npub fn from_json(json: &[u8]) -> \
                 Result<Self, crate::Invalid> {{\ncrate::read(json)\n}}\n}}\n\nimpl crate::Input for {rust} {{\n\
                 const SHAPE: &'static Shape = &shapes::{};\n\nfn holds(&self) -> bool {{\n{body}\n}}\n}}\n",
                constant(name)
            )?;
        } else if self.constrained(name)? {
            writeln!(
                out,
                "impl {rust} {{\nfn holds(&self) -> bool {{\n{body}\n}}\n}}\n"
            )?;
        }
        Ok(())
    }

    /// Returns a Rust expression that says whether `value` (a reference) satisfies `name`; nothing
    /// where every value of the type does.
    pub(super) fn test(&self, name: &str, value: &str) -> Result<Option<String>> {
        if !self.constrained(name)? {
            return Ok(None);
        }
        let shape = self.shape(name)?;
        let constant = format!("shapes::{}", constant(name));
        Ok(Some(match text(shape, "type")? {
            "structure" => format!("{}.holds()", value.trim_start_matches('&')),
            "string" => format!("{constant}.admits_text({value})"),
            "integer" | "long" => {
                format!("{constant}.bounds().admit_whole(*{value})").replace("*&", "")
            }
            "float" | "double" => format!("{constant}.bounds().admit(*{value})").replace("*&", ""),
            "list" => {
                let value = value.trim_start_matches('&');
                let mut tests = Vec::new();
                if bounded(shape) {
                    tests.push(format!(
                        "{constant}.bounds().admit_whole({value}.len() as i64)"
                    ));
                }
                let item = self.test(text(&shape["member"], "shape")?, "item")?;
                tests.extend(item.map(|test| format!("{value}.iter().all(|item| {test})")));
                tests.join(" && ")
            }
            "map" => {
                let value = value.trim_start_matches('&');
                let key = self.test(text(&shape["key"], "shape")?, "key")?;
                let inner = self.test(text(&shape["value"], "shape")?, "inner")?;
                let key = key.map(|test| format!("{value}.keys().all(|key| {test})"));
                let inner = inner.map(|test| format!("{value}.values().all(|inner| {test})"));
                key.into_iter()
                    .chain(inner)
                    .collect::<Vec<_>>()
                    .join(" && ")
            }
            other => bail!("{name}: no constraints are known for {other}"),
        }))
    }

    /// Says whether a value of the Rust type may still break a constraint of `name`.
    pub(super) fn constrained(&self, name: &str) -> Result<bool> {
        for part in self.reachable_from(name)? {
            let shape = self.shape(part)?;
            let scalar =
                shape.get("enum").is_none() && (bounded(shape) || shape.get("pattern").is_some());
            if scalar && text(shape, "type")? != "blob" {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn reachable_from(&self, name: &str) -> Result<BTreeSet<&'a str>> {
        let (name, _) = self
            .shapes
            .get_key_value(name)
            .with_context(|| format!("shape {name} is in the model"))?;
        self.reachable(name)
    }

    pub(super) fn sensitive(&self, name: &str) -> Result<bool> {
        let shape = self.shape(name)?;
        // A structure hides its own members; a list or map is hidden when its elements are.
        let inner = ["member", "value"]
            .iter()
            .find_map(|part| shape[*part]["shape"].as_str());
        let hidden = inner.map_or(Ok(false), |inner| self.sensitive(inner))?;
        Ok(hidden || shape["sensitive"].as_bool() == Some(true))
    }

    pub(super) fn rust_name(&self, name: &str) -> String {
        self.renamed
            .get(name)
            .cloned()
            .unwrap_or_else(|| name.to_owned())
    }

    pub(super) fn rust_type(&self, name: &str) -> Result<String> {
        let shape = self.shape(name)?;
        let part = |part: &str| text(&shape[part], "shape").and_then(|inner| self.rust_type(inner));
        Ok(match text(shape, "type")? {
            "structure" => self.rust_name(name),
            "string" if shape.get("enum").is_some() => name.to_owned(),
            "string" => "String".to_owned(),
            "integer" | "long" => "i64".to_owned(),
            "float" | "double" => "f64".to_owned(),
            "boolean" => "bool".to_owned(),
            "timestamp" => "Timestamp".to_owned(),
            "blob" => "crate::Blob".to_owned(),
            "list" => format!("Vec<{}>", part("member")?),
            "map" => format!("BTreeMap<{}, {}>", part("key")?, part("value")?),
            other => bail!("{name}: the type {other} is unknown"),
        })
    }
}

pub(super) struct Field<'a> {
    pub(super) member: &'a str,
    pub(super) shape: &'a str,
    pub(super) required: bool,
}
