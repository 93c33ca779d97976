//! WebSockets of Python's `websockets` and Node's `ws`, each as client and as server.

use crate::support::TestCa;
use crate::support::peer::{Peer, node, python};
use crate::support::scene::Scene;
use serde_json::{Value, json};
use std::process::Command;

/// What starts a client, and what starts a server.
const CLIENTS: [fn() -> Command; 2] = [|| python("websocket_client.py"), || node("websocket_client.js")];

struct Chats {
    scene: Scene,
    servers: Vec<(&'static str, Peer)>,
}

impl Chats {
    fn open(protecting: bool) -> Self {
        let ca = TestCa::new();
        let mut servers = Vec::new();
        let mut hosts = Vec::new();
        for (host, mut command) in [
            ("python.chat.test", python("websocket_server.py")),
            ("node.chat.test", node("websocket_server.js")),
        ] {
            let (server, address) = Peer::serve(&mut command, &ca, host);
            servers.push((host, server));
            hosts.push((host, address));
        }
        let scene = if protecting { Scene::set(&ca, &hosts) } else { Scene::without_values(&ca, &hosts) };
        Self { scene, servers }
    }
}

fn visit(scene: &Scene, client: Command, host: &str, path: &str) -> Vec<Value> {
    Peer::start(scene.around(client).arg(format!("wss://{host}{path}"))).ends()
}

fn text(said: &Value) -> &str {
    said["text"].as_str().unwrap_or_else(|| panic!("no text: {said}"))
}

#[test]
fn each_hears_the_other_and_servers_hear_the_alias() {
    let Chats { scene, mut servers } = Chats::open(true);
    let mut aliases = Vec::new();
    for (host, server) in &mut servers {
        for client in CLIENTS {
            let back = visit(&scene, client(), host, "/room");
            assert_eq!(server.says(), json!({"path": "/room", "extensions": []}), "{host}");
            let (whole, pieces) = (server.says(), server.says());
            let alias =
                text(&whole).strip_prefix(r#"{"mail":""#).unwrap().strip_suffix(r#"","n":1}"#).unwrap();
            assert!(alias.ends_with("@alias.example"), "{alias}");
            assert_eq!(text(&pieces), format!("in pieces: {alias}!"));
            assert_eq!(text(&server.says()), "grüße ".repeat(20_000));
            assert_eq!(server.says(), json!({"binary": 256_000}));
            assert_eq!(server.says(), json!({"text": ""}));
            let closed = json!({"closed": 4001, "reason": "enough"});
            assert_eq!(server.says(), closed, "{host}");
            aliases.push(alias.to_owned());
            assert_eq!(back, [json!({"extensions": []}), whole, pieces, closed], "{host}");
        }
    }
    aliases.dedup();
    assert_eq!(aliases.len(), 1, "one vendor knows one alias: {aliases:?}");
    let closes = scene.closed(4).into_iter().filter(|record| record["kind"] == "close");
    assert!(closes.into_iter().all(|close| close["outcome"] == "complete" && close["status"] == 101));
}

#[test]
fn the_server_may_end_it_and_the_client_hears_why() {
    let Chats { scene, mut servers } = Chats::open(true);
    for (host, _) in &mut servers {
        for client in CLIENTS {
            let back = visit(&scene, client(), host, "/bye");
            assert_eq!(back.last().unwrap(), &json!({"closed": 4002, "reason": "later"}), "{host}");
        }
    }
}

#[test]
fn where_nothing_is_protected_they_agree_on_compression_and_understand_each_other() {
    let Chats { scene, mut servers } = Chats::open(false);
    for (host, server) in &mut servers {
        for client in CLIENTS {
            let back = visit(&scene, client(), host, "/room");
            let extensions = json!(["permessage-deflate"]);
            assert_eq!(server.says()["extensions"], extensions, "{host}");
            assert_eq!(text(&server.says()), r#"{"mail":"ann@home.example","n":1}"#);
            assert_eq!(back[0]["extensions"], extensions, "{host}");
            assert_eq!(back.last().unwrap()["closed"], 4001, "{host}");
            while server.says().get("closed").is_none() {}
        }
    }
}
