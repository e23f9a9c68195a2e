//! What a Task can call: one service a file.
