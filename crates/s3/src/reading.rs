//! Bytes on their way out of files.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use s3s::StdError;
use s3s::dto::StreamingBlob;
use s3s::stream::{ByteStream, RemainingLength};
use service::Failure;
use tokio::sync::mpsc;

use crate::blobs::{Blobs, Pin};
use crate::failure;
use crate::receive::blocking;
use crate::rows::Piece;

/// Bytes that are read at a time.
const READ_BYTES: usize = 256 << 10;

/// Reads that may be ahead of the caller.
const READS_AHEAD: usize = 2;

/// The bytes of an object from one place to another. Dropped, it reads no further.
struct ObjectStream {
    reads: mpsc::Receiver<Result<Bytes, std::io::Error>>,
    remaining: u64,
}

impl Stream for ObjectStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(
        mut self: Pinned<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        let polled = self.reads.poll_recv(context);
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            self.remaining = self.remaining.saturating_sub(bytes.len() as u64);
        }
        polled.map_err(Into::into)
    }
}

impl ByteStream for ObjectStream {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact(usize::try_from(self.remaining).unwrap_or(usize::MAX))
    }
}

/// Returns the bytes `range` of the object in `pieces`. The files are there as long as the stream is.
///
/// # Errors
/// When the first file that is needed cannot be opened.
pub(crate) async fn stream(
    blobs: &Arc<Blobs>,
    pieces: Vec<Piece>,
    range: std::ops::Range<u64>,
    pin: Pin,
) -> Result<StreamingBlob, Failure> {
    let mut sections = sections(&pieces, &range);
    let failed = |error: std::io::Error| failure::internal("reading an object", &error);
    let (sender, reads) = mpsc::channel(READS_AHEAD);
    if !sections.is_empty() {
        let first = sections.remove(0);
        let mut file = open(blobs, first.clone()).await.map_err(failed)?;
        let blobs = Arc::clone(blobs);
        tokio::spawn(async move {
            let _pin = pin;
            let mut left = first.length;
            let mut sections = sections.into_iter();
            loop {
                if left == 0 {
                    let Some(next) = sections.next() else { return };
                    left = next.length;
                    match open(&blobs, next).await {
                        Ok(opened) => file = opened,
                        Err(error) => return drop(sender.send(Err(error)).await),
                    }
                }
                match read(file, left).await {
                    Ok((bytes, rest)) => {
                        left -= bytes.len() as u64;
                        file = rest;
                        if sender.send(Ok(bytes)).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        tracing::error!(%error, "an object cannot be read on");
                        return drop(sender.send(Err(error)).await);
                    }
                }
            }
        });
    }
    let remaining = range.end - range.start;
    Ok(StreamingBlob::new(ObjectStream { reads, remaining }))
}

/// Part of one file.
#[derive(Clone)]
struct Section {
    piece: Piece,
    offset: u64,
    length: u64,
}

/// Returns the parts of files that make up `range`.
fn sections(pieces: &[Piece], range: &std::ops::Range<u64>) -> Vec<Section> {
    let mut at = 0;
    let mut sections = Vec::new();
    for piece in pieces {
        let (start, end) = (range.start.max(at), range.end.min(at + piece.size));
        if start < end {
            sections.push(Section {
                piece: piece.clone(),
                offset: start - at,
                length: end - start,
            });
        }
        at += piece.size;
    }
    sections
}

async fn open(blobs: &Arc<Blobs>, section: Section) -> std::io::Result<std::fs::File> {
    let blobs = Arc::clone(blobs);
    blocking(move || {
        let mut file = blobs.read(section.piece.blob)?;
        file.seek(SeekFrom::Start(section.offset))?;
        Ok(file)
    })
    .await
}

/// Reads the next bytes, at most `left`. A file that is too short is an error, never a short answer.
async fn read(mut file: std::fs::File, left: u64) -> std::io::Result<(Bytes, std::fs::File)> {
    blocking(move || {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(READ_BYTES);
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok((bytes.into(), file))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{BlobId, Checksums};

    #[test]
    fn a_range_is_cut_out_of_the_pieces_that_it_touches() {
        let piece = |size| Piece {
            blob: BlobId([0; 16]),
            size,
            checksums: Checksums::default(),
            number: 1,
        };
        let pieces = [piece(5), piece(0), piece(3), piece(4)];
        for (range, expected) in [
            (0..12, vec![(0, 5), (0, 3), (0, 4)]),
            (0..5, vec![(0, 5)]),
            (4..6, vec![(4, 1), (0, 1)]),
            (6..7, vec![(1, 1)]),
            (8..12, vec![(0, 4)]),
            (3..3, vec![]),
        ] {
            let cut: Vec<_> = sections(&pieces, &range)
                .iter()
                .map(|s| (s.offset, s.length))
                .collect();
            assert_eq!(cut, expected, "{range:?}");
        }
    }
}
