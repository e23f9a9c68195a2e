//! The types of API Gateway.

mod http_api;
mod method;
mod part;
mod rest_api;

use serde_json::{Map, Value};

use super::ResourceHandler;

/// The handlers.
pub(super) const HANDLERS: &[&dyn ResourceHandler] = &[
    &rest_api::RestApi,
    &part::DEPLOYMENT,
    &part::STAGE,
    &part::RESOURCE,
    &method::Method,
    &http_api::HttpApi,
    &part::HTTP_STAGE,
    &part::ROUTE,
    &part::INTEGRATION,
    &part::HTTP_DEPLOYMENT,
];

/// Draws an id as the services have them.
fn new_id(length: usize) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut bits = uuid::Uuid::new_v4().as_u128();
    let mut id = String::with_capacity(length);
    for _ in 0..length {
        id.push(char::from(LETTERS[(bits % 36) as usize]));
        bits /= 36;
    }
    id
}

/// Returns properties as members: with a small letter, and what is inside as it is.
fn members(given: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let found = names
        .iter()
        .filter_map(|name| Some((small(name), given.get(*name)?.clone())));
    found.collect()
}

fn small(name: &str) -> String {
    let (first, rest) = name.split_at(name.len().min(1));
    format!("{}{rest}", first.to_ascii_lowercase())
}
