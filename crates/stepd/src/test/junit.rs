//! The results in the format of JUnit, which every build server reads.

use super::Tested;

/// Returns the report.
pub fn report(all: &[Tested]) -> String {
    let cases: usize = all.iter().map(|tested| tested.outcomes.len()).sum();
    let failed: usize = all.iter().map(Tested::failed).sum();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&format!(
        "<testsuites tests=\"{cases}\" failures=\"{failed}\" errors=\"0\">\n"
    ));
    for tested in all {
        let seconds: f64 = tested
            .outcomes
            .iter()
            .map(|outcome| outcome.took.as_secs_f64())
            .sum();
        text.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" time=\"{seconds:.6}\">\n",
            escaped(&tested.file),
            tested.outcomes.len(),
            tested.failed(),
        ));
        for outcome in &tested.outcomes {
            let head = format!(
                "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.6}\"",
                escaped(&tested.file),
                escaped(&outcome.name),
                outcome.took.as_secs_f64(),
            );
            match outcome.problems.first() {
                None => text.push_str(&format!("{head}/>\n")),
                Some(first) => text.push_str(&format!(
                    "{head}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
                    escaped(first),
                    escaped(&outcome.problems.join("\n")),
                )),
            }
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// Returns `text` as XML has it; characters that XML has not are replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_xml_has_not_is_replaced() {
        assert_eq!(
            escaped("a<b>&\"c\"\u{1}\n"),
            "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}&#10;"
        );
    }
}
