//! What goes out: the Global Privacy Control signal and the offer of terms.

use crate::model::record::TermsRecord;
use crate::model::{Action, Category, Container, Edit, Part, Party, Place, Plan, RequestView, Secret, Stage};
use http::{HeaderName, Method, header};
use sfv::{DictSerializer, KeyRef, StringRef, TokenRef, key_ref};
use std::borrow::Cow;
use std::sync::Arc;

/// How many agreements one offer names at most.
pub const MAX_OFFER: usize = 4;
/// The rules of this room's edits, as the log names them.
pub const RULES: [&str; 2] = [GPC_RULE, OFFER_RULE];
const GPC_RULE: &str = "terms.gpc";
const OFFER_RULE: &str = "terms.offer";

const GPC: &str = "sec-gpc";
const KEY_OFFER: &KeyRef = key_ref("offer");

/// What may be said to this vendor, decided before.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The agreements the person chose, in order of preference: 1 to [`MAX_OFFER`]; none chosen, none offered.
    pub ids: &'a [&'a str],
    /// The field's name, `Personal-Terms` unless configured otherwise.
    pub field: &'a HeaderName,
    /// Whether the GPC signal goes along.
    pub gpc: bool,
    /// Whether terms are sent to this vendor at all.
    pub send: bool,
}

/// Adds signal and offer to the plan and tells what was said.
///
/// `Sec-GPC: 1` stands exactly once on every request (W3C Global Privacy Control section 3.1) unless switched off;
/// then whatever the client sends itself passes. The terms field goes to the first party only, on one line, never on
/// a CORS preflight, and what a client sends in its place never leaves. A signature over all fields keeps both away.
pub fn plan_offer(request: &RequestView<'_>, offer: &Offer<'_>, plan: &mut Plan) -> TermsRecord {
    let gpc = plan_gpc(request, offer.gpc, plan);
    let offered = plan_field(request, offer, plan);
    TermsRecord {
        state: if offered { "offered" } else { "none" }.into(),
        offer: if offered { offer.ids.iter().copied().map(str::to_owned).collect() } else { Vec::new() },
        gpc,
    }
}

/// The value of the terms field, `offer=(SD-BASE)`: an RFC 9651 dictionary with an inner list of a Token for each
/// roster name and a String for each URI. `None` for no ids, too many, a repeated one, or one that neither can hold.
/// It depends on nothing but `ids`, so that nobody is known by it.
pub fn offer_value(ids: &[&str]) -> Option<String> {
    let repeated = ids.iter().enumerate().any(|(at, id)| ids.iter().take(at).any(|earlier| earlier == id));
    if ids.is_empty() || ids.len() > MAX_OFFER || repeated {
        return None;
    }
    let mut dictionary = DictSerializer::new();
    let mut list = dictionary.inner_list(KEY_OFFER);
    for id in ids {
        // A Token may hold `:` and `/` as well; a URI is a String all the same.
        match TokenRef::from_str(id) {
            Ok(token) if !id.contains(':') => {
                list.bare_item(token);
            }
            _ => {
                let text = StringRef::from_str(id).ok().filter(|text| !text.as_str().is_empty())?;
                list.bare_item(text);
            }
        }
    }
    drop(list);
    dictionary.finish()
}

fn plan_gpc(request: &RequestView<'_>, wanted: bool, plan: &mut Plan) -> bool {
    let lines = || request.headers.get_all(GPC).iter().map(|value| value.as_bytes().trim_ascii() == b"1");
    let says = lines().any(|one| one);
    if !wanted {
        return says;
    }
    if request.signed.covers_header(GPC) {
        if !says {
            plan.add(injected(GPC_RULE, GPC, "1", Action::WouldHave, SIGNED));
        }
        return says;
    }
    let mut kept = false;
    for (nth, one) in lines().enumerate() {
        if one && !kept {
            kept = true;
        } else {
            let reason = if one { "the signal goes once" } else { "only 1 is a value of this field" };
            plan.add(removed(request, GPC_RULE, GPC, nth, reason));
        }
    }
    if !kept {
        let reason = "you ask that your data be neither sold nor shared";
        plan.add(injected(GPC_RULE, GPC, "1", Action::Injected, reason));
    }
    true
}

fn plan_field(request: &RequestView<'_>, offer: &Offer<'_>, plan: &mut Plan) -> bool {
    let name = offer.field.as_str();
    let value = (offer.send && request.party == Party::First && !is_preflight(request))
        .then(|| offer_value(offer.ids))
        .flatten();
    if request.signed.covers_header(name) {
        if let Some(value) = value {
            plan.add(injected(OFFER_RULE, name, &value, Action::WouldHave, SIGNED));
        }
        return false;
    }
    for nth in 0..request.headers.get_all(offer.field).iter().count() {
        plan.add(removed(request, OFFER_RULE, name, nth, "only you say your terms, and only here"));
    }
    let Some(value) = value else { return false };
    plan.add(injected(OFFER_RULE, name, &value, Action::Injected, "your terms, offered to this vendor"));
    true
}

const SIGNED: &str = "the request is signed: nothing is added to it";

/// Fetch Standard section 4.9: what a browser asks before a cross-origin request, of its own accord.
fn is_preflight(request: &RequestView<'_>) -> bool {
    request.method == Method::OPTIONS && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn injected(rule: &'static str, name: &str, value: &str, action: Action, reason: &'static str) -> Edit {
    let name: Arc<str> = name.into();
    Edit {
        place: Place::request(Part::Header(Arc::clone(&name))),
        container: Container::NewHeader { name },
        span: 0..0,
        action,
        stage: Stage::Terms,
        slot: None,
        category: Category::PREFERENCE,
        rule: Cow::Borrowed(rule),
        reason: Cow::Borrowed(reason),
        within: None,
        value: Secret::new(value.as_bytes().to_vec()),
    }
}

fn removed(
    request: &RequestView<'_>,
    rule: &'static str,
    name: &str,
    nth: usize,
    reason: &'static str,
) -> Edit {
    let length = request.headers.get_all(name).iter().nth(nth).map_or(0, http::HeaderValue::len);
    Edit {
        place: Place::request(Part::Header(name.into())).occurrence(nth + 1),
        container: Container::Header { name: name.into(), nth },
        span: 0..length,
        action: Action::Removed,
        value: Secret::default(),
        ..injected(rule, name, "", Action::Removed, reason)
    }
}
