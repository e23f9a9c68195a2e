//! The whole of stepd from outside: the real binary, the real AWS command line, real functions.
//!
//! One test program, because every one that links costs; one module a subject.

mod access;
mod apis;
mod buckets;
mod chapters;
mod clients;
mod command_line;
mod crash;
mod data_sets;
mod example_walk;
mod express;
mod functions;
mod iam;
mod lives;
mod login;
mod logs;
mod map_runs;
mod messaging;
mod mocked;
mod nested;
mod objects;
mod observed;
mod page_walk;
mod pollers;
mod queues;
mod redrives;
mod refusals;
mod robust;
mod stacks;
mod system;
mod tagged;
mod tasks;
mod tokens;
mod workflows;
