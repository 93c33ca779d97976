//! What looks like a person's and is nobody's here is told, so that its owner can add it; it goes as it is.

use crate::support::views::found;
use crate::support::{Household, TestCa, Vendor};
use serde_json::Value;

const ANN: &[(&str, &str)] = &[("email.primary", "ann@home.example"), ("phone.primary", "+4915112345678")];
const CONFIG: &str = "[identity]\ndomain = \"alias.example\"\nnew_vendor = \"stranger\"";

/// Place, category and reason of what was noticed in the last request.
fn noticed(open: &Value) -> Vec<(&str, &str, &str)> {
    let edits = open["edits"].as_array().unwrap().iter().filter(|edit| edit["rule"] == "unknown");
    let told = edits.map(|edit| ["place", "category", "reason"].map(|field| edit[field].as_str().unwrap()));
    told.map(|[place, category, reason]| (place, category, reason)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_by_place_and_category_and_never_by_value() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).member("ann", ANN).config(CONFIG).start().await;
    let client = home.client();
    for (kind, body, want) in [
        (
            "application/json",
            r#"{"mail":"ann@home.example","friend":{"mail":"bob@other.example"},"pay":["GB82 WEST 1234 5698 7654 32"]}"#,
            &[
                ("request.body.json:/friend/mail", "pd:EmailAddress", "an e-mail address"),
                ("request.body.json:/pay/0", "pd:BankAccount", "a bank account"),
            ][..],
        ),
        (
            "application/x-www-form-urlencoded",
            "to=bob%2Bx%40other.example&tel=%2B49+151+87654321&card=4111+1111+1111+1111&note=call+bob%40other.example&at=1795305600123",
            &[
                ("request.body.form:to", "pd:EmailAddress", "an e-mail address"),
                ("request.body.form:tel", "pd:TelephoneNumber", "a phone number"),
                ("request.body.form:card", "pd:PaymentCardNumber", "a card number"),
            ],
        ),
        ("text/plain", "bob@other.example", &[]),
    ] {
        client.post("https://shop.test/a", kind, body).await;
        let sent = shop.last().text();
        if !body.contains("ann@") {
            assert_eq!(sent, body, "it goes as it is");
        }
        let open = home.of_kind("open").await.pop().unwrap();
        let told = noticed(&open);
        assert_eq!(told.len(), want.len(), "{told:?}");
        for ((place, category, reason), (at, of, what)) in told.iter().zip(want) {
            assert_eq!((place, category), (at, of));
            assert_eq!(*reason, format!("{what} that is not among yours: if it is, add it"));
        }
        // What the vendor knows her by is not told the next time.
        client.post("https://shop.test/a", kind, sent).await;
        assert_eq!(noticed(&home.of_kind("open").await.pop().unwrap()).len(), want.len());
    }
    let log = serde_json::to_vec(&home.records().await).unwrap();
    assert_eq!(found(&log, &["other.example", "4111 1111", "15187654321", "west 1234"]), [""; 0]);
}
