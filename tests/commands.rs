//! The command line, by running the real binary.

use crate::support::program::{Done, Program, Running};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const VALUES: [&str; 6] = [
    "--set",
    "email.primary=ann@home.example",
    "--set",
    "name.full=Ann Realperson",
    "--set",
    "phone.primary=+49 151 12345678",
];
/// The same in every spelling under which they could be found again.
const REAL: [&str; 6] =
    ["ann@home.example", "ann%40home.example", "Realperson", "15112345678", "151 12345678", "annreal77"];

fn add_ann(program: &Program) -> Done {
    program.ok(&[&["--json", "member", "add", "ann"], VALUES.as_slice()].concat())
}

fn get(running: &Running, field: &str, path: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(running.address(field)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn an_empty_home_becomes_a_gateway_and_commands_reach_it() {
    let program = Program::configured("");
    let running = program.start();
    assert_eq!(running.ready["event"], "ready");
    assert!(running.ready["ca"].as_str().unwrap().ends_with("/ca/root.pem"));
    assert!(program.home().join("ca/root.pem").is_file());
    let socket = std::fs::metadata(program.home().join("control.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);

    let status = program.ok(&["--json", "status"]).json();
    assert_eq!((&status["running"], &status["ready"]), (&true.into(), &true.into()));
    assert_eq!(status["proxy"], running.ready["proxy"]);
    assert_eq!(status["loopback"], "owner");

    let added = add_ann(&program).json();
    assert_eq!((&added["named_placeholder"], &added["owner"]), (&true.into(), &true.into()));
    let line = program.ok(&["status"]).out.lines().next().unwrap().to_owned();
    assert!(line.starts_with("Trackers on · Terms: not chosen · Identity: 5 values protected"), "{line}");
    assert!(line.ends_with("This machine is ann"), "{line}");

    let second = program.run(&["run"]);
    assert_eq!(second.code, 1, "{second:?}");
    assert_eq!(running.stop(), 0);
    assert!(!program.home().join("control.sock").exists());

    let members = program.ok(&["--json", "member", "list"]).lines();
    assert_eq!(members.len(), 1, "the first one names the placeholder");
    assert_eq!(members[0]["name"], "ann");
    assert_eq!(program.ok(&["--json", "status"]).json()["running"], false);
}

#[test]
fn a_change_holds_for_the_next_exchange_of_a_running_gateway() {
    let program = Program::configured("[identity]\ndomain = \"alias.example\"");
    let running = program.start();
    let ask = || {
        let words =
            ["--json", "explain", "https://shop.example/", "--data", "email=ann%40home.example&u=annreal77"];
        program.ok(&words).json()["body_after"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask(), "email=ann%40home.example&u=annreal77");
    add_ann(&program);
    program.ok(&["member", "set", "ann", "username=annreal77"]);
    let changed = ask();
    assert!(changed.contains("alias.example") && !changed.contains("home.example"), "{changed}");
    assert!(!changed.contains("annreal77"), "{changed}");
    program.ok(&["vendor", "set", "shop.example", "level=known"]);
    assert_eq!(ask(), "email=ann%40home.example&u=annreal77");
    drop(running);
}

#[test]
fn an_address_that_the_vendor_knows_already_needs_no_mail_route() {
    let program = Program::configured("");
    add_ann(&program);
    let ask = || {
        let words = ["--json", "explain", "https://shop.example/", "--data", "email=ann%40home.example"];
        program.ok(&words).json()["body_after"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask(), "email=ann%40home.example");
    program.ok(&["persona", "adopt", "shop.example", "email.primary=k7q2@alias.example"]);
    assert_eq!(ask(), "email=k7q2%40alias.example");
}

#[test]
fn explain_prints_the_shape_of_the_contract() {
    let program = Program::configured("[identity]\ndomain = \"alias.example\"");
    add_ann(&program);
    let words = [
        "--json",
        "explain",
        "https://shop.example/signup?utm_source=x&a=1",
        "-H",
        "Content-Type: application/json",
        "-d",
        r#"{"mail":"ann@home.example"}"#,
    ];
    let told = program.ok(&words).json();
    assert_eq!(told["verdict"], "changed");
    assert_eq!(told["url_after"], "https://shop.example/signup?a=1");
    assert!(told["reason"].is_string() && told["rules"].is_array());
    let headers = told["headers_after"].as_array().unwrap();
    assert!(headers.contains(&serde_json::json!(["sec-gpc", "1"])), "{headers:?}");
    assert!(told["body_after"].as_str().unwrap().contains("@alias.example"));
    let places: Vec<_> = told["edits"].as_array().unwrap().iter().map(|edit| edit["place"].clone()).collect();
    assert_eq!(places, ["request.url.query:utm_source", "request.body.json:/mail", "request.header:sec-gpc"]);
    let issued = program.ok(&["--json", "persona", "show", "shop.example"]).json();
    assert_eq!(issued["pseudonyms"], serde_json::json!([]), "asking issues nothing");

    let hidden = program.ok(&["--json", "explain", "https://www.deutsche-bank.de/"]).json();
    assert_eq!(hidden["verdict"], "not-inspected");
}

#[test]
fn every_failure_has_its_exit_code() {
    let program = Program::configured("");
    for (code, words) in [
        (2, ["nonsense"].as_slice()),
        (2, &["member", "add", "not a name"]),
        (2, &["member", "add", "ann", "--set", "shoe.size=42"]),
        (2, &["member", "add", "ann", "--set", "email.primary=nothing"]),
        (2, &["explain", "not a url"]),
        (2, &["ledger", "list", "--since", "yesterday"]),
        (2, &["ledger", "verify", "--key", "nonsense"]),
        (2, &["vendor", "set", "shop.example", "level=foe"]),
        (3, &["member", "set", "nobody", "username=abcdefgh"]),
        (3, &["vendor", "show", "nobody"]),
        (3, &["ledger", "show", "0192f3c7-0000-7000-8000-000000000000"]),
        (4, &["persona", "issue", "shop.example", "email.primary"]),
        (0, &["ledger", "list"]),
    ] {
        let done = program.run(words);
        assert_eq!(done.code, code, "{words:?}: {done:?}");
        assert_eq!(code == 0, done.err.is_empty() || done.err.starts_with("no flows"), "{words:?}: {done:?}");
    }
    let error = program.run(&["--json", "vendor", "show", "nobody"]).json();
    assert_eq!(error["exit"], 3);
}

#[test]
fn a_configuration_that_would_leak_or_does_not_read_keeps_it_from_starting() {
    for (rest, says) in [
        ("[ledger]\nkeepdays = 3", ":8:1: error: unknown key `keepdays`"),
        ("[upstream]\nresolver = \"9.9.9.9\"", "names would go to the system's resolver"),
        (
            "[upstream]\nproxy = { url = \"https://hop.test:1\", user = \"u\", password = { env = \"DOORWARD_NOT_SET\" } }",
            "the environment variable `DOORWARD_NOT_SET` is not set",
        ),
        ("[[test]]\nurl = \"https://shop.example/\"\nwant = \"not-inspected\"", ":9:1: error: the test of"),
        ("[upstream]\nextra_ca = [\"nothing.pem\"]", "nothing.pem"),
    ] {
        let program = Program::configured(rest);
        let done = program.run(&["run"]);
        assert_eq!(done.code, 4, "{done:?}");
        assert!(done.err.contains(says), "{rest}: {done:?}");
    }
    let program = Program::new();
    program.configure("");
    let open = std::fs::read_to_string(program.config())
        .unwrap()
        .replace("127.0.0.1:0\"\nconsole", "0.0.0.0:0\"\nconsole");
    std::fs::write(program.config(), open).unwrap();
    let done = program.run(&["run"]);
    assert_eq!(done.code, 4, "{done:?}");
    assert!(done.err.contains("member token"), "{done:?}");
}

#[test]
fn config_check_names_file_line_and_column() {
    let program = Program::configured("[identity]\nnew_vendor = \"freind\"");
    let done = program.run(&["config", "check"]);
    assert_eq!(done.code, 4);
    assert!(done.out.contains(&format!("{}:8:14: error:", program.config().display())), "{done:?}");
    program.configure("[member.ann]\nkind = \"adult\"");
    add_ann(&program);
    let done = program.ok(&["--json", "config", "check"]).json();
    assert_eq!(done["findings"], serde_json::json!([]));
    let shown = program.ok(&["--json", "config", "show"]).lines();
    let proxy = shown.iter().find(|value| value["key"] == "listen.proxy").unwrap();
    assert!(proxy["origin"].as_str().unwrap().ends_with("doorward.toml:3"), "{proxy}");
    assert!(program.ok(&["config", "schema"]).out.contains("\"doorward.toml\""));
}

#[test]
fn checking_a_file_leaves_the_home_as_it_is() {
    let program = Program::configured("");
    add_ann(&program);
    let kept = || {
        let files = std::fs::read_dir(program.home().join("ca")).unwrap().flatten();
        let mut files: Vec<_> =
            files.map(|file| (file.file_name(), std::fs::read(file.path()).unwrap())).collect();
        files.sort();
        files
    };
    let before = kept();
    let other = program.home().join("other.toml");
    let chosen = "schema = 1\n[intercept]\nmode = \"chosen\"\n[vendor.shop]\nhosts = [\"shop.example\"]\n";
    std::fs::write(
        &other,
        format!("{chosen}[[test]]\nurl = \"https://shop.example/\"\nwant = \"blocked\"\n"),
    )
    .unwrap();
    let done = program.run(&["config", "check", other.to_str().unwrap()]);
    assert!(done.code == 4 && done.out.contains("wants \"blocked\""), "{done:?}");
    assert_eq!(kept(), before, "a signing certificate for the other file's hosts");
    // A file of the home that does not read is in nobody's way.
    program.configure("[ledger]\nkeepdays = 3");
    std::fs::write(&other, chosen).unwrap();
    program.ok(&["config", "check", other.to_str().unwrap()]);
}

#[test]
fn a_hang_up_reloads_for_new_exchanges_and_a_bad_file_changes_nothing() {
    let program = Program::configured("");
    let running = program.start();
    let verdict = || program.ok(&["--json", "explain", "https://shop.example/"]).json()["verdict"].clone();
    assert_eq!(verdict(), "changed");
    program.configure("[intercept]\nnever = [3]");
    running.signal("HUP");
    running.says("doorward.toml:8", 1);
    assert_eq!(verdict(), "changed");
    program.configure("[intercept]\nnever = [\"shop.example\"]");
    running.signal("HUP");
    running.says("configuration reloaded", 1);
    assert_eq!(verdict(), "not-inspected");
    program.configure("[[test]]\nurl = \"https://shop.example/\"\nwant = \"blocked\"");
    running.signal("HUP");
    running.says("wants \\\"blocked\\\"", 1);
    assert_eq!(verdict(), "not-inspected");
    assert_eq!(running.stop(), 0);
}

#[test]
fn the_demonstration_leaves_a_flow_that_is_found_and_a_log_that_holds() {
    let program = Program::new();
    let demo = program.ok(&["--json", "demo"]).json();
    let received = demo["received"]["body"].as_str().unwrap();
    assert!(received.contains("alias.example") && !received.contains("home.example"), "{received}");
    assert_eq!(demo["received"]["line"], "POST /signup?ref=start");
    assert!(demo["verification"]["failure"].is_null());

    let records = program.ok(&["--json", "ledger", "show", demo["flow"].as_str().unwrap()]).lines();
    let kinds: Vec<_> = records.iter().map(|record| record["kind"].clone()).collect();
    assert_eq!(kinds, ["open", "close"]);
    assert!(!records[0].to_string().contains("could not inspect"), "{}", records[0]);
    let listed = program.ok(&["--json", "ledger", "list", "--member", "demo"]).lines();
    assert_eq!(listed[0]["flow"], demo["flow"]);
    assert_eq!(listed[0]["verdict"], "changed");
    assert_eq!(
        program.ok(&["--json", "member", "list"]).lines()[0]["placeholder"],
        true,
        "nobody took the owner's place"
    );

    let report = program.ok(&["--json", "ledger", "verify"]).json();
    let key = report["key"].as_str().unwrap();
    let export = program.beside("log.ndjson");
    let export = export.to_str().unwrap();
    program.ok(&["ledger", "export", "--out", export]);
    let said = program.ok(&["ledger", "verify", "--from", export]).out;
    assert!(said.contains("the key in the file itself"), "{said}");
    program.ok(&["ledger", "verify", "--from", export, "--key", key]);
    let other = Program::new();
    let other_key = other.ok(&["--json", "demo"]).json()["verification"]["key"].clone();
    let done = program.run(&["ledger", "verify", "--from", export, "--key", other_key.as_str().unwrap()]);
    assert_eq!(done.code, 5, "{done:?}");

    let changed =
        std::fs::read_to_string(export).unwrap().replacen("campaign parameter", "campaign parameteR", 1);
    std::fs::write(export, changed).unwrap();
    assert_eq!(program.run(&["ledger", "verify", "--from", export]).code, 5);
}

#[test]
fn a_flipped_byte_in_the_log_is_an_exit_code_of_its_own() {
    let program = Program::new();
    program.ok(&["demo"]);
    let ledger = program.home().join("ledger");
    let segment = std::fs::read_dir(ledger).unwrap().flatten().map(|entry| entry.path()).find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().chars().next().unwrap().is_ascii_digit())
    });
    let segment = segment.expect("a segment");
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let done = program.run(&["ledger", "verify"]);
    assert_eq!(done.code, 5, "{done:?}");
    let done = program.run(&["--json", "ledger", "verify"]);
    assert_eq!(done.code, 5);
    assert!(done.json()["failure"]["reason"].is_string());
}

#[test]
fn a_running_log_is_verified_and_exported_through_the_gateway() {
    let program = Program::configured("");
    let running = program.start();
    add_ann(&program);
    assert!(program.ok(&["--json", "ledger", "verify"]).json()["failure"].is_null());
    let lines = program.ok(&["ledger", "export"]).lines();
    assert_eq!(lines.last().unwrap()["kind"], "checkpoint");
    assert!(lines.iter().any(|line| line["kind"] == "config" && line["reason"] == "started"));
    let stats = program.ok(&["--json", "ledger", "stats"]).json();
    assert_eq!(stats["records"].as_u64().unwrap() as usize, lines.len() - 1);
    assert_eq!(running.stop(), 0);
}

#[test]
fn a_member_speaks_for_themself_with_their_token_and_sees_nobody_else() {
    let program = Program::configured("[identity]\ndomain = \"alias.example\"");
    add_ann(&program);
    program.ok(&["member", "add", "ben", "--set", "email.primary=ben@home.example"]);
    let token =
        program.ok(&["--json", "member", "token", "ben"]).json()["token"].as_str().unwrap().to_owned();
    let variables = [("DOORWARD_TOKEN", token.as_str())];
    let as_ben = |words: &[&str]| program.run_with(&[&["--as", "ben", "--json"], words].concat(), &variables);

    let issued = as_ben(&["persona", "issue", "shop.example", "email.primary"]);
    assert_eq!(issued.code, 0, "{issued:?}");
    let members: Vec<_> = as_ben(&["member", "list"]).lines().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(members, ["ben"]);
    for words in [
        ["persona", "show", "shop.example", "--member", "ann"].as_slice(),
        &["ledger", "list", "--member", "ann"],
        &["member", "add", "carl"],
        &["member", "set", "ann", "username=abcdefgh"],
        &["config", "check"],
    ] {
        assert_ne!(as_ben(words).code, 0, "{words:?}");
    }
    let wrong = program.run_with(&["--as", "ben", "status"], &[("DOORWARD_TOKEN", "wrong")]);
    assert_eq!(wrong.code, 1, "{wrong:?}");

    // The owner of the home is not the owner of what ben does.
    assert_eq!(program.run(&["persona", "show", "shop.example", "--member", "ben"]).code, 1);
    let value = issued.json()["value"].as_str().unwrap().to_owned();
    assert!(!program.ok(&["ledger", "export"]).out.contains(&value));
    assert!(as_ben(&["ledger", "export"]).out.contains(&value));
    let own = program.ok(&["--json", "persona", "show", "shop.example"]).json();
    assert_eq!(own["pseudonyms"], serde_json::json!([]));
}

#[test]
fn the_console_answers_probes_and_nothing_without_a_login() {
    let program = Program::configured("");
    let running = program.start();
    let host = running.address("console");
    assert!(get(&running, "console", "/healthz", &host).starts_with("HTTP/1.1 200"));
    assert!(get(&running, "console", "/readyz", &host).contains("\"ready\":true"));
    for path in ["/api/v1/status", "/api/v1/openapi.json", "/", "/metrics"] {
        assert!(get(&running, "console", path, &host).starts_with("HTTP/1.1 404"), "{path}");
    }
    assert!(get(&running, "console", "/healthz", "rebound.example").starts_with("HTTP/1.1 421"));
}

#[test]
fn a_shell_takes_what_env_prints() {
    let program = Program::configured("");
    let printed = program.ok(&["env"]).out;
    let script = format!("{printed}\nprintf '%s|%s' \"$https_proxy\" \"$SSL_CERT_FILE\"");
    let output = Command::new("sh").args(["-euc", &script]).env_clear().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (proxy, bundle) = text.split_once('|').unwrap();
    assert!(proxy.starts_with("http://127.0.0.1:"), "{text}");
    let root = std::fs::read_to_string(program.home().join("ca/root.pem")).unwrap();
    assert!(std::fs::read_to_string(bundle).unwrap().contains(root.trim()), "{bundle}");
    assert_eq!(program.ok(&["ca", "export"]).out, root);
    assert!(program.ok(&["ca", "show"]).out.contains("SHA-256"));
}

#[test]
fn manual_and_completions_name_every_command() {
    let program = Program::new();
    let pages = program.beside("man");
    program.ok(&["man", pages.to_str().unwrap()]);
    let (manual, shell) = (program.ok(&["man"]).out, program.ok(&["completions", "bash"]).out);
    for command in [
        "run",
        "demo",
        "member",
        "vendor",
        "persona",
        "ledger",
        "explain",
        "ca",
        "env",
        "trust",
        "untrust",
        "config",
        "status",
        "completions",
        "man",
    ] {
        assert!(manual.contains(&format!("doorward\\-{command}(1)")), "{command}\n{manual}");
        assert!(shell.contains(&format!("doorward,{command})")), "{command}");
        assert!(pages.join(format!("doorward-{command}.1")).is_file(), "{command}");
    }
    assert!(!program.home().exists(), "neither needs a home");
}

#[test]
fn no_real_value_is_printed_or_lies_in_the_clear() {
    let program = Program::configured("[identity]\ndomain = \"alias.example\"");
    let running = program.start();
    add_ann(&program);
    program.ok(&["member", "set", "ann", "username=annreal77"]);
    for words in [
        ["member", "add", "ben", "email.primary=ann@home.example"].as_slice(),
        &["member", "add", "ben", "--set", "ann@home.example"],
        &["member", "add", "ben", "--set", "ann@home.example=x"],
        &["member", "set", "ann", "phone.primary=ann@home.example"],
        &["member", "set", "ann", "birthdate=Realperson"],
        &["member", "set", "ann@home.example", "username=annreal77"],
        &["vendor", "set", "shop.example", "ann@home.example=real"],
        &["persona", "issue", "shop.example", "ann@home.example"],
    ] {
        assert_ne!(program.run(words).code, 0, "{words:?}");
    }
    program.ok(&["persona", "issue", "shop.example", "email.primary"]);
    program.ok(&["persona", "show", "shop.example"]);
    for words in [["member", "list"].as_slice(), &["status"], &["ledger", "export"], &["vendor", "list"]] {
        program.ok(words);
    }
    let mut all = program.everything();
    all.extend(running.log().bytes());
    let all = String::from_utf8_lossy(&all);
    for real in REAL {
        let at = all.find(real);
        assert_eq!(
            at,
            None,
            "{real}: …{}…",
            at.map_or("", |at| all.get(at.saturating_sub(80)..at).unwrap_or(""))
        );
    }
}
