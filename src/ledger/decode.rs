//! The way back from sealed bytes to a record.

use super::encode::{outcome_code, party_code};
use super::entry::{Kind, Outer, fixed};
use crate::model::record::{EditRecord, Event, Record, TermsRecord};
use crate::model::{FlowId, MemberId, Outcome, Party, VendorId};
use minicbor::Decoder;
use minicbor::data::Type;
use uuid::Uuid;

/// Reads what [`super::encode::write`] wrote for an entry with this clear part.
pub(crate) fn read(payload: &[u8], outer: &Outer) -> Option<Record> {
    let mut cbor = Fields(Decoder::new(payload));
    cbor.array(3)?;
    let member = MemberId(Uuid::from_bytes(fixed(&mut cbor.0)?));
    let vendor = cbor.opt_text()?.map(|name| VendorId::from(name.as_str()));
    let event = cbor.event(outer.kind, outer.flow)?;
    (cbor.0.position() == payload.len()).then_some(Record { time: outer.time, member, vendor, event })
}

struct Fields<'a>(Decoder<'a>);

impl Fields<'_> {
    fn array(&mut self, length: u64) -> Option<()> {
        (self.0.array().ok()? == Some(length)).then_some(())
    }

    fn text(&mut self) -> Option<String> {
        self.0.str().ok().map(str::to_owned)
    }

    fn null(&mut self) -> Option<bool> {
        if self.0.datatype().ok()? == Type::Null {
            self.0.null().ok()?;
            return Some(true);
        }
        Some(false)
    }

    fn opt_text(&mut self) -> Option<Option<String>> {
        if self.null()? { Some(None) } else { self.text().map(Some) }
    }

    fn uint(&mut self) -> Option<u64> {
        self.0.u64().ok()
    }

    fn list(&mut self) -> Option<Vec<String>> {
        let length = self.0.array().ok()??;
        (0..length).map(|_| self.text()).collect()
    }

    fn party(&mut self) -> Option<Party> {
        let code = self.uint()?;
        [Party::First, Party::Third, Party::Gateway].into_iter().find(|party| party_code(*party) == code)
    }

    fn outcome(&mut self) -> Option<Outcome> {
        use Outcome::{Complete, CutByClient, CutByVendor, Failed, Unknown};
        let code = self.uint()?;
        [Complete, CutByClient, CutByVendor, Failed, Unknown]
            .into_iter()
            .find(|outcome| outcome_code(*outcome) == code)
    }

    fn terms(&mut self) -> Option<TermsRecord> {
        self.array(3)?;
        Some(TermsRecord { state: self.text()?.into(), offer: self.list()?, gpc: self.0.bool().ok()? })
    }

    fn edits(&mut self) -> Option<Vec<EditRecord>> {
        let length = self.0.array().ok()??;
        (0..length).map(|_| self.edit()).collect()
    }

    fn edit(&mut self) -> Option<EditRecord> {
        self.array(10)?;
        Some(EditRecord {
            id: self.text()?,
            place: self.text()?,
            span: [self.uint()?, self.uint()?],
            action: self.text()?.into(),
            slot: self.opt_text()?,
            category: self.text()?.into(),
            rule: self.text()?.into(),
            reason: self.text()?.into(),
            digest: self.text()?,
        })
    }

    fn event(&mut self, kind: Kind, flow: Option<FlowId>) -> Option<Event> {
        Some(match kind {
            Kind::Open => {
                self.array(9)?;
                Event::Open {
                    flow: flow?,
                    device: self.opt_text()?,
                    host: self.text()?,
                    party: self.party()?,
                    source: self.text()?,
                    method: self.text()?,
                    url: self.text()?,
                    terms: self.terms()?,
                    edits: self.edits()?,
                    notes: self.list()?,
                }
            }
            Kind::Close => {
                self.array(8)?;
                Event::Close {
                    flow: flow?,
                    status: if self.null()? { None } else { Some(self.0.u16().ok()?) },
                    sent: self.uint()?,
                    received: self.uint()?,
                    ms: self.uint()?,
                    attempts: self.0.u32().ok()?,
                    edits: self.edits()?,
                    answer: self.opt_text()?,
                    outcome: self.outcome()?,
                }
            }
            Kind::Edits => {
                self.array(1)?;
                Event::Edits { flow: flow?, edits: self.edits()? }
            }
            Kind::Blocked => {
                self.array(7)?;
                Event::Blocked {
                    flow: flow?,
                    host: self.text()?,
                    party: self.party()?,
                    method: self.text()?,
                    url: self.text()?,
                    verdict: self.text()?,
                    rule: self.text()?,
                    reason: self.text()?,
                }
            }
            Kind::Tunnel => {
                self.array(2)?;
                Event::Tunnel { flow: flow?, host: self.opt_text()?, reason: self.text()? }
            }
            Kind::Refused => {
                self.array(4)?;
                Event::Refused {
                    flow: flow?,
                    host: self.opt_text()?,
                    status: self.0.u16().ok()?,
                    code: self.text()?,
                    reason: self.text()?,
                }
            }
            _ if flow.is_some() => return None,
            kind => self.flowless(kind)?,
        })
    }

    fn flowless(&mut self, kind: Kind) -> Option<Event> {
        Some(match kind {
            Kind::Issue => {
                self.array(5)?;
                Event::Issue {
                    slot: self.text()?,
                    epoch: self.0.u32().ok()?,
                    format: self.0.u32().ok()?,
                    how: self.text()?,
                    value: self.text()?,
                }
            }
            Kind::Gap => {
                self.array(2)?;
                Event::Gap { reason: self.text()?, count: self.uint()? }
            }
            Kind::Config => {
                self.array(2)?;
                Event::Config { digest: self.text()?, reason: self.text()? }
            }
            Kind::Erase => {
                self.array(2)?;
                Event::Erase { scope: self.text()?, keys: self.uint()? }
            }
            Kind::Checkpoint => {
                self.array(1)?;
                Event::Checkpoint { note: self.text()? }
            }
            _ => return None,
        })
    }
}
