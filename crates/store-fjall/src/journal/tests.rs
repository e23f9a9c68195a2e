//! Journals written by hand: what is accepted, what is taken off, what is reported.

use super::*;

/// What a journal is made of.
#[derive(Clone, Copy, Debug)]
enum Piece {
    /// The group with this number and, to fit, the same `seqno`.
    Group(u64),
    /// A group with a number and another `seqno`.
    At(u64, u64),
    /// The first half of a group.
    Half(u64),
    /// A group with a flipped byte in its row.
    Flipped(u64),
    Zeros,
    Garbage,
}

use Piece::{At, Flipped, Garbage, Group, Half, Zeros};

fn bytes(piece: Piece) -> Vec<u8> {
    match piece {
        Group(number) => group(number, number),
        At(number, seqno) => group(number, seqno),
        Half(number) => group(number, number)[..40].to_vec(),
        Flipped(number) => {
            let mut bytes = group(number, number);
            bytes[70] ^= 1;
            bytes
        }
        Zeros => vec![0; 1_000],
        Garbage => vec![9; 100],
    }
}

fn group(number: u64, seqno: u64) -> Vec<u8> {
    let row = [number.to_be_bytes(), number.to_be_bytes()].concat();
    let items = [
        item(7, b"key", b"a value of some length"),
        item(GROUPS_ID, b"last", &row),
    ]
    .concat();
    let mut hash = Xxh3::new();
    hash.update(&items);
    let start = [&[START][..], &2_u32.to_le_bytes(), &seqno.to_le_bytes()].concat();
    [
        start,
        items,
        vec![END],
        hash.digest().to_le_bytes().to_vec(),
        TRAILER.to_vec(),
    ]
    .concat()
}

fn item(keyspace: u64, key: &[u8], value: &[u8]) -> Vec<u8> {
    let length = (value.len() as u32).to_le_bytes();
    let key_length = (key.len() as u16).to_le_bytes();
    [
        &[ITEM, 0, 0][..],
        &keyspace.to_le_bytes(),
        &key_length,
        &length,
        &length,
        key,
        value,
    ]
    .concat()
}

/// Writes `journals`, checks them against `acknowledged`, and says what came of it: what is left
/// of the last journal, in bytes, or the damage.
fn run(journals: &[&[Piece]], acknowledged: u64) -> Result<usize, String> {
    let root = tempfile::tempdir().expect("a temporary directory");
    // More than nine, so that names are not in the order of numbers.
    let path = |at: usize| root.path().join(format!("{}.jnl", at + 9));
    for (at, pieces) in journals.iter().enumerate() {
        std::fs::write(
            path(at),
            pieces.iter().copied().flat_map(bytes).collect::<Vec<_>>(),
        )
        .expect("writes");
    }
    let last = path(journals.len() - 1);
    let before = std::fs::read(&last).expect("reads");
    let checked = check(root.path(), acknowledged);
    let after = std::fs::read(&last).expect("reads");
    assert!(before.starts_with(&after));
    checked.map(|()| after.len()).map_err(|error| {
        assert_eq!(before, after, "what is reported is left as it is");
        error.to_string()
    })
}

/// The journals, the last acknowledged group, and what is left of the last journal or the damage.
type Case = (
    &'static [&'static [Piece]],
    u64,
    Result<usize, &'static str>,
);

#[test]
fn journals() {
    let whole = |pieces: &[Piece]| Ok(pieces.iter().map(|piece| bytes(*piece).len()).sum());
    let cases: [Case; 18] = [
        (&[&[]], 0, Ok(0)),
        // Whether group 5 is in tables is not for the journal to say.
        (&[&[]], 5, Ok(0)),
        (&[&[Zeros]], 5, whole(&[Zeros])),
        (
            &[&[Group(4), Group(5), Zeros]],
            5,
            whole(&[Group(4), Group(5), Zeros]),
        ),
        (
            &[&[Group(4), Group(5), Group(6)]],
            5,
            whole(&[Group(4), Group(5), Group(6)]),
        ),
        (&[&[Group(4), Zeros], &[Group(5)], &[]], 5, Ok(0)),
        // The tail was not acknowledged.
        (
            &[&[Group(4), Group(5), Half(6)]],
            5,
            whole(&[Group(4), Group(5)]),
        ),
        (
            &[&[Group(4), Group(5), Flipped(6), Zeros]],
            5,
            whole(&[Group(4), Group(5)]),
        ),
        (
            &[&[Group(4), Group(5), Garbage]],
            5,
            whole(&[Group(4), Group(5)]),
        ),
        (&[&[Group(4)], &[Group(5), At(6, 1)]], 5, whole(&[Group(5)])),
        // It was.
        (
            &[&[Group(4), Zeros]],
            5,
            Err("up to group 5, and they can be read up to 4"),
        ),
        (&[&[Group(4), Half(5)]], 5, Err("a batch ends early")),
        (
            &[&[Group(4), Flipped(5), Group(6)]],
            5,
            Err("a batch that is not what was written"),
        ),
        (
            &[&[Group(4), Group(6)]],
            6,
            Err("a group is missing or out of order"),
        ),
        (
            &[&[Group(4), At(5, 4)]],
            5,
            Err("a group is missing or out of order"),
        ),
        (
            &[&[Group(4), At(5, 1 << 60)]],
            5,
            Err("a group is missing or out of order"),
        ),
        // A journal that others follow is whole, acknowledged or not.
        (
            &[&[Group(4), Half(5)], &[Group(5)]],
            5,
            Err("with later journals behind it"),
        ),
        (
            &[&[Group(4), Zeros], &[Group(6)]],
            6,
            Err("a group is missing or out of order"),
        ),
    ];
    for (journals, acknowledged, expected) in cases {
        let found = run(journals, acknowledged);
        let same = match (&found, &expected) {
            (Ok(found), Ok(expected)) => found == expected,
            (Err(found), Err(expected)) => found.contains(expected),
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        };
        assert!(
            same,
            "{journals:?}, acknowledged {acknowledged}: {found:?} instead of {expected:?}"
        );
    }
}
