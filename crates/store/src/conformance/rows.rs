//! What one caller sees: rows, ranges, sizes, expectations.

use bytes::Bytes;

use super::{commit, conflict, expecting, get, key, put, scan};
use crate::{Batch, Expectation, KEY_BYTES_MAX, Range, Space, Store, StoreError};

pub(super) async fn single_rows(store: &impl Store) {
    let row = key(Space::Executions, b"a");
    assert_eq!(
        get(store, &row).await,
        None,
        "a key that was never put is not there"
    );
    commit(store, Batch::default()).await;
    for value in [&b"one"[..], b"two", b"", b"three"] {
        commit(store, put(&row, value)).await;
        assert_eq!(
            get(store, &row).await.as_deref(),
            Some(value),
            "a get sees the last put, even an empty value"
        );
    }
    let delete = Batch {
        delete: vec![row.clone()],
        ..Batch::default()
    };
    commit(store, delete.clone()).await;
    assert_eq!(get(store, &row).await, None, "a deleted key is not there");
    commit(store, delete).await;
    commit(store, put(&row, b"again")).await;
    assert_eq!(
        get(store, &row).await.as_deref(),
        Some(&b"again"[..]),
        "a deleted key can be put again"
    );
}

pub(super) async fn spaces_are_isolated(store: &impl Store) {
    let all = |space| Range::prefix(space, b"");
    let batch = Batch {
        put: Space::ALL
            .iter()
            .map(|&space| (key(space, b"same"), Bytes::from(vec![space as u8])))
            .collect(),
        ..Batch::default()
    };
    commit(store, batch).await;
    for space in Space::ALL {
        let expected = vec![(Bytes::from("same"), Bytes::from(vec![space as u8]))];
        assert_eq!(
            scan(store, &all(space), 10).await,
            expected,
            "{space:?} holds its own row only"
        );
        assert_eq!(
            scan(store, &all(space).reversed(), 10).await,
            expected,
            "{space:?} backwards"
        );
    }
    commit(
        store,
        Batch {
            delete: vec![key(Space::Journal, b"same")],
            ..Batch::default()
        },
    )
    .await;
    for space in Space::ALL {
        let there = get(store, &key(space, b"same")).await.is_some();
        assert_eq!(
            there,
            space != Space::Journal,
            "a delete in Journal reached {space:?}"
        );
    }
}

/// One case of [`ranges`]: where the range begins and ends, how many rows, and the keys expected.
type RangeCase = (
    &'static [u8],
    Option<&'static [u8]>,
    usize,
    &'static [&'static [u8]],
);

pub(super) async fn ranges(store: &impl Store) {
    const KEYS: [&[u8]; 8] = [
        b"\0",
        b"a",
        b"a\0",
        b"aa",
        b"ab",
        b"b",
        b"\xfe\xff",
        b"\xff\xff",
    ];
    // Put in an order that is not the order of the keys, in batches of one and two rows.
    for chunk in [&[5, 1][..], &[7], &[0, 3], &[6], &[4, 2]] {
        let put = chunk
            .iter()
            .map(|&at| (key(Space::Timers, KEYS[at]), Bytes::from_static(KEYS[at])))
            .collect();
        commit(
            store,
            Batch {
                put,
                ..Batch::default()
            },
        )
        .await;
    }
    commit(
        store,
        put(&key(Space::Outbox, b"zz"), b"a neighbour before"),
    )
    .await;
    commit(
        store,
        put(&key(Space::Functions, b"\0"), b"a neighbour behind"),
    )
    .await;
    let cases: [RangeCase; 11] = [
        (b"", None, 100, &KEYS),
        (b"", None, 3, &[b"\0", b"a", b"a\0"]),
        (b"", None, 0, &[]),
        (b"a", Some(b"b"), 100, &[b"a", b"a\0", b"aa", b"ab"]),
        (b"a\0", Some(b"ab"), 100, &[b"a\0", b"aa"]),
        (b"a", Some(b"a"), 100, &[]),
        (b"b", Some(b"a"), 100, &[]),
        (b"", Some(b""), 100, &[]),
        (b"c", Some(b"d"), 100, &[]),
        (b"\xfe", Some(b"\xff"), 100, &[b"\xfe\xff"]),
        (b"\xff", None, 100, &[b"\xff\xff"]),
    ];
    for (start, end, limit, expected) in cases {
        let range = Range {
            space: Space::Timers,
            start: Bytes::from_static(start),
            end: end.map(Bytes::from_static),
            reverse: false,
        };
        let found = scan(store, &range, limit).await;
        let expected: Vec<_> = expected
            .iter()
            .map(|key| (Bytes::from_static(key), Bytes::from_static(key)))
            .collect();
        assert_eq!(found, expected, "{range:?}, limit {limit}");
        let mut backwards = scan(store, &range.clone().reversed(), usize::MAX).await;
        backwards.reverse();
        let whole = scan(store, &range, usize::MAX).await;
        assert_eq!(backwards, whole, "{range:?} backwards");
        let last = scan(store, &range.clone().reversed(), 1).await;
        assert_eq!(last.first(), whole.last(), "the last row of {range:?}");
    }
    let prefixed = |prefix: &[u8]| Range::prefix(Space::Timers, prefix);
    assert_eq!(
        scan(store, &prefixed(b"a"), 100).await.len(),
        4,
        "keys that begin with a"
    );
    assert_eq!(
        scan(store, &prefixed(b"\xff"), 100).await.len(),
        1,
        "a prefix that nothing follows"
    );
    let long = vec![b'a'; KEY_BYTES_MAX + 10];
    assert_eq!(
        scan(store, &prefixed(&long), 100).await,
        [],
        "a prefix longer than any key"
    );
    let before_long = Range {
        start: Bytes::new(),
        end: Some(long.into()),
        ..prefixed(b"")
    };
    assert_eq!(
        scan(store, &before_long, 100).await.len(),
        4,
        "an end longer than any key"
    );
}

pub(super) async fn sizes(store: &impl Store) {
    for (key_length, value_length) in [
        (1, 0),
        (1, 1 << 20),
        (KEY_BYTES_MAX, 0),
        (KEY_BYTES_MAX, 3 << 20),
    ] {
        let row = key(Space::Journal, vec![7; key_length]);
        // Bytes that do not compress: a store that measures after compression must hold them too.
        let mut random = super::random::Random::new(key_length as u64);
        let value: Vec<u8> = (0..value_length).map(|_| random.next() as u8).collect();
        commit(store, put(&row, &value)).await;
        let found = get(store, &row).await;
        assert!(
            found.as_deref() == Some(&value[..]),
            "a key of {key_length} and a value of {value_length} bytes"
        );
    }
    assert_eq!(
        scan(store, &Range::prefix(Space::Journal, &[7]), 10)
            .await
            .len(),
        2
    );
}

pub(super) async fn expectations(store: &impl Store) {
    let (a, b) = (key(Space::Executions, b"a"), key(Space::Outbox, b"b"));
    let holds = |value: &'static [u8]| Expectation::Holds(Bytes::from_static(value));
    assert_eq!(
        conflict(store, expecting(put(&b, b"no"), &a, holds(b"1"))).await,
        a
    );
    assert_eq!(
        get(store, &b).await,
        None,
        "a batch that met a conflict wrote nothing"
    );
    commit(store, expecting(put(&a, b"1"), &a, Expectation::Absent)).await;
    assert_eq!(
        conflict(store, expecting(put(&a, b"2"), &a, Expectation::Absent)).await,
        a
    );
    assert_eq!(
        conflict(store, expecting(put(&a, b"2"), &a, holds(b""))).await,
        a
    );
    assert_eq!(
        conflict(store, expecting(put(&a, b"2"), &a, holds(b"11"))).await,
        a
    );
    assert_eq!(get(store, &a).await.as_deref(), Some(&b"1"[..]));
    commit(store, expecting(put(&a, b"2"), &a, holds(b"1"))).await;

    // Expectations are looked at before anything is written, in their order, and all of them.
    let both = expecting(
        expecting(put(&b, b"x"), &a, holds(b"2")),
        &b,
        Expectation::Absent,
    );
    commit(store, both.clone()).await;
    assert_eq!(
        conflict(store, both).await,
        b,
        "the second of two expectations"
    );
    let neither = expecting(
        expecting(put(&b, b"y"), &b, Expectation::Absent),
        &a,
        Expectation::Absent,
    );
    assert_eq!(
        conflict(store, neither).await,
        b,
        "the first key that was not as expected"
    );
    let only_asks = expecting(
        expecting(Batch::default(), &a, holds(b"2")),
        &b,
        holds(b"x"),
    );
    commit(store, only_asks).await;

    let mut moved = expecting(put(&b, b"2"), &a, holds(b"2"));
    moved.delete.push(a.clone());
    commit(store, moved.clone()).await;
    assert_eq!(
        (get(store, &a).await, get(store, &b).await.as_deref()),
        (None, Some(&b"2"[..]))
    );
    assert_eq!(
        conflict(store, moved).await,
        a,
        "what a batch deleted is absent"
    );
}

pub(super) async fn malformed_keys(store: &impl Store) {
    let row = key(Space::Executions, b"row");
    let rule = "a batch with a malformed key is refused and writes nothing";
    for length in [0, KEY_BYTES_MAX + 1] {
        let malformed = key(Space::Executions, vec![1; length]);
        let mut deletes = put(&row, b"no");
        deletes.delete.push(malformed.clone());
        let mut puts = put(&row, b"no");
        puts.put.push((malformed.clone(), Bytes::new()));
        let expects = expecting(put(&row, b"no"), &malformed, Expectation::Absent);
        for batch in [deletes, puts, expects] {
            assert!(
                matches!(
                    store.commit(batch).await,
                    Err(StoreError::Unavailable { .. })
                ),
                "{rule}"
            );
        }
        assert_eq!(
            get(store, &malformed).await,
            None,
            "a malformed key is never there"
        );
    }
    assert_eq!(get(store, &row).await, None, "{rule}");
    commit(store, put(&row, b"yes")).await;
}

pub(super) async fn repeated_batches(store: &impl Store) {
    let row = key(Space::Tags, b"row");
    for _ in 0..3 {
        commit(store, put(&row, b"same")).await;
    }
    let once = expecting(put(&row, b"next"), &row, Expectation::Holds("same".into()));
    commit(store, once.clone()).await;
    assert_eq!(
        conflict(store, once).await,
        row,
        "a batch that expects what it changes happens once"
    );
    let kept = expecting(put(&row, b"next"), &row, Expectation::Holds("next".into()));
    for _ in 0..3 {
        commit(store, kept.clone()).await;
    }
}
