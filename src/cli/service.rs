//! systemd: what it is told of the gateway, and which sockets it hands over.

use super::output::{Exit, Failure};
use crate::gateway::Handed;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// Which of our listeners a socket is for, by `FileDescriptorName=` of its unit.
const NAMES: [&str; 4] = ["proxy", "console", "metrics", "transparent"];

/// Sockets that were open before this program began (sd_listen_fds(3)).
#[derive(Default)]
pub struct Sockets {
    /// The proxy port.
    pub proxy: Option<Socket>,
    /// The console.
    pub console: Option<Socket>,
    /// Metrics.
    pub metrics: Option<Socket>,
    /// Where a router hands connections over.
    pub transparent: Option<Socket>,
}

/// One of them, and where it listens.
pub type Socket = (std::net::TcpListener, SocketAddr);

impl Sockets {
    /// Takes over what was handed to this process; nothing where nothing was.
    ///
    /// # Errors
    /// A usage error for a socket of another name, a second one of the same name, or one that does not listen for TCP:
    /// none of them would be served, and somebody waits there.
    pub fn taken() -> Result<Self, Failure> {
        let wrong = |text: String| Failure::new(Exit::Usage, format!("socket activation: {text}"));
        let named: Vec<_> =
            sd_notify::listen_fds_with_names().map_err(|error| wrong(error.to_string()))?.collect();
        let (mut sockets, mut open) = (Self::default(), ListenFd::from_env());
        for (index, (_, name)) in named.into_iter().enumerate() {
            let place = match name.as_str() {
                "proxy" => &mut sockets.proxy,
                "console" => &mut sockets.console,
                "metrics" => &mut sockets.metrics,
                "transparent" => &mut sockets.transparent,
                _ => {
                    let known = NAMES.join(", ");
                    return Err(wrong(format!("FileDescriptorName={name:?} is none of {known}")));
                }
            };
            if place.is_some() {
                return Err(wrong(format!("there are two sockets named {name}")));
            }
            let socket = open.take_tcp_listener(index).and_then(|socket| match socket {
                Some(socket) => socket.local_addr().map(|address| Some((socket, address))),
                None => Ok(None),
            });
            *place = socket.map_err(|error| wrong(format!("{name}: {error}")))?;
        }
        Ok(sockets)
    }

    /// Where they are.
    pub fn handed(&self) -> Handed {
        let address = |socket: &Option<Socket>| socket.as_ref().map(|(_, address)| *address);
        Handed {
            proxy: address(&self.proxy),
            console: address(&self.console),
            metrics: address(&self.metrics),
            transparent: address(&self.transparent),
        }
    }
}

/// A socket as the runtime serves it.
///
/// # Errors
/// When the system refuses.
pub fn served((socket, _): Socket) -> std::io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket)
}

/// All listeners serve (sd_notify(3)).
pub fn ready(proxy: SocketAddr) {
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("serving on {proxy}"))]);
}

/// The configuration is being read again: "the notification must be followed by READY=1 when the service is done".
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// It has been read, and taken up or not.
pub fn reloaded(is_taken: bool, proxy: SocketAddr) {
    if is_taken {
        return ready(proxy);
    }
    let status = format!("serving on {proxy}; the configuration file was not taken up, see the log");
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// What is under way is being finished.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what is under way")]);
}

/// Says twice in each `WATCHDOG_USEC` that the workers still get to their work; nothing where nobody asks.
pub async fn watched() {
    let Some(patience) = sd_notify::watchdog_enabled() else { return };
    let mut tick = tokio::time::interval((patience / 2).max(Duration::from_millis(1)));
    loop {
        tick.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

/// Nobody listening is nothing to stop for.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
