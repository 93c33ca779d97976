//! Addresses that were made for others.

use super::*;

const OWN: u32 = 1;
const OTHER: u32 = 2;
const FOREIGN: &str = "maria.keller42k7qx@alias.example";

fn book() -> Arc<AddressBook> {
    let email = Slot::parse("email.primary").unwrap();
    let mut book = AddressBook::default();
    book.add(email.clone(), "own.name77abcd@alias.example", OWN);
    for number in 0..1000 {
        book.add(email.clone(), &format!("other{number}zzzz@alias.example"), OTHER);
    }
    book.add(email.clone(), FOREIGN, OTHER);
    book.add(email.clone(), "u1abcd@bücher.example", OTHER);
    book.add(email, "no address", OTHER);
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
fn nobody_elses() {
    for text in [
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
        before in "[a-z0-9 .@%=&+_-]{0,40}",
        after in "[a-z0-9 .@%=&+_-]{0,40}",
        spelling in 0..4,
    ) {
        let address = match spelling {
            0 => FOREIGN.to_owned(),
            1 => FOREIGN.replace('@', "%40"),
            2 => FOREIGN.replace('.', "%2e"),
            _ => FOREIGN.to_uppercase(),
        };
        let text = format!("{before}{address}{after}");
        let found = !foreign(Syntax::Text, &text).is_empty();
        prop_assert!(!found || !GUARDED.holds_no_value(text.as_bytes()), "{}", text);
    }
}
