//! IAM policies: documents are read strictly, compiled once, and evaluated as AWS documents it.
//!
//! A [`Policy`] is what a document says, ready to be matched. [`Policies`] are all that bear on one
//! principal, and [`Policies::decide`] says whether a [`Request`] is allowed, and if not, why. The
//! crate computes and does nothing else: who is asked for the policies, and where the facts of a
//! request come from, is its callers' matter.

#![forbid(unsafe_code)]

mod arn;
mod condition;
mod context;
mod document;
mod error;
mod evaluate;
mod operator;
mod parse;
mod pattern;
mod principal;

pub use context::{Context, Facts};
pub use document::{Effect, Kind, Policy};
pub use error::Malformed;
pub use evaluate::{Decision, Policies, Request, Resource, Source, Verdict, Why};
pub use principal::Caller;
