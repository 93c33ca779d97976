//! A device that asks whether it is behind a captive portal gets the true answer, and its question is not touched.

use crate::support::client::request;
use crate::support::{Household, TestCa, Vendor};
use http::Method;

const PORTAL: &str =
    "HTTP/1.1 302 Found\r\nLocation: http://portal.test/sign-in?utm_source=wifi\r\nContent-Length: 0\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_question_goes_as_it_is_and_so_does_the_answer() {
    let ca = TestCa::new();
    let portal = Vendor::http("detectportal.firefox.com").route("/success.txt", PORTAL).start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&portal)
        .member("ann", &[("email.primary", "ann@home.example")])
        .config("[trackers]\nlists = [\"mine.txt\"]")
        .file("mine.txt", "||detectportal.firefox.com^\n")
        .start()
        .await;
    let url = "http://detectportal.firefox.com/success.txt?ipv4&utm_source=x";
    let reply = home.client().send(request(Method::GET, url, &[("cache-control", "no-cache")], "")).await;
    assert_eq!(reply.status, 302);
    assert_eq!(reply.header("location"), Some("http://portal.test/sign-in?utm_source=wifi"));
    let got = portal.only();
    assert_eq!(got.target(), "/success.txt?ipv4&utm_source=x");
    let names: Vec<_> = got.headers().into_iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(names, ["host", "cache-control"], "nothing is put in");
    let open = home.of_kind("open").await.pop().unwrap();
    assert_eq!(open["edits"].as_array().unwrap().len(), 0);
    assert_eq!(open["notes"][0], "not inspected: builtin/portals");
    // Any other request to that host is one like others.
    assert_eq!(home.client().get("http://detectportal.firefox.com/x").await.status, 204, "on the list");
}
