//! What can be said about a definition as a whole: its transitions, and what is legal but likely wrong.
//!
//! This reads the JSON itself, so that it holds whether or not every field could be read.

pub(crate) mod graph;
pub(crate) mod labels;
pub(crate) mod warnings;
