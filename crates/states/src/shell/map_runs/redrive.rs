//! A map run that is redriven: its children that had not succeeded begin again, then those that were
//! never begun.
//!
//! The parent's commit says which redrive it waits for; the run takes note once it is at its end, for it
//! may still be stopping children or writing results. Then it walks over its children, in portions that
//! are counted as begun before they are: a portion of which it is not known is gone through again, and
//! the redrive's token in a child's record tells those that have begun from those that have not.

use bytes::Bytes;
use engine_core::map_run::{Count, Ended};
use engine_core::{Command, NotRedrivable, Rejection, Status};
use futures::{StreamExt, stream};
use store::{Batch, Expectation, StoreError};

use super::super::{CommandError, load};
use super::runner::{Broken, COMMANDS_AT_ONCE, Runner, get};
use crate::rows::{self, ChildRow, ExecutionRecord, RedriveRow, StatusCode, Walk, map_runs};

/// Rows of children read at once.
const CHILDREN_AT_ONCE: usize = 256;

/// What became of a child that was to begin again.
enum Taken {
    /// It runs, or ran.
    Begun,
    /// It cannot be redriven: how it ended is how it ends.
    Stays,
}

impl Runner<'_> {
    /// Takes note of a redrive of the run that is at its end; says whether there is one.
    pub(super) async fn look_for_redrive(&mut self) -> Result<bool, Broken> {
        let known = self.record.redrives.unwrap_or(0);
        let Some(wanted) = self.wanted_redrive().await?.filter(|row| row.count > known) else {
            return Ok(false);
        };
        let record = &mut self.record;
        record.run.redrive();
        record.redrives = Some(wanted.count);
        record.redriven_at = Some(wanted.at);
        (record.status, record.stopped_at) = (StatusCode::Running, None);
        record.results_written = Count::default();
        record.again = Some(Walk::default());
        if record.planned.children == 0 {
            // Nothing was made of the items yet: whatever they are now counts.
            record.etag = None;
        }
        // The parent knows how the run ended before, for it was redriven.
        let delete = vec![map_runs::end_key(self.run)];
        self.write(Batch {
            delete,
            ..Batch::default()
        })
        .await?;
        self.open_children().await;
        Ok(true)
    }

    async fn wanted_redrive(&self) -> Result<Option<RedriveRow>, Broken> {
        let row = get(&self.shell.shared, &map_runs::redrive_key(self.run)).await?;
        row.map(|row| load::read(&row)).transpose()
    }

    /// Lets go of the run, unless it was redriven meanwhile; says whether it did.
    pub(super) async fn let_go(&self) -> Result<bool, Broken> {
        let key = map_runs::redrive_key(self.run);
        let row = get(&self.shell.shared, &key).await?;
        let wanted = row.as_ref().map(|row| load::read::<RedriveRow>(row));
        let wanted = wanted.transpose()?.map_or(0, |row| row.count);
        if wanted > self.record.redrives.unwrap_or(0) {
            return Ok(false);
        }
        let batch = Batch {
            expect: vec![(key, row.map_or(Expectation::Absent, Expectation::Holds))],
            delete: vec![
                map_runs::open_key(self.run),
                map_runs::abort_key(self.run),
                map_runs::end_key(self.run),
            ],
            ..Batch::default()
        };
        match self.shell.shared.store.commit(batch).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(load::unavailable(error)),
        }
    }

    /// Begins the next children again that had not succeeded, at most `most`.
    pub(super) async fn begin_again(&mut self, most: usize) -> Result<(), Broken> {
        let from = self.record.again.map_or(0, |walk| walk.planned);
        let (children, next) = self.unsuccessful(from, u64::MAX, most).await?;
        let over = next.is_none();
        let count = Count {
            children: children.len() as u64,
            items: children.iter().map(|(_, child)| child.items).sum(),
        };
        self.record.run.begin_again(count);
        self.record.again = Some(Walk {
            planned: next.unwrap_or(self.record.confirmed.children),
            confirmed: from,
        });
        self.write(Batch::default()).await?;
        self.take_up(children, false).await?;
        if over {
            self.end_walk();
        }
        Ok(())
    }

    /// Goes again through the children that were counted as begun again when the run was cut off.
    pub(super) async fn begin_again_unconfirmed(&mut self) -> Result<(), Broken> {
        let Some(walk) = self.record.again else {
            return Ok(());
        };
        let mut from = Some(walk.confirmed);
        while let Some(first) = from.filter(|first| *first < walk.planned) {
            let (children, next) = self
                .unsuccessful(first, walk.planned, COMMANDS_AT_ONCE)
                .await?;
            self.take_up(children, true).await?;
            from = next;
        }
        Ok(())
    }

    /// Begins children again, counts those that cannot, and takes note that the portion is done.
    async fn take_up(
        &mut self,
        children: Vec<(u64, ChildRow)>,
        may_have_begun: bool,
    ) -> Result<(), Broken> {
        let this = &*self;
        let mut taken = stream::iter(children)
            .map(|(_, child)| async move {
                let taken = this.redrive_child(child, may_have_begun).await?;
                Ok::<_, Broken>((child, taken))
            })
            .buffer_unordered(COMMANDS_AT_ONCE);
        let mut stay = Vec::new();
        while let Some(taken) = taken.next().await {
            match taken? {
                (_, Taken::Begun) => {}
                (child, Taken::Stays) => stay.push(Ended {
                    status: child.status.into(),
                    items: child.items,
                }),
            }
        }
        drop(taken);
        for ended in stay {
            self.record.run.child_stays(ended);
        }
        if let Some(walk) = &mut self.record.again {
            walk.confirmed = walk.planned;
        }
        Ok(())
    }

    async fn redrive_child(&self, child: ChildRow, may_have_begun: bool) -> Result<Taken, Broken> {
        let redrives = self.record.redrives.unwrap_or(0);
        let token = format!("map-run-redrive-{redrives}");
        if may_have_begun {
            let row = get(&self.shell.shared, &rows::execution_key(child.execution)).await?;
            let record: ExecutionRecord = load::read(&row.ok_or(CommandError::Unavailable)?)?;
            let mut before = record.redrives.iter().flatten();
            if before.any(|redrive| redrive.client_token.as_deref() == Some(&token)) {
                return Ok(Taken::Begun);
            }
        }
        let command = Command::RedriveExecution {
            client_token: Some(token.into()),
            from_start: self.start.express,
        };
        match self.shell.submit(child.execution, command).await {
            Ok(_) => Ok(Taken::Begun),
            Err(CommandError::Rejected(Rejection::NotRedrivable(reason))) => Ok(match reason {
                NotRedrivable::Running | NotRedrivable::Succeeded => Taken::Begun,
                NotRedrivable::HistoryFull | NotRedrivable::TooOld | NotRedrivable::PeriodOver => {
                    Taken::Stays
                }
            }),
            Err(error) => Err(error),
        }
    }

    /// Returns up to `most` children with numbers from `from` to before `to` that have not succeeded,
    /// and the number from which there may be more.
    async fn unsuccessful(
        &self,
        from: u64,
        to: u64,
        most: usize,
    ) -> Result<(Vec<(u64, ChildRow)>, Option<u64>), Broken> {
        let (mut found, mut next) = (Vec::new(), from);
        loop {
            let range = map_runs::children_of(self.run, next);
            let store = &self.shell.shared.store;
            let rows = store.scan(&range, CHILDREN_AT_ONCE).await;
            let rows: Vec<(Bytes, Bytes)> = rows.map_err(load::unavailable)?;
            let full = rows.len() == CHILDREN_AT_ONCE;
            for (key, row) in rows {
                let index = map_runs::index_of_key(&key).ok_or(CommandError::Unavailable)?;
                if index >= to {
                    return Ok((found, None));
                }
                if found.len() == most {
                    return Ok((found, Some(next)));
                }
                next = index + 1;
                let child: ChildRow = load::read(&row)?;
                match child.status {
                    StatusCode::Running | StatusCode::Succeeded => {}
                    StatusCode::Failed | StatusCode::TimedOut | StatusCode::Aborted => {
                        found.push((index, child));
                    }
                }
            }
            if !full {
                return Ok((found, None));
            }
        }
    }

    /// Ends the walk where the run ends: what was not begun again is as it was.
    pub(super) async fn break_off_walk(&mut self) -> Result<(), Broken> {
        let Some(walk) = self.record.again else {
            return Ok(());
        };
        let mut from = Some(walk.planned);
        while let Some(first) = from.filter(|_| self.record.run.children().pending_redrive > 0) {
            let (children, next) = self.unsuccessful(first, u64::MAX, CHILDREN_AT_ONCE).await?;
            for (_, child) in children {
                self.record.run.child_as_it_was(Ended {
                    status: child.status.into(),
                    items: child.items,
                });
            }
            from = next;
        }
        self.end_walk();
        Ok(())
    }

    /// Of children that were planned and never made there is no row: they stay what they were counted as.
    fn end_walk(&mut self) {
        self.record.again = None;
        let missing = self.record.run.children().pending_redrive;
        let mut items = self.record.run.items().pending_redrive;
        self.record.run.begin_again(Count {
            children: missing,
            items,
        });
        for _ in 0..missing {
            self.record.run.child_stays(Ended {
                status: Status::Aborted,
                items: std::mem::take(&mut items),
            });
        }
    }
}
