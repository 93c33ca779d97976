//! `status`: what is on.

use super::ask::Context;
use super::members::said;
use super::output::{Done, is, print, text};
use super::recovery;
use crate::console::Call;

/// Prints it. Line 1 says what is on and who loopback is.
pub fn print_status(context: &Context) -> Done {
    let answer = context.ask(Call::get("/status"))?;
    said(context, &answer, |answer| {
        print(&format!("{} · This machine is {}", text(answer, "line"), text(answer, "loopback")));
        let state = match (is(answer, "running"), is(answer, "ready")) {
            (true, true) => "running".to_owned(),
            (true, false) => format!("running, not ready: {}", text(answer, "conditions")),
            (false, _) => "not running: doorward run".to_owned(),
        };
        print(&format!("gateway  {state}"));
        print(&format!("proxy    {}", text(answer, "proxy")));
        print(&format!("console  {}", text(answer, "console")));
        if text(answer, "metrics") != "-" {
            print(&format!("metrics  http://{}/metrics", text(answer, "metrics")));
        }
        if text(answer, "transparent") != "-" {
            print(&format!("router   {} takes what it hands over", text(answer, "transparent")));
        }
        if !matches!(text(answer, "questions").as_str(), "-" | "0") {
            print(&format!("question {} open: doorward question list", text(answer, "questions")));
        }
        print(&format!("home     {}", text(answer, "home")));
        print(&format!("config   {} (profile {})", text(answer, "config"), text(answer, "profile")));
        print(&format!("log      {} records", text(answer, "records")));
        print(&format!("members  {}", text(answer, "members")));
        print(&match text(answer, "revocations").as_str() {
            "-" => "revoked  not known which certificates are".to_owned(),
            published => format!("revoked  certificates are known as of {published}"),
        });
        if let Some(line) = recovery::standing(answer) {
            print(&format!("recovery {line}"));
        }
        print(&format!("version  {}", text(answer, "version")));
    })
}
