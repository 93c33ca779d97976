//! A password manager's accounts: those that exist stay as they are, and what vendors know goes back into one.

use crate::support::program::Program;
use serde_json::Value;

/// Exports as programs write them, each with the same four accounts.
const EXPORTS: [(&str, &str); 4] = [
    (
        "Chromium",
        "name,url,username,password,note\n\
         shop,https://www.shop.example/login,ann@home.example,hunter2-secret,\n\
         mine,https://forum.example/,ANN@home.example,hunter2-secret,\"a, note\"\n\
         other,https://club.example/,bob,hunter2-secret,\n\
         app,android://x@com.app/,ann@home.example,hunter2-secret,\n",
    ),
    (
        "Firefox",
        "\"url\",\"username\",\"password\",\"httpRealm\",\"formActionOrigin\",\"guid\"\n\
         \"https://www.shop.example\",\"ann@home.example\",\"hunter2-secret\",,\"https://www.shop.example\",\"{1}\"\n\
         \"https://forum.example\",\"ANN@home.example\",\"hunter2-secret\",,,\"{2}\"\n\
         \"https://club.example\",\"bob\",\"hunter2-secret\",,,\"{3}\"\n\
         \"chrome://FirefoxAccounts\",\"ann@home.example\",\"hunter2-secret\",,,\"{4}\"\n",
    ),
    (
        "Bitwarden",
        "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\n\
         ,,login,shop,,,0,https://www.shop.example/,ann@home.example,hunter2-secret,\n\
         ,,login,forum,\"two\nlines\",,0,forum.example,ANN@home.example,hunter2-secret,\n\
         ,,login,club,,,0,https://club.example/,bob,hunter2-secret,\n\
         ,,login,app,,,0,androidapp://com.app,ann@home.example,hunter2-secret,\n",
    ),
    (
        "KeePass",
        "\"Account\",\"Login Name\",\"Password\",\"Web Site\",\"Comments\"\n\
         \"shop\",\"ann@home.example\",\"hunter2-secret\",\"https://www.shop.example\",\"\"\n\
         \"forum\",\"ANN@home.example\",\"hunter2-secret\",\"http://forum.example/x\",\"\"\n\
         \"club\",\"bob\",\"hunter2-secret\",\"https://club.example\",\"\"\n\
         \"app\",\"ann@home.example\",\"hunter2-secret\",\"\",\"\"\n",
    ),
];

fn ann() -> Program {
    let program = Program::configured("[identity]\ndomain = \"alias.example\"");
    program.ok(&["member", "add", "ann", "--set", "email.primary=ann@home.example"]);
    program
}

fn knows(program: &Program, vendor: &str) -> Vec<(String, String)> {
    let shown = program.ok(&["--json", "persona", "show", vendor]).json();
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    shown["pseudonyms"].as_array().unwrap().iter().map(|one| (text(one, "how"), text(one, "value"))).collect()
}

#[test]
fn accounts_that_exist_stay_as_they_are() {
    for (manager, export) in EXPORTS {
        let program = ann();
        let file = program.beside("export.csv");
        std::fs::write(&file, export).unwrap();
        let import = ["--json", "persona", "import", file.to_str().unwrap()];
        let told = program.ok(&import).json();
        let count = |field: &str| told[field].as_u64().unwrap();
        assert_eq!(
            [count("kept"), count("known"), count("foreign"), count("without_site")],
            [2, 0, 1, 1],
            "{manager}"
        );
        for vendor in ["shop.example", "forum.example"] {
            let [(how, value)] = &knows(&program, vendor)[..] else { panic!("{manager}: {vendor}") };
            assert_eq!(
                (how.as_str(), value.to_lowercase().as_str()),
                ("adopted", "ann@home.example"),
                "{manager}"
            );
        }
        assert_eq!(program.ok(&import).json()["known"], 2, "{manager}: once is enough");
        std::fs::remove_file(&file).unwrap();
        let secret = b"hunter2-secret";
        let everything = program.everything();
        assert!(
            !everything.windows(secret.len()).any(|bytes| bytes == secret),
            "{manager}: no password is kept"
        );
    }
}

#[test]
fn an_account_under_a_real_address_is_moved_to_an_alias_by_the_steps_it_offers() {
    let program = ann();
    let file = program.beside("export.csv");
    std::fs::write(&file, "name,url,username,password\nshop,https://shop.example/,ann@home.example,x\n")
        .unwrap();
    program.ok(&["persona", "import", file.to_str().unwrap()]);
    let shown = program.ok(&["persona", "show", "shop.example"]).out;
    let steps: Vec<_> = shown.lines().filter_map(|line| line.split_once("doorward ")).collect();
    let [(_, reset), (_, issue)] = steps[..] else { panic!("{shown}") };
    program.ok(&reset.split(' ').collect::<Vec<_>>());
    let issued = program.ok(&issue.split(',').next().unwrap().split(' ').collect::<Vec<_>>()).out;
    assert!(issued.trim().ends_with("@alias.example"), "{issued}");
    let [(how, value)] = &knows(&program, "shop.example")[..] else { panic!("one value") };
    assert_eq!((how.as_str(), value.as_str()), ("derived", issued.trim()));
    assert!(!program.ok(&["persona", "show", "shop.example"]).out.contains("To change it"), "done");
}

#[test]
fn what_vendors_know_is_exported_for_a_password_manager() {
    let program = ann();
    program.ok(&["persona", "issue", "shop.example", "email.primary"]);
    let alias = knows(&program, "shop.example").remove(0).1;
    let csv = program.ok(&["persona", "export", "--format", "csv"]).out;
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines[0], "name,url,username,password,note");
    assert_eq!(lines[1], format!("shop.example,https://shop.example/,{alias},,\"email.primary, derived\""));
    assert_eq!(lines.len(), 2);
    // What was exported can be read again, and changes nothing.
    let file = program.beside("export.csv");
    std::fs::write(&file, csv).unwrap();
    let told = program.ok(&["--json", "persona", "import", file.to_str().unwrap()]).json();
    assert_eq!((&told["kept"], &told["foreign"]), (&0.into(), &1.into()));
}

#[test]
fn what_is_no_such_file_is_said_without_what_stands_in_it() {
    let program = ann();
    let file = program.beside("export.csv");
    for text in [
        "",
        "a,b\nhunter2-secret,x\n",
        "url;username\nhunter2-secret;x\n",
        "url,username\n\u{0},\"hunter2-secret\n",
    ] {
        std::fs::write(&file, text).unwrap();
        let done = program.run(&["persona", "import", file.to_str().unwrap()]);
        assert!(!format!("{done:?}").contains("hunter2-secret"), "{done:?}");
        if !text.starts_with("url,") {
            assert_eq!(done.code, 2, "{text:?}: {done:?}");
        }
    }
}
