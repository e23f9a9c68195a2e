//! Requests over HTTP as events of functions, and what functions return as responses.
//!
//! Functions' URLs and API Gateway share it: payload format 2.0 is the same in both
//! (API Gateway guide, "Create AWS Lambda proxy integrations for HTTP APIs").

#![forbid(unsafe_code)]

mod cors;
mod request;
mod response;

pub use cors::Cors;
pub use request::{Asked, Signer, cookies, decoded, event, is_text, log_time, pairs};
pub use response::{is_ours, json_response, response_of};
