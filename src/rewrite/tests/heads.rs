//! Request-targets, header fields and cookies.

use super::*;

fn target(target: &str) -> Vec<Seen> {
    find_in_target(&ANN, target)
        .into_iter()
        .map(|hit| (hit.place.to_string(), target[hit.span].to_owned(), hit.token))
        .collect()
}

fn header(name: &str, value: &str) -> Vec<Seen> {
    find_in_header(&ANN, name, 0, value.as_bytes())
        .into_iter()
        .map(|hit| (hit.place.to_string(), value[hit.span].to_owned(), hit.token))
        .collect()
}

fn one(place: &str, written: &str, token: Option<Range<usize>>) -> Vec<Seen> {
    vec![(place.into(), written.into(), token)]
}

#[test]
fn targets() {
    let email = "ann@home.example";
    assert_eq!(target("/users/ann@home.example/edit"), one("request.url.path[1]", email, Some(7..23)));
    assert_eq!(target("/users/x-ann@home.example"), []);
    assert_eq!(
        target("/s?q=1&email=ann%40home.example"),
        one("request.url.query:email", "ann%40home.example", Some(13..31))
    );
    assert_eq!(target("/s?q=to+ann@home.example&b"), one("request.url.query:q", email, None));
    assert_eq!(target("/s?to=a&to=ann@home.example"), one("request.url.query:to#2", email, Some(11..27)));
    assert_eq!(target("/s?ann@home.example=1"), one("request.url.query:…", email, None));
    assert_eq!(
        target("/s?first_name=ann&zip=12345&q=ann"),
        vec![
            ("request.url.query:first_name".into(), "ann".into(), Some(14..17)),
            ("request.url.query:zip".into(), "12345".into(), Some(22..27)),
        ]
    );
    assert_eq!(target("/s?zip=123456&zip=x12345&city=12345"), []);
}

#[test]
fn headers_and_cookies() {
    let email = "ann@home.example";
    assert_eq!(header("x-user", email), one("request.header:x-user", email, Some(0..16)));
    assert_eq!(
        header("referer", "https://a.test/?e=ann%40home.example"),
        one("request.header:referer", "ann%40home.example", None)
    );
    assert_eq!(
        header("cookie", "a=1; mail=ann%40home.example; b=2"),
        one("request.cookie:mail", "ann%40home.example", Some(5..30))
    );
    assert_eq!(
        header("cookie", "a=1; mail=\"ann@home.example\""),
        one("request.cookie:mail", email, Some(5..28))
    );
    assert_eq!(header("cookie", "p=x|ann@home.example|y; a"), one("request.cookie:p", email, None));
    assert_eq!(header("cookie", "m=1; m=ann@home.example"), one("request.cookie:m#2", email, Some(5..23)));
    assert_eq!(header("cookie", "ann@home.example=1"), one("request.cookie:…", email, None));
    assert_eq!(
        header("cookie", "username=ann; first-name=Ann"),
        one("request.cookie:first-name", "Ann", Some(14..28))
    );
    assert_eq!(header("accept", "text/html"), []);
    let hits =
        find_in_field(&ANN, crate::model::Side::Response, "set-cookie", 2, b"u=ann@home.example; Path=/");
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].place.to_string(), "response.cookie:u");
}
