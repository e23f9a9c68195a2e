//! The Step Functions service: the composition of the shell and the actions.

/// The service.
pub struct States {}

/// How the service is set up.
pub struct StatesOptions {}
