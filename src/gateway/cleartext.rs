//! HTTP without TLS on a stream that was connected: every request becomes what a client sends to a proxy, and walks the
//! corridor as that.

use super::connect::ClientStream;
use super::front::Front;
use super::pace::Pace;
use super::serve::{self, Bounds, Leaving};
use crate::exchange::{Client, ExchangeError, endpoint, single_host};
use crate::model::{Host, Origin, Scheme};
use http::header::HeaderMap;
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::service::Service;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Serves HTTP/1 on a stream to `origin` until either side ends it.
pub(super) async fn serve(front: &Arc<Front>, client: Client, origin: Origin, stream: ClientStream) {
    let (who, peer, host) = (client.who.clone(), client.peer, origin.host.to_string());
    let (bounds, pace) = (Bounds::of(&front.rooms.generation.load().config.settings.limits), Pace::new());
    let client = Arc::new(client);
    let service =
        Cleartext { front: Arc::clone(front), client, origin: Arc::new(origin), pace: pace.clone() };
    let ended = serve::http1(stream, service, &pace, bounds, &front.stop).await;
    front.connection_ended(peer, &who, Some(host), ended).await;
}

struct Cleartext {
    front: Arc<Front>,
    client: Arc<Client>,
    origin: Arc<Origin>,
    pace: Pace,
}

impl Service<Request<Incoming>> for Cleartext {
    type Response = Response<Leaving>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Leaving>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let busy = self.pace.begin();
        let (front, client, origin) =
            (Arc::clone(&self.front), Arc::clone(&self.client), Arc::clone(&self.origin));
        Box::pin(async move {
            let who = client.who.clone();
            let reply = match absolute(request.uri(), request.headers(), &origin) {
                Ok(uri) => {
                    *request.uri_mut() = uri;
                    front.exchange(client, who, request, Vec::new()).await
                }
                Err(error) => front.refuse(client.peer, &who, &error, request.headers()).await,
            };
            Ok(Leaving::of(reply, busy))
        })
    }
}

/// The request-target in absolute-form (RFC 9112 section 3.2.2). A client that named only an address when it connected says
/// in Host whom it wants, as it does in a TLS handshake.
fn absolute(uri: &Uri, headers: &HeaderMap, origin: &Origin) -> Result<Uri, ExchangeError> {
    let field = match single_host(headers)? {
        Some(field) => Some(endpoint(&field, Scheme::Http)?),
        None => None,
    };
    let host = match field {
        None => origin.host.clone(),
        Some((host, port)) => {
            let is_meant = host == origin.host || matches!(origin.host, Host::Address(_));
            // RFC 9110 section 15.5.20: a request for another origin than its connection's gets 421.
            if !is_meant || port != origin.port || uri.authority().is_some() {
                return Err(ExchangeError::Misdirected);
            }
            host
        }
    };
    let origin = Origin { scheme: Scheme::Http, host, port: origin.port };
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let built = Uri::builder().scheme("http").authority(origin.authority()).path_and_query(target).build();
    built.map_err(|_| ExchangeError::Malformed("the target is not one"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::HOST;

    fn made(
        connected: &str,
        port: u16,
        target: &str,
        host: Option<&'static str>,
    ) -> Result<String, ExchangeError> {
        let origin = Origin { scheme: Scheme::Http, host: Host::parse(connected).unwrap(), port };
        let headers = HeaderMap::from_iter(host.map(|host| (HOST, HeaderValue::from_static(host))));
        absolute(&target.parse().unwrap(), &headers, &origin).map(|uri| uri.to_string())
    }

    #[test]
    fn a_request_is_for_the_host_that_was_connected_to() {
        let cases = [
            ("shop.test", 80, Some("Shop.Test"), "http://shop.test/a?b"),
            ("shop.test", 80, None, "http://shop.test/a?b"),
            ("shop.test", 8080, Some("shop.test:8080"), "http://shop.test:8080/a?b"),
            ("192.0.2.7", 80, Some("shop.test"), "http://shop.test/a?b"),
            ("192.0.2.7", 80, None, "http://192.0.2.7/a?b"),
            ("::1", 80, Some("[::1]"), "http://[::1]/a?b"),
        ];
        for (connected, port, host, want) in cases {
            assert_eq!(made(connected, port, "/a?b", host).unwrap(), want);
        }
        for (connected, port, target, host) in [
            ("shop.test", 80, "/", "other.test"),
            ("shop.test", 8080, "/", "shop.test"),
            ("192.0.2.7", 80, "/", "shop.test:8080"),
            ("shop.test", 80, "http://shop.test/", "shop.test"),
        ] {
            let error = made(connected, port, target, Some(host)).unwrap_err();
            assert!(matches!(error, ExchangeError::Misdirected), "{connected} {host}");
        }
    }
}
