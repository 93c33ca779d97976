//! Records become entries and records again.

use super::super::entry::{self, ENTRY_BYTES, write_front};
use super::super::seal::{self, Sealed, tails};
use super::fixtures::{edit, now};
use crate::model::record::{EditRecord, Event, Record, TermsRecord};
use crate::model::{FlowId, KeyId, MemberId, MonthKey, Outcome, Party, Secret, VendorId};
use proptest::prelude::*;

fn key() -> MonthKey {
    MonthKey { id: KeyId([3; 16]), key: Secret::new([5; 32]) }
}

/// Seals and opens; checks each entry's bounds on the way.
fn through(record: Record) -> Vec<Record> {
    let mut sealed = Sealed::default();
    sealed.push(record, &key()).unwrap();
    let records: Vec<_> = tails(&sealed.bytes)
        .map(|tail| {
            let mut bytes = Vec::new();
            write_front(u64::MAX, &mut bytes);
            bytes.extend_from_slice(tail);
            assert!(bytes.len() <= ENTRY_BYTES, "{}", bytes.len());
            seal::open(&entry::parse(&bytes).unwrap(), &key()).unwrap()
        })
        .collect();
    assert_eq!(records.len(), sealed.count);
    records
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,12}"
}

fn edits() -> impl Strategy<Value = Vec<EditRecord>> {
    let edit = (text(), text(), any::<[u64; 2]>(), proptest::option::of(text()), text()).prop_map(
        |(id, place, span, slot, rule)| EditRecord { id, place, span, slot, rule: rule.into(), ..edit(1) },
    );
    proptest::collection::vec(edit, 0..4)
}

fn party() -> impl Strategy<Value = Party> {
    prop_oneof![Just(Party::First), Just(Party::Third), Just(Party::Gateway)]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    use Outcome::{Complete, CutByClient, CutByVendor, Failed, Unknown};
    prop_oneof![Just(Complete), Just(CutByClient), Just(CutByVendor), Just(Failed), Just(Unknown)]
}

fn event() -> impl Strategy<Value = Event> {
    let flow = || any::<[u8; 16]>().prop_map(|bytes| FlowId(uuid::Uuid::from_bytes(bytes)));
    let list = || proptest::collection::vec(text(), 0..4);
    let option = || proptest::option::of(text());
    prop_oneof![
        (
            flow(),
            (option(), text(), party(), text(), text(), text()),
            (text(), list(), any::<bool>()),
            edits(),
            list()
        )
            .prop_map(
                |(flow, (device, host, party, source, method, url), (state, offer, gpc), edits, notes)| {
                    let terms = TermsRecord { state: state.into(), offer, gpc };
                    Event::Open { flow, device, host, party, source, method, url, terms, edits, notes }
                }
            ),
        (flow(), any::<Option<u16>>(), any::<[u64; 3]>(), any::<u32>(), edits(), option(), outcome())
            .prop_map(|(flow, status, [sent, received, ms], attempts, edits, answer, outcome)| {
                Event::Close { flow, status, sent, received, ms, attempts, edits, answer, outcome }
            }),
        (flow(), edits()).prop_map(|(flow, edits)| Event::Edits { flow, edits }),
        (text(), any::<u32>(), any::<u32>(), text(), text()).prop_map(|(slot, epoch, format, how, value)| {
            Event::Issue { slot, epoch, format, how, value }
        }),
        (flow(), text(), party(), [text(), text(), text(), text(), text()]).prop_map(
            |(flow, host, party, [method, url, verdict, rule, reason])| {
                Event::Blocked { flow, host, party, method, url, verdict, rule, reason }
            }
        ),
        (flow(), option(), text()).prop_map(|(flow, host, reason)| Event::Tunnel { flow, host, reason }),
        (flow(), option(), any::<u16>(), text(), text()).prop_map(|(flow, host, status, code, reason)| {
            Event::Refused { flow, host, status, code, reason }
        }),
        (text(), any::<u64>()).prop_map(|(reason, count)| Event::Gap { reason, count }),
        (text(), text()).prop_map(|(digest, reason)| Event::Config { digest, reason }),
        (text(), any::<u64>()).prop_map(|(scope, keys)| Event::Erase { scope, keys }),
        text().prop_map(|note| Event::Checkpoint { note }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn every_record_comes_back(event in event(), vendor in proptest::option::of(text())) {
        let vendor = vendor.map(|name| VendorId::from(name.as_str()));
        let record = Record { time: now(), member: MemberId::random(), vendor, event };
        prop_assert_eq!(through(record.clone()), [record]);
    }

    #[test]
    fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(entry::parse(&bytes).is_none());
    }
}

/// The longest of everything.
fn huge(edits: usize) -> Event {
    let long = "x".repeat(100_000);
    let wide = EditRecord {
        id: long.clone(),
        place: long.clone(),
        span: [u64::MAX; 2],
        action: long.clone().into(),
        slot: Some(long.clone()),
        category: long.clone().into(),
        rule: long.clone().into(),
        reason: long.clone().into(),
        digest: long.clone(),
    };
    Event::Open {
        flow: FlowId::now(),
        device: Some(long.clone()),
        host: long.clone(),
        party: Party::First,
        source: long.clone(),
        method: long.clone(),
        url: long.clone(),
        terms: TermsRecord { state: long.clone().into(), offer: vec![long.clone(); 99], gpc: true },
        edits: vec![wide; edits],
        notes: vec![long; 99],
    }
}

#[test]
fn the_longest_record_fits() {
    for edits in [0, 1, 2, 5] {
        let vendor = Some("v".repeat(5_000).as_str().into());
        let record = Record { time: now(), member: MemberId::random(), vendor, event: huge(edits) };
        assert_eq!(through(record).len(), edits.max(1));
    }
}

#[test]
fn edits_that_do_not_fit_spill_in_order() {
    let member = MemberId::random();
    let flow = FlowId::now();
    let edits: Vec<_> = (1..=1_000).map(edit).collect();
    let ends = Event::Close {
        flow,
        status: None,
        sent: 0,
        received: 0,
        ms: 0,
        attempts: 1,
        edits: edits.clone(),
        answer: None,
        outcome: Outcome::Complete,
    };
    let Event::Open { device, host, party, source, method, url, terms, notes, .. } = huge(0) else {
        panic!()
    };
    let opens =
        Event::Open { flow, device, host, party, source, method, url, terms, notes, edits: edits.clone() };
    for (event, first, last) in [(ends, "edits", "close"), (opens, "open", "edits")] {
        let records = through(Record { time: now(), member, vendor: None, event });
        assert!(records.len() > 3);
        assert_eq!(records.first().unwrap().event.kind(), first);
        assert_eq!(records.last().unwrap().event.kind(), last);
        let spilled: Vec<_> = records
            .into_iter()
            .flat_map(|record| match record.event {
                Event::Open { edits, .. } | Event::Close { edits, .. } | Event::Edits { edits, .. } => edits,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(spilled, edits);
    }
}

#[test]
fn no_nonce_comes_twice() {
    let mut sealed = Sealed::default();
    let record = Record {
        time: now(),
        member: MemberId::GATEWAY,
        vendor: None,
        event: Event::Gap { reason: "test".into(), count: 1 },
    };
    for _ in 0..500 {
        sealed.push(record.clone(), &key()).unwrap();
    }
    let nonces: std::collections::HashSet<_> = tails(&sealed.bytes)
        .map(|tail| {
            let mut bytes = Vec::new();
            write_front(0, &mut bytes);
            bytes.extend_from_slice(tail);
            entry::parse(&bytes).unwrap().outer.nonce
        })
        .collect();
    assert_eq!(nonces.len(), 500);
}

#[test]
fn nothing_of_a_record_stands_in_the_clear() {
    let mut sealed = Sealed::default();
    let event = Event::Issue {
        slot: "email.primary".into(),
        epoch: 1,
        format: 1,
        how: "derived".into(),
        value: "canary@alias.example".into(),
    };
    let record = Record { time: now(), member: MemberId::random(), vendor: Some("canary".into()), event };
    let member = *record.member.0.as_bytes();
    sealed.push(record, &key()).unwrap();
    let holds = |needle: &[u8]| sealed.bytes.windows(needle.len()).any(|window| window == needle);
    assert!(!holds(b"canary") && !holds(&member) && !holds(b"email"));
}

#[test]
fn another_key_and_a_moved_clear_part_do_not_open() {
    let mut sealed = Sealed::default();
    let event = Event::Gap { reason: "test".into(), count: 1 };
    sealed.push(Record { time: now(), member: MemberId::GATEWAY, vendor: None, event }, &key()).unwrap();
    let mut bytes = Vec::new();
    write_front(0, &mut bytes);
    bytes.extend_from_slice(tails(&sealed.bytes).next().unwrap());
    let mut entry = entry::parse(&bytes).unwrap();
    assert!(seal::open(&entry, &key()).is_some());
    let other = MonthKey { id: KeyId([3; 16]), key: Secret::new([6; 32]) };
    assert!(seal::open(&entry, &other).is_none());
    entry.outer.time.0 += 1;
    assert!(seal::open(&entry, &key()).is_none());
}

#[test]
fn a_list_that_is_too_long_says_how_much_is_missing() {
    let Event::Open { flow, device, host, party, source, method, url, terms, .. } = huge(0) else {
        panic!("an open")
    };
    let notes = (0..20).map(|number| number.to_string()).collect();
    let event =
        Event::Open { flow, device, host, party, source, method, url, terms, notes, edits: Vec::new() };
    let record = Record { time: now(), member: MemberId::random(), vendor: None, event };
    let Event::Open { notes, .. } = &through(record)[0].event else { panic!("an open") };
    assert_eq!((notes.len(), notes.last().map(String::as_str)), (16, Some("and 5 more")));
}
