//! A server on port 0 and ready clients, for tests.
