//! What is said to vendors about terms, to whom and how often, and what becomes of their answers.

use crate::support::vendor::response;
use crate::support::{Household, TestCa, Vendor};
use doorward::model::MemberKind;
use serde_json::Value;
use sfv::{Dictionary, ListEntry, Parser};

const ANN: &[(&str, &str)] = &[("email.primary", "ann@home.example")];
const CHOICE: &str = "[identity]\ndomain = \"alias.example\"\n[terms]\noffer = [\"SD-BASE\", \"SD-BASE-DP\"]\n\
    [member.ann]\nterms = [\"SD-BASE\", \"SD-BASE-DP\"]";
const BOTH: &str = "terms = [\"SD-BASE\", \"SD-BASE-DP\"]";
const KNOWN: &str = "[vendor.shop]\nhosts = [\"shop.test\"]";

async fn household(ca: &TestCa, vendors: &[&Vendor], config: &str) -> Household {
    let knowing = vendors.iter().fold(Household::trusting(ca), |home, vendor| home.knowing(vendor));
    knowing.member("ann", ANN).config(config).start().await
}

/// The ids of an offer, by a parser that is not ours.
fn offered(lines: &[String]) -> Option<Vec<String>> {
    let [line] = lines else {
        assert!(lines.is_empty(), "more than one line: {lines:?}");
        return None;
    };
    let dictionary: Dictionary = Parser::new(line).parse().expect("an RFC 9651 dictionary");
    assert_eq!(dictionary.len(), 1);
    let Some(ListEntry::InnerList(list)) = dictionary.get("offer") else { panic!("{line}") };
    let token = |item: &sfv::Item| item.bare_item.as_token().expect("a token").as_str().to_owned();
    Some(list.items.iter().map(token).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signal_stands_once_on_every_request_however_the_client_says_it() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = household(&ca, &[&shop], "").await;
    let pixel = [("sec-fetch-dest", "image"), ("referer", "https://other.test/")];
    for client in [home.client(), home.client().http2()] {
        for own in [
            &[][..],
            &[("sec-gpc", "1")],
            &[("sec-gpc", "0")],
            &[("sec-gpc", "1"), ("sec-gpc", "1")],
            &[("sec-gpc", "0"), ("sec-gpc", "1")],
            &[("sec-gpc", "yes")],
            &pixel,
        ] {
            assert_eq!(client.get_with("https://shop.test/", own).await.status, 200);
            assert_eq!(shop.last().header("sec-gpc"), ["1"], "{own:?}");
        }
    }
    for open in home.of_kind("open").await {
        assert_eq!(open["terms"]["gpc"], true);
    }
    let off = household(&ca, &[&shop], "[terms]\ngpc = false").await;
    off.client().get("https://shop.test/").await;
    assert!(shop.last().header("sec-gpc").is_empty());
    off.client().get_with("https://shop.test/", &[("sec-gpc", "1")]).await;
    assert_eq!(shop.last().header("sec-gpc"), ["1"], "what the client says itself passes");
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_are_offered_in_a_relationship_and_to_the_first_party() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let news = Vendor::https("news.test").start(&ca).await;
    let home = household(&ca, &[&shop, &news], &format!("{CHOICE}\n{KNOWN}")).await;
    let client = home.client();
    client.get("https://shop.test/").await;
    assert_eq!(offered(&shop.last().header("personal-terms")).unwrap(), ["SD-BASE", "SD-BASE-DP"]);
    client.get("https://news.test/").await;
    assert_eq!(offered(&news.last().header("personal-terms")), None, "a stranger");
    // What a client says in its place never leaves, to anybody.
    for (vendor, want) in [(&shop, Some(2)), (&news, None)] {
        let own = [("personal-terms", "offer=(PDC-AI)"), ("personal-terms", "use=\"x\"")];
        client.get_with(&format!("https://{}/", vendor.host), &own).await;
        assert_eq!(offered(&vendor.last().header("personal-terms")).map(|ids| ids.len()), want);
    }
    // A third party, a preflight.
    for fields in [
        &[("sec-fetch-dest", "image"), ("referer", "https://other.test/")][..],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "empty")],
    ] {
        client.get_with("https://shop.test/", fields).await;
        assert_eq!(offered(&shop.last().header("personal-terms")), None, "{fields:?}");
    }
    let preflight = [("access-control-request-method", "POST"), ("origin", "https://shop.test")];
    let question =
        crate::support::client::request(http::Method::OPTIONS, "https://shop.test/", &preflight, "");
    client.send(question).await;
    assert_eq!(offered(&shop.last().header("personal-terms")), None, "a preflight is the browser's own");
    // Whoever is given an alias is no stranger any more.
    let form = "application/x-www-form-urlencoded";
    client.post("https://news.test/signup", form, "m=ann%40home.example").await;
    assert_eq!(offered(&news.last().header("personal-terms")), None, "decided before the alias was there");
    client.get("https://news.test/").await;
    assert_eq!(offered(&news.last().header("personal-terms")).unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn to_whom_terms_go_is_a_choice() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    for (send, relationship, want) in [
        ("off", true, false),
        ("off", false, false),
        ("first-party", true, true),
        ("first-party", false, true),
        ("relationship", true, true),
        ("relationship", false, false),
    ] {
        let known = if relationship { KNOWN } else { "" };
        let config = CHOICE.replace("[terms]", &format!("[terms]\nsend = {send:?}"));
        let home = household(&ca, &[&shop], &format!("{config}\n{known}")).await;
        home.client().get("https://shop.test/").await;
        let said = offered(&shop.last().header("personal-terms"));
        assert_eq!(said.is_some(), want, "{send} {relationship}");
        let asked = home.explain("GET", "https://shop.test/", &[], "").await;
        let open = home.of_kind("open").await.pop().unwrap();
        assert_eq!(asked["terms"], open["terms"], "{send} {relationship}");
        assert_eq!(open["terms"]["offer"].as_array().unwrap().is_empty(), !want);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_offers_what_they_did_not_choose_and_a_child_offers_nothing() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let config = format!(
        "{CHOICE}\n{KNOWN}\nterms = [\"SD-BASE-DP\"]\n[member.kim]\nkind = \"child\"\n{BOTH}\n[member.tom]\n{BOTH}"
    );
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", ANN)
        .member("bob", &[("email.primary", "bob@home.example")])
        .member("kim", &[("email.primary", "kim@home.example")])
        .member_of_kind("tom", MemberKind::Child, &[("email.primary", "tom@home.example")])
        .config(&config)
        .start()
        .await;
    for (who, want) in
        [("ann", Some(vec!["SD-BASE-DP".to_owned()])), ("bob", None), ("kim", None), ("tom", None)]
    {
        home.client_of(who).get("https://shop.test/").await;
        assert_eq!(offered(&shop.last().header("personal-terms")), want, "{who}");
        assert_eq!(shop.last().header("sec-gpc"), ["1"], "{who}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_choose_from_what_is_on_offer_and_a_vendor_gets_it_in_its_own_order() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let own = format!("[member.ann]\n{BOTH}");
    for (offer, here, want) in [
        // Written nowhere, there is the basic agreement.
        ("", "", Some(vec!["SD-BASE"])),
        ("offer = []", "", None),
        ("offer = [\"SD-BASE-DP\", \"PDC-AI\"]", "", Some(vec!["SD-BASE-DP"])),
        ("offer = [\"SD-BASE-DP\", \"SD-BASE\"]", "", Some(vec!["SD-BASE", "SD-BASE-DP"])),
        (
            "offer = [\"SD-BASE\", \"SD-BASE-DP\", \"PDC-AI\"]",
            "terms = [\"PDC-AI\", \"SD-BASE-DP\", \"SD-BASE\"]",
            Some(vec!["SD-BASE-DP", "SD-BASE"]),
        ),
    ] {
        let home = household(&ca, &[&shop], &format!("[terms]\n{offer}\n{own}\n{KNOWN}\n{here}")).await;
        home.client().get("https://shop.test/").await;
        let said = offered(&shop.last().header("personal-terms"));
        assert_eq!(said, want.map(|ids| ids.into_iter().map(str::to_owned).collect()), "{offer} {here}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_recorded_and_moves_the_relationship() {
    let ca = TestCa::new();
    let answer = |text: &str| response("200 OK", &[("Personal-Terms", text)], b"ok");
    let long = format!("refuse;why={}", "x".repeat(5000));
    let shop = Vendor::https("shop.test")
        .route("/accept", answer("accept=SD-BASE;rec=\"/records/1\""))
        .route("/foreign", answer("accept=PDC-AI"))
        .route("/counter", answer("counter=SD-BASE-A"))
        .route("/refuse", answer("refuse;why=policy"))
        .route("/unclosed", answer("accept=(SD-BASE"))
        .route("/list", answer("accept=(SD-BASE SD-BASE-DP)"))
        .route("/two", answer("accept=SD-BASE, refuse"))
        .route(
            "/twice",
            response(
                "200 OK",
                &[("Personal-Terms", "accept=SD-BASE"), ("Personal-Terms", "accept=SD-BASE-DP")],
                b"ok",
            ),
        )
        .route("/upper", answer("ACCEPT=SD-BASE"))
        .route("/unknown", answer("later"))
        .route("/long", answer(&long))
        .start(&ca)
        .await;
    for (path, recorded, state) in [
        ("/", None, "offered"),
        ("/accept", Some("accept SD-BASE (/records/1)"), "accepted"),
        ("/foreign", Some("accept PDC-AI"), "offered"),
        ("/counter", Some("counter SD-BASE-A"), "countered"),
        ("/refuse", Some("refuse (policy)"), "refused"),
        ("/unclosed", Some("ignored: not a structured field"), "offered"),
        ("/list", Some("ignored: not one answer of the defined form"), "offered"),
        ("/two", Some("ignored: not one answer of the defined form"), "offered"),
        ("/twice", Some("ignored: a key is repeated"), "offered"),
        ("/upper", Some("ignored: not a structured field"), "offered"),
        ("/unknown", None, "offered"),
        ("/long", Some("ignored: longer than 4096 bytes"), "offered"),
    ] {
        let home = household(&ca, &[&shop], &format!("{CHOICE}\n{KNOWN}")).await;
        let reply = home.client().get(&format!("https://shop.test{path}")).await;
        assert_eq!(reply.text(), "ok", "{path}: the answer never gets in the way");
        let close = home.of_kind("close").await.pop().unwrap();
        assert_eq!(close["answer"].as_str(), recorded, "{path}");
        // The next request says where it stands, also after a restart.
        let home = settled(home, state).await.pauses().await.start().await;
        home.client().get("https://shop.test/").await;
        let open = home.of_kind("open").await.pop().unwrap();
        assert_eq!(open["terms"]["state"], state, "{path}");
        assert_eq!(open["terms"]["offer"], Value::from(vec!["SD-BASE", "SD-BASE-DP"]), "{path}");
    }
}

/// The state is kept off the workers: waits until it is there.
async fn settled(home: Household, state: &str) -> Household {
    let ann = home.id("ann");
    let terms = || home.house.rooms().personas.of(ann).unwrap().wardrobe.terms(&"shop".into());
    while terms() != state {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_request_is_left_alone() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = household(&ca, &[&shop], &format!("{CHOICE}\n{KNOWN}")).await;
    let signed = [("authorization", "OAuth oauth_signature=\"x\", oauth_nonce=\"1\"")];
    home.client().get_with("https://shop.test/?a=1", &signed).await;
    let got = shop.last();
    assert_eq!((got.target().as_str(), got.header("authorization").len()), ("/?a=1", 1));
}
