//! What can be said about a definition as a whole, once each field is right by itself.

pub(crate) mod graph;
