//! Room for the bodies of requests: however many callers send large ones, what they fill is bounded.
//!
//! A body of usual size needs no leave. A large one takes room as it arrives, never for what it says that will
//! come, and has to arrive at a pace: whoever says much and sends little, or sends slowly, keeps nobody out. Where
//! there is no room, the caller is told to try again. Pages have a room of their own, since anybody may ask them.
//!
//! Bodies that are passed on piece by piece (S3's) are kept nowhere and need none.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::exchange::BODY_SILENCE_MAX;

/// A body of up to so many bytes needs no leave.
const USUAL_BYTES_MAX: usize = 64 << 10;
/// Room for all large bodies of signed requests together, in KiB. One function's code must fit.
const SIGNED_KIB: usize = 256 << 10;
/// Likewise, of requests to pages.
const PAGES_KIB: usize = 64 << 10;
/// What a large body must bring in a second, on the whole.
const PACE_BYTES: usize = 64 << 10;
/// How much later than that it may be.
const LATE_MAX: Duration = Duration::from_secs(10);

/// The room that there is.
pub(crate) struct Room(Arc<Semaphore>);

/// There is no room for more.
#[derive(Debug)]
pub(crate) struct NoRoom;

impl NoRoom {
    pub const CODE: &'static str = "ServiceUnavailable";
    pub const MESSAGE: &'static str = "Too many large requests are under way; try again.";
}

/// A body that arrives. Its room is given back when this is dropped.
pub(crate) struct Arrival {
    room: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
    bytes: usize,
    /// When it turned out to be large.
    large_since: Option<Instant>,
}

impl Room {
    /// Returns the room for signed requests.
    pub fn of_the_signed() -> Self {
        Self(Arc::new(Semaphore::new(SIGNED_KIB)))
    }

    /// Returns the room for requests to pages.
    pub fn of_pages() -> Self {
        Self(Arc::new(Semaphore::new(PAGES_KIB)))
    }

    /// Returns a body of which nothing is there yet.
    pub fn arrival(&self) -> Arrival {
        Arrival {
            room: Arc::clone(&self.0),
            taken: None,
            bytes: 0,
            large_since: None,
        }
    }
}

impl Arrival {
    /// Takes room for `bytes` more.
    ///
    /// # Errors
    /// If there is none now. What was taken stays taken: whoever does not go on drops it all.
    pub fn grow(&mut self, bytes: usize) -> Result<(), NoRoom> {
        self.bytes += bytes;
        if self.bytes <= USUAL_BYTES_MAX {
            return Ok(());
        }
        self.large_since.get_or_insert_with(Instant::now);
        let has = self
            .taken
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = self.bytes.div_ceil(1 << 10).saturating_sub(has);
        let missing = u32::try_from(missing).map_err(|_| NoRoom)?;
        let more = Arc::clone(&self.room).try_acquire_many_owned(missing);
        let more = more.map_err(|_| NoRoom)?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }

    /// Returns how long the next piece may take.
    pub fn patience(&self) -> Duration {
        let Some(since) = self.large_since else {
            return BODY_SILENCE_MAX;
        };
        let due = Duration::from_secs_f64(self.bytes as f64 / PACE_BYTES as f64);
        let ends = since + LATE_MAX + due;
        ends.saturating_duration_since(Instant::now())
            .min(BODY_SILENCE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn large_bodies_take_room_as_they_arrive_and_small_ones_take_none() {
        let room = Room::of_pages();
        let mut large = room.arrival();
        assert!(large.grow(USUAL_BYTES_MAX).is_ok());
        assert_eq!(room.0.available_permits(), PAGES_KIB);
        assert!(large.grow((PAGES_KIB << 10) - USUAL_BYTES_MAX - 1).is_ok());
        assert!(large.grow(1).is_ok());
        assert_eq!(room.0.available_permits(), 0);
        assert!(large.grow(1).is_err());
        assert!(room.arrival().grow(USUAL_BYTES_MAX).is_ok());
        assert!(room.arrival().grow(USUAL_BYTES_MAX + 1).is_err());
        drop(large);
        assert!(room.arrival().grow(USUAL_BYTES_MAX + 1).is_ok());
        assert_eq!(room.0.available_permits(), PAGES_KIB);
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_have_to_go_on() {
        let room = Room::of_the_signed();
        let mut body = room.arrival();
        assert!(body.grow(USUAL_BYTES_MAX).is_ok());
        assert_eq!(body.patience(), BODY_SILENCE_MAX);
        assert!(body.grow(PACE_BYTES).is_ok());
        assert_eq!(body.patience(), LATE_MAX + Duration::from_secs(2));
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(body.patience(), Duration::from_secs(1));
        assert!(body.grow(PACE_BYTES * 60).is_ok());
        assert_eq!(body.patience(), BODY_SILENCE_MAX);
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(body.patience(), Duration::ZERO);
    }
}
