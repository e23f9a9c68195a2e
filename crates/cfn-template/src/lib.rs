//! CloudFormation and SAM templates as a resource graph.
