//! Objects that are compressed as a whole: gzip and Zstandard.

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder as Zstd, Operation};

use crate::FormatError;

/// How an object is compressed from the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// `.gz`
    Gzip,
    /// `.zst`, `.zstd`
    Zstd,
}

impl Compression {
    /// Returns how the object `key` is compressed: by the end of its name, else by its `Content-Encoding`.
    pub fn of(key: &str, content_encoding: Option<&str>) -> Self {
        let ending = key
            .rsplit_once('.')
            .map(|(_, ending)| ending.to_ascii_lowercase());
        let encoding = content_encoding.map(str::to_ascii_lowercase);
        match (ending.as_deref(), encoding.as_deref()) {
            (Some("gz" | "gzip"), _) => Self::Gzip,
            (Some("zst" | "zstd"), _) => Self::Zstd,
            (_, Some("gzip" | "x-gzip")) => Self::Gzip,
            (_, Some("zstd")) => Self::Zstd,
            (_, _) => Self::None,
        }
    }
}

/// Expands an object, a bounded piece at a time however much a byte expands to.
pub enum Inflate {
    /// Takes bytes as they are.
    None,
    /// Expands members of gzip, one after the other.
    Gzip(Box<Gzip>),
    /// Expands frames of Zstandard, one after the other.
    Zstd(Box<Zstandard>),
}

/// A gzip member that is being expanded.
pub struct Gzip {
    inner: Decompress,
    is_within: bool,
}

/// A Zstandard frame that is being expanded.
pub struct Zstandard {
    inner: Zstd<'static>,
    is_within: bool,
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes of the input that are used up.
    pub consumed: usize,
    /// Bytes of the output that are filled. More may follow without more input when it is all of it.
    pub produced: usize,
}

impl fmt::Debug for Inflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "Inflate::None",
            Self::Gzip(_) => "Inflate::Gzip",
            Self::Zstd(_) => "Inflate::Zstd",
        })
    }
}

impl Inflate {
    /// Returns what expands an object at its first byte.
    pub fn new(compression: Compression) -> Result<Self, FormatError> {
        Ok(match compression {
            Compression::None => Self::None,
            Compression::Gzip => Self::Gzip(Box::new(Gzip {
                inner: Decompress::new_gzip(15),
                is_within: false,
            })),
            Compression::Zstd => Self::Zstd(Box::new(Zstandard {
                inner: Zstd::new().map_err(|_| FormatError::NotCompressed("Zstandard"))?,
                is_within: false,
            })),
        })
    }

    /// Expands what it can of `input` into `output`, which is not empty.
    ///
    /// Done with `input` is who gets a step that consumed all of it and did not fill `output`.
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, FormatError> {
        match self {
            Self::None => {
                let length = input.len().min(output.len());
                output[..length].copy_from_slice(&input[..length]);
                Ok(Step {
                    consumed: length,
                    produced: length,
                })
            }
            Self::Gzip(gzip) => gzip.step(input, output),
            Self::Zstd(zstd) => zstd.step(input, output),
        }
    }

    /// Tells that no input follows: an object that ends within a member or frame is damaged.
    pub fn finish(&self) -> Result<(), FormatError> {
        match self {
            Self::Gzip(gzip) if gzip.is_within => Err(FormatError::NotCompressed("gzip")),
            Self::Zstd(zstd) if zstd.is_within => Err(FormatError::NotCompressed("Zstandard")),
            Self::None | Self::Gzip(_) | Self::Zstd(_) => Ok(()),
        }
    }
}

impl Gzip {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, FormatError> {
        if input.is_empty() && !self.is_within {
            return Ok(Step {
                consumed: 0,
                produced: 0,
            });
        }
        let (read, written) = (self.inner.total_in(), self.inner.total_out());
        let status = self.inner.decompress(input, output, FlushDecompress::None);
        let step = Step {
            consumed: (self.inner.total_in() - read) as usize,
            produced: (self.inner.total_out() - written) as usize,
        };
        match status {
            Ok(Status::StreamEnd) => {
                // Another member may follow.
                self.inner = Decompress::new_gzip(15);
                self.is_within = false;
            }
            Ok(Status::Ok) => self.is_within = true,
            Ok(Status::BufError) => {}
            Err(_) => return Err(FormatError::NotCompressed("gzip")),
        }
        Ok(step)
    }
}

impl Zstandard {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, FormatError> {
        if input.is_empty() && !self.is_within {
            return Ok(Step {
                consumed: 0,
                produced: 0,
            });
        }
        let status = self.inner.run_on_buffers(input, output);
        let status = status.map_err(|_| FormatError::NotCompressed("Zstandard"))?;
        // The hint for the next call is zero exactly where a frame has ended.
        self.is_within = status.remaining != 0;
        Ok(Step {
            consumed: status.bytes_read,
            produced: status.bytes_written,
        })
    }
}
