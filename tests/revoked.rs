//! A vendor whose certificate was revoked is not met, and nobody is asked about it: what is known of all certificates lies
//! in the home.

use crate::support::vendor::response;
use crate::support::{Household, TestCa, Vendor, until};
use clubcard::builder::{ApproximateRibbon, ClubcardBuilder, ExactRibbon};
use clubcard_crlite::builder::CRLiteBuilderItem;
use clubcard_crlite::{CRLiteClubcard, CRLiteCoverage, CRLiteQuery, Encoding, IssuerSpkiHash};
use http::StatusCode;
use rcgen::{CertificateParams, CustomExtension, SerialNumber};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

const FROM_FILTERS: &str = "[upstream]\nrevocations = \"https://filters.test/of/\"";
/// A log of certificates, and the time that the filters know of it (milliseconds since 1970, UTC).
const LOG: [u8; 32] = [7; 32];
const KNOWN_TO: u64 = 1_790_000_000_000;

/// Makes a certificate one with this number that a log took at that time (RFC 6962 section 3.3).
fn logged(number: u8, time: u64) -> impl FnOnce(&mut CertificateParams) {
    move |made| {
        let signed: Vec<u8> = [&[0][..], &LOG, &time.to_be_bytes(), &[0, 0], &[4, 3, 0, 4], b"sign"].concat();
        let prefixed =
            |bytes: Vec<u8>| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat();
        let list = prefixed(prefixed(signed));
        let octets = [&[4, u8::try_from(list.len()).unwrap()][..], &list].concat();
        made.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], octets)];
        made.serial_number = Some(SerialNumber::from(vec![number]));
    }
}

/// A filter in which an authority has issued these numbers, and revoked some of them.
fn filter(authority: &TestCa, issued: &[u8], revoked: &[u8]) -> Vec<u8> {
    let issuer = IssuerSpkiHash(Sha256::digest(authority.public_key()).into());
    let item = |number: u8| match revoked.contains(&number) {
        true => CRLiteBuilderItem::revoked(issuer, vec![number]),
        false => CRLiteBuilderItem::not_revoked(issuer, vec![number]),
    };
    let mut builder = ClubcardBuilder::new();
    let mut approximate = builder.new_approx_builder(&issuer.0);
    revoked.iter().for_each(|number| approximate.insert(item(*number)));
    approximate.set_universe_size(issued.len());
    builder.collect_approx_ribbons(vec![ApproximateRibbon::from(approximate)]);
    let mut exact = builder.new_exact_builder(&issuer.0);
    issued.iter().for_each(|number| exact.insert(item(*number)));
    builder.collect_exact_ribbons(vec![ExactRibbon::from(exact)]);
    let covered = serde_json::json!([{
        "LogID": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, LOG),
        "MinTimestamp": 0, "MaxTimestamp": KNOWN_TO, "MMD": 0, "MinEntry": 0,
    }]);
    let coverage = CRLiteCoverage::from_mozilla_ct_logs_json(covered.to_string().as_bytes());
    CRLiteClubcard::from(builder.build::<CRLiteQuery<'_>>(coverage, ())).to_bytes(Encoding::V4).unwrap()
}

/// Who publishes filters.
#[derive(Clone, Default)]
struct Publisher(Arc<Mutex<HashMap<String, Vec<u8>>>>);

impl Publisher {
    /// Publishes these filters, by name.
    fn publish(&self, at: u64, filters: &[(&str, Vec<u8>)]) {
        let files: Vec<_> = filters
            .iter()
            .map(|(name, bytes)| {
                let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                serde_json::json!({ "filename": name, "size": bytes.len(), "hash": digest })
            })
            .collect();
        let manifest = serde_json::json!({ "generated_at": at, "comment": "for a test", "files": files });
        self.put("manifest.json", manifest.to_string().into_bytes());
        filters.iter().for_each(|(name, bytes)| self.put(name, bytes.clone()));
    }

    fn put(&self, name: &str, bytes: Vec<u8>) {
        self.0.lock().unwrap().insert(format!("/of/{name}"), bytes);
    }

    async fn open(&self, ca: &TestCa) -> Vendor {
        let files = Arc::clone(&self.0);
        let answer = move |asked: &crate::support::vendor::Received| match files
            .lock()
            .unwrap()
            .get(&asked.target())
        {
            Some(bytes) => response("200 OK", &[], bytes),
            None => response("404 Not Found", &[], b""),
        };
        Vendor::https("filters.test").answering(answer).start(ca).await
    }
}

fn kept(home: &Household) -> PathBuf {
    home.dir.path().join("revocations")
}

/// Of what is in force, in seconds since 1970.
fn as_of(home: &Household) -> Option<u64> {
    home.house.rooms().upstream.revocations().as_of().map(|time| time.0 / 1000)
}

async fn meets(home: &Household, host: &str) -> StatusCode {
    home.client().get(&format!("https://{host}/")).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_refused_whatever_was_open_before() {
    let (ca, publisher) = (TestCa::new(), Publisher::default());
    let authority = ca.below();
    let mut vendors = Vec::new();
    for (host, number, time) in
        [("shop.test", 66, KNOWN_TO - 1), ("news.test", 67, KNOWN_TO - 1), ("young.test", 66, KNOWN_TO + 1)]
    {
        let config = authority.server_config_below(host, logged(number, time));
        vendors.push(Vendor::https(host).tls(config).start(&ca).await);
    }
    // Not logged, as the certificates of an owner's own authority are not.
    let own =
        ca.server_config_with("own.test", |made| made.serial_number = Some(SerialNumber::from(vec![66])));
    vendors.push(Vendor::https("own.test").tls(own).start(&ca).await);
    let filters = publisher.open(&ca).await;
    publisher.publish(1_789_000_000, &[("a.filter", filter(&authority, &[66, 67, 68], &[66]))]);
    let builder = Household::trusting(&ca).knowing(&filters).config(FROM_FILTERS);
    let home = vendors.iter().fold(builder, |builder, vendor| builder.knowing(vendor)).start().await;

    assert_eq!((as_of(&home), meets(&home, "shop.test").await), (None, StatusCode::OK), "not known yet");
    tokio::spawn(Arc::clone(&home.house).keep());
    until("the filters", || as_of(&home) == Some(1_789_000_000)).await;
    let page = home.client().get_with("https://shop.test/a", &[("accept", "text/html")]).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(page.text().contains("certificate was revoked"), "{}", page.text());
    assert!(page.header("proxy-status").unwrap().contains("error=tls_certificate_error"));
    assert_eq!(vendors[0].received().len(), 1, "no more than before");
    for host in ["news.test", "young.test", "own.test"] {
        assert_eq!(meets(&home, host).await, StatusCode::OK, "{host}");
    }
    let asked: Vec<_> = filters.received().iter().map(|one| one.target()).collect();
    assert_eq!(asked, ["/of/manifest.json", "/of/a.filter"]);
    let flows = home.of_kind("open").await;
    let own: Vec<_> = flows.iter().filter(|open| open["host"] == "filters.test").collect();
    assert!(own.len() == 2 && own.iter().all(|open| open["member"] == "gateway"), "{own:?}");

    // What lies in the home holds from the first connection on, and no longer than the owner wants it.
    let mut stopped = home.pauses().await;
    stopped.forget("filters.test");
    let home = stopped.start().await;
    assert_eq!(meets(&home, "shop.test").await, StatusCode::BAD_GATEWAY);
    let home = home.pauses().await.start_with("[upstream]\nrevocations = \"off\"").await;
    assert_eq!((as_of(&home), meets(&home, "shop.test").await), (None, StatusCode::OK));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_whole_leaves_all_as_it_was() {
    let (ca, publisher) = (TestCa::new(), Publisher::default());
    let authority = ca.below();
    let config = authority.server_config_below("shop.test", logged(66, KNOWN_TO - 1));
    let shop = Vendor::https("shop.test").tls(config).start(&ca).await;
    let filters = publisher.open(&ca).await;
    let first = filter(&authority, &[66, 67], &[66]);
    publisher.publish(1, &[("a.filter", first.clone())]);
    let home = Household::trusting(&ca).knowing(&filters).knowing(&shop).config(FROM_FILTERS).start().await;
    tokio::spawn(Arc::clone(&home.house).keep());
    until("the filters", || as_of(&home) == Some(1)).await;

    let later = filter(&authority, &[66, 67], &[67]);
    let look_again = async || {
        let old = SystemTime::now() - Duration::from_secs(7 * 3600);
        let manifest = std::fs::File::options().append(true).open(kept(&home).join("manifest.json")).unwrap();
        manifest.set_modified(old).unwrap();
        let before = filters.received().len();
        home.reload(FROM_FILTERS).await;
        until("another look", || filters.received().len() > before).await;
    };
    for (name, bytes) in [
        ("manifest.json", b"<html>".to_vec()),
        ("manifest.json", vec![b' '; (1 << 20) + 1]),
        ("b.filter", later[..later.len() - 1].to_vec()),
        ("b.filter", [&later[..], b"x"].concat()),
        ("b.filter", first.clone()),
    ] {
        publisher.publish(2, &[("a.filter", first.clone()), ("b.filter", later.clone())]);
        publisher.put(name, bytes);
        let failures = home.of_kind("close").await.len();
        look_again().await;
        home.awaited("close", failures + 1).await;
        assert_eq!(
            (as_of(&home), meets(&home, "shop.test").await),
            (Some(1), StatusCode::BAD_GATEWAY),
            "{name}"
        );
    }
    // Bytes that are what the manifest says, and no filter.
    publisher.publish(2, &[("b.filter", b"no filter".to_vec())]);
    look_again().await;
    until("its download", || filters.last().target() == "/of/b.filter").await;
    assert_eq!((as_of(&home), meets(&home, "shop.test").await), (Some(1), StatusCode::BAD_GATEWAY));

    publisher.publish(2, &[("b.filter", later)]);
    look_again().await;
    until("the later filters", || as_of(&home) == Some(2)).await;
    assert_eq!(meets(&home, "shop.test").await, StatusCode::OK);
    // Another publisher is asked at once.
    publisher
        .0
        .lock()
        .unwrap()
        .insert("/else/manifest.json".to_owned(), br#"{"generated_at":3,"files":[]}"#.to_vec());
    home.reload("[upstream]\nrevocations = \"https://filters.test/else/\"").await;
    until("the other filters", || as_of(&home) == Some(3)).await;
    home.reload(FROM_FILTERS).await;
    until("the first again", || as_of(&home) == Some(2)).await;
    let mut names: Vec<_> =
        std::fs::read_dir(kept(&home)).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 3, "the old filter is gone: {names:?}");
}
