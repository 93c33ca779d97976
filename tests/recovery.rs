//! Identities outlive their machine: a phrase on paper and a sealed file bring them back on an empty one.

use crate::support::program::{Done, Program};
use serde_json::Value;
use std::io::Write;
use std::path::Path;

const CONFIG: &str = "[identity]\ndomain = \"alias.example\"\nfirst = \"pseudonym\"\n";
const ANN: [&str; 3] =
    ["email.primary=ann.real@home.example", "name.full=Ann Realskova", "birthdate=1984-02-29"];
/// What a vendor met later is given: the slots of one identity.
const SLOTS: [&str; 3] = ["email.primary", "name.full", "birthdate"];

fn home_of_ann(config: &str) -> Program {
    let home = Program::configured(config);
    home.ok(&["member", "add", "ann"]);
    home.ok(&[&["member", "set", "ann"][..], &ANN].concat());
    home
}

/// Ben, with a credential made for it.
fn as_ben(home: &Program, words: &[&str]) -> Done {
    let token = home.ok(&["member", "token", "ben"]).out;
    home.run_with(&[&["--as", "ben"][..], words].concat(), &[("DOORWARD_TOKEN", token.trim())])
}

/// A household that two vendors know, one of them as its second identity.
fn known_home() -> Program {
    let home = home_of_ann(CONFIG);
    // Commands are quicker where the home is open already.
    let running = home.start();
    home.ok(&["member", "add", "ben", "--kind", "child", "--set", "email.primary=ben@home.example"]);
    for slot in ["email.primary", "name.full", "username", "birthdate"] {
        home.ok(&["persona", "issue", "shop.example", slot]);
    }
    home.ok(&["--yes", "persona", "reset", "shop.example"]);
    home.ok(&["persona", "issue", "shop.example", "email.primary"]);
    as_ben(&home, &["persona", "issue", "toys.example", "email.primary"]);
    home.ok(&["persona", "adopt", "bank.example", "email.primary=ann.real@home.example"]);
    home.ok(&["vendor", "set", "shop.example", "level=stranger", "identity.phone=real"]);
    drop(running);
    home
}

fn phrase(home: &Program) -> String {
    home.ok(&["--json", "recovery", "phrase"]).json()["phrase"].as_str().unwrap().to_owned()
}

/// Restores into `home` what the file says; the phrase as somebody types it.
fn restore(home: &Program, file: &Path, phrase: &str) -> Done {
    let mut child = home.spawn(&["--json", "recovery", "restore", file.to_str().unwrap()]);
    child.stdin.take().unwrap().write_all(phrase.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    Done { code: output.status.code().unwrap(), out, err: String::new() }
}

fn persona(home: &Program, vendor: &str) -> Value {
    home.ok(&["--json", "persona", "show", vendor]).json()
}

fn value(home: &Program, vendor: &str, slot: &str) -> String {
    home.ok(&["persona", "issue", vendor, slot]).out
}

#[test]
fn vendors_meet_whom_they_know_on_another_machine() {
    let lost = known_home();
    let (phrase, file) = (phrase(&lost), lost.beside("manifest"));
    let written = lost.ok(&["recovery", "manifest", "--out", file.to_str().unwrap()]);
    assert!(written.err.contains("know: 7;"), "{}", written.err);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("doorward manifest 1\n") && text.lines().all(|line| line.len() <= 76), "{text}");

    let found = Program::configured(CONFIG);
    let numbered: Vec<_> =
        phrase.split(' ').enumerate().map(|(at, word)| format!("{}. {word}", at + 1)).collect();
    let back = restore(&found, &file, &numbered.join("\n"));
    assert_eq!(back.code, 0, "{}", back.out);
    assert_eq!(back.json()["members"], serde_json::json!(["ann", "ben"]));
    assert_eq!((&back.json()["values"], &back.json()["vendors"]), (&7.into(), &3.into()));

    // Also whom they meet now meets the same person on both, once their values are there again.
    found.ok(&[&["member", "set", "ann"][..], &ANN].concat());
    for vendor in ["shop.example", "bank.example"] {
        assert_eq!(persona(&found, vendor), persona(&lost, vendor), "{vendor}");
    }
    let toys = |home: &Program| as_ben(home, &["--json", "persona", "show", "toys.example"]).json();
    assert_eq!(toys(&found), toys(&lost));
    let vendor = |home: &Program| home.ok(&["--json", "vendor", "show", "shop.example"]).json();
    assert_eq!(vendor(&found), vendor(&lost), "with its level and its settings");

    for slot in SLOTS {
        assert_eq!(
            value(&found, "met-later.example", slot),
            value(&lost, "met-later.example", slot),
            "{slot}"
        );
    }
    for home in [&lost, &found] {
        home.ok(&["--yes", "persona", "reset", "shop.example"]);
    }
    assert_eq!(value(&found, "shop.example", "email.primary"), value(&lost, "shop.example", "email.primary"));
}

#[test]
fn the_new_log_says_so_and_can_be_read_back() {
    let lost = known_home();
    let (phrase, file) = (phrase(&lost), lost.beside("manifest"));
    lost.ok(&["recovery", "manifest", "--out", file.to_str().unwrap()]);
    let found = Program::configured(CONFIG);
    assert_eq!(restore(&found, &file, &phrase).code, 0);

    let records = found.records();
    let reason =
        records.iter().find_map(|record| record["reason"].as_str().filter(|_| record["kind"] == "config"));
    assert!(reason.unwrap().starts_with("restored from the manifest of 20"), "{reason:?}");
    let anns = |record: &&Value| record["kind"] == "issue" && record["member"] == "ann";
    let issued: Vec<_> = records.iter().filter(anns).collect();
    assert_eq!(issued.len(), 6);
    let real = issued.iter().filter(|record| record["how"] == "adopted").all(|record| record["value"] == "…");
    assert!(real, "what may be real is not named");
    found.ok(&["ledger", "verify"]);
    for word in ["ann.real", "realskova"] {
        let everything = String::from_utf8_lossy(&found.everything()).to_lowercase();
        assert!(!everything.contains(word), "{word} lies open");
    }
    let everything = String::from_utf8_lossy(&lost.everything()).into_owned();
    let words: Vec<_> = phrase.split(' ').collect();
    let second = words[..3].join(" ");
    assert_eq!(everything.matches(&second).count(), 1, "it was printed once, and is written nowhere");
}

#[test]
fn nothing_is_made_of_a_wrong_phrase_or_another_text() {
    let lost = known_home();
    let (right, file) = (phrase(&lost), lost.beside("manifest"));
    lost.ok(&["recovery", "manifest", "--out", file.to_str().unwrap()]);
    let other = Program::configured(CONFIG);
    other.ok(&["status"]);
    let foreign = phrase(&other);
    let text = std::fs::read_to_string(&file).unwrap();
    let put = |name: &str, text: &str| {
        let path = lost.beside(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let cut = put("cut", &text[..text.len() / 2]);
    let changed = put(
        "changed",
        &text.replacen(&text[200..204], if &text[200..204] == "AAAA" { "BBBB" } else { "AAAA" }, 1),
    );
    let later = put("later", &text.replace("manifest 1", "manifest 2"));
    let found = Program::configured(CONFIG);
    for (name, file, phrase, code) in [
        ("another home's phrase", &file, foreign.as_str(), 5),
        ("half a manifest", &cut, &right, 2),
        ("a changed one", &changed, &right, 5),
        ("one of a later version", &later, &right, 2),
        ("another text", &found.config(), &right, 2),
        ("a word too few", &file, &right[..right.rfind(' ').unwrap()], 2),
        ("no phrase", &file, "", 2),
    ] {
        let done = restore(&found, file, phrase);
        assert_eq!(done.code, code, "{name}: {}", done.out);
        assert!(!found.home().join("keys/root.key").exists(), "{name}: a key was made");
    }
    // A home with people in it stays theirs, also under its own phrase.
    for (home, phrase) in [(&other, &right), (&lost, &right)] {
        assert_eq!(restore(home, &file, phrase).code, 1);
    }
    lost.ok(&["persona", "show", "shop.example"]);
    assert_eq!(restore(&found, &file, &right).code, 0, "and then the right one");
}

#[test]
fn what_was_made_at_random_is_left_out_and_said() {
    let home = home_of_ann(&format!("{CONFIG}derivation = \"random\"\n"));
    home.ok(&["persona", "issue", "shop.example", "email.primary"]);
    let made = home.ok(&["recovery", "manifest"]);
    assert!(made.err.contains("made at random and not in it: 1;"), "{}", made.err);
    let file = home.beside("manifest");
    std::fs::write(&file, &made.out).unwrap();
    let found = Program::configured(CONFIG);
    let back = restore(&found, &file, &phrase(&home));
    assert_eq!((back.code, &back.json()["values"]), (0, &0.into()));
}

#[test]
fn a_running_gateway_makes_one_for_its_owner_and_says_how_old_it_is() {
    let home = known_home();
    let running = home.start();
    let line = |home: &Program| {
        let said = home.ok(&["status"]).out;
        said.lines().find(|line| line.starts_with("recovery")).map(str::to_owned)
    };
    assert!(line(&home).unwrap().contains("lost with this machine: 7 "), "{:?}", line(&home));
    let others = as_ben(&home, &["recovery", "manifest"]);
    assert_eq!((others.code, others.out.as_str()), (1, ""), "{}", others.err);
    assert_eq!(as_ben(&home, &["--json", "status"]).json()["recovery"], Value::Null, "it counts everybody's");
    home.ok(&["recovery", "manifest"]);
    assert!(!line(&home).unwrap().contains("since"), "{:?}", line(&home));
    home.ok(&["persona", "issue", "shop.example", "name.full"]);
    assert!(line(&home).unwrap().contains("values since: 1 "), "{:?}", line(&home));
    drop(running);
}
