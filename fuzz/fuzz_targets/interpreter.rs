//! The target `interpreter` of `simulator::fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| simulator::fuzz::run("interpreter", bytes));
