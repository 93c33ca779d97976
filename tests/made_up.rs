//! A vendor meets somebody who could be: born, living and reached somewhere, and nowhere near the person behind it.

use crate::support::{Household, TestCa, Vendor};
use serde_json::{Value, json};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const ANN: &[(&str, &str)] = &[
    ("birthdate", "1984-05-17"),
    ("address.street", "Home Street 12"),
    ("address.postcode", "20095"),
    ("address.city", "Hamburg"),
    ("geo.home", "53.5503,9.9920"),
    ("ip.home", "127.0.0.77"),
    ("device.id", "490154203237518"),
];
const SIGN_UP: &str = r#"{"dob":"17.05.1984","address":{"street":"Home Street 12","zip":"20095","city":"Hamburg"},"lat":53.5507,"lng":9.9917,"at":"127.0.0.77","imei":"490154203237518"}"#;

struct Shop {
    home: Household,
    shop: Vendor,
    news: Vendor,
}

impl Shop {
    async fn open(identity: &str) -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test").start(&ca).await;
        let news = Vendor::https("news.test").start(&ca).await;
        let config = format!("[identity]\n{identity}\n[member.ann]\nlocale = \"de-DE\"");
        let home = Household::trusting(&ca).knowing(&shop).knowing(&news).member("ann", ANN).config(&config);
        Self { home: home.start().await, shop, news }
    }

    async fn sign_up(&self) -> Value {
        assert_eq!(self.home.client().post("https://shop.test/a", JSON, SIGN_UP).await.status, 200);
        serde_json::from_slice(&self.shop.last().body()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_has_a_birthday_an_address_and_a_phone_of_its_own() {
    let shop = Shop::open("new_vendor = \"stranger\"").await;
    let got = shop.sign_up().await;
    let [day, month, year] = got["dob"].as_str().unwrap().split('.').collect::<Vec<_>>()[..] else {
        panic!("written as it was: {got}")
    };
    assert!(year == "1984" && (month, day) > ("05", "17") && (month, day) < ("11", "17"), "{got}");
    let address = &got["address"];
    assert!(
        address["street"].as_str().unwrap().rsplit_once("weg ").is_some_and(|(_, number)| number.len() == 3)
    );
    assert!(address["zip"] != "20095" && address["city"] != "Hamburg", "{got}");
    assert_eq!((&got["lat"], &got["lng"]), (&Value::Null, &Value::Null), "no place is made up");
    assert!(got["at"].as_str().unwrap().parse::<std::net::Ipv4Addr>().unwrap().is_documentation());
    assert!(got["imei"].as_str().unwrap().starts_with("49015420") && got["imei"] != "490154203237518");

    assert_eq!(shop.sign_up().await, got, "the same person every time");
    let parts = "birth_day=17&birth_month=5&birth_year=1984&city=Hamburg";
    shop.home.client().post("https://shop.test/a", FORM, parts).await;
    let short = |part: &str| part.trim_start_matches('0').to_owned();
    let told = shop.shop.last().text();
    let told: Vec<_> = url::form_urlencoded::parse(told.as_bytes()).into_owned().collect();
    let told: Vec<_> = told.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(told, [&short(day), &short(month), "1984", address["city"].as_str().unwrap()]);
    shop.home.client().post("https://news.test/a", JSON, SIGN_UP).await;
    let other: Value = serde_json::from_slice(&shop.news.last().body()).unwrap();
    assert_ne!((&other["address"], &other["imei"]), (&got["address"], &got["imei"]), "another one elsewhere");
    for edit in shop.home.of_kind("open").await.iter().flat_map(|open| open["edits"].as_array().unwrap()) {
        assert_ne!(edit["action"], "would-have", "{edit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_less_precise_is_what_many_share() {
    let coarse =
        "birthdate = \"coarse\"\naddress = \"coarse\"\ngeo = \"coarse\"\nip = \"coarse\"\ndevice = \"real\"";
    let shop = Shop::open(coarse).await;
    let want = json!({
        "dob": "01.01.1984", "address": {"street": null, "zip": "20000", "city": "Hamburg"},
        "lat": 53.575, "lng": 9.975, "at": "127.0.0.0", "imei": "490154203237518",
    });
    assert_eq!(shop.sign_up().await, want);
    shop.home.client().post("https://news.test/a", JSON, SIGN_UP).await;
    assert_eq!(serde_json::from_slice::<Value>(&shop.news.last().body()).unwrap(), want, "whoever asks");
    assert_eq!(shop.home.of_kind("issue").await, [Value::Null; 0], "nothing is made up");
    let open = shop.home.of_kind("open").await.remove(0);
    let edits = open["edits"].as_array().unwrap();
    let rule = |slot: &str| {
        let edit = edits.iter().find(|edit| edit["slot"] == slot).unwrap();
        (edit["action"].as_str().unwrap(), edit["rule"].as_str().unwrap(), edit["reason"].as_str().unwrap())
    };
    let less = "shop.test gets this less precisely";
    assert_eq!(rule("geo.home"), ("coarsened", "identity.geo=coarse", less));
    assert_eq!(rule("address.city"), ("would-have", "identity.address=coarse", less));
    assert_eq!(
        rule("address.street"),
        ("removed", "identity.address=coarse", "withheld: no address is less precise")
    );
    // Nor do others get even that.
    let from_news = [("referer", "https://news.test/"), ("sec-fetch-dest", "image")];
    shop.home.client().get_with("https://shop.test/p.gif?lat=53.5503&dob=1984-05-17", &from_news).await;
    assert_eq!(shop.shop.last().target(), "/p.gif?lat=&dob=");
}
