//! Stacks: a template's resources, made and changed in the order of their references.
//!
//! [`Deployer`] is the whole of it. It keeps stacks as rows, works out what a template changes, and
//! calls the other services through the gate as whoever deploys; it has no privileges of its own.
//! It has two fronts: [`CloudFormation`], the API of AWS, and [`routes`], which `stepd deploy` talks to.
//!
//! # Durability
//!
//! What is about to be made is written down, with the name that it will have, before the call that
//! makes it goes out; what came of it is written after. A server that stops in the middle of a
//! deployment rolls it back when it starts again ([`Deployer::recover`]); one that stops in the
//! middle of cleaning up or deleting goes on with that.
//!
//! Deliberately absent: stack sets, drift, imports of resources.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod api;
mod assets;
mod catalog;
mod change_set;
mod cloud_control;
mod deployer;
mod error;
mod exports;
mod intervention;
mod look;
mod operation;
mod parameter_store;
mod plan;
mod recovery;
mod remove;
mod resource;
mod rollback;
mod routes;
mod signals;
mod stack;

pub use api::CloudFormation;
pub use assets::{ASSET_BUCKET, AssetError, Assets};
pub use cloud_control::CloudControl;
pub use deployer::{Deployer, Deployment, Options, Outcome};
pub use error::DeployError;
pub use routes::routes;
pub use signals::{SIGNAL_BYTES_MAX, SIGNALS_PATH, Signals, Taken};
pub use stack::{OnFailure, Output, ResourceSummary, Settings, StackEvent, StackSummary, Status};
