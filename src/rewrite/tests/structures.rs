//! Places and tokens in bodies.

use super::*;

fn json(body: &str) -> Vec<Seen> {
    find_in_body(&ANN, Syntax::Json, body.as_bytes())
        .into_iter()
        .map(|hit| (hit.place.to_string(), body[hit.span].to_owned(), hit.token))
        .collect()
}

fn places(syntax: Syntax, body: &str) -> Vec<String> {
    in_body(syntax, body)
        .into_iter()
        .map(|(slot, place, written)| format!("{slot} {place} {written}"))
        .collect()
}

#[test]
fn json_pointers_and_tokens() {
    let email = "ann@home.example".to_owned();
    for (body, place, token) in [
        (r#"{"email":"ann@home.example"}"#, "/email", Some(9..27)),
        (r#"{"user":{"mails":["x", "ann@home.example"]},"a":1}"#, "/user/mails/1", Some(23..41)),
        (r#"["to ann@home.example"]"#, "/0", None),
        (r#"{"a/b~c":{"d":"ann@home.example"}}"#, "/a~1b~0c/d", Some(14..32)),
        (r#""ann@home.example""#, "", Some(0..18)),
        (r#"{"a":{"x":[1,{}]},"b":[[],"ann@home.example"]}"#, "/b/1", Some(26..44)),
        (r#"{"\u0061":"ann@home.example"}"#, "/a", Some(10..28)),
        (r#"{"ann@home.example":1}"#, "/…", None),
        (r#"{"a":ann@home.example}"#, "/a", Some(5..21)),
    ] {
        let want = vec![(format!("request.body.json:{place}"), email.clone(), token)];
        assert_eq!(json(body), want, "{body}");
    }
    let lines = "{\"e\":\"x\"}\n{\"e\":\"ann@home.example\"}\n";
    assert_eq!(json(lines), vec![("request.body.json:/e#2".into(), email.clone(), Some(15..33))]);
    assert_eq!(json("No json: ann@home.example"), vec![("request.body.text".into(), email, None)]);
    assert_eq!(json("{\"a\":\"{\\\"b\\\":\\\"ann@home.example\\\"}\"}").len(), 1, "JSON in a string");
}

#[test]
fn weak_values_only_in_typed_fields() {
    let body = r#"{"first_name":"Ann","lastName":"REAL","comment":"Ann","city":"Real","zip":12345,"n":12345,"dob":"17.05.1984"}"#;
    assert_eq!(
        places(Syntax::Json, body),
        [
            "name.given request.body.json:/first_name Ann",
            "name.family request.body.json:/lastName REAL",
            "address.postcode request.body.json:/zip 12345",
            "birthdate request.body.json:/dob 17.05.1984",
        ]
    );
    assert_eq!(json(body)[2].2, Some(74..79));
    assert_eq!(json(r#"{"zip":"12345"}"#)[0].2, Some(7..14), "with its quotes");
    assert_eq!(
        places(Syntax::Form, "user%5Bfirst_name%5D=%41nn&dob=1984-05-17&zip=123456"),
        ["name.given request.body.form:user[first_name] %41nn", "birthdate request.body.form:dob 1984-05-17"]
    );
}

#[test]
fn forms() {
    assert_eq!(
        places(Syntax::Form, "a=1&user%5Bemail%5D=ann%40home.example&a=Ann+Real&ann@home.example"),
        [
            "email.primary request.body.form:user[email] ann%40home.example",
            "name.full request.body.form:a#2 Ann+Real",
            "email.primary request.body.form:… ann@home.example",
        ]
    );
}

#[test]
fn multipart_parts() {
    let syntax = || Syntax::Multipart { boundary: "XX".into() };
    let body = "--XX\r\nContent-Disposition: form-data; name=\"mail\"\r\n\r\nann@home.example\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"pic\"; filename=\"ann@home.example.png\"\r\nContent-Type: image/png\r\n\r\nann@home.example\r\n-\r\n--X\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"first_name\"\r\n\r\nAnn\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"q\"\r\nContent-Transfer-Encoding: base64\r\n\r\nann@home.example\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"note\"\r\nContent-Type: text/plain\r\n\r\nline\r\n--X ann@home.example\r\n--XX--\r\nbye ann@home.example";
    assert_eq!(
        places(syntax(), body),
        [
            "email.primary request.body.part:mail ann@home.example",
            "email.primary request.body.part:pic ann@home.example",
            "name.given request.body.part:first_name Ann",
            "email.primary request.body.part:q ann@home.example",
            "email.primary request.body.part:note ann@home.example",
            "email.primary request.body.text ann@home.example",
        ]
    );
    let hits = find_in_body(&ANN, syntax(), body.as_bytes());
    assert_eq!(hits[0].token, Some(hits[0].span.clone()), "the whole value");
    assert_eq!(hits[4].token, None);
    let named = "--XX\r\nContent-Disposition: form-data; name=\"ann@home.example\"\r\n\r\nx\r\n--XX--\r\n";
    assert_eq!(places(syntax(), named), ["email.primary request.body.part:… ann@home.example"]);
    assert_eq!(places(syntax(), "--XX\nno CRLF ann@home.example").len(), 1, "found all the same");
}

#[test]
fn multipart_parts_that_are_no_text_are_told() {
    let syntax = || Syntax::Multipart { boundary: "XX".into() };
    let part = |name: &str, fields: &str, content: &str| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n{fields}\r\n{content}\r\n")
    };
    let json = "{\"mail\":\"ann@home.example\"}";
    let body = [
        part("blob", "Content-Type: application/octet-stream\r\n", json),
        part("odd", "Content-Type: application/x-nobody-knows\r\n", json),
        part("pic", "Content-Type: image/png\r\n", json),
        part("empty", "Content-Type: image/png\r\n", ""),
        part("paper", "Content-Type: application/pdf\r\n", json),
        part("coded", "Content-Transfer-Encoding: base64\r\n", "YW5u"),
        part("eight", "Content-Transfer-Encoding: 8bit\r\n", json),
        part(
            "quoted",
            "Content-Transfer-Encoding: quoted-printable\r\n",
            "Gr=C3=BC=C3=9Fe, ann@home.example",
        ),
        part("wide", "Content-Type: text/plain; charset=utf-16\r\n", "a\0n\0n\0"),
        part("liar", "Content-Type: text/plain; charset=utf-16\r\n", "ann@home.example"),
    ]
    .concat();
    let found = read_body(&ANN, syntax(), body.as_bytes(), 100, false).unwrap();
    let places = |hits: &[Hit]| hits.iter().map(|hit| hit.place.to_string()).collect::<Vec<_>>();
    assert_eq!(
        places(&found.hits),
        [
            "request.body.part:blob",
            "request.body.part:odd",
            "request.body.part:eight",
            "request.body.part:quoted",
            "request.body.part:liar"
        ]
    );
    let unread: Vec<_> = found.unread.iter().map(ToString::to_string).collect();
    let names = ["pic", "paper", "coded", "quoted", "wide", "liar"];
    assert_eq!(unread, names.map(|name| format!("request.body.part:{name}")));
    assert_eq!(read_body(&ANN, syntax(), body.as_bytes(), 2, false).unwrap_err(), TooMany);
    let clean = part("pic", "Content-Type: image/png\r\n", "none of hers");
    assert_eq!(
        read_body(&ANN, syntax(), clean.as_bytes(), 2, false).unwrap().unread.len(),
        1,
        "clean or not"
    );
    let line = "--XX ann@home.example\r\n\r\nx\r\n--XX-ann@home.example\r\n\r\n--XX--";
    assert_eq!(places(&read_body(&ANN, syntax(), line.as_bytes(), 9, false).unwrap().hits).len(), 2);
}

#[test]
fn deep_and_long_names_stay_bounded() {
    let deep = format!("{}\"ann@home.example\"", "[".repeat(5000));
    assert_eq!(json(&deep).len(), 1);
    let long = format!("{{\"{}\":\"ann@home.example\"}}", "k".repeat(5000));
    assert_eq!(json(&long)[0].0, "request.body.json:/…");
}

#[test]
fn holds_back_only_what_may_matter() {
    let mut finder = BodyFinder::new(Arc::clone(&ANN), Syntax::Text);
    assert!(finder.push(b"data: hello\n\n").is_empty());
    assert_eq!(finder.settled(), 13, "an event leaves whole");
    assert!(finder.push(b"to ann@ho").is_empty());
    assert_eq!(finder.settled(), 16);
    assert!(finder.push(b"me.example").is_empty(), "what follows decides");
    assert_eq!(finder.push(b" ok").len(), 1);
    assert_eq!(finder.settled(), 33, "a word may become a text in another alphabet");
    finder.push(b" ");
    assert_eq!(finder.settled(), 36);
    let mut finder = BodyFinder::new(Arc::clone(&ANN), Syntax::Json);
    finder.push(b"{\"mail\":\"");
    assert_eq!(finder.settled(), 8, "the quote belongs to the token");
    finder.push(b"xyz ");
    assert_eq!(finder.settled(), 13);
}
