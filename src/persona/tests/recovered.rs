//! A manifest of the first release and its phrase bring back the same people for good.

use super::*;
use crate::persona::recovery::{gather, restore};
use crate::vault::Phrase;
use std::fmt::Write;

/// One of BIP-39's test vectors.
const PHRASE: &str = "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth \
                      useful legal winner thank year wave sausage worth title";
const MANIFEST: &str = include_str!("../testdata/manifest-1.txt");
/// What vendors know then, and what one would know that was met later: member, vendor, epoch, slot, how, value.
const GOLDEN: &str = include_str!("../testdata/manifest-1.golden.txt");

fn phrase() -> Phrase {
    Phrase::parse(PHRASE).unwrap()
}

/// In the lines of the golden file.
fn told(home: &Home) -> String {
    let mut text = String::new();
    for member in home.vault.members().unwrap() {
        for (name, value) in [("email.primary", "ann@home.example"), ("name.full", "Ann Realname")] {
            let value = Secret::new(value.to_owned());
            home.vault.set_attribute(member.id, &slot(name), Some(&value)).unwrap();
        }
        let persona = home.load(member.id);
        for row in home.store.pseudonyms(member.id).unwrap() {
            let issued = persona.wardrobe.issued(&row.vendor, row.epoch, &row.slot).unwrap();
            let (name, vendor, epoch, slot) = (&member.name, &row.vendor, row.epoch, &row.slot);
            writeln!(text, "{name} {vendor} {epoch} {slot} {} {}", row.how, issued.value.expose()).unwrap();
        }
        for slot in ["email.primary", "name.full"] {
            let value = home.preview(&persona, "later.example", 1, slot);
            writeln!(text, "{} later.example 1 {slot} derived {value}", member.name).unwrap();
        }
    }
    text
}

fn restored(manifest: &str) -> Home {
    let dir = tempfile::tempdir().unwrap();
    let home = crate::vault::Home::open(dir.path()).unwrap();
    restore(&home, &phrase(), manifest).unwrap();
    let store = Store::open(&home.state_db()).unwrap();
    drop(home);
    Home::with(dir, store)
}

#[test]
fn of_the_first_release_it_brings_back_the_same() {
    assert_eq!(told(&restored(MANIFEST)), GOLDEN);
}

#[test]
fn and_so_does_one_made_of_what_came_back() {
    let first = restored(MANIFEST);
    let again = gather(&first.vault, &first.store, NOW).unwrap();
    assert_eq!(again.values, GOLDEN.lines().filter(|line| !line.contains("later.example")).count());
    let second = restored(&again.text);
    assert_eq!(told(&second), GOLDEN);
    assert_eq!(second.store.claims().unwrap(), first.store.claims().unwrap());
    for member in first.vault.members().unwrap() {
        let of = |store: &Store| {
            let acquainted =
                (store.acquainted_hosts(member.id).unwrap(), store.acquainted_vendors(member.id).unwrap());
            (
                store.relationships(member.id).unwrap(),
                store.all_vendor_settings(member.id).unwrap(),
                acquainted,
            )
        };
        assert_eq!(of(&first.store), of(&second.store));
    }
}

#[test]
fn what_a_lost_home_had_claimed_is_nobody_elses() {
    let home = restored(MANIFEST);
    let ann = home.vault.members().unwrap().swap_remove(0).id;
    let persona = home.load(ann);
    let email = slot("email.primary");
    let issued = persona.wardrobe.issued(&"shop.example".into(), 1, &email).unwrap();
    let blind = persona.wardrobe.blind_of(&"shop.example".into(), &email, issued.value.expose());
    assert!(home.store.is_claimed(&blind).unwrap());
}
