//! Real proxies to leave through: Debian's tinyproxy (HTTP) and microsocks (SOCKS version 5), which know names of their own.

use super::TestCa;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

/// The user that [`NextHop`]s know.
pub const USER: &str = "doorward";
/// The user's password.
pub const PASSWORD: &str = "spring-tide-41";

/// Gives the proxies a hosts file of their own, so that what they resolve the gateway cannot.
const NSS_WRAPPER: &str = "/usr/lib/x86_64-linux-gnu/libnss_wrapper.so";

/// A running proxy.
pub struct NextHop {
    /// Where it listens.
    pub address: SocketAddr,
    dir: TempDir,
    process: Child,
}

impl NextHop {
    /// tinyproxy that knows [`USER`] alone and makes tunnels to these ports; `names` are at 127.0.0.1.
    pub fn http(names: &[&str], ports: &[u16]) -> Self {
        Self::start(names, |at, address| {
            let tunnels: String = ports.iter().map(|port| format!("ConnectPort {port}\n")).collect();
            let text = format!(
                "Listen {}\nPort {}\nLogFile \"{}\"\nLogLevel Info\nBasicAuth {USER} {PASSWORD}\n{tunnels}",
                address.ip(),
                address.port(),
                at.join("log").display()
            );
            fs::write(at.join("tinyproxy.conf"), text).unwrap();
            let mut command = Command::new("/usr/bin/tinyproxy");
            command
                .args(["-d", "-c"])
                .arg(at.join("tinyproxy.conf"))
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        })
    }

    /// microsocks that knows [`USER`] alone; `names` are at 127.0.0.1.
    pub fn socks5(names: &[&str]) -> Self {
        Self::start(names, |at, address| {
            let mut command = Command::new("/usr/bin/microsocks");
            command.args(["-i", &address.ip().to_string(), "-p", &address.port().to_string()]);
            command.args(["-u", USER, "-P", PASSWORD]).stdout(Stdio::null());
            command.stderr(File::create(at.join("log")).unwrap());
            command
        })
    }

    fn start(names: &[&str], command: impl FnOnce(&Path, SocketAddr) -> Command) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hosts: String = names.iter().map(|name| format!("127.0.0.1 {name}\n")).collect();
        fs::write(dir.path().join("hosts"), hosts).unwrap();
        // Another program may take the port before the proxy does; the kernel hands out others first.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = command(dir.path(), address)
            .env("LD_PRELOAD", NSS_WRAPPER)
            .env("NSS_WRAPPER_HOSTS", dir.path().join("hosts"))
            .spawn()
            .expect("tinyproxy, microsocks and libnss-wrapper: tests/run installs them");
        let next_hop = Self { address, dir, process };
        for _ in 0..400 {
            if TcpStream::connect(address).is_ok() {
                return next_hop;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("nobody listens at {address}: {}", next_hop.log());
    }

    /// What it wrote about what it was asked for.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for NextHop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A door that speaks TLS as `name` and leads to `inside`.
pub async fn behind_tls(ca: &TestCa, name: &str, inside: SocketAddr) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(ca.server_config(name)));
    let door = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = door.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = door.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut tls) = acceptor.accept(stream).await else { return };
                let mut inside = tokio::net::TcpStream::connect(inside).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut tls, &mut inside).await;
            });
        }
    });
    address
}
