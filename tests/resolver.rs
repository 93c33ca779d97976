//! A DNS filter of the house answers `0.0.0.0` or `::` for what it blocks: that is a block, not a failure, and nothing was
//! sent.

use crate::support::client::request;
use crate::support::resolver::resolving;
use crate::support::{Household, TestCa};
use http::Method;
use serde_json::Value;

async fn house(config: &str) -> Household {
    let answers = resolving(&[("ads.test", &["0.0.0.0"]), ("ads6.test", &["::"])]);
    Household::trusting(&TestCa::new()).member("ann", &[]).config(config).seams(answers).start().await
}

/// Every record but those of the gateway's own life.
async fn flows(home: &Household) -> Vec<Value> {
    let records = home.records().await;
    let is_flow = |record: &Value| {
        matches!(record["kind"].as_str(), Some("open" | "close" | "blocked" | "refused" | "tunnel"))
    };
    records.into_iter().filter(is_flow).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_resolver_blocks_is_answered_here_and_recorded_once() {
    let home = house("").await;
    let kind = |dest: &'static str| [("sec-fetch-dest", dest), ("sec-fetch-site", "cross-site")];
    for (url, dest, status, content) in [
        ("https://ads.test/p.gif?x=1", "image", 200, Some("image/gif")),
        ("https://ads6.test/t.js", "script", 200, Some("text/javascript")),
        ("https://ads.test/c", "empty", 204, None),
        ("http://ads.test/plain", "empty", 204, None),
    ] {
        let reply = home.client().send(request(Method::GET, url, &kind(dest), "")).await;
        assert_eq!(reply.status, status, "{url}");
        let got = reply.header("content-type").map(|kind| kind.split(';').next().unwrap().to_owned());
        assert_eq!(got.as_deref(), content, "{url}");
    }
    let page = home
        .client()
        .get_with("https://ads.test/", &[("sec-fetch-dest", "document"), ("accept", "text/html")])
        .await;
    assert!(
        page.text().contains("the house&#39;s resolver blocks this name")
            || page.text().contains("the house's resolver blocks this name"),
        "{}",
        page.text()
    );
    home.awaited("blocked", 5).await;
    for record in flows(&home).await {
        let told = [&record["kind"], &record["verdict"], &record["rule"], &record["reason"]];
        assert_eq!(
            told,
            ["blocked", "blocked", "resolver", "the house's resolver blocks this name"],
            "{record}"
        );
        assert_eq!(record["member"], "ann");
    }
    assert_eq!(flows(&home).await.len(), 5, "one each");
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_is_a_tunnel_opened() {
    let home = house("[intercept]\nnever = [\"ads.test\"]\n").await;
    let (status, answer, _) = home.client().connect("ads.test:443").await;
    assert_eq!(status, 403, "{answer}");
    assert!(answer.contains("destination_ip_prohibited"), "{answer}");
    let blocked = home.awaited("blocked", 1).await.pop().unwrap();
    assert_eq!((&blocked["rule"], &blocked["host"]), (&"resolver".into(), &"ads.test".into()));
    assert_eq!(flows(&home).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_exist_is_a_failure() {
    let home = house("").await;
    let reply = home.client().get("https://nothing.test/").await;
    assert_eq!(reply.status, 502);
    let refused = home.awaited("refused", 1).await.pop().unwrap();
    let told = [&refused["code"], &refused["host"], &refused["vendor"]];
    assert_eq!(told, ["dns_error", "nothing.test", "nothing.test"], "{refused}");
    assert_eq!(flows(&home).await.len(), 1, "nothing was sent");
}
