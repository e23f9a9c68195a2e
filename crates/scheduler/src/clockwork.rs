//! Fires schedules that are due.

use std::sync::Arc;
use std::time::Duration;

use delivery::{Caller, Delivery, Settings, of_target};
use serde_json::{Value, json};
use store::{Batch, StoreError};
use vocab::Timestamp;

use crate::Core;
use crate::rows::Plan;

/// How long a clock that is moved by hand is not looked at.
const PAUSE_MILLIS_MAX: i64 = 1_000;
/// As often and as long as the scheduler tries where nothing is said.
const RETRIES_MAX: u64 = 185;
const SECONDS_MAX: u64 = 86_400;

pub(crate) async fn run(core: Arc<Core>) {
    loop {
        let rescheduled = core.rescheduled.notified();
        let first = core.due.lock().first().cloned();
        let now = core.clock.now();
        match first {
            Some((at, key)) if at <= now => {
                if let Err(error) = fire(&core, &key, now).await {
                    tracing::error!(%error, "a schedule could not fire; it is tried again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Some((at, _)) => {
                let millis = (at.as_millis() - now.as_millis()).clamp(1, PAUSE_MILLIS_MAX);
                let pause = Duration::from_millis(millis.unsigned_abs());
                let _ = tokio::time::timeout(pause, rescheduled).await;
            }
            None => rescheduled.await,
        }
    }
}

async fn fire(core: &Core, key: &(String, String), now: Timestamp) -> Result<(), StoreError> {
    let _changing = core.changing.lock().await;
    let plan = core.plans.read().get(key).cloned();
    let Some((plan, due)) = plan.and_then(|plan| Some((plan.clone(), plan.scheduled()?))) else {
        return Ok(());
    };
    if plan.next().is_some_and(|next| next > now) {
        // It was changed meanwhile.
        return Ok(());
    }
    let (mut batch, mut tickets) = (Batch::default(), Vec::new());
    match delivery(core, &plan, due) {
        Some(delivery) => tickets.push(core.deliveries.add(&mut batch, delivery)),
        None => {
            tracing::warn!(schedule = %plan.row.name, "a schedule has a target that cannot be told")
        }
    }
    let mut row = plan.row.clone();
    row.fired_at = plan.fired_up_to(due, now);
    let completed = Plan::from(row.clone()).next().is_none();
    if completed && row.after_completion == "DELETE" {
        batch.delete.push(core.documents.key(&row.key()));
        core.documents.commit(batch).await?;
        core.forget(key);
    } else {
        core.documents.put(&mut batch, &row.key(), &row);
        core.documents.commit(batch).await?;
        core.put(row);
    }
    core.deliveries.begin(tickets);
    Ok(())
}

/// Returns what a target says of itself beside its ARN.
pub(crate) fn settings(target: &Value, now: Timestamp, unique: String) -> Settings {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let event = &target["EventBridgeParameters"];
    Settings {
        message_group_id: text(&target["SqsParameters"]["MessageGroupId"]),
        event: text(&event["Source"]).zip(text(&event["DetailType"])),
        now: now.as_millis(),
        unique,
    }
}

fn delivery(core: &Core, plan: &Plan, due: Timestamp) -> Option<Delivery> {
    let row = &plan.row;
    let target = &row.target;
    let arn = target["Arn"].as_str()?;
    let schedule_arn = core.schedule_arn(&row.group, &row.name);
    let execution = uuid::Uuid::new_v4().to_string();
    let time = due.to_string();
    let time = format!("{}Z", time.split('.').next().unwrap_or(&time));
    let body = match target["Input"].as_str() {
        Some(input) => input
            .replace("<aws.scheduler.schedule-arn>", &schedule_arn)
            .replace("<aws.scheduler.scheduled-time>", &time)
            .replace("<aws.scheduler.execution-id>", &execution)
            .replace("<aws.scheduler.attempt-number>", "1"),
        None => json!({
            "version": "0",
            "id": execution,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": &*core.site.account_id,
            "time": time,
            "region": &*core.site.region,
            "resources": [schedule_arn],
            "detail": "{}",
        })
        .to_string(),
    };
    let settings = settings(target, core.clock.now(), execution.clone());
    let retry = &target["RetryPolicy"];
    let retries = retry["MaximumRetryAttempts"]
        .as_u64()
        .unwrap_or(RETRIES_MAX);
    let role = target["RoleArn"].as_str();
    let caller = Caller::new(role, "scheduler.amazonaws.com", &schedule_arn);
    let dead_letter = target["DeadLetterConfig"]["Arn"].as_str();
    Some(Delivery {
        action: of_target(arn, &body, &settings).ok()?,
        dead_letter: dead_letter.map(|queue| (queue.to_owned(), caller.clone())),
        caller,
        retries_max: u32::try_from(retries).unwrap_or(u32::MAX),
        seconds_max: retry["MaximumEventAgeInSeconds"]
            .as_u64()
            .unwrap_or(SECONDS_MAX),
        dead_body: body,
        line: None,
        dead_attributes: vec![
            ("EXECUTION_ID".to_owned(), execution),
            ("SCHEDULED_TIME".to_owned(), time),
            ("SCHEDULE_ARN".to_owned(), schedule_arn),
            ("TARGET_ARN".to_owned(), arn.to_owned()),
        ],
    })
}
