//! What an owner does to have something revealed, and what they are told.

use crate::support::TestCa;
use crate::support::Vendor;
use crate::support::scene::Scene;
use serde_json::json;
use std::process::Command;

#[test]
fn a_vendor_is_set_and_a_program_gets_a_credential_of_its_own() {
    let ca = TestCa::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shop = runtime.block_on(Vendor::https("shop.test").start(&ca));
    let scene = Scene::set(&ca, &[("shop.test", shop.address)]);
    let home = &scene.home;
    assert_eq!(home.ok(&["--json", "vendor", "show", "shop.test"]).json()["reveal"], "none");
    let refused = home.run(&["vendor", "set", "shop.test", "reveal=browser"]);
    assert!(refused.code == 2 && refused.err.contains("reveal is none or api"), "{refused:?}");
    let shown = home.ok(&["vendor", "set", "shop.test", "reveal=api"]).out;
    assert!(shown.contains("to programs with a credential of their own"), "{shown}");

    let made = home.ok(&["--json", "member", "token", "ann", "--agent"]).json();
    assert_eq!(made["agent"], json!(true));
    let said = home.ok(&["member", "token", "ann", "--agent"]).err;
    assert!(said.contains("the proxy of ann's program"), "{said}");
    let speaks = |token: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.arg("--home").arg(home.home()).args(["--as", "ann", "status"]).env("DOORWARD_TOKEN", token);
        command.output().unwrap()
    };
    let refused = speaks(made["token"].as_str().unwrap());
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && why.contains("good at the proxy alone"), "{why}");
    let device = home.ok(&["--json", "member", "token", "ann"]).json();
    assert_eq!(device["agent"], json!(false));
    assert!(speaks(device["token"].as_str().unwrap()).status.success());

    home.ok(&["vendor", "set", "shop.test", "reveal="]);
    assert_eq!(home.ok(&["--json", "vendor", "show", "shop.test"]).json()["reveal"], "none");
}
