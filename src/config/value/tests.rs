use super::*;
use crate::model::Host;
use std::fmt::Display;
use std::str::FromStr;

#[track_caller]
fn table<T: FromStr<Err = ValueError> + Display>(good: &[(&str, &str)], bad: &[&str]) {
    for (text, printed) in good {
        match text.parse::<T>() {
            Ok(value) => assert_eq!(&value.to_string(), printed, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }
    for text in bad {
        assert!(text.parse::<T>().is_err(), "{text} must not read");
    }
}

#[test]
fn quotas() {
    table::<Quota>(
        &[("200/s", "200/s"), ("20/min", "20/min"), ("20/m", "20/min"), ("1 / h", "1/h"), ("9/d", "9/d")],
        &["", "200", "0/s", "-1/s", "200/", "200/year", "/s", "4294967296/s"],
    );
}

#[test]
fn intervals() {
    table::<Interval>(
        &[("500ms", "500ms"), ("10s", "10s"), ("300s", "5min"), ("5m", "5min"), ("24h", "1d")],
        &["", "10", "s", "0s", "-1s", "1.5s", "367d", "99999999999999999999d", "5 years"],
    );
}

#[test]
fn networks_hold_what_they_say() {
    table::<Network>(
        &[("127.0.0.1", "127.0.0.1/32"), ("10.0.0.0/8", "10.0.0.0/8"), ("::/0", "::/0"), ("::1", "::1/128")],
        &["", "10.0.0.1/8", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "house", "::ffff:10.0.0.0/104"],
    );
    let inside =
        |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
    for (network, address, want) in [
        ("192.168.0.0/16", "192.168.255.1", true),
        ("192.168.0.0/16", "192.169.0.1", false),
        ("192.168.0.0/16", "::ffff:192.168.0.9", true),
        ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "::1", false),
        ("fd00::/8", "fdff::1", true),
        ("fd00::/8", "fe80::1", false),
        ("::/0", "2001:db8::1", true),
    ] {
        assert_eq!(inside(network, address), want, "{address} in {network}");
    }
}

#[test]
fn host_patterns() {
    table::<HostPattern>(
        &[("Shop.Test", "shop.test"), ("*.shop.test.", "*.shop.test"), ("127.0.0.1", "127.0.0.1")],
        &["", "*", "a.*.test", "https://shop.test", "shop.test/x", "shop.test:443", "*.127.0.0.1", "a b"],
    );
    let below: HostPattern = "*.shop.test".parse().unwrap();
    for (host, want) in
        [("a.shop.test", true), ("a.b.shop.test", true), ("shop.test", false), ("myshop.test", false)]
    {
        assert_eq!(below.matches(&Host::parse(host).unwrap()), want, "{host}");
    }
}

#[test]
fn categories_are_suggested() {
    let error = "@os-update".parse::<NeverEntry>().unwrap_err();
    assert_eq!(error.help, "did you mean `@os-updates`?");
    table::<NeverEntry>(&[("@banking", "@banking"), ("*.a.test", "*.a.test")], &["@", "@bananas", ""]);
}

#[test]
fn addresses() {
    table::<ListenAddr>(
        &[("127.0.0.1:0", "127.0.0.1:0"), ("[::1]:8118", "[::1]:8118")],
        &["8118", "::1", ""],
    );
    let error = "localhost:8118".parse::<ListenAddr>().unwrap_err();
    assert_eq!(error.help, "write the address itself: \"127.0.0.1:8118\"");
    table::<MailAddr>(
        &[("unix:/run/x.sock", "unix:/run/x.sock"), ("0.0.0.0:25", "0.0.0.0:25")],
        &["unix:x", ""],
    );
    table::<NextHopUrl>(
        &[("socks5://127.0.0.1:9050", "socks5://127.0.0.1:9050"), ("http://[::1]:1/", "http://[::1]:1")],
        &["127.0.0.1:9050", "socks4://127.0.0.1:1", "http://proxy.test", "http://u:p@proxy.test:1"],
    );
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    let errors = [
        "http://u:hunter2@proxy.test:1".parse::<NextHopUrl>().unwrap_err(),
        "smtp://u:hunter2@mail.test".parse::<ServiceUrl>().unwrap_err(),
        "postgres://u:hunter2@db.test/d".parse::<StoreUrl>().unwrap_err(),
    ];
    for error in errors {
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn sources_and_words() {
    table::<ListSource>(
        &[("lists/mine.txt", "lists/mine.txt"), ("https://a.test/l.txt", "https://a.test/l.txt")],
        &["", "http://a.test/l.txt", "ftp://a.test/l", "https://"],
    );
    table::<OfferId>(
        &[("SD-BASE", "SD-BASE"), ("https://a.test/t", "https://a.test/t")],
        &["", "sd-base", "SD BASE", "-SD", "http://a.test/t", "SD_BASE"],
    );
    assert_eq!("sd_base".parse::<OfferId>().unwrap_err().help, "did you mean `SD-BASE`?");
    table::<PolicyKey>(
        &[("email", "email"), ("email.primary", "email.primary")],
        &["", "mail.", "shoe", "name.middle"],
    );
    assert_eq!("emial".parse::<PolicyKey>().unwrap_err().help, "did you mean `email`?");
    table::<MailDomain>(&[("Alias.Example", "alias.example")], &["", "alias", "a@b.example", "127.0.0.1"]);
    table::<FieldName>(&[("Personal-Terms", "Personal-Terms")], &["", "a b", "x:"]);
    table::<StoreUrl>(&[("sqlite", "sqlite"), ("postgres://db/x", "postgres://db/x")], &["mysql://x", ""]);
}

#[test]
fn a_secret_file_loses_one_line_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pass");
    for (written, want) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a")] {
        std::fs::write(&path, written).unwrap();
        assert_eq!(SecretSource::File(path.clone()).read().unwrap().expose(), want);
    }
    assert!(SecretSource::File(folder.path().join("none")).read().is_err());
    assert!(SecretSource::Keyring("a/b".into()).read().is_err());
}
