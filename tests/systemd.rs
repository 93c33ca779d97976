//! What systemd is told, and the sockets it hands over.

use crate::support::program::{Program, Running};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

/// The socket that systemd reads.
struct Manager {
    socket: UnixDatagram,
    path: String,
}

impl Manager {
    fn of(program: &Program) -> Self {
        let path = program.beside("notify.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { socket, path: path.to_str().unwrap().to_owned() }
    }

    fn next(&self) -> String {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).expect("systemd is told");
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    /// The next message that is not about being alive.
    fn next_state(&self) -> String {
        std::iter::repeat_with(|| self.next()).find(|message| !message.starts_with("WATCHDOG=1")).unwrap()
    }
}

/// An address where nobody listens.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Whether the gateway itself answers there.
fn answers(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn systemd_hears_of_start_reload_and_stop() {
    let program = Program::configured("");
    let manager = Manager::of(&program);
    let running = program.start_with(&[("NOTIFY_SOCKET", &manager.path)]);
    let proxy = running.address("proxy");
    assert_eq!(manager.next_state(), format!("READY=1\nSTATUS=serving on {proxy}\n"));

    running.signal("HUP");
    let reloading = manager.next_state();
    let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&reloading).trim_end();
    assert!(since.parse::<u64>().unwrap() > 0);
    assert_eq!(manager.next_state(), format!("READY=1\nSTATUS=serving on {proxy}\n"));

    program.configure("[identity]\nnew_vendor = \"nobody\"");
    running.signal("HUP");
    assert!(manager.next_state().starts_with("RELOADING=1\n"));
    let kept = manager.next_state();
    assert!(kept.starts_with("READY=1\n") && kept.contains("was not taken up"), "{kept}");

    assert_eq!(running.stop(), 0);
    assert!(manager.next_state().starts_with("STOPPING=1\n"));
}

#[test]
fn the_watchdog_is_fed_where_there_is_one() {
    let program = Program::configured("");
    let manager = Manager::of(&program);
    let running = program.start_with(&[("NOTIFY_SOCKET", &manager.path), ("WATCHDOG_USEC", "200000")]);
    let fed = std::iter::repeat_with(|| manager.next()).filter(|message| message == "WATCHDOG=1\n").take(3);
    assert_eq!(fed.count(), 3);
    // Somebody else's watchdog (sd_watchdog_enabled(3): WATCHDOG_PID) is not ours to feed.
    drop(running);
    let other = program.start_with(&[
        ("NOTIFY_SOCKET", &manager.path),
        ("WATCHDOG_USEC", "200000"),
        ("WATCHDOG_PID", "1"),
    ]);
    let ready = std::iter::repeat_with(|| manager.next()).find(|message| message.starts_with("READY=1"));
    assert!(ready.is_some());
    assert_eq!(other.stop(), 0);
    assert!(manager.next().starts_with("STOPPING=1\n"));
}

#[test]
fn a_socket_that_systemd_opened_is_served() {
    let program = Program::configured("");
    let address = free();
    let activator = program.activated_at(&address, "proxy");
    // systemd-socket-activate starts the program when somebody knocks.
    let knocking = std::thread::spawn({
        let address = address.clone();
        move || {
            for _ in 0..600 {
                if TcpStream::connect(&address).is_ok() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    });
    let running = Running::begin(activator);
    knocking.join().unwrap();
    assert_eq!(running.address("proxy"), address);
    assert!(answers(&address, "/proxy.pac").contains("FindProxyForURL"));
    assert!(answers(&running.address("console"), "/healthz").starts_with("HTTP/1.1 200"));
    // The file still names another address: that of the socket holds, and nothing waits.
    running.signal("HUP");
    running.says("configuration reloaded", 1);
    assert!(!running.log().contains("waits for the next start"), "{}", running.log());
    assert_eq!(running.stop(), 0);
}

#[test]
fn a_socket_beyond_loopback_needs_credentials_as_any_listener_does() {
    let program = Program::configured("");
    let port = free().rsplit_once(':').unwrap().1.to_owned();
    let refused = knocked(&program, &format!("0.0.0.0:{port}"), "proxy", &port);
    assert_eq!(refused.0, 4, "{}", refused.1);
    assert!(refused.1.contains("for everybody"), "{}", refused.1);
}

#[test]
fn a_socket_nobody_would_serve_is_refused() {
    let program = Program::configured("");
    let address = free();
    let port = address.rsplit_once(':').unwrap().1.to_owned();
    let refused = knocked(&program, &address, "mail", &port);
    assert_eq!(refused.0, 2, "{}", refused.1);
    assert!(refused.1.contains("proxy, console, metrics"), "{}", refused.1);
}

/// Exit code of, and what is said by, a gateway that does not start when somebody knocks.
fn knocked(program: &Program, address: &str, name: &str, port: &str) -> (i32, String) {
    let mut command = program.activated_at(address, name);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    while TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}
