//! Generated from the AWS models: inputs, outputs, errors, operations, constraints.
