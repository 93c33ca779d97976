//! Values in other alphabets: base64 at every alignment, hex, gzip, one in another, and digests.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

const OTHER: &str = "maria.keller42@alias.example";

#[test]
fn a_value_with_an_escape_leaves_the_letters_beside_it_to_be_read() {
    let letters = STANDARD_NO_PAD.encode("ann@home.example");
    for (body, want) in [
        ("tel=%2B4915112345678", 1),
        ("tel=%2B49+151+12345678&x=1", 1),
        ("m=Call+me+at+%2B4915112345678+thanks+a+lot+bye+for+now", 1),
        (&*format!("m=%2B4915112345678/{letters}"), 2),
        (&*format!("m=%2B{letters}+%2B4915112345678+%2B{letters}"), 3),
    ] {
        let found = read_body(&ANN, Syntax::Form, body.as_bytes(), 10, false).unwrap();
        assert_eq!((found.hits.len(), found.unread.len()), (want, 0), "{body}");
    }
    let body = format!("m=id-{letters}+%2B4915112345678%2F{letters}+y");
    let (seen, out) = replaced(Syntax::Form, &body);
    assert_eq!(seen.len(), 3, "{out}");
    assert!(!out.contains(&letters) && out.starts_with("m=id-") && out.ends_with("+y"), "{out}");
}

/// Slot, place, and what stands in the body once every value is replaced by [`OTHER`].
fn replaced(syntax: Syntax, body: &str) -> (Vec<(String, String)>, String) {
    let mut editor = StreamEditor::new(Arc::clone(&ANN), syntax, &[], codec::Limits::default()).unwrap();
    editor.push(body.as_bytes()).unwrap();
    editor.finish().unwrap();
    let numbers: Vec<usize> = editor.undecided().collect();
    let mut seen = Vec::new();
    for number in numbers {
        let hit = editor.hit(number).unwrap();
        seen.push((ANN.get(hit.identifier).unwrap().slot.to_string(), hit.place.to_string()));
        let (span, bytes) = (hit.span.clone(), Secret::new(hit.spelling.respell(OTHER)));
        editor.decide(number, Decision::Replace { span, bytes });
    }
    (seen, String::from_utf8(editor.take_output().unwrap()).unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = codec::Encoder::new(codec::Coding::Gzip).unwrap();
    let mut packed = Vec::new();
    encoder.push(text.as_bytes(), &mut packed).unwrap();
    encoder.finish(&mut packed).unwrap();
    packed
}

#[test]
fn base64_at_every_alignment_and_of_every_kind() {
    for before in ["", "a", "ab", "abc", r#"{"mail":""#, "to "] {
        for after in ["", " ", r#"","x":1}"#] {
            for address in [EMAIL, "Ann@Home.Example", "ANN@HOME.EXAMPLE"] {
                let boundary = before.is_empty() || !before.ends_with(['a', 'b', 'c']);
                let text = format!("{before}{}{address}{after}", if boundary { "" } else { " " });
                let capitals = address.bytes().all(|byte| !byte.is_ascii_lowercase());
                let other = if capitals { OTHER.to_uppercase() } else { OTHER.to_owned() };
                let wanted = text.replace(address, &other);
                for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                    let written = engine.encode(&text);
                    let (seen, body) = replaced(Syntax::Json, &format!(r#"{{"data":"{written}"}}"#));
                    assert_eq!(seen, [("email.primary".into(), "request.body.json:/data".into())], "{text}");
                    let token = body.strip_prefix(r#"{"data":""#).and_then(|rest| rest.strip_suffix(r#""}"#));
                    let token = token.unwrap().trim_end_matches('=');
                    assert_eq!(STANDARD_NO_PAD.decode(token).unwrap(), wanted.as_bytes(), "{text}");
                }
            }
        }
    }
}

#[test]
fn padding_stays_as_it_was() {
    for (written, want) in [
        (STANDARD.encode(EMAIL), STANDARD.encode(OTHER)),
        (URL_SAFE_NO_PAD.encode(EMAIL), URL_SAFE_NO_PAD.encode(OTHER)),
    ] {
        assert_eq!(replaced(Syntax::Text, &written).1, want);
        let escaped = written.replace('=', "%3D");
        assert_eq!(
            replaced(Syntax::Form, &format!("m={escaped}")).1,
            format!("m={}", want.replace('=', "%3D"))
        );
    }
}

#[test]
fn several_values_in_one_text_are_written_together() {
    let text = format!(r#"{{"mail":"{EMAIL}","id":7,"again":"ann\u0040home.example","name":"{NAME}"}}"#);
    let (seen, body) = replaced(Syntax::Form, &format!("a=1&data={}&b=2", URL_SAFE_NO_PAD.encode(&text)));
    let slots: Vec<_> = seen.iter().map(|(slot, _)| slot.as_str()).collect();
    assert_eq!(slots, ["email.primary", "email.primary", "name.full"]);
    let token = body.strip_prefix("a=1&data=").and_then(|rest| rest.strip_suffix("&b=2")).unwrap();
    let token = token.trim_end_matches("%3D");
    let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap();
    let other = OTHER.replace('@', r"\u0040");
    assert_eq!(decoded, format!(r#"{{"mail":"{OTHER}","id":7,"again":"{other}","name":"{OTHER}"}}"#));
}

#[test]
fn one_alphabet_in_another() {
    let inner =
        format!(r#"{{"m":"{}"}}"#, URL_SAFE_NO_PAD.encode(format!("x={EMAIL}&y={}", hex(EMAIL.as_bytes()))));
    let (seen, body) = replaced(Syntax::Text, &format!("data:;base64,{}", STANDARD.encode(&inner)));
    assert_eq!(seen.len(), 2);
    let decoded = STANDARD.decode(body.strip_prefix("data:;base64,").unwrap()).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&decoded).unwrap();
    let innermost = URL_SAFE_NO_PAD.decode(value["m"].as_str().unwrap()).unwrap();
    assert_eq!(innermost, format!("x={OTHER}&y={}", hex(OTHER.as_bytes())).into_bytes());
}

#[test]
fn compressed_texts_are_unfolded_and_folded_again() {
    let text = format!(r#"[{{"event":"signup","user":"{EMAIL}"}}]"#);
    let (_, body) = replaced(Syntax::Form, &format!("d={}", URL_SAFE_NO_PAD.encode(gzip(&text))));
    let token = body.strip_prefix("d=").unwrap().replace("%2B", "-").replace("%2F", "_");
    let packed = URL_SAFE_NO_PAD.decode(token.trim_end_matches("%3D")).unwrap();
    let mut decoder = codec::Decoders::new(&[codec::Coding::Gzip], codec::Limits::default()).unwrap();
    let mut plain = Vec::new();
    decoder.push(&packed, &mut plain).unwrap();
    assert_eq!(String::from_utf8(plain).unwrap(), text.replace(EMAIL, OTHER));
}

#[test]
fn digests_become_digests_of_the_other_value() {
    let digest = |text: &str| Sha256::digest(text).to_vec();
    let md5 = |text: &str| <md5::Md5 as md5::Digest>::digest(text).to_vec();
    let sha1 = |text: &str| <sha1::Sha1 as sha1::Digest>::digest(text).to_vec();
    for (written, want) in [
        (hex(&digest(EMAIL)), hex(&digest(OTHER))),
        (hex(&digest(EMAIL)).to_uppercase(), hex(&digest(OTHER)).to_uppercase()),
        (hex(&md5(EMAIL)), hex(&md5(OTHER))),
        (hex(&sha1(EMAIL)), hex(&sha1(OTHER))),
        (STANDARD.encode(digest(EMAIL)), STANDARD.encode(digest(OTHER))),
        (URL_SAFE_NO_PAD.encode(digest(EMAIL)), URL_SAFE_NO_PAD.encode(digest(OTHER))),
        (STANDARD.encode(md5(EMAIL)), STANDARD.encode(md5(OTHER))),
    ] {
        let (seen, body) = replaced(Syntax::Json, &format!(r#"{{"em":["{written}"]}}"#));
        assert_eq!(seen, [("email.primary".into(), "request.body.json:/em/0".into())], "{written}");
        assert_eq!(body, format!(r#"{{"em":["{want}"]}}"#));
    }
    // Under the recipe it was made by.
    let phone = "+4930123456789";
    let body = format!("ph={}", hex(&digest("4915112345678")));
    let hits = find_in_body(&ANN, Syntax::Form, body.as_bytes());
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].spelling.digest(), Some("SHA-256 digest"));
    assert_eq!(hits[0].spelling.respell(phone), hex(&digest("4930123456789")).into_bytes());
    let given = format!("fn={}", hex(&digest("ann")));
    assert_eq!(find_in_body(&ANN, Syntax::Form, given.as_bytes()).len(), 1, "a weak value's too");
}

#[test]
fn parts_of_a_longer_run() {
    let token = URL_SAFE_NO_PAD.encode(EMAIL);
    let other = URL_SAFE_NO_PAD.encode(OTHER);
    for (before, after) in
        [("user-", ""), ("v2_", "_x"), ("/track/", "/pixel.gif"), ("abcde/", "/"), ("x+", "+y")]
    {
        let (seen, body) = replaced(Syntax::Text, &format!("{before}{token}{after}"));
        assert_eq!(seen.len(), 1, "{before}");
        assert_eq!(body, format!("{before}{other}{after}"));
    }
    let (seen, body) = replaced(Syntax::Text, &format!("/a/{token}/b/{token}"));
    assert_eq!((seen.len(), body), (2, format!("/a/{other}/b/{other}")));
}

#[test]
fn a_signed_token_says_so() {
    let token = |payload: &str| {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(payload), part("signature-signature"))
    };
    let body = format!("id_token={}", token(&format!(r#"{{"email":"{EMAIL}"}}"#)));
    let hits = find_in_body(&ANN, Syntax::Form, body.as_bytes());
    assert_eq!(hits.iter().map(|hit| hit.signed).collect::<Vec<_>>(), [true]);
    let rails = STANDARD.encode(format!(r#"{{"user":"{EMAIL}"}}"#)) + "--" + &"0123456789abcdef".repeat(4);
    assert!(find_in_body(&ANN, Syntax::Text, rails.as_bytes())[0].signed);
    let mail = URL_SAFE_NO_PAD.encode(EMAIL);
    for alone in [format!("t={mail}."), format!("t={mail}.{mail}.{mail}"), format!("t={mail}--{mail}{mail}")]
    {
        let hits = find_in_body(&ANN, Syntax::Form, alone.as_bytes());
        assert!(!hits.is_empty() && hits.iter().all(|hit| !hit.signed), "{alone}");
    }
}

#[test]
fn what_is_not_the_members_is_left() {
    for text in [
        STANDARD.encode("bob@home.example and others"),
        STANDARD.encode("joann@home.example"),
        hex(&Sha256::digest("bob@home.example")),
        "application/x-www-form-urlencoded".to_owned(),
        "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
    ] {
        assert_eq!(find_in_body(&ANN, Syntax::Text, text.as_bytes()).len(), 0, "{text}");
    }
}

/// The same in heads.
#[test]
fn heads_are_looked_into_too() {
    let token = STANDARD.encode(format!("{EMAIL}:secret"));
    let hits = find_in_header(&ANN, "authorization", 0, format!("Basic {token}").as_bytes());
    assert_eq!(hits.len(), 1);
    let target = format!("/c?d={}", URL_SAFE_NO_PAD.encode(EMAIL));
    assert_eq!(find_in_target(&ANN, &target).len(), 1);
    let path = format!("/u/{}/x", hex(EMAIL.as_bytes()));
    assert_eq!(find_in_target(&ANN, &path).len(), 1);
    let cookie = format!("a=1; ajs={}; b=2", URL_SAFE_NO_PAD.encode(format!(r#"{{"m":"{EMAIL}"}}"#)));
    assert_eq!(find_in_header(&ANN, "cookie", 0, cookie.as_bytes()).len(), 1);
}

#[test]
fn trailers_are_written_together_too() {
    let token = STANDARD.encode(format!("{EMAIL} {NAME} {EMAIL}"));
    let value = format!("a {token}, {EMAIL}");
    let hits = find_in_trailer(&ANN, "x-who", 0, value.as_bytes());
    let decide = |hit: Hit| {
        let (span, bytes) = (hit.span.clone(), Secret::new(hit.spelling.respell(OTHER)));
        let keep = ANN.get(hit.identifier).unwrap().slot == Slot::parse("name.full").unwrap();
        (hit, if keep { Decision::Keep } else { Decision::Replace { span, bytes } })
    };
    let edits = replacements(&hits.into_iter().map(decide).collect::<Vec<_>>());
    let edits: Vec<_> = edits.iter().map(|(span, bytes)| (span.clone(), bytes.expose())).collect();
    let want = STANDARD.encode(format!("{OTHER} {NAME} {OTHER}"));
    assert_eq!(String::from_utf8(splice(value.as_bytes(), &edits)).unwrap(), format!("a {want}, {OTHER}"));
}

/// A run of more letters than are looked into is told.
#[test]
fn a_run_that_is_too_long_is_told() {
    let body = format!(r#"{{"photo":"{}","m":"{EMAIL}"}}"#, "QUJD".repeat(20_000));
    let found = read_body(&ANN, Syntax::Json, body.as_bytes(), 10, false).unwrap();
    let unread: Vec<_> = found.unread.iter().map(ToString::to_string).collect();
    assert_eq!((found.hits.len(), unread.as_slice()), (1, &["request.body.json:/photo".to_owned()][..]));
}

#[test]
fn a_run_that_is_too_long_is_told_where_nothing_else_is_found() {
    let long = STANDARD.encode(format!("{} {EMAIL}", "x".repeat(60_000)));
    let found =
        read_body(&ANN, Syntax::Json, format!(r#"{{"photo":"{long}"}}"#).as_bytes(), 10, false).unwrap();
    assert_eq!((found.hits.len(), found.unread.len()), (0, 1));
}

/// The shortest spelling of a value counts, not the value: what text looks like in base64 is judged by it.
#[test]
fn spellings_that_are_shorter_than_their_value() {
    for (slot, value, spelt) in [
        ("device.mac", "3c:22:fb:9a:01:7e", "3c22fb9a017e"),
        ("email.primary", "ann+a.very.long.tag.indeed@x.example", "ann@x.example"),
    ] {
        let only = compile(&[(slot, value, Strength::Strong)]);
        for before in ["", " ", "a ", "ab "] {
            let text = STANDARD.encode(format!("{before}{spelt}"));
            assert_eq!(find_in_body(&only, Syntax::Text, text.as_bytes()).len(), 1, "{before}{spelt}");
        }
    }
}

proptest! {
    /// However a body with an encoded value is cut, what leaves is the same.
    #[test]
    fn splits_change_nothing(
        lead in "[a-z =&]{0,40}", text in "[a-z ]{0,30}", fill in 0usize..12_000, cuts in proptest::collection::vec(0usize..14_000, 0..6)
    ) {
        let token = URL_SAFE_NO_PAD.encode(format!("{text} {EMAIL}"));
        let body = format!("{lead} {}{} {token} {lead}", "words and words ".repeat(fill / 16), "A".repeat(fill % 97));
        let whole = replaced(Syntax::Text, &body).1;
        let wanted = body.replace(&token, &URL_SAFE_NO_PAD.encode(format!("{text} {OTHER}")));
        prop_assert_eq!(&whole, &wanted);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
        cuts.sort_unstable();
        let mut editor = StreamEditor::new(Arc::clone(&ANN), Syntax::Text, &[], codec::Limits::default()).unwrap();
        let (mut out, mut from) = (Vec::new(), 0);
        for to in cuts.into_iter().chain([body.len()]) {
            let mut numbers: Vec<usize> = editor.push(&body.as_bytes()[from..to]).unwrap().collect();
            if to == body.len() {
                numbers.extend(editor.finish().unwrap());
            }
            for number in numbers {
                let hit = editor.hit(number).unwrap();
                let (span, bytes) = (hit.span.clone(), Secret::new(hit.spelling.respell(OTHER)));
                editor.decide(number, Decision::Replace { span, bytes });
            }
            out.extend(editor.take_output().unwrap());
            from = to;
        }
        out.extend(editor.take_output().unwrap());
        prop_assert_eq!(String::from_utf8(out).unwrap(), whole);
    }
}

#[test]
fn what_stands_behind_a_value_is_looked_into_too() {
    for value in [
        "ann@home.example YW5uQGhvbWUuZXhhbXBsZQ",
        r"eyJtInnX\u=ann&#64;home.example&z_joiYW5uQGhvbWUuZXhhbXBsZSJg9",
        "Ann Real, YW5uQGhvbWUuZXhhbXBsZQ== and YW5uQGhvbWUuZXhhbXBsZQ==",
        "YW5uQGhvbWUuZXhhbXBsZQ== or ann@home.example or YW5uQGhvbWUuZXhhbXBsZQ==",
    ] {
        let want =
            value.matches("ann").count() + value.matches("Ann").count() + value.matches("YW5u").count();
        let form = format!("a={}&b=1", value.replace('&', "%26").replace(' ', "+"));
        for (syntax, body) in [
            (Syntax::Json, format!("{{\"a\":\"{value}\"}}")),
            (Syntax::Text, value.to_owned()),
            (Syntax::Form, form),
        ] {
            let whole = find_in_body(&ANN, syntax.clone(), body.as_bytes());
            assert_eq!(whole.len(), want, "{body}");
            let mut finder = BodyFinder::new(Arc::clone(&ANN), syntax);
            let mut hits: Vec<_> = body.bytes().flat_map(|byte| finder.push(&[byte])).collect();
            hits.extend(finder.finish());
            assert_eq!(hits.len(), want, "{body}, a byte at a time");
        }
    }
}
