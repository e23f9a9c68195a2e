//! How many events of one function run at a time: all its versions and aliases together, as on AWS.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use service::Failure;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::failure;

/// The room of one function.
#[derive(Default)]
pub struct Room {
    state: Mutex<State>,
    /// Told of every place that is free again, and of more places.
    freed: Notify,
}

#[derive(Default)]
struct State {
    /// The row of `$LATEST` that says how many there may be.
    row: Bytes,
    most: usize,
    reserved: bool,
    running: usize,
}

/// A place that an event has while it runs.
pub struct Place(Arc<Room>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.state.lock().running -= 1;
        self.0.freed.notify_one();
    }
}

impl Room {
    /// Has the row of `$LATEST` say how large the room is; it is read when it is another one than before.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn measure(
        &self,
        row: &Bytes,
        read: impl FnOnce(&Bytes) -> Result<Option<u32>, Failure>,
        otherwise: usize,
    ) -> Result<(), Failure> {
        let mut state = self.state.lock();
        if state.row == *row {
            return Ok(());
        }
        let reserved = read(row)?;
        state.row = row.clone();
        state.reserved = reserved.is_some();
        state.most = reserved.map_or(otherwise, |reserved| reserved as usize);
        drop(state);
        self.freed.notify_waiters();
        Ok(())
    }

    /// Waits up to `patience` for a place.
    ///
    /// # Errors
    /// `TooManyRequestsException` where there is none, at once where the function may not run at all.
    pub async fn enter(self: &Arc<Self>, patience: Duration) -> Result<Place, Failure> {
        match timeout(patience, self.place()).await {
            Ok(entered) => entered,
            Err(_) => Err(failure::too_many_requests()),
        }
    }

    async fn place(self: &Arc<Self>) -> Result<Place, Failure> {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // From here on nothing is missed.
            freed.as_mut().enable();
            {
                let mut state = self.state.lock();
                if state.reserved && state.most == 0 {
                    return Err(failure::too_many_requests());
                }
                if state.running < state.most {
                    state.running += 1;
                    return Ok(Place(Arc::clone(self)));
                }
            }
            freed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(room: &Room, row: &'static str) {
        let read = |row: &Bytes| Ok(std::str::from_utf8(row).ok().and_then(|n| n.parse().ok()));
        let row = Bytes::from_static(row.as_bytes());
        room.measure(&row, read, 2).expect("a row");
    }

    #[tokio::test]
    async fn places_are_given_back_and_grow_and_go() {
        let room = Arc::new(Room::default());
        measured(&room, "none");
        let soon = Duration::from_millis(10);
        let (first, second) = (room.enter(soon).await, room.enter(soon).await);
        assert!(first.is_ok() && second.is_ok() && room.enter(soon).await.is_err());
        let waiting = {
            let room = Arc::clone(&room);
            tokio::spawn(async move { room.enter(Duration::from_secs(60)).await.is_ok() })
        };
        drop(first);
        assert!(waiting.await.expect("no panic"));
        measured(&room, "3");
        let more = [room.enter(soon).await, room.enter(soon).await];
        assert!(more.iter().all(Result::is_ok) && room.enter(soon).await.is_err());
        measured(&room, "0");
        drop((second, more));
        assert!(room.enter(soon).await.is_err());
    }
}
