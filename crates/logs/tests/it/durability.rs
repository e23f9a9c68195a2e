//! What was answered is there after a crash; what was deleted is not, and does not come back.

use std::sync::Arc;

use serde_json::json;
use service::{LogLine, LogSink as _, LogStreamName, Service as _};
use store::{Range, Space, Store};
use store_fjall::FjallStore;

use crate::world::{NOW, World, messages};

#[tokio::test]
async fn what_was_put_is_there_after_the_process_is_gone() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = || -> Arc<dyn Store> {
        let store = FjallStore::open(directory.path().join("store"), Default::default());
        Arc::new(store.expect("a store"))
    };
    let world = World::over(open()).with_stream().await;
    world.put("s", &[(NOW, "put")]).await;
    let to = Arc::new(LogStreamName {
        group: "g".to_owned(),
        stream: "t".to_owned(),
    });
    let line = LogLine {
        time: vocab::Timestamp::from_millis(NOW + 1),
        message: "written".to_owned(),
    };
    world.logs.ingest().write(&to, vec![line]).await;
    world.logs.shut_down().await;
    assert_eq!(world.logs.name(), "logs");
    drop(world);
    let world = World::over(open());
    let page = world
        .ok("FilterLogEvents", json!({ "logGroupName": "g" }))
        .await;
    assert_eq!(messages(&page), ["put", "written"]);
}

#[tokio::test]
async fn nothing_is_left_of_what_was_deleted() {
    let world = World::new().with_stream().await;
    world.stream("t").await;
    for number in 0..50 {
        world.put("s", &[(NOW + number * 1000, "s")]).await;
        world.put("t", &[(NOW + number * 1000, "t")]).await;
    }
    let input = json!({ "logGroupName": "g", "logStreamName": "s" });
    world.ok("DeleteLogStream", input).await;
    let rows = async |space: Space| {
        let range = Range::prefix(space, b"");
        let rows = world.store.scan(&range, 10_000).await;
        rows.expect("rows").len()
    };
    world.logs.sweep().await.expect("a sweep");
    // A block and the way to it.
    assert_eq!(rows(Space::LogEvents).await, 100);
    world.stream("s").await;
    let input = json!({ "logGroupName": "g", "logStreamName": "s" });
    let page = world.ok("GetLogEvents", input).await;
    assert_eq!(messages(&page).len(), 0);
    world
        .ok("DeleteLogGroup", json!({ "logGroupName": "g" }))
        .await;
    world.logs.sweep().await.expect("a sweep");
    assert_eq!(
        (rows(Space::LogEvents).await, rows(Space::LogGroups).await),
        (0, 0)
    );
}

#[tokio::test]
async fn two_who_write_at_once_lose_nothing() {
    let world = Arc::new(World::new().with_stream().await);
    let writers = (0..8).map(|writer| {
        let world = world.clone();
        tokio::spawn(async move {
            for number in 0..20 {
                world
                    .put("s", &[(NOW + number, &format!("{writer}.{number}"))])
                    .await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer");
    }
    let page = world
        .ok("FilterLogEvents", json!({ "logGroupName": "g" }))
        .await;
    assert_eq!(messages(&page).len(), 160);
}
