//! `env`: what a shell has to know, as `eval` takes it.

use super::ask::Context;
use super::output::{Done, print, print_json, text};
use crate::console::Call;
use serde_json::{Map, Value};

/// Programs read one spelling or the other.
const PROXY: [&str; 4] = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];
const DIRECT: [&str; 2] = ["no_proxy", "NO_PROXY"];
/// What stays in the house, as `/proxy.pac` has it. Where a program does not know networks, the addresses of this machine
/// still hold.
const HOUSE: &str = "localhost,.localhost,.local,.home.arpa,127.0.0.1,127.0.0.0/8,10.0.0.0/8,100.64.0.0/10,\
169.254.0.0/16,172.16.0.0/12,192.168.0.0/16,::1,fc00::/7,fe80::/10";
/// These take one file in place of the machine's roots: OpenSSL, curl, git, Python's requests and pip, cargo, AWS, Deno, gRPC.
const BUNDLE: [&str; 9] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "AWS_CA_BUNDLE",
    "DENO_CERT",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
];
/// Node adds a file to its own roots.
const EXTRA: &str = "NODE_EXTRA_CA_CERTS";

/// Prints them.
pub fn print_env(context: &Context) -> Done {
    let (ca, status) = (context.ask(Call::get("/ca"))?, context.ask(Call::get("/status"))?);
    let address = reachable(&text(&status, "proxy"));
    let proxy = match context.credential()? {
        Some((member, token)) => format!("http://{member}:{token}@{address}"),
        None => format!("http://{address}"),
    };
    let mut variables: Vec<(&str, String)> = PROXY.iter().map(|name| (*name, proxy.clone())).collect();
    variables.extend(DIRECT.map(|name| (name, HOUSE.to_owned())));
    variables.extend(BUNDLE.map(|name| (name, text(&ca, "bundle"))));
    variables.push((EXTRA, text(&ca, "file")));
    // Node reads the proxy variables only when told to.
    variables.push(("NODE_USE_ENV_PROXY", "1".to_owned()));
    if context.json {
        let map: Map<_, _> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        print_json(&Value::Object(map));
        return Ok(());
    }
    for (name, value) in variables {
        print(&format!("export {name}={}", quoted(&value)));
    }
    Ok(())
}

/// A gateway that listens everywhere is reached here over loopback.
fn reachable(address: &str) -> String {
    let Ok(socket) = address.parse::<std::net::SocketAddr>() else { return address.to_owned() };
    match socket.ip() {
        ip if !ip.is_unspecified() => address.to_owned(),
        std::net::IpAddr::V4(_) => format!("127.0.0.1:{}", socket.port()),
        std::net::IpAddr::V6(_) => format!("[::1]:{}", socket.port()),
    }
}

/// For any POSIX shell.
fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.:_-,@%+".contains(&byte);
    if value.bytes().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_folder_can_break_out_of_its_quotes() {
        assert_eq!(quoted("/a/b.pem"), "/a/b.pem");
        assert_eq!(quoted("/a b/$(x)'y"), r"'/a b/$(x)'\''y'");
    }

    #[test]
    fn an_address_that_means_everywhere_is_no_place_to_go() {
        assert_eq!(reachable("0.0.0.0:8118"), "127.0.0.1:8118");
        assert_eq!(reachable("[::]:8118"), "[::1]:8118");
        assert_eq!(reachable("192.168.1.2:8118"), "192.168.1.2:8118");
    }
}
