//! No way in leads to an address that is not a vendor's: special ranges in every form, the gateway's own listeners, and a
//! name that changes its mind. Nothing is dialled, and each try is one record.

use crate::support::resolver::resolving;
use crate::support::{Household, TestCa};
use doorward::gateway::Seams;
use doorward::upstream::Resolve;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One of each range that is not public unicast (IANA special-purpose registries), and what stands for one.
const SPECIAL: [&str; 24] = [
    "10.1.2.3",
    "100.64.0.1",
    "127.9.9.9",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "2002:a00:1::",
    "2001:db8::1",
    "2001::1",
    "100::1",
];

/// Spellings of a loopback address that is not opened up, and of private ones, as some program somewhere takes them.
const LITERALS: [&str; 13] = [
    "127.9.9.9",
    "127.9.2313",
    "2131298569",
    "0x7f090909",
    "0177.011.011.011",
    "127.9.9.9.",
    "[::1]",
    "[::ffff:127.9.9.9]",
    "[::ffff:7f09:909]",
    "[64:ff9b::7f09:909]",
    "[2002:7f09:909::]",
    "10.0.0.1",
    "[fe80::1%25lo]",
];

const NOT_ALLOWED: u8 = 2;

async fn house(seams: Seams) -> Household {
    Household::trusting(&TestCa::new())
        .member("ann", &[])
        .seams(seams)
        .config("[intercept]\nmode = \"off\"\n[limits]\nper_member = \"100000/s\"")
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_to_a_special_address_is_refused_in_every_way_in() {
    let names: Vec<String> = (0..SPECIAL.len()).map(|at| format!("n{at}.test")).collect();
    let answers: Vec<(&'static str, &'static [&'static str])> = names
        .iter()
        .zip(&SPECIAL)
        .map(|(name, address)| {
            let name: &'static str = Box::leak(name.clone().into_boxed_str());
            (name, std::slice::from_ref(address))
        })
        .collect();
    let home = house(resolving(&answers)).await;
    for (name, address) in names.iter().zip(SPECIAL) {
        let (status, answer, _) = home.client().connect(&format!("{name}:443")).await;
        assert_eq!(status, 403, "CONNECT {address}: {answer}");
        assert!(answer.contains("destination_ip_prohibited"), "CONNECT {address}: {answer}");
        assert!(!answer.contains(address), "what it leads to is not told: {answer}");
        let reply = home.client().get(&format!("http://{name}/")).await;
        assert_eq!(reply.status, 403, "GET {address}");
        assert!(!reply.text().contains(address), "{}", reply.text());
        let wish = crate::support::socks::wish(name, 443);
        assert_eq!(home.client().socks(&wish).await.answer(), NOT_ALLOWED, "SOCKS {address}");
    }
    let refused = home.awaited("refused", 3 * SPECIAL.len()).await;
    assert_eq!(refused.len(), 3 * SPECIAL.len());
    for record in &refused {
        assert_eq!(
            (&record["status"], &record["code"]),
            (&403.into(), &"destination_ip_prohibited".into()),
            "{record}"
        );
    }
    assert_eq!(home.of_kind("open").await.len() + home.of_kind("tunnel").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_any_spelling_of_an_address() {
    let home = house(Seams::default()).await;
    for literal in LITERALS {
        let (status, answer, _) = home.client().connect(&format!("{literal}:443")).await;
        assert!(matches!(status, 400 | 403), "CONNECT {literal}: {answer}");
        let bytes = format!("GET http://{literal}/ HTTP/1.1\r\nHost: {literal}\r\nConnection: close\r\n\r\n");
        let answer = home.client().raw(bytes.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.1 403"),
            "GET {literal}: {answer}"
        );
    }
    assert_eq!(home.of_kind("open").await.len() + home.of_kind("tunnel").await.len(), 0);
}

/// Answers with something else each time.
struct Changing(AtomicUsize);

impl Resolve for Changing {
    fn resolve<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
        let answer: IpAddr = if first { [127, 0, 0, 1] } else { [127, 0, 0, 9] }.into();
        Box::pin(async move { Ok(vec![answer]) })
    }
}

/// What was checked is what is dialled: between the two nobody asks again.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let inside = tokio::net::TcpListener::bind("127.0.0.9:0").await.unwrap();
    let port = inside.local_addr().unwrap().port();
    let asked = Arc::new(Changing(AtomicUsize::new(0)));
    let seams = Seams { resolver: Arc::clone(&asked) as Arc<dyn Resolve>, ..Seams::default() };
    let home = Household::trusting(&TestCa::new()).member("ann", &[]).seams(seams).start().await;
    home.reload(&format!("[upstream]\nports = [443, {port}]")).await;
    // Nobody listens where it was said to be first.
    assert_eq!(home.client().get(&format!("http://rebinding.test:{port}/")).await.status, 502);
    assert_eq!(asked.0.load(Ordering::SeqCst), 1, "asked once");
    // The second time it is where nothing may go.
    assert_eq!(home.client().get(&format!("http://rebinding.test:{port}/")).await.status, 403);
    let nobody = tokio::time::timeout(std::time::Duration::from_millis(200), inside.accept()).await;
    assert!(nobody.is_err(), "nobody came to the address inside");
}
