//! `run`: the gateway itself.

use super::ask::Context;
use super::output::{Done, Exit, Failure, print_json};
use super::service::{self, Socket, Sockets};
use crate::config::{Finding, Severity};
use crate::console::{console_url, router, serve_control, serve_metrics, serve_probes};
use crate::gateway::{Doors, House, Listening, listen};
use crate::telemetry::log::{self, Format};
use crate::vault::{Home, HomeError};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

/// What is under way may take this long once the gateway is told to stop.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// Threads for what waits on the disk: more would only wait for one another.
const BLOCKING_THREADS: usize = 64;

/// Starts the gateway and serves until told to stop.
pub fn run(context: &Context) -> Done {
    let format = if context.json { Format::Json } else { Format::Plain };
    log::init(format).map_err(|error| Failure::new(Exit::Usage, error))?;
    let sockets = Sockets::taken()?;
    let handed = sockets.handed();
    let config = handed.applied_to(context.load_config()?);
    refuse(config.check_promises())?;
    let home = Home::open(&context.home).map_err(|error| match error {
        HomeError::InUse { dir } => {
            Failure::failed(format!("a gateway runs on {} already, or another command has it", dir.display()))
        }
        other => Failure::because(&other),
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("worker")
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let house = context.open(home, config)?;
    // Said once: nobody else has seen the house yet.
    let _ = house.handed.set(handed);
    let served = runtime.block_on(serve(context, &house, sockets));
    let patience = served.as_ref().map_or(Duration::ZERO, |deadline| deadline.duration_since(Instant::now()));
    runtime.block_on(house.close(patience));
    served.map(|_| ())
}

/// Serves until told to stop; gives when what is under way must have ended.
async fn serve(context: &Context, house: &Arc<House>, sockets: Sockets) -> Result<Instant, Failure> {
    let mut signals = Signals::new()?;
    examine(house).await?;
    house.warm_up().map_err(|error| Failure::because(&error))?;
    let open = Open::all(house, sockets).await?;
    house.start(open.doors).await.map_err(|error| Failure::because(&error))?;
    let stop = house.front.stop.clone();
    let control = serve_control(&house.home.control_sock(), router(Arc::clone(house)), stop.clone());
    let control = tokio::spawn(control.map_err(|error| Failure::because(&error))?);
    for door in std::iter::once(open.proxy).chain(open.transparent) {
        tokio::spawn(door.serve(Arc::clone(&house.front)));
    }
    tokio::spawn(serve_probes(open.console, Arc::clone(house), stop.clone()));
    if let Some(metrics) = open.metrics {
        tokio::spawn(serve_metrics(metrics, Arc::clone(house), stop));
    }
    // To the very end: what is finishing must not be killed for silence.
    tokio::spawn(service::watched());
    tokio::spawn(Arc::clone(house).keep());
    announce(context, house, open.doors);
    while let Told::Reload = signals.next().await {
        service::reloading();
        service::reloaded(house.reload_aloud().await, open.doors.proxy);
    }
    tracing::info!("stopping");
    service::stopping();
    let deadline = Instant::now() + LAST_WORDS;
    house.front.stop.cancel();
    // The socket goes before the home's lock does: the next owner makes its own.
    let _ = tokio::time::timeout_at(deadline, control).await;
    Ok(deadline)
}

/// What only the open home can say of its configuration.
async fn examine(house: &Arc<House>) -> Done {
    let generation = house.rooms().generation.load_full();
    let config = &generation.config;
    let vault = &house.rooms().vault;
    refuse(config.check_doors(vault.has_credentials()))?;
    refuse(house.failing_tests(&generation).await)?;
    let members = vault.members().map_err(|error| Failure::because(&error))?;
    let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
    for finding in config.findings().iter().chain(&config.check_members(&names)) {
        match finding.severity {
            Severity::Note => tracing::info!("{finding}"),
            Severity::Warning | Severity::Error => tracing::warn!("{finding}"),
        }
    }
    Ok(())
}

fn refuse(findings: Vec<Finding>) -> Done {
    if findings.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
    Err(Failure::new(Exit::Configuration, lines.join("\n")))
}

/// Every listener, open and not yet serving.
struct Open {
    proxy: Listening,
    transparent: Option<Listening>,
    console: TcpListener,
    metrics: Option<TcpListener>,
    doors: Doors,
}

impl Open {
    /// Those that were handed over, and the others as the configuration says.
    async fn all(house: &House, sockets: Sockets) -> Result<Self, Failure> {
        let generation = house.rooms().generation.load_full();
        let addresses = &generation.config.settings.listen;
        let proxy = match sockets.proxy {
            Some(socket) => taken_up(socket)?,
            None => listen(addresses.proxy.0).await.map_err(Failure::failed)?,
        };
        let transparent = match (sockets.transparent, addresses.transparent) {
            (Some(socket), _) => Some(taken_up(socket)?),
            (None, Some(address)) => Some(listen(address.0).await.map_err(Failure::failed)?),
            (None, None) => None,
        };
        let transparent = transparent.map(Listening::transparent);
        let (console, console_at) = match sockets.console {
            Some(socket) => taken_over(socket)?,
            None => bind(addresses.console.0).await?,
        };
        let metrics = match (sockets.metrics, addresses.metrics) {
            (Some(socket), _) => Some(taken_over(socket)?),
            (None, Some(address)) => Some(bind(address.0).await?),
            (None, None) => None,
        };
        let doors = Doors {
            proxy: proxy.address(),
            console: Some(console_at),
            metrics: metrics.as_ref().map(|(_, address)| *address),
            transparent: transparent.as_ref().map(Listening::address),
        };
        Ok(Self { proxy, transparent, console, metrics: metrics.map(|(listener, _)| listener), doors })
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error| Failure::failed(format!("cannot listen on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

fn taken_up(socket: Socket) -> Result<Listening, Failure> {
    let (listener, address) = taken_over(socket)?;
    Ok(Listening::on(listener, address))
}

fn taken_over(socket: Socket) -> Result<(TcpListener, SocketAddr), Failure> {
    let address = socket.1;
    let failed = |error| Failure::failed(format!("cannot listen on {address}: {error}"));
    Ok((service::served(socket).map_err(failed)?, address))
}

fn announce(context: &Context, house: &House, doors: Doors) {
    tracing::info!(proxy = %doors.proxy, home = %house.home.dir().display(), "ready");
    service::ready(doors.proxy);
    if context.json {
        print_json(&json!({
            "event": "ready",
            "proxy": doors.proxy,
            "console": doors.console.map(console_url),
            "transparent": doors.transparent,
            "ca": house.home.ca_dir().join("root.pem"),
        }));
    }
}

enum Told {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(Failure::failed);
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hang_up: on(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hang_up.recv() => Told::Reload,
        }
    }
}
