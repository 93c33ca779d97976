//! Tests of the room as a whole.

use super::*;
use crate::model::{Secret, Slot};
use proptest::prelude::*;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

mod encoded;
mod forms;
mod guarded;
mod heads;
mod properties;
mod selected;
mod streams;
mod structures;

const EMAIL: &str = "ann@home.example";
const NAME: &str = "Ann Real";
const PHONE: &str = "+4915112345678";

fn identifier(slot: &str, value: &str, strength: Strength) -> Identifier {
    Identifier { slot: Slot::parse(slot).unwrap(), value: Secret::new(value.to_owned()), strength }
}

fn compile(list: &[(&str, &str, Strength)]) -> Arc<Identifiers> {
    let list = list.iter().map(|(slot, value, strength)| identifier(slot, value, *strength)).collect();
    Arc::new(Identifiers::compile(list).unwrap())
}

/// Ann, with everything she has.
static ANN: LazyLock<Arc<Identifiers>> = LazyLock::new(|| {
    use Strength::{Strong, Weak};
    compile(&[
        ("email.primary", EMAIL, Strong),
        ("email.work", "ann+work@office.example", Strong),
        ("name.full", NAME, Strong),
        ("name.given", "Ann", Weak),
        ("name.family", "Real", Weak),
        ("phone.primary", PHONE, Strong),
        ("address.street", "Lindenstraße 5", Strong),
        ("address.postcode", "12345", Weak),
        ("birthdate", "1984-05-17", Weak),
        ("device.id", "6f2c1a90-77de-4b1c-9c55-0a1b2c3d4e5f", Strong),
    ])
});

/// What a test looks at.
type Seen = (String, String, Option<Range<usize>>);

/// Slot, place and written text of each hit.
fn seen(identifiers: &Identifiers, hits: &[Hit], bytes: &[u8]) -> Vec<(String, String, String)> {
    hits.iter()
        .map(|hit| {
            let written = String::from_utf8_lossy(&bytes[hit.span.clone()]).into_owned();
            (identifiers.get(hit.identifier).unwrap().slot.to_string(), hit.place.to_string(), written)
        })
        .collect()
}

fn in_body(syntax: Syntax, body: &str) -> Vec<(String, String, String)> {
    seen(&ANN, &find_in_body(&ANN, syntax, body.as_bytes()), body.as_bytes())
}

/// The written text of each hit in plain text.
fn in_text(text: &str) -> Vec<String> {
    in_body(Syntax::Text, text).into_iter().map(|(_, _, written)| written).collect()
}

/// What is written in the place of the first hit.
fn respelt(syntax: Syntax, body: &str, value: &str) -> String {
    let hits = find_in_body(&ANN, syntax, body.as_bytes());
    let hit = hits.first().unwrap_or_else(|| panic!("no hit in {body}"));
    let bytes = hit.spelling.respell(value);
    String::from_utf8(splice(body.as_bytes(), &[(hit.span.clone(), &bytes)])).unwrap()
}

#[test]
fn addresses_end_where_they_end() {
    for (text, want) in [
        ("ann@home.example", "ann@home.example"),
        ("ANN@Home.Example", "ANN@Home.Example"),
        ("mail ann@home.example.", "ann@home.example"),
        ("<ann@home.example>", "ann@home.example"),
        ("mailto:ann@home.example?x", "ann@home.example"),
        ("ann@home.example, bob", "ann@home.example"),
        ("joann@home.example", ""),
        ("jo.ann@home.example", ""),
        ("ann@home.example.org", ""),
        ("ann@home.examples", ""),
        ("ann@home.example-corp.com", ""),
        ("/avatars/ann@home.example.png", "ann@home.example"),
        ("ann@home.example_1699", "ann@home.example"),
        ("user_ann@home.example", "ann@home.example"),
        ("filename=\"ann@home.example.png\"", "ann@home.example"),
        ("ann@home.example-2024.pdf", "ann@home.example"),
        ("ann@home.example%2Eorg", ""),
        ("x%2Bann@home.example", "ann@home.example"),
        ("q=hi+ann@home.example", "ann@home.example"),
        ("ann+work@office.example", "ann+work@office.example"),
        ("ann%2Bwork@office.example", "ann%2Bwork@office.example"),
        ("ann work@office.example", ""),
        ("name ann@home.example\nann", "ann@home.example"),
    ] {
        assert_eq!(in_text(text).join("|"), want, "{text}");
    }
}

/// A sign before a value that may begin an escape, and may be no more than a sign.
#[test]
fn a_bare_sign_hides_no_value() {
    let ada = compile(&[
        ("email.primary", "ada@home.example", Strength::Strong),
        ("username", "thomas.real", Strength::Strong),
        ("custom.badge", "nadine-7", Strength::Strong),
        ("phone.primary", PHONE, Strength::Strong),
    ]);
    for (syntax, body, want) in [
        (Syntax::Json, r#"{"q":"like '%ada@home.example%'"}"#, "ada@home.example"),
        (Syntax::Json, r#"{"q":"like '%ada\u0040home.example%'"}"#, r"ada\u0040home.example"),
        (Syntax::Json, r#"{"u":"CORP\\thomas.real"}"#, "thomas.real"),
        (Syntax::Text, r"CORP\thomas.real", "thomas.real"),
        (Syntax::Text, r"C:\nadine-7\thomas.real.txt", "nadine-7 thomas.real"),
        (Syntax::Form, "u=CORP%5Cthomas.real&x", "thomas.real"),
        (Syntax::Form, "q=%25ada%40home.example%25", "ada%40home.example"),
        (Syntax::Form, "q=%7B%22u%22%3A%22CORP%5C%5Cthomas.real%22%7D", "thomas.real"),
        (Syntax::Text, "%0151 12345678%", "0151 12345678"),
        (Syntax::Text, "%a0151 12345678%", "0151 12345678"),
        (Syntax::Text, "%ada%ada@home.example ada@home.example", "ada@home.example ada@home.example"),
        (Syntax::Text, "ada@home.example.%ada@home.example", "ada@home.example ada@home.example"),
        (Syntax::Text, "%adah@home.example %bada@home.example", ""),
    ] {
        let written = |hits: Vec<Hit>| {
            hits.into_iter().map(|hit| body[hit.span].to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(written(find_in_body(&ada, syntax.clone(), body.as_bytes())), want, "{body}");
        let mut finder = BodyFinder::new(Arc::clone(&ada), syntax);
        let mut hits: Vec<Hit> = body.as_bytes().chunks(1).flat_map(|byte| finder.push(byte)).collect();
        hits.extend(finder.finish());
        assert_eq!(written(hits), want, "byte by byte: {body}");
    }
}

#[test]
fn domains_of_other_scripts_in_both_forms() {
    for value in ["ann@müller.example", "ann@xn--mller-kva.example"] {
        let ann = compile(&[("email.primary", value, Strength::Strong)]);
        for text in [
            "ann@müller.example",
            "ann@mu\u{308}ller.example",
            "ANN@M\u{dc}LLER.example",
            "ann%40m%C3%BCller.example",
            "ann\\u0040m\\u00fcller.example",
            "ann@XN--mller-kva.example",
        ] {
            assert_eq!(find_in_body(&ann, Syntax::Text, text.as_bytes()).len(), 1, "{value} as {text}");
        }
    }
}

#[test]
fn names_are_words() {
    for (text, want) in [
        ("Dear Ann Real,", "Ann Real"),
        ("ANN REAL", "ANN REAL"),
        ("Real, Ann", "Real, Ann"),
        ("Real Ann", "Real Ann"),
        ("Ann+Real", "Ann+Real"),
        ("Ann%20Real", "Ann%20Real"),
        ("Ann\n   Real", "Ann\n   Real"),
        ("Ann&nbsp;Real", "Ann&nbsp;Real"),
        ("Ann\u{a0}Real", "Ann\u{a0}Real"),
        ("JoAnn Real", ""),
        ("Ann Realty", ""),
        ("Ann Realé", ""),
        ("Ann", ""),
        ("lindenstrasse 5", "lindenstrasse 5"),
        ("lindenstraße 5,", "lindenstraße 5"),
        ("Lindenstra&szlig;e%205", "Lindenstra&szlig;e%205"),
        ("Lindenstraße 55", ""),
    ] {
        assert_eq!(in_text(text).join("|"), want, "{text}");
    }
}

/// A short user name of nothing but letters may be a word, or what somebody else is called.
#[test]
fn user_names_that_read_like_words_stand_in_one_case() {
    let found = |username: &str, syntax: Syntax, body: &str| {
        let james = compile(&[("username", username, Strength::Strong)]);
        find_in_body(&james, syntax, body.as_bytes()).len()
    };
    for (username, text, want) in [
        ("wright", "by wright, WRIGHT and /u/wright/", 3),
        ("wright", "The Wright brothers; WrighT", 0),
        ("Wright", "The Wright brothers and wright", 1),
        ("wright", "name%3Dwright %57right", 1),
        ("annReal", "annReal Annreal annreal", 3),
        ("jwright84", "Jwright84 jwright84", 2),
        ("thomas.real", "Thomas.Real", 1),
        ("carpenters", "Carpenters", 1),
    ] {
        assert_eq!(found(username, Syntax::Text, text), want, "{username}: {text}");
    }
    for (body, want) in [
        (r#"{"username":"Wright","login":"wright"}"#, 2),
        (r#"{"note":"Wright","author":{"username":"Wright"}}"#, 1),
    ] {
        assert_eq!(found("wright", Syntax::Json, body), want, "{body}");
    }
}

#[test]
fn accents_composed_and_not_small_and_capital() {
    let zoe = compile(&[("name.full", "Zoë Müller", Strength::Strong)]);
    for text in [
        "Zoë Müller",
        "ZOË MÜLLER",
        "zoë müller",
        "Zoe\u{308} Mu\u{308}ller",
        "M&uuml;ller, Zo\\u00eb",
        "Zo%C3%AB+M%C3%BCller",
    ] {
        assert_eq!(find_in_body(&zoe, Syntax::Text, text.as_bytes()).len(), 1, "{text}");
    }
    let li = compile(&[("name.full", "李小明", Strength::Strong)]);
    assert_eq!(find_in_body(&li, Syntax::Text, "我叫李小明。".as_bytes()).len(), 1, "no word spaces");
}

#[test]
fn phones_in_any_layout() {
    for (text, want) in [
        ("+4915112345678", "+4915112345678"),
        ("4915112345678", "4915112345678"),
        ("004915112345678", "004915112345678"),
        ("call 0151 1234 5678!", "0151 1234 5678"),
        ("+49 (0)151/123-456-78", "+49 (0)151/123-456-78"),
        ("(0151) 12345678", "(0151) 12345678"),
        ("%2B49%20151%2012345678", "%2B49%20151%2012345678"),
        ("tel=%2B4915112345678&x", "%2B4915112345678"),
        ("15112345678", "15112345678"),
        ("0.151.123.456.78", "0.151.123.456.78"),
        ("+49\u{a0}151\u{a0}12345678", "+49\u{a0}151\u{a0}12345678"),
        ("49151123456789", ""),
        ("9015112345678", ""),
        ("0151,12345678", ""),
        ("0151 1234 5679", ""),
    ] {
        assert_eq!(in_text(text).join("|"), want, "{text}");
    }
}

#[test]
fn writes_the_way_it_was_written() {
    use Syntax::{Form, Html, Json, Text};
    let alias = "u7+x@alias.example";
    for (syntax, body, value, want) in [
        (Text, "ann@home.example", alias, "u7+x@alias.example"),
        (Text, "ANN@HOME.EXAMPLE", alias, "U7+X@ALIAS.EXAMPLE"),
        (Form, "a=ann@home.example", alias, "a=u7%2Bx@alias.example"),
        (Form, "a=ann%40home.example", alias, "a=u7%2Bx%40alias.example"),
        (Form, "a=ann%2540home.example", alias, "a=u7%252Bx%2540alias.example"),
        (Json, r#"{"a":"ann\u0040home.example"}"#, alias, r#"{"a":"u7\u002bx\u0040alias.example"}"#),
        (
            Json,
            r#"{"a":"{\"b\":\"ann\\u0040home.example\"}"}"#,
            alias,
            r#"{"a":"{\"b\":\"u7\\u002bx\\u0040alias.example\"}"}"#,
        ),
        (Html, "<p>ann&#64;home.example", alias, "<p>u7&#43;x&#64;alias.example"),
        (Html, "<p>ann&commat;home&period;example", alias, "<p>u7&#43;x&commat;alias&period;example"),
        (Text, "%61%6e%6e%40%68%6f%6d%65%2e%65%78%61%6d%70%6c%65", "b@c.d", "%62%40%63%2e%64"),
        (Form, "n=Ann+Real", "Mia Kay", "n=Mia+Kay"),
        (Form, "n=Ann%20Real", "Mia Kay", "n=Mia%20Kay"),
        (Form, "n=Ann+Real", "Zoë O'Neil", "n=Zo%C3%AB+O%27Neil"),
        (Json, r#"["ANN REAL"]"#, "Mia \"K\" Kay", r#"["MIA \"K\" KAY"]"#),
        (Text, "0151 1234 5678", "+4915199887766", "0151 9988 7766"),
        (Text, "+49 (0)151/123-456-78", "+4915199887766", "+49 (0)151/998-877-66"),
        (Form, "p=%2B49+151+12345678", "+4915199887766", "p=%2B49+151+99887766"),
        (Text, "+4915112345678", "+12025550123", "+12025550123"),
        (Json, r#"{"p":4915112345678}"#, "+4915199887766", r#"{"p":4915199887766}"#),
        (
            Text,
            "6F2C1A9077DE4B1C9C550A1B2C3D4E5F",
            "00000000-1111-4222-8333-abcdefabcdef",
            "00000000111142228333ABCDEFABCDEF",
        ),
    ] {
        assert_eq!(respelt(syntax, body, value), want, "{body}");
    }
}

#[test]
fn debug_and_errors_show_nothing() {
    let hits = find_in_body(&ANN, Syntax::Text, b"ann@home.example");
    let shown = format!("{:?} {:?}", hits, ANN);
    assert!(!shown.contains("ann@") && shown.contains("email.primary"), "{shown}");
    let short = Identifiers::compile(vec![identifier("custom.club", "abc", Strength::Strong)]);
    assert_eq!(
        short.err().map(|error| error.to_string()).unwrap(),
        "the value of custom.club cannot be searched for: a strong one needs 4 to 256 bytes"
    );
}

#[test]
fn nobody_has_nothing_to_find() {
    let nobody = compile(&[]);
    assert!(nobody.is_empty());
    assert!(find_in_body(&nobody, Syntax::Text, b"ann@home.example").is_empty());
    assert!(find_in_target(&nobody, "/a?b=c").is_empty());
}

/// One mailbox has many addresses: what follows a `+` is of no account, and neither are dots to Gmail.
#[test]
fn other_addresses_of_the_same_mailbox() {
    for (text, want) in [
        ("to ann+shop@home.example.", "ann+shop@home.example"),
        ("ANN+Shop@Home.Example", "ANN+Shop@Home.Example"),
        ("m=ann%2Bshop%40home.example&x", "ann%2Bshop%40home.example"),
        ("ann@office.example", "ann@office.example"),
        ("ann+other@office.example", "ann+other@office.example"),
        ("joann+shop@home.example", ""),
        ("ann+shop@home.example.org", ""),
        ("ann shop@home.example", ""),
        ("ann+@home.example", "ann+@home.example"),
    ] {
        assert_eq!(in_text(text).join("|"), want, "{text}");
    }
    let gmail = compile(&[("email.primary", "ann.real@gmail.com", Strength::Strong)]);
    for (text, want) in [
        ("annreal@gmail.com", true),
        ("a.n.n.r.e.a.l@gmail.com", true),
        ("Ann.Real+news@googlemail.com", true),
        ("annreals@gmail.com", false),
        ("joann.real@gmail.com", false),
    ] {
        let hits = find_in_body(&gmail, Syntax::Text, text.as_bytes());
        assert_eq!(hits.len(), usize::from(want), "{text}");
    }
    // However it is cut.
    let body = b"hello ann+shop@home.example and a word";
    let whole = find_in_body(&ANN, Syntax::Text, body).len();
    for at in 1..body.len() {
        let mut finder = BodyFinder::new(Arc::clone(&ANN), Syntax::Text);
        let mut hits = finder.push(&body[..at]);
        assert!(finder.settled() <= 6 || at > 27, "its beginning waits: {at}");
        hits.extend(finder.push(&body[at..]));
        hits.extend(finder.finish());
        assert_eq!((hits.len(), &body[hits[0].span.clone()]), (whole, &b"ann+shop@home.example"[..]), "{at}");
    }
}

/// What stands between the digits of a phone may go over a line, and be any number of blanks.
#[test]
fn a_phone_over_two_lines_is_seen_at_a_glance_too() {
    for text in [
        "call 0151 \n12345678",
        "15 \r\n11 2345678",
        "0151       12345678",
        "+49 \t 151 \n 12345678",
        "0151%20%20%20%20%20%20%20%2012345678",
    ] {
        assert_eq!(in_text(text).len(), 1, "{text:?}");
    }
}
