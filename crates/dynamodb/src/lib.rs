//! The DynamoDB API, by an embedded engine.
