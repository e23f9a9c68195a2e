//! The operations, with a clock that is moved by hand.

mod fifo;
mod gated;
mod moves;
mod queues;
mod survival;
mod world;
