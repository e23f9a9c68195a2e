//! Stacks: deploys a template's resources in the order of their references.
