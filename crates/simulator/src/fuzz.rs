//! What a fuzzer drives: each target takes any bytes, and a panic is a finding.
//!
//! The targets live here, on stable Rust, so that the ordinary tests run them over `fuzz/seeds/`; the
//! package `fuzz/` (a workspace of its own) only hands bytes over. `cargo xtask fuzz` runs them.

mod bytes;
mod definitions;
mod expressions;
mod interpreter;
mod machines;

/// A target.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 5] = [
    ("definition", definitions::run),
    ("jsonpath", expressions::jsonpath),
    ("intrinsics", expressions::intrinsics),
    ("jsonata", expressions::jsonata),
    ("interpreter", interpreter::run),
];

/// Runs the target `name` over `bytes`.
///
/// Panics when the target finds something, or when there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = target.expect("the target is one of TARGETS");
    target(bytes);
}
