//! Prometheus metrics: the names of the contract, and handles that cost one atomic addition.

use super::label::{Handshake, Label, Peer, Tunnelled};
use super::{buckets, process};
use crate::model::{Action, Stage, Verdict};
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// A name registered twice or a bad name: a mistake in the program.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

/// All metrics of the gateway; a clone is the same metrics.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    registry: Registry,
    exchanges: Counters<Verdict>,
    edits: Vec<Counters<Action>>,
    blocked: Counters<Stage>,
    tunnels: Counters<Tunnelled>,
    handshakes: Vec<Counters<Handshake>>,
    added_latency: Histogram,
    upstream: Histogram,
    ledger_commit: Histogram,
    ledger_backlog: IntGauge,
    upstream_pool: IntGauge,
}

/// One counter for each value of a label, found by index.
struct Counters<L> {
    counters: Vec<IntCounter>,
    label: PhantomData<L>,
}

impl<L: Label> Counters<L> {
    /// `fixed` is the value of a label that stands behind the other, where there is one.
    fn of(family: &IntCounterVec, fixed: Option<&str>) -> Self {
        let values = |label: &L| match fixed {
            Some(fixed) => family.with_label_values(&[label.word(), fixed]),
            None => family.with_label_values(&[label.word()]),
        };
        Self { counters: L::ALL.iter().map(values).collect(), label: PhantomData }
    }

    fn add(&self, label: L, count: u64) {
        if let Some(counter) = self.counters.get(label.index()) {
            counter.inc_by(count);
        }
    }
}

impl Metrics {
    /// Registers every metric at zero.
    pub fn new() -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let family = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, MetricsError> {
            let family = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(family.clone()))?;
            Ok(family)
        };
        let seconds = |name: &str, help: &str, buckets: &[f64]| -> Result<Histogram, MetricsError> {
            let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok(histogram)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, MetricsError> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let edits = family("doorward_edits_total", "Edits made to messages.", &["action", "stage"])?;
        let handshakes =
            family("doorward_handshakes_total", "TLS handshakes, by how they ended.", &["result", "side"])?;
        let exchanges = family("doorward_exchanges_total", "Exchanges that came to an end.", &["verdict"])?;
        let blocked = family("doorward_blocked_total", "Requests answered here.", &["stage"])?;
        let tunnels = family("doorward_tunnels_total", "Connections not inspected.", &["reason"])?;
        let families = Families {
            exchanges: Counters::of(&exchanges, None),
            edits: Stage::ALL.iter().map(|stage| Counters::of(&edits, Some(stage.word()))).collect(),
            blocked: Counters::of(&blocked, None),
            tunnels: Counters::of(&tunnels, None),
            handshakes: Peer::ALL.iter().map(|peer| Counters::of(&handshakes, Some(peer.word()))).collect(),
            added_latency: seconds(
                "doorward_added_latency_seconds",
                "Time an exchange spent in the gateway itself.",
                buckets::ADDED,
            )?,
            upstream: seconds(
                "doorward_upstream_seconds",
                "Time from a request's departure to the first byte of its answer.",
                buckets::UPSTREAM,
            )?,
            ledger_commit: seconds(
                "doorward_ledger_commit_seconds",
                "Time of one durable commit of the log.",
                buckets::COMMIT,
            )?,
            ledger_backlog: gauge("doorward_ledger_backlog", "Records that wait for the log's next commit.")?,
            upstream_pool: gauge("doorward_upstream_pool", "Idle connections to vendors.")?,
            registry: registry.clone(),
        };
        build_info(&registry)?;
        Ok(Self(Arc::new(families)))
    }

    /// An exchange came to its end.
    pub fn exchange(&self, verdict: Verdict) {
        self.0.exchanges.add(verdict, 1);
    }

    /// Edits of one kind were made by one stage.
    pub fn edits(&self, stage: Stage, action: Action, count: u64) {
        if let Some(edits) = self.0.edits.get(stage.index()) {
            edits.add(action, count);
        }
    }

    /// A stage answered a request here.
    pub fn blocked(&self, stage: Stage) {
        self.0.blocked.add(stage, 1);
    }

    /// A connection passes unread.
    pub fn tunnel(&self, reason: Tunnelled) {
        self.0.tunnels.add(reason, 1);
    }

    /// A TLS handshake ended.
    pub fn handshake(&self, peer: Peer, result: Handshake) {
        if let Some(handshakes) = self.0.handshakes.get(peer.index()) {
            handshakes.add(result, 1);
        }
    }

    /// The time an exchange spent in the gateway itself.
    pub fn added_latency(&self, time: Duration) {
        self.0.added_latency.observe(time.as_secs_f64());
    }

    /// The time from a request's departure to the first byte of its answer.
    pub fn upstream(&self, time: Duration) {
        self.0.upstream.observe(time.as_secs_f64());
    }

    /// The time of one durable commit of the log.
    pub fn ledger_commit(&self, time: Duration) {
        self.0.ledger_commit.observe(time.as_secs_f64());
    }

    /// How many records wait for the log's next commit.
    pub fn ledger_backlog(&self, records: usize) {
        self.0.ledger_backlog.set(i64::try_from(records).unwrap_or(i64::MAX));
    }

    /// How many connections to vendors stand idle.
    pub fn upstream_pool(&self, connections: usize) {
        self.0.upstream_pool.set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    /// Everything in the Prometheus text format (version 0.0.4), the process's own figures at the end.
    pub fn render(&self) -> String {
        let mut text = TextEncoder::new().encode_to_string(&self.0.registry.gather()).unwrap_or_default();
        process::append(&mut text);
        text
    }

    /// The media type of [`Metrics::render`].
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

fn build_info(registry: &Registry) -> Result<(), MetricsError> {
    let opts = Opts::new("doorward_build_info", "Always 1; its label says which build this is.");
    let info = IntGaugeVec::new(opts, &["version"])?;
    registry.register(Box::new(info.clone()))?;
    info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_contract_is_there_from_the_start() {
        let text = Metrics::new().unwrap().render();
        for line in [
            "doorward_exchanges_total{verdict=\"not-inspected\"} 0",
            "doorward_edits_total{action=\"would-have\",stage=\"persona\"} 0",
            "doorward_blocked_total{stage=\"trackers\"} 0",
            "doorward_tunnels_total{reason=\"never\"} 0",
            "doorward_handshakes_total{result=\"full\",side=\"upstream\"} 0",
            "doorward_added_latency_seconds_count 0",
            "doorward_upstream_seconds_count 0",
            "doorward_ledger_commit_seconds_count 0",
            "doorward_ledger_backlog 0",
            "doorward_upstream_pool 0",
            concat!("doorward_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
    }

    #[test]
    fn each_handle_moves_its_own_line() {
        let metrics = Metrics::new().unwrap();
        metrics.exchange(Verdict::Changed);
        metrics.edits(Stage::Terms, Action::Injected, 2);
        metrics.blocked(Stage::Trackers);
        metrics.tunnel(Tunnelled::Guest);
        metrics.handshake(Peer::Downstream, Handshake::Untrusted);
        metrics.added_latency(Duration::from_micros(60));
        metrics.ledger_backlog(7);
        metrics.upstream_pool(1);
        let text = metrics.clone().render();
        for line in [
            "doorward_exchanges_total{verdict=\"changed\"} 1",
            "doorward_edits_total{action=\"injected\",stage=\"terms\"} 2",
            "doorward_blocked_total{stage=\"trackers\"} 1",
            "doorward_tunnels_total{reason=\"guest\"} 1",
            "doorward_handshakes_total{result=\"untrusted\",side=\"downstream\"} 1",
            "doorward_added_latency_seconds_bucket{le=\"0.00005\"} 0",
            "doorward_added_latency_seconds_bucket{le=\"0.00008\"} 1",
            "doorward_ledger_backlog 7",
            "doorward_upstream_pool 1",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
    }

    #[test]
    fn no_label_could_name_a_person_or_a_vendor() {
        let text = Metrics::new().unwrap().render();
        let labels = text.split(['{', ',']).filter_map(|part| part.split_once("=\"")).map(|(name, _)| name);
        for label in labels {
            assert!(
                ["verdict", "action", "stage", "reason", "result", "side", "version", "le"].contains(&label),
                "{label}"
            );
        }
    }
}
