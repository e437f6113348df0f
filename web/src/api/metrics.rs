//! What the service counts, in the text format of Prometheus.

use std::{
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

use actix_web::{
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use node::{consensus::Votes, transaction::Transaction};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::Service;
use crate::Error;

/// Buckets of request times: 1 ms to about 16 s.
const BUCKETS: u16 = 15;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    /// The route's pattern, never the address asked for: ids would make a series each.
    route: String,
    method: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransactionLabels {
    kind: &'static str,
}

/// Counters, gauges and the registry that prints them.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Histogram,
    transactions: Family<TransactionLabels, Counter>,
    uploaded: Counter,
    height: Gauge<u64, AtomicU64>,
    index_height: Gauge<u64, AtomicU64>,
    waiting: Gauge<u64, AtomicU64>,
    blob_bytes: Gauge<u64, AtomicU64>,
    votes_connected: Gauge<u64, AtomicU64>,
    votes_total: Gauge<u64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("locus");
        let request_seconds = Histogram::new(exponential_buckets(0.001, 2.0, BUCKETS));
        let metrics = (Family::default(), Family::default(), Counter::default());
        let gauges: [Gauge<u64, AtomicU64>; 6] = Default::default();
        let (requests, transactions, uploaded) = metrics;
        let [height, index_height, waiting, blob_bytes, votes_connected, votes_total] = gauges;
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register_with_unit(
            "http_request",
            "Time from a request's head to its answer's head",
            Unit::Seconds,
            request_seconds.clone(),
        );
        registry.register(
            "transactions_received",
            "Transactions received, refused ones included",
            transactions.clone(),
        );
        registry.register_with_unit("blobs_uploaded", "Blobs stored for clients", Unit::Bytes, uploaded.clone());
        registry.register("ledger_height", "Latest block", height.clone());
        registry.register("index_height", "Latest block in the index", index_height.clone());
        registry.register("transactions_waiting", "Transactions that wait for a block", waiting.clone());
        registry.register_with_unit("blobs_kept", "Disk that blobs take", Unit::Bytes, blob_bytes.clone());
        let connected = "Votes of the validators that this node reaches, itself included";
        registry.register("votes_connected", connected, votes_connected.clone());
        registry.register("votes_total", "Votes of all validators", votes_total.clone());
        Self {
            registry,
            requests,
            request_seconds,
            transactions,
            uploaded,
            height,
            index_height,
            waiting,
            blob_bytes,
            votes_connected,
            votes_total,
        }
    }
}

impl Metrics {
    pub(super) fn submitted(&self, transaction: &Transaction) {
        let kind = match transaction {
            Transaction::Signed(_) => "signed",
            Transaction::Contribute(_) => "contribute",
            Transaction::Respond(_) => "respond",
        };
        self.transactions.get_or_create(&TransactionLabels { kind }).inc();
    }

    pub(super) fn stored(&self, bytes: usize) {
        self.uploaded.inc_by(bytes as u64);
    }

    fn answered(&self, labels: &RequestLabels, time: Duration) {
        self.requests.get_or_create(labels).inc();
        self.request_seconds.observe(time.as_secs_f64());
    }
}

/// The metrics as text, gauges read now.
pub(super) fn text(service: &Service, consensus: Option<&Votes>) -> Result<String, Error> {
    let metrics = &service.metrics;
    metrics.votes_connected.set(consensus.map_or(0, |votes| votes.connected));
    metrics.votes_total.set(consensus.map_or(0, |votes| votes.total));
    metrics.height.set(service.chain.snapshot()?.latest()?.height.get());
    metrics.index_height.set(service.index.position()?.height.get());
    metrics.waiting.set(service.chain.waiting() as u64);
    metrics.blob_bytes.set(service.quota.used());
    let mut text = String::new();
    let failed = |error: std::fmt::Error| Error::Internal { action: "print metrics", why: error.to_string() };
    encode(&mut text, &metrics.registry).map_err(failed)?;
    Ok(text)
}

/// Counts and logs each request by its route. Addresses, bodies and peers are not logged: together they could tell
/// which agent contributed when.
pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let started = Instant::now();
    let route = request.match_pattern().unwrap_or_else(|| "none".into());
    let method = request.method().to_string();
    let service = request.app_data::<Data<Service>>().cloned();
    let response = next.call(request).await;
    let status = match &response {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    let (status, time) = (status.as_u16(), started.elapsed());
    tracing::debug!(method, route, status, micros = time.as_micros() as u64, "answered");
    if let Some(service) = service {
        service.metrics.answered(&RequestLabels { route, method: known_method(&method), status }, time);
    }
    response
}

/// Methods that clients invent share one label.
fn known_method(method: &str) -> String {
    if matches!(method, "GET" | "PUT" | "POST" | "HEAD" | "OPTIONS" | "DELETE") {
        method.into()
    } else {
        "other".into()
    }
}
