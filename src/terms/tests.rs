use super::*;
use crate::model::{
    Action, Container, Host, Origin, Party, Plan, RequestType, RequestView, Scheme, SignedParts,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use sfv::{Dictionary, FieldType, ListEntry, Parser};

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

struct Sent<'a> {
    headers: HeaderMap,
    party: Party,
    method: Method,
    signed: SignedParts,
    ids: &'a [&'a str],
    gpc: bool,
    send: bool,
}

impl Default for Sent<'_> {
    fn default() -> Self {
        Self {
            headers: HeaderMap::new(),
            party: Party::First,
            method: Method::GET,
            signed: SignedParts::default(),
            ids: &["SD-BASE"],
            gpc: true,
            send: true,
        }
    }
}

impl Sent<'_> {
    /// The fields as they leave, and the record.
    fn plan(&self) -> (Vec<(String, String)>, crate::model::record::TermsRecord) {
        let origin = Origin { scheme: Scheme::Https, host: Host::parse("shop.example").unwrap(), port: 443 };
        let view = RequestView {
            method: &self.method,
            origin: &origin,
            target: "/",
            headers: &self.headers,
            kind: RequestType::Other,
            party: self.party,
            source: None,
            signed: &self.signed,
        };
        let field = HeaderName::from_static("personal-terms");
        let offer = Offer { ids: self.ids, field: &field, gpc: self.gpc, send: self.send };
        let mut plan = Plan::default();
        let record = plan_offer(&view, &offer, &mut plan);
        (apply(&self.headers, &plan), record)
    }
}

fn apply(headers: &HeaderMap, plan: &Plan) -> Vec<(String, String)> {
    let dropped = |name: &str, nth: usize| {
        plan.standing().any(|edit| {
            edit.action == Action::Removed && edit.container == Container::Header { name: name.into(), nth }
        })
    };
    let mut lines = Vec::new();
    for name in headers.keys() {
        for (nth, value) in headers.get_all(name).iter().enumerate() {
            if !dropped(name.as_str(), nth) {
                lines.push((name.to_string(), value.to_str().unwrap().to_owned()));
            }
        }
    }
    for edit in plan.standing() {
        assert_eq!(edit.category.0, "pd:PrivacyPreference");
        if let Container::NewHeader { name } = &edit.container {
            assert_eq!(edit.action, Action::Injected);
            lines.push((name.to_string(), String::from_utf8(edit.value.expose().clone()).unwrap()));
        }
    }
    lines
}

fn line(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn gpc_stands_exactly_once() {
    for (inbound, removed) in [
        (&[][..], 0),
        (&[("sec-gpc", "1")][..], 0),
        (&[("sec-gpc", "0")], 1),
        (&[("sec-gpc", "1"), ("sec-gpc", "1")], 1),
        (&[("sec-gpc", "0"), ("sec-gpc", "1"), ("sec-gpc", "")], 2),
    ] {
        for party in [Party::First, Party::Third] {
            let (lines, record) =
                Sent { headers: headers(inbound), party, ids: &[], ..Sent::default() }.plan();
            assert_eq!(lines, [line("sec-gpc", "1")], "{inbound:?}, {removed} removed");
            assert!(record.gpc);
        }
    }
}

#[test]
fn switched_off_the_client_speaks_for_itself() {
    let off = |inbound: &[(&'static str, &'static str)]| {
        Sent { headers: headers(inbound), gpc: false, send: false, ..Sent::default() }.plan()
    };
    let (lines, record) = off(&[]);
    assert!(lines.is_empty() && !record.gpc);
    let (lines, record) = off(&[("sec-gpc", "1")]);
    assert_eq!(lines, [line("sec-gpc", "1")]);
    assert!(record.gpc);
}

#[test]
fn terms_go_to_the_first_party_of_a_relationship_and_nobody_else() {
    let gpc = line("sec-gpc", "1");
    let terms = line("personal-terms", "offer=(SD-BASE)");
    let (lines, record) = Sent::default().plan();
    assert_eq!(lines, [gpc.clone(), terms.clone()]);
    assert_eq!((&*record.state, record.offer), ("offered", vec!["SD-BASE".to_owned()]));

    let preflight = headers(&[("access-control-request-method", "POST")]);
    for sent in [
        Sent { party: Party::Third, ..Sent::default() },
        Sent { send: false, ..Sent::default() },
        Sent { ids: &[], ..Sent::default() },
        Sent { ids: &["a", "b", "c", "d", "e"], ..Sent::default() },
        Sent { ids: &["SD-BASE", "SD-BASE"], ..Sent::default() },
        Sent { ids: &["grüße"], ..Sent::default() },
        Sent { method: Method::OPTIONS, headers: preflight, ..Sent::default() },
    ] {
        let (lines, record) = sent.plan();
        assert!(!lines.contains(&terms), "{lines:?}");
        assert_eq!((&*record.state, record.offer.len()), ("none", 0));
    }
}

#[test]
fn what_a_client_sends_in_its_place_never_leaves() {
    let forged = headers(&[("personal-terms", "offer=(PDC-AI)"), ("personal-terms", "use=\"x\"")]);
    for (party, want) in [(Party::First, 1), (Party::Third, 0)] {
        let (lines, _) = Sent { headers: forged.clone(), party, ..Sent::default() }.plan();
        let values: Vec<_> = lines.iter().filter(|(name, _)| name == "personal-terms").collect();
        assert_eq!(values.len(), want);
        assert!(values.iter().all(|(_, value)| value == "offer=(SD-BASE)"));
    }
}

#[test]
fn a_signature_over_all_fields_keeps_both_away() {
    let signed = SignedParts { scheme: Some("test"), all_headers: true, ..SignedParts::default() };
    let (lines, record) = Sent { signed: signed.clone(), ..Sent::default() }.plan();
    assert!(lines.is_empty());
    assert_eq!((&*record.state, record.gpc), ("none", false));
    let inbound = headers(&[("sec-gpc", "1"), ("personal-terms", "offer=(X)")]);
    let (lines, record) = Sent { headers: inbound, signed, ..Sent::default() }.plan();
    assert_eq!(lines.len(), 2, "what is covered stays");
    assert!(record.gpc);
}

#[test]
fn the_offer_is_written_as_the_reference_has_it() {
    for (list, want) in [
        (&["SD-BASE"][..], Some("offer=(SD-BASE)")),
        (&["SD-BASE", "SD-BASE-DP"], Some("offer=(SD-BASE SD-BASE-DP)")),
        (&["https://terms.example/SD-BASE"], Some("offer=(\"https://terms.example/SD-BASE\")")),
        (&["1.0"], Some("offer=(\"1.0\")")),
        (&[""], None),
        (&["a\nb"], None),
    ] {
        assert_eq!(offer_value(list).as_deref(), want);
    }
}

fn answer(lines: &[&'static str]) -> Result<Option<Answer>, AnswerError> {
    let field = HeaderName::from_static("personal-terms");
    let headers = lines.iter().map(|value| (field.clone(), HeaderValue::from_static(value))).collect();
    parse_answer(&headers, &field)
}

#[test]
fn the_answers_of_the_reference_are_read() {
    for (text, want) in [
        ("accept=SD-BASE", "accept SD-BASE"),
        (
            "accept=SD-BASE;h=:ZnU=:;rec=\"/.well-known/myterms/records/0192f3c7a1\";exp=@1826841600",
            "accept SD-BASE (/.well-known/myterms/records/0192f3c7a1)",
        ),
        ("accept=\"https://terms.example/SD-BASE\", future=(a b)", "accept https://terms.example/SD-BASE"),
        ("counter=SD-BASE-A", "counter SD-BASE-A"),
        ("refuse;why=unknown-roster", "refuse (unknown-roster)"),
        ("refuse", "refuse"),
        ("use=\"0192f3c7a1\";h=:ZnU=:", "use 0192f3c7a1"),
        ("ended=\"0192f3c7a1\";at=@1795305600", "ended 0192f3c7a1"),
    ] {
        assert_eq!(answer(&[text]).unwrap().unwrap().to_string(), want, "{text}");
    }
    match answer(&["accept=A;exp=@1826841600;v=\"1.0\";h=:ZnU=:"]) {
        Ok(Some(Answer::Accept { expires, version, hash, .. })) => {
            assert_eq!(
                (expires, version.as_deref(), hash.as_deref()),
                (Some(1_826_841_600), Some("1.0"), Some(&b"fu"[..]))
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_one_clear_answer_counts_as_none() {
    assert_eq!(answer(&[]), Ok(None));
    assert_eq!(answer(&["future=1"]), Ok(None));
    for (lines, want) in [
        (&["accept=(A B)"][..], AnswerError::Meaningless),
        (&["accept"], AnswerError::Meaningless),
        (&["accept=1"], AnswerError::Meaningless),
        (&["accept=\"\""], AnswerError::Meaningless),
        (&["refuse=?0"], AnswerError::Meaningless),
        (&["refuse=yes"], AnswerError::Meaningless),
        (&["use=abc"], AnswerError::Meaningless),
        (&["accept=A, refuse"], AnswerError::Meaningless),
        (&["accept=A, accept=B"], AnswerError::Repeated),
        (&["accept=A", "accept=B"], AnswerError::Repeated),
        (&["future=1", "accept=A", "future=2"], AnswerError::Repeated),
        (&["accept=(A"], AnswerError::Malformed),
        (&["ACCEPT=A"], AnswerError::Malformed),
        (&["use=0192f3c7a1"], AnswerError::Malformed),
        (&["accept=A;h=:###:"], AnswerError::Malformed),
    ] {
        assert_eq!(answer(lines), Err(want), "{lines:?}");
    }
    let long: HeaderMap = [(HeaderName::from_static("t"), HeaderValue::from_str(&"a".repeat(5000)).unwrap())]
        .into_iter()
        .collect();
    assert_eq!(parse_answer(&long, &HeaderName::from_static("t")), Err(AnswerError::TooLong));
}

proptest! {
    #[test]
    fn an_offer_reads_back_as_its_ids(list in prop::collection::hash_set("[ -~]{1,24}", 1..=MAX_OFFER)) {
        let list: Vec<String> = list.into_iter().collect();
        let ids: Vec<&str> = list.iter().map(String::as_str).collect();
        let value = offer_value(&ids).unwrap();
        let read: Dictionary = Parser::new(&value).parse().unwrap();
        prop_assert_eq!(read.serialize().unwrap(), value.clone());
        let Some(ListEntry::InnerList(inner)) = read.get("offer") else { panic!("{value}") };
        let back: Vec<String> = inner
            .items
            .iter()
            .map(|item| {
                let token = item.bare_item.as_token().map(|token| token.as_str());
                token.or_else(|| item.bare_item.as_string().map(|text| text.as_str())).unwrap().to_owned()
            })
            .collect();
        prop_assert_eq!(back, list);
    }

    /// Two people with the same choice send the same bytes, whatever else their requests hold.
    #[test]
    fn the_offer_depends_on_nothing_but_the_ids(agent in "[a-zA-Z0-9/. ]{0,30}", cookie in "[a-z=0-9]{0,30}", path_kind: bool) {
        let mut fields = HeaderMap::new();
        fields.insert("user-agent", HeaderValue::from_str(agent.trim()).unwrap());
        fields.insert("cookie", HeaderValue::from_str(&cookie).unwrap());
        let method = if path_kind { Method::GET } else { Method::POST };
        let (lines, _) = Sent { headers: fields, method, ..Sent::default() }.plan();
        prop_assert_eq!(&lines[2..], [line("sec-gpc", "1"), line("personal-terms", "offer=(SD-BASE)")]);
    }

    #[test]
    fn no_answer_makes_it_panic(value in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let field = HeaderName::from_static("t");
            let headers = [(field.clone(), value)].into_iter().collect();
            let _ = parse_answer(&headers, &field);
        }
    }
}
