//! One action a file.
