//! What the ledger is told of an exchange. Real values stay out: an edit leaves its place, rule and a salted digest.

use super::body::ReplyBody;
use super::error::ExchangeError;
use super::layers::{Exchange, Reply};
use super::tally::Tally;
use crate::model::record::{EditRecord, Event};
use crate::model::{
    Action, Answer, Category, Container, Edit, FlowId, Origin, Place, Secret, Stage, Verdict,
};
use crate::rewrite::{Identifiers, find_in_target};
use crate::vault::Vault;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::ops::Range;

/// What stands for a value in a recorded URL.
const HIDDEN: &str = "…";

/// Makes the digests of one flow's edits: SHA-256(salt ‖ value), the salt HMAC-SHA256(member's digest key, flow ‖ edit id).
/// The owner can derive the salt again and open one digest without opening another.
pub struct Digests<'k> {
    key: &'k Secret<[u8; 32]>,
    flow: FlowId,
}

impl<'k> Digests<'k> {
    /// For the edits of `flow` under the member's `key`.
    pub fn new(key: &'k Secret<[u8; 32]>, flow: FlowId) -> Self {
        Self { key, flow }
    }

    /// The digest of `value` as the edit `id` changed it.
    pub fn of(&self, id: &str, value: &[u8]) -> String {
        let Ok(mut salt) = <Hmac<Sha256> as KeyInit>::new_from_slice(self.key.expose()) else {
            return String::new();
        };
        salt.update(self.flow.0.as_bytes());
        salt.update(id.as_bytes());
        let digest = Sha256::new().chain_update(salt.finalize().into_bytes()).chain_update(value).finalize();
        URL_SAFE_NO_PAD.encode(digest)
    }
}

/// One edit as it is recorded. `original` is what stood at its span, `None` where nothing did.
pub fn edit(edit: &Edit, number: u64, original: Option<&[u8]>, digests: Option<&Digests<'_>>) -> EditRecord {
    let id = ["e", itoa::Buffer::new().format(number)].concat();
    let digest = match (original, digests) {
        (Some(original), Some(digests)) if !original.is_empty() => digests.of(&id, original),
        _ => String::new(),
    };
    EditRecord {
        id,
        place: edit.place.text(),
        span: [edit.span.start as u64, edit.span.end as u64],
        action: edit.action.as_str().into(),
        slot: edit.slot.as_ref().map(ToString::to_string),
        category: edit.category.0.into(),
        rule: edit.rule.clone(),
        reason: edit.reason.clone(),
        digest,
    }
}

/// What is to be said of a flow whose OPEN is written already: an edit that changes nothing.
pub fn note(
    tally: &Tally,
    place: Place,
    container: Container,
    rule: &'static str,
    reason: Cow<'static, str>,
) -> EditRecord {
    let note = Edit {
        place,
        container,
        span: 0..0,
        action: Action::WouldHave,
        stage: Stage::Persona,
        slot: None,
        category: Category::ANY,
        rule: rule.into(),
        reason,
        within: None,
        value: Secret::default(),
    };
    edit(&note, tally.number(), None, None)
}

/// The request's edits, numbered in the order of the plan.
pub fn request_edits(exchange: &Exchange, vault: &Vault) -> Result<Vec<EditRecord>, ExchangeError> {
    let (tally, body) = (exchange.flow.tally(), exchange.body.decoded());
    let key = match exchange.plan.edits().iter().any(|edit| !edit.span.is_empty()) {
        true => Some(vault.digest_key(exchange.who.member).map_err(|_| ExchangeError::Ledger)?),
        false => None,
    };
    let digests = key.as_ref().map(|key| Digests::new(key, exchange.flow.id()));
    let edits = exchange.plan.edits().iter().map(|one| {
        let original = original(one, &exchange.target, &exchange.headers, body);
        edit(one, tally.number(), original, digests.as_ref())
    });
    Ok(edits.collect())
}

fn original<'a>(
    edit: &Edit,
    target: &'a str,
    headers: &'a HeaderMap,
    body: Option<&'a [u8]>,
) -> Option<&'a [u8]> {
    let container = match &edit.container {
        Container::Target => target.as_bytes(),
        Container::Header { name, nth } => headers.get_all(&**name).iter().nth(*nth)?.as_bytes(),
        Container::Body => body?,
        Container::NewHeader { .. } | Container::Message => return None,
    };
    container.get(edit.span.clone())
}

/// The response's edits. What they took out is the vendor's own and gets no digest.
pub fn reply_edits(edits: &[Edit], tally: &Tally) -> Vec<EditRecord> {
    edits.iter().map(|one| edit(one, tally.number(), None, None)).collect()
}

/// The address as it is recorded: scheme, host, path and parameter names; values only at `bodies`.
pub fn url(origin: &Origin, target: &str, with_values: bool) -> String {
    let mut url = origin.url_with_room(target.len());
    if with_values {
        url.push_str(target);
        return url;
    }
    let Some((path, query)) = target.split_once('?') else {
        url.push_str(target);
        return url;
    };
    url.push_str(path);
    for (index, pair) in query.split('&').enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) => {
                url.push_str(name);
                url.push('=');
                url.push_str(HIDDEN);
            }
            None if pair.is_empty() => {}
            // A bare word may be a value as well as a name.
            None => url.push_str(HIDDEN),
        }
    }
    url
}

/// The address as it is recorded where a real value may have stayed in it, because policy lets it pass or because nothing
/// was sent: a segment of the path or the name of a parameter that holds one is hidden too. `target` is what
/// `identifiers` are looked for in.
pub fn url_without(origin: &Origin, target: &str, identifiers: Option<&Identifiers>) -> String {
    let found = identifiers.map(|identifiers| find_in_target(identifiers, target)).unwrap_or_default();
    let hidden = |span: Range<usize>| found.iter().any(|hit| overlaps(&hit.span, &span));
    let (mut shown, mut at, mut in_query, mut in_value) = (String::new(), 0, false, false);
    for piece in target.split_inclusive(['/', '?', '&', '=']) {
        let text = piece.trim_end_matches(['/', '?', '&', '=']);
        let sign = piece.get(text.len()..).unwrap_or_default();
        // Values are hidden below, whatever they are.
        let shows = in_value || !hidden(at..at + text.len());
        shown.push_str(if shows { text } else { HIDDEN });
        shown.push_str(sign);
        at += piece.len();
        match sign {
            "?" => in_query = true,
            "&" => in_value = false,
            "=" => in_value |= in_query,
            _ => {}
        }
    }
    url(origin, &shown, false)
}

fn overlaps(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// The verdict of an exchange that is over, as metrics count it and `explain` says it.
pub fn verdict(exchange: &Exchange, outcome: &Result<Reply, ExchangeError>) -> Verdict {
    match (outcome, exchange.plan.answer()) {
        (Err(_), _) | (_, Some(Answer::Refuse { .. })) => Verdict::Refused,
        (_, Some(Answer::Block { .. })) => Verdict::Blocked,
        (Ok(reply), None) if matches!(reply.body(), ReplyBody::Local(_)) => Verdict::Refused,
        (Ok(_), None) => Verdict::of_sent(exchange.is_unread(), changes(exchange)),
    }
}

fn changes(exchange: &Exchange) -> usize {
    exchange.plan.standing().chain(exchange.reply_plan.standing()).count()
}

/// What there is to say of an exchange that is sent.
pub fn sent(exchange: &Exchange) -> (Verdict, String) {
    let unread = exchange.context.as_ref().and_then(|context| context.unread.as_deref());
    let unread = unread.or_else(|| exchange.is_unread().then_some("guest"));
    Verdict::and_why(unread, changes(exchange), &exchange.notes)
}

/// The end record of an exchange that was answered here.
pub fn answered_here(
    exchange: &Exchange,
    verdict: Verdict,
    identifiers: Option<&Identifiers>,
) -> Result<Event, ExchangeError> {
    let origin = exchange.origin()?;
    let (rule, reason) = match exchange.plan.answer() {
        Some(Answer::Block { rule, reason, .. } | Answer::Refuse { rule, reason }) => {
            (rule.clone().into_owned(), reason.clone().into_owned())
        }
        None => return Err(ExchangeError::Internal("an answer without a reason")),
    };
    Ok(Event::Blocked {
        flow: exchange.flow.id(),
        host: origin.host.to_string(),
        party: exchange.context()?.party,
        method: exchange.method.to_string(),
        // Nothing was sent, so nothing was replaced: not even names of parameters.
        url: url_without(origin, path_only(&exchange.target), identifiers),
        verdict: verdict.as_str().to_owned(),
        rule,
        reason,
    })
}

/// What is left of a record at `detail = "counts"`: that there was a flow, and what became of it. Rules and reasons go
/// where they may name a host.
pub fn unnamed(event: Event) -> Event {
    match event {
        Event::Open { flow, party, source, method, terms, notes, .. } => Event::Open {
            flow,
            device: None,
            host: String::new(),
            party,
            source,
            method,
            url: String::new(),
            terms,
            edits: Vec::new(),
            // That it passed unread is what became of it.
            notes: notes
                .iter()
                .filter(|note| note.starts_with("not inspected"))
                .map(|note| rule_alone(note))
                .collect(),
        },
        Event::Tunnel { flow, reason, .. } => Event::Tunnel { flow, host: None, reason: rule_alone(&reason) },
        Event::Blocked { flow, party, method, verdict, .. } => Event::Blocked {
            flow,
            host: String::new(),
            party,
            method,
            url: String::new(),
            verdict,
            rule: String::new(),
            reason: String::new(),
        },
        Event::Refused { flow, status, code, .. } => {
            Event::Refused { flow, host: None, status, reason: code.clone(), code }
        }
        Event::Close { flow, status, sent, received, ms, attempts, outcome, .. } => Event::Close {
            flow,
            status,
            sent,
            received,
            ms,
            attempts,
            edits: Vec::new(),
            answer: None,
            outcome,
        },
        Event::Edits { flow, .. } => Event::Edits { flow, edits: Vec::new() },
        other => other,
    }
}

/// `intercept.never=bank.test`: what comes behind the sign is a name.
fn rule_alone(text: &str) -> String {
    text.split_once('=').map_or(text, |(rule, _)| rule).to_owned()
}

/// What is left of a guest's record: that there was a flow, and its bytes. A guest's cleartext goes out as it came, so it
/// is recorded like a tunnel.
pub fn counted(event: Event) -> Event {
    match event {
        Event::Open { flow, .. } => Event::Tunnel { flow, host: None, reason: "guest".to_owned() },
        Event::Tunnel { flow, .. } => Event::Tunnel { flow, host: None, reason: "guest".to_owned() },
        Event::Blocked { flow, .. } => Event::Refused {
            flow,
            host: None,
            status: 403,
            code: "http_request_denied".to_owned(),
            reason: "guest".to_owned(),
        },
        other => unnamed(other),
    }
}

fn path_only(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Host, Scheme};

    #[test]
    fn recorded_addresses_keep_names_and_hide_values() {
        let origin = Origin { scheme: Scheme::Https, host: Host::parse("shop.test").unwrap(), port: 443 };
        assert_eq!(url(&origin, "/a?x=1&y=&word", false), "https://shop.test/a?x=…&y=…&…");
        assert_eq!(url(&origin, "/a?x=1", true), "https://shop.test/a?x=1");
        assert_eq!(url(&origin, "/a", false), "https://shop.test/a");
    }

    #[test]
    fn a_real_value_is_hidden_in_segments_and_in_names() {
        let slot = crate::model::Slot::parse("email.primary").unwrap();
        let value = Secret::new("ann@home.example".to_owned());
        let ann = Identifiers::compile(vec![crate::rewrite::Identifier {
            slot,
            value,
            strength: crate::rewrite::Strength::Strong,
        }]);
        let origin = Origin { scheme: Scheme::Https, host: Host::parse("shop.test").unwrap(), port: 443 };
        let ann = ann.unwrap();
        for (target, want) in [
            ("/u/ann@home.example/x?a=1", "/u/…/x?a=…"),
            ("/a?ann%40home.example=1&b=2", "/a?…=…&b=…"),
            ("/a?b=2&to[ann@home.example]=1&c==&d", "/a?b=…&…=…&c=…&…"),
            ("/a?x=/b/ann@home.example/c?d", "/a?x=…"),
            ("/a=b&c/ann@home.example", "/a=b&c/…"),
            ("/ann/home?mail=1", "/ann/home?mail=…"),
        ] {
            let want = format!("https://shop.test{want}");
            assert_eq!(url_without(&origin, target, Some(&ann)), want, "{target}");
        }
    }

    #[test]
    fn digests_of_one_value_differ_by_flow_and_edit() {
        let key = Secret::new([7; 32]);
        let (first, second) = (FlowId::now(), FlowId::now());
        let digest = |flow, id: &str| Digests::new(&key, flow).of(id, b"ann@home.example");
        assert_eq!(digest(first, "e1"), digest(first, "e1"));
        assert_ne!(digest(first, "e1"), digest(first, "e2"));
        assert_ne!(digest(first, "e1"), digest(second, "e1"));
    }
}
