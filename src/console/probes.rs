//! Health, readiness and metrics: what a supervisor asks.

use crate::gateway::House;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// `/healthz` and `/readyz` on the console's listener.
pub async fn serve_probes(listener: TcpListener, house: Arc<House>, stop: CancellationToken) {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .fallback(|| async { (StatusCode::NOT_FOUND, "not here\n") })
        .layer(axum::middleware::from_fn(literal_host))
        .with_state(house);
    serve(listener, router, stop).await;
}

/// `/metrics` on its own listener.
pub async fn serve_metrics(listener: TcpListener, house: Arc<House>, stop: CancellationToken) {
    let router = Router::new().route("/metrics", get(metrics)).with_state(house);
    serve(listener, router, stop).await;
}

async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::warn!(%error, "console");
    }
}

async fn readiness(State(house): State<Arc<House>>) -> impl IntoResponse {
    let missing = house.unready();
    if missing.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, missing.iter().map(|name| format!("not ready: {name}\n")).collect())
    }
}

async fn metrics(State(house): State<Arc<House>>) -> impl IntoResponse {
    house.measure();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], house.rooms().metrics.render())
}

/// A name in Host could be one that was rebound to this address by somebody's page.
async fn literal_host(
    headers: HeaderMap,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> axum::response::Response {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let bare = named.rsplit_once(':').map_or(named, |(host, _)| host).trim_matches(['[', ']']);
    if bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok() {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "address the console by its address\n").into_response()
    }
}
