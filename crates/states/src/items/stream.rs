//! The items of one object: its bytes, expanded and decoded as far as they are asked for.

use std::collections::VecDeque;
use std::io::Write as _;

use bytes::{Buf as _, Bytes};
use map_items::{Decoder, Entry, FormatError, Inflate, ParquetItems};

use super::ItemsFailed;
use super::object::Object;

/// Bytes that are expanded at once.
const EXPAND_BYTES: usize = 64 * 1024;
/// Rows of a Parquet file that are decoded at once, if they are short.
const ROWS_MAX: usize = 256;
/// Bytes of JSON after which no further row is decoded ahead.
const ROWS_BYTES_MAX: usize = 1024 * 1024;

/// Items that come one at a time.
pub(super) enum ItemStream {
    /// Decoded as the bytes arrive.
    Decoded(Box<DecodedItems>),
    /// Read from a copy on disk.
    Parquet(ParquetRows),
}

impl ItemStream {
    /// Returns the next item; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Entry>, ItemsFailed> {
        match self {
            Self::Decoded(items) => items.next().await,
            Self::Parquet(rows) => rows.next().await,
        }
    }
}

/// An object as bytes that were compressed no longer.
struct Expanded {
    object: Object,
    inflate: Inflate,
    piece: Bytes,
    /// Is full when more may come without more input.
    buffer: Vec<u8>,
    filled: usize,
    is_pending: bool,
}

impl Expanded {
    fn new(object: Object) -> Result<Self, ItemsFailed> {
        Ok(Self {
            inflate: Inflate::new(object.compression()).map_err(failed)?,
            object,
            piece: Bytes::new(),
            buffer: vec![0; EXPAND_BYTES],
            filled: 0,
            is_pending: false,
        })
    }

    /// Fills the buffer with what follows; `false` at the end.
    async fn fill(&mut self) -> Result<bool, ItemsFailed> {
        loop {
            if self.piece.is_empty() && !self.is_pending {
                match self.object.next_piece().await? {
                    Some(piece) => self.piece = piece,
                    None => {
                        self.filled = 0;
                        self.inflate.finish().map_err(failed)?;
                        return Ok(false);
                    }
                }
            }
            let step = self
                .inflate
                .step(&self.piece, &mut self.buffer)
                .map_err(failed)?;
            if step.consumed == 0 && step.produced == 0 && !self.piece.is_empty() {
                return Err(failed(FormatError::Malformed(
                    "The object cannot be expanded any further.".to_owned(),
                )));
            }
            self.piece.advance(step.consumed);
            self.filled = step.produced;
            self.is_pending = step.produced == self.buffer.len();
            if step.produced > 0 {
                return Ok(true);
            }
        }
    }
}

/// Items that are decoded as the bytes arrive.
pub(super) struct DecodedItems {
    bytes: Expanded,
    /// How much of the buffer is decoded.
    taken: usize,
    decoder: Box<dyn Decoder>,
    has_ended: bool,
}

impl DecodedItems {
    /// Returns the items that `decoder` finds in `object`.
    pub fn new(object: Object, decoder: Box<dyn Decoder>) -> Result<Self, ItemsFailed> {
        Ok(Self {
            bytes: Expanded::new(object)?,
            taken: 0,
            decoder,
            has_ended: false,
        })
    }

    /// Returns the next item; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Entry>, ItemsFailed> {
        while !self.has_ended {
            let mut input = &self.bytes.buffer[self.taken..self.bytes.filled];
            let item = self.decoder.decode(&mut input).map_err(failed)?;
            self.taken = self.bytes.filled - input.len();
            if item.is_some() {
                return Ok(item);
            }
            self.taken = 0;
            self.has_ended = self.decoder.is_done() || !self.bytes.fill().await?;
        }
        self.decoder.finish().map_err(failed)
    }
}

/// The rows of a Parquet file.
pub(super) struct ParquetRows {
    /// None after the end, and while a batch is decoded.
    rows: Option<ParquetItems>,
    batch: VecDeque<Entry>,
}

impl ParquetRows {
    /// Copies `object` to a file that nobody else sees, and opens it: the index of its rows is at its end.
    pub async fn open(object: Object) -> Result<Self, ItemsFailed> {
        let mut bytes = Expanded::new(object)?;
        let mut file = tempfile::tempfile().map_err(spooling)?;
        while bytes.fill().await? {
            file.write_all(&bytes.buffer[..bytes.filled])
                .map_err(spooling)?;
        }
        let rows = blocking(move || ParquetItems::open(file)).await?;
        Ok(Self {
            rows: Some(rows),
            batch: VecDeque::new(),
        })
    }

    async fn next(&mut self) -> Result<Option<Entry>, ItemsFailed> {
        if let (true, Some(mut rows)) = (self.batch.is_empty(), self.rows.take()) {
            let (rows, batch) = blocking(move || {
                let (mut batch, mut bytes) = (VecDeque::new(), 0);
                while batch.len() < ROWS_MAX && bytes < ROWS_BYTES_MAX {
                    match rows.next_item()? {
                        Some(item) => {
                            bytes += item.value.to_string().len();
                            batch.push_back(item);
                        }
                        None => return Ok((None, batch)),
                    }
                }
                Ok((Some(rows), batch))
            })
            .await?;
            (self.rows, self.batch) = (rows, batch);
        }
        Ok(self.batch.pop_front())
    }
}

/// Runs what reads from disk where it holds up no other execution. The library may give up on a damaged
/// file by a panic: that is a file that cannot be read, like any other.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FormatError> + Send + 'static,
) -> Result<T, ItemsFailed> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(failed),
        Err(_) => Err(failed(FormatError::Parquet("it is damaged".to_owned()))),
    }
}

fn spooling(error: std::io::Error) -> ItemsFailed {
    ItemsFailed::reading(format!("The Parquet file cannot be held on disk: {error}."))
}

/// Returns the failure of a data set that is not what it should be.
pub(super) fn failed(error: FormatError) -> ItemsFailed {
    ItemsFailed::reading(error.to_string())
}
