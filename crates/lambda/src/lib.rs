//! The Lambda API and its local runtime.
