//! The service over a store: what callers see, what is cleared away, what a crash leaves.

mod api;
mod durability;
mod events;
mod world;
