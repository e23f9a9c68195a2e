//! Operations and errors: an enum over a table of what the model says.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::Value;

use super::names::constant;
use super::{Generator, object, text};

/// Statuses that AWS documents and its model of Step Functions leaves out.
const STATUSES: [(&str, u16); 2] = [
    ("ConflictException", 409),
    ("ServiceQuotaExceededException", 402),
];

impl Generator<'_> {
    pub(super) fn operation_enum(&self, out: &mut String) -> Result<()> {
        let names: Vec<&String> = self.operations.keys().collect();
        out.push_str("/// The operations.\n#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]\npub enum Operation {\n");
        for name in &names {
            writeln!(out, "/// `{name}`.\n{name},")?;
        }
        out.push_str("}\n\nimpl Operation {\n/// Every operation, by name.\n");
        let all: String = names.iter().map(|name| format!("Self::{name},")).collect();
        writeln!(out, "pub const ALL: [Self; {}] = [{all}];\n", names.len())?;
        out.push_str("/// Returns the operation called `name`.\npub fn from_name(name: &str) -> Option<Self> {\nmatch name {\n");
        for name in &names {
            writeln!(out, "{name:?} => Some(Self::{name}),")?;
        }
        out.push_str("_ => None,\n}\n}\n\n/// Returns what the model says of it.\n");
        out.push_str("pub const fn model(self) -> &'static OperationModel {\n&OPERATIONS[self as usize]\n}\n\n");
        out.push_str("/// Returns its name.\npub const fn name(self) -> &'static str {\nself.model().name\n}\n}\n\n");
        writeln!(
            out,
            "static OPERATIONS: [OperationModel; {}] = [",
            names.len()
        )?;
        for name in names {
            self.operation(out, name, &self.operations[name])?;
        }
        out.push_str("];\n\n");
        Ok(())
    }

    pub(super) fn operation(&self, out: &mut String, name: &str, operation: &Value) -> Result<()> {
        let http = &operation["http"];
        let status = http["responseCode"].as_u64().unwrap_or(200);
        let idempotent = operation["idempotent"].as_bool().unwrap_or(false);
        let errors = operation["errors"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let errors: Vec<_> = errors
            .iter()
            .filter_map(|error| error["shape"].as_str())
            .collect();
        let errors: String = errors
            .iter()
            .map(|error| format!("&error::{},", constant(error)))
            .collect();
        let reference = |side: &str| match operation[side]["shape"].as_str() {
            Some(shape) if side == "input" || self.rest => {
                format!("Some(&shapes::{})", constant(shape))
            }
            Some(_) | None => "None".to_owned(),
        };
        writeln!(
            out,
            "OperationModel {{ name: {name:?}, method: {:?}, uri: {:?}, status: {status}, idempotent: {idempotent}, \
             errors: &[{errors}], input: {}, output: {} }},",
            text(http, "method")?,
            text(http, "requestUri")?,
            reference("input"),
            reference("output"),
        )?;
        Ok(())
    }

    pub(super) fn errors(&self, out: &mut String) -> Result<()> {
        out.push_str(
            "/// The errors of the model.\npub mod error {\nuse super::ModelledError;\n\n",
        );
        let mut all = String::new();
        let errors = self
            .shapes
            .iter()
            .filter(|(_, shape)| shape["exception"].as_bool() == Some(true));
        for (name, shape) in errors {
            let documented = STATUSES.iter().find(|(known, _)| known == name);
            let documented = documented.map(|(_, status)| u64::from(*status));
            let status = shape["error"]["httpStatusCode"]
                .as_u64()
                .or(documented)
                .unwrap_or(400);
            let members = object(shape, "members")?;
            let message = if members.contains_key("Message") {
                "Message"
            } else {
                "message"
            };
            let typed = members.contains_key("Type");
            let constant = constant(name);
            writeln!(
                out,
                "/// `{name}`.\npub static {constant}: ModelledError = ModelledError {{ code: {name:?}, \
                 status: {status}, message: {message:?}, typed: {typed} }};",
            )?;
            write!(all, "&{constant},")?;
        }
        writeln!(
            out,
            "\n/// Every error.\npub static ALL: &[&ModelledError] = &[{all}];\n}}\n"
        )?;
        Ok(())
    }
}
