//! stepd.
fn main() {}
