//! AWS protocols: requests and errors to and from bytes, and Signature Version 4.
//!
//! The way of a request: [`sigv4::Claim::read`] says who claims to send it, [`Target::recognize`] which
//! operation it means, [`Target::decode`] turns it into JSON with the model's member names;
//! [`encode_output`] and [`encode_error`] turn the answer into bytes. Deliberately absent: sockets,
//! keys, clocks, and what an operation does.

#![forbid(unsafe_code)]

mod encode;
mod query;
mod query_error;
mod query_sqs;
mod recognize;
mod rest;
pub mod sigv4;

use std::borrow::Cow;

pub use aws_model::Protocol;
pub use encode::{Answer, ErrorAnswer, encode_error, encode_output, encode_query_output};
pub use query_error::query_code;
pub use recognize::{Decoded, Target, Unrecognized, protocol_of};

/// An answer of the protocol layer to what it does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code as clients match it.
    pub code: Cow<'static, str>,
    /// The text; empty where AWS sends none.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
}
