//! Whoever signs in at a vendor by way of somebody else is told before it begins, or it does not.

use crate::support::client::request;
use crate::support::scene::Scene;
use crate::support::{Household, TestCa, Vendor};
use http::Method;
use serde_json::{Value, json};
use std::process::Command;

const PAGE: &[(&str, &str)] = &[
    ("accept", "text/html"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "cross-site"),
    ("referer", "https://shop.test/"),
];
const FRAME: &[(&str, &str)] =
    &[("sec-fetch-dest", "iframe"), ("sec-fetch-site", "cross-site"), ("referer", "https://shop.test/")];

fn authorize(scopes: &str) -> String {
    format!(
        "https://id.test/authorize?response_type=code&client_id=7&redirect_uri=https%3A%2F%2Fshop.test%2Fback&scope={scopes}"
    )
}

struct Street {
    home: Household,
    provider: Vendor,
}

impl Street {
    async fn with(config: &str) -> Self {
        let ca = TestCa::new();
        let provider = Vendor::https("id.test").start(&ca).await;
        let home = Household::trusting(&ca)
            .knowing(&provider)
            .config(config)
            .member("ann", &[("email.primary", "ann@home.example")])
            .member("ben", &[("email.primary", "ben@home.example")])
            .start()
            .await;
        Self { home, provider }
    }

    /// The status and text of what ann gets.
    async fn get(&self, url: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let reply = self.home.client().get_with(url, fields).await;
        (reply.status.as_u16(), reply.text())
    }

    async fn last(&self, kind: &str) -> Value {
        // What was not sent is not waited for.
        self.home.awaited(kind, 1).await.pop().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_time_is_told_and_what_is_new_again() {
    let street = Street::with("").await;
    let (status, told) = street.get(&authorize("openid+email"), PAGE).await;
    assert_eq!(status, 403);
    assert!(
        told.contains("shop.test wants id.test to sign you in, and asks it for: email, openid."),
        "{told}"
    );
    assert!(street.provider.received().is_empty());
    let refused = street.last("refused").await;
    assert!(refused["reason"].as_str().unwrap().starts_with("shop.test wants id.test to sign you in"));

    assert_eq!(street.get(&authorize("openid+email"), PAGE).await.0, 200);
    let open = street.last("open").await.to_string();
    assert!(
        open.contains("federated login: id.test signs you in at shop.test and is asked for email, openid"),
        "{open}"
    );
    // The provider's own next steps, and less than was told.
    assert_eq!(street.get(&authorize("openid"), PAGE).await.0, 200);
    let (status, told) = street.get(&authorize("openid+contacts"), PAGE).await;
    assert!(status == 403 && told.contains("contacts, openid"), "{status} {told}");
    assert_eq!(street.get(&authorize("openid+contacts"), PAGE).await.0, 200);
    // Each member for themselves.
    let ben = street.home.client_of("ben");
    assert_eq!(ben.get_with(&authorize("openid"), PAGE).await.status.as_u16(), 403);
    // Whoever was told is not told again by another start.
    let Street { home, provider } = street;
    let street = Street { home: home.dies().await, provider };
    assert_eq!(street.get(&authorize("openid+email+contacts"), PAGE).await.0, 200);
    assert!(!street.home.export().await.iter().any(|record| record.to_string().contains("ann@")));
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_wait_for_a_page_and_programs_go_on() {
    let street = Street::with("").await;
    let script: &[_] =
        &[("sec-fetch-dest", "empty"), ("sec-fetch-mode", "no-cors"), ("referer", "https://shop.test/")];
    for fields in [FRAME, FRAME, script, script] {
        let (status, told) = street.get(&authorize("openid"), fields).await;
        assert!(status == 403 && told.contains("in a page of its own"), "{status} {told}");
    }
    let posted = street.home.client().send(request(Method::POST, &authorize("forms"), PAGE, "")).await;
    assert_eq!(posted.status.as_u16(), 403, "a page that is asked for with a form is one");
    let explained = street.home.explain("GET", &authorize("openid"), PAGE, "").await;
    assert_eq!(explained["verdict"], "refused");
    assert_eq!(street.get(&authorize("openid"), PAGE).await.0, 403, "nothing was told by an explanation");
    assert_eq!(street.get(&authorize("openid"), FRAME).await.0, 200);
    let explained = street.home.explain("GET", &authorize("openid"), PAGE, "").await;
    assert_eq!(explained["verdict"], "changed", "but for its referrer it passes");

    assert_eq!(street.get(&authorize("files"), &[]).await.0, 200);
    let open = street.last("open").await.to_string();
    assert!(open.contains("is asked for files"), "{open}");
    // Whoever asks is known by the page where nothing else says so, and not at all otherwise.
    let pushed = "https://id.test/as?client_id=7&request_uri=urn%3Ax";
    let (status, told) = street.get(pushed, &[("referer", "https://other.test/")]).await;
    assert_eq!((status, told.contains("other.test")), (200, false));
    assert!(street.last("open").await.to_string().contains("signs you in at other.test"));
    assert_eq!(street.get(pushed, &PAGE[..4]).await.0, 200);
    assert!(!street.last("open").await.to_string().contains("federated login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_signs_people_in_itself_is_nobody_else() {
    let street = Street::with("[vendor.shop]\nhosts = [\"shop.test\", \"id.test\"]").await;
    assert_eq!(street.get(&authorize("openid"), PAGE).await.0, 200);
    assert!(!street.last("open").await.to_string().contains("federated login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_for_all_or_for_one() {
    let everywhere = "[identity]\nfederated_login = \"block\"\n";
    let here = "[vendor.shop]\nhosts = [\"shop.test\"]\nfederated_login = ";
    for (config, want) in [
        (everywhere.to_owned(), [403, 403]),
        (format!("{here}\"block\""), [403, 403]),
        (format!("{everywhere}{here}\"allow\""), [403, 200]),
    ] {
        let street = Street::with(&config).await;
        for want in want {
            assert_eq!(street.get(&authorize("openid"), PAGE).await.0, want, "{config}");
        }
        if want == [403, 403] {
            assert!(street.provider.received().is_empty());
            assert_eq!(street.get(&authorize("openid"), &[]).await.0, 403, "programs too: {config}");
            let reason = street.last("refused").await["reason"].to_string();
            assert!(reason.contains("by way of somebody else is blocked"), "{reason}");
        }
    }
}

#[test]
fn the_vendors_page_says_by_way_of_whom() {
    let ca = TestCa::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let provider = runtime.block_on(Vendor::https("id.test").start(&ca));
    let scene = Scene::set(&ca, &[("id.test", provider.address)]);
    let sign_in = || {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]);
        for (name, value) in PAGE {
            curl.args(["--header", &format!("{name}: {value}")]);
        }
        let output = scene.around(curl).arg(authorize("openid+email")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!([sign_in(), sign_in()], ["403", "200"]);
    let shown = scene.home.ok(&["--json", "vendor", "show", "shop.test"]).json();
    let row = &shown["sign_ins"][0];
    assert_eq!((&row["provider"], &row["scopes"]), (&json!("id.test"), &json!(["email", "openid"])));
    assert!(row["asked"].as_str() <= row["went"].as_str(), "{row}");
    let shown = scene.home.ok(&["vendor", "show", "shop.test"]).out;
    assert!(
        shown.contains("signs in    by way of id.test (seen here), which is asked for email openid"),
        "{shown}"
    );
    let refused = scene.home.run(&["vendor", "set", "shop.test", "federated_login=perhaps"]);
    assert!(refused.code == 2 && refused.err.contains("allow or block"), "{refused:?}");
    let shown = scene.home.ok(&["vendor", "set", "shop.test", "federated_login=block"]).out;
    assert!(shown.contains("by way of nobody"), "{shown}");
    assert_eq!(sign_in(), "403");
    scene.home.ok(&["vendor", "set", "shop.test", "federated_login="]);
    assert_eq!(sign_in(), "200");
}
