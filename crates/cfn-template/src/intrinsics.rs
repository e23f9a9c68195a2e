//! The intrinsic functions that need nothing but their arguments, and the text of `Fn::Sub`.

use base64::Engine as _;
use serde_json::{Map, Value};

use crate::bindings::Bindings;
use crate::error::TemplateError;
use crate::parameters::scalar_text;

/// The functions that [`call`] carries out. `Ref`, `Fn::GetAtt`, `Fn::Sub` and `Fn::If` are the
/// resolver's; every other name is refused with its name.
pub(crate) const NAMES: [&str; 9] = [
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::FindInMap",
    "Fn::GetAZs",
    "Fn::Join",
    "Fn::Length",
    "Fn::Select",
    "Fn::Split",
    "Fn::ToJsonString",
];

/// Returns the only entry of an object: what makes it a function call.
pub(crate) fn single(entries: &Map<String, Value>) -> Option<(&str, &Value)> {
    match entries.len() {
        1 => entries
            .iter()
            .next()
            .map(|(name, value)| (name.as_str(), value)),
        _ => None,
    }
}

/// Carries out `name` on arguments that are resolved.
pub(crate) fn call(
    name: &str,
    arguments: &Value,
    bindings: &Bindings,
) -> Result<Value, TemplateError> {
    let complaint = || TemplateError::Intrinsic(usage(name));
    let list = arguments.as_array().map(Vec::as_slice);
    match (name, list) {
        ("Fn::Base64", None) if is_scalar(arguments) => Ok(Value::from(
            base64::engine::general_purpose::STANDARD.encode(scalar_text(arguments)),
        )),
        ("Fn::Cidr", Some([block, count, rest @ ..])) if rest.len() <= 1 => {
            let bits = rest.first().map_or_else(|| "8".to_owned(), scalar_text);
            blocks(&scalar_text(block), &scalar_text(count), &bits).ok_or_else(complaint)
        }
        ("Fn::GetAZs", None) if is_scalar(arguments) => {
            let region = match scalar_text(arguments) {
                own if own.is_empty() => bindings.region().to_owned(),
                region => region,
            };
            let zones = ["a", "b", "c"].map(|zone| format!("{region}{zone}"));
            Ok(zones.into_iter().collect())
        }
        ("Fn::FindInMap", Some([map, first, second, rest @ ..])) if rest.len() <= 1 => {
            let names = [map, first, second].map(scalar_text);
            let default = rest.first().and_then(|options| options.get("DefaultValue"));
            let found = bindings
                .mappings
                .get(&names[0])
                .and_then(|map| map.get(&names[1])?.get(&names[2]));
            found.or(default).cloned().ok_or_else(|| {
                TemplateError::Intrinsic(format!("Unable to get mapping for {}", names.join("::")))
            })
        }
        ("Fn::Join", Some([Value::String(delimiter), Value::Array(items)]))
            if items.iter().all(is_scalar) =>
        {
            let texts: Vec<String> = items.iter().map(scalar_text).collect();
            Ok(Value::from(texts.join(delimiter)))
        }
        ("Fn::Select", Some([index, Value::Array(items)])) => {
            let index: usize = scalar_text(index).parse().map_err(|_| complaint())?;
            items.get(index).cloned().ok_or_else(|| {
                TemplateError::Intrinsic(format!(
                    "Fn::Select cannot select nonexistent value at index {index}"
                ))
            })
        }
        ("Fn::Split", Some([Value::String(delimiter), Value::String(text)]))
            if !delimiter.is_empty() =>
        {
            Ok(text.split(delimiter.as_str()).collect())
        }
        ("Fn::Length", Some(items)) => Ok(Value::from(items.len())),
        ("Fn::ToJsonString", _) if !is_scalar(arguments) => Ok(Value::from(arguments.to_string())),
        _ => Err(complaint()),
    }
}

/// Divides an IPv4 block into `count` blocks whose hosts have `bits` bits.
fn blocks(block: &str, count: &str, bits: &str) -> Option<Value> {
    let (address, prefix) = block.split_once('/')?;
    let mut bytes = address.split('.').map(|part| part.parse::<u8>().ok());
    let mut byte = || bytes.next().flatten();
    let address = u32::from_be_bytes([byte()?, byte()?, byte()?, byte()?]);
    let (prefix, count, bits): (u32, u64, u32) = (
        prefix.parse().ok()?,
        count.parse().ok()?,
        bits.parse().ok()?,
    );
    let most = 1_u64.checked_shl(32_u32.checked_sub(prefix)?.checked_sub(bits)?)?;
    if !(1..=256).contains(&count) || count > most || bits == 0 {
        return None;
    }
    let start = u64::from(address) >> (32 - prefix) << (32 - prefix);
    let blocks = (0..count).map(|index| {
        let [a, b, c, d] = ((start + (index << bits)) as u32).to_be_bytes();
        format!("{a}.{b}.{c}.{d}/{}", 32 - bits)
    });
    Some(blocks.collect())
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

fn usage(name: &str) -> String {
    match name {
        "Fn::Base64" => "every Fn::Base64 object must have a String-typed value.".to_owned(),
        "Fn::FindInMap" => {
            "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value".to_owned()
        }
        "Fn::Cidr" => "Fn::Cidr takes an IPv4 block, how many blocks of it (at most 256) and how many bits the hosts have".to_owned(),
        "Fn::GetAZs" => "Fn::GetAZs takes the name of a region".to_owned(),
        "Fn::Join" => {
            "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined".to_owned()
        }
        "Fn::Select" => {
            "Fn::Select requires a list argument with two elements: an integer index and a list".to_owned()
        }
        "Fn::Split" => {
            "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split".to_owned()
        }
        other => format!("{other} is used with arguments that it does not take"),
    }
}

/// A part of an `Fn::Sub` text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Stays as it is.
    Text(&'a str),
    /// `${Name}` or `${Name.Attribute}`.
    Name(&'a str),
}

/// Splits the text of an `Fn::Sub`. `${!Literal}` is the text `${Literal}`.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        let inner = &rest[start + 2..start + length];
        match inner.strip_prefix('!') {
            Some(_) => {
                // `${!Literal}`: everything but the exclamation mark.
                pieces.push(Piece::Text(&rest[..start + 2]));
                pieces.push(Piece::Text(&rest[start + 3..=start + length]));
            }
            None => {
                pieces.push(Piece::Text(&rest[..start]));
                pieces.push(Piece::Name(inner.trim()));
            }
        }
        rest = &rest[start + length + 1..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}
