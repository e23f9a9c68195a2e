//! Amazon States Language: parse a definition, say what is wrong with it, evaluate its expressions.
//!
//! Text becomes a [`StateMachine`], a value that the engine walks. Everything that a state does with
//! data (paths, payload templates, intrinsic functions, choice rules) is evaluated here, against a
//! [`query::Scope`]. Deliberately absent: what a state *does*; that is `engine-core`.

#![forbid(unsafe_code)]

mod api_gateway;
pub mod definition;
pub mod diagnostic;
mod distributed;
pub mod explain;
mod json_fault;
pub mod outline;
mod parse;
pub mod query;
mod validate;

pub use api_gateway::unsupported_headers;
pub use definition::*;
pub use diagnostic::{Diagnostic, Severity, joined};
pub use distributed::*;
pub use json_fault::JsonFault;
pub use parse::{
    LONE_STATE, MachineType, Reading, diagnose, diagnose_as, diagnose_for, load, parse, parse_as,
    parse_for, parse_state,
};
