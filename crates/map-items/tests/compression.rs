//! Objects that are compressed as a whole are expanded a bounded piece at a time.

use std::io::Write as _;

use flate2::write::GzEncoder;
use map_items::{Compression, FormatError, Inflate};

/// Expands `bytes`, which come `piece` at a time, into a buffer of `room` bytes.
fn expand(
    compression: Compression,
    bytes: &[u8],
    piece: usize,
    room: usize,
) -> Result<Vec<u8>, FormatError> {
    let mut inflate = Inflate::new(compression)?;
    let mut expanded = Vec::new();
    let mut buffer = vec![0; room];
    for mut piece in bytes.chunks(piece) {
        loop {
            let step = inflate.step(piece, &mut buffer)?;
            expanded.extend_from_slice(&buffer[..step.produced]);
            piece = &piece[step.consumed..];
            if piece.is_empty() && step.produced < room {
                break;
            }
        }
    }
    inflate.finish()?;
    Ok(expanded)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn zstandard(text: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(text, 0).expect("memory")
}

#[test]
fn the_name_says_how_and_else_the_encoding() {
    use Compression::{Gzip, None as Plain, Zstd};
    let cases = [
        ("myObject.jsonl.gz", None, Gzip),
        ("myObject.csv.zstd", None, Zstd),
        ("a.ZST", None, Zstd),
        ("a.csv", None, Plain),
        ("a.csv", Some("gzip"), Gzip),
        ("a.csv", Some("zstd"), Zstd),
        ("a.csv", Some("identity"), Plain),
        ("a.gz", Some("aws-chunked"), Gzip),
        ("gz", None, Plain),
    ];
    for (key, encoding, expected) in cases {
        assert_eq!(
            Compression::of(key, encoding),
            expected,
            "{key} {encoding:?}"
        );
    }
}

#[test]
fn expands_members_and_frames_of_any_length_from_pieces_of_any_size() {
    let text: Vec<u8> = (0..300_000u32)
        .flat_map(|n| n.wrapping_mul(n).to_le_bytes())
        .collect();
    let (front, back) = text.split_at(1000);
    let all = [
        (Compression::None, text.clone()),
        (Compression::Gzip, gzip(&text)),
        (
            Compression::Gzip,
            [gzip(front), gzip(b""), gzip(back)].concat(),
        ),
        (Compression::Zstd, zstandard(&text)),
        (
            Compression::Zstd,
            [zstandard(front), zstandard(b""), zstandard(back)].concat(),
        ),
    ];
    for (compression, bytes) in all {
        for (piece, room) in [(usize::MAX, 65536), (1000, 64), (1, 65536), (7, 100)] {
            let piece = piece.min(bytes.len());
            let expanded = expand(compression, &bytes, piece, room);
            assert!(
                expanded.as_deref() == Ok(&text[..]),
                "{compression:?} in pieces of {piece} into {room}"
            );
        }
    }
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        assert_eq!(
            expand(compression, b"", 1, 10),
            Ok(vec![]),
            "{compression:?}"
        );
    }
}

#[test]
fn what_is_damaged_or_cut_is_told() {
    let (gz, zst) = (gzip(b"some text"), zstandard(b"some text"));
    let cases = [
        (Compression::Gzip, b"some text".to_vec(), "gzip"),
        (Compression::Gzip, gz[..gz.len() - 1].to_vec(), "gzip"),
        (Compression::Gzip, [&gz[..], b"tail"].concat(), "gzip"),
        (Compression::Zstd, b"some text".to_vec(), "Zstandard"),
        (
            Compression::Zstd,
            zst[..zst.len() - 1].to_vec(),
            "Zstandard",
        ),
    ];
    for (compression, bytes, name) in cases {
        for piece in [1, bytes.len()] {
            let expanded = expand(compression, &bytes, piece, 100);
            assert_eq!(expanded, Err(FormatError::NotCompressed(name)), "{bytes:?}");
        }
    }
}
