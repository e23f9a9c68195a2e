//! Room for the bodies of requests: however many callers send large ones, what they fill is bounded.
//!
//! A body of usual size needs no leave. A large one waits until others have been answered; callers that
//! wait for too long are told to try again.

use std::sync::Arc;
use std::time::Duration;

use aws_wire::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A body of up to so many bytes needs no leave.
const USUAL_BYTES_MAX: usize = 64 << 10;
/// Room for all large bodies together, in KiB. One function's code must fit.
const ROOM_KIB: usize = 256 << 10;
/// How long a caller waits for room.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// The room that there is.
pub(crate) struct Room(Arc<Semaphore>);

/// Room that a body has; given back when it is dropped.
pub(crate) struct Taken {
    _room: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM_KIB)))
    }
}

impl Taken {
    /// Returns no room, for a body that is not read.
    pub fn nothing() -> Self {
        Self { _room: None }
    }
}

impl Room {
    /// Waits until there is room for a body of `bytes`.
    ///
    /// # Errors
    /// With the answer to give when there was none for too long.
    pub async fn take(&self, bytes: usize) -> Result<Taken, Refusal> {
        if bytes <= USUAL_BYTES_MAX {
            return Ok(Taken::nothing());
        }
        let kib = (bytes >> 10).clamp(1, ROOM_KIB) as u32;
        let room = Arc::clone(&self.0).acquire_many_owned(kib);
        match tokio::time::timeout(WAIT_MAX, room).await {
            Ok(room) => Ok(Taken { _room: room.ok() }),
            Err(_) => Err(Refusal {
                code: "ServiceUnavailable".into(),
                message: "Too many large requests are under way; try again.".to_owned(),
                status: 503,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn large_bodies_wait_for_room_and_small_ones_do_not() {
        let room = Room::default();
        let all = room.take(ROOM_KIB << 10).await.expect("room");
        assert!(room.take(USUAL_BYTES_MAX).await.is_ok());
        let refused = room.take(USUAL_BYTES_MAX + 1).await.err();
        assert_eq!(refused.map(|refusal| refusal.status), Some(503));
        drop(all);
        assert!(room.take(USUAL_BYTES_MAX + 1).await.is_ok());
    }
}
