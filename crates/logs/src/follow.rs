//! Events of a group as they come: what `stepd logs --follow` shows.

use std::collections::HashSet;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use parking_lot::Mutex;
use service::Failure;
use tokio::sync::broadcast;
use vocab::Timestamp;

use crate::position::Position;
use crate::reader::{Reader, Source, Span};
use crate::rows::{Address, Block};
use crate::{Channels, Logs};

/// How much of the past a new follower is shown.
const PAST_BYTES_MAX: usize = 256 << 10;
/// Blocks that a follower may lag behind before it misses some.
const BLOCKS_BEHIND_MAX: usize = 1_024;

/// An event, for whoever follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its time.
    pub time: Timestamp,
    /// The stream that it is in.
    pub stream: Arc<str>,
    /// What it says, without the line's end.
    pub message: String,
}

/// A block that has just become durable.
pub(crate) struct Arrived {
    seq: u64,
    block: Block,
}

impl Arrived {
    pub fn new(address: Address, block: Block) -> Arc<Self> {
        Arc::new(Self {
            seq: address.seq,
            block,
        })
    }

    fn entries(&self) -> Vec<Entry> {
        let stream: Arc<str> = self.block.stream.as_str().into();
        let entry = |line: &crate::rows::Line| Entry {
            time: Timestamp::from_millis(line.at),
            stream: Arc::clone(&stream),
            message: without_end(&line.message).to_owned(),
        };
        self.block.events.iter().map(entry).collect()
    }
}

/// Those who follow groups.
#[derive(Default)]
pub(crate) struct Followers(Mutex<Channels>);

impl Followers {
    /// Tells a group's followers, if there are any, of what came.
    pub fn tell(&self, group: u64, arrived: Arc<Arrived>) {
        let mut channels = self.0.lock();
        if let Some(channel) = channels.get(&group)
            && channel.send(arrived).is_err()
        {
            // The last one has gone.
            channels.remove(&group);
        }
    }

    fn follow(&self, group: u64) -> broadcast::Receiver<Arc<Arrived>> {
        let mut channels = self.0.lock();
        let channel = channels
            .entry(group)
            .or_insert_with(|| broadcast::channel(BLOCKS_BEHIND_MAX).0);
        channel.subscribe()
    }
}

impl Logs {
    /// Returns the latest events of a group and then, if asked, every new one as it comes. A group that
    /// is not there yet has no events; it is made when somebody wants to follow it.
    ///
    /// A follower that is too slow misses events rather than holding up those who write.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tail(
        &self,
        group: &str,
        follow: bool,
    ) -> Result<BoxStream<'static, Entry>, Failure> {
        self.ingest.flush().await;
        let record = match self.core.group(group).await {
            Ok((_, record)) => record,
            Err(failure) if failure.code == "ResourceNotFoundException" && !follow => {
                return Ok(stream::empty().boxed());
            }
            Err(failure) if failure.code == "ResourceNotFoundException" => {
                self.core.ensure_group(group).await?
            }
            Err(failure) => return Err(failure),
        };
        // Asked before the past is read, so that nothing is missed between the two.
        let live = follow.then(|| self.core.followers.follow(record.id));
        let kept_since = record.kept_since(self.core.clock.now().as_millis());
        let span = Span {
            start: Position::before(kept_since),
            end: None,
        };
        let mut reader = Reader::new(&self.core, Source::Group(record.id), span, true);
        let (mut past, mut bytes, mut seen) = (Vec::new(), 0, HashSet::new());
        'past: while let Some(second) = reader.next_second().await? {
            for event in second {
                bytes += event.size();
                if bytes > PAST_BYTES_MAX && !past.is_empty() {
                    break 'past;
                }
                seen.insert(event.position.seq);
                past.push(Entry {
                    time: Timestamp::from_millis(event.at()),
                    stream: event.stream,
                    message: without_end(&event.message).to_owned(),
                });
            }
        }
        past.reverse();
        let past = stream::iter(past);
        let Some(live) = live else {
            return Ok(past.boxed());
        };
        let live = stream::unfold((live, seen), async |(mut live, seen)| {
            loop {
                match live.recv().await {
                    Ok(arrived) if seen.contains(&arrived.seq) => {}
                    Ok(arrived) => {
                        return Some((stream::iter(arrived.entries()), (live, seen)));
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        });
        Ok(past.chain(live.flatten()).boxed())
    }
}

fn without_end(message: &str) -> &str {
    message.strip_suffix('\n').unwrap_or(message)
}
