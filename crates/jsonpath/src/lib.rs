//! Jayway-compatible JSONPath and reference paths.
//!
//! A [`JsonPath`] is compiled once and evaluated often; evaluation borrows from the value where it
//! can. Nothing here recurses on what a caller wrote except filters, whose depth is limited.

#![forbid(unsafe_code)]

mod error;
mod evaluate;
mod filter;
mod function;
mod java;
mod number;
mod operator;
mod parse;
mod path;
mod pattern;
mod reference;

pub use error::{NotFound, ParseError, WriteError};
pub use java::{java_json, java_set, java_text};
pub use number::compare_numbers;
pub use path::JsonPath;
pub use reference::ReferencePath;
