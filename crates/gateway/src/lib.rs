//! The listener: routing, authentication, authorization.
