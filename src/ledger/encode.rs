//! A record as the bytes that are sealed: `[member, vendor / null, body]`, the body an array for its kind.
//!
//! Every text and list has a bound, so that a record never outgrows an entry; edits that do not fit go into
//! `edits` records of their own.

use super::cbor::Writer;
use super::entry::ENTRY_BYTES;
use crate::model::record::{EditRecord, Event, Record, TermsRecord};
use crate::model::{Outcome, Party};

/// Bytes of a URL, a signed note or a pseudonym.
const LONG: usize = 18 << 10;
/// Bytes of a rule, a reason, a place, an answer.
const MEDIUM: usize = 4 << 10;
/// Bytes of a name or a fixed word.
const SHORT: usize = 1 << 10;
/// Bytes of an item of a list.
const ITEM: usize = 256;
/// Items of a list.
const ITEMS: usize = 16;
/// Bytes of an entry that edits may fill beside the longest other fields.
const EDITS_BYTES: usize = ENTRY_BYTES - LONG - 2 * ITEMS * (ITEM + 3) - 6 * SHORT - 512;

/// Writes the payload of a record that [`split`] has handed out.
pub(crate) fn write(record: &Record, out: &mut Vec<u8>) {
    let mut cbor = Writer(out);
    cbor.array(3);
    cbor.bytes(record.member.0.as_bytes());
    cbor.opt_text(record.vendor.as_ref().map(|vendor| vendor.as_str()), SHORT);
    write_event(&record.event, &mut cbor);
}

fn write_event(event: &Event, cbor: &mut Writer<'_>) {
    match event {
        Event::Open { device, host, party, source, method, url, terms, edits, notes, .. } => {
            cbor.array(9);
            cbor.opt_text(device.as_deref(), SHORT);
            cbor.text(host, SHORT);
            cbor.uint(party_code(*party));
            cbor.text(source, SHORT);
            cbor.text(method, SHORT);
            cbor.text(url, LONG);
            write_terms(terms, cbor);
            write_edits(edits, cbor);
            write_list(notes, cbor);
        }
        Event::Close { status, sent, received, ms, attempts, edits, answer, outcome, .. } => {
            cbor.array(8);
            match status {
                Some(status) => cbor.uint(u64::from(*status)),
                None => cbor.null(),
            }
            [*sent, *received, *ms, u64::from(*attempts)].into_iter().for_each(|number| cbor.uint(number));
            write_edits(edits, cbor);
            cbor.opt_text(answer.as_deref(), MEDIUM);
            cbor.uint(outcome_code(*outcome));
        }
        Event::Edits { edits, .. } => {
            cbor.array(1);
            write_edits(edits, cbor);
        }
        Event::Issue { slot, epoch, format, how, value } => {
            cbor.array(5);
            cbor.text(slot, SHORT);
            cbor.uint(u64::from(*epoch));
            cbor.uint(u64::from(*format));
            cbor.text(how, SHORT);
            cbor.text(value, LONG);
        }
        Event::Blocked { host, party, method, url, verdict, rule, reason, .. } => {
            cbor.array(7);
            cbor.text(host, SHORT);
            cbor.uint(party_code(*party));
            cbor.text(method, SHORT);
            cbor.text(url, LONG);
            cbor.text(verdict, SHORT);
            cbor.text(rule, MEDIUM);
            cbor.text(reason, MEDIUM);
        }
        Event::Tunnel { host, reason, .. } => {
            cbor.array(2);
            cbor.opt_text(host.as_deref(), SHORT);
            cbor.text(reason, MEDIUM);
        }
        Event::Refused { host, status, code, reason, .. } => {
            cbor.array(4);
            cbor.opt_text(host.as_deref(), SHORT);
            cbor.uint(u64::from(*status));
            cbor.text(code, SHORT);
            cbor.text(reason, MEDIUM);
        }
        Event::Gap { reason, count } => {
            cbor.array(2);
            cbor.text(reason, MEDIUM);
            cbor.uint(*count);
        }
        Event::Config { digest, reason } => {
            cbor.array(2);
            cbor.text(digest, SHORT);
            cbor.text(reason, MEDIUM);
        }
        Event::Erase { scope, keys } => {
            cbor.array(2);
            cbor.text(scope, MEDIUM);
            cbor.uint(*keys);
        }
        Event::Checkpoint { note } => {
            cbor.array(1);
            cbor.text(note, LONG);
        }
    }
}

fn write_terms(terms: &TermsRecord, cbor: &mut Writer<'_>) {
    cbor.array(3);
    cbor.text(&terms.state, SHORT);
    write_list(&terms.offer, cbor);
    cbor.bool(terms.gpc);
}

fn write_list(items: &[String], cbor: &mut Writer<'_>) {
    cbor.array(items.len().min(ITEMS));
    // The last place says what has none.
    let shown = if items.len() > ITEMS { ITEMS - 1 } else { ITEMS };
    items.iter().take(shown).for_each(|item| cbor.text(item, ITEM));
    if items.len() > shown {
        cbor.text(&format!("and {} more", items.len() - shown), ITEM);
    }
}

fn write_edits(edits: &[EditRecord], cbor: &mut Writer<'_>) {
    cbor.array(edits.len());
    for edit in edits {
        cbor.array(10);
        cbor.text(&edit.id, ITEM);
        cbor.text(&edit.place, MEDIUM);
        edit.span.into_iter().for_each(|end| cbor.uint(end));
        cbor.text(&edit.action, ITEM);
        cbor.opt_text(edit.slot.as_deref(), ITEM);
        cbor.text(&edit.category, ITEM);
        cbor.text(&edit.rule, MEDIUM);
        cbor.text(&edit.reason, MEDIUM);
        cbor.text(&edit.digest, ITEM);
    }
}

/// At least as many bytes as the edit takes.
fn edit_bytes(edit: &EditRecord) -> usize {
    let texts = [
        (&*edit.id, ITEM),
        (&*edit.place, MEDIUM),
        (&*edit.action, ITEM),
        (&*edit.category, ITEM),
        (&*edit.rule, MEDIUM),
        (&*edit.reason, MEDIUM),
        (&*edit.digest, ITEM),
    ];
    let slot = edit.slot.as_ref().map_or(0, |slot| slot.len().min(ITEM));
    48 + slot + texts.iter().map(|(text, limit)| text.len().min(*limit)).sum::<usize>()
}

pub(crate) fn party_code(party: Party) -> u64 {
    match party {
        Party::First => 0,
        Party::Third => 1,
        Party::Gateway => 2,
    }
}

pub(crate) fn outcome_code(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Complete => 0,
        Outcome::CutByClient => 1,
        Outcome::CutByVendor => 2,
        Outcome::Failed => 3,
        Outcome::Unknown => 4,
    }
}

/// Hands out the record in pieces that each fit an entry: edits past the first entry's room follow an OPEN in
/// `edits` records, and precede a CLOSE.
pub(crate) fn split(mut record: Record, mut each: impl FnMut(Record)) {
    let (flow, edits, ends) = match &mut record.event {
        Event::Open { flow, edits, .. } => (*flow, edits, false),
        Event::Close { flow, edits, .. } | Event::Edits { flow, edits } => (*flow, edits, true),
        _ => return each(record),
    };
    if edits.iter().map(edit_bytes).sum::<usize>() <= EDITS_BYTES {
        return each(record);
    }
    let mut pieces = vec![Vec::new()];
    let mut room = EDITS_BYTES;
    for edit in std::mem::take(edits) {
        let bytes = edit_bytes(&edit);
        if bytes > room {
            pieces.push(Vec::new());
            room = EDITS_BYTES;
        }
        room -= bytes;
        if let Some(piece) = pieces.last_mut() {
            piece.push(edit);
        }
    }
    let own = if ends { pieces.pop() } else { Some(pieces.remove(0)) };
    *edits = own.unwrap_or_default();
    let (time, member, vendor) = (record.time, record.member, record.vendor.clone());
    let more = pieces.into_iter().map(|edits| {
        let event = Event::Edits { flow, edits };
        Record { time, member, vendor: vendor.clone(), event }
    });
    if ends {
        more.for_each(&mut each);
        each(record);
    } else {
        each(record);
        more.for_each(each);
    }
}
