//! Scheduled rules: fires those that are due. How far one has fired is part of the commit that fires it,
//! so it fires once whatever happens; what was missed while there was no server fires once together.

use std::sync::Arc;
use std::time::Duration;

use schedule_expression::Zone;
use serde_json::json;
use store::{Batch, StoreError};
use vocab::Timestamp;

use crate::put_events::{self, Occurrence};
use crate::rows::Rule;
use crate::{Core, DEFAULT};

/// How long a clock that is moved by hand is not looked at.
const PAUSE_MILLIS_MAX: i64 = 1_000;

pub(crate) async fn run(core: Arc<Core>) {
    loop {
        let rescheduled = core.rescheduled.notified();
        let next = match fire_due(&core).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "scheduled rules could not fire; they are tried again");
                Some(core.clock.now().plus_seconds(5))
            }
        };
        match next {
            Some(next) => {
                let millis = next.as_millis() - core.clock.now().as_millis();
                let millis = millis.clamp(1, PAUSE_MILLIS_MAX).unsigned_abs();
                let _ = tokio::time::timeout(Duration::from_millis(millis), rescheduled).await;
            }
            None => rescheduled.await,
        }
    }
}

/// Fires what is due; returns when the next one is.
async fn fire_due(core: &Core) -> Result<Option<Timestamp>, StoreError> {
    let Ok(bus) = core.named(DEFAULT) else {
        return Ok(None);
    };
    let mut next: Option<Timestamp> = None;
    for rule in bus.rules.values().filter(|rule| rule.row.enabled) {
        let now = core.clock.now();
        let Some(mut due) = due(rule, rule.row.fired_at) else {
            continue;
        };
        if due <= now {
            fire(core, rule, due, now).await?;
            match self::due(rule, now) {
                Some(later) => due = later,
                None => continue,
            }
        }
        next = Some(next.map_or(due, |next| next.min(due)));
    }
    Ok(next)
}

fn due(rule: &Rule, after: Timestamp) -> Option<Timestamp> {
    let schedule = rule.schedule.as_ref()?;
    schedule.next(after, rule.row.scheduled_at, &Zone::utc())
}

async fn fire(core: &Core, rule: &Rule, due: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    let _changing = core.changing.lock().await;
    // It may have changed meanwhile.
    let bus = core.named(DEFAULT);
    let Some((bus, rule)) = bus.ok().and_then(|bus| {
        let current = bus.rules.get(&rule.row.name).cloned()?;
        let same = current.row.enabled && current.row.fired_at == rule.row.fired_at;
        same.then_some((bus, current))
    }) else {
        return Ok(());
    };
    let occurrence = Occurrence {
        source: "aws.events".to_owned(),
        detail_type: "Scheduled Event".to_owned(),
        resources: vec![core.rule_arn(DEFAULT, &rule.row.name)],
        time: due,
        detail: json!({}),
    };
    let event = occurrence.event(core, &uuid::Uuid::new_v4().to_string());
    let (mut batch, mut tickets) = (Batch::default(), Vec::new());
    put_events::tell(core, &rule.row, &event, &mut batch, &mut tickets);
    let mut row = rule.row.clone();
    row.fired_at = now;
    core.documents.put(&mut batch, &row.key(), &row);
    core.documents.commit(batch).await?;
    core.deliveries.begin(tickets);
    let mut changed = (*bus).clone();
    changed.rules.insert(row.name.clone(), Arc::new(row.into()));
    core.buses
        .write()
        .insert(DEFAULT.to_owned(), Arc::new(changed));
    Ok(())
}
