//! What holds for every body, every split and every spelling.

use super::*;

type Shape = (usize, Range<usize>, Option<Range<usize>>, String);

fn shapes(hits: Vec<Hit>) -> Vec<Shape> {
    hits.into_iter().map(|hit| (hit.identifier, hit.span, hit.token, hit.place.to_string())).collect()
}

/// The hits of a body cut at those places; checks on the way that nothing settled is hit later.
fn cut(syntax: &Syntax, body: &[u8], cuts: &[usize]) -> Vec<Hit> {
    let mut finder = BodyFinder::new(Arc::clone(&ANN), syntax.clone());
    let mut hits = Vec::new();
    let mut settled = 0;
    let mut from = 0;
    for &to in cuts.iter().chain([&body.len()]) {
        let found = finder.push(&body[from..to]);
        check_settled(&found, settled);
        hits.extend(found);
        settled = finder.settled();
        assert!(settled <= to);
        from = to;
    }
    let found = finder.finish();
    check_settled(&found, settled);
    hits.extend(found);
    hits
}

fn check_settled(hits: &[Hit], settled: usize) {
    for hit in hits {
        let start = hit.token.as_ref().map_or(hit.span.start, |token| token.start.min(hit.span.start));
        assert!(start >= settled, "{hit:?} starts before {settled}");
    }
}

fn syntaxes() -> [Syntax; 5] {
    [Syntax::Json, Syntax::Form, Syntax::Multipart { boundary: "XX".into() }, Syntax::Text, Syntax::Html]
}

fn check_order(hits: &[Shape], length: usize) {
    let mut end = 0;
    for (_, span, token, _) in hits {
        assert!(span.start >= end && span.end > span.start && span.end <= length, "{hits:?}");
        if let Some(token) = token {
            assert!(token.start <= span.start && token.end >= span.end && token.end <= length);
        }
        end = span.end;
    }
}

#[test]
fn every_split_gives_the_same_hits() {
    let bodies: [(Syntax, &str); 7] = [
        (
            Syntax::Json,
            r#"{"email":"ann\u0040home.example","n":["Ann Real","x"],"p":"+49 151 12345678","zip":12345,"first_name":"Ann"}"#,
        ),
        (
            Syntax::Form,
            "email=ann%40home.example&n=Ann+Real&p=%2B49%20151-12345678&zip=12345&x=ann%2540home%252Eexample.",
        ),
        (
            Syntax::Text,
            "Hi ann@home.example. joann@home.example ann@home.example.org Real, Ann &amp;#64; 0151 1234 5678 (0151)12345678 %E2",
        ),
        (
            Syntax::Html,
            "<a href='mailto:ann&#64;home.example'>ann&commat;home&period;example</a> Lindenstra&szlig;e 5 ann@home.example",
        ),
        (
            Syntax::Multipart { boundary: "XX".into() },
            "--XX\r\nContent-Disposition: form-data; name=\"e\"\r\n\r\nann@home.example\r\n--XX\r\nContent-Disposition: form-data; name=\"zip\"\r\n\r\n12345\r\n--XX--\r\n",
        ),
        (
            Syntax::Multipart { boundary: "XX".into() },
            "--XX ann@home.example\r\n\r\nann@home.example\r\n--XX-a-ann@home.example\r\n\r\n\r\n--XX--ann@home.example",
        ),
        (Syntax::Json, "ann@home.example, Ann Real"),
    ];
    for (syntax, body) in bodies {
        let body = body.as_bytes();
        let whole = shapes(find_in_body(&ANN, syntax.clone(), body));
        assert!(whole.len() >= 2, "{whole:?}");
        check_order(&whole, body.len());
        for at in 0..=body.len() {
            assert_eq!(shapes(cut(&syntax, body, &[at])), whole, "cut at {at}");
            let hits = cut(&syntax, body, &[at, (at + 1).min(body.len()), (at + 7).min(body.len())]);
            assert_eq!(shapes(hits), whole, "cuts at {at}");
        }
        let all: Vec<usize> = (0..body.len()).collect();
        let hits = cut(&syntax, body, &all);
        assert_eq!(shapes(hits.clone()), whole, "byte by byte");
        for hit in hits {
            let same =
                find_in_body(&ANN, syntax.clone(), body).into_iter().find(|other| other.span == hit.span);
            assert_eq!(same.unwrap().spelling.respell("q@r.example"), hit.spelling.respell("q@r.example"));
        }
    }
}

/// Text that the prescan waves through, around a hit now and then, in chunks larger than its reach.
#[test]
fn large_chunks_with_a_hit_over_the_edge() {
    let filler = "lorem ipsum, dolor sit \"amet\" ".repeat(400);
    for at in 0..20 {
        for tail in ["ann@home.example", "ann%40home.example", "0151 1234 5678", "Ann Real"] {
            let body = format!("{filler}{tail} {filler}");
            let cuts = [filler.len() + at.min(tail.len())];
            let whole = shapes(find_in_body(&ANN, Syntax::Text, body.as_bytes()));
            assert_eq!(whole.len(), 1);
            assert_eq!(shapes(cut(&Syntax::Text, body.as_bytes(), &cuts)), whole, "{tail} cut at {at}");
        }
    }
}

/// One character in one of its spellings.
fn spelling(char: char, how: u8) -> String {
    let code = u32::from(char);
    match how % 10 {
        0 | 1 => char.to_string(),
        2 => format!("%{code:02x}"),
        3 => format!("%{code:02X}"),
        4 => format!("%25{code:02X}"),
        5 => format!("\\u{code:04x}"),
        6 => format!("\\\\u{code:04X}"),
        7 => format!("&#{code};"),
        8 => format!("&#x{code:X};"),
        _ => format!("%26%23{code}%3B"),
    }
}

pub(super) fn soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("ann@home.example"),
        Just("ann%40home.example"),
        Just("Ann"),
        Just(" Real"),
        Just("+49"),
        Just("0151 "),
        Just("12345678"),
        Just("\\u0040"),
        Just("&#64;"),
        Just("{\"a\":\""),
        Just("\"}"),
        Just("[1,"),
        Just("&zip="),
        Just("12345"),
        Just("\r\n--XX"),
        Just("\r\n\r\n"),
        Just("%"),
        Just("\\"),
        Just("&"),
        Just("--"),
        Just("ß"),
        Just("Content-Disposition: form-data; name=\"a\""),
        Just("%E2%80"),
        Just("%An"),
        Just("\n"),
        Just("+"),
        Just("\"first_name\":"),
    ]
    .prop_map(|text| text.as_bytes().to_vec());
    proptest::collection::vec(
        prop_oneof![3 => piece, 1 => proptest::collection::vec(any::<u8>(), 0..6)],
        0..40,
    )
    .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_mixture_of_spellings_is_found(
        which in 0usize..3, hows in proptest::collection::vec(any::<u8>(), 32), caps in any::<u32>(), level in 0u8..3
    ) {
        let value = [EMAIL, NAME, "ann+work@office.example"][which];
        let written: String = value.chars().enumerate().map(|(at, char)| {
            let char = if caps >> at & 1 == 1 { char.to_ascii_uppercase() } else { char };
            spelling(char, hows[at])
        }).collect();
        // Around it all another level of quoting or none.
        let written = match level {
            0 => written,
            1 => written.replace('%', "%25").replace('&', "%26"),
            _ => written.replace('&', "&amp;").replace('\\', "\\\\"),
        };
        let text = format!("x: {written} .");
        let hits = find_in_body(&ANN, Syntax::Text, text.as_bytes());
        prop_assert_eq!(hits.len(), 1, "{}", text);
        prop_assert_eq!(hits[0].span.clone(), 3..3 + written.len(), "{}", text);
        // Another value in its place is found where it stands.
        let other = compile(&[("email.primary", "q7@alias.example", Strength::Strong)]);
        let bytes = splice(text.as_bytes(), &[(hits[0].span.clone(), &hits[0].spelling.respell("q7@alias.example"))]);
        prop_assert_eq!(find_in_body(&other, Syntax::Text, &bytes).len(), 1, "{}", String::from_utf8_lossy(&bytes));
        prop_assert!(find_in_body(&ANN, Syntax::Text, &bytes).is_empty());
    }

    #[test]
    fn any_split_of_anything(body in soup(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6), which in 0usize..5) {
        let syntax = &syntaxes()[which];
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.sort_unstable();
        let whole = shapes(cut(syntax, &body, &[]));
        check_order(&whole, body.len());
        prop_assert_eq!(shapes(cut(syntax, &body, &cuts)), whole.clone());
        prop_assert_eq!(shapes(find_in_body(&ANN, syntax.clone(), &body)), whole);
    }

    #[test]
    fn any_bytes_never_break(body in proptest::collection::vec(any::<u8>(), 0..400), which in 0usize..5) {
        let syntax = &syntaxes()[which];
        check_order(&shapes(cut(syntax, &body, &[body.len() / 2])), body.len());
        let text = String::from_utf8_lossy(&body);
        check_order(&shapes(find_in_target(&ANN, &text)), text.len());
        for name in ["cookie", "x-a", "set-cookie"] {
            check_order(&shapes(find_in_header(&ANN, name, 0, &body)), body.len());
        }
    }

    #[test]
    fn the_prescan_never_hides_a_hit(body in soup()) {
        let walked = !scan::scan(&ANN, &body).is_empty();
        if ANN.holds_no_value(&body) {
            prop_assert!(!walked);
        }
    }

    #[test]
    fn text_without_identifiers_has_no_hits(text in "[ b-mo-z0-8%&+=\\.\"]{0,300}") {
        for syntax in syntaxes() {
            prop_assert!(find_in_body(&ANN, syntax, text.as_bytes()).is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Large chunks are looked at block by block and mostly skipped; small ones are walked byte by byte.
    #[test]
    fn what_is_skipped_holds_nothing(
        pieces in proptest::collection::vec((0usize..9, 0usize..6000), 1..6), which in 0usize..5, step in 40usize..200
    ) {
        let hits = [
            "ann@home.example", "ann%40home.example", "\\u0061nn@home.example", "Ann%20%20Real",
            "+49%20(0)%20151%20-%201%202%203%204%205%206%207%208", "0151 1234 5678", "\"first_name\":\"Ann\"",
            "&zip=12345&", "Lindenstra&szlig;e 5",
        ];
        let filler = "{\"k\":[1,2,\"lorem ipsum dolor\"],\"x\":\"sit amet, 4711 & co\",\"q\\\"y\\\\\":[true,\"\\\\\",\"a\\\"b\",-3e5]}, ".repeat(120);
        let mut body = String::new();
        for (hit, length) in pieces {
            body.push_str(&filler[..length]);
            body.push(' ');
            body.push_str(hits[hit]);
            body.push(' ');
        }
        let syntax = &syntaxes()[which];
        let cuts: Vec<usize> = (0..body.len()).step_by(step).skip(1).collect();
        let walked = shapes(cut(syntax, body.as_bytes(), &cuts));
        prop_assert_eq!(shapes(cut(syntax, body.as_bytes(), &[])), walked.clone());
        prop_assert_eq!(shapes(cut(syntax, body.as_bytes(), &[body.len() / 2])), walked);
    }

    #[test]
    fn a_clean_head_has_no_hit(values in proptest::collection::vec(soup(), 1..6)) {
        let found = values.iter().any(|value| !find_in_header(&ANN, "x-a", 0, value).is_empty());
        if is_clean_head(&ANN, "/", values.iter().map(Vec::as_slice)) {
            prop_assert!(!found);
        }
    }
}

/// Whether it is all of its value decides what may be withheld.
#[test]
fn a_bare_value_stays_whole_wherever_it_is_cut_from_its_blanks() {
    let body = b"{\"x\": 4915112345678 \n }";
    let whole = shapes(cut(&Syntax::Json, body, &[]));
    assert!(matches!(whole.as_slice(), [(_, span, Some(token), _)] if span == token), "{}", whole.len());
    for at in 1..body.len() {
        assert_eq!(shapes(cut(&Syntax::Json, body, &[at])), whole, "cut at {at}");
    }
}
