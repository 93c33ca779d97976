//! What finding a member's identifiers costs: one head, small and larger bodies, with and without a hit.
#![allow(missing_docs, clippy::unwrap_used)]

use aho_corasick::packed;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use doorward::model::{Secret, Slot};
use doorward::rewrite::codec::{Coding, Encoder, Limits};
use doorward::rewrite::{
    Decision, Guard, Identifier, Identifiers, Pseudonyms, StreamEditor, Strength, Syntax, find_in_body,
    find_in_header, find_in_target,
};
use std::hint::black_box;
use std::sync::Arc;

const TARGET: &str =
    "/api/v2/catalogue/items?page=3&sort=price%2Basc&category=garden-tools&session=8f3a2c71d9e04b56&limit=48";

/// What a browser sends with a small request.
const FIELDS: [(&str, &str); 12] = [
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"),
    ("accept", "application/json, text/plain, */*"),
    ("accept-language", "de-DE,de;q=0.8,en-US;q=0.5,en;q=0.3"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("referer", "https://www.shop.example/garden/tools/?page=2&sort=price"),
    (
        "authorization",
        "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    ),
    ("cookie", "sid=5b1f0c9e7d3a4e2f8c6b; theme=dark; consent=1.2.3-20261122; _basket=a9f3e1; lang=de"),
    ("sec-fetch-dest", "empty"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-site", "same-origin"),
    ("priority", "u=4"),
    ("te", "trailers"),
];

fn ann() -> Arc<Identifiers> {
    use Strength::{Strong, Weak};
    let list = [
        ("email.primary", "ann.real@home.example", Strong),
        ("name.full", "Ann Real", Strong),
        ("name.given", "Ann", Weak),
        ("name.family", "Real", Weak),
        ("phone.primary", "+4915112345678", Strong),
        ("username", "annreal84", Strong),
        ("email.work", "ann@office.example", Strong),
        ("address.street", "Lindenstraße 57", Strong),
        ("birthdate", "1984-05-17", Weak),
        ("device.id", "6d92078a-8246-4ba4-ae5b-76104861e7dc", Strong),
        ("ad.id", "0f3c2a10-91de-4c6b-8a77-5c1f0d2b6e44", Strong),
        ("account.iban", "DE89370400440532013000", Strong),
    ];
    let list = list.map(|(slot, value, strength)| Identifier {
        slot: Slot::parse(slot).unwrap(),
        value: Secret::new(value.to_owned()),
        strength,
    });
    Arc::new(Identifiers::compile(list.into()).unwrap())
}

/// The same with what a thousand others were given: addresses, user names and device ids.
fn guarded() -> Arc<Identifiers> {
    let mut book = Pseudonyms::default();
    for number in 0..1000 {
        for (slot, value) in [
            ("email.primary", format!("maria.keller{number}k7qx@alias.example")),
            ("username", format!("radishsketch{number}")),
            ("device.id", format!("035ff528-b0df-4fe1-a4a9-e194558{number:05}")),
        ] {
            book.add(Slot::parse(slot).unwrap(), &value, 1);
        }
    }
    Arc::new(ann().guarding(Guard::new(&Arc::new(book), 2).unwrap()))
}

/// JSON as shops and APIs send it, without a trace of Ann.
fn json(length: usize) -> String {
    let mut text = String::from("{\"items\":[");
    let mut number = 0;
    while text.len() < length {
        number += 1;
        text.push_str(&format!(
            "{{\"id\":{},\"title\":\"Spade no. {number}, ash\",\"price\":{}.95,\"tags\":[\"garden\",\"steel\"],\"at\":\"2026-11-22T10:0{}:00Z\"}},",
            90_000 + number * 7,
            number % 90,
            number % 10
        ));
    }
    text.truncate(length.saturating_sub(3));
    text.push_str("\"]}");
    text
}

fn with_a_hit(length: usize) -> String {
    json(length).replacen("Spade no. 2, ash", "ann.real@home.example", 1)
}

fn head(identifiers: &Identifiers, fields: &[(&str, &str)]) -> usize {
    let found = find_in_target(identifiers, TARGET).len();
    fields.iter().fold(found, |found, (name, value)| {
        found + find_in_header(identifiers, name, 0, value.as_bytes()).len()
    })
}

fn edit(identifiers: &Arc<Identifiers>, codings: &[Coding], body: &[u8]) -> usize {
    let mut editor =
        StreamEditor::new(Arc::clone(identifiers), Syntax::Json, codings, Limits::default()).unwrap();
    let mut length = 0;
    for chunk in body.chunks(16 << 10) {
        for number in editor.push(chunk).unwrap() {
            editor.decide(number, Decision::Keep);
        }
        length += editor.take_output().unwrap().len();
    }
    editor.finish().unwrap();
    length + editor.take_output().unwrap().len()
}

fn heads(c: &mut Criterion) {
    let ann = ann();
    let mut group = c.benchmark_group("head");
    group.bench_function("12 fields, no hit", |b| b.iter(|| head(&ann, black_box(&FIELDS))));
    let guarded = guarded();
    group.bench_function("12 fields, no hit, guarded", |b| b.iter(|| head(&guarded, black_box(&FIELDS))));
    let mut fields = FIELDS;
    fields[6] = ("cookie", "sid=5b1f0c9e7d3a4e2f8c6b; mail=ann.real%40home.example; theme=dark");
    group.bench_function("12 fields, a cookie hit", |b| b.iter(|| head(&ann, black_box(&fields))));
    group.finish();
}

fn bodies(c: &mut Criterion) {
    let ann = ann();
    let mut group = c.benchmark_group("body");
    for (name, body) in [
        ("1 KiB JSON, no hit", json(1 << 10)),
        ("1 KiB JSON, a hit", with_a_hit(1 << 10)),
        ("64 KiB JSON, no hit", json(64 << 10)),
        ("64 KiB JSON, a hit", with_a_hit(64 << 10)),
    ] {
        let hits = find_in_body(&ann, Syntax::Json, body.as_bytes()).len();
        assert_eq!(hits, usize::from(name.ends_with("a hit")), "{name}");
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| find_in_body(&ann, Syntax::Json, black_box(body.as_bytes())).len());
        });
    }
    let guarded = guarded();
    let body = json(1 << 10);
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("1 KiB JSON, no hit, guarded", |b| {
        b.iter(|| find_in_body(&guarded, Syntax::Json, black_box(body.as_bytes())).len());
    });
    let form = "q=garden+tools&page=3&colour=dark%20green&".repeat(24);
    group.throughput(Throughput::Bytes(form.len() as u64));
    group.bench_function("1 KiB form, no hit", |b| {
        b.iter(|| find_in_body(&ann, Syntax::Form, black_box(form.as_bytes())).len());
    });
    group.finish();
}

fn streams(c: &mut Criterion) {
    let ann = ann();
    let mut group = c.benchmark_group("stream");
    let body = json(256 << 10);
    let mut gzip = Vec::new();
    let mut encoder = Encoder::new(Coding::Gzip).unwrap();
    encoder.push(body.as_bytes(), &mut gzip).unwrap();
    encoder.finish(&mut gzip).unwrap();
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("256 KiB JSON, no hit", |b| b.iter(|| edit(&ann, &[], black_box(body.as_bytes()))));
    let guarded = guarded();
    group.bench_function("256 KiB JSON, no hit, guarded", |b| {
        b.iter(|| edit(&guarded, &[], black_box(body.as_bytes())));
    });
    group.bench_function("256 KiB gzip JSON, no hit", |b| {
        b.iter(|| edit(&ann, &[Coding::Gzip], black_box(&gzip)));
    });
    group.finish();
}

/// Prose, without a trace of Ann.
fn prose(length: usize) -> String {
    let sentence = "The gardener who had promised to come on Tuesday came on Thursday instead, with two spades and a \
                    wheelbarrow; nobody minded, since it had rained for three days and the beds were under water. ";
    sentence.repeat(length / sentence.len() + 1)
}

/// `text` with Ann's address in it once in so many bytes.
fn every(bytes: usize, text: &str) -> String {
    let pieces = text.as_bytes().chunks(bytes).map(|piece| std::str::from_utf8(piece).unwrap());
    pieces.collect::<Vec<_>>().join(" ann.real@home.example ")
}

/// What a body that flows leaves as, every address replaced.
fn replace(identifiers: &Arc<Identifiers>, syntax: Syntax, body: &[u8]) -> usize {
    let mut editor = StreamEditor::new(Arc::clone(identifiers), syntax, &[], Limits::default()).unwrap();
    let mut length = 0;
    let decide = |editor: &mut StreamEditor, numbers: Vec<usize>| {
        for number in numbers {
            let span = editor.hit(number).unwrap().span.clone();
            let bytes = Secret::new(b"maria.keller@alias.example".to_vec());
            editor.decide(number, Decision::Replace { span, bytes });
        }
        editor.take_output().unwrap().len()
    };
    for chunk in body.chunks(16 << 10) {
        let numbers = editor.push(chunk).unwrap().collect();
        length += decide(&mut editor, numbers);
    }
    let numbers = editor.finish().unwrap().collect();
    length + decide(&mut editor, numbers)
}

/// How much of what a machine can do with bytes at all is left.
fn corpora(c: &mut Criterion) {
    const SIZE: usize = 1 << 20;
    let ann = ann();
    let mut group = c.benchmark_group("1 MiB");
    group.throughput(Throughput::Bytes(SIZE as u64));
    let (text, json) = (prose(SIZE), json(SIZE));
    let mut copy = vec![0; text.len()];
    group.bench_function("copied", |b| b.iter(|| copy.copy_from_slice(black_box(text.as_bytes()))));
    let anchors =
        ["ann.real", "real ann", "annreal84", "lindenstra", "76104861e7dc", "5c1f0d2b6e44", "de8937040044"];
    let bare = packed::Config::new().builder().extend(anchors).build().unwrap();
    group.bench_function("bare engine", |b| b.iter(|| bare.find_iter(black_box(text.as_bytes())).count()));
    for (name, syntax, text) in [("prose", Syntax::Text, &text), ("JSON", Syntax::Json, &json)] {
        let found = |text: &str| find_in_body(&ann, syntax.clone(), text.as_bytes()).len();
        assert_eq!(found(text), 0);
        group.bench_function(format!("{name}, no hit"), |b| b.iter(|| found(black_box(text))));
        group.bench_function(format!("{name}, no hit, as it flows"), |b| {
            b.iter(|| replace(&ann, syntax.clone(), black_box(text.as_bytes())));
        });
        if name == "JSON" {
            continue;
        }
        for (kind, bytes) in [("one hit in 16 KiB", 16 << 10), ("one hit in 256 bytes", 256)] {
            let text = every(bytes, text);
            assert_eq!(found(&text), text.matches("ann.real@home.example").count());
            group.bench_function(format!("{name}, {kind}"), |b| {
                b.iter(|| replace(&ann, syntax.clone(), black_box(text.as_bytes())));
            });
        }
    }
    group.finish();
}

fn compiling(c: &mut Criterion) {
    c.bench_function("compile one member", |b| {
        b.iter_batched(|| (), |()| ann(), BatchSize::SmallInput);
    });
}

criterion_group!(benches, heads, bodies, streams, corpora, compiling);
criterion_main!(benches);
