//! What a command prints and exits with.

use http::StatusCode;
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use thiserror::Error;

/// Exit codes of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0.
    Done,
    /// 1.
    Failed,
    /// 2.
    Usage,
    /// 3.
    NotFound,
    /// 4.
    Configuration,
    /// 5.
    Verification,
}

impl Exit {
    /// The number.
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Configuration => 4,
            Self::Verification => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command did not do what it was asked for.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Failure {
    /// What to exit with.
    pub exit: Exit,
    /// One sentence, or several lines where each says something.
    pub message: String,
}

impl Failure {
    /// With this exit code.
    pub fn new(exit: Exit, message: impl ToString) -> Self {
        Self { exit, message: message.to_string() }
    }

    /// Everything was said already.
    pub fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// It did not work.
    pub fn failed(message: impl ToString) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// It did not work, with every cause that has more to say.
    pub fn because(error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = cause.source();
        }
        Self::failed(message)
    }

    /// What an answer of the API that is no success means to the caller.
    pub fn of(status: StatusCode, body: &Value) -> Self {
        let exit = match status {
            StatusCode::BAD_REQUEST => Exit::Usage,
            StatusCode::NOT_FOUND => Exit::NotFound,
            StatusCode::UNPROCESSABLE_ENTITY => Exit::Configuration,
            StatusCode::EXPECTATION_FAILED => Exit::Verification,
            _ => Exit::Failed,
        };
        let detail = body.get("detail").and_then(Value::as_str).unwrap_or("the gateway did not say why");
        Self::new(exit, detail)
    }
}

/// What a command gives back.
pub type Done = Result<(), Failure>;

/// Says why it failed: to people on stderr, to programs on stdout.
pub fn fail(failure: &Failure, json: bool) -> Exit {
    if failure.message.is_empty() {
        return failure.exit;
    }
    if json {
        print(&serde_json::json!({ "error": failure.message, "exit": failure.exit.code() }).to_string());
    } else {
        say(&format!("doorward: {}", failure.message));
    }
    failure.exit
}

/// One line to stdout. A reader that has gone away is no failure.
pub fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{}", safe(line));
}

/// Text as it is, without a line of its own.
pub fn print_raw(text: &[u8]) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text).and_then(|()| out.flush());
}

/// One line to stderr.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", safe(line));
}

/// Text to stderr as it is.
pub fn say_raw(text: &str) {
    let _ = write!(std::io::stderr(), "{text}");
}

/// What vendors and clients named must not steer a terminal.
fn safe(text: &str) -> String {
    let turns =
        |char| matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let unsafe_char = |char: char| (char.is_control() && !matches!(char, '\n' | '\t')) || turns(char);
    if text.contains(unsafe_char) { text.replace(unsafe_char, "\u{fffd}") } else { text.to_owned() }
}

/// One line of JSON to stdout: serde_json escapes the control characters of C0, this those of C1.
pub fn print_json(value: &Value) {
    print(&value.to_string());
}

/// Whether a person reads stdout.
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Rows in aligned columns under a head. Nothing but the rows where a program reads.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) {
    let mut widths = head.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.chars().count()))));
        print(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    if is_terminal() {
        line(head.to_vec());
    }
    for row in rows {
        line(row.iter().map(String::as_str).collect());
    }
}

/// Asks on a terminal before something is destroyed.
pub fn confirm(question: &str, yes: bool) -> Done {
    if yes || !std::io::stdin().is_terminal() {
        return Ok(());
    }
    let _ = write!(std::io::stderr(), "{} [y/N] ", safe(question));
    let mut answer = String::new();
    let _ = std::io::stdin().read_line(&mut answer);
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::failed("nothing was done")) }
}

/// The objects of a list in a JSON answer.
pub fn items<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A field of a JSON answer as text; a dash where it has none.
pub fn text(value: &Value, field: &str) -> String {
    match value.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(Value::Array(items)) if items.is_empty() => "-".to_owned(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(" "),
        Some(other) => other.to_string(),
    }
}

/// Whether a field is true.
pub fn is(value: &Value, field: &str) -> bool {
    value.get(field).and_then(Value::as_bool).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(safe("a\u{1b}[2Jb\u{9b}c\r\n"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}\n");
        // Overrides of the writing direction make a line read as another.
        assert_eq!(safe("x\u{202e}y\u{2066}"), "x\u{fffd}y\u{fffd}");
    }
}
