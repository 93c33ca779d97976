use crate::support::{Household, TestCa, Vendor};

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_goes_out_under_an_alias() {
    crate::support::crypto();
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[("email.primary", "ann@home.example"), ("name.full", "Ann Real")])
        .config("[identity]\nfirst = \"pseudonym\"\ndomain = \"alias.example\"")
        .start()
        .await;
    let reply = home
        .client()
        .post(
            "https://shop.test/signup?utm_source=x&a=1",
            "application/x-www-form-urlencoded",
            "user=1&email=ann%40home.example",
        )
        .await;
    println!("{reply:?}");
    let got = shop.only();
    println!("{}", String::from_utf8_lossy(&got.bytes));
    for record in home.records().await {
        println!("{record}");
    }
}
