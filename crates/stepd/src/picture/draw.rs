//! The picture as lines of text.

use vocab::Timestamp;

use super::Picture;
use super::visits::{End, Visit};
use crate::print::{Paint, cut, duration, width};

/// Columns of a timeline's names, at most.
const NAME_COLUMNS_MAX: usize = 28;
/// Columns of a timeline's durations.
const DURATION_COLUMNS: usize = 12;

/// Returns the states with what became of them, a line each.
pub fn graph(picture: &Picture, now: Timestamp, columns: usize, paint: Paint) -> Vec<String> {
    let lines = picture.nodes.iter().map(|node| {
        let of_node = picture
            .visits
            .all
            .iter()
            .filter(|visit| visit.name == node.name);
        let visits: Vec<&Visit> = of_node.collect();
        let indent = "   ".repeat(node.depth);
        let (mark, told) = told(&visits, now, paint);
        let name = match visits.is_empty() {
            true => paint.faint(&node.name),
            false => paint.strong(&node.name),
        };
        let mut line = format!(" {indent}{mark} {name}  {}", paint.faint(&node.kind));
        if !told.is_empty() {
            line = format!("{line}  {told}");
        }
        let room = columns.saturating_sub(width(&line) + 5);
        if !node.next.is_empty() && room > 8 {
            let next = cut(&node.next.join(", "), room);
            line = format!("{line}  {}", paint.faint(&format!("→ {next}")));
        }
        line
    });
    lines.collect()
}

/// Returns a mark and what is to be said of all visits of a state.
fn told(visits: &[&Visit], now: Timestamp, paint: Paint) -> (String, String) {
    let Some(last) = visits.last() else {
        return (paint.faint("·"), String::new());
    };
    let count = |end: End| visits.iter().filter(|visit| visit.end == end).count();
    let (open, failed, aborted) = (count(End::Open), count(End::Failed), count(End::Aborted));
    let mut told = Vec::new();
    if visits.len() > 1 {
        told.push(format!("{}×", visits.len()));
    }
    let mark = if open > 0 {
        let open_since = visits.iter().filter(|visit| visit.end == End::Open);
        let since = open_since.map(|visit| visit.from).min();
        let since = since.map_or(0, |since| now.as_millis() - since.as_millis());
        if visits.len() > 1 {
            told.push(format!("{open} open"));
        }
        let waiting = visits.iter().rev().find(|visit| visit.end == End::Open);
        let what = waiting.and_then(|visit| visit.waits_for);
        told.push(match what {
            Some(what) => paint.live(&format!("waits for {what}, {}", duration(since))),
            None => paint.live(&format!("since {}", duration(since))),
        });
        paint.live("▶")
    } else if failed > 0 {
        paint.bad("✗")
    } else if aborted > 0 {
        paint.odd("■")
    } else {
        paint.good("✓")
    };
    if open == 0 && visits.len() == 1 {
        told.push(duration(length(last, now)));
    }
    if last.attempts > 1 {
        told.push(paint.odd(&format!("{} attempts", last.attempts)));
    }
    let error = visits.iter().rev().find_map(|visit| visit.error.as_deref());
    if let Some(error) = error {
        told.push(paint.bad(error));
    }
    (mark, told.join(", "))
}

fn length(visit: &Visit, now: Timestamp) -> i64 {
    visit.until.unwrap_or(now).as_millis() - visit.from.as_millis()
}

/// Returns the visits as bars over the time of the execution, the earliest first.
pub fn timeline(picture: &Picture, now: Timestamp, columns: usize, paint: Paint) -> Vec<String> {
    let visits = &picture.visits;
    let Some(began) = visits.began else {
        return Vec::new();
    };
    let names = visits.all.iter().map(|visit| width(&visit.name)).max();
    let names = names.unwrap_or_default().min(NAME_COLUMNS_MAX);
    let bar_columns = columns.saturating_sub(names + DURATION_COLUMNS + 4).max(10);
    let whole = visits.ended.unwrap_or(now).as_millis() - began.as_millis();
    let whole = whole.max(1) as f64;
    let lines = visits.all.iter().map(|visit| {
        let name = cut(&visit.name, names);
        let pad = " ".repeat(names - width(&name));
        let place = |at: Timestamp| {
            let part = (at.as_millis() - began.as_millis()) as f64 / whole;
            (part.clamp(0.0, 1.0) * bar_columns as f64) as usize
        };
        let from = place(visit.from).min(bar_columns - 1);
        let until = place(visit.until.unwrap_or(now)).clamp(from + 1, bar_columns);
        let bar = "━".repeat(until - from);
        let bar = match visit.end {
            End::Open => paint.live(&bar),
            End::Exited => paint.good(&bar),
            End::Failed => paint.bad(&bar),
            End::Aborted => paint.odd(&bar),
        };
        let (before, behind) = (" ".repeat(from), " ".repeat(bar_columns - until));
        let took = duration(length(visit, now));
        format!(" {name}{pad}  {before}{bar}{behind} {took}")
    });
    lines.collect()
}
