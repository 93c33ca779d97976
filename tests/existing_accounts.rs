//! Accounts that exist already stay as they are: who logs in somewhere, or had a session before the gateway came, goes on
//! under what is real; who signs up gets an alias.

use crate::support::client::request;
use crate::support::{Household, TestCa, Vendor};
use http::Method;
use serde_json::Value;

const FORM: &str = "application/x-www-form-urlencoded";
const REAL: &str = "ann%40home.example";

struct Scene {
    home: Household,
    shop: Vendor,
}

impl Scene {
    async fn with(config: &str) -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test").start(&ca).await;
        let home = Household::trusting(&ca)
            .knowing(&shop)
            .member("ann", &[("email.primary", "ann@home.example"), ("username", "annreal77")])
            .config(&format!("[identity]\ndomain = \"alias.example\"\n{config}"))
            .start()
            .await;
        Self { home, shop }
    }

    /// Posts a form; gives what the vendor got.
    async fn post(&self, path: &str, cookie: Option<&str>, body: &str) -> String {
        let mut fields = vec![("content-type", FORM)];
        fields.extend(cookie.map(|cookie| ("cookie", cookie)));
        let url = format!("https://shop.test{path}");
        let reply = self.home.client().send(request(Method::POST, &url, &fields, body.to_owned())).await;
        assert_eq!(reply.status, 200);
        self.shop.last().text()
    }

    async fn last_edit(&self) -> Value {
        let open = self.home.of_kind("open").await.pop().unwrap();
        let mut edits = open["edits"].as_array().unwrap().iter();
        edits.rfind(|edit| edit["slot"].is_string()).unwrap().clone()
    }
}

fn is_alias(body: &str) -> bool {
    body.contains("%40alias.example") && !body.contains(REAL)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_goes_out_as_typed_and_stays_so() {
    let scene = Scene::with("").await;
    let login = format!("email={REAL}&password=secret");
    assert_eq!(scene.post("/login", None, &login).await, login);
    let edit = scene.last_edit().await;
    assert_eq!((&edit["action"], &edit["rule"]), (&"would-have".into(), &"adopted".into()));
    assert!(edit["reason"].as_str().unwrap().contains("has an account under your real email"), "{edit}");
    // From here on the vendor knows her, on every page.
    assert_eq!(scene.post("/profile", None, &format!("mail={REAL}")).await, format!("mail={REAL}"));
    let issue = scene.home.of_kind("issue").await.pop().unwrap();
    assert_eq!(
        (&issue["how"], &issue["value"]),
        (&"adopted".into(), &"…".into()),
        "and the log does not say it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_gets_an_alias_and_so_does_the_login_after_it() {
    let scene = Scene::with("").await;
    let signed_up = scene.post("/signup", None, &format!("email={REAL}&password=x&confirm=x")).await;
    assert!(is_alias(&signed_up), "{signed_up}");
    let login = scene.post("/login", Some("sid=1"), &format!("email={REAL}&password=x")).await;
    assert!(is_alias(&login), "{login}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_from_before_the_gateway_is_an_account() {
    let scene = Scene::with("").await;
    scene.home.client().get_with("https://shop.test/", &[("cookie", "sid=1")]).await;
    let order = format!("mail={REAL}&user=annreal77");
    assert_eq!(scene.post("/order", Some("sid=1"), &order).await, order);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_of_a_later_visit_are_none() {
    let scene = Scene::with("").await;
    scene.home.client().get("https://shop.test/").await;
    let order = scene.post("/order", Some("consent=1"), &format!("mail={REAL}")).await;
    assert!(is_alias(&order), "{order}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_moves_it() {
    let scene = Scene::with("").await;
    let login = format!("email={REAL}&password=secret");
    assert_eq!(scene.post("/login", Some("sid=1"), &login).await, login);
    scene.home.house.reset(scene.home.id("ann"), &"shop.test".into()).await.unwrap();
    let again = scene.post("/login", Some("sid=1"), &login).await;
    assert!(is_alias(&again), "a new identity is not the old account's: {again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_obeyed() {
    for config in [
        "first = \"pseudonym\"",
        "[vendor.shop]\nhosts = [\"shop.test\"]\nlevel = \"alias\"",
        "[vendor.shop]\nhosts = [\"shop.test\"]\nidentity = { email = \"pseudonym\" }",
    ] {
        let scene = Scene::with(config).await;
        let login = scene.post("/login", Some("sid=1"), &format!("email={REAL}&password=secret")).await;
        assert!(is_alias(&login), "{config}: {login}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_the_same_and_learns_nothing() {
    let scene = Scene::with("").await;
    let login = format!("email={REAL}&password=secret");
    let fields = [("content-type", FORM)];
    let told = scene.home.explain("POST", "https://shop.test/login", &fields, &login).await;
    assert_eq!(told["body_after"], login.as_str());
    let told = scene.home.explain("POST", "https://shop.test/signup", &fields, &login).await;
    assert!(is_alias(told["body_after"].as_str().unwrap()), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_over_a_restart() {
    let scene = Scene::with("").await;
    scene.home.client().get_with("https://shop.test/", &[("cookie", "sid=1")]).await;
    let login = format!("mail={REAL}");
    let home = scene.home.pauses().await.start().await;
    let reply = home
        .client()
        .send(request(Method::POST, "https://shop.test/order", &[("content-type", FORM)], login.clone()))
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(scene.shop.last().text(), login);
}
