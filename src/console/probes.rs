//! Health, readiness and metrics: what a supervisor asks.

use super::tls::{TlsListener, is_local};
use crate::gateway::House;
use crate::model::Host;
use crate::telemetry::Metrics;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// `/healthz` and `/readyz` on the console's listener, over TLS where others than this machine reach it. Nothing else is
/// there without a login.
pub async fn serve_probes(listener: TcpListener, house: Arc<House>, stop: CancellationToken) {
    let router = probes(Arc::clone(&house));
    match listener.local_addr() {
        Ok(address) if is_local(address) => serve(listener, router, stop).await,
        _ => serve(TlsListener::new(listener, house), router, stop).await,
    }
}

/// `/metrics` on its own listener.
pub async fn serve_metrics(listener: TcpListener, house: Arc<House>, stop: CancellationToken) {
    let router = Router::new().route("/metrics", get(metrics)).with_state(house);
    serve(listener, router, stop).await;
}

fn probes(house: Arc<House>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .fallback(|| async { (StatusCode::NOT_FOUND, "not here\n") })
        .layer(axum::middleware::from_fn(literal_host))
        .with_state(house)
}

async fn serve<L: Listener<Addr: std::fmt::Debug>>(listener: L, router: Router, stop: CancellationToken) {
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::warn!(%error, "console");
    }
}

async fn readiness(State(house): State<Arc<House>>) -> Response {
    house.measure();
    let report = house.readiness.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn metrics(State(house): State<Arc<House>>) -> impl IntoResponse {
    house.measure();
    ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], house.rooms().metrics.render())
}

/// A name in Host could be one that was rebound to this address by somebody's page.
async fn literal_host(
    headers: HeaderMap,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    if names_us(&headers) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "address the console by its address\n").into_response()
    }
}

fn names_us(headers: &HeaderMap) -> bool {
    let mut fields = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (fields.next().and_then(|host| host.to_str().ok()), fields.next()) else {
        return false;
    };
    let bare = match host.strip_prefix("localhost:") {
        Some(port) if port.parse::<u16>().is_ok() => "localhost",
        _ => host,
    };
    bare == "localhost"
        || host.parse::<SocketAddr>().is_ok()
        || matches!(Host::parse(host), Some(Host::Address(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_an_address_or_localhost_names_the_console() {
        let named = |values: &[&'static str]| {
            let fields = values.iter().map(|value| (header::HOST, HeaderValue::from_static(value)));
            names_us(&fields.collect())
        };
        for host in ["127.0.0.1:8119", "[::1]:8119", "localhost", "localhost:8119", "192.168.1.2"] {
            assert!(named(&[host]), "{host}");
        }
        for host in
            ["evil.example", "127.0.0.1.evil.example:8119", "localhost.evil.example", "localhost:x", ""]
        {
            assert!(!named(&[host]), "{host}");
        }
        assert!(!named(&[]) && !named(&["127.0.0.1", "127.0.0.1"]));
    }
}
