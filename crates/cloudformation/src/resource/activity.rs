//! `AWS::StepFunctions::Activity`.

use super::simple::{Simple, nothing};

pub(super) const ACTIVITY: Simple = Simple {
    kind: "AWS::StepFunctions::Activity",
    service: "states",
    properties: &["Name", "Tags"],
    name_property: "Name",
    name_chars_max: 80,
    small_letters: false,
    immutable: &["Name"],
    tagged: true,
    attribute_names: &["Arn", "Name"],
    attributes: &[
        ("Arn", "arn:aws:states:{region}:{account}:activity:{name}"),
        ("Name", "{name}"),
    ],
    physical_id: "arn:aws:states:{region}:{account}:activity:{name}",
    key: "activityArn",
    describe: ("DescribeActivity", "ActivityDoesNotExist"),
    create: ("CreateActivity", "name", &[("Tags", "tags")]),
    also: nothing,
    delete: "DeleteActivity",
};
