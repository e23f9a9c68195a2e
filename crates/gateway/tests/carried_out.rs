//! What becomes of a call whose caller goes away.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::World;
use futures::FutureExt as _;
use service::{Call, Gate as _, Principal, RequestId};

/// How long the rest of a call may take.
const PATIENCE: Duration = Duration::from_secs(10);

fn call(operation: &'static str) -> Call {
    Call {
        service: "states",
        operation: operation.into(),
        input: "{}".into(),
        payload: bytes::Bytes::new(),
        principal: Principal::Root {
            account: "000000000000".into(),
        },
        request_id: RequestId::random(),
    }
}

#[tokio::test]
async fn what_has_begun_is_carried_out_and_what_waits_ends() {
    let world = World::start().await;
    for (operation, is_carried_out) in [
        ("PublishStateMachineVersion", true),
        ("GetActivityTask", false),
    ] {
        let gateway = Arc::clone(&world.gateway);
        let mut calling = Box::pin(async move { gateway.call(call(operation)).await });
        assert!((&mut calling).now_or_never().is_none(), "{operation}");
        world.entered.notified().await;
        drop(calling);
        world.leave.notify_one();
        if is_carried_out {
            let ended = tokio::time::timeout(PATIENCE, world.entered.notified());
            ended.await.expect("the call is carried out");
            continue;
        }
        // Nobody is there to leave: the word is still to be had.
        assert!(world.leave.notified().now_or_never().is_some());
    }
}
