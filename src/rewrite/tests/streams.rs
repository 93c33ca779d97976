//! The editor of a body as it flows.

use super::codec::{CodecError, Coding, Decoder, Encoder, Limits};
use super::*;

const ALIAS: &str = "u7@alias.example";

fn encode(codings: &[Coding], bytes: &[u8]) -> Vec<u8> {
    codings.iter().fold(bytes.to_vec(), |bytes, &coding| {
        let mut encoder = Encoder::new(coding).unwrap();
        let mut out = Vec::new();
        encoder.push(&bytes, &mut out).unwrap();
        encoder.finish(&mut out).unwrap();
        out
    })
}

fn decode(codings: &[Coding], bytes: &[u8]) -> Vec<u8> {
    codings.iter().rev().fold(bytes.to_vec(), |bytes, &coding| {
        let mut decoder = Decoder::new(coding, Limits::default()).unwrap();
        let mut out = Vec::new();
        decoder.push(&bytes, &mut out).unwrap();
        decoder.finish().unwrap();
        out
    })
}

fn editor(syntax: Syntax, codings: &[Coding]) -> StreamEditor {
    StreamEditor::new(Arc::clone(&ANN), syntax, codings, Limits::default()).unwrap()
}

/// Every e-mail becomes the alias, every weak value null, the rest stays.
fn decide(editor: &mut StreamEditor, numbers: Range<usize>) {
    for number in numbers {
        let hit = editor.hit(number).unwrap();
        let decision = match (ANN.get(hit.identifier).unwrap().strength, hit.token.clone()) {
            (Strength::Weak, Some(span)) => Decision::Replace { span, bytes: Secret::new(b"null".to_vec()) },
            _ if ANN.get(hit.identifier).unwrap().slot.as_str() == "email.primary" => {
                Decision::Replace { span: hit.span.clone(), bytes: Secret::new(hit.spelling.respell(ALIAS)) }
            }
            _ => Decision::Keep,
        };
        editor.decide(number, decision);
    }
}

fn edit(syntax: &Syntax, codings: &[Coding], body: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut editor = editor(syntax.clone(), codings);
    let mut out = Vec::new();
    let mut from = 0;
    for &to in cuts.iter().chain([&body.len()]) {
        let numbers = editor.push(&body[from..to]).unwrap();
        decide(&mut editor, numbers);
        out.extend(editor.take_output().unwrap());
        from = to;
    }
    let numbers = editor.finish().unwrap();
    decide(&mut editor, numbers);
    out.extend(editor.take_output().unwrap());
    assert!(editor.is_done() && editor.held() == 0);
    out
}

const BODY: &str = r#"{"email":"ann\u0040home.example","first_name":"Ann","n":["Ann Real","to ann@home.example."],"zip":12345}"#;
const WANT: &str = r#"{"email":"u7\u0040alias.example","first_name":null,"n":["Ann Real","to u7@alias.example."],"zip":null}"#;

#[test]
fn every_split_plain_and_coded() {
    for codings in [
        &[][..],
        &[Coding::Gzip],
        &[Coding::Zstd],
        &[Coding::Brotli],
        &[Coding::Deflate],
        &[Coding::Gzip, Coding::Brotli],
    ] {
        let body = encode(codings, BODY.as_bytes());
        for at in 0..=body.len() {
            let edited = decode(codings, &edit(&Syntax::Json, codings, &body, &[at]));
            assert_eq!(String::from_utf8(edited).unwrap(), WANT, "{codings:?} cut at {at}");
        }
        let all: Vec<usize> = (0..body.len()).collect();
        assert_eq!(decode(codings, &edit(&Syntax::Json, codings, &body, &all)), WANT.as_bytes());
    }
}

#[test]
fn values_in_every_alphabet_leave_in_order() {
    use base64::Engine;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let of = |address: &str| {
        let (letters, hex) =
            (encode(address), address.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
        format!("a {address} {letters} b {address} id-{hex}-x {address}, {letters}. c {address} d")
    };
    let (body, want) = (of("ann@home.example"), of(ALIAS));
    for syntax in [Syntax::Text, Syntax::Html] {
        for at in 0..=body.len() {
            for further in [0, 1, 7, 40] {
                let cuts = [at, (at + further).min(body.len())];
                let edited = edit(&syntax, &[], body.as_bytes(), &cuts);
                assert_eq!(String::from_utf8(edited).unwrap(), want, "cut at {cuts:?}");
            }
        }
    }
}

#[test]
fn nothing_leaves_before_it_is_decided() {
    let mut editor = editor(Syntax::Text, &[]);
    let numbers = editor.push(b"a ann@home.example b Ann Real c ").unwrap();
    assert_eq!(numbers, 0..2);
    assert_eq!(editor.take_output().unwrap(), b"a ");
    assert_eq!(editor.undecided().collect::<Vec<_>>(), [0, 1]);
    editor.decide(1, Decision::Keep);
    assert_eq!(editor.take_output().unwrap(), b"", "in order");
    editor.decide(0, Decision::Replace { span: 0..31, bytes: Secret::new(b"X".to_vec()) });
    assert_eq!(editor.take_output().unwrap(), b"X b Ann Real c ", "a wrong span counts as the hit's");
    assert!(editor.is_changed() && editor.hit(0).is_none());
    editor.finish().unwrap();
    assert_eq!(editor.take_output().unwrap(), b"");
    assert!(editor.is_done());
}

#[test]
fn events_leave_when_they_are_whole() {
    for codings in [&[][..], &[Coding::Gzip]] {
        let mut editor = editor(Syntax::Text, codings);
        let mut encoder = Encoder::new(codings.first().copied().unwrap_or(Coding::Identity)).unwrap();
        let mut decoder =
            Decoder::new(codings.first().copied().unwrap_or(Coding::Identity), Limits::default()).unwrap();
        for event in ["data: one\n\n", "data: two\n\n"] {
            let (mut sent, mut got) = (Vec::new(), Vec::new());
            encoder.push(event.as_bytes(), &mut sent).unwrap();
            encoder.flush(&mut sent).unwrap();
            editor.push(&sent).unwrap();
            decoder.push(&editor.take_output().unwrap(), &mut got).unwrap();
            assert_eq!(got, event.as_bytes());
        }
    }
}

#[test]
fn an_empty_body_stays_empty() {
    for codings in [&[][..], &[Coding::Gzip], &[Coding::Brotli]] {
        assert!(edit(&Syntax::Json, codings, b"", &[]).is_empty());
    }
}

#[test]
fn broken_bodies_are_errors() {
    let gzip = encode(&[Coding::Gzip], BODY.as_bytes());
    let mut cut = editor(Syntax::Json, &[Coding::Gzip]);
    cut.push(&gzip[..gzip.len() - 1]).unwrap();
    assert_eq!(cut.finish(), Err(CodecError::Truncated(Coding::Gzip)));
    assert!(editor(Syntax::Json, &[Coding::Gzip]).push(b"plain").is_err());
    let three = [Coding::Gzip, Coding::Gzip, Coding::Gzip];
    assert!(StreamEditor::new(Arc::clone(&ANN), Syntax::Json, &three, Limits::default()).is_err());
}

#[test]
fn an_editor_may_move_to_another_thread() {
    fn sendable<T: Send>() {}
    sendable::<StreamEditor>();
    sendable::<Arc<Identifiers>>();
}

proptest! {
    #[test]
    fn what_is_not_decided_is_exact(body in super::properties::soup(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..5)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.sort_unstable();
        for syntax in [Syntax::Json, Syntax::Form, Syntax::Multipart { boundary: "XX".into() }, Syntax::Text] {
            let mut editor = editor(syntax, &[]);
            let (mut out, mut from) = (Vec::new(), 0);
            for &to in cuts.iter().chain([&body.len()]) {
                editor.push(&body[from..to]).unwrap().for_each(|number| editor.decide(number, Decision::Keep));
                out.extend(editor.take_output().unwrap());
                from = to;
            }
            editor.finish().unwrap().for_each(|number| editor.decide(number, Decision::Keep));
            out.extend(editor.take_output().unwrap());
            prop_assert_eq!(&out, &body);
            prop_assert!(!editor.is_changed());
        }
    }
}

/// What leaves after each piece, each followed by a silence.
fn hurried(syntax: Syntax, pieces: &[&str]) -> (Vec<String>, bool) {
    let mut editor = editor(syntax, &[]);
    let left = pieces.iter().map(|piece| {
        let numbers = editor.push(piece.as_bytes()).unwrap();
        decide(&mut editor, numbers);
        let mut out = editor.take_output().unwrap();
        let numbers = editor.hurry();
        decide(&mut editor, numbers);
        out.extend(editor.take_output().unwrap());
        String::from_utf8(out).unwrap()
    });
    (left.collect(), editor.is_torn())
}

#[test]
fn a_silence_lets_go_what_waits() {
    for (syntax, pieces, want) in [
        (Syntax::Text, ["see you a", "t 9"], ["see you a", "t 9"]),
        (Syntax::Text, ["call 0", "!"], ["call 0", "!"]),
        (Syntax::Text, ["at ann@home.example", " ok"], ["at u7@alias.example", " ok"]),
        (Syntax::Json, ["{\"a\":\"", "x\"}"], ["{\"a\":\"", "x\"}"]),
        (Syntax::Json, ["{\"a\":\"ann@home.example", "\"}"], ["{\"a\":\"u7@alias.example", "\"}"]),
        (Syntax::Form, ["a=ann%40home.example", "&b=1"], ["a=u7%40alias.example", "&b=1"]),
    ] {
        assert_eq!(hurried(syntax, &pieces), (want.map(str::to_owned).into(), false), "{pieces:?}");
    }
}

#[test]
fn most_of_an_identifier_waits_through_a_silence() {
    for (pieces, want) in [
        (["to ann@home.ex", "ample."], ["to ", "u7@alias.example."]),
        (["to ann%40home.e", "xample."], ["to ", "u7%40alias.example."]),
        (["to ann@home.ex", "it"], ["to ", "ann@home.exit"]),
        (["0151 1234", " 5678 x"], ["", "0151 1234 5678 x"]),
    ] {
        assert_eq!(hurried(Syntax::Text, &pieces), (want.map(str::to_owned).into(), false), "{pieces:?}");
    }
    let first_name = ["{\"first_name\":\"A", "nn\"}"];
    let want = ["{\"first_name\":", "null}"].map(str::to_owned).to_vec();
    assert_eq!(hurried(Syntax::Json, &first_name), (want, false), "a field that may be a weak value");
}

#[test]
fn an_identifier_that_a_silence_tore_never_leaves_whole() {
    for pieces in [["to ann@", "home.example."], ["to a", "nn@home.example "], ["to ann%4", "0home.example "]]
    {
        let (left, torn) = hurried(Syntax::Text, &pieces);
        assert!(torn, "{pieces:?}");
        assert_eq!(left, [pieces[0], ""], "nothing after its beginning");
    }
}

#[test]
fn what_stands_on_the_edge_of_a_glance_is_found() {
    let fillers = ["lorem ipsum dolor sit amet, ", "lorem 100% ipsum  dolor &c. ", "lorem\n\n  ipsum dolor "];
    let spellings = [
        "ann@home.example",
        "ann%40home.example",
        "Ann  \n   Real",
        "+4915112345678",
        "0151 - 12 / 34 - 56 / 78",
        "+49%20%28151%29%20123%2045%20678",
        "0151   -   123   -   456   -   78",
    ];
    for filler in fillers {
        for written in spellings {
            for before in (0..1_100).step_by(97).chain(4_000..4_010) {
                let text = filler.repeat(6_000 / filler.len());
                let (left, right) = text.split_at(before);
                let body = format!("{left} {written} {right}");
                let found = in_text(&body);
                assert_eq!(found, [written], "{filler:?} at {before}");
                for cut in [before + 1 + written.len() / 2, before + 1, before / 2] {
                    let mut finder = BodyFinder::new(Arc::clone(&ANN), Syntax::Text);
                    let mut hits = finder.push(&body.as_bytes()[..cut]);
                    hits.extend(finder.push(&body.as_bytes()[cut..]));
                    hits.extend(finder.finish());
                    assert_eq!(hits.len(), 1, "{written:?} at {before}, cut at {cut}");
                }
            }
        }
    }
}
