//! Keys that load from the first version, though what they switch comes later.

use super::check::Findings;
use super::finding::Finding;
use super::schema::{Detail, OnFailure, Resolver, Settings};
use super::snapshot::Config;
use super::value::{PolicyKey, SecretSource, StoreUrl};
use crate::model::{Policy, SlotKind};

/// Says of every written value that this version does not act on it, and what it does instead.
pub(super) fn check(settings: &Settings, findings: &mut Findings<'_>) {
    let identity = &settings.identity;
    let ledger = &settings.ledger;
    let switches: [(&str, bool, &str); 6] = [
        (
            "upstream.resolver",
            settings.upstream.resolver != Resolver::System,
            "the system's resolver is used",
        ),
        ("trackers.html", settings.trackers.html, "pages are not edited"),
        ("ledger.detail", ledger.detail == Detail::Bodies, "it acts as \"metadata\""),
        ("ledger.keep_days", true, "records are kept"),
        ("ledger.on_failure", ledger.on_failure == OnFailure::Spool, "requests are refused"),
        ("store.url", settings.store.url != StoreUrl::Sqlite, "SQLite is used"),
    ];
    for (key, set, instead) in switches {
        if set && findings.written(key) {
            later(findings, key, instead);
        }
    }
    if findings.written("mail") {
        later(findings, "mail", "no mail is taken");
    }
    for (key, policy) in &identity.policies.0 {
        let path = super::origins::join("identity", &key.to_string());
        policy_later(findings, &path, key, *policy);
    }
    for (name, vendor) in &settings.vendor {
        let at = super::origins::join("vendor", name);
        for (key, policy) in &vendor.identity.0 {
            let path = super::origins::join(&format!("{at}.identity"), &key.to_string());
            policy_later(findings, &path, key, *policy);
        }
    }
    people(settings, findings);
}

fn people(settings: &Settings, findings: &mut Findings<'_>) {
    for (name, member) in &settings.member {
        let at = super::origins::join("member", name);
        if member.guardian.is_some() {
            later(findings, &format!("{at}.guardian"), "guardians see nothing");
        }
        if member.guardian_sees.is_some() {
            later(findings, &format!("{at}.guardian_sees"), "guardians see nothing");
        }
        if member.detail == Some(Detail::Bodies) {
            later(findings, &format!("{at}.detail"), "it acts as \"metadata\"");
        }
    }
}

fn policy_later(findings: &mut Findings<'_>, path: &str, key: &PolicyKey, policy: Policy) {
    match policy {
        Policy::Coarse if !key.kind().can_be_coarse() => {
            let kind = key.kind().as_str();
            findings.warn(
                path,
                format!("no {kind} is less precise"),
                Some("the value is withheld".to_owned()),
            );
        }
        Policy::Pseudonym if key.kind() == SlotKind::Geo => {
            let withheld = "the value is withheld; `coarse` gives the middle of some square kilometres";
            findings.warn(path, "no position is made up".to_owned(), Some(withheld.to_owned()));
        }
        Policy::Real | Policy::Pseudonym | Policy::Coarse | Policy::Withhold | Policy::Ask => {}
    }
}

fn later(findings: &mut Findings<'_>, key: &str, instead: &str) {
    findings.warn(key, format!("`{key}` is not active in this version"), Some(instead.to_owned()));
}

impl Config {
    /// Protection that is written and that would not be given, by this version or for want of a secret: `run` refuses to start rather than leak.
    /// The file still loads, so that `config check` and everything else can say so. Errors only.
    pub fn check_promises(&self) -> Vec<Finding> {
        let mut findings = Findings::new(&self.origins);
        let upstream = &self.settings.upstream;
        let promises = [(
            "upstream.resolver",
            upstream.resolver != Resolver::System,
            "names would go to the system's resolver",
        )];
        for (key, _, instead) in promises.into_iter().filter(|(_, asked, _)| *asked) {
            findings.error(key, format!("`{key}` is not active in this version: {instead}"), "take it out");
        }
        let password = upstream.proxy.as_ref().and_then(|next_hop| next_hop.password.as_ref());
        if let Some(Err(error)) = password.map(SecretSource::read) {
            findings.error(
                "upstream.proxy.password",
                error.to_string(),
                "without it the next hop lets nobody through",
            );
        }
        findings.into_list()
    }
}
