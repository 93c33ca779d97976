//! Whether the gateway can do its work, by named conditions: what `/readyz` says.

use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The conditions of one gateway; a clone is the same conditions.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    conditions: Arc<Mutex<Conditions>>,
}

/// Per condition, why it does not hold; `None` where it does.
type Conditions = BTreeMap<&'static str, Option<Cow<'static, str>>>;

/// The handle of whoever knows about one condition.
#[derive(Clone, Debug)]
pub struct Condition {
    name: &'static str,
    all: Readiness,
}

/// What `/readyz` answers: ready when every condition holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadinessReport {
    /// Whether all hold.
    pub ready: bool,
    /// Per condition `ok`, or why not.
    pub conditions: BTreeMap<&'static str, Cow<'static, str>>,
}

impl Readiness {
    /// Without conditions: ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition, which does not hold until its handle says so. A name given twice is one condition.
    pub fn condition(&self, name: &'static str) -> Condition {
        self.lock().entry(name).or_insert(Some(Cow::Borrowed("starting")));
        Condition { name, all: self.clone() }
    }

    /// Whether every condition holds.
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(Option::is_none)
    }

    /// All conditions as they are now.
    pub fn report(&self) -> ReadinessReport {
        let conditions = self.lock();
        ReadinessReport {
            ready: conditions.values().all(Option::is_none),
            conditions: conditions
                .iter()
                .map(|(name, reason)| (*name, reason.clone().unwrap_or(Cow::Borrowed("ok"))))
                .collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Conditions> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Condition {
    /// It holds.
    pub fn holds(&self) {
        self.all.lock().insert(self.name, None);
    }

    /// It does not, because of `reason`: a plain sentence part without any real value.
    pub fn fails(&self, reason: impl Into<Cow<'static, str>>) {
        self.all.lock().insert(self.name, Some(reason.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_every_condition_holds() {
        let readiness = Readiness::new();
        assert!(readiness.is_ready());
        let (ca, ledger) = (readiness.condition("ca"), readiness.condition("ledger"));
        assert!(!readiness.is_ready());
        ca.holds();
        assert_eq!(readiness.report().conditions.get("ledger").map(|text| &**text), Some("starting"));
        ledger.holds();
        assert!(readiness.is_ready());
        ledger.fails("the disk is full");
        let report = readiness.report();
        assert!(!report.ready);
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"ready":false,"conditions":{"ca":"ok","ledger":"the disk is full"}}"#
        );
    }
}
