//! Server-sent events: each reaches the client before the next one is sent.

use crate::support::TestCa;
use crate::support::peer::{Peer, python};
use crate::support::scene::Scene;
use serde_json::json;

#[test]
fn each_event_arrives_before_the_next_is_sent() {
    for (version, spoken) in [("1.1", "HTTP/1.1"), ("2", "HTTP/2")] {
        let ca = TestCa::new();
        let (mut server, address) = Peer::serve(&mut python("events_server.py"), &ca, "news.test");
        let scene = Scene::set(&ca, &[("news.test", address)]);
        let client = &mut scene.around(python("httpx_client.py"));
        let mut client = Peer::start(client.args([version, "events", "https://news.test/feed"]));
        // The head does not wait for the first event either.
        assert_eq!(client.says(), json!({"status": 200, "version": spoken}));
        for event in ["one", "two", "a long one".repeat(5_000).as_str(), "bye"] {
            server.hears(event);
            assert_eq!(client.says(), json!({"event": format!("data: {event}")}));
        }
        assert!(client.ends().is_empty());
        assert_eq!(scene.close()["outcome"], "complete");
    }
}
