//! A world with a faulty store, clock and services, driven by seeds.
