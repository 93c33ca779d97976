//! Two vendors cannot join: what one is given is of no use to another, for any member, epoch or restart.

use crate::support::{Household, TestCa, Vendor};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward::model::{Level, Party, Slot, VendorId};
use doorward::persona::{Derivation, Mask, Order, Persona, Shown, Sources};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const FORM: &str = "application/x-www-form-urlencoded";
const CONFIG: &str = "[identity]\ndomain = \"alias.example\"\nnew_vendor = \"stranger\"";
const SLOTS: [&str; 7] =
    ["email.primary", "username", "name.full", "phone.primary", "device.id", "ad.id", "custom.badge"];
const VALUES: &[(&str, &str)] = &[
    ("email.primary", "ann@home.example"),
    ("username", "annreal77"),
    ("name.full", "Ann Realname"),
    ("phone.primary", "+12025551234"),
    ("device.id", "6D92078A-8246-4BA4-AE5B-76104861E7DC"),
    ("ad.id", "0f3c2a10-91de-4c6b-8a77-5c1f0d2b6e44"),
    ("custom.badge", "BADGE-00-4711"),
];

/// Ann's household, and two vendors that she meets as a stranger.
async fn shop_and_news() -> (Household, Vendor, Vendor) {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let news = Vendor::https("news.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).knowing(&news).member("ann", VALUES).config(CONFIG);
    (home.start().await, shop, news)
}

/// Makes every value of a member for a vendor, as the corridor does.
fn dress(
    home: &Household,
    persona: &Persona,
    vendor: &str,
    derivation: Derivation,
) -> BTreeMap<String, String> {
    let rooms = home.house.rooms();
    let generation = rooms.generation.load();
    let vendor = VendorId::from(vendor);
    let epoch = persona.wardrobe.standing(&vendor).epoch;
    let settings = &generation.identity;
    assert_eq!(settings.new_vendor, Level::Stranger);
    let sources = Sources {
        vendor: &vendor,
        sector: &vendor,
        party: Party::First,
        category: None,
        settings,
        own: None,
        shown: &Shown::default(),
        today: rooms.clock.now().calendar().date(),
    };
    let mask = Mask::new(&persona.identity, &sources);
    let order = Order {
        mask: &mask,
        identity: &persona.identity,
        epoch,
        derivation,
        host: vendor.as_str(),
        existing: false,
    };
    let slots: BTreeSet<Slot> = SLOTS.iter().map(|slot| Slot::parse(slot).unwrap()).collect();
    let worn = persona.wardrobe.issue(&order, &slots, rooms.clock.now()).unwrap();
    worn.iter().map(|(slot, issued)| (slot.to_string(), issued.value.expose().clone())).collect()
}

/// The parts of a value that are not drawn from a list or fixed by the format.
fn drawn(slot: &str, value: &str) -> String {
    let value = value.to_lowercase();
    let own = value.strip_suffix("@alias.example").unwrap_or(&value);
    match slot {
        "name.full" | "phone.primary" => String::new(),
        // Words and names come from lists: what follows them could single somebody out.
        "email.primary" | "username" => own.chars().skip_while(|char| !char.is_ascii_digit()).collect(),
        _ => own.to_owned(),
    }
}

/// Letters and digits in a row that two vendors could compare: eight of a long run, the whole of one of six or seven.
/// Six of a long run meet by chance; that there is no more to it is tested with fixed keys beside the formats.
fn pieces(text: &str) -> BTreeSet<String> {
    let runs = text.split(|char: char| !char.is_ascii_alphanumeric()).filter(|run| run.len() >= 6);
    let pieces = runs.flat_map(|run| run.as_bytes().windows(run.len().min(8)));
    pieces.map(|piece| String::from_utf8(piece.to_vec()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_identities_share_a_value_or_a_piece_of_one() {
    let ca = TestCa::new();
    for derivation in [Derivation::Seed, Derivation::Random] {
        // The same real values in everybody's hands: nothing may come of them.
        let home =
            Household::trusting(&ca).member("ann", VALUES).member("bob", VALUES).config(CONFIG).start().await;
        let mut owners: HashMap<String, String> = HashMap::new();
        let mut whole: HashMap<String, String> = HashMap::new();
        for name in ["ann", "bob"] {
            let persona = home.house.rooms().personas.of(home.id(name)).unwrap();
            for number in 0..20 {
                let vendor = format!("shop{number}.test");
                for epoch in 1..=2 {
                    let who = format!("{name}/{vendor}/{epoch}");
                    let worn = dress(&home, &persona, &vendor, derivation);
                    for (slot, value) in &worn {
                        // A few numbers are set aside for fiction, and names are people's: those may meet again.
                        if !slot.starts_with("phone.") && !slot.starts_with("name.") {
                            assert_eq!(whole.insert(value.clone(), who.clone()), None, "{who} {value}");
                        }
                        for piece in pieces(&drawn(slot, value)) {
                            let other = owners.insert(piece.clone(), who.clone());
                            assert!(
                                other.as_ref().is_none_or(|other| *other == who),
                                "{piece}: {who} {other:?}"
                            );
                        }
                    }
                    persona.wardrobe.reset(&vendor.as_str().into()).unwrap();
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lists_and_number_ranges_cost_is_bounded() {
    let ca = TestCa::new();
    let home = Household::trusting(&ca).member("ann", VALUES).config(CONFIG).start().await;
    let persona = home.house.rooms().personas.of(home.id("ann")).unwrap();
    let worn: Vec<_> = (0..200)
        .map(|number| dress(&home, &persona, &format!("shop{number}.test"), Derivation::Seed))
        .collect();
    let different = |slot: &str| worn.iter().map(|one| one[slot].clone()).collect::<BTreeSet<_>>().len();
    // Chance alone lets names meet now and then; more than that would be a pattern.
    assert!(different("name.full") >= 190, "{}", different("name.full"));
    assert!(different("phone.primary") >= 150, "{}", different("phone.primary"));
    for slot in ["email.primary", "username", "device.id", "ad.id", "custom.badge"] {
        assert_eq!(different(slot), 200, "{slot}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pseudonym_says_nothing_about_the_value_it_stands_for() {
    let (home, shop, news) = shop_and_news().await;
    let tell = async |home: &Household, vendor: &Vendor, email: &str| {
        let body = format!("m={}", email.replace('@', "%40"));
        home.client().post(&format!("https://{}/a", vendor.host), FORM, body).await;
        vendor.last().text()
    };
    let first = tell(&home, &shop, "ann@home.example").await;
    let other = tell(&home, &news, "ann@home.example").await;
    assert_ne!(first, other, "two vendors, two addresses");
    home.set("ann", "email.primary", "someone@else.example");
    assert_eq!(tell(&home, &shop, "someone@else.example").await, first, "a new address, the same alias");
    let home = home.pauses().await.start().await;
    assert_eq!(tell(&home, &shop, "someone@else.example").await, first, "a restart, the same alias");
    home.house.reset(home.id("ann"), &"shop.test".into()).await.unwrap();
    let fresh = tell(&home, &shop, "someone@else.example").await;
    assert_ne!(fresh, first, "a reset is another person");
    assert_eq!(tell(&home, &news, "someone@else.example").await, other, "to this vendor alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_made_for_another_vendor_does_not_get_to_this_one() {
    let (home, shop, news) = shop_and_news().await;
    let client = home.client();
    client.post("https://shop.test/a", FORM, "m=ann%40home.example").await;
    let known = shop.last().text();
    let address = known[2..].replace("%40", "@");
    client.post("https://news.test/a", FORM, "m=ann%40home.example").await;
    let own = news.last().text();
    client.post("https://news.test/a", FORM, known.clone()).await;
    assert_eq!(news.last().text(), own, "news gets the one it knows");
    let local = address.split('@').next().unwrap();
    for (target, kind, body) in [
        (format!("/?m={address}"), "text/plain", String::new()),
        (
            format!("/?u=https%3A%2F%2Fa.example%2F%3Fm%3D{local}%2540alias.example"),
            "text/plain",
            String::new(),
        ),
        (format!("/{}/x", address.to_uppercase()), "text/plain", String::new()),
        ("/".to_owned(), "application/json", format!(r#"{{"m":"{local}\u0040alias.example"}}"#)),
        ("/".to_owned(), "text/plain", format!("It is {address}.")),
        ("/".to_owned(), "text/html", format!("<a href=\"mailto:{local}&#64;alias.example\">")),
        (
            "/".to_owned(),
            "text/plain",
            format!("{FLOWS}{address} {FLOWS}", FLOWS = "all that flows ".repeat(20_000)),
        ),
    ] {
        client.post(&format!("https://news.test{target}"), kind, body).await;
        let got = String::from_utf8(news.last().bytes).unwrap().to_lowercase();
        assert!(!got.contains(local) && got.contains("alias.example"), "{got}");
    }
    // Nor in other letters.
    let encoded = format!(r#"{{"t":"{}"}}"#, STANDARD.encode(&address));
    client.post("https://news.test/", "application/json", encoded).await;
    let got: Value = serde_json::from_str(&news.last().text()).unwrap();
    let told = String::from_utf8(STANDARD.decode(got["t"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(told, own[2..].replace("%40", "@"), "{address}");
    // Vendors that are nobody's first party get none of it, the one it was made for keeps it.
    let from_shop = [("referer", "https://shop.test/"), ("sec-fetch-dest", "image")];
    client.get_with(&format!("https://news.test/p.gif?m={address}&x=1"), &from_shop).await;
    assert_eq!(news.last().target(), "/p.gif?m=&x=1");
    client.post("https://shop.test/a", FORM, known.clone()).await;
    assert_eq!(shop.last().text(), known);
    // Nor does it come back after a reset.
    home.house.reset(home.id("ann"), &"shop.test".into()).await.unwrap();
    client.post("https://shop.test/a", FORM, known.clone()).await;
    assert_ne!(shop.last().text(), known);
    for open in home.of_kind("open").await {
        for edit in open["edits"].as_array().unwrap() {
            assert!(edit["slot"] != "email.primary" || edit["action"] != "would-have", "{edit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn user_names_ids_and_digests_made_for_another_vendor_do_not_get_to_this_one() {
    let (home, shop, news) = shop_and_news().await;
    let client = home.client();
    let real = "badge=BADGE-00-4711&u=annreal77&d=6D92078A-8246-4BA4-AE5B-76104861E7DC\
        &ad=0f3c2a10-91de-4c6b-8a77-5c1f0d2b6e44&m=ann%40home.example";
    client.post("https://shop.test/a", FORM, real).await;
    let of_shop = shop.last().text();
    client.post("https://news.test/a", FORM, real).await;
    let of_news = news.last().text();
    client.post("https://news.test/a", FORM, of_shop.clone()).await;
    assert_eq!(news.last().text(), of_news, "news gets what it knows");

    let values = |form: &str| {
        let pairs: BTreeMap<_, _> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        ["badge", "u", "d", "ad"].map(|name| pairs[name].clone())
    };
    for (made, own) in values(&of_shop).into_iter().zip(values(&of_news)) {
        assert_ne!(made, own);
        for (target, kind, body) in [
            (format!("/?id={made}"), "text/plain", String::new()),
            (format!("/{}/x", made.to_uppercase()), "text/plain", String::new()),
            ("/".to_owned(), "application/json", format!(r#"{{"of":{{"id":"{made}"}}}}"#)),
            ("/".to_owned(), "text/plain", format!("It is {made}.")),
            ("/".to_owned(), "application/json", format!(r#"{{"t":"{}"}}"#, STANDARD.encode(&made))),
            (
                "/".to_owned(),
                "text/plain",
                format!("{FLOWS}{made} {FLOWS}", FLOWS = "all 1 that 22 flows 333 ".repeat(10_000)),
            ),
        ] {
            client.post(&format!("https://news.test{target}"), kind, body).await;
            let got = String::from_utf8(news.last().bytes).unwrap();
            assert!(!got.to_lowercase().contains(&made.to_lowercase()), "{target}");
            let encoded = STANDARD.encode(&own);
            let told = got.to_lowercase().contains(&own.to_lowercase()) || got.contains(&encoded);
            assert!(told, "{own} stands in its place: {}", &got[..got.len().min(400)]);
        }
        let from_shop = [("referer", "https://shop.test/"), ("sec-fetch-dest", "image")];
        client.get_with(&format!("https://news.test/p.gif?id={made}&x=1"), &from_shop).await;
        assert_eq!(news.last().target(), "/p.gif?id=&x=1", "nobody's first party gets none of it");
    }
    client.post("https://shop.test/a", FORM, of_shop.clone()).await;
    assert_eq!(shop.last().text(), of_shop, "the one they were made for keeps them");

    let address = |form: &str| form.rsplit_once("m=").unwrap().1.replace("%40", "@");
    let digest = |form: &str| {
        use sha2::Digest;
        let bytes = sha2::Sha256::digest(address(form));
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    client.post("https://news.test/a", FORM, format!("em={}", digest(&of_shop))).await;
    assert_eq!(news.last().text(), format!("em={}", digest(&of_news)));
    let edits = home.of_kind("open").await.pop().unwrap()["edits"].take();
    let reason = "made for another vendor; news.test is a stranger; as SHA-256 digest";
    assert_eq!(edits[0]["reason"], reason, "{edits}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_the_owner_gave_to_two_vendors_is_no_real_one() {
    let (home, shop, news) = shop_and_news().await;
    let client = home.client();
    client.post("https://shop.test/a", FORM, "m=ann%40home.example").await;
    let address = shop.last().text()[2..].replace("%40", "@");
    let slot = Slot::parse("email.primary").unwrap();
    home.house.adopt_pseudonym(home.id("ann"), &"news.test".into(), &slot, &address).await.unwrap();
    client.post("https://news.test/a", FORM, "m=ann%40home.example").await;
    assert_eq!(news.last().text(), shop.last().text(), "and not what she typed");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_vendors_see_nothing_in_a_head_that_only_this_house_sends() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let news = Vendor::https("news.test").start(&ca).await;
    let config = format!(
        "{CONFIG}\n[terms]\nsend = \"first-party\"\n[member.ann]\nterms = [\"SD-BASE\"]\n[member.bob]\nterms = [\"SD-BASE\"]"
    );
    let mut heads = Vec::new();
    for _ in 0..2 {
        // Two households with the same choices cannot be told apart either.
        let home = Household::trusting(&ca)
            .knowing(&shop)
            .knowing(&news)
            .member("ann", VALUES)
            .member("bob", &[("email.primary", "bob@home.example")])
            .config(&config)
            .start()
            .await;
        for member in ["ann", "bob"] {
            for vendor in [&shop, &news] {
                let url = format!("https://{}/page?x=1", vendor.host);
                home.client_of(member).get_with(&url, &[("user-agent", "any"), ("accept", "*/*")]).await;
                let fields = vendor.last().headers();
                heads.push(
                    fields
                        .into_iter()
                        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
                        .collect::<Vec<_>>(),
                );
            }
        }
    }
    let names: BTreeSet<_> = heads[0].iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(names, ["accept", "personal-terms", "sec-gpc", "user-agent"].map(str::to_owned).into());
    for head in &heads {
        assert_eq!(head, &heads[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_leaves_connections_and_sessions_behind_also_in_the_middle_of_a_flow() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).member("ann", VALUES).config(CONFIG).start().await;
    let client = home.client();
    let mut open = client.open("shop.test").await;
    let post = |body: &'static str| {
        crate::support::client::request(
            http::Method::POST,
            "https://shop.test/a",
            &[("content-type", FORM)],
            body,
        )
    };
    open.send(post("m=ann%40home.example")).await;
    open.send(post("m=ann%40home.example")).await;
    let before = shop.received();
    assert_eq!(before[0].connection, before[1].connection, "kept within an identity");
    // Half of an upload is out when the owner resets.
    let slow = client.clone();
    let (half, rest) = (format!("note={}", "x".repeat(80_000)), "&m=ann%40home.example");
    let head = format!(
        "POST /slow HTTP/1.1\r\nHost: shop.test\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n{half}",
        half.len() + rest.len()
    );
    let mut stream = slow.tunnel("shop.test", "shop.test").await.unwrap();
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    while home.of_open("/slow").await.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    home.house.reset(home.id("ann"), &"shop.test".into()).await.unwrap();
    open.send(post("m=ann%40home.example")).await;
    let fresh = shop.last();
    assert!(!fresh.resumed && before.iter().all(|one| one.connection != fresh.connection));
    assert_ne!(fresh.text(), before[0].text());
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    let slow = shop.received().into_iter().find(|one| one.target() == "/slow").unwrap();
    assert!(slow.text().ends_with(&before[0].text()), "what began as one person ends as that person");
    assert_ne!(slow.connection, fresh.connection);
    // Nothing of the first identity comes back.
    open.send(post("m=ann%40home.example")).await;
    assert_eq!(shop.last().text(), fresh.text());
    assert_ne!(shop.last().connection, slow.connection);
}
