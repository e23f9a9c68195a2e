//! The name that was probably meant, by the number of edits between two names.

/// Longest name that is compared: beyond it a near miss cannot be told from another name cheaply.
const NAME_CHARS_MAX: usize = 128;

/// Most candidates that are compared: among more than these a near name is likely there by chance, and
/// every finding would look at all of them.
const CANDIDATES_MAX: usize = 500;

/// Returns the candidate nearest to `name`, if it is near: a third of its characters may differ, and
/// upper and lower case are the same.
pub(super) fn nearest<'c>(
    name: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    let wanted = folded(name);
    if wanted.len() > NAME_CHARS_MAX {
        return None;
    }
    let near_enough = (wanted.len() / 3).max(1);
    let candidates: Vec<&str> = candidates.take(CANDIDATES_MAX + 1).collect();
    if candidates.len() > CANDIDATES_MAX {
        return None;
    }
    let measured = candidates
        .into_iter()
        .map(|candidate| (folded(candidate), candidate))
        .filter(|(folded, _)| folded.len().abs_diff(wanted.len()) <= near_enough)
        .map(|(folded, candidate)| (edits(&wanted, &folded), candidate));
    let (distance, candidate) = measured.min_by_key(|(distance, _)| *distance)?;
    (distance <= near_enough && candidate != name).then_some(candidate)
}

fn folded(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// Counts insertions, deletions and replacements (Levenshtein), one row of the table at a time.
fn edits(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (place, left) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (column, right) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let states = ["Approve Application", "Reject Application", "Done"];
        let cases = [
            ("Aprove Aplication", Some("Approve Application")),
            ("approve application", Some("Approve Application")),
            ("Dome", Some("Done")),
            ("Somewhere Else", None),
            ("", None),
        ];
        for (written, expected) in cases {
            assert_eq!(nearest(written, states.into_iter()), expected, "{written}");
        }
    }
}
