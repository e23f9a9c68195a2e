//! The order in which AWS writes the fields of a CSV row.
//!
//! It is neither the file's nor the alphabet's: AWS's examples (`rating, movieId, userId, timestamp` for
//! a file that begins with `userId`; `LastModifiedDate, Bucket, Size, Key` for an inventory) are the
//! order of a hash table of the Java library. The texts of items are compared as texts, so ours have it.

/// Returns the positions of `names` in the order of that table.
pub(crate) fn hash_order<S: AsRef<str>>(names: &[S]) -> Vec<usize> {
    // The table doubles when it is more than three quarters full.
    let mut buckets = 16usize;
    while names.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    let mut positions: Vec<usize> = (0..names.len()).collect();
    // What shares a bucket stays in the order in which it was put in.
    positions.sort_by_key(|position| bucket(names[*position].as_ref(), buckets));
    positions
}

fn bucket(name: &str, buckets: usize) -> usize {
    let mut hash = 0u32;
    for unit in name.encode_utf16() {
        hash = hash.wrapping_mul(31).wrapping_add(u32::from(unit));
    }
    (hash ^ (hash >> 16)) as usize & (buckets - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_in_the_order_of_the_documentation_and_the_recordings() {
        // The AWS page on ItemReader (the first two), what was recorded (the next two), and a table that
        // has grown.
        let cases: [(&[&str], &[&str]); 5] = [
            (
                &["userId", "movieId", "rating", "timestamp"],
                &["rating", "movieId", "userId", "timestamp"],
            ),
            (
                &["Bucket", "Key", "Size", "LastModifiedDate"],
                &["LastModifiedDate", "Bucket", "Size", "Key"],
            ),
            (&["H1", ""], &["", "H1"]),
            (&["Col1", "Col2", "Col3"], &["Col1", "Col2", "Col3"]),
            (
                &[
                    "q", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l",
                ],
                &[
                    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "q",
                ],
            ),
        ];
        for (names, expected) in cases {
            let ordered: Vec<&str> = hash_order(names).iter().map(|at| names[*at]).collect();
            assert_eq!(ordered, expected, "{names:?}");
        }
    }
}
