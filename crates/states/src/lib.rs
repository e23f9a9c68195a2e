//! The Step Functions API and the shell around the engine.
