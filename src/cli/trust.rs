//! `trust` and `untrust`: the machine's own list of authorities, as Debian keeps it.

use super::ask::Context;
use super::output::{Done, Exit, Failure, print, print_json, say, text};
use crate::console::Call;
use serde_json::json;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

/// Where Debian takes local authorities from (update-ca-certificates(8)).
const PLACE: &str = "/usr/local/share/ca-certificates/doorward.crt";
/// Where it writes them all.
const ALL: &str = "/etc/ssl/certs/ca-certificates.crt";
const UPDATE: &str = "update-ca-certificates";

/// Has this machine trust the root.
pub fn trust(context: &Context) -> Done {
    ours(context)?;
    debian()?;
    let answer = context.ask(Call::get("/ca"))?;
    let (pem, file) = (text(&answer, "pem"), text(&answer, "file"));
    match std::fs::write(PLACE, &pem) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            as_root("install", &["-m", "0644", &file, PLACE])?;
        }
        Err(error) => return Err(Failure::failed(format!("{PLACE}: {error}"))),
    }
    update(&[])?;
    // It has been known to say that all is well and to leave the file out.
    let listed = std::fs::read_to_string(ALL).is_ok_and(|all| all.contains(pem.trim()));
    if !listed {
        return Err(Failure::failed(format!("{UPDATE} ran, but {ALL} does not have the certificate")));
    }
    told(context, "this machine trusts the authority; Firefox has its own list: see certs/README.md", true)
}

/// Takes that back.
pub fn untrust(context: &Context) -> Done {
    debian()?;
    match std::fs::remove_file(PLACE) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return told(context, "this machine did not trust it", false);
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => as_root("rm", &["-f", PLACE])?,
        Err(error) => return Err(Failure::failed(format!("{PLACE}: {error}"))),
    }
    update(&["--fresh"])?;
    told(context, "this machine does not trust it any more", false)
}

fn told(context: &Context, words: &str, trusted: bool) -> Done {
    if context.json {
        print_json(&json!({ "trusted": trusted, "file": PLACE }));
    } else {
        print(words);
    }
    Ok(())
}

/// Under sudo the default home is root's, which would be given an authority of its own.
fn ours(context: &Context) -> Done {
    if std::env::var_os("SUDO_USER").is_some() && !context.named {
        let message = "run it without sudo (it asks for what it needs), or name the home with --home";
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(())
}

fn debian() -> Done {
    if Path::new(PLACE).parent().is_some_and(Path::is_dir) && find(UPDATE).is_some() {
        return Ok(());
    }
    let message =
        format!("this machine has no {UPDATE}: `doorward ca export` and certs/README.md say how else");
    Err(Failure::failed(message))
}

fn find(program: &str) -> Option<std::path::PathBuf> {
    let places = std::env::var_os("PATH").unwrap_or_default();
    let also = ["/usr/sbin", "/sbin"].map(std::path::PathBuf::from);
    std::env::split_paths(&places).chain(also).map(|dir| dir.join(program)).find(|path| path.is_file())
}

fn update(options: &[&str]) -> Done {
    let program = find(UPDATE).unwrap_or_else(|| UPDATE.into());
    let probe = Path::new(ALL).parent().unwrap_or(Path::new("/")).join(".doorward-probe");
    match std::fs::File::create(&probe) {
        Ok(_) => {
            let _ = std::fs::remove_file(probe);
            run(Command::new(program).args(options))
        }
        Err(_) => as_root(program, options),
    }
}

fn as_root(program: impl AsRef<OsStr>, arguments: &[&str]) -> Done {
    say("this needs root: asking sudo");
    run(Command::new("sudo").arg("--").arg(program).args(arguments))
}

/// What it prints is for people: stdout stays for the answer.
fn run(command: &mut Command) -> Done {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.stdout(std::io::stderr()).status();
    match done {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::failed(format!("{name} failed: {status}"))),
        Err(error) => Err(Failure::failed(format!("{name}: {error}"))),
    }
}
