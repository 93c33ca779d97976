//! gRPC between grpcio and grpcio: every kind of call, in both directions at once, and how each of them ends.

use crate::support::TestCa;
use crate::support::peer::{Peer, python};
use crate::support::scene::Scene;
use serde_json::json;

struct Shop {
    scene: Scene,
    server: Peer,
}

impl Shop {
    fn open() -> Self {
        let ca = TestCa::new();
        let (server, address) = Peer::serve(&mut python("grpc_server.py"), &ca, "grpc.shop.test");
        let scene = Scene::set(&ca, &[("grpc.shop.test", address)]);
        Self { scene, server }
    }

    /// A client that makes these calls.
    fn client(&self, calls: &[&str]) -> Peer {
        Peer::start(self.scene.around(python("grpc_client.py")).args(calls))
    }
}

#[test]
fn a_call_is_answered_and_only_the_address_beside_it_is_another() {
    let mut shop = Shop::open();
    let said = shop.client(&["one"]).ends();
    assert_eq!(said, [json!({"code": "OK", "trailers": [["x-count", 1], ["x-data-bin", 2]]})]);
    let heard = shop.server.says();
    assert_eq!((&heard["call"], &heard["length"]), (&json!("one"), &json!(9000)));
    assert_eq!(heard["fields"]["sec-gpc"], "1");
    let mail = heard["fields"]["x-mail"].as_str().unwrap();
    assert!(mail.ends_with("@alias.example"), "{mail}");
    let records = shop.scene.closed(1);
    let of = |kind: &str| records.iter().find(|record| record["kind"] == kind).unwrap();
    let (open, close) = (of("open"), of("close"));
    assert_eq!(open["notes"], json!(["could not inspect: the body is not text"]));
    assert_eq!((&close["status"], &close["outcome"]), (&json!(200), &json!("complete")));
}

#[test]
fn messages_stream_down_and_up_past_every_window() {
    let mut shop = Shop::open();
    let said = shop.client(&["down", "up"]).ends();
    assert_eq!(said, [json!({"code": "OK"}), json!({"code": "OK", "answer": "20000000"})]);
    assert_eq!(shop.server.says(), json!({"call": "down", "length": 4}));
    assert_eq!(shop.server.says(), json!({"call": "up", "length": 20_000_000}));
    let records = shop.scene.closed(2);
    assert!(records.iter().all(|record| record["kind"] != "close" || record["outcome"] == "complete"));
}

#[test]
fn both_sides_speak_in_turn_on_one_open_call() {
    let mut shop = Shop::open();
    let said = shop.client(&["both"]).ends();
    assert_eq!(said, [json!({"room": "open"}), json!({"code": "OK"})]);
    assert_eq!(shop.server.says(), json!({"call": "both", "ended": true}));
    assert_eq!(shop.scene.close()["outcome"], "complete");
}

#[test]
fn a_call_that_fails_says_why() {
    let shop = Shop::open();
    let said = shop.client(&["refuse", "fail", "missing"]).ends();
    let details = "not on a Sunday: 100 % closed, grüße";
    assert_eq!(
        said,
        [
            json!({"code": "FAILED_PRECONDITION", "details": details, "why": "closed today"}),
            json!({"code": "DATA_LOSS", "details": "half of it is gone", "why": null}),
            json!({"code": "UNIMPLEMENTED"}),
        ]
    );
}

#[test]
fn a_vendor_hears_when_the_caller_has_had_enough() {
    let mut shop = Shop::open();
    assert_eq!(shop.client(&["deadline"]).ends(), [json!({"code": "DEADLINE_EXCEEDED"})]);
    for word in ["begun", "ended"] {
        assert_eq!(shop.server.says(), json!({"call": "hang", word: true}));
    }
    let mut client = shop.client(&["cancel"]);
    assert_eq!(shop.server.says()["begun"], true);
    client.hears("break it off");
    assert_eq!(client.says(), json!({"code": "CANCELLED"}));
    assert_eq!(shop.server.says()["ended"], true);
    let records = shop.scene.closed(2);
    assert!(records.iter().all(|record| record["kind"] != "close" || record["outcome"] == "cut-by-client"));
}
