//! What is nobody's of this house stays as it is: text that others wrote is left alone.

use doorward::model::{Secret, Slot};
use doorward::persona::{Locale, MemberIdentity};
use doorward::rewrite::{Syntax, find_in_body};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bytes of foreign text at least.
const LEAST: usize = 10 << 20;
/// Files that hold prose, data and markup rather than programs.
const TEXTS: &[&str] = &["md", "txt", "html", "json", "js", "toml", "py", "xml", "csv", "svg"];

/// The texts that the packages bring along which this one is built of: the same for everybody, by the lock file.
fn foreign() -> Vec<String> {
    let mut metadata = Command::new(env!("CARGO"));
    metadata.args(["metadata", "--format-version=1", "--locked"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = metadata.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut texts = Vec::new();
    for package in metadata["packages"].as_array().unwrap().iter().filter(|one| !one["source"].is_null()) {
        collect(Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap(), &mut texts);
    }
    let length: usize = texts.iter().map(String::len).sum();
    assert!(length >= LEAST, "{length} bytes are too few to say anything");
    texts
}

fn collect(folder: &Path, texts: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, texts);
        } else if path.extension().is_some_and(|end| TEXTS.iter().any(|text| end == *text)) {
            texts.extend(std::fs::read_to_string(&path).ok());
        }
    }
}

/// Several people's values, as on a device that they share.
fn shared(people: &[&[(&str, &str)]]) -> MemberIdentity {
    let value = |(slot, value): &(&str, &str)| (Slot::parse(slot).unwrap(), Secret::new((*value).to_owned()));
    let people = people.iter().map(|values| values.iter().map(value).collect()).collect();
    MemberIdentity::compile_shared(people, Locale::EnUs).unwrap()
}

/// Slot and written text of what is found in all of them.
fn found(identity: &MemberIdentity, texts: &[String]) -> Vec<(String, String)> {
    let identifiers = identity.identifiers();
    let mut all = Vec::new();
    for text in texts {
        for hit in find_in_body(identifiers, Syntax::Text, text.as_bytes()) {
            let slot = identifiers.get(hit.identifier).unwrap().slot.to_string();
            all.push((slot, text[hit.span].to_owned()));
        }
    }
    all
}

#[test]
fn whole_persons_are_found_in_next_to_nothing_that_others_wrote() {
    let texts = foreign();
    let megabytes = texts.iter().map(String::len).sum::<usize>() as f64 / f64::from(1 << 20);
    let people: &[&[(&str, &str)]] = &[
        &[
            ("email.primary", "maria.keller@home.example"),
            ("name.full", "Maria Keller"),
            ("username", "mkeller84"),
            ("phone.primary", "+4915112345678"),
            ("address.street", "Lindenstraße 5"),
            ("address.postcode", "10115"),
            ("address.city", "Berlin"),
            ("birthdate", "1984-05-17"),
            ("device.id", "6D92078A-8246-4BA4-AE5B-76104861E7DC"),
            ("device.mac", "00:1b:44:11:3a:b7"),
            ("account.club", "48151623"),
            ("custom.badge", "BADGE-00-4711"),
        ],
        &[
            ("email.primary", "jwright@home.example"),
            ("name.full", "James Wright"),
            ("username", "wright"),
            ("phone.primary", "+12025550143"),
            ("address.street", "12 Oak Street"),
            ("address.postcode", "20001"),
            ("address.city", "Washington"),
            ("birthdate", "2000-01-01"),
            ("device.id", "352099001761481"),
            ("account.club", "10000000"),
        ],
        &[
            ("email.primary", "info@home.example"),
            ("name.full", "Chloé Martin"),
            ("username", "chloe"),
            ("phone.primary", "+33639981234"),
            ("address.street", "3 rue de la Paix"),
            ("address.postcode", "75002"),
            ("address.city", "Paris"),
            ("birthdate", "1970-01-01"),
            ("ip.home", "127.53.9.81"),
            ("geo.home", "48.8566,2.3522"),
        ],
    ];
    for values in people {
        let wrong = found(&shared(&[values]), &texts);
        let mut counted = BTreeMap::new();
        wrong.iter().for_each(|wrong| *counted.entry(wrong).or_insert(0) += 1);
        assert!((wrong.len() as f64) < megabytes / 10.0, "{} in {megabytes:.0} MB: {counted:?}", wrong.len());
    }
}

#[test]
fn short_names_are_never_found_in_running_text() {
    let names = ["Ann", "Max", "Rust", "Will", "Mark", "Art", "Grant", "Bill", "Li", "Jo"];
    let logins: Vec<_> = names.iter().map(|name| name.to_lowercase()).collect();
    let people: Vec<[(&str, &str); 3]> = names
        .iter()
        .zip(&logins)
        .map(|(name, login)| [("name.given", *name), ("name.family", *name), ("username", login.as_str())])
        .collect();
    let people: Vec<&[(&str, &str)]> = people.iter().map(|values| values.as_slice()).collect();
    assert_eq!(found(&shared(&people), &foreign()), []);
}
