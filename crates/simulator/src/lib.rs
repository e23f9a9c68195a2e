//! A world that goes wrong on purpose, driven by a seed: random definitions, a store that fails, a
//! clock that jumps, services that answer twice, late, or never.
//!
//! One seed is one run, to the last byte. After every command the world is held against rules that
//! know nothing of how the engine works ([`rules`]); a run that breaks one is told as a short story.

#![forbid(unsafe_code)]

pub mod definition;
pub mod fuzz;
pub mod jobs;
pub mod left;
pub mod map_runs;
pub mod rules;
pub mod shell;
pub mod shrink;
pub mod store;
pub mod told;
pub mod world;

pub use shrink::shrunk;
pub use told::{Broken, Told, Troubles};
pub use world::run;
