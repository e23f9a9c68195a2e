//! The target `jsonata` of `simulator::fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| simulator::fuzz::run("jsonata", bytes));
