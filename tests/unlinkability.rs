//! Two vendors cannot join: what one is given is of no use to another, for any member, epoch or restart.

use crate::support::{Household, TestCa, Vendor};
use doorward::model::{Level, Party, Slot, VendorId};
use doorward::persona::format::lists;
use doorward::persona::{Derivation, Mask, Order, Persona, Sources};
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

/// Makes every value of a member for a vendor, as the corridor does.
fn dress(home: &Household, persona: &Persona, vendor: &str, derivation: Derivation) -> BTreeMap<String, String> {
    let rooms = home.house.rooms();
    let generation = rooms.generation.load();
    let vendor = VendorId::from(vendor);
    let epoch = persona.wardrobe.standing(&vendor).epoch;
    let settings = &generation.identity;
    assert_eq!(settings.new_vendor, Level::Stranger);
    let sources = Sources { vendor: &vendor, sector: &vendor, party: Party::First, settings, own: None };
    let mask = Mask::new(&persona.identity, &sources);
    let order = Order { mask: &mask, identity: &persona.identity, epoch, derivation, host: vendor.as_str() };
    let slots: BTreeSet<Slot> = SLOTS.iter().map(|slot| Slot::parse(slot).unwrap()).collect();
    let worn = persona.wardrobe.issue(&order, &slots, rooms.clock.now()).unwrap();
    worn.iter().map(|(slot, issued)| (slot.to_string(), issued.value.expose().clone())).collect()
}

/// The parts of a value that are not drawn from a list or fixed by the format.
fn drawn(slot: &str, value: &str, words: &BTreeSet<String>) -> String {
    let value = value.to_lowercase();
    let own = value.strip_suffix("@alias.example").unwrap_or(&value);
    if slot.starts_with("name.") || slot.starts_with("phone.") {
        return String::new();
    }
    let mut rest = own.to_owned();
    let mut longest: Vec<_> = words.iter().filter(|word| word.len() > 2).collect();
    longest.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in longest {
        rest = rest.replace(word.as_str(), " ");
    }
    rest
}

/// Letters and digits in a row that both vendors were given.
fn pieces(text: &str) -> BTreeSet<String> {
    let runs = text.split(|char: char| !char.is_ascii_alphanumeric());
    runs.flat_map(|run| run.as_bytes().windows(6)).map(|six| String::from_utf8(six.to_vec()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_identities_share_a_value_or_a_piece_of_one() {
    let ca = TestCa::new();
    for derivation in [Derivation::Seed, Derivation::Random] {
        // The same real values in everybody's hands: nothing may come of them.
        let home = Household::trusting(&ca)
            .member("ann", VALUES)
            .member("bob", VALUES)
            .config(CONFIG)
            .start()
            .await;
        let words: BTreeSet<String> = lists::all().map(|word| lists::plain(word)).collect();
        let mut owners: HashMap<String, String> = HashMap::new();
        let mut whole: HashMap<String, String> = HashMap::new();
        for name in ["ann", "bob"] {
            let persona = home.house.rooms().personas.of(home.id(name)).unwrap();
            for number in 0..40 {
                let vendor = format!("shop{number}.test");
                for epoch in 1..=3 {
                    let who = format!("{name}/{vendor}/{epoch}");
                    let worn = dress(&home, &persona, &vendor, derivation);
                    for (slot, value) in &worn {
                        // A few numbers are set aside for fiction, and names are people's: those may meet again.
                        if !slot.starts_with("phone.") && !slot.starts_with("name.") {
                            assert_eq!(whole.insert(value.clone(), who.clone()), None, "{who} {value}");
                        }
                        for piece in pieces(&drawn(slot, value, &words)) {
                            let other = owners.insert(piece.clone(), who.clone());
                            assert!(other.as_ref().is_none_or(|other| *other == who), "{piece}: {who} {other:?}");
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
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let news = Vendor::https("news.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .knowing(&news)
        .member("ann", VALUES)
        .config(CONFIG)
        .start()
        .await;
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
async fn a_pseudonym_of_another_vendor_is_known_as_such() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let news = Vendor::https("news.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .knowing(&news)
        .member("ann", VALUES)
        .config(CONFIG)
        .start()
        .await;
    let client = home.client();
    client.post("https://shop.test/a", FORM, "m=ann%40home.example&u=annreal77").await;
    let known = shop.last().text();
    client.post("https://news.test/a", FORM, "m=ann%40home.example&u=annreal77").await;
    let own = news.last().text();
    client.post("https://news.test/a", FORM, known.clone()).await;
    assert_eq!(news.last().text(), own, "news is not told whom shop knows");
    client.post("https://shop.test/a", FORM, known.clone()).await;
    assert_eq!(shop.last().text(), known);
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
                heads.push(fields.into_iter().filter(|(name, _)| name != "host").collect::<Vec<_>>());
            }
        }
    }
    let names: Vec<_> = heads[0].iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(
        names.iter().collect::<BTreeSet<_>>(),
        ["accept", "host", "personal-terms", "sec-gpc", "user-agent"].map(str::to_owned).iter().collect()
    );
    for head in &heads {
        let without_host =
            |head: &[(String, String)]| head.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")).cloned().collect::<Vec<_>>();
        assert_eq!(without_host(head), without_host(&heads[0]));
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
        crate::support::client::request(http::Method::POST, "https://shop.test/a", &[("content-type", FORM)], body)
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
