use super::*;

/// One line of a file, and what is said about it.
#[track_caller]
fn said(text: &str, want: &[&str]) {
    assert_eq!(findings(text), want, "{text}");
}

#[test]
fn unknown_keys_are_named_with_what_was_meant() {
    said(
        "[ledger]\nkeepdays = 30\n",
        &["doorward.toml:2:1: error: unknown key `keepdays` in [ledger]; did you mean `keep_days`?"],
    );
    said(
        "[legder]\n",
        &["doorward.toml:1:2: error: unknown key `legder` at the top; did you mean `ledger`?"],
    );
    said(
        "[vendor.shop]\nhosts = [\"shop.test\"]\nlevle = \"alias\"\n",
        &["doorward.toml:3:1: error: unknown key `levle` in [vendor.shop]; did you mean `level`?"],
    );
    said(
        "[identity]\nnew_vender = \"alias\"\n",
        &["doorward.toml:2:1: error: unknown key `new_vender` in [identity]; did you mean `new_vendor`?"],
    );
    said(
        "[identity]\nemial = \"real\"\n",
        &["doorward.toml:2:1: error: there is no slot `emial`; did you mean `email`?"],
    );
}

#[test]
fn wrong_values_are_named_with_what_was_meant() {
    said(
        "[intercept]\nmode = \"choosen\"\n",
        &["doorward.toml:2:8: error: `choosen` is not a value for `intercept.mode`; did you mean `chosen`?"],
    );
    said(
        "[limits]\nper_member = \"200\"\n",
        &[
            "doorward.toml:2:14: error: `200` is not a quota; write a number from 1, a stroke and s, min, h or d, as in \"200/s\" or \"20/min\"",
        ],
    );
    said(
        "[ledger]\nkeep_days = \"30\"\n",
        &["doorward.toml:2:13: error: `ledger.keep_days` takes a whole number, this is a string"],
    );
    said(
        "[intercept]\nnever = [\"@banking\", \"@os-update\"]\n",
        &["doorward.toml:2:22: error: there is no category `@os-update`; did you mean `@os-updates`?"],
    );
    said(
        "[vendor.shop]\nlevel = \"alias\"\n",
        &["doorward.toml:1:1: error: `hosts` is missing in [vendor.shop]"],
    );
}

#[test]
fn all_errors_of_a_file_are_told_at_once() {
    let text = "profil = \"personal\"\n[ledger]\nkeepdays = 30\ndetail = \"meta\"\n\n[[vendor.shop.rule]]\nslot = \"email\"\nselect = { form = \"x\" }\n";
    let lines = findings(text);
    let places: Vec<_> = lines.iter().filter_map(|line| line.split(": error").next()).collect();
    assert_eq!(
        places,
        [
            "doorward.toml:1:1",
            "doorward.toml:3:1",
            "doorward.toml:4:10",
            "doorward.toml:6:10",
            "doorward.toml:7:8"
        ],
        "{lines:#?}"
    );
}

#[test]
fn a_rule_names_a_field_that_can_hold_a_value() {
    for (select, want) in [
        ("json = \"user.mail\"", Some("`user.mail` is not a JSONPath: ")),
        ("json = \"$.user[\"", Some("`$.user[` is not a JSONPath: ")),
        ("json = \"$..contacts[?@.kind == 'mail'].value\"", None),
        ("header = \"\"", Some("`select.header` is empty")),
        ("header = \"X-User\"", None),
        ("header = \"x user\"", Some("`x user` is no header field that holds somebody's value")),
        ("header = \"Host\"", Some("`Host` is no header field that holds somebody's value")),
        ("header = \"Cookie\"", Some("write select = { cookie = \"NAME\" }")),
    ] {
        let text = format!(
            "[vendor.shop]\nhosts = [\"shop.test\"]\n[[vendor.shop.rule]]\nselect = {{ {} }}\nslot = \"email.primary\"\n",
            select
        );
        match want {
            Some(want) => {
                let said = findings(&text);
                assert!(said.iter().any(|line| line.contains(want)), "{select}: {said:?}");
            }
            None => drop(taken(&text)),
        }
    }
}

#[test]
fn broken_toml_names_its_place() {
    let lines = findings("[ledger\nkeep_days = 3\n");
    assert!(lines.first().is_some_and(|line| line.starts_with("doorward.toml:1:8: error: ")), "{lines:#?}");
}

#[test]
fn a_secret_in_the_file_is_refused_and_never_repeated() {
    for text in [
        "[mail]\nsmarthost = { url = \"smtp://127.0.0.1:2525\", password = \"hunter2\" }\n",
        "[mail]\nprovider = { kind = \"addy\", token = \"hunter2\" }\n",
        "[upstream]\nproxy = \"http://u:hunter2@proxy.test:3128\"\n",
        "[upstream]\nproxy = { url = \"http://proxy.test:3128\", user = \"u\", password = \"hunter2\" }\n",
        "[store]\nurl = \"postgres://u:hunter2@db.test/d\"\n",
        "[listen]\nmetrics = true\n[mail]\nsmarthost = \"hunter2\"\n",
    ] {
        let lines = findings(text);
        assert!(lines.iter().any(|line| line.contains(": error: ")), "{text}");
        assert!(lines.iter().all(|line| !line.contains("hunter2")), "{lines:#?}");
    }
}

#[test]
fn parts_that_do_not_fit_together() {
    for (text, want) in [
        (
            "schema = 2\n",
            "doorward.toml:1:1: error: schema 2 is not known here; this version reads `schema = 1`",
        ),
        (
            "[vendor.a]\nhosts = [\"shop.test\"]\n[vendor.b]\nhosts = [\"b.test\", \"Shop.test\"]\n",
            "doorward.toml:4:20: error: `shop.test` already belongs to [vendor.a]; a host belongs to one vendor",
        ),
        (
            "[upstream]\nports = [25, 443]\n",
            "doorward.toml:2:1: error: port 25 is never opened: mail does not leave through a proxy; take 25 out",
        ),
        (
            "[upstream]\nproxy = { url = \"https://hop.test:1\", user = \"u\" }\n",
            "doorward.toml:2:39: error: a user without a password; add `password = { file = \"PATH\" }`",
        ),
        (
            "[upstream]\nproxy = { url = \"https://hop.test:1\", user = \"a:b\", password = { env = \"X\" } }\n",
            "doorward.toml:2:39: error: this cannot be a user of a next hop; 1 to 255 bytes without a colon",
        ),
        (
            "[terms]\noffer = [\"sd-base\"]\n",
            "doorward.toml:2:10: error: `sd-base` is not the id of an agreement; did you mean `SD-BASE`?",
        ),
        (
            "[vendor.x]\nhosts = [\"*.co.uk\"]\n",
            "doorward.toml:2:10: error: `*.co.uk` takes in everybody who registers below `co.uk`; name the vendor's own domain",
        ),
        (
            "[vendor.\"other.test\"]\nhosts = [\"shop.test\"]\n",
            "doorward.toml:1:9: error: `other.test` is no name for a vendor; use a-z, 0-9, - and _, or the registrable domain of one of its hosts",
        ),
        (
            "[listen]\nproxy = \"127.0.0.1:1\"\nconsole = \"127.0.0.1:1\"\n",
            "doorward.toml:3:1: error: 127.0.0.1:1 is taken by `listen.proxy`; each listener needs its own port",
        ),
        (
            "[member.a]\ndevices = [{ address = \"10.0.0.1\", static = true }]\n[member.b]\ndevices = [{ address = \"10.0.0.1\", static = true }]\n",
            "doorward.toml:4:12: error: 10.0.0.1 already belongs to `a`; an address belongs to one member",
        ),
        (
            "[[test]]\nurl = \"mybank.example\"\nwant = \"passed\"\n",
            "doorward.toml:2:1: error: `mybank.example` is not an http or https URL",
        ),
    ] {
        said(text, &[want]);
    }
}

#[test]
fn keys_of_later_versions_are_taken_and_said() {
    said(
        "[trackers]\nhtml = true\n[identity]\nfirst = \"pseudonym\"\nname = \"coarse\"\ngeo = \"pseudonym\"\n\
         [vendor.shop]\nhosts = [\"shop.test\"]\nidentity = { geo = \"coarse\", phone = \"ask\" }\n",
        &[
            "doorward.toml:2:1: warning: `trackers.html` is not active in this version; pages are not edited",
            "doorward.toml:5:1: warning: no name is less precise; the value is withheld",
            "doorward.toml:6:1: warning: no position is made up; the value is withheld; `coarse` gives the middle of some square kilometres",
        ],
    );
}

#[test]
fn protection_that_is_not_there_yet_loads_but_does_not_start() {
    let keys = |text: &str| {
        let config = taken(text);
        config.check_promises().into_iter().filter_map(|finding| finding.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(""), [""; 0]);
    assert_eq!(
        keys("[upstream]\nresolver = \"9.9.9.9\"\n[identity]\ncarriers = \"block\"\n"),
        ["upstream.resolver"]
    );
    assert_eq!(keys("[upstream]\nproxy = \"socks5://127.0.0.1:9050\"\n"), [""; 0]);
    let unread = "[upstream]\nproxy = { url = \"https://hop.test:1\", user = \"u\", password = { file = \"none\" } }\n";
    assert_eq!(keys(unread), ["upstream.proxy.password"]);
}

#[test]
fn a_static_host_that_would_be_refused_is_said() {
    let hosts = |allow: &str| {
        format!("[upstream]\nallow_private = [{allow}]\nhosts = {{ \"a.test\" = \"10.0.0.9:443\" }}\n")
    };
    said(
        &hosts(""),
        &[
            "doorward.toml:3:11: warning: `a.test` goes to 10.0.0.9, which is refused as private; add \"10.0.0.9\" to `upstream.allow_private`",
        ],
    );
    said(&hosts("\"10.0.0.0/8\""), &[]);
}

#[test]
fn doors_to_the_network_need_credentials_or_trust() {
    let doors = |text: &str, credentials| taken(text).check_doors(credentials).len();
    assert_eq!(doors("", false), 0);
    assert_eq!(doors("[listen]\nproxy = \"[::1]:0\"\n", false), 0);
    assert_eq!(doors("[listen]\nproxy = \"0.0.0.0:8118\"\n", false), 1);
    assert_eq!(doors("[listen]\nproxy = \"0.0.0.0:8118\"\n", true), 0);
    let trusting = "[listen]\nproxy = \"0.0.0.0:8118\"\ntrust_network = [\"192.168.0.0/16\"]\n";
    assert_eq!(doors(trusting, false), 0);
    assert_eq!(doors("[listen]\nconsole = \"0.0.0.0:8119\"\n", false), 1);
}

#[test]
fn people_not_yet_added_are_a_note() {
    let config = taken("[member.anne]\nkind = \"adult\"\n");
    let notes =
        |names: &[&str]| config.check_members(names).iter().map(Finding::to_string).collect::<Vec<_>>();
    assert_eq!(notes(&["anne"]), [""; 0]);
    assert_eq!(
        notes(&["ben"]),
        ["doorward.toml:1:9: note: `anne` is not a member yet; it waits for `member add anne`"]
    );
    assert_eq!(notes(&["ann"]), ["doorward.toml:1:9: note: `anne` is not a member yet; did you mean `ann`?"]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\[[a-z.]{1,12}\\]\n|[a-z_]{1,10} = ([0-9]{1,3}|\"[a-z@*./:]{0,12}\"|\\{ [a-z]{1,5} = 1 \\})\n|.{0,20}\n){0,8}") {
        let _ = parse(&text);
    }
}
