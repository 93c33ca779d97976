//! What an owner lets by is let by, where, for whom and for how long they said, and nothing else is.

use crate::support::clock::TestClock;
use crate::support::scene::{REAL, Scene};
use crate::support::vendor::response;
use crate::support::{Household, TestCa, Vendor};
use doorward::model::exception::{Excepted, Exception};
use doorward::model::{Slot, Timestamp, VendorId};
use serde_json::json;
use std::process::Command;

const RULES: &str = "||ads.test^\n||stats.test^\n";
const TYPED: &str = "mail=ann%40home.example";
const LISTED: &str = "[trackers]\nlists = [\"mine.txt\"]\n[terms]\noffer = [\"SD-BASE\"]\n[member.ann]\nterms = [\"SD-BASE\"]\n\
                      [identity]\ndomain = \"alias.example\"\nfirst = \"pseudonym\"\n[vendor.shop]\nhosts = [\"shop.test\"]";

struct Street {
    home: Household,
    clock: TestClock,
    shop: Vendor,
    ads: Vendor,
}

impl Street {
    async fn open() -> Self {
        let ca = TestCa::new();
        let clock = TestClock::default();
        let (shop, ads) =
            (Vendor::https("shop.test").start(&ca).await, Vendor::https("ads.test").start(&ca).await);
        let home = Household::trusting(&ca)
            .knowing(&shop)
            .knowing(&ads)
            .file("mine.txt", RULES)
            .config(LISTED)
            .seams(clock.seams())
            .member("ann", &[("email.primary", REAL), ("username", "annreal77")])
            .member("ben", &[("email.primary", "ben@home.example")])
            .start()
            .await;
        Self { home, clock, shop, ads }
    }

    /// Ann lets this by at `vendor`: for ten minutes, or once.
    fn lets(&self, what: Excepted, vendor: Option<&str>, once: bool) -> i64 {
        let rooms = self.home.house.rooms();
        let since = rooms.clock.now();
        let until = (!once).then(|| Timestamp(since.0 + 600_000));
        let (member, vendor) = (self.home.id("ann"), vendor.map(VendorId::from));
        let exception = Exception { id: 0, member, device: None, vendor, what, since, until, once };
        rooms.exceptions.add(&exception).unwrap().unwrap()
    }

    /// Ann signs up at the shop, from a link with a campaign's parameter; what the shop gets.
    async fn signs_up(&self) -> Seen {
        let client = self.home.client();
        let form = "application/x-www-form-urlencoded";
        let reply = client.post("https://shop.test/join?utm_source=x", form, TYPED).await;
        assert_eq!(reply.status, 200);
        let got = self.shop.last();
        Seen {
            target: got.target(),
            gpc: !got.header("sec-gpc").is_empty(),
            terms: !got.header("personal-terms").is_empty(),
            real: got.text().contains("ann%40home.example"),
        }
    }

    /// How many requests reach the advertiser when a page of `site` asks it for a picture.
    async fn shows_ads(&self, site: &str) -> usize {
        let before = self.ads.received().len();
        let page = format!("https://{site}/");
        let fields =
            [("referer", page.as_str()), ("sec-fetch-dest", "image"), ("sec-fetch-site", "cross-site")];
        self.home.client().get_with("https://ads.test/p.gif?who=ann@home.example", &fields).await;
        self.ads.received().len() - before
    }
}

/// What the shop gets of a sign-up.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    target: String,
    gpc: bool,
    terms: bool,
    real: bool,
}

impl Seen {
    fn protected() -> Self {
        Self { target: "/join".to_owned(), gpc: true, terms: true, real: false }
    }

    fn paused() -> Self {
        Self { target: "/join?utm_source=x".to_owned(), gpc: false, terms: false, real: false }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_leaves_identities_alone_holds_on_a_vendors_pages_and_ends_by_itself() {
    let street = Street::open().await;
    assert_eq!(street.signs_up().await, Seen::protected());
    let alias = street.shop.last().text();
    street.lets(Excepted::Pause, Some("shop"), false);
    assert_eq!(street.signs_up().await, Seen::paused());
    assert_eq!(street.shop.last().text(), alias, "the shop meets the same person");
    assert_eq!(street.shows_ads("shop.test").await, 1);
    assert_eq!(street.ads.last().target(), "/p.gif?who=", "and others still meet nobody");
    assert_eq!(street.shows_ads("news.test").await, 0);
    let open = street.home.of_kind("open").await.pop().unwrap();
    assert!(open.to_string().contains("paused by you"), "{open}");
    // Whoever else lives here has not paused anything.
    let ben = street.home.client_of("ben");
    ben.get("https://shop.test/?utm_source=x").await;
    assert_eq!(street.shop.last().target(), "/");
    street.clock.minutes(11);
    assert_eq!(street.signs_up().await, Seen::protected());
    assert_eq!(street.shows_ads("shop.test").await, 0);
}

/// What tells where somebody is, or who, and what leads the browser past the gateway.
#[tokio::test(flavor = "multi_thread")]
async fn some_fields_go_whatever_is_paused() {
    let ca = TestCa::new();
    let answer = response("200 OK", &[("alt-svc", "h3=\":443\""), ("nel", "{}")], b"");
    let shop = Vendor::https("shop.test").route("/", answer).start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).member("ann", &[]).start().await;
    let (rooms, member) = (home.house.rooms(), home.id("ann"));
    let pause = Exception {
        id: 0,
        member,
        device: None,
        vendor: None,
        what: Excepted::Pause,
        since: rooms.clock.now(),
        until: Some(Timestamp(rooms.clock.now().0 + 60_000)),
        once: false,
    };
    rooms.exceptions.add(&pause).unwrap();
    let fields = [
        ("x-forwarded-for", "192.168.1.20"),
        ("forwarded", "for=192.168.1.20"),
        ("via", "1.1 home"),
        ("from", REAL),
        ("x-msisdn", "12025550100"),
        ("x-client-data", "abc"),
    ];
    let reply = home.client().get_with("https://shop.test/", &fields).await;
    let got = shop.only();
    let left: Vec<_> = fields.iter().filter(|(name, _)| !got.header(name).is_empty()).collect();
    assert_eq!(left, [&("x-client-data", "abc")]);
    assert_eq!((reply.header("alt-svc"), reply.header("nel")), (None, Some("{}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rule_is_let_by_at_one_vendor_and_the_others_hold() {
    let street = Street::open().await;
    assert_eq!(street.shows_ads("shop.test").await, 0);
    street.lets(Excepted::Rule("||ads.test^".into()), Some("ads.test"), false);
    assert_eq!(street.shows_ads("shop.test").await, 1);
    let page = [("referer", "https://shop.test/"), ("sec-fetch-site", "cross-site")];
    street.home.client().get_with("https://ads.test/p?utm_source=x", &page).await;
    assert_eq!(street.ads.last().target(), "/p", "parameters go all the same");
    let open = street.home.of_kind("open").await.pop().unwrap();
    let let_by = open["edits"].as_array().unwrap().iter().find(|edit| edit["rule"] == "||ads.test^").unwrap();
    assert_eq!(
        (&let_by["action"], &let_by["reason"]),
        (&json!("would-have"), &json!("let by: your exception 1"))
    );
    // What explains says the same as what happens.
    let explained = street.home.explain("GET", "https://ads.test/p?utm_source=x", &page, "").await;
    assert_eq!(
        (&explained["verdict"], &explained["url_after"]),
        (&json!("changed"), &json!("https://ads.test/p"))
    );
    street.lets(Excepted::Rule("builtin/params:utm_source".into()), Some("shop"), false);
    let seen = Seen { target: "/join?utm_source=x".to_owned(), ..Seen::protected() };
    assert_eq!(street.signs_up().await, seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_once_serves_the_first_that_needs_it_and_no_explanation() {
    let street = Street::open().await;
    let slot = Excepted::Slot(Slot::parse("email.primary").unwrap());
    street.lets(slot, Some("shop"), true);
    let explained = street.home.explain("POST", "https://shop.test/join", &[], "").await;
    assert_eq!(explained["verdict"], "changed");
    street.home.client().get("https://shop.test/nothing-of-hers").await;
    assert_eq!(street.signs_up().await, Seen { real: true, ..Seen::protected() });
    assert_eq!(street.signs_up().await, Seen::protected());
    street.lets(Excepted::Rule("||ads.test^".into()), Some("ads.test"), true);
    let both = tokio::join!(street.shows_ads("shop.test"), street.shows_ads("shop.test"));
    assert_eq!(street.ads.received().len(), 1, "{both:?}");
    let rooms = street.home.house.rooms();
    assert_eq!(rooms.exceptions.of_member(street.home.id("ann"), rooms.clock.now()), []);
    // Nor does it come back.
    let Street { home, .. } = street;
    let home = home.pauses().await.start().await;
    let rooms = home.house.rooms();
    assert_eq!(rooms.exceptions.of_member(home.id("ann"), rooms.clock.now()), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_value_goes_to_the_vendor_that_was_named_and_to_no_third_party() {
    let street = Street::open().await;
    street.lets(Excepted::Identity, Some("shop"), false);
    let seen = street.signs_up().await;
    assert_eq!(seen, Seen { real: true, ..Seen::paused() });
    let open = street.home.of_kind("open").await.pop().unwrap();
    let mail = open["edits"].as_array().unwrap().iter().find(|edit| edit["slot"] == "email.primary").unwrap();
    assert_eq!(mail["reason"], "you let shop see this as it is");
    // The pause holds on the shop's pages for what they load; the identity does not.
    assert_eq!(street.shows_ads("shop.test").await, 1);
    assert_eq!(street.ads.last().target(), "/p.gif?who=");
    street.home.client().post("https://ads.test/", "application/x-www-form-urlencoded", TYPED).await;
    assert!(!street.home.export().await.iter().any(|record| record.to_string().contains(REAL)));
}

#[test]
fn the_owner_lets_by_what_the_log_shows_and_takes_it_back() {
    let ca = TestCa::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shop = runtime.block_on(Vendor::https("shop.test").start(&ca));
    let scene = Scene::set(&ca, &[("shop.test", shop.address)]);
    let home = &scene.home;
    let sign_up = || {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--data", &format!("mail={REAL}")]);
        assert!(scene.around(curl).arg("https://shop.test/?utm_source=x").status().unwrap().success());
        (shop.last().target(), shop.last().text() == format!("mail={REAL}"))
    };
    assert_eq!(sign_up(), ("/".to_owned(), false));
    let open = scene.closed(1).into_iter().find(|record| record["kind"] == "open").unwrap();
    let flow = open["flow"].as_str().unwrap();
    let edit = |rule: &str| {
        let edits = open["edits"].as_array().unwrap();
        let found = edits.iter().find(|edit| edit["rule"] == rule || edit["slot"] == rule).unwrap();
        format!("{flow}/{}", found["id"].as_str().unwrap())
    };
    let said = home.ok(&["undo", &edit("builtin/params:utm_source")]).out;
    assert!(said.contains("builtin/params:utm_source does nothing at shop.test, from now on"), "{said}");
    assert_eq!(sign_up(), ("/?utm_source=x".to_owned(), false));
    // A real value needs a word more.
    let mail = edit("email.primary");
    let refused = home.run(&["allow", &mail]);
    assert!(refused.code == 2 && refused.err.contains("--real"), "{refused:?}");
    let said = home.ok(&["allow", &mail, "--real", "--for", "1h"]).out;
    assert!(said.contains("shop.test will see email.primary of ann as it is, until "), "{said}");
    assert_eq!(sign_up(), ("/?utm_source=x".to_owned(), true));
    assert_eq!(home.ok(&["--json", "allow", "--list"]).out.lines().count(), 2);
    home.ok(&["allow", "--remove", "1"]);
    home.ok(&["allow", "--remove", "2"]);
    assert_eq!(home.run(&["allow", "--remove", "2"]).code, 3);
    assert_eq!(sign_up(), ("/".to_owned(), false));
    for (words, says) in [
        (&["allow", "nothing/e1"][..], "no such edit"),
        (&["allow", &format!("{flow}/e99")], "no such edit"),
        (&["pause", "--for", "2d"], "24h at the most"),
        (&["pause", "--for", "always"], "24h at the most"),
        (&["pause", "--identity"], "--vendor"),
    ] {
        let refused = home.run(words);
        assert!(refused.code != 0 && refused.err.contains(says), "{words:?} {refused:?}");
    }
    home.ok(&["pause", "--vendor", "shop.test", "--for", "5m"]);
    assert_eq!(sign_up(), ("/?utm_source=x".to_owned(), false));
    let status = home.ok(&["status"]).out;
    assert!(status.starts_with("Trackers paused at shop.test until "), "{status}");
    assert!(home.ok(&["pause", "--off"]).out.contains("no longer paused"));
    assert_eq!(sign_up(), ("/".to_owned(), false));
    let changes = home.records().into_iter().filter(|record| record["kind"] == "config");
    let reasons: Vec<_> = changes.map(|record| record["reason"].as_str().unwrap().to_owned()).collect();
    for told in
        ["exception 2 made: slot email.primary, until ", "exception 2 taken back", "exception 3 made: pause"]
    {
        assert!(reasons.iter().any(|reason| reason.starts_with(told)), "{told} {reasons:?}");
    }
}
