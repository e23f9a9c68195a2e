//! What is wrong with a document, in IAM's own words.

/// Why a document is no policy. IAM answers it as `MalformedPolicyDocument`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The text is no JSON.
    #[error("This policy contains invalid Json")]
    NoJson,
    /// Something is missing, unknown, or of another type than the grammar has.
    #[error("Syntax errors in policy.")]
    Syntax,
    /// `Version` is missing or old where the new one is demanded.
    #[error("Policy document must be version 2012-10-17 or greater.")]
    OldVersion,
    /// Neither `Action` nor `NotAction`.
    #[error("Policy statement must contain actions.")]
    NoActions,
    /// Neither `Resource` nor `NotResource`.
    #[error("Policy statement must contain resources.")]
    NoResources,
    /// An action without a service.
    #[error("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")]
    NoVendor,
    /// The service of an action is no word.
    #[error("Vendor {0} is not valid")]
    Vendor(String),
    /// A resource is no ARN.
    #[error("Resource {0} must be in ARN format or \"*\".")]
    Resource(String),
    /// A resource's partition is none.
    #[error("Partition \"{partition}\" is not valid for resource \"{resource}\".")]
    Partition {
        /// What stands where the partition should.
        partition: String,
        /// The whole.
        resource: String,
    },
    /// A resource whose service is a pattern.
    #[error("Resource vendor must be fully qualified and cannot contain regexes.")]
    ResourceVendor,
    /// Two statements have the same id.
    #[error("Statement IDs (SID) in a single policy must be unique.")]
    Sids,
    /// A statement's id has other characters than letters and digits.
    #[error(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
    )]
    Sid,
    /// An identity policy names a principal.
    #[error("Policy document should not specify a principal.")]
    PrincipalGiven,
    /// A resource or trust policy names none.
    #[error("Missing required field Principal")]
    NoPrincipal,
    /// A principal that there cannot be.
    #[error("Invalid principal in policy: \"{kind}\":\"{value}\"")]
    Principal {
        /// `AWS`, `Service` or `Federated`.
        kind: String,
        /// What was given.
        value: String,
    },
    /// `NotPrincipal` with `Allow` would allow the whole world but some.
    #[error("Allow with NotPrincipal is not supported.")]
    NotPrincipalAllowed,
    /// A trust policy with a resource.
    #[error("Has prohibited field Resource")]
    ResourceGiven,
    /// A trust policy with another service's actions.
    #[error("AssumeRole policy may only specify STS AssumeRole actions.")]
    TrustAction,
    /// A condition's operator is unknown.
    #[error("Invalid Condition type : {0}.")]
    Operator(String),
    /// A value that the operator cannot compare with.
    #[error("The value {value} is not valid for the condition operator {operator}.")]
    Value {
        /// The operator.
        operator: String,
        /// The value.
        value: String,
    },
}
