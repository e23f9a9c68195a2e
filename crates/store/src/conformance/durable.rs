//! What a durable store keeps when it is closed and opened again.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::random::{self, Model, Random};
use super::{get, key, put};
use crate::{Space, Store};

/// Checks that a store opened again holds everything committed before.
///
/// `open` opens the same place every time; the place is empty at first. The suite drops a store
/// before it opens the next.
pub async fn check_durable<S: Store>(open: impl AsyncFn() -> S) {
    random_batches(&open).await;
    concurrent_commits(&open).await;
}

async fn random_batches<S: Store>(open: &impl AsyncFn() -> S) {
    let mut random = Random::new(1);
    let mut model = Model::new();
    for opening in 0..6 {
        let store = open().await;
        random::check_same(&store, &model, &format!("opening {opening}")).await;
        for step in 0..40 {
            let batch = random.batch(&model);
            random::commit_both(
                &store,
                &mut model,
                batch,
                &format!("opening {opening}, step {step}"),
            )
            .await;
        }
    }
    random::check_same(&open().await, &model, "the last opening").await;
}

async fn concurrent_commits<S: Store>(open: &impl AsyncFn() -> S) {
    let row = |task: u64, number: u64| {
        key(
            Space::Journal,
            [b"c".to_vec(), (task << 32 | number).to_be_bytes().to_vec()].concat(),
        )
    };
    for opening in 0..3 {
        let store = Arc::new(open().await);
        let mut tasks = JoinSet::new();
        for task in 0..16 {
            let store = store.clone();
            tasks.spawn(async move {
                for number in 0..20 {
                    super::commit(
                        &*store,
                        put(&row(task, opening * 20 + number), number.to_be_bytes()),
                    )
                    .await;
                }
            });
        }
        tasks.join_all().await;
        drop(store);
        let store = open().await;
        for (task, number) in
            (0..16).flat_map(|task: u64| (0..20_u64).map(move |number| (task, number)))
        {
            let expected = Bytes::copy_from_slice(&number.to_be_bytes());
            let found = get(&store, &row(task, opening * 20 + number)).await;
            assert_eq!(
                found,
                Some(expected),
                "opening {opening}: row {number} of task {task}"
            );
        }
    }
}
