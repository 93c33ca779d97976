//! The compiled rules and the question put to them.
//!
//! Rules are split in two engines. The *open* one holds rules that need to know nothing about the source of a request;
//! the *sourced* one those with `domain` or a party. A request of unknown source, as an app's is, only ever meets the
//! open one: the engine itself would take such a request for third party, and lists would block an app from its own
//! vendor. Precedence holds across both: `$important`, then an exception, then a block.

use super::cache::{self, Key};
use super::classify::{self, Line, Scope};
use super::hosts::{self, Hosts};
use super::{explain, with_builtin};
use crate::model::{Party, RequestType, RequestView, Scheme};
use crate::trackers::report::{ListReport, Report};
use crate::trackers::{List, Matched, RuleMatch};
use adblock::blocker::BlockerResult;
use adblock::lists::FilterFormat;
use adblock::request::Request;
use adblock::sourcemap::FilterRuleDebugInfo;
use adblock::{Engine, FilterSet};
use std::borrow::Cow;
use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Engines of one kind are at most this many: each holds a lock while it checks, each costs its rules' memory.
const MAX_ENGINES: usize = 4;

// `single-thread` is a default feature of the crate: this line fails where any dependency turns it on.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Engine>();
    shared::<Filters>();
};

/// All filter rules, compiled.
pub(in crate::trackers) struct Filters {
    pool: Vec<Pair>,
    hosts: Hosts,
    lists: Vec<List>,
}

/// The two engines one thread asks.
pub(super) struct Pair {
    open: Engine,
    sourced: Engine,
}

/// What the rules say about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::trackers) enum Decision {
    /// No rule blocks it.
    Pass,
    /// A rule would, and an exception stands above it.
    Excepted(Matched),
    /// This rule blocks it.
    Block(Matched),
}

/// The compiled form, as it is kept on disk.
pub(super) struct Compiled {
    pub(super) report: Report,
    pub(super) open: Vec<u8>,
    pub(super) sourced: Vec<u8>,
    pub(super) hosts: Hosts,
}

impl Filters {
    /// Compiles the built-in list and `lists`, or takes the compiled form from `dir`.
    pub(in crate::trackers) fn build(lists: &[List], dir: Option<&Path>) -> (Self, Report) {
        let lists = with_builtin(lists);
        let key = Key::of(&lists);
        if let Some(compiled) = dir.and_then(|dir| cache::load(dir, key))
            && let Some(pool) = pool_of(&compiled)
        {
            let report = Report { cached: true, ..compiled.report };
            return (Self { pool, hosts: compiled.hosts, lists }, report);
        }
        let (pair, mut compiled) = compile(&lists);
        if let Some(dir) = dir
            && let Err(error) = cache::save(dir, key, &compiled)
        {
            tracing::warn!(%error, "the compiled filter lists could not be kept; the next start compiles them again");
        }
        compiled.report.cached = false;
        // The bytes are this process's own; what they hold was just compiled.
        let pool = pool_of(&compiled).unwrap_or_else(|| vec![pair]);
        (Self { pool, hosts: compiled.hosts, lists }, compiled.report)
    }

    /// What the rules say.
    pub(in crate::trackers) fn check(&self, view: &RequestView<'_>) -> Decision {
        let Some(pair) = self.pool.get(slot() % self.pool.len().max(1)) else { return Decision::Pass };
        let query = Query::of(view);
        let verdict = pair.check(&query);
        match (verdict.block, verdict.exception) {
            (Some(_), Some(exception)) => Decision::Excepted(self.matched(exception)),
            (Some(block), None) => Decision::Block(self.matched(block)),
            (None, _) => Decision::Pass,
        }
    }

    /// The plain host rule that refuses this name.
    pub(in crate::trackers) fn host_rule(&self, host: &str) -> Option<Matched> {
        let (rule, list) = self.hosts.rule(host)?;
        Some(Matched { rule, list: self.lists.get(list)?.name.clone() })
    }

    /// Every rule that matches. Goes through the text of all lists: up to a second with large ones.
    pub(in crate::trackers) fn matches(&self, view: &RequestView<'_>) -> Vec<RuleMatch> {
        explain::matches(&self.lists, &Query::of(view), &self.check(view))
    }

    fn matched(&self, info: FilterRuleDebugInfo) -> Matched {
        let list = info.source_location.and_then(|at| self.lists.get(usize::try_from(at.source_index).ok()?));
        Matched {
            rule: info.raw_line.unwrap_or_default(),
            list: list.map_or_else(|| "unknown".into(), |list| list.name.clone()),
        }
    }
}

impl std::fmt::Debug for Filters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filters")
            .field("lists", &self.lists.iter().map(|list| &*list.name).collect::<Vec<_>>())
            .field("engines", &self.pool.len())
            .finish_non_exhaustive()
    }
}

/// A request as the engines read it.
pub(super) struct Query {
    pub(super) request: Request,
    /// Whether rules that ask for the party may act.
    pub(super) party: bool,
    /// Whether rules that ask for the domain of the source may.
    pub(super) domain: bool,
}

impl Query {
    pub(super) fn of(view: &RequestView<'_>) -> Self {
        let host = match view.origin.host.name() {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(view.origin.host.to_string()),
        };
        let source = view.source.filter(|source| is_host(source));
        let third = match source {
            Some(source) => site(source) != site(&host),
            None => view.party == Party::Third,
        };
        let secure = view.origin.scheme == Scheme::Https;
        let scheme = match (view.kind, secure) {
            (RequestType::Websocket, true) => "wss",
            (RequestType::Websocket, false) => "ws",
            (_, true) => "https",
            (_, false) => "http",
        };
        let url = [scheme, "://", &view.origin.authority(), view.target].concat();
        let method = view.method.as_str();
        let kind = view.kind.as_str();
        Self {
            request: Request::preparsed(&url, &host, source.unwrap_or_default(), kind, third, method),
            party: source.is_some() || third,
            domain: source.is_some(),
        }
    }

    /// Whether a rule of the sourced kind may act on this request.
    pub(super) fn admits(&self, rule: &str) -> bool {
        self.domain || (self.party && !classify::asks_domain(rule))
    }
}

/// The registrable domain, by the same list as everywhere else in the gateway.
fn site(host: &str) -> &str {
    psl::domain_str(host).unwrap_or(host)
}

/// A host a page can have; anything else (`null`, `about:blank`, garbage) is an unknown source.
fn is_host(source: &str) -> bool {
    source.len() <= 253
        && (source.contains(['.', ':']) || source == "localhost")
        && source.bytes().all(|b| {
            b.is_ascii_lowercase()
                || b.is_ascii_digit()
                || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']')
        })
        && !source.starts_with("about:")
}

/// What one look at both engines found.
#[derive(Debug, Default)]
struct Verdict {
    block: Option<FilterRuleDebugInfo>,
    exception: Option<FilterRuleDebugInfo>,
}

impl Pair {
    fn check(&self, query: &Query) -> Verdict {
        let request = &query.request;
        let open = self.open.check_network_request(request);
        if open.important || !query.party {
            return Verdict { block: open.filter, exception: open.exception };
        }
        // A block in the open engine leaves two questions for the other one: an `$important` rule and exceptions.
        let known = open.filter.is_some();
        let sourced = self.sourced(query, known);
        if sourced.important {
            return Verdict { block: sourced.filter, exception: None };
        }
        if known {
            return Verdict { block: open.filter, exception: open.exception.or(sourced.exception) };
        }
        if sourced.filter.is_none() {
            return Verdict::default();
        }
        let exception = sourced
            .exception
            .or_else(|| self.open.check_network_request_subset(request, true, false).exception);
        Verdict { block: sourced.filter, exception }
    }

    fn sourced(&self, query: &Query, known: bool) -> BlockerResult {
        let mut result = self.sourced.check_network_request_subset(&query.request, known, false);
        if !query.domain {
            let admits = |info: &Option<FilterRuleDebugInfo>| {
                info.as_ref().and_then(|info| info.raw_line.as_deref()).is_some_and(|rule| query.admits(rule))
            };
            if !admits(&result.filter) {
                result.filter = None;
                result.important = false;
            }
            if !admits(&result.exception) {
                result.exception = None;
            }
        }
        result
    }
}

/// A number for this thread: threads spread over the engines and each keeps to its own.
fn slot() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SLOT: Cell<Option<usize>> = const { Cell::new(None) };
    }
    SLOT.with(|slot| {
        slot.get().unwrap_or_else(|| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            slot.set(Some(number));
            number
        })
    })
}

/// As many pairs as there are processors to use them, from the compiled bytes.
fn pool_of(compiled: &Compiled) -> Option<Vec<Pair>> {
    let first = Pair { open: read(&compiled.open)?, sourced: read(&compiled.sourced)? };
    let size = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_ENGINES);
    let mut pool = Vec::with_capacity(size);
    if size > 1 {
        // Checked above; what the engine writes itself is not checked again.
        let (open, sourced) = (first.open.serialize(), first.sourced.serialize());
        for _ in 1..size {
            pool.push(Pair { open: read(&open)?, sourced: read(&sourced)? });
        }
    }
    pool.push(first);
    Some(pool)
}

fn read(bytes: &[u8]) -> Option<Engine> {
    let mut engine = Engine::default();
    engine.deserialize(bytes).ok()?;
    Some(engine)
}

/// Reads every line once, for the report, the host table and the two sets of rules.
fn compile(lists: &[List]) -> (Pair, Compiled) {
    let mut open = FilterSet::new(true);
    let mut sourced = FilterSet::new(true);
    let mut hosts = hosts::Builder::default();
    let mut report = Report::default();
    for (number, list) in lists.iter().enumerate() {
        let format = classify::format_of(&list.text);
        let mut counts = ListReport { name: list.name.to_string(), ..ListReport::default() };
        // Lines keep their numbers in both sets.
        let mut texts = [String::new(), String::new()];
        for line in list.text.lines() {
            let read = classify::classify(line, format);
            classify::count(&mut counts, &read);
            let [text_open, text_sourced] = &mut texts;
            if let Line::Rule { scope, .. } = read {
                match scope {
                    Scope::Open => {
                        text_open.push_str(line);
                        hosts.add(line, matches!(format, FilterFormat::Hosts), number);
                    }
                    Scope::Sourced => text_sourced.push_str(line),
                }
            }
            text_open.push('\n');
            text_sourced.push('\n');
        }
        let [text_open, text_sourced] = texts;
        open.add_filter_list(text_open, classify::options(format));
        sourced.add_filter_list(text_sourced, classify::options(format));
        report.lists.push(counts);
    }
    let pair = Pair { open: engine(open), sourced: engine(sourced) };
    let (open, sourced) =
        (cache::untrusted(pair.open.serialize()), cache::untrusted(pair.sourced.serialize()));
    (pair, Compiled { report, open, sourced, hosts: hosts.build() })
}

/// Compiles without fusing rules into one another: the log names the one rule that decided.
pub(super) fn engine(set: FilterSet) -> Engine {
    Engine::new_with_filter_set_no_optimize(set)
}
