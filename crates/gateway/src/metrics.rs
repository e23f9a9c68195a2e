//! Calls, counted: by service, operation and how they were answered, whether they came over HTTP or
//! from a service. Names come from the catalogue, so that callers cannot make up new ones.

use std::time::Duration;

use aws_model::catalog;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Bounds of the times of answers, in seconds. Long polls take a minute.
const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 90.0,
];

/// What is counted of calls.
pub(crate) struct Metrics {
    calls: Family<Answered, Counter>,
    seconds: Family<Called, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    service: &'static str,
    operation: &'static str,
    status: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Called {
    service: &'static str,
    operation: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            calls: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        }
    }
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "stepd_api_calls",
            "Calls by service, operation and HTTP status",
            self.calls.clone(),
        );
        registry.register(
            "stepd_api_call_seconds",
            "How long calls took",
            self.seconds.clone(),
        );
    }

    /// Counts a call that was answered.
    pub fn count(&self, service: &'static str, operation: &str, status: u16, took: Duration) {
        let entry = catalog::service(service);
        let operation = entry
            .and_then(|entry| entry.operation(operation))
            .unwrap_or("other");
        let answered = Answered {
            service,
            operation,
            status: u32::from(status),
        };
        self.calls.get_or_create(&answered).inc();
        let called = Called { service, operation };
        self.seconds
            .get_or_create(&called)
            .observe(took.as_secs_f64());
    }
}
