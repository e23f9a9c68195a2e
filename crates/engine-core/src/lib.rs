//! The pure engine: Command, step, Event and Effect, apply, and the AWS history view.
