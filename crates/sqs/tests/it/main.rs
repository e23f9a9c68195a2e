//! The operations, with a clock that is moved by hand.

mod fifo;
mod queues;
mod survival;
mod world;
