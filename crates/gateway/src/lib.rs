//! The listener: routing, authentication, authorization.
//!
//! A request is read, its signature verified, its operation recognized, its sender asked for leave,
//! and then it is one [`service::Call`] like those that services make of each other through
//! [`service::Gate`]. Deliberately absent: what any operation does, and what policies say, which the
//! [`service::Authority`] knows.

#![forbid(unsafe_code)]

mod access;
mod exchange;
mod gateway;
mod hosted;
mod keys;
mod metrics;
mod pages;
mod probe;
mod room;
mod route;
mod server;
mod streaming;
mod watch;

pub use gateway::Gateway;
pub use hosted::{Hosted, HostedRequest};
pub use keys::{Keys, SenderKey};
pub use pages::Pages;
pub use probe::{Probe, ProbeAnswer};
pub use route::{Route, RouteAnswer, RouteRequest};
pub use server::{serve, serve_with};
pub use streaming::{Leave, ObjectCall, StreamedBody, StreamedRequest, StreamingService};
pub use watch::Enforcement;
