//! What the gateway asks for itself: filter lists and the like. By the same way out as everything else, with a record of
//! its own.

use super::error::ExchangeError;
use super::flow::Flow;
use super::record;
use super::rooms::{Generation, Rooms};
use super::send_body::SendBody;
use super::upstream::{absolute, host_value, path_of};
use crate::model::record::{Event, TermsRecord};
use crate::model::{Host, MemberId, Origin, Outcome, Party, Scheme};
use crate::upstream::{Key, Protocol, Reach};
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, Request, StatusCode, Version};
use http_body_util::{BodyExt, Limited};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// A whole answer may take this long.
const PATIENCE: Duration = Duration::from_secs(300);

/// What an errand brought back.
#[derive(Debug)]
pub struct Brought {
    /// The status.
    pub status: StatusCode,
    /// The end-to-end fields.
    pub headers: HeaderMap,
    /// The body, its content codings still on.
    pub body: Bytes,
}

/// GETs `url` (https) with these fields, for the gateway. An answer of more than `most` bytes is an error. Recorded like
/// any flow, with party `gateway`; redirects are not followed.
pub async fn errand(
    rooms: &Arc<Rooms>,
    generation: &Arc<Generation>,
    url: &Url,
    headers: HeaderMap,
    most: usize,
) -> Result<Brought, ExchangeError> {
    let origin = origin_of(url).filter(|origin| generation.may_reach(origin)).ok_or(ExchangeError::Port)?;
    let vendor = generation.config.vendor_of(&origin.host).id;
    let mut flow = Flow::of_gateway(rooms).await?;
    flow.concerns(Some(vendor), origin.host.to_string());
    match timeout(PATIENCE, run(rooms, generation, &mut flow, &origin, url, headers, most)).await {
        Ok(Ok(brought)) => Ok(brought),
        Ok(Err(error)) => {
            flow.fail(&error);
            Err(error)
        }
        Err(_) => {
            flow.fail(&ExchangeError::ResponseTimeout);
            Err(ExchangeError::ResponseTimeout)
        }
    }
}

fn origin_of(url: &Url) -> Option<Origin> {
    let plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    let host = Host::parse(url.host_str().filter(|_| plain)?)?;
    Some(Origin { scheme: Scheme::Https, host, port: url.port_or_known_default()? })
}

async fn run(
    rooms: &Arc<Rooms>,
    generation: &Arc<Generation>,
    flow: &mut Flow,
    origin: &Origin,
    url: &Url,
    headers: HeaderMap,
    most: usize,
) -> Result<Brought, ExchangeError> {
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let key = Arc::new(Key {
        member: MemberId::GATEWAY,
        epoch: 0,
        origin: origin.clone(),
        upgrades: false,
        next_hop: generation.next_hop().cloned(),
    });
    let open = open_event(flow, origin, &target);
    let connect = rooms.upstream.checkout(&key, &**generation, false);
    let (connection, opened) = tokio::join!(connect, flow.open(Vec::new(), open));
    opened?;
    let mut connection = connection?;
    let mut request = Request::new(SendBody::Empty);
    match connection.protocol() {
        Protocol::Http1 => {
            *request.uri_mut() = path_of(&target)?.into();
            request.headers_mut().insert(HOST, host_value(&origin.authority())?);
            request.headers_mut().extend(headers);
        }
        Protocol::Http2 => {
            *request.version_mut() = Version::HTTP_2;
            *request.uri_mut() = absolute(origin.scheme, &origin.authority(), path_of(&target)?)?;
            *request.headers_mut() = headers;
        }
    }
    flow.attempted(1);
    let patience = generation.config.settings.limits.first_byte.get();
    let sent =
        timeout(patience, connection.send(request)).await.map_err(|_| ExchangeError::ResponseTimeout)?;
    let (head, incoming) = sent.map_err(|failed| ExchangeError::NoResponse(Some(failed.error)))?.into_parts();
    flow.answered(head.status.as_u16(), None);
    let body = Limited::new(incoming, most).collect().await.map_err(|_| ExchangeError::NoResponse(None))?;
    let body = body.to_bytes();
    flow.tally().received(body.len() as u64);
    flow.close(Outcome::Complete);
    connection.give_back();
    Ok(Brought { status: head.status, headers: head.headers, body })
}

fn open_event(flow: &Flow, origin: &Origin, target: &str) -> Event {
    Event::Open {
        flow: flow.id(),
        device: None,
        host: origin.host.to_string(),
        party: Party::Gateway,
        source: "gateway".to_owned(),
        method: Method::GET.to_string(),
        url: record::url(origin, target, false),
        terms: TermsRecord::default(),
        edits: Vec::new(),
        notes: Vec::new(),
    }
}
