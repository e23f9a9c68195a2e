//! Which field a state may have, by its type and its query language, as a table of every pair.

use asl::diagnose;

const TYPES: [&str; 8] = [
    "Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map",
];

/// A field; for each type in the order above `B` both languages, `P` JSONPath, `J` JSONata, `-` neither.
const MATRIX: [(&str, &str); 42] = [
    ("Next", "BB-B--BB"),
    ("End", "BB-B--BB"),
    ("InputPath", "PPPPP-PP"),
    ("OutputPath", "PPPPP-PP"),
    ("Parameters", "PP----PP"),
    ("ResultPath", "PP----PP"),
    ("ResultSelector", "-P----PP"),
    ("Result", "P-------"),
    ("Arguments", "-J----J-"),
    ("Output", "JJJJJ-JJ"),
    ("Assign", "BBBB--BB"),
    ("Retry", "-B----BB"),
    ("Catch", "-B----BB"),
    ("Resource", "-B------"),
    ("Credentials", "-B------"),
    ("TimeoutSeconds", "-B------"),
    ("TimeoutSecondsPath", "-P------"),
    ("HeartbeatSeconds", "-B------"),
    ("HeartbeatSecondsPath", "-P------"),
    ("Choices", "--B-----"),
    ("Default", "--B-----"),
    ("Seconds", "---B----"),
    ("SecondsPath", "---P----"),
    ("Timestamp", "---B----"),
    ("TimestampPath", "---P----"),
    ("Error", "-----B--"),
    ("ErrorPath", "-----P--"),
    ("Cause", "-----B--"),
    ("CausePath", "-----P--"),
    ("Branches", "------B-"),
    ("ItemProcessor", "-------B"),
    ("Iterator", "-------B"),
    ("Items", "-------J"),
    ("ItemsPath", "-------P"),
    ("ItemSelector", "-------B"),
    ("MaxConcurrency", "-------B"),
    ("MaxConcurrencyPath", "-------P"),
    ("States", "--------"),
    ("StartAt", "--------"),
    ("Variable", "--------"),
    ("ProcessorConfig", "--------"),
    ("resultpath", "--------"),
];

/// Checks what is said about the field at its owner; other findings are not looked at.
fn check(language: &str, kind: &str, field: &str, expected: Option<String>) {
    let definition = format!(
        r#"{{"QueryLanguage":"{language}","StartAt":"S","States":{{"S":{{"Type":"{kind}","{field}":null}}}}}}"#
    );
    let said: Vec<String> = diagnose(&definition)
        .into_iter()
        .filter(|finding| finding.message.contains(&format!("ield '{field}' is")))
        .map(|finding| finding.to_string())
        .collect();
    let expected: Vec<String> = expected
        .map(|text| format!("SCHEMA_VALIDATION_FAILED: {text} at /States/S"))
        .into_iter()
        .collect();
    assert_eq!(said, expected, "{definition}");
}

#[test]
fn every_field_of_every_type_in_both_languages() {
    for (field, spoken) in MATRIX {
        for (kind, spoken) in TYPES.into_iter().zip(spoken.chars()) {
            for (language, letter) in [("JSONPath", 'P'), ("JSONata", 'J')] {
                let expected = match spoken {
                    '-' => Some(format!("Field '{field}' is not supported")),
                    'P' | 'J' if spoken != letter => {
                        let other = if spoken == 'P' { "JSONPath" } else { "JSONata" };
                        Some(format!(
                            "The QueryLanguage is set to '{language}', but field '{field}' is only supported for the '{other}' QueryLanguage"
                        ))
                    }
                    _ => None,
                };
                check(language, kind, field, expected);
            }
        }
    }
}
