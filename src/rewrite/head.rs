//! Identifiers in request-targets and header fields.

use super::body::read_value;
use super::form::{Form, FormKind};
use super::spelling::Script;
use super::values::{Values, safe_name};
use super::{Hit, Identifiers};
use crate::model::{Container, Part, Place, Side};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// What most heads fit into, in bytes.
const HEAD: usize = 2 << 10;

/// Neither part of an identifier nor of an escape, and no field value holds it (RFC 9110 section 5.5).
const BETWEEN: u8 = b'\n';

/// Whether nothing can be found in a whole head, in one pass over its target and field values.
pub fn is_clean_head<'a>(
    identifiers: &Identifiers,
    target: &str,
    values: impl IntoIterator<Item = &'a [u8]>,
) -> bool {
    let mut joined = Vec::with_capacity(HEAD);
    append_target(target, &mut joined);
    for value in values {
        joined.push(BETWEEN);
        joined.extend_from_slice(value);
    }
    identifiers.is_clean(&joined)
}

/// The segments of the path stand apart: a slash is a letter of base64 as well.
fn append_target(target: &str, joined: &mut Vec<u8>) {
    let path = target.find('?').unwrap_or(target.len());
    let apart = |(at, byte): (usize, u8)| if byte == b'/' && at < path { BETWEEN } else { byte };
    joined.extend(target.bytes().enumerate().map(apart));
}

/// Identifiers in a request-target: path segments and query parameters, names as well as values.
pub fn find_in_target(identifiers: &Identifiers, target: &str) -> Vec<Hit> {
    if is_clean_head(identifiers, target, []) {
        return Vec::new();
    }
    read_target(Values::new(identifiers, Side::Request), target)
}

pub(super) fn read_target(mut values: Values<&Identifiers>, target: &str) -> Vec<Hit> {
    let bytes = target.as_bytes();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut at = 0;
    for (number, segment) in path.split('/').enumerate() {
        // An origin-form path begins with a slash: what stands before the first is no segment.
        let place = |_: &Identifiers, side| Place {
            side,
            part: Part::UrlPath(number.saturating_sub(1)),
            occurrence: 1,
        };
        let token = at..at + segment.len();
        read_value(&mut values, token, (at, segment.as_bytes()), Script::Path, b"", &place);
        at += segment.len() + 1;
    }
    let mut form = Form::new(FormKind::Query);
    form.push(query.as_bytes(), at, &mut values);
    form.finish(at + query.len(), &mut values);
    values.hits(&Container::Target, |span| bytes.get(span).map(Cow::Borrowed))
}

/// Identifiers in the value of the `nth` (from 0) field line of that lower-case name of a request; looks into `cookie`
/// pair by pair.
pub fn find_in_header(identifiers: &Identifiers, name: &str, nth: usize, value: &[u8]) -> Vec<Hit> {
    find_in_field(identifiers, Side::Request, name, nth, value)
}

/// The same for a field of either message; looks into `set-cookie` as well.
pub fn find_in_field(
    identifiers: &Identifiers,
    side: Side,
    name: &str,
    nth: usize,
    value: &[u8],
) -> Vec<Hit> {
    if identifiers.is_clean(value) {
        return Vec::new();
    }
    read_field(Values::new(identifiers, side), (name, nth), value)
}

pub(super) fn read_field(
    mut values: Values<&Identifiers>,
    (name, nth): (&str, usize),
    value: &[u8],
) -> Vec<Hit> {
    match name {
        "cookie" => cookies(&mut values, value, usize::MAX),
        "set-cookie" => cookies(&mut values, value, 1),
        _ => return read_line(values, (name, nth), value, Part::Header),
    }
    values.hits(&Container::Header { name: name.into(), nth }, |span| value.get(span).map(Cow::Borrowed))
}

/// The same for the `nth` trailer field line of that name of a request; spans count in its value.
pub fn find_in_trailer(identifiers: &Identifiers, name: &str, nth: usize, value: &[u8]) -> Vec<Hit> {
    if identifiers.is_clean(value) {
        return Vec::new();
    }
    read_line(Values::new(identifiers, Side::Request), (name, nth), value, Part::Trailer)
}

fn read_line(
    mut values: Values<&Identifiers>,
    (name, nth): (&str, usize),
    value: &[u8],
    part: fn(Arc<str>) -> Part,
) -> Vec<Hit> {
    let place = |identifiers: &Identifiers, side| {
        let part = part(safe_name(identifiers, name.as_bytes()).into());
        Place { side, part, occurrence: nth + 1 }
    };
    let typed = name.strip_prefix("x-").unwrap_or(name).as_bytes();
    read_value(&mut values, 0..value.len(), (0, value), Script::Header, typed, &place);
    values.hits(&Container::Header { name: name.into(), nth }, |span| value.get(span).map(Cow::Borrowed))
}

/// A cookie pair: its name, its value, and the pair with the separator behind it.
struct Pair {
    name: Range<usize>,
    value: Range<usize>,
    whole: Range<usize>,
}

fn cookies(values: &mut Values<&Identifiers>, line: &[u8], most: usize) {
    let mut at = 0;
    let mut names: Vec<&[u8]> = Vec::new();
    while at < line.len() {
        let pair = pair(line, at);
        let name = line.get(pair.name.clone()).unwrap_or_default();
        names.push(name);
        let occurrence = names.iter().filter(|seen| **seen == name).count();
        let is_cookie = names.len() <= most;
        let place = |identifiers: &Identifiers, side| {
            let part = if is_cookie {
                Part::Cookie(safe_name(identifiers, name).into())
            } else {
                Part::Header("set-cookie".into())
            };
            Place { side, part, occurrence: if is_cookie { occurrence } else { 1 } }
        };
        values.begin(pair.name.start, pair.name.start, Script::Cookie, None);
        values.feed(name, pair.name.start);
        let token = if pair.name.end == pair.value.start { Some(pair.whole.end) } else { None };
        values.end(pair.name.end, token, &place);
        let value = line.get(pair.value.clone()).unwrap_or_default();
        at = pair.whole.end;
        read_value(values, pair.whole, (pair.value.start, value), Script::Cookie, name, &place);
    }
}

fn pair(line: &[u8], at: usize) -> Pair {
    let rest = line.get(at..).unwrap_or_default();
    let length = memchr::memchr(b';', rest).unwrap_or(rest.len());
    let body = rest.get(..length).unwrap_or_default();
    let behind = rest.get(length..).unwrap_or_default();
    let separator = behind.iter().take_while(|byte| matches!(byte, b';' | b' ' | b'\t')).count();
    let equals = memchr::memchr(b'=', body);
    let mut value = equals.map_or(at + length..at + length, |equals| at + equals + 1..at + length);
    // The value may stand in quotes (RFC 6265 section 4.1.1).
    if value.len() >= 2 && line.get(value.start) == Some(&b'"') && line.get(value.end - 1) == Some(&b'"') {
        value = value.start + 1..value.end - 1;
    }
    Pair { name: at..at + equals.unwrap_or(length), value, whole: at..at + length + separator }
}
