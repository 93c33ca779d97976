//! Keys in memory, records to write, and a log on a simulated disk.

use super::super::sim::SimDisk;
use super::super::{KeyError, Keys, Options};
use crate::model::record::{EditRecord, Event, Record, TermsRecord};
use crate::model::{Clock, Timestamp};
use crate::model::{FlowId, KeyId, MemberId, MonthKey, Outcome, Party, Secret, SystemClock, VendorId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Scope = (MemberId, Option<VendorId>, u32);

/// Keys that live as long as the test.
#[derive(Default)]
pub struct MemoryKeys(Mutex<HashMap<Scope, MonthKey>>);

impl MemoryKeys {
    pub fn erase(&self, member: MemberId) {
        self.0.lock().unwrap().retain(|(of, ..), _| *of != member);
    }
}

impl Keys for MemoryKeys {
    fn month_key(
        &self,
        member: MemberId,
        vendor: Option<&VendorId>,
        month: u32,
    ) -> Result<MonthKey, KeyError> {
        let mut keys = self.0.lock().unwrap();
        let key = keys.entry((member, vendor.cloned(), month)).or_insert_with(|| {
            let (mut id, mut key) = ([0; 16], [0; 32]);
            getrandom::fill(&mut id).unwrap();
            getrandom::fill(&mut key).unwrap();
            MonthKey { id: KeyId(id), key: Secret::new(key) }
        });
        Ok(key.clone())
    }

    fn open_month_key(&self, id: KeyId) -> Result<Option<MonthKey>, KeyError> {
        Ok(self.0.lock().unwrap().values().find(|key| key.id == id).cloned())
    }

    fn names(&self, member: MemberId, vendor: &VendorId) -> Result<Vec<KeyId>, KeyError> {
        let keys = self.0.lock().unwrap();
        let about = keys.iter().filter(|((of, with, _), _)| *of == member && with.as_ref() == Some(vendor));
        Ok(about.map(|(_, key)| key.id).collect())
    }
}

pub fn options(disk: &SimDisk, keys: &Arc<MemoryKeys>) -> Options {
    Options {
        disk: Arc::new(disk.clone()),
        lazy: Duration::from_millis(1),
        ..Options::new("/ledger", "home.example/ledger", keys.clone(), Secret::new([7; 32]))
    }
}

pub fn now() -> Timestamp {
    SystemClock.now()
}

pub fn record(member: MemberId, event: Event) -> Record {
    Record { time: now(), member, vendor: Some("shop".into()), event }
}

pub fn edit(number: usize) -> EditRecord {
    EditRecord {
        id: format!("e{number}"),
        place: "request.body.json:/user/email".into(),
        span: [9, 31],
        action: "replaced".into(),
        slot: Some("email.primary".into()),
        category: "pd:EmailAddress".into(),
        rule: "identity.email=pseudonym".into(),
        reason: "shop knows you by an alias".into(),
        digest: "qL8R4QIcQ_ZsRqOAbeRfcZhilN_MksRtDaErMA".into(),
    }
}

pub fn open(member: MemberId, flow: FlowId) -> Record {
    let event = Event::Open {
        flow,
        device: Some("laptop".into()),
        host: "api.shop.test".into(),
        party: Party::First,
        source: "user".into(),
        method: "POST".into(),
        url: "https://api.shop.test/signup?ref=…".into(),
        terms: TermsRecord { state: "offered".into(), offer: vec!["SD-BASE".into()], gpc: true },
        edits: vec![edit(1)],
        notes: vec!["could not inspect".into()],
    };
    record(member, event)
}

pub fn close(member: MemberId, flow: FlowId) -> Record {
    let event = Event::Close {
        flow,
        status: Some(201),
        sent: 512,
        received: 1_833,
        ms: 48,
        attempts: 1,
        edits: Vec::new(),
        answer: None,
        outcome: Outcome::Complete,
    };
    record(member, event)
}

pub fn issue(member: MemberId) -> Record {
    let event = Event::Issue {
        slot: "email.primary".into(),
        epoch: 1,
        format: 1,
        how: "derived".into(),
        value: "q7@alias.example".into(),
    };
    record(member, event)
}

pub fn blocked(member: MemberId, flow: FlowId) -> Record {
    let event = Event::Blocked {
        flow,
        host: "tracker.test".into(),
        party: Party::Third,
        method: "GET".into(),
        url: "https://tracker.test/p.gif".into(),
        verdict: "blocked".into(),
        rule: "||tracker.test^".into(),
        reason: "a tracker".into(),
    };
    record(member, event)
}

pub fn tunnel(member: MemberId, flow: FlowId) -> Record {
    record(member, Event::Tunnel { flow, host: Some("bank.test".into()), reason: "never: @banking".into() })
}
