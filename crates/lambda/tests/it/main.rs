//! Drives the Lambda service as a client does, with real processes of Node.js and Python.

mod api;
mod destinations;
mod endings;
mod environment;
mod events;
mod handlers;
mod instances;
mod layers;
mod sdk;
mod urls;
mod versions;
mod world;
