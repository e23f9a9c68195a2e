//! Events: read from either end, forth and back, searched, followed.

use std::sync::Arc;

use futures::StreamExt as _;
use serde_json::{Value, json};
use service::{LogLine, LogSink as _, LogStreamName};
use vocab::Timestamp;

use crate::world::{NOW, World, messages};

#[tokio::test]
async fn a_stream_is_read_from_either_end_and_turned_around() {
    let world = World::new().with_stream().await;
    let texts: Vec<_> = (0..10).map(|number| number.to_string()).collect();
    // Over several seconds, several of them in one second, and two calls that overlap in time.
    let event = |number: usize| (NOW - 20_000 + number as i64 * 700, texts[number].as_str());
    let (even, odd): (Vec<_>, Vec<_>) = (0..10).partition(|number| number % 2 == 0);
    for numbers in [even, odd] {
        let events: Vec<_> = numbers.into_iter().map(event).collect();
        world.put("s", &events).await;
    }
    let get = async |more: Value| {
        let mut input = json!({ "logGroupName": "g", "logStreamName": "s", "limit": 4 });
        let members = more.as_object().expect("an object").clone();
        input.as_object_mut().expect("an object").extend(members);
        world.ok("GetLogEvents", input).await
    };
    let last = get(json!({})).await;
    assert_eq!(messages(&last).concat(), "6789");
    let before = get(json!({ "nextToken": last["nextBackwardToken"] })).await;
    assert_eq!(messages(&before).concat(), "2345");
    let first = get(json!({ "nextToken": before["nextBackwardToken"] })).await;
    assert_eq!(messages(&first).concat(), "01");
    let nothing = get(json!({ "nextToken": first["nextBackwardToken"] })).await;
    assert_eq!(messages(&nothing).concat(), "");
    assert_eq!(nothing["nextBackwardToken"], first["nextBackwardToken"]);
    let again = get(json!({ "nextToken": first["nextForwardToken"] })).await;
    assert_eq!(messages(&again).concat(), "2345");
    let head = get(json!({ "startFromHead": true })).await;
    assert_eq!(messages(&head).concat(), "0123");
    // The end of a page of GetLogEvents is exclusive, that of FilterLogEvents is not.
    let until = json!({ "endTime": NOW - 20_000 + 1_400, "startFromHead": true });
    assert_eq!(messages(&get(until).await).concat(), "01");
    let input = json!({ "logGroupName": "g", "endTime": NOW - 20_000 + 1_400 });
    let page = world.ok("FilterLogEvents", input).await;
    assert_eq!(messages(&page).concat(), "012");
    // At the end the token stays, and finds what comes later.
    let end = get(json!({ "nextToken": last["nextForwardToken"] })).await;
    assert_eq!(end["nextForwardToken"], last["nextForwardToken"]);
    world.put("s", &[(NOW, "later")]).await;
    let later = get(json!({ "nextToken": end["nextForwardToken"] })).await;
    assert_eq!(messages(&later).concat(), "later");
}

#[tokio::test]
async fn a_group_is_searched_in_pages_in_the_order_of_time() {
    let world = World::new().with_stream().await;
    world.stream("t").await;
    for number in 0..40_i64 {
        let stream = if number % 2 == 0 { "s" } else { "t" };
        let text = format!(
            "{} {number}",
            if number % 4 == 0 { "ERROR" } else { "INFO" }
        );
        world
            .put(stream, &[(NOW - 60_000 + number * 333, &text)])
            .await;
    }
    let search = async |more: Value| {
        let mut input = json!({ "logGroupName": "g", "limit": 3 });
        let members = more.as_object().expect("an object").clone();
        input.as_object_mut().expect("an object").extend(members);
        let (mut found, mut ids) = (Vec::new(), Vec::new());
        loop {
            let page = world.ok("FilterLogEvents", input.clone()).await;
            assert_eq!(page["searchedLogStreams"], json!([]));
            found.extend(messages(&page).into_iter().map(str::to_owned));
            for event in page["events"].as_array().expect("events") {
                ids.push(event["eventId"].as_str().expect("an id").to_owned());
            }
            match page.get("nextToken") {
                Some(token) => input["nextToken"] = token.clone(),
                None => break,
            }
        }
        (found, ids)
    };
    let numbers = |numbers: &mut dyn Iterator<Item = i64>, word: &str| -> Vec<String> {
        numbers.map(|number| format!("{word} {number}")).collect()
    };
    let errors = numbers(&mut (0..10).map(|number| number * 4), "ERROR");
    let (found, ids) = search(json!({ "filterPattern": "ERROR" })).await;
    assert_eq!(found, errors);
    assert!(
        ids.is_sorted() && ids.iter().all(|id| id.len() == 56),
        "{ids:?}"
    );
    let (found, _) = search(json!({ "filterPattern": "INFO", "logStreamNames": ["s"] })).await;
    assert_eq!(
        found,
        numbers(&mut (0..10).map(|number| number * 4 + 2), "INFO")
    );
    let (found, _) = search(json!({ "logStreamNamePrefix": "t", "filterPattern": "INFO" })).await;
    assert_eq!(
        found,
        numbers(&mut (0..20).map(|number| number * 2 + 1), "INFO")
    );
    let (found, _) = search(json!({ "filterPattern": "ERROR", "startFromHead": false })).await;
    assert_eq!(found, errors.into_iter().rev().collect::<Vec<_>>());
    let by_arn = "arn:aws:logs:us-east-1:000000000000:log-group:g";
    let input = json!({ "logGroupIdentifier": by_arn, "limit": 1 });
    let page = world.ok("FilterLogEvents", input).await;
    assert_eq!(messages(&page), ["ERROR 0"]);
}

#[tokio::test]
async fn events_out_of_their_time_are_told() {
    let world = World::new().with_stream().await;
    let day = crate::world::DAY;
    let put = world.put("s", &[(NOW - 20 * day, "too old")]).await;
    assert_eq!(
        put["rejectedLogEventsInfo"],
        json!({ "tooOldLogEventEndIndex": 1 })
    );
    let put = world
        .put("s", &[(NOW, "fine"), (NOW + day, "too new")])
        .await;
    assert_eq!(
        put["rejectedLogEventsInfo"],
        json!({ "tooNewLogEventStartIndex": 1 })
    );
    let page = world
        .ok("FilterLogEvents", json!({ "logGroupName": "g" }))
        .await;
    assert_eq!(messages(&page), ["fine"]);
}

#[tokio::test]
async fn programs_write_and_followers_see_it() {
    let world = World::new();
    let to = Arc::new(LogStreamName {
        group: "/aws/lambda/f".to_owned(),
        stream: "2026/01/01/[$LATEST]1".to_owned(),
    });
    let sink = world.logs.ingest();
    let line = |at: i64, message: &str| LogLine {
        time: Timestamp::from_millis(NOW + at),
        message: message.to_owned(),
    };
    sink.write(&to, vec![line(0, "one"), line(0, "two")]).await;
    let mut tail = world
        .logs
        .tail("/aws/lambda/f", true)
        .await
        .expect("a tail");
    sink.write(&to, vec![line(1, "three")]).await;
    sink.write(&to, vec![line(2, "four")]).await;
    for expected in ["one", "two", "three", "four"] {
        let entry = tail.next().await.expect("an entry");
        assert_eq!(
            (entry.message.as_str(), &*entry.stream),
            (expected, to.stream.as_str())
        );
    }
    let all = world
        .logs
        .tail("/aws/lambda/f", false)
        .await
        .expect("a tail");
    assert_eq!(all.count().await, 4);
    let nobody = world
        .logs
        .tail("/aws/lambda/g", false)
        .await
        .expect("a tail");
    assert_eq!(nobody.count().await, 0);
}
