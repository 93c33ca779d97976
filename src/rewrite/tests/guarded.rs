//! What was made for others.

use super::*;

const OWN: u32 = 1;
const OTHER: u32 = 2;
const FOREIGN: &str = "maria.keller42k7qx@alias.example";

fn book() -> Arc<Pseudonyms> {
    let email = Slot::parse("email.primary").unwrap();
    let mut book = Pseudonyms::default();
    book.add(email.clone(), "own.name77abcd@alias.example", OWN);
    for number in 0..1000 {
        book.add(email.clone(), &format!("other{number}zzzz@alias.example"), OTHER);
    }
    book.add(email.clone(), FOREIGN, OTHER);
    book.add(email.clone(), "u1abcd@bücher.example", OTHER);
    book.add(email, "no address", OTHER);
    for (slot, value, owner) in [
        ("username", "radishsketch553", OTHER),
        ("username", "desertmarble504", OWN),
        ("device.id", "035FF528-B0DF-4FE1-A4A9-E19455840889", OTHER),
        ("device.mac", "ba:e7:e1:7c:99:dd", OTHER),
        ("ad.id", "490154205802814", OTHER),
        ("account.club", "UI 9084809360", OTHER),
        ("custom.badge", "INTGO-16-2343", OTHER),
        ("custom.pass", "ab12cd34", OTHER),
        // Anybody may have these.
        ("custom.date", "20240517", OTHER),
        ("custom.word", "radishsketch", OTHER),
        ("custom.short", "ab-1234", OTHER),
        ("name.full", "Leon Mayer", OTHER),
        ("phone.primary", "+12075550161", OTHER),
    ] {
        book.add(Slot::parse(slot).unwrap(), value, owner);
    }
    Arc::new(book)
}

static GUARDED: LazyLock<Arc<Identifiers>> =
    LazyLock::new(|| Arc::new(ANN.guarding(Guard::new(&book(), OWN).unwrap())));

fn foreign(syntax: Syntax, body: &str) -> Vec<String> {
    let hits = find_in_body(&GUARDED, syntax, body.as_bytes());
    let foreign = hits.into_iter().filter(|hit| GUARDED.is_guarded(hit.identifier));
    foreign.map(|hit| body[hit.span].to_owned()).collect()
}

#[test]
fn in_every_spelling() {
    let nobody = compile(&[]);
    for (syntax, body, want) in [
        (Syntax::Text, "to maria.keller42k7qx@alias.example.", FOREIGN),
        (Syntax::Text, "MARIA.Keller42k7qx@Alias.Example", "MARIA.Keller42k7qx@Alias.Example"),
        (Syntax::Text, "maria.keller42k7qx+tag@alias.example", "maria.keller42k7qx+tag@alias.example"),
        (Syntax::Text, "user_maria.keller42k7qx@alias.example", FOREIGN),
        (Syntax::Text, "-maria.keller42k7qx@alias.example-", FOREIGN),
        (Syntax::Text, "u1abcd@xn--bcher-kva.example", "u1abcd@xn--bcher-kva.example"),
        (Syntax::Text, "<u1abcd@bücher.example>", "u1abcd@bücher.example"),
        (
            Syntax::Form,
            "to=hello+maria.keller42k7qx%40alias.example&x=1",
            "maria.keller42k7qx%40alias.example",
        ),
        (
            Syntax::Form,
            "u=https%3A%2F%2Fx%3Fm%3Dmaria.keller42k7qx%2540alias%252Eexample",
            "maria.keller42k7qx%2540alias%252Eexample",
        ),
        (
            Syntax::Json,
            r#"{"m":"m\u0061ria.keller42k7qx\u0040alias.example"}"#,
            r"m\u0061ria.keller42k7qx\u0040alias.example",
        ),
        (
            Syntax::Html,
            "<a href='mailto:maria.keller42k7qx&#64;alias.example'>",
            "maria.keller42k7qx&#64;alias.example",
        ),
        (
            Syntax::Text,
            "t bWFyaWEua2VsbGVyNDJrN3F4QGFsaWFzLmV4YW1wbGU= x",
            "bWFyaWEua2VsbGVyNDJrN3F4QGFsaWFzLmV4YW1wbGU=",
        ),
        (
            Syntax::Json,
            r#"{"t":"bWFyaWEua2VsbGVyNDJrN3F4QGFsaWFzLmV4YW1wbGU="}"#,
            "bWFyaWEua2VsbGVyNDJrN3F4QGFsaWFzLmV4YW1wbGU=",
        ),
    ] {
        assert_eq!(foreign(syntax, body), [want], "{body}");
        assert!(!GUARDED.is_clean(body.as_bytes()), "{body}");
        let nobodys = nobody.guarding(Guard::new(&book(), OWN).unwrap());
        assert!(!nobodys.is_clean(body.as_bytes()), "for who has nothing of their own: {body}");
    }
}

#[test]
fn user_names_and_ids_in_every_spelling() {
    for (syntax, body, want) in [
        (Syntax::Text, "by radishsketch553.", "radishsketch553"),
        (Syntax::Text, "@RadishSketch553_x", "RadishSketch553"),
        (Syntax::Form, "u=https%3A%2F%2Fx%2Fradishsketch553%2Fa", "radishsketch553"),
        (Syntax::Json, r#"{"u":"radish\u0073ketch553"}"#, r"radish\u0073ketch553"),
        (Syntax::Html, "<a href='/u/radishsketch&#53;53'>", "radishsketch&#53;53"),
        (Syntax::Text, "t cmFkaXNoc2tldGNoNTUz x", "cmFkaXNoc2tldGNoNTUz"),
        (Syntax::Json, r#"["035ff528-b0df-4fe1-a4a9-e19455840889"]"#, "035ff528-b0df-4fe1-a4a9-e19455840889"),
        (Syntax::Text, "id=035FF528B0DF4FE1A4A9E19455840889", "035FF528B0DF4FE1A4A9E19455840889"),
        (Syntax::Form, "m=ba%3Ae7%3Ae1%3A7c%3A99%3Add&x=1", "ba%3Ae7%3Ae1%3A7c%3A99%3Add"),
        (Syntax::Text, "m BA-E7-E1-7C-99-DD", "BA-E7-E1-7C-99-DD"),
        (Syntax::Text, "m bae7.e17c.99dd", "bae7.e17c.99dd"),
        (Syntax::Text, "mbae7e17c99dd bae7e17c99dd", "bae7e17c99dd"),
        (Syntax::Text, "imei 49-015420-580281-4;", "49-015420-580281-4"),
        (Syntax::Form, "a=UI+9084809360", "UI+9084809360"),
        (Syntax::Form, "a=UI%209084809360", "UI%209084809360"),
        (Syntax::Text, "no. ui9084809360", "ui9084809360"),
        (Syntax::Json, r#"{"b":"INTGO-16\u002d2343"}"#, r"INTGO-16\u002d2343"),
        (Syntax::Json, r#"{"b":"x\/INTGO_16_2343"}"#, "INTGO_16_2343"),
    ] {
        assert_eq!(foreign(syntax, body), [want], "{body}");
        assert!(!GUARDED.is_clean(body.as_bytes()), "{body}");
    }
}

#[test]
fn digests_of_what_was_made_for_others() {
    use sha2::Digest;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let sha256 = |text: &str| hex(&sha2::Sha256::digest(text));
    let md5 = |text: &str| hex(&md5::Md5::digest(text));
    for digest in [sha256(FOREIGN), md5(FOREIGN).to_uppercase(), sha256("radishsketch553")] {
        let body = format!("em={digest}&x=1");
        let hits = find_in_body(&GUARDED, Syntax::Form, body.as_bytes());
        let [hit] = &hits[..] else { panic!("{digest}") };
        assert!(GUARDED.is_guarded(hit.identifier) && body[hit.span.clone()] == digest);
        let own = hit.spelling.respell("q7@alias.example");
        assert_eq!(own.len(), digest.len(), "a digest in its place");
        assert_ne!(own, digest.as_bytes());
    }
    for own in ["own.name77abcd@alias.example", "desertmarble504"] {
        assert_eq!(foreign(Syntax::Text, &sha256(own)), [""; 0], "{own}");
    }
}

#[test]
fn nobody_elses() {
    for text in [
        "desertmarble504",
        "radishsketch5530",
        "xradishsketch553",
        "radishsketch55",
        "radish--sketch553",
        "radishsketché553",
        "2024-05-17 20240517",
        "radishsketch ab-1234 Leon Mayer +12075550161",
        "135ff528-b0df-4fe1-a4a9-e19455840889",
        "own.name77abcd@alias.example",
        "joan.maria.keller42k7qx@alias.example",
        "x-maria.keller42k7qx@alias.example",
        "émaria.keller42k7qx@alias.example",
        "maria.keller42k7qx@alias.example.org",
        "maria.keller42k7qx@alias.examples",
        "maria.keller42k7q@alias.example",
        "maria.keller42k7qx@other.example",
        "@alias.example",
    ] {
        assert_eq!(foreign(Syntax::Text, text), [""; 0], "{text}");
    }
    assert!(Guard::new(&book(), OTHER).is_some() && Guard::new(&Arc::default(), OTHER).is_none());
}

#[test]
fn every_split_gives_the_same() {
    let bodies = [
        (
            Syntax::Json,
            r#"{"a":"x_maria.keller42k7qx\u0040alias.example, other17zzzz@alias.example","b":"ann@home.example"}"#,
        ),
        (Syntax::Form, "a=x+maria.keller42k7qx%40alias.example&b=other999zzzz%2540alias.example."),
        (
            Syntax::Text,
            "ann@home.example maria.keller42k7qx+a@alias.example other3zzzz@alias.example@alias.example",
        ),
        (Syntax::Text, "a bWFyaWEua2VsbGVyNDJrN3F4QGFsaWFzLmV4YW1wbGU= and other1zzzz@alias.example"),
        (Syntax::Text, "radishsketch553 desertmarble504-x.radishsketch553-INTGO-16-2343 UI 9084809360"),
        (Syntax::Form, "a=radishsketch553&m=ba%3Ae7%3Ae1%3A7c%3A99%3Add&d=035FF528B0DF4FE1A4A9E19455840889"),
        (
            Syntax::Json,
            r#"{"a":"INTGO\u002d16-2343","b":["035ff528-b0df-4fe1-a4a9-e19455840889"],"c":"490154205802814"}"#,
        ),
    ];
    for (syntax, body) in bodies {
        let spans =
            |hits: Vec<Hit>| hits.into_iter().map(|hit| (hit.identifier, hit.span)).collect::<Vec<_>>();
        let whole = spans(find_in_body(&GUARDED, syntax.clone(), body.as_bytes()));
        assert!(whole.len() >= 2, "{whole:?} {body}");
        for at in 0..=body.len() {
            for further in [0, 1, 5, 17] {
                let mut finder = BodyFinder::new(Arc::clone(&GUARDED), syntax.clone());
                let (head, rest) = body.as_bytes().split_at(at);
                let (middle, tail) = rest.split_at(further.min(rest.len()));
                let hits =
                    [head, middle, tail].into_iter().flat_map(|piece| finder.push(piece)).collect::<Vec<_>>();
                let hits = hits.into_iter().chain(finder.finish()).collect();
                assert_eq!(spans(hits), whole, "cut at {at} and {further} on: {body}");
            }
        }
    }
}

#[test]
fn what_only_might_become_one_is_let_go_where_nothing_comes() {
    let mut finder = BodyFinder::new(Arc::clone(&GUARDED), Syntax::Text);
    assert!(finder.push(b"in base64 YW5uQGhvbWUuZXhhbXBsZQ==").is_empty());
    assert_eq!(finder.hurry().len(), 1, "it only waited for what may stand behind it");
    assert!(finder.push(b" and maria.keller").is_empty());
    assert!(finder.hurry().is_empty() && finder.settled() == 51);
    let torn = finder.push(b"42k7qx@alias.example ");
    assert!(torn[0].span.start < finder.settled(), "the caller sees that its beginning has left");
}

proptest! {
    #[test]
    fn a_walk_finds_what_the_fast_way_may_not_miss(
        before in r"[a-z0-9 .@%=&+_\\;#-]{0,40}",
        after in "[a-z0-9 .@%=&+_-]{0,40}",
        value in proptest::sample::select(vec![
            FOREIGN, "ab12cd34", "radishsketch553", "035ff528-b0df-4fe1-a4a9-e19455840889", "ba:e7:e1:7c:99:dd", "UI 9084809360",
        ]),
        spelling in 0..5,
    ) {
        let value = match spelling {
            0 => value.to_owned(),
            1 => value.replace('@', "%40").replace(':', "%3A").replace('-', "%2d"),
            2 => value.replace(['.', ':', '-'], "_").replace(' ', "+"),
            3 => value.replace(['-', ':'], "\\u002d").replace(' ', "&#32;"),
            _ => value.to_uppercase(),
        };
        let text = format!("{before}{value}{after}");
        let found = !foreign(Syntax::Text, &text).is_empty();
        prop_assert!(!found || !GUARDED.holds_no_value(text.as_bytes()), "{}", text);
    }
}
