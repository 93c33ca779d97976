//! Values that are more than their letters: dates, positions, IP addresses.

use super::*;

static BORN: LazyLock<Arc<Identifiers>> = LazyLock::new(|| {
    compile(&[
        ("birthdate", "1984-05-17", Strength::Weak),
        ("geo.home", "52.5200,-13.4050", Strength::Weak),
        ("ip.home", "2001:db8::1:0", Strength::Strong),
        ("ip.home", "127.0.0.1", Strength::Strong),
    ])
});

/// The body with every hit in it rewritten as `value` of its slot, in the way it was written.
fn rewritten(syntax: Syntax, body: &str) -> String {
    let hits = find_in_body(&BORN, syntax, body.as_bytes());
    let value = |slot: &str| match slot {
        "birthdate" => "1984-06-08",
        "geo.home" => "52.525,-13.425",
        _ => "192.0.2.7",
    };
    let edits = hits.iter().map(|hit| {
        (hit.span.clone(), hit.spelling.respell(value(BORN.get(hit.identifier).unwrap().slot.as_str())))
    });
    String::from_utf8(splice(body.as_bytes(), &edits.collect::<Vec<_>>())).unwrap()
}

#[test]
fn another_date_is_written_the_same_way() {
    for (body, want) in [
        ("dob=1984-05-17", "dob=1984-06-08"),
        ("birthdate=17.05.1984", "birthdate=08.06.1984"),
        ("bday=17.5.1984", "bday=8.6.1984"),
        ("birthday=05%2F17%2F1984", "birthday=06%2F08%2F1984"),
        ("dateOfBirth=19840517", "dateOfBirth=19840608"),
        ("dob=1984-05-17T00%3A00%3A00Z", "dob=1984-06-08T00%3A00%3A00Z"),
        ("birth_day=17&birth_month=5&birth_year=1984", "birth_day=8&birth_month=6&birth_year=1984"),
        (
            "dob%5Bday%5D=17&dob%5Bmonth%5D=05&dob%5Byear%5D=1984",
            "dob%5Bday%5D=8&dob%5Bmonth%5D=06&dob%5Byear%5D=1984",
        ),
        ("day=17&month=05&year=1984&birthplace=17", "day=17&month=05&year=1984&birthplace=17"),
        ("birth_month=17&birth_day=05", "birth_month=17&birth_day=05"),
        ("when=1984-05-17", "when=1984-05-17"),
    ] {
        assert_eq!(rewritten(Syntax::Form, body), want);
    }
    for (body, want) in [
        (
            r#"{"dob":"17/05/1984","birthYear":1984,"year":1984}"#,
            r#"{"dob":"08/06/1984","birthYear":1984,"year":1984}"#,
        ),
        (r#"{"birthMonth":5,"birthDay":"17"}"#, r#"{"birthMonth":6,"birthDay":"8"}"#),
    ] {
        assert_eq!(rewritten(Syntax::Json, body), want);
    }
}

#[test]
fn a_position_is_found_by_what_is_near_it() {
    for (body, want) in [
        (r#"{"lat":52.5234567,"lng":-13.4011}"#, r#"{"lat":52.525,"lng":-13.425}"#),
        (
            r#"{"geo":{"latitude":"52.52","longitude":"-13.405"}}"#,
            r#"{"geo":{"latitude":"52.525","longitude":"-13.425"}}"#,
        ),
        (r#"{"lat":48.1,"lng":11.5,"flat":52.52}"#, r#"{"lat":48.1,"lng":11.5,"flat":52.52}"#),
        (
            r#"{"location":"52.5199;-13.4049","lat":"north"}"#,
            r#"{"location":"52.525;-13.425","lat":"north"}"#,
        ),
        (r#"{"location":"52.5199,13.4049"}"#, r#"{"location":"52.5199,13.4049"}"#),
    ] {
        assert_eq!(rewritten(Syntax::Json, body), want);
    }
    let form = "latlng=52.52%2C-13.405&lat=52.521&ll=52.52";
    assert_eq!(rewritten(Syntax::Form, form), "latlng=52.525%2C-13.425&lat=52.525&ll=52.52");
}

#[test]
fn an_ip_address_is_found_in_its_spellings() {
    for (body, want) in [
        ("from 127.0.0.1:8118.", "from 192.0.2.7:8118."),
        ("from 127.0.0.10", "from 127.0.0.10"),
        ("from 2001:db8::1:0", "from 192.0.2.7"),
        ("from [2001:DB8:0:0:0:0:1:0]:443", "from [192.0.2.7]:443"),
        ("from 2001:0db8:0000:0000:0000:0000:0001:0000", "from 192.0.2.7"),
    ] {
        assert_eq!(rewritten(Syntax::Text, body), want);
    }
}

#[test]
fn what_stands_in_a_part_of_a_form_is_found_wherever_it_is_cut() {
    for (syntax, body) in [
        (Syntax::Form, "birth_day=17&birth_month=5&birth_year=1984&lat=52.5199&lng=-13.4049"),
        (Syntax::Json, r#"{"dob":"17.5.1984","lat":52.5199,"lng":-13.4049,"ip":"127.0.0.1"}"#),
    ] {
        let spans =
            |hits: Vec<Hit>| hits.into_iter().map(|hit| (hit.identifier, hit.span)).collect::<Vec<_>>();
        let whole = spans(find_in_body(&BORN, syntax.clone(), body.as_bytes()));
        assert!(whole.len() >= 4, "{whole:?}");
        assert!(!BORN.is_clean(body.as_bytes()));
        for at in 0..=body.len() {
            let mut finder = BodyFinder::new(Arc::clone(&BORN), syntax.clone());
            let (head, tail) = body.as_bytes().split_at(at);
            let mut hits = finder.push(head);
            hits.extend(finder.push(tail));
            hits.extend(finder.finish());
            assert_eq!(spans(hits), whole, "cut at {at}");
        }
    }
}

#[test]
fn what_is_noticed_of_one_body_is_bounded() {
    let noticed = |value: &str, times: usize| {
        let fields: Vec<_> = (0..times).map(|number| format!(r#""f{number}":"{value}""#)).collect();
        let body = format!("{{{}}}", fields.join(","));
        read_body(&BORN, Syntax::Json, body.as_bytes(), 10, true).unwrap().noticed.len()
    };
    assert_eq!((noticed("bob@other.example", 3), noticed("bob@other.example", 300)), (3, 16));
    assert_eq!(noticed("bob+news@other.example", 1), 1);
    // A number that is none costs as much as one that is.
    assert_eq!(noticed("+4915112345678", 1), 1);
    let body = format!(r#"[{}"bob@other.example"]"#, r#""+4900000000","#.repeat(300));
    assert!(read_body(&BORN, Syntax::Json, body.as_bytes(), 10, true).unwrap().noticed.is_empty());
    assert_eq!(read_body(&BORN, Syntax::Json, body.as_bytes(), 10, false).unwrap().noticed.len(), 0);
}
