//! Stacks: a template's resources, made and changed in the order of their references.
//!
//! [`Deployer`] is the whole of it. It keeps stacks as rows, works out what a template changes, and
//! calls the other services through the gate as whoever deploys; it has no privileges of its own.
//! [`routes`] is the front that the command line talks to; the CloudFormation API is to be another
//! front of the same code.
//!
//! # Durability
//!
//! What is about to be made is written down, with the name that it will have, before the call that
//! makes it goes out; what came of it is written after. A server that stops in the middle of a
//! deployment rolls it back when it starts again ([`Deployer::recover`]); one that stops in the
//! middle of cleaning up or deleting goes on with that.
//!
//! Deliberately absent: nested stacks, stack sets, drift, imports, and change sets as objects.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod assets;
mod catalog;
mod deployer;
mod error;
mod operation;
mod plan;
mod remove;
mod resource;
mod rollback;
mod routes;
mod stack;

pub use assets::{ASSET_BUCKET, AssetError, Assets};
pub use deployer::{Deployer, Deployment, Options, Outcome};
pub use error::DeployError;
pub use routes::routes;
pub use stack::{Output, ResourceSummary, StackEvent, StackSummary, Status};
