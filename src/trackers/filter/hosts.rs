//! Rules that name a host and nothing else: what a tunnel, whose requests nobody sees, is held to.

use sha2::{Digest, Sha256};

/// What a plain host rule does; the higher wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Force {
    Block,
    Except,
    Important,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// The first 64 bits of the SHA-256 of the host: names take ten times the memory.
    hash: u64,
    force: Force,
    list: u16,
}

const ENTRY: usize = 11;

/// The plain host rules of all lists, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hosts(Vec<Entry>);

/// Gathers plain host rules line by line.
#[derive(Debug, Default)]
pub(super) struct Builder {
    entries: Vec<Entry>,
    cancelled: Vec<u64>,
}

impl Builder {
    /// Takes a rule in the Adblock Plus family's syntax, or a line of a hosts file; passes over any other kind.
    pub(super) fn add(&mut self, line: &str, hosts_file: bool, list: usize) {
        let Ok(list) = u16::try_from(list) else { return };
        let line = line.trim();
        if hosts_file {
            let rule = line.split('#').next().unwrap_or_default();
            if let Some(host) = rule.split_whitespace().last() {
                self.entries.push(Entry { hash: hash(host), force: Force::Block, list });
            }
            return;
        }
        let (line, except) = match line.strip_prefix("@@") {
            Some(rest) => (rest, true),
            None => (line, false),
        };
        let Some(rest) = line.strip_prefix("||") else { return };
        let (pattern, option) = rest.split_once('$').unwrap_or((rest, ""));
        let Some(host) = pattern.strip_suffix('^').filter(|host| is_host(host)) else { return };
        match (option, except) {
            ("" | "all", false) => self.entries.push(Entry { hash: hash(host), force: Force::Block, list }),
            ("" | "all", true) => self.entries.push(Entry { hash: hash(host), force: Force::Except, list }),
            ("important", false) => {
                self.entries.push(Entry { hash: hash(host), force: Force::Important, list });
            }
            ("badfilter", false) => self.cancelled.push(hash(host)),
            _ => {}
        }
    }

    /// The table.
    pub(super) fn build(self) -> Hosts {
        let Self { mut entries, mut cancelled } = self;
        cancelled.sort_unstable();
        entries.retain(|entry| entry.force != Force::Block || cancelled.binary_search(&entry.hash).is_err());
        entries.sort_unstable();
        entries.dedup();
        entries.shrink_to_fit();
        Hosts(entries)
    }
}

impl Hosts {
    /// The rule that refuses this host, the most specific name first, with the number of its list.
    pub(super) fn rule(&self, host: &str) -> Option<(String, usize)> {
        let mut winner: Option<(Force, &str, u16)> = None;
        let mut name = Some(host).filter(|host| is_host(host));
        while let Some(at) = name {
            for entry in self.of(hash(at)) {
                if winner.is_none_or(|(force, ..)| entry.force > force) {
                    winner = Some((entry.force, at, entry.list));
                }
            }
            name = at.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.'));
        }
        match winner? {
            (Force::Block, at, list) => Some((format!("||{at}^"), list.into())),
            (Force::Important, at, list) => Some((format!("||{at}^$important"), list.into())),
            (Force::Except, ..) => None,
        }
    }

    fn of(&self, hash: u64) -> impl Iterator<Item = &Entry> {
        let from = self.0.partition_point(|entry| entry.hash < hash);
        self.0.iter().skip(from).take_while(move |entry| entry.hash == hash)
    }

    /// For the cache.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * ENTRY);
        for entry in &self.0 {
            bytes.extend_from_slice(&entry.hash.to_le_bytes());
            bytes.push(match entry.force {
                Force::Block => 0,
                Force::Except => 1,
                Force::Important => 2,
            });
            bytes.extend_from_slice(&entry.list.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` for anything else.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks::<ENTRY>();
        if !rest.is_empty() {
            return None;
        }
        let read = entries.iter().map(|&[a, b, c, d, e, f, g, h, force, low, high]| {
            let force = match force {
                0 => Force::Block,
                1 => Force::Except,
                2 => Force::Important,
                _ => return None,
            };
            let hash = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
            Some(Entry { hash, force, list: u16::from_le_bytes([low, high]) })
        });
        let entries = read.collect::<Option<Vec<_>>>()?;
        entries.is_sorted().then_some(Self(entries))
    }
}

fn is_host(text: &str) -> bool {
    text.contains('.')
        && text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

fn hash(host: &str) -> u64 {
    let digest = Sha256::digest(host.to_ascii_lowercase());
    digest.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(lines: &[&str]) -> Hosts {
        let mut builder = Builder::default();
        for line in lines {
            builder.add(line, false, 3);
        }
        builder.build()
    }

    #[test]
    fn only_plain_rules_count_and_they_cover_what_is_below() {
        let hosts = hosts(&[
            "||tracker.test^",
            "||party.test^$third-party",
            "||path.test/x^",
            "||wild*.test^",
            "||shop.test^",
            "@@||cdn.tracker.test^",
            "||bad.tracker.test^$important",
            "@@||bad.tracker.test^",
            "||gone.test^",
            "||gone.test^$badfilter",
        ]);
        let rule = |host: &str| hosts.rule(host).map(|(rule, _)| rule);
        assert_eq!(rule("tracker.test").as_deref(), Some("||tracker.test^"));
        assert_eq!(rule("a.b.tracker.test").as_deref(), Some("||tracker.test^"));
        assert_eq!(rule("x.bad.tracker.test").as_deref(), Some("||bad.tracker.test^$important"));
        for host in
            ["cdn.tracker.test", "nottracker.test", "party.test", "path.test", "gone.test", "test", "", "::1"]
        {
            assert_eq!(rule(host), None, "{host}");
        }
    }

    #[test]
    fn a_hosts_file_is_plain_rules() {
        let mut builder = Builder::default();
        builder.add("0.0.0.0 Ads.example # why", true, 1);
        builder.add("bare.example", true, 1);
        let hosts = builder.build();
        assert_eq!(hosts.rule("ads.example"), Some(("||ads.example^".to_owned(), 1)));
        assert!(hosts.rule("x.bare.example").is_some());
    }

    #[test]
    fn bytes_read_back_and_others_do_not() {
        let hosts = hosts(&["||b.test^", "||a.test^$important", "@@||c.test^"]);
        assert_eq!(Hosts::from_bytes(&hosts.to_bytes()), Some(hosts.clone()));
        let mut bytes = hosts.to_bytes();
        bytes.pop();
        assert_eq!(Hosts::from_bytes(&bytes), None);
        assert_eq!(Hosts::from_bytes(&[0xff; ENTRY]), None);
    }
}
