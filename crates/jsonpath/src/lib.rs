//! Jayway-compatible JSONPath and reference paths.
