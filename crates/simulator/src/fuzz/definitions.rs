//! Definitions from any text: parsing, validation, explanation and places, in JSON and in YAML.

use asl::explain::explain;
use asl::outline::Outline;
use asl::{MachineType, Severity};

/// Any text as a definition, for both types of machine.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let outline = Outline::of_json(text);
    for machine_type in [MachineType::Standard, MachineType::Express] {
        let findings = asl::diagnose_for(text, machine_type);
        for finding in &findings {
            let explanation = explain(finding, text, &outline);
            for mark in &explanation.marks {
                assert!(
                    text.get(mark.clone()).is_some(),
                    "a mark is a part of the text"
                );
            }
        }
        let refused = findings
            .iter()
            .any(|found| found.severity == Severity::Error);
        let parsed = asl::parse_for(text, machine_type);
        assert!(
            !(refused && parsed.is_ok()),
            "what has errors is no machine: {findings:?}"
        );
    }
    let _ = asl::load(text);
    let outline = Outline::of_yaml(text);
    if let Ok(document) = cfn_template::yaml::parse(text) {
        let json = document.value.to_string();
        for finding in asl::diagnose(&json) {
            explain(&finding, text, &outline);
        }
    }
}
