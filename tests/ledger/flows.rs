//! Each flow has exactly one end, whoever leaves when; a guest's has no name.

use super::find;
use crate::support::vendor::response;
use crate::support::{Household, Scripted, TestCa, Vendor};
use doorward::exchange::{Flow, Who};
use doorward::model::record::{Event, TermsRecord};
use doorward::model::{Outcome, Party};
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A small generator, so that a failure can be run again.
struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// The kinds of each flow's records, in order.
fn by_flow(records: &[Value]) -> HashMap<String, Vec<String>> {
    let mut flows: HashMap<String, Vec<String>> = HashMap::new();
    for record in records {
        if let Some(flow) = record["flow"].as_str() {
            flows.entry(flow.to_owned()).or_default().push(record["kind"].as_str().unwrap().to_owned());
        }
    }
    flows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_that_leave_at_random_points_leave_one_end_for_each_flow() {
    let ca = TestCa::new();
    let large = response("200 OK", &[("Content-Type", "text/plain")], &[b'x'; 300_000]);
    let (now, later) = large.split_at(200_000);
    let shop = Vendor::https("shop.test")
        .route("/large", large.clone())
        .held_route("/slow", now, later)
        .start(&ca)
        .await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let clients: Vec<_> = (0..64)
        .map(|number| {
            let client = home.client();
            tokio::spawn(async move {
                let mut rng = Rng(number);
                for _ in 0..4 {
                    let path = ["/", "/large", "/slow"][rng.below(3) as usize];
                    let body = "y".repeat(rng.below(2) as usize * 50_000);
                    let request = format!(
                        "POST {path} HTTP/1.1\r\nHost: shop.test\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    let Ok(mut stream) = client.tunnel("shop.test", "shop.test").await else { continue };
                    let whole = rng.below(2) == 0;
                    let part = if whole { request.len() } else { rng.below(request.len() as u64) as usize };
                    let _ = stream.write_all(&request.as_bytes()[..part]).await;
                    if rng.below(2) == 0 {
                        tokio::time::sleep(Duration::from_millis(rng.below(20))).await;
                    }
                    let mut some = vec![0; rng.below(250_000) as usize];
                    let reading = stream.read_exact(&mut some);
                    let _ = tokio::time::timeout(Duration::from_millis(rng.below(100)), reading).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let records = home.records().await;
    let flows = by_flow(&records);
    for (flow, kinds) in &flows {
        let whole = kinds.as_slice() == ["open", "close"] || kinds.as_slice() == ["refused"];
        assert!(whole, "{flow}: {kinds:?}");
    }
    let opened = find(&records, "open", "shop.test").len();
    // A request is only known to have arrived once the vendor has it all; one that broke off has an OPEN alone.
    assert!(shop.received().len() <= opened, "{} of {opened}", shop.received().len());
    assert!(opened > 64, "{opened}");
    let report = home.verify_stopped().await;
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.opened, report.unended), (opened as u64, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_counted_and_never_named() {
    let ca = TestCa::new();
    let home = Household::trusting(&ca).start().await;
    let rooms = home.house.rooms();
    let generation = rooms.generation.load_full();
    let guest = Who::guest();
    let mut sent = Flow::begin(rooms, &generation, &guest).await.unwrap();
    sent.concerns(Some("hidden".into()), "hidden.test".to_owned());
    let opening = Event::Open {
        flow: sent.id(),
        device: Some("hidden".to_owned()),
        host: "hidden.test".to_owned(),
        party: Party::First,
        source: "user".to_owned(),
        method: "GET".to_owned(),
        url: "http://hidden.test/path".to_owned(),
        terms: TermsRecord::default(),
        edits: Vec::new(),
        notes: Vec::new(),
    };
    sent.open(Vec::new(), opening).await.unwrap();
    sent.tally().sent(7);
    sent.close(Outcome::Complete);
    let mut turned_away = Flow::begin(rooms, &generation, &guest).await.unwrap();
    turned_away.concerns(Some("hidden".into()), "hidden.test".to_owned());
    turned_away.fail(&doorward::exchange::ExchangeError::Port);
    let records = home.records().await;
    assert!(records.iter().all(|record| !record.to_string().contains("hidden")), "{records:?}");
    let tunnel = records.iter().find(|record| record["kind"] == "tunnel").unwrap();
    assert_eq!(
        (&tunnel["reason"], &tunnel["host"], &tunnel["vendor"]),
        (&"guest".into(), &Value::Null, &Value::Null)
    );
    assert_eq!(super::end_of(&records, tunnel)["sent"], 7);
    assert_eq!(records.iter().filter(|record| record["kind"] == "refused").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_outlasts_its_answer_is_in_the_record_to_its_end() {
    let ca = TestCa::new();
    let early = response("200 OK", &[], b"ok");
    let vendor = Scripted::start("early.test", &ca, vec![vec![early]]).await;
    let home = Household::trusting(&ca)
        .host("early.test", vendor.address)
        .member("ann", &[("email.primary", "ann@home.example")])
        .start()
        .await;
    let mut tls = home.client().tunnel("early.test", "early.test").await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: early.test\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    tls.write_all(format!("{head}6\r\nhello \r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok") {
        answer.push(tls.read_u8().await.unwrap());
    }
    // Long enough for a flow that ends with its answer to have ended.
    super::a_while().await;
    tls.write_all(b"11\r\nann@home.example.\r\n0\r\n\r\n").await.unwrap();
    let records = home.records().await;
    let close = records.iter().find(|record| record["kind"] == "close").unwrap();
    assert_eq!(close["outcome"], "complete");
    assert_eq!(close["edits"].as_array().unwrap().len(), 1, "{close}");
    assert!(close["sent"].as_u64().unwrap() > "hello @.".len() as u64, "{close}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_counts_are_kept_no_record_names_a_host() {
    let ca = TestCa::new();
    let named = Vendor::https("hidden-shop.test").start(&ca).await;
    let unread = Vendor::https("hidden-bank.test").start(&ca).await;
    let never = Vendor::https("hidden-clinic.test").start(&ca).await;
    let lines = "profile = \"organisation\"\n[intercept]\nnever = [\"hidden-clinic.test\"]\n\
                 [vendor.hidden]\nhosts = [\"hidden-shop.test\", \"hidden-clinic.test\"]";
    let home = Household::trusting(&ca)
        .knowing(&named)
        .knowing(&unread)
        .knowing(&never)
        .member("ann", &[])
        .config(lines)
        .start()
        .await;
    let client = home.client();
    assert_eq!(client.get("https://hidden-shop.test/hidden").await.text(), "ok");
    for host in ["hidden-bank.test", "hidden-clinic.test"] {
        assert_eq!(client.clone().trusting(ca.root()).get(&format!("https://{host}/")).await.text(), "ok");
    }
    // Refused: a port, a tracker host, an address, a certificate that is not accepted.
    for authority in ["hidden-port.test:22", "google-analytics.com:443", "10.0.0.1:443"] {
        assert_eq!(client.connect(authority).await.0, 403, "{authority}");
    }
    assert!(client.clone().trusting(ca.root()).tunnel("hidden-shop.test", "hidden-shop.test").await.is_err());
    home.awaited("refused", 4).await;
    let records = home.records().await;
    for name in ["hidden", "google-analytics", "10.0.0.1"] {
        assert!(records.iter().all(|record| !record.to_string().contains(name)), "{name}: {records:#?}");
    }
    let count = |kind: &str| records.iter().filter(|record| record["kind"] == kind).count();
    assert_eq!((count("open"), count("tunnel"), count("close")), (1, 2, 3));
}
