//! `aws_model::sdk`: how services are called by name, from `models/sdk.json`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{header, object, text};

/// Returns the generated file.
pub(super) fn file(services: &Value) -> Result<String> {
    let mut out = header("models/sdk.json", "How services are called by name.");
    out.push_str("use super::SdkEntry;\n\n/// Every service that is known by name.\n");
    out.push_str("pub static SDK: &[SdkEntry] = &[\n");
    for service in services.as_array().context("the services are a list")? {
        write!(
            out,
            "SdkEntry {{ service: {:?}, name: {:?}, client: {:?}, payloads: &[",
            text(service, "service")?,
            text(service, "name")?,
            text(service, "client")?
        )?;
        for (operation, sides) in object(service, "payloads")? {
            let side = |name: &str| sides[name].as_str().unwrap_or_default();
            write!(
                out,
                "({operation:?}, {:?}, {:?}),",
                side("input"),
                side("output")
            )?;
        }
        out.push_str("],");
        for kind in ["errors", "small", "lists", "maps", "timestamps", "blobs"] {
            let names = service[kind].as_array().context("names are a list")?;
            let names: BTreeSet<&str> = names.iter().filter_map(Value::as_str).collect();
            write!(out, "{kind}: &[")?;
            for name in names {
                write!(out, "{name:?},")?;
            }
            out.push_str("],");
        }
        out.push_str("},\n");
    }
    out.push_str("];\n");
    Ok(out)
}
