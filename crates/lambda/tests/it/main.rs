//! Drives the Lambda service as a client does, with real processes of Node.js and Python.

mod api;
mod endings;
mod environment;
mod events;
mod handlers;
mod instances;
mod sdk;
mod world;
