//! Runs events on functions: finds the function as it is now, and the pool that fits it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use service::Failure;

use crate::catalog::{Catalog, Version};
use crate::failure;
use crate::function::Function;
use crate::instance::{Event, Outcome};
use crate::pool::{Evict, Grounds, Pool};
use crate::room::Room;

/// All pools.
pub struct Invoker {
    catalog: Arc<Catalog>,
    grounds: Arc<Grounds>,
    pools: Mutex<Pools>,
    instances_max: u32,
    /// Set before what still works is killed.
    killed: AtomicBool,
}

#[derive(Default)]
struct Pools {
    by_name: HashMap<String, Arc<Pool>>,
    /// By the names of functions.
    rooms: HashMap<String, Arc<Room>>,
    closed: bool,
}

impl Invoker {
    /// Returns an invoker without pools; they are made as functions are invoked.
    pub fn new(catalog: Arc<Catalog>, grounds: Arc<Grounds>, instances_max: u32) -> Self {
        Self {
            catalog,
            grounds,
            pools: Mutex::default(),
            instances_max,
            killed: AtomicBool::new(false),
        }
    }

    /// Runs `event` on a version of the function `name`, to its end, whether or not anybody waits for it.
    ///
    /// `None` means that there is no such function or version.
    pub async fn run(
        self: &Arc<Self>,
        name: &str,
        version: Version,
        event: Event,
    ) -> Result<Option<Outcome>, Failure> {
        let row = self
            .catalog
            .row(name, version)
            .await
            .map_err(|error| failure::store(&error))?;
        let Some(row) = row else {
            self.forget(name, version);
            return Ok(None);
        };
        let latest = match version {
            None => Some(row.clone()),
            Some(_) => {
                let latest = self.catalog.row(name, None).await;
                latest.map_err(|error| failure::store(&error))?
            }
        };
        let room = self.room(name, latest.unwrap_or_default())?;
        let pool = self.pool(&pool_name(name, version), row)?;
        let invoker = Arc::clone(self);
        // A caller that goes away does not stop the function.
        let run = tokio::spawn(async move {
            let _place = room.enter(invoker.grounds.queue_timeout).await?;
            pool.run(&event, &*invoker).await
        });
        match run.await {
            // What failed because the server killed it did not fail by itself.
            Ok(Ok(outcome)) if outcome.failed && self.killed.load(Ordering::Acquire) => {
                Err(failure::stopping())
            }
            Ok(outcome) => outcome.map(Some),
            Err(error) => Err(failure::service_exception(format!(
                "The invocation was lost: {error}"
            ))),
        }
    }

    /// Takes down the instances of a version of the function `name`; those that work end after their event.
    pub fn forget(&self, name: &str, version: Version) {
        let pool = self.pools.lock().by_name.remove(&pool_name(name, version));
        if let Some(pool) = pool {
            pool.close();
        }
    }

    /// Takes down the instances of all versions of the function `name` likewise.
    pub fn forget_all(&self, name: &str) {
        let mut gone = Vec::new();
        self.pools.lock().by_name.retain(|pool_name, pool| {
            let own = pool_name.split(':').next() == Some(name);
            if own {
                gone.push(Arc::clone(pool));
            }
            !own
        });
        self.pools.lock().rooms.remove(name);
        for pool in gone {
            pool.close();
        }
    }

    /// Ends instances that have been idle for `age`.
    pub fn reap(&self, age: Duration) {
        let pools: Vec<Arc<Pool>> = self.pools.lock().by_name.values().cloned().collect();
        for pool in pools {
            pool.reap(age);
        }
    }

    /// Refuses further events, ends idle instances, waits up to `grace` for the others.
    pub async fn shutdown(&self, grace: Duration) {
        let pools = {
            let mut pools = self.pools.lock();
            pools.closed = true;
            std::mem::take(&mut pools.by_name)
        };
        for pool in pools.values() {
            pool.close();
        }
        // Every process gives its place back when it is gone.
        let all = self.grounds.places.acquire_many(self.instances_max);
        let in_time = tokio::time::timeout(grace, all).await.is_ok();
        self.grounds.places.close();
        if !in_time {
            tracing::warn!("functions were still working when the server stopped");
            self.killed.store(true, Ordering::Release);
            self.grounds.watchdog.kill_all();
        }
    }

    /// Returns where the events of the function `name` run, as large as `latest` says.
    fn room(&self, name: &str, latest: Bytes) -> Result<Arc<Room>, Failure> {
        let room = {
            let mut pools = self.pools.lock();
            Arc::clone(pools.rooms.entry(name.to_owned()).or_default())
        };
        let reserved = |row: &Bytes| Ok(read(row)?.reserved_concurrency);
        let otherwise = self.grounds.instances_per_function_max;
        room.measure(&latest, reserved, otherwise)?;
        Ok(room)
    }

    /// Returns the pool that was made from `row`.
    fn pool(&self, name: &str, row: Bytes) -> Result<Arc<Pool>, Failure> {
        let mut pools = self.pools.lock();
        if pools.closed {
            return Err(failure::stopping());
        }
        if let Some(pool) = pools.by_name.get(name).filter(|pool| pool.row == row) {
            return Ok(Arc::clone(pool));
        }
        let function = read(&row)?;
        let pool = Arc::new(Pool::new(row, function, Arc::clone(&self.grounds)));
        let old = pools.by_name.insert(name.to_owned(), Arc::clone(&pool));
        drop(pools);
        if let Some(old) = old {
            old.close();
        }
        Ok(pool)
    }
}

fn read(row: &Bytes) -> Result<Function, Failure> {
    serde_json::from_slice(row).map_err(|error| {
        failure::service_exception(format!("The function's row is damaged: {error}"))
    })
}

fn pool_name(name: &str, version: Version) -> String {
    match version {
        Some(number) => format!("{name}:{number}"),
        None => name.to_owned(),
    }
}

impl Evict for Invoker {
    fn evict_one(&self) {
        let pools: Vec<Arc<Pool>> = self.pools.lock().by_name.values().cloned().collect();
        let _ = pools.iter().any(|pool| pool.evict());
    }
}
