//! What the gateway says itself: stubs for what was blocked, a page or a problem for what was refused.

use super::body::ReplyBody;
use super::error::ExchangeError;
use super::layers::Reply;
use crate::model::Stub;
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

/// The smallest transparent GIF.
const PIXEL: &[u8] = &[
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff,
    0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
    0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b,
];

/// The harmless answer for a blocked request. Never an error: apps try those again.
pub fn stub(kind: Stub, reason: &str, headers: &HeaderMap) -> Reply {
    let (status, media_type, body) = match kind {
        Stub::Pixel => (StatusCode::OK, "image/gif", Bytes::from_static(PIXEL)),
        Stub::Script => (StatusCode::OK, "text/javascript; charset=utf-8", Bytes::new()),
        Stub::Style => (StatusCode::OK, "text/css; charset=utf-8", Bytes::new()),
        Stub::Nothing => (StatusCode::NO_CONTENT, "", Bytes::new()),
        Stub::Page => (StatusCode::OK, "text/html; charset=utf-8", page("Blocked", reason).into()),
    };
    let mut reply = own(status, media_type, body);
    // A page's script may only read an answer that says it may; a blocked one should look like an empty success.
    if let Some(origin) = headers.get("origin") {
        reply.headers_mut().insert("access-control-allow-origin", origin.clone());
        reply.headers_mut().insert("access-control-allow-credentials", HeaderValue::from_static("true"));
    }
    reply
}

/// A refusal: `Proxy-Status` (RFC 9209), and a page or a problem (RFC 9457) as the client prefers. `error` is the proxy
/// error type; `details` must not carry anything from the request.
pub fn refusal(status: StatusCode, error: &str, details: &str, accepts: Option<&HeaderValue>) -> Reply {
    let wants_page =
        accepts.and_then(|value| value.to_str().ok()).is_some_and(|text| text.contains("text/html"));
    let title = status.canonical_reason().unwrap_or("Refused");
    let (media_type, body) = if wants_page {
        // To a person "Forbidden" sounds like the site's own word, and like the end.
        let heading = if status == StatusCode::FORBIDDEN { "Nothing was sent" } else { title };
        ("text/html; charset=utf-8", page(heading, details))
    } else {
        let problem = serde_json::json!({
            "type": "about:blank", "title": title, "status": status.as_u16(), "detail": details, "error": error,
        });
        ("application/problem+json", format!("{problem}\n"))
    };
    let mut reply = own(status, media_type, body.into());
    let line = format!("doorward; error={error}; details=\"{}\"", quoted(details));
    if let Ok(value) = HeaderValue::from_str(&line) {
        reply.headers_mut().insert("proxy-status", value);
    }
    reply
}

/// The refusal that tells of `error`.
pub fn refusal_of(error: &ExchangeError, accepts: Option<&HeaderValue>) -> Reply {
    let mut reply = refusal(error.status(), error.proxy_error(), &error.to_string(), accepts);
    if let Some(seconds) = error.retry_after() {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    reply
}

/// The field by which a client says what it likes to read.
pub fn accepts(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(ACCEPT)
}

/// Behind an intercepted name the gateway's words must not act as that name's: nothing loads, nothing is kept.
fn own(status: StatusCode, media_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(ReplyBody::local(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    if !media_type.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    );
    reply
}

/// RFC 9651 section 3.3.3: a string holds printable ASCII, with quotes and backslashes escaped.
fn quoted(text: &str) -> String {
    text.chars()
        .filter(|char| char.is_ascii() && !char.is_ascii_control())
        .flat_map(|char| matches!(char, '"' | '\\').then_some('\\').into_iter().chain([char]))
        .collect()
}

fn page(title: &str, details: &str) -> String {
    let (title, details) = (escaped(title), escaped(details));
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title} · Doorward</title>\n\
         <style>body{{font:1.05rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem;\
         color:#1d2430;background:#fbfaf7}}h1{{font-size:1.4rem}}p.by{{color:#667;font-size:.9rem}}\
         @media(prefers-color-scheme:dark){{body{{color:#e8e6e1;background:#16181d}}}}</style>\n\
         <h1>{title}</h1>\n<p>{details}</p>\n\
         <p class=\"by\">This page comes from Doorward, your own gateway, not from the site.</p>\n</html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, char| {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_speak_the_clients_language() {
        let html = HeaderValue::from_static("text/html,*/*");
        let page = refusal(
            StatusCode::FORBIDDEN,
            "destination_ip_prohibited",
            "the \"address\" is private",
            Some(&html),
        );
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(
            page.headers()["proxy-status"],
            "doorward; error=destination_ip_prohibited; details=\"the \\\"address\\\" is private\""
        );
        let problem = refusal(StatusCode::FORBIDDEN, "x", "y", None);
        assert_eq!(problem.headers()["content-type"], "application/problem+json");
        assert!(problem.headers().get("strict-transport-security").is_none());
    }

    #[test]
    fn a_blocked_fetch_looks_like_an_empty_success() {
        let headers =
            HeaderMap::from_iter([(http::header::ORIGIN, HeaderValue::from_static("https://shop.test"))]);
        let reply = stub(Stub::Nothing, "", &headers);
        assert_eq!(reply.status(), StatusCode::NO_CONTENT);
        assert_eq!(reply.headers()["access-control-allow-origin"], "https://shop.test");
    }
}
