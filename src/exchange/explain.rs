//! What would happen to a request: the same layers as the live path, up to the gate. Nothing is sent, issued or recorded.

use super::body::ReplyBody;
use super::canonical::CanonicalLayer;
use super::context::ContextLayer;
use super::error::ExchangeError;
use super::federated::FederatedLayer;
use super::flow::Flow;
use super::layers::{Client, Context, Exchange, Handle, Reply, Who};
use super::persona::PersonaLayer;
use super::record;
use super::request_body::RequestBody;
use super::rooms::{Generation, Rooms};
use super::send_body::SendBody;
use super::terms::TermsLayer;
use super::trackers::{TRACKER_HOST, TrackersLayer};
use super::upstream::outgoing;
use crate::config::Decision;
use crate::model::record::{EditRecord, TermsRecord};
use crate::model::{Answer, Origin, Verdict};
use crate::trackers::{Matched, RuleMatch};
use crate::upstream::Protocol;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use http::{Extensions, Method, Response, Uri, Version};
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use tower::ServiceBuilder;

/// A request that is only asked about.
#[derive(Debug)]
pub struct Question {
    /// Whose.
    pub who: Who,
    /// The absolute address.
    pub uri: Uri,
    /// The method.
    pub method: Method,
    /// The fields.
    pub headers: HeaderMap,
    /// The body, with its content coding still on.
    pub body: Bytes,
}

/// A body that may not be text.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum BodyAfter {
    /// Text.
    Text(String),
    /// Anything else.
    Bytes {
        /// In base64.
        base64: String,
    },
}

/// What would happen.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// In one word.
    pub verdict: Verdict,
    /// In one sentence.
    pub reason: String,
    /// Where it would go, edits applied.
    pub url_after: String,
    /// With which fields, as they would stand in HTTP/1.1.
    pub headers_after: Vec<(String, String)>,
    /// With which body, its content coding as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_after: Option<BodyAfter>,
    /// Every edit.
    pub edits: Vec<EditRecord>,
    /// Every filter rule that matched, the one that decided marked.
    pub rules: Vec<RuleMatch>,
    /// What could not be looked into or would have to pass.
    pub notes: Vec<String>,
    /// What the vendor would be told about terms.
    pub terms: TermsRecord,
}

/// Ends the walk where the gate would be.
struct BeforeTheGate;

impl Handle for BeforeTheGate {
    async fn handle(&self, _: &mut Exchange) -> Result<Reply, ExchangeError> {
        Ok(Response::new(ReplyBody::empty()))
    }
}

/// Answers a question. A request that would be refused gets an explanation too.
pub async fn explain(rooms: &Arc<Rooms>, question: Question) -> Result<Explanation, ExchangeError> {
    let generation = rooms.generation.load_full();
    walk(rooms, &generation, question, ContextLayer::new(Arc::clone(rooms))).await
}

/// Likewise, under a policy that need not be the one in force, and whatever its owner has let by.
pub async fn explain_under(
    rooms: &Arc<Rooms>,
    generation: &Arc<Generation>,
    question: Question,
) -> Result<Explanation, ExchangeError> {
    walk(rooms, generation, question, ContextLayer::without_exceptions(Arc::clone(rooms))).await
}

async fn walk(
    rooms: &Arc<Rooms>,
    generation: &Arc<Generation>,
    question: Question,
    context: ContextLayer,
) -> Result<Explanation, ExchangeError> {
    let layers = ServiceBuilder::new()
        .layer(CanonicalLayer)
        .layer(context)
        .layer(FederatedLayer::new(Arc::clone(rooms)))
        .layer(TrackersLayer::new(Arc::clone(rooms)))
        .layer(PersonaLayer::new(Arc::clone(rooms)))
        .layer(TermsLayer::new(Arc::clone(rooms)))
        .service(BeforeTheGate);
    let mut exchange = rehearsal(rooms, generation, question);
    let walked = layers.handle(&mut exchange).await;
    if let Some(explanation) = not_inspected(&exchange) {
        return Ok(explanation);
    }
    describe(rooms, exchange, walked.err()).await
}

fn rehearsal(rooms: &Arc<Rooms>, generation: &Arc<Generation>, question: Question) -> Exchange {
    let mut headers = question.headers;
    if !question.body.is_empty() && !headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(question.body.len()));
    }
    let body = RequestBody::given(question.body, &headers);
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Exchange {
        client: Arc::new(Client { peer, who: question.who.clone(), tunnelled: None, place: None }),
        flow: Flow::rehearsed(rooms, question.who.member),
        persona: rooms.personas.of(question.who.member),
        who: question.who,
        rehearsal: true,
        generation: Arc::clone(generation),
        method: question.method,
        version: Version::HTTP_11,
        uri: question.uri,
        target: String::new(),
        headers,
        extensions: Extensions::new(),
        body,
        websocket: None,
        origin: None,
        context: None,
        plan: Default::default(),
        reply_plan: Default::default(),
        notes: Vec::new(),
        terms: TermsRecord::default(),
        first_uses: Default::default(),
        answer: None,
        attempts: 0,
        is_clean: false,
        sent_places: Vec::new(),
    }
}

/// A host that is tunnelled is not looked into, whatever rules would say.
fn not_inspected(exchange: &Exchange) -> Option<Explanation> {
    let origin = exchange.origin.as_ref()?;
    let config = &exchange.generation.config;
    let Decision::Tunnel { reason } = config.intercept_for(&origin.host, &config.vendor_of(&origin.host))
    else {
        return None;
    };
    // As on the way out: a tunnel goes nowhere that a list names.
    let is_paused = exchange.context.as_ref().is_some_and(Context::is_paused);
    let name = origin.host.name().filter(|_| !is_paused);
    let refused = name.and_then(|name| exchange.generation.trackers.host_rule(name));
    let (verdict, reason) = match &refused {
        Some(_) => (Verdict::Refused, TRACKER_HOST.to_owned()),
        None => (Verdict::NotInspected, reason.rule()),
    };
    let winner =
        |matched: Matched| RuleMatch { rule: matched.rule, list: matched.list.to_string(), winner: true };
    Some(Explanation {
        verdict,
        reason,
        url_after: address(origin, &exchange.target),
        headers_after: Vec::new(),
        body_after: None,
        edits: Vec::new(),
        rules: refused.into_iter().map(winner).collect(),
        notes: Vec::new(),
        terms: exchange.terms.clone(),
    })
}

async fn describe(
    rooms: &Arc<Rooms>,
    mut exchange: Exchange,
    failed: Option<ExchangeError>,
) -> Result<Explanation, ExchangeError> {
    let edits = record::request_edits(&exchange, &rooms.vault)?;
    let (verdict, reason) = outcome(&exchange, failed.as_ref());
    let rules = matching(&mut exchange);
    let mut explanation = Explanation {
        verdict,
        reason,
        url_after: exchange.uri.to_string(),
        headers_after: Vec::new(),
        body_after: None,
        edits,
        rules,
        notes: std::mem::take(&mut exchange.notes),
        terms: exchange.terms.clone(),
    };
    if matches!(verdict, Verdict::Passed | Verdict::Changed) {
        let origin = exchange.origin()?.clone();
        let request = outgoing(&mut exchange, Protocol::Http1, true)?;
        explanation.url_after =
            address(&origin, request.uri().path_and_query().map_or("/", |rest| rest.as_str()));
        explanation.headers_after = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        explanation.body_after = body_after(request.into_body());
    }
    Ok(explanation)
}

fn matching(exchange: &mut Exchange) -> Vec<RuleMatch> {
    let generation = Arc::clone(&exchange.generation);
    exchange.view_and_plan().map(|(view, _)| generation.trackers.matches(&view)).unwrap_or_default()
}

fn outcome(exchange: &Exchange, failed: Option<&ExchangeError>) -> (Verdict, String) {
    match (exchange.plan.answer(), failed) {
        (Some(Answer::Block { reason, .. }), _) => (Verdict::Blocked, reason.to_string()),
        (Some(Answer::Refuse { reason, .. }), _) => (Verdict::Refused, reason.to_string()),
        (None, Some(error)) => (Verdict::Refused, error.to_string()),
        (None, None) => record::sent(exchange),
    }
}

fn address(origin: &Origin, target: &str) -> String {
    format!("{origin}{target}")
}

fn body_after(body: SendBody) -> Option<BodyAfter> {
    let SendBody::Whole { bytes: Some(bytes), .. } = body else { return None };
    Some(match String::from_utf8(bytes.to_vec()) {
        Ok(text) => BodyAfter::Text(text),
        Err(_) => BodyAfter::Bytes { base64: STANDARD.encode(&bytes) },
    })
}
