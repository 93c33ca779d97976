//! Fields that hold a value by the word of their owner.

use super::*;
use crate::rewrite::select::LONGEST;

fn selection(fields: &[(Field, &str)]) -> Arc<Selection> {
    let number = |slot: &str| (0..).find(|at| ANN.get(*at).unwrap().slot.to_string() == slot).unwrap();
    Arc::new(Selection::new(fields.iter().map(|(field, slot)| (field.clone(), number(slot))).collect()))
}

/// Slot and written text of each hit, and how many places were not looked into, of a body that comes in these pieces.
fn read(
    syntax: &Syntax,
    selection: &Arc<Selection>,
    pieces: &[&[u8]],
) -> (Vec<(String, String, String)>, usize) {
    let mut finder = BodyFinder::new(Arc::clone(&ANN), syntax.clone()).selecting(Arc::clone(selection));
    let mut hits = Vec::new();
    let mut unread = 0;
    for piece in pieces {
        let settled = finder.settled();
        hits.extend(finder.push(piece).into_iter().inspect(|hit| assert!(hit.span.start >= settled)));
        unread += finder.take_unread().len();
    }
    hits.extend(finder.finish());
    unread += finder.take_unread().len();
    (seen(&ANN, &hits, &pieces.concat()), unread)
}

fn body_of(name: &str, fields: &[(&str, &str)]) -> (Syntax, String) {
    match name {
        "form" => {
            let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            (Syntax::Form, pairs.join("&"))
        }
        "json" => {
            let pairs: Vec<_> =
                fields.iter().map(|(name, value)| format!("\"{name}\" : \"{value}\"")).collect();
            (Syntax::Json, format!("{{{}}}", pairs.join(", ")))
        }
        _ => {
            let part = |(name, value): &(&str, &str)| {
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            };
            let parts: Vec<_> = fields.iter().map(part).collect();
            (Syntax::Multipart { boundary: "b".into() }, format!("{}--b--\r\n", parts.concat()))
        }
    }
}

#[test]
fn a_field_is_taken_whole_however_it_is_cut() {
    for (kind, field) in [
        ("form", Field::Form("m".to_owned())),
        ("json", Field::Json("/m".to_owned())),
        ("multipart", Field::Part("m".to_owned())),
    ] {
        let selection = selection(&[(field, "email.primary")]);
        // What the field says stands before what is found in it: that is told too, unless it is the same.
        for value in ["annie", "x ann@home.example y", "\r\n--a", EMAIL, PHONE] {
            let (syntax, body) = body_of(kind, &[("a", "annie"), ("m", value), ("b", EMAIL)]);
            let whole = read(&syntax, &selection, &[body.as_bytes()]);
            let found: Vec<_> =
                whole.0.iter().map(|(slot, _, written)| (slot.as_str(), written.as_str())).collect();
            let inner = match value {
                "x ann@home.example y" => vec![("email.primary", EMAIL)],
                PHONE => vec![("phone.primary", PHONE)],
                _ => vec![],
            };
            let want = [vec![("email.primary", value)], inner, vec![("email.primary", EMAIL)]].concat();
            assert_eq!(found, want, "{body}");
            for at in 0..=body.len() {
                let (before, after) = body.as_bytes().split_at(at);
                assert_eq!(read(&syntax, &selection, &[before, after]), whole, "{body} at {at}");
            }
            let bytes: Vec<_> = body.as_bytes().chunks(1).collect();
            assert_eq!(read(&syntax, &selection, &bytes), whole, "{body}");
        }
    }
}

#[test]
fn what_is_longer_than_any_value_is_searched_and_told_however_it_is_cut() {
    for (kind, field) in [
        ("form", Field::Form("m".to_owned())),
        ("json", Field::Json("/m".to_owned())),
        ("multipart", Field::Part("m".to_owned())),
    ] {
        let selection = selection(&[(field, "name.full")]);
        for (length, unread) in [(LONGEST, 0), (LONGEST + 1, 1)] {
            let value = format!("{EMAIL} {}", "y".repeat(length - EMAIL.len() - 1));
            let whole = [("name.full", value.as_str())];
            let want = [&whole[..1 - unread], &[("email.primary", EMAIL)]].concat();
            let (syntax, body) = body_of(kind, &[("m", &value), ("b", "x")]);
            for size in [1, 7, 100, 4096, body.len()] {
                let pieces: Vec<_> = body.as_bytes().chunks(size).collect();
                let (found, told) = read(&syntax, &selection, &pieces);
                let found: Vec<_> =
                    found.iter().map(|(slot, _, written)| (slot.as_str(), written.as_str())).collect();
                assert!(found == want && told == unread, "{kind} {length} in pieces of {size}: {told}");
            }
        }
    }
}

#[test]
fn heads_have_fields_too() {
    let selection = selection(&[
        (Field::Query("e mail".to_owned()), "email.primary"),
        (Field::Header("x-user".to_owned()), "name.full"),
        (Field::Cookie("who".to_owned()), "device.id"),
    ]);
    let target = "/a?e+mail=annie&e%20mail=&email=annie&x#e+mail=annie";
    let hits = select_in_target(&ANN, &selection, target);
    let found = seen(&ANN, &hits, target.as_bytes());
    let written: Vec<_> = found.iter().map(|(slot, _, written)| (slot.as_str(), written.as_str())).collect();
    assert_eq!(written, [("email.primary", "annie")]);
    for (name, value, want) in [
        ("x-user", "annie", Some(("name.full", "annie"))),
        ("x-users", "annie", None),
        ("cookie", "a=1; who=annie; b=2", Some(("device.id", "annie"))),
        ("cookie", "a=1; whom=annie", None),
    ] {
        let hits = select_in_header(&ANN, &selection, name, 0, value.as_bytes());
        let found = seen(&ANN, &hits, value.as_bytes());
        let first = found.first().map(|(slot, _, written)| (slot.as_str(), written.as_str()));
        assert_eq!((found.len(), first), (usize::from(want.is_some()), want), "{name}: {value}");
    }
}

#[test]
fn what_goes_with_its_field_needs_no_decision() {
    let selection = selection(&[(Field::Form("m".to_owned()), "name.full")]);
    for (keeps, want) in [(false, "a=1&m=Mia&b=OTHER"), (true, "a=1&m=x OTHER y&b=OTHER")] {
        let finder = BodyFinder::new(Arc::clone(&ANN), Syntax::Form).selecting(Arc::clone(&selection));
        let mut editor = StreamEditor::with(finder, &[], codec::Limits::default()).unwrap();
        editor.push(format!("a=1&m=x {EMAIL} y&b={EMAIL}").as_bytes()).unwrap();
        editor.finish().unwrap();
        let next = |editor: &StreamEditor| editor.undecided().next();
        while let Some(number) = next(&editor) {
            let hit = editor.hit(number).unwrap();
            let slot = ANN.get(hit.identifier).unwrap().slot.to_string();
            let replace = |bytes: &[u8]| Decision::Replace {
                span: hit.span.clone(),
                bytes: Secret::new(bytes.to_vec()),
            };
            let decision = match slot.as_str() {
                "name.full" if keeps => Decision::Keep,
                "name.full" => replace(b"Mia"),
                _ => replace(b"OTHER"),
            };
            editor.decide(number, decision);
        }
        assert_eq!(String::from_utf8(editor.take_output().unwrap()).unwrap(), want);
    }
}
