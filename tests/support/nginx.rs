//! A real vendor: Debian's nginx over TLS, with a log of its own.

use super::TestCa;
use serde_json::Value;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running nginx. Bodies it receives lie in files that its log names.
pub struct Nginx {
    /// Speaks HTTP/1.1 over TLS.
    pub http1: SocketAddr,
    /// Speaks HTTP/2 over TLS.
    pub http2: SocketAddr,
    dir: TempDir,
    process: Child,
}

/// One request as nginx logged it.
#[derive(Debug)]
pub struct Logged {
    /// The line, by nginx's variable names.
    pub fields: Value,
    /// The body it received, byte for byte.
    pub body: Vec<u8>,
}

impl Logged {
    /// One of nginx's variables.
    pub fn field(&self, name: &str) -> &str {
        self.fields[name].as_str().unwrap_or_default()
    }
}

impl Nginx {
    /// Starts one for `hosts` with certificates of `ca`, with `files` to serve.
    pub fn start(ca: &TestCa, hosts: &[&str], files: &[(&str, &[u8])]) -> Self {
        Self::start_with(ca, hosts, files, "")
    }

    /// Likewise, one that serves whoever shows a certificate of `ca`.
    pub fn wanting_certificates(ca: &TestCa, hosts: &[&str]) -> Self {
        Self::start_with(ca, hosts, &[], "ssl_verify_client on; ssl_client_certificate root.pem;")
    }

    fn start_with(ca: &TestCa, hosts: &[&str], files: &[(&str, &[u8])], lines: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        for folder in ["www", "bodies", "logs"] {
            fs::create_dir(at.join(folder)).unwrap();
        }
        for (name, bytes) in files {
            let file = at.join("www").join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
        }
        ca.write_certificate(at, hosts);
        fs::write(at.join("root.pem"), ca.pem()).unwrap();
        let [http1, http2, sink] = [(); 3].map(|()| free_address());
        fs::write(at.join("nginx.conf"), configuration(at, lines, [http1, http2, sink])).unwrap();
        let process = Command::new("/usr/sbin/nginx")
            .args(["-p", at.to_str().unwrap(), "-e", "logs/error.log", "-c", "nginx.conf"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx: tests/run installs it");
        for address in [http1, http2, sink] {
            wait_for(address, || fs::read_to_string(at.join("logs/error.log")).unwrap_or_default());
        }
        Self { http1, http2, dir, process }
    }

    /// The folder that repositories are served from, below `/git/`, once a [`Peer`](super::peer::Peer) serves them at
    /// [`Self::gateway_socket`].
    pub fn repositories(&self) -> PathBuf {
        self.dir.path().join("git")
    }

    /// Where it expects somebody who speaks FastCGI.
    pub fn gateway_socket(&self) -> PathBuf {
        self.dir.path().join("fcgi.sock")
    }

    /// Its log, oldest first. nginx writes a line when the answer is out; a reader may have to ask again.
    pub fn log(&self) -> Vec<Logged> {
        let text = fs::read_to_string(self.dir.path().join("logs/access.log")).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .map(|fields| {
                let file = fields["request_body_file"].as_str().unwrap_or_default();
                let body = if file.is_empty() { Vec::new() } else { fs::read(file).unwrap() };
                Logged { fields, body }
            })
            .collect()
    }

    /// The lines whose request-target begins with `start`, once there are `count`.
    pub fn requests(&self, start: &str, count: usize) -> Vec<Logged> {
        for _ in 0..200 {
            let mut log = self.log();
            log.retain(|line| line.field("request_uri").starts_with(start));
            if log.len() >= count {
                return log;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("nginx did not log {count} requests below {start}: {:?}", self.log());
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Another program may take the port before nginx does; the kernel hands out others first.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits until somebody listens at `address`; `why` tells what went wrong.
pub fn wait_for(address: SocketAddr, why: impl Fn() -> String) {
    for _ in 0..400 {
        if TcpStream::connect(address).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("nobody listens at {address}: {}", why());
}

fn configuration(at: &Path, lines: &str, [http1, http2, sink]: [SocketAddr; 3]) -> String {
    let at = at.display();
    format!(
        r#"
# Whoever it is started as: in a namespace of a test's own there is nobody else.
user root;
daemon off;
master_process off;
pid logs/nginx.pid;
events {{ worker_connections 512; }}
http {{
    log_format wire escape=json '{{"request_uri":"$request_uri","method":"$request_method","protocol":"$server_protocol",'
        '"host":"$host","gpc":"$http_sec_gpc","terms":"$http_personal_terms","cookie":"$http_cookie",'
        '"user_agent":"$http_user_agent","content_encoding":"$http_content_encoding","via":"$http_via",'
        '"request_body_file":"$request_body_file","status":"$status"}}';
    access_log logs/access.log wire;
    client_body_temp_path bodies;
    proxy_temp_path proxied;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_body_in_file_only on;
    client_max_body_size 200m;
    keepalive_requests 100000;
    ssl_certificate {at}/vendor.pem;
    ssl_certificate_key {at}/vendor.key;
    {lines}
    server {{
        listen {http1} ssl;
        listen {http2} ssl http2;
        root www;
        location /take/ {{ proxy_pass http://{sink}; proxy_pass_request_body off; proxy_set_header Content-Length ""; }}
        location /r/ {{ return 200 "ok\n"; }}
        location ~ ^/git(/.*)$ {{
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
            fastcgi_param GIT_PROJECT_ROOT {at}/git;
            fastcgi_param GIT_HTTP_EXPORT_ALL "";
            fastcgi_param GIT_PROTOCOL $http_git_protocol;
            fastcgi_param PATH_INFO $1;
            fastcgi_param REMOTE_USER somebody;
            fastcgi_pass unix:{at}/fcgi.sock;
        }}
    }}
    server {{
        listen {sink};
        access_log off;
        return 200 "taken\n";
    }}
}}
"#
    )
}
