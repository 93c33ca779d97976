//! Layer 4: whose request, to which vendor, in what role; frozen before anything edits.

use super::error::ExchangeError;
use super::exceptions::Relief;
use super::layers::{Context, Exchange, Handle, Reply};
use super::rooms::Rooms;
use super::signed::signed_parts;
use crate::config::{Decision, is_portal_check};
use crate::model::record::NOT_INSPECTED;
use crate::model::{Host, Party, RequestType, VendorId};
use crate::persona::{Persona, Standing};
use http::header::{ACCEPT, CONTENT_TYPE, ORIGIN, REFERER};
use http::{HeaderMap, HeaderName};
use std::sync::Arc;
use tower::Layer;

/// The rule by which a device's check for a captive portal is left alone.
pub(super) const PORTALS: &str = "builtin/portals";

/// The layer.
#[derive(Clone)]
pub struct ContextLayer {
    rooms: Arc<Rooms>,
    heeds_exceptions: bool,
}

impl ContextLayer {
    /// With the exceptions of these rooms.
    pub fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms, heeds_exceptions: true }
    }

    /// As if nobody had let anything by.
    pub fn without_exceptions(rooms: Arc<Rooms>) -> Self {
        Self { rooms, heeds_exceptions: false }
    }
}

impl<S> Layer<S> for ContextLayer {
    type Service = Contextual<S>;

    fn layer(&self, inner: S) -> Contextual<S> {
        Contextual { layer: self.clone(), inner }
    }
}

/// The layer around the rest.
#[derive(Clone)]
pub struct Contextual<S> {
    layer: ContextLayer,
    inner: S,
}

impl<S: Handle> Handle for Contextual<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        let origin = exchange.origin()?;
        let vendor = exchange.generation.config.vendor_of(&origin.host);
        let decision = match exchange.client.tunnelled {
            None => exchange.generation.config.intercept_for(&origin.host, &vendor),
            // A tunnel's names were decided on before it was opened.
            Some(_) => Decision::Intercept,
        };
        let unread = match decision {
            Decision::Tunnel { reason } => Some(reason.rule()),
            // What it gets has to be the network's own answer.
            Decision::Intercept if is_portal_check(origin, &exchange.target) => Some(PORTALS.to_owned()),
            Decision::Intercept => None,
        };
        let label = vendor.id;
        let source = source_of(&exchange.headers);
        let page = source
            .as_deref()
            .and_then(Host::parse)
            .map(|host| (exchange.generation.config.vendor_of(&host).id, host));
        let same_vendor = page.as_ref().map(|(page, _)| *page == label);
        let kind = match exchange.websocket {
            Some(_) => RequestType::Websocket,
            None => kind_of(&exchange.headers),
        };
        let party = party_of(&exchange.headers, kind, same_vendor);
        let (vendor, standing) = match &exchange.persona {
            Some(Persona { wardrobe, .. }) => {
                let vendor = wardrobe.sector(&origin.host.to_string(), &label);
                let standing = wardrobe.standing(&vendor);
                (vendor, standing)
            }
            None => (label.clone(), Standing::default()),
        };
        let relief = self.relief(exchange, &vendor, page);
        let configured = exchange.generation.config.vendor(&label).is_some();
        let signed = signed_parts(&exchange.headers, &exchange.target);
        if let Some(scheme) = signed.scheme {
            exchange.notes.push(format!("signed ({scheme}): covered parts untouched"));
        }
        exchange.notes.extend(unread.iter().map(|rule| format!("{NOT_INSPECTED}{rule}")));
        exchange.context = Some(Context {
            vendor,
            label,
            epoch: standing.epoch,
            relationship: configured || standing.known,
            party,
            kind,
            source,
            signed,
            unread,
            relief,
        });
        self.inner.handle(exchange).await
    }
}

impl<S> Contextual<S> {
    /// What the member has let by of this request, which comes from a page of `page`.
    fn relief(
        &self,
        exchange: &Exchange,
        vendor: &VendorId,
        page: Option<(VendorId, Host)>,
    ) -> Option<Arc<Relief>> {
        let rooms = &self.layer.rooms;
        if rooms.exceptions.is_empty() || !self.layer.heeds_exceptions {
            return None;
        }
        let member = exchange.who.member;
        let page = page.map(|(label, host)| rooms.personas.sector(member, &host.to_string(), &label));
        rooms.exceptions.bearing_on(&exchange.who, vendor, page.as_ref(), rooms.clock.now())
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn fetch<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The host of the page the request comes from: Origin where it names one, else Referer.
fn source_of(headers: &HeaderMap) -> Option<String> {
    [&ORIGIN, &REFERER].into_iter().find_map(|name| {
        let url = url::Url::parse(text(headers, name)?).ok()?;
        url.host_str().map(str::to_owned)
    })
}

/// W3C Fetch Metadata where the client sends it, else what the fields give away, else `other`.
fn kind_of(headers: &HeaderMap) -> RequestType {
    if headers.contains_key("ping-to") || text(headers, &CONTENT_TYPE) == Some("text/ping") {
        return RequestType::Ping;
    }
    match fetch(headers, "sec-fetch-dest") {
        Some("document") => RequestType::Document,
        Some("iframe" | "frame" | "embed" | "object" | "fencedframe") => RequestType::Subdocument,
        Some("script" | "worker" | "sharedworker" | "serviceworker" | "audioworklet" | "paintworklet") => {
            RequestType::Script
        }
        Some("style" | "xslt") => RequestType::Stylesheet,
        Some("image") => RequestType::Image,
        Some("audio" | "video" | "track") => RequestType::Media,
        Some("font") => RequestType::Font,
        Some("websocket") => RequestType::Websocket,
        Some("empty") => RequestType::Xhr,
        Some(_) => RequestType::Other,
        None => match text(headers, &ACCEPT) {
            Some(accept) if accept.starts_with("text/html") => RequestType::Document,
            Some(accept) if accept.starts_with("image/") => RequestType::Image,
            Some(accept) if accept.starts_with("text/css") => RequestType::Stylesheet,
            _ => RequestType::Other,
        },
    }
}

/// A request without fetch metadata, Referer and Origin (apps, curl) is first party; so is every navigation.
fn party_of(headers: &HeaderMap, kind: RequestType, same_vendor: Option<bool>) -> Party {
    if kind == RequestType::Document {
        return Party::First;
    }
    match (same_vendor, fetch(headers, "sec-fetch-site")) {
        (Some(true), _) => Party::First,
        (Some(false), _) => Party::Third,
        (None, Some("cross-site")) => Party::Third,
        (None, _) => Party::First,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn what_is_asked_for_and_by_whom() {
        let app = fields(&[("user-agent", "curl/8")]);
        assert_eq!((kind_of(&app), party_of(&app, kind_of(&app), None)), (RequestType::Other, Party::First));

        let pixel = fields(&[
            ("sec-fetch-dest", "image"),
            ("sec-fetch-site", "cross-site"),
            ("referer", "https://shop.test/"),
        ]);
        assert_eq!(source_of(&pixel).as_deref(), Some("shop.test"));
        assert_eq!(party_of(&pixel, kind_of(&pixel), Some(false)), Party::Third);
        assert_eq!(party_of(&pixel, kind_of(&pixel), Some(true)), Party::First);

        let hidden = fields(&[("sec-fetch-dest", "script"), ("sec-fetch-site", "cross-site")]);
        assert_eq!(party_of(&hidden, kind_of(&hidden), None), Party::Third);

        let page = fields(&[
            ("sec-fetch-dest", "document"),
            ("sec-fetch-site", "cross-site"),
            ("referer", "https://a.test/"),
        ]);
        assert_eq!(party_of(&page, kind_of(&page), Some(false)), Party::First);
    }
}
