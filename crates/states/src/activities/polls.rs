//! Those who poll for a task, and the hand that gives them one.
//!
//! Who waits is a seat in a line of its activity: a few words of memory, no thread and no task. An
//! offer goes to whoever has waited longest. What waits in a queue is in the store; of a queue that is
//! polled, the first places are in memory too, and they are forgotten with the last poller.
//!
//! A place is handed to one poller at a time, but that it is taken once is decided by its execution: the
//! second `TaskTaken` is refused. So it does no harm when a place is handed out once too often.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use store::Store;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::places::{self, Place};

/// Most pollers of one activity (Step Functions quotas, "Maximum number of pollers").
const POLLERS_MAX: usize = 1_000;
/// How many places are read at once.
const PLACES_AT_ONCE: usize = 64;
/// Most places of one queue in memory.
const PLACES_MAX: usize = 1_024;
/// How long to wait after the store could not be read.
const PAUSE: Duration = Duration::from_secs(1);

/// The polls of all activities.
pub(crate) struct Polls {
    store: Arc<dyn Store>,
    queues: Mutex<Queues>,
    stopping: watch::Sender<bool>,
    readers: Mutex<JoinSet<()>>,
}

/// The queues that somebody polls.
#[derive(Default)]
struct Queues {
    by_activity: HashMap<Arc<str>, Queue>,
    /// How many there were.
    begun: u64,
}

impl Queues {
    fn of(&mut self, activity: &Arc<str>) -> &mut Queue {
        let begun = &mut self.begun;
        self.by_activity.entry(activity.clone()).or_insert_with(|| {
            *begun += 1;
            let number = *begun;
            Queue {
                number,
                ..Queue::default()
            }
        })
    }

    fn polled(&mut self, activity: &str) -> Option<&mut Queue> {
        self.by_activity.get_mut(activity)
    }
}

/// A queue that somebody polls.
#[derive(Default)]
struct Queue {
    /// Tells it from the one that was forgotten with the last poller.
    number: u64,
    pollers: usize,
    waiting: VecDeque<(u64, oneshot::Sender<Place>)>,
    next_seat: u64,
    /// The first places, those in hand left out.
    known: BTreeSet<Place>,
    /// Given to a poller, who has not said yet what became of them.
    in_hand: HashSet<Place>,
    /// The store has no place that is not known or in hand.
    complete: bool,
    /// A reader is under way.
    reading: bool,
    /// Counts offers: a reader that began before one of them may have missed it.
    offers: u64,
}

/// What somebody who asked for a task comes away with.
pub(crate) enum Asked<'a> {
    /// The place of a task, to be taken.
    Place(Hand<'a>),
    /// No task came in time.
    Nothing,
    /// The activity was deleted meanwhile.
    Deleted,
}

impl Queue {
    /// Gives what is known to those who wait, longest wait and oldest place first.
    fn hand_out(&mut self) {
        while let Some(place) = self.known.first().copied()
            && let Some((_, waiting)) = self.waiting.pop_front()
        {
            if waiting.send(place).is_ok() {
                self.known.pop_first();
                self.in_hand.insert(place);
            }
        }
    }

    fn add(&mut self, place: Place) {
        if self.in_hand.contains(&place) {
            return;
        }
        self.known.insert(place);
        if self.known.len() > PLACES_MAX {
            self.known.pop_last();
            self.complete = false;
        }
    }
}

impl Polls {
    pub(crate) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            store,
            queues: Mutex::default(),
            stopping: watch::Sender::new(false),
            readers: Mutex::default(),
        })
    }

    /// Says that a durable task waits at `place` of the queue of `activity`.
    pub(crate) fn offered(&self, activity: &str, place: Place) {
        if let Some(queue) = self.queues.lock().polled(activity) {
            queue.offers += 1;
            // Behind places that only the store knows, it would be taken too early.
            if queue.complete {
                queue.add(place);
                queue.hand_out();
            }
        }
    }

    /// Sends those away who poll an activity that is gone.
    pub(crate) fn deleted(&self, activity: &str) {
        if let Some(queue) = self.queues.lock().polled(activity) {
            queue.waiting.clear();
        }
    }

    /// Ends all polls, and those that come, without a task: the server stops.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Ends the readers. Once this returns, nothing here touches the store any more.
    pub(crate) async fn shut_down(&self) {
        self.stop();
        let mut readers = std::mem::take(&mut *self.readers.lock());
        readers.shutdown().await;
    }

    /// Lets somebody poll `activity`; `None` when too many do.
    pub(crate) fn sit_down(self: &Arc<Self>, activity: &str) -> Option<Seat> {
        let activity: Arc<str> = activity.into();
        let mut queues = self.queues.lock();
        let queue = queues.of(&activity);
        if queue.pollers == POLLERS_MAX {
            return None;
        }
        queue.pollers += 1;
        Some(Seat {
            polls: self.clone(),
            activity,
        })
    }

    /// Takes the first place, or stands in line for one.
    fn ask(
        self: &Arc<Self>,
        activity: &Arc<str>,
    ) -> Result<Place, (u64, oneshot::Receiver<Place>)> {
        let mut queues = self.queues.lock();
        let queue = queues.of(activity);
        if queue.waiting.is_empty()
            && let Some(place) = queue.known.pop_first()
        {
            queue.in_hand.insert(place);
            return Ok(place);
        }
        let (word, heard) = oneshot::channel();
        let seat = queue.next_seat;
        queue.next_seat += 1;
        queue.waiting.push_back((seat, word));
        if !queue.complete && !queue.reading {
            queue.reading = true;
            let (polls, activity, number) = (self.clone(), activity.clone(), queue.number);
            let mut readers = self.readers.lock();
            while readers.try_join_next().is_some() {}
            readers.spawn(async move { polls.read(&activity, number).await });
        }
        Err((seat, heard))
    }

    /// Reads places for those who wait, until nobody does or the store has no more.
    async fn read(&self, activity: &str, number: u64) {
        loop {
            let (ahead, before) = match self.queues.lock().polled(activity) {
                Some(queue) if queue.number == number => {
                    // Those in hand are still in the store, and first.
                    (queue.in_hand.len() + queue.known.len(), queue.offers)
                }
                Some(_) | None => return,
            };
            let limit = ahead + PLACES_AT_ONCE;
            match self.store.scan(&places::queue_of(activity), limit).await {
                Ok(found) => {
                    let mut queues = self.queues.lock();
                    let queue = queues.polled(activity);
                    let Some(queue) = queue.filter(|queue| queue.number == number) else {
                        return;
                    };
                    queue.complete = found.len() < limit && queue.offers == before;
                    places::places(&found).for_each(|place| queue.add(place));
                    queue.hand_out();
                    if queue.complete || queue.waiting.is_empty() {
                        queue.reading = false;
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        activity,
                        "a queue could not be read"
                    );
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Takes back a place whose poller did not take the task.
    fn give_back(&self, activity: &str, place: Place) {
        if let Some(queue) = self.queues.lock().polled(activity) {
            queue.in_hand.remove(&place);
            queue.add(place);
            queue.hand_out();
        }
    }
}

/// Somebody who polls.
pub(crate) struct Seat {
    polls: Arc<Polls>,
    activity: Arc<str>,
}

impl Seat {
    /// Waits for a place until `deadline`.
    pub(crate) async fn ask(&self, deadline: tokio::time::Instant) -> Asked<'_> {
        if *self.polls.stopping.borrow() {
            return Asked::Nothing;
        }
        let place = match self.polls.ask(&self.activity) {
            Ok(place) => Some(place),
            Err((seat, heard)) => {
                let mut line = Line {
                    seat: self,
                    number: seat,
                    heard,
                };
                let mut stopping = self.polls.stopping.subscribe();
                tokio::select! {
                    biased;
                    heard = &mut line.heard => match heard {
                        Ok(place) => Some(place),
                        Err(_) => return Asked::Deleted,
                    },
                    _ = stopping.wait_for(|stopping| *stopping) => None,
                    () = tokio::time::sleep_until(deadline) => None,
                }
            }
        };
        match place {
            Some(place) => Asked::Place(Hand {
                seat: self,
                place,
                settled: false,
            }),
            None => Asked::Nothing,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut queues = self.polls.queues.lock();
        if let Some(queue) = queues.polled(&self.activity) {
            queue.pollers -= 1;
            if queue.pollers == 0 {
                queues.by_activity.remove(&self.activity);
            }
        }
    }
}

/// A seat in the line. Whoever leaves it, for whatever reason, leaves no place behind.
struct Line<'a> {
    seat: &'a Seat,
    number: u64,
    heard: oneshot::Receiver<Place>,
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let Seat { polls, activity } = self.seat;
        if let Some(queue) = polls.queues.lock().polled(activity) {
            queue.waiting.retain(|(seat, _)| *seat != self.number);
        }
        if let Ok(place) = self.heard.try_recv() {
            polls.give_back(activity, place);
        }
    }
}

/// A place in the hand of a poller: given back unless it is settled.
pub(crate) struct Hand<'a> {
    seat: &'a Seat,
    place: Place,
    settled: bool,
}

impl Hand<'_> {
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Says that the place is no more: its task was taken, by whomever, or is gone.
    pub(crate) fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        let Seat { polls, activity } = self.seat;
        if !self.settled {
            polls.give_back(activity, self.place);
        } else if let Some(queue) = polls.queues.lock().polled(activity) {
            queue.in_hand.remove(&self.place);
        }
    }
}
