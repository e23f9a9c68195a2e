//! CloudFormation and SAM templates as a graph of resources.
//!
//! Text becomes a [`Template`]; the SAM transform makes plain CloudFormation of it; parameters are
//! bound and conditions decided ([`Bindings`]); what is left is a list of resources in the order in
//! which they can be created ([`Graph`]) whose properties resolve once the resources they name are
//! there ([`Lookup`]).
//!
//! Pure: no file is read here, and no name drawn. Local paths in a template are listed by
//! [`artifacts`] and replaced by whoever has uploaded them.

#![forbid(unsafe_code)]

pub mod artifacts;
mod assertions;
mod bindings;
mod error;
mod graph;
mod intrinsics;
mod language;
mod parameters;
mod resolve;
pub mod sam;
mod template;
pub mod yaml;

pub use bindings::{Bindings, Surroundings};
pub use error::{Location, TemplateError};
pub use graph::Graph;
pub use parameters::{Parameter, ParameterType, StoreUse};
pub use resolve::{Found, Lookup, Unresolved};
pub use template::{Output, Policy, Resource, Template};
