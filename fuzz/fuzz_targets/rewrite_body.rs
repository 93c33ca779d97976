//! A body gives the same result whole and cut anywhere, in every content coding, and what is not edited stays exact.
#![no_main]

use arbitrary::Arbitrary;
use doorward::model::{Secret, Slot};
use doorward::rewrite::codec::{Coding, Decoders, Encoder, Limits};
use doorward::rewrite::{
    Decision, Guard, Hit, Identifier, Identifiers, Pseudonyms, StreamEditor, Strength, Syntax, find_in_body,
    splice,
};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    syntax: u8,
    coding: u8,
    /// Taken as already coded: whatever it decodes to, if anything.
    raw: bool,
    cuts: [u16; 4],
    body: &'a [u8],
}

static ANN: LazyLock<Arc<Identifiers>> = LazyLock::new(|| {
    let list = [
        ("email.primary", "ann@home.example", Strength::Strong),
        ("email.work", "ann+work@office.example", Strength::Strong),
        ("name.full", "Zoë Müller", Strength::Strong),
        ("name.given", "Zoë", Strength::Weak),
        ("phone.primary", "+4915112345678", Strength::Strong),
        ("device.id", "6f2c1a90-77de-4b1c-9c55-0a1b2c3d4e5f", Strength::Strong),
        ("address.postcode", "12345", Strength::Weak),
    ];
    let list = list.map(|(slot, value, strength)| Identifier {
        slot: Slot::parse(slot).expect("a slot"),
        value: Secret::new(value.to_owned()),
        strength,
    });
    let mut book = Pseudonyms::default();
    for (slot, value) in [
        ("email.primary", "maria.k42ab@alias.example"),
        ("email.primary", "u7@bücher.example"),
        ("username", "radishsketch553"),
        ("device.mac", "ba:e7:e1:7c:99:dd"),
        ("account.club", "UI 9084809360"),
    ] {
        book.add(Slot::parse(slot).expect("a slot"), value, 1);
    }
    let guard = Guard::new(&Arc::new(book), 2).expect("what was made for another");
    Arc::new(Identifiers::compile(list.into()).expect("a matcher").guarding(guard))
});

fn syntax(number: u8) -> Syntax {
    match number % 5 {
        0 => Syntax::Json,
        1 => Syntax::Form,
        2 => Syntax::Multipart { boundary: "XX".into() },
        3 => Syntax::Text,
        _ => Syntax::Html,
    }
}

fn coding(number: u8) -> Option<Coding> {
    [None, Some(Coding::Gzip), Some(Coding::Brotli), Some(Coding::Zstd), Some(Coding::Deflate)]
        .into_iter()
        .nth(usize::from(number) % 5)
        .flatten()
}

fn replacement(hit: &Hit) -> Vec<u8> {
    hit.spelling.respell("q7@alias.example")
}

fn decode(codings: &[Coding], bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoders = Decoders::new(codings, Limits::default()).ok()?;
    let mut out = Vec::new();
    decoders.push(bytes, &mut out).ok()?;
    decoders.finish().ok()?;
    Some(out)
}

fn streamed(syntax: Syntax, codings: &[Coding], bytes: &[u8], cuts: &[u16]) -> Option<Vec<u8>> {
    let mut editor = StreamEditor::new(Arc::clone(&ANN), syntax, codings, Limits::default()).ok()?;
    let mut cuts: Vec<usize> = cuts.iter().map(|&cut| usize::from(cut) % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(bytes.len());
    let (mut out, mut from) = (Vec::new(), 0);
    let decide = |editor: &mut StreamEditor, numbers: std::ops::Range<usize>| {
        for number in numbers {
            let hit = editor.hit(number).expect("a hit that waits");
            let decision = Decision::Replace { span: hit.span.clone(), bytes: Secret::new(replacement(hit)) };
            editor.decide(number, decision);
        }
    };
    for to in cuts {
        let numbers = editor.push(&bytes[from..to]).ok()?;
        decide(&mut editor, numbers);
        out.extend(editor.take_output().ok()?);
        from = to;
    }
    let numbers = editor.finish().ok()?;
    decide(&mut editor, numbers);
    out.extend(editor.take_output().ok()?);
    assert!(editor.is_done() && editor.held() == 0);
    Some(out)
}

fuzz_target!(|input: Input<'_>| {
    let syntax = syntax(input.syntax);
    let coding = coding(input.coding);
    let codings = coding.as_slice();
    let sent = match coding {
        Some(coding) if !input.raw => {
            let mut encoder = Encoder::new(coding).expect("an encoder");
            let mut out = Vec::new();
            encoder.push(input.body, &mut out).expect("encoded");
            encoder.finish(&mut out).expect("encoded");
            out
        }
        _ => input.body.to_vec(),
    };
    let Some(plain) = decode(codings, &sent) else {
        // What cannot be decoded never comes to its end.
        assert!(streamed(syntax, codings, &sent, &input.cuts).is_none());
        return;
    };
    let want = streamed(syntax.clone(), &[], &plain, &[]).expect("a body without a coding");
    let hits = find_in_body(&ANN, syntax.clone(), &plain);
    if hits.is_empty() {
        assert_eq!(want, plain);
    } else if hits.iter().all(|hit| hit.within.is_none()) {
        let edits: Vec<_> = hits.iter().map(|hit| (hit.span.clone(), replacement(hit))).collect();
        assert_eq!(splice(&plain, &edits), want);
    }
    let got = streamed(syntax, codings, &sent, &input.cuts).expect("a body that can be decoded");
    assert_eq!(decode(codings, &got).expect("what was encoded here"), want);
});
