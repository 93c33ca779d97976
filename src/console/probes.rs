//! Health, readiness and metrics: what a supervisor asks.

use super::tls::{TlsListener, is_local};
use crate::gateway::{House, is_addressed_to_us};
use crate::telemetry::Metrics;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use axum::{Json, Router};
use http::{StatusCode, header};
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
    let router = Router::new()
        .route("/metrics", get(metrics))
        // A page whose name was rebound to this address would read when somebody is at home.
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&house), to_us))
        .with_state(house);
    serve(listener, router, stop).await;
}

fn probes(house: Arc<House>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .fallback(|| async { (StatusCode::NOT_FOUND, "not here\n") })
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&house), to_us))
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

async fn to_us(
    State(house): State<Arc<House>>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let generation = house.rooms().generation.load_full();
    if is_addressed_to_us(request.headers(), &generation.config.settings.listen.names) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "address the console by its address\n").into_response()
    }
}
