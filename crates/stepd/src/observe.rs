//! What operators look at: `/healthz`, `/readyz` and `/metrics`.
//!
//! They are asked without a key, like health checks and Prometheus do everywhere, by whoever reaches the
//! address that the server listens on: this machine alone, unless `--allow-remote` says otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use gateway::{Gateway, Probe, ProbeAnswer};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use states::States;
use store::{Batch, Key, Range, Space, Store, StoreError};
use tokio::sync::Mutex;

/// How long one look at the store counts.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Bounds of the times of commits, in seconds.
const SECONDS: [f64; 11] = [
    0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.512, 2.0,
];

/// A store whose commits are timed.
pub struct MeteredStore {
    inner: Arc<dyn Store>,
    seconds: Histogram,
    rows: Counter,
    failures: Counter,
}

impl MeteredStore {
    /// Returns `inner`, timed.
    pub fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            seconds: Histogram::new(SECONDS),
            rows: Counter::default(),
            failures: Counter::default(),
        })
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "stepd_store_commit_seconds",
            "From the wish to commit a batch until it is durable; batches share syncs",
            self.seconds.clone(),
        );
        registry.register(
            "stepd_store_rows_written",
            "Rows that were written or removed",
            self.rows.clone(),
        );
        registry.register(
            "stepd_store_failures",
            "Commits that the disk or the database refused",
            self.failures.clone(),
        );
    }
}

#[async_trait]
impl Store for MeteredStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(key).await
    }

    async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.inner.scan(range, limit).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let rows = batch.put.len() + batch.delete.len();
        let begun = Instant::now();
        let committed = self.inner.commit(batch).await;
        match &committed {
            Ok(()) => {
                self.seconds.observe(begun.elapsed().as_secs_f64());
                self.rows.inc_by(rows as u64);
            }
            Err(StoreError::Conflict { .. }) => {}
            Err(_) => {
                self.failures.inc();
            }
        }
        committed
    }
}

/// What the pages are made of.
pub struct Observed {
    registry: Registry,
    states: Arc<States>,
    store: Arc<MeteredStore>,
    stopping: AtomicBool,
    /// When the store was last looked at, and what was wrong.
    looked: Mutex<Option<(Instant, Option<&'static str>)>>,
}

impl Observed {
    /// Adds the pages to the gateway.
    pub fn add(gateway: &Gateway, states: Arc<States>, store: Arc<MeteredStore>) -> Arc<Self> {
        let mut registry = Registry::default();
        states.register_metrics(&mut registry);
        gateway.register_metrics(&mut registry);
        store.register(&mut registry);
        let observed = Arc::new(Self {
            registry,
            states,
            store,
            stopping: AtomicBool::new(false),
            looked: Mutex::default(),
        });
        for page in [What::Lives, What::Ready, What::Metrics] {
            let of = Arc::clone(&observed);
            gateway.add_probe(Arc::new(ObservedPage { of, page }));
        }
        observed
    }

    /// Says from now on that the server is not ready: nobody is to be sent here any more.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Returns what is wrong, if the server is not ready: it stops, or what it answers would not be
    /// durable. Executions were taken up before the first request was taken.
    async fn problem(&self) -> Option<&'static str> {
        if self.stopping.load(Ordering::Relaxed) {
            return Some("stopping");
        }
        // One look a second is enough, however many ask.
        let mut looked = self.looked.lock().await;
        if let Some((at, problem)) = *looked
            && at.elapsed() < LOOK_INTERVAL
        {
            return problem;
        }
        let problem = self.look().await;
        *looked = Some((Instant::now(), problem));
        problem
    }

    /// Writes a row, past what is counted.
    async fn look(&self) -> Option<&'static str> {
        let probe = Batch {
            put: vec![(Key::new(Space::Meta, "readyz"), Bytes::from_static(b"1"))],
            ..Batch::default()
        };
        match self.store.inner.commit(probe).await {
            Ok(()) => None,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the store cannot be written"
                );
                Some("the store cannot be written")
            }
        }
    }

    async fn metrics(&self) -> ProbeAnswer {
        let measured = self.states.measure().await;
        let mut text = String::new();
        let written = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        match (measured, written) {
            (Ok(()), Ok(())) => ProbeAnswer {
                status: 200,
                content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
                body: text.into(),
            },
            (Err(_), _) | (_, Err(_)) => told(503, "the store cannot be read"),
        }
    }
}

#[derive(Clone, Copy)]
enum What {
    Lives,
    Ready,
    Metrics,
}

struct ObservedPage {
    of: Arc<Observed>,
    page: What,
}

#[async_trait]
impl Probe for ObservedPage {
    fn path(&self) -> &'static str {
        match self.page {
            What::Lives => "/healthz",
            What::Ready => "/readyz",
            What::Metrics => "/metrics",
        }
    }

    async fn answer(&self) -> ProbeAnswer {
        match self.page {
            What::Lives => told(200, "ok"),
            What::Ready => match self.of.problem().await {
                None => told(200, "ok"),
                Some(problem) => told(503, problem),
            },
            What::Metrics => self.of.metrics().await,
        }
    }
}

fn told(status: u16, text: &'static str) -> ProbeAnswer {
    ProbeAnswer {
        status,
        content_type: "text/plain; charset=utf-8",
        body: Bytes::from_static(text.as_bytes()),
    }
}
