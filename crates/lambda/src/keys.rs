//! The keys of Lambda's rows. Names have no slash, so a slash ends them.

use store::{Key, Space};

/// Before the names of functions.
pub const FUNCTIONS: &[u8] = b"function/";
/// Before the names of functions and the numbers of their versions.
pub const VERSIONS: &[u8] = b"version/";
/// Before the names of layers and the numbers of their versions.
pub const LAYERS: &[u8] = b"layer/";

fn key(text: String) -> Key {
    Key::new(Space::Functions, text)
}

pub fn function(name: &str) -> Key {
    key(format!("function/{name}"))
}

/// A version of a function, in the order of numbers.
pub fn version(name: &str, number: u64) -> Key {
    key(format!("version/{name}/{}", numbered(number)))
}

pub fn of_version(name: &str, version_number: Option<u64>) -> Key {
    match version_number {
        Some(number) => version(name, number),
        None => function(name),
    }
}

/// A number as the ends of keys have it.
pub fn numbered(number: u64) -> String {
    format!("{number:020}")
}

/// The number of a function's last version. It outlives the function: AWS gives none twice.
pub fn version_number(name: &str) -> Key {
    key(format!("version-number/{name}"))
}

pub fn alias(name: &str, alias: &str) -> Key {
    key(format!("alias/{name}/{alias}"))
}

pub fn policy(name: &str, qualifier: &str) -> Key {
    key(format!("policy/{name}/{qualifier}"))
}

pub fn invoke_config(name: &str, qualifier: &str) -> Key {
    key(format!("invoke-config/{name}/{qualifier}"))
}

pub fn url(name: &str, qualifier: &str) -> Key {
    key(format!("url/{name}/{qualifier}"))
}

/// Which function a URL's host stands for.
pub fn url_id(id: &str) -> Key {
    key(format!("url-id/{id}"))
}

pub fn layer(name: &str, number: u64) -> Key {
    key(format!("layer/{name}/{}", numbered(number)))
}

pub fn layer_number(name: &str) -> Key {
    key(format!("layer-number/{name}"))
}

/// The prefix of rows of one kind that belong to a function or a layer.
pub fn of(kind: &str, name: &str) -> Vec<u8> {
    format!("{kind}/{name}/").into_bytes()
}

/// The prefixes of what goes with a function.
pub fn belongings(name: &str) -> [Vec<u8>; 5] {
    ["version", "alias", "policy", "invoke-config", "url"].map(|kind| of(kind, name))
}
