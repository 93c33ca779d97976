//! What was revealed does not come back out.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// At `other`, Ann's address goes as it is.
const OPEN: &str = "[vendor.other]\nhosts = [\"other.test\"]\nlevel = \"known\"\n";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_nowhere_as_it_is_by_the_hand_of_a_program_and_nowhere_in_disguise() {
    let stage = Stage::with(&format!("{CONFIG}{OPEN}")).await;
    let (ann, device) = (stage.home.agent_of("ann"), stage.home.client_of("ann"));
    let plain = json!({ "to": REAL }).to_string();
    let theirs = "https://other.test/in";
    let send = async |client: &Client, url: &str, body: &str| {
        client.post(url, JSON, body.to_owned()).await.status.as_u16()
    };
    assert_eq!(send(&ann, theirs, &plain).await, 200, "before anything was revealed");
    stage.known.lock().unwrap().clear();
    put(&ann, ME, &json!({ "user": { "email": REAL } })).await;
    assert_eq!(email(&ann.get(ME).await), REAL);

    let coded = STANDARD.encode(format!("to={REAL}"));
    let disguised = [
        json!({ "x": coded }).to_string(),
        json!({ "x": hex(REAL.as_bytes()) }).to_string(),
        json!({ "x": hex(&Sha256::digest(REAL)) }).to_string(),
    ];
    let before = (stage.shop.received().len(), stage.other.received().len());
    assert_eq!(send(&ann, theirs, &plain).await, 403);
    for body in &disguised {
        for (client, url) in [(&ann, theirs), (&ann, ME), (&device, ME)] {
            assert_eq!(send(client, url, body).await, 403, "{body}");
        }
        let reply = ann.get(&format!("https://other.test/?x={}", coded.replace('=', "%3D"))).await;
        assert_eq!(reply.status, 403);
    }
    // In a body that flows, too.
    let long = json!({ "pad": "x".repeat(80 << 10), "x": coded }).to_string();
    assert_ne!(send(&ann, theirs, &long).await, 200);
    assert_eq!(stage.shop.received().len(), before.0);
    let refused = stage.home.of_kind("refused").await;
    assert!(refused.iter().all(|record| {
        record["reason"].as_str().unwrap().contains("was shown to a program of yours a short while ago")
    }));

    // What policy says holds for people; what becomes the alias may go, and so may a login.
    for body in disguised.iter().chain([&plain]) {
        assert_eq!(send(&device, theirs, body).await, 200);
    }
    assert_eq!(send(&ann, ME, &plain).await, 200);
    assert_eq!(stage.shop.last().text(), json!({ "to": stage.alias() }).to_string());
    let login = format!("Basic {}", STANDARD.encode(format!("{REAL}:token")));
    assert_eq!(ann.get_with(ME, &[("authorization", &login)]).await.status, 200);
    let want = format!("Basic {}", STANDARD.encode(format!("{}:token", stage.alias())));
    assert_eq!(stage.shop.last().header("authorization"), [want]);

    stage.clock.minutes(11);
    assert_eq!(send(&ann, theirs, &plain).await, 200, "after ten minutes");
}
