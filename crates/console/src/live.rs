//! The stream of changes: which executions, machines and lists a page should read again.
//!
//! `GET /console/live?execution=ARN` is one stream of server-sent events. It names what changed and
//! carries nothing of it: the page reads it by the same calls as ever. Changes of a short while are
//! one event. A page that connects anew, or was too slow, is told to read everything again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use percent_encoding::percent_decode_str;
use serde_json::json;
use service::Failure;
use states::Change;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::session::Session;
use crate::{Body, Console, api, whole};

/// How long changes are gathered: short enough to look immediate, long enough that a busy server
/// does not drown a page.
const GATHERED: Duration = Duration::from_millis(25);

/// How often a silent stream shows that it lives, and any that whoever hears it is still signed in.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Most executions that one page watches.
const WATCHED_MAX: usize = 64;

/// Most machines that one event names; beyond, the page reads everything again.
const MACHINES_MAX: usize = 200;

const RESYNC: &str = "event: resync\ndata: {}\n\n";

pub(crate) async fn answer(
    console: &Arc<Console>,
    session: &Session,
    parts: &Parts,
) -> Result<Response<Body>, Failure> {
    // Who may not list the machines is not told that they change.
    api::call(
        console,
        &session.principal,
        "ListStateMachines",
        r#"{"maxResults":1}"#,
    )
    .await?;
    let listener = Listener {
        console: Arc::clone(console),
        session: session.clone(),
        known_good_at: Instant::now(),
        // Heard from before the page reads: nothing falls between.
        changes: console.changes.listen(),
        stopping: console.stopping.subscribe(),
        watched: watched(parts.uri.query().unwrap_or_default()),
        ends: Instant::now() + until(console, session),
        begun: false,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok(Frame::data(Bytes::from(event))), listener))
    });
    let mut answer = whole(StatusCode::OK, "text/event-stream", "");
    answer
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    *answer.body_mut() = StreamBody::new(events).boxed_unsync();
    Ok(answer)
}

fn until(console: &Console, session: &Session) -> Duration {
    let left = session.expires_at.as_millis() - console.clock.now().as_millis();
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

fn watched(query: &str) -> BTreeSet<String> {
    query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("execution="))
        .filter_map(|value| percent_decode_str(value).decode_utf8().ok())
        .take(WATCHED_MAX)
        .map(std::borrow::Cow::into_owned)
        .collect()
}

/// One open stream.
struct Listener {
    console: Arc<Console>,
    session: Session,
    /// When the session was looked at last.
    known_good_at: Instant,
    changes: Receiver<Arc<[Change]>>,
    stopping: watch::Receiver<bool>,
    watched: BTreeSet<String>,
    ends: Instant,
    begun: bool,
}

/// What a page will be told.
#[derive(Default)]
struct Gathered {
    executions: BTreeMap<String, u64>,
    machines: BTreeSet<Arc<str>>,
    lists: BTreeSet<Arc<str>>,
}

impl Listener {
    /// Returns the next event of the stream; `None` when it ends.
    async fn next(&mut self) -> Option<String> {
        if !self.begun {
            self.begun = true;
            // Also says how soon to come back after the server was away.
            return Some(format!("retry: 500\n{RESYNC}"));
        }
        if self.known_good_at.elapsed() >= HEARTBEAT {
            if !self.console.goes_on(&self.session).await {
                return None;
            }
            self.known_good_at = Instant::now();
        }
        let first = tokio::select! {
            () = stopped(&mut self.stopping) => return None,
            () = tokio::time::sleep_until(self.ends) => return None,
            () = tokio::time::sleep(HEARTBEAT) => return Some(": still here\n\n".to_owned()),
            heard = self.changes.recv() => heard,
        };
        let mut gathered = Gathered::default();
        let mut heard = first;
        let told_at = Instant::now() + GATHERED;
        loop {
            match heard {
                Ok(changes) => gathered.add(&changes, &self.watched),
                Err(RecvError::Lagged(_)) => {
                    self.changes = self.changes.resubscribe();
                    return Some(RESYNC.to_owned());
                }
                Err(RecvError::Closed) => return None,
            }
            heard = tokio::select! {
                () = tokio::time::sleep_until(told_at) => break,
                heard = self.changes.recv() => heard,
            };
        }
        Some(gathered.event())
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // A sender that is gone has stopped too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

impl Gathered {
    fn add(&mut self, changes: &[Change], watched: &BTreeSet<String>) {
        for change in changes {
            if watched.contains(&*change.execution_arn) {
                let arn = change.execution_arn.to_string();
                self.executions.insert(arn, change.last_event);
            }
            if change.is_listed_anew && !self.lists.contains(&change.state_machine_arn) {
                self.lists.insert(change.state_machine_arn.clone());
            }
            if !self.machines.contains(&change.state_machine_arn) {
                self.machines.insert(change.state_machine_arn.clone());
            }
        }
    }

    fn event(&self) -> String {
        if self.machines.len() > MACHINES_MAX {
            return RESYNC.to_owned();
        }
        let text = |set: &BTreeSet<Arc<str>>| set.iter().map(|arn| (**arn).into()).collect();
        let (machines, lists): (Vec<String>, Vec<String>) =
            (text(&self.machines), text(&self.lists));
        let data = json!({
            "executions": self.executions,
            "machines": machines,
            "lists": lists,
        });
        format!("data: {data}\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(execution: &str, listed: bool) -> Change {
        Change {
            execution_arn: execution.into(),
            state_machine_arn: "machine".into(),
            last_event: 3,
            is_listed_anew: listed,
        }
    }

    #[test]
    fn a_page_hears_of_what_it_watches_and_of_all_lists() {
        let watched = watched("execution=arn%3Aa&other=1&execution=b");
        let mut gathered = Gathered::default();
        gathered.add(&[change("arn:a", false), change("c", false)], &watched);
        let expected = json!({"executions": {"arn:a": 3}, "machines": ["machine"], "lists": []});
        assert_eq!(gathered.event(), format!("data: {expected}\n\n"));
        gathered.add(&[change("c", true)], &watched);
        let expected =
            json!({"executions": {"arn:a": 3}, "machines": ["machine"], "lists": ["machine"]});
        assert_eq!(gathered.event(), format!("data: {expected}\n\n"));
    }
}
