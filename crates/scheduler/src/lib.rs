//! The EventBridge Scheduler API: groups, schedules, and the targets that they call.
//!
//! A schedule is a row; when it is due next is reckoned from it, so a start needs nothing else. How far it
//! has fired is part of the commit that fires it: it fires once whatever happens, and what was missed while
//! there was no server fires once. Targets are told by the crate `delivery`, templated ones and any operation of
//! a service alike.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod clockwork;
mod failure;
mod groups;
mod rows;
mod schedules;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use delivery::Deliveries;
use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use service::{Call, Clock, Failure, Members, Reply, Service, Site};
use store::{Documents, Space, Store, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use vocab::Timestamp;

use crate::rows::{GroupRow, Plan, ScheduleRow};

/// The group that every account has.
const DEFAULT: &str = "default";

/// The service `scheduler`.
pub struct Scheduler {
    core: Arc<Core>,
    clockwork: Mutex<Option<JoinHandle<()>>>,
}

/// What the operations share.
pub(crate) struct Core {
    pub documents: Documents,
    pub deliveries: Arc<Deliveries>,
    pub clock: Arc<dyn Clock>,
    pub site: Site,
    pub groups: RwLock<BTreeMap<String, GroupRow>>,
    /// By group and name.
    pub plans: RwLock<BTreeMap<(String, String), Arc<Plan>>>,
    /// When each is due next.
    pub due: Mutex<BTreeSet<(Timestamp, (String, String))>>,
    /// Held by who changes groups and schedules.
    pub changing: tokio::sync::Mutex<()>,
    pub rescheduled: Notify,
}

impl Scheduler {
    /// Opens the schedules in `store`; targets are told through `deliveries`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        store: Arc<dyn Store>,
        deliveries: Arc<Deliveries>,
        clock: Arc<dyn Clock>,
        site: Site,
    ) -> Result<Arc<Self>, StoreError> {
        let documents = Documents::new(store, Space::Schedules);
        let mut groups = BTreeMap::new();
        groups.insert(DEFAULT.to_owned(), GroupRow::default());
        for (_, row) in documents.all::<GroupRow>("sg/").await? {
            groups.insert(row.name.clone(), row);
        }
        let core = Arc::new(Core {
            groups: RwLock::new(groups),
            plans: RwLock::default(),
            due: Mutex::default(),
            documents,
            deliveries,
            clock,
            site,
            changing: tokio::sync::Mutex::default(),
            rescheduled: Notify::new(),
        });
        for (_, row) in core.documents.all::<ScheduleRow>("ss/").await? {
            core.put(row);
        }
        let clockwork = tokio::spawn(clockwork::run(Arc::clone(&core)));
        Ok(Arc::new(Self {
            core,
            clockwork: Mutex::new(Some(clockwork)),
        }))
    }

    /// Begins nothing new.
    pub fn stop(&self) {
        if let Some(clockwork) = self.clockwork.lock().take() {
            clockwork.abort();
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Core {
    pub(crate) fn arn(&self, resource: &str) -> String {
        let Site { region, account_id } = &self.site;
        format!("arn:aws:scheduler:{region}:{account_id}:{resource}")
    }

    pub(crate) fn schedule_arn(&self, group: &str, name: &str) -> String {
        self.arn(&format!("schedule/{group}/{name}"))
    }

    /// Puts a schedule to work as it is now.
    pub(crate) fn put(&self, row: ScheduleRow) {
        let key = (row.group.clone(), row.name.clone());
        self.forget(&key);
        let plan = Arc::new(Plan::from(row));
        if let Some(next) = plan.next() {
            self.due.lock().insert((next, key.clone()));
        }
        self.plans.write().insert(key, plan);
        self.rescheduled.notify_one();
    }

    /// Takes a schedule out of work.
    pub(crate) fn forget(&self, key: &(String, String)) {
        if let Some(plan) = self.plans.write().remove(key)
            && let Some(next) = plan.next()
        {
            self.due.lock().remove(&(next, key.clone()));
        }
    }
}

#[async_trait]
impl Service for Scheduler {
    fn name(&self) -> &'static str {
        "scheduler"
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let core = &*self.core;
        let input = Members::read(&call.input)?;
        let output: Value = match &*call.operation {
            "CreateSchedule" => schedules::create(core, &input).await,
            "UpdateSchedule" => schedules::update(core, &input).await,
            "GetSchedule" => schedules::get(core, &input),
            "DeleteSchedule" => schedules::delete(core, &input).await,
            "ListSchedules" => schedules::list(core, &input),
            "CreateScheduleGroup" => groups::create(core, &input).await,
            "GetScheduleGroup" => groups::get(core, &input),
            "DeleteScheduleGroup" => groups::delete(core, &input).await,
            "ListScheduleGroups" => groups::list(core, &input),
            "TagResource" => groups::tag(core, &input).await,
            "UntagResource" => groups::untag(core, &input).await,
            "ListTagsForResource" => groups::tags(core, &input),
            other => {
                let message = format!("scheduler:{other} is not served here yet");
                return Err(Failure::client("NotImplemented", message).with_status(501));
            }
        }?;
        Ok(Reply {
            output: output.to_string().into(),
            ..Reply::default()
        })
    }
}
