//! What the gateway itself answers on the proxy port: how to use it, and the root to trust.

use super::front::Front;
use super::own_tls::is_ours;
use crate::exchange::{Reply, ReplyBody, refusal};
use crate::model::Host;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;

/// Answers an origin-form request.
pub(super) fn answer(front: &Front, request: &Request<Incoming>) -> Reply {
    let headers = request.headers();
    if *request.method() != Method::GET && *request.method() != Method::HEAD {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here", headers);
    }
    // A root certificate would tell a page which household this is.
    let generation = front.rooms.generation.load();
    let Some(authority) = addressed(request, &generation.config.settings.listen.names) else {
        return refuse(StatusCode::MISDIRECTED_REQUEST, "this is a proxy; address it as one", headers);
    };
    if is_cross_site(headers) {
        return refuse(StatusCode::FORBIDDEN, "not for pages of other sites", headers);
    }
    match request.uri().path() {
        "/proxy.pac" => text("application/x-ns-proxy-autoconfig", pac(authority)),
        "/ca.pem" => text("application/x-pem-file", front.leaves.certificates().root_pem().to_owned()),
        "/trust" | "/" => text("text/plain; charset=utf-8", TRUST.to_owned()),
        _ => refuse(StatusCode::NOT_FOUND, "this is a proxy; set it as one", headers),
    }
}

const TRUST: &str = "\
This is Doorward, a privacy gateway.

Set it as the HTTP and HTTPS proxy of this device, or use /proxy.pac as its
automatic proxy configuration. Then let the device trust the certificate
authority of this household, /ca.pem:

  Debian     doorward trust, or: copy ca.pem to /usr/local/share/ca-certificates/doorward.crt
             and run update-ca-certificates
  Firefox    Settings, Privacy & Security, Certificates, View Certificates, Authorities, Import
  Chromium   Settings, Privacy and security, Security, Manage certificates, Import
";

/// Whether a request is for the gateway itself and not to be passed on.
pub(super) fn is_own(request: &Request<Incoming>, names: &[String]) -> bool {
    let uri = request.uri();
    match uri.authority() {
        _ if *request.method() == Method::CONNECT => false,
        // RFC 9112 section 3.2.1: origin-form is for the server itself, absolute-form (3.2.2) for a proxy.
        None => true,
        // RFC 9113 section 8.3.1: over HTTP/2 every request names scheme and authority. A proxy is asked for https with
        // CONNECT, so that what asks for it by a name of ours means us.
        Some(authority) => {
            request.version() == Version::HTTP_2
                && uri.scheme_str() == Some("https")
                && names_us(authority.as_str(), names)
        }
    }
}

/// The authority by which a request names the gateway, `None` where it names anything else.
pub(super) fn addressed<'r>(request: &'r Request<Incoming>, names: &[String]) -> Option<&'r str> {
    let authority = match request.uri().authority() {
        Some(authority) => authority.as_str(),
        None => host_of(request.headers())?,
    };
    names_us(authority, names).then_some(authority)
}

/// Whether Host names the gateway: by an address, as `localhost`, or by one of `names`. Any other name could be one that
/// somebody's page was rebound to this address by.
pub fn is_addressed_to_us(headers: &HeaderMap, names: &[String]) -> bool {
    host_of(headers).is_some_and(|host| names_us(host, names))
}

fn host_of(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}

fn names_us(text: &str, names: &[String]) -> bool {
    let bare = match text.rsplit_once(':') {
        Some((bare, port)) if !bare.contains(':') || bare.ends_with(']') => {
            if port.parse::<u16>().is_err() {
                return false;
            }
            bare
        }
        _ => text,
    };
    match Host::parse(bare) {
        Some(Host::Address(_)) => true,
        Some(host) => is_ours(&host, names),
        None => false,
    }
}

fn is_cross_site(headers: &HeaderMap) -> bool {
    headers.contains_key("origin")
        || headers.get("sec-fetch-site").is_some_and(|site| site != "none" && site != "same-origin")
}

/// For a device that reaches the gateway at `proxy`, host and port.
fn pac(proxy: &str) -> String {
    include_str!("proxy.pac").replace("@proxy@", proxy)
}

fn text(media_type: &'static str, body: String) -> Reply {
    let mut reply = Response::new(ReplyBody::local(body));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

pub(super) fn refuse(status: StatusCode, details: &str, headers: &HeaderMap) -> Reply {
    refusal(status, "http_request_denied", details, headers.get(ACCEPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HOST, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_addresses_localhost_and_configured_names_are_ours() {
        let names = ["Doorward.home.arpa".to_owned()];
        let ours = |value| is_addressed_to_us(&host(value), &names);
        for value in [
            "127.0.0.1:8118",
            "192.168.1.2",
            "[::1]:8118",
            "[::1]",
            "localhost:8118",
            "localhost",
            "doorward.home.arpa",
            "doorward.HOME.arpa:8118",
        ] {
            assert!(ours(value), "{value}");
            assert_eq!(is_addressed_to_us(&host(value), &[]), !value.contains("arpa"), "{value}");
        }
        for value in [
            "evil.example",
            "127.0.0.1.evil.example:8118",
            "localhost.evil.example",
            "localhost:x",
            "x.doorward.home.arpa",
            "",
        ] {
            assert!(!ours(value), "{value}");
        }
        let mut twice = host("127.0.0.1");
        twice.append(HOST, HeaderValue::from_static("127.0.0.1"));
        assert!(!is_addressed_to_us(&twice, &names) && !is_addressed_to_us(&HeaderMap::new(), &names));
    }

    #[test]
    fn pages_of_other_sites_get_nothing() {
        let mut headers = host("127.0.0.1:8118");
        assert!(!is_cross_site(&headers));
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        assert!(is_cross_site(&headers));
    }
}
