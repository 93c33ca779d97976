//! Log lines on stderr, plain or one JSON object a line.

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// The environment variable that says which lines are written, as in `debug` or `info,doorward::upstream=trace`.
pub const FILTER_VARIABLE: &str = "DOORWARD_LOG";

/// What is written where nothing is said: libraries only when something is wrong.
const USUAL: &str = "warn,doorward=info";

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// For a person; coloured on a terminal.
    #[default]
    Plain,
    /// For a machine.
    Json,
}

/// Why lines are not written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter does not read.
    #[error("the log filter `{text}` does not read: {error}")]
    Filter {
        /// As given.
        text: String,
        /// Why.
        error: tracing_subscriber::filter::ParseError,
    },
    /// Somebody set up logging before.
    #[error("logging is set up already")]
    Again(#[from] TryInitError),
}

/// Writes log lines to stderr from now on. [`FILTER_VARIABLE`] wins over the usual. To be called once, by the
/// program that runs.
pub fn init(format: Format) -> Result<(), LogError> {
    let filter = read_filter(std::env::var(FILTER_VARIABLE).ok().as_deref())?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        Format::Plain => lines.with_ansi(std::io::stderr().is_terminal()).finish().try_init()?,
        Format::Json => lines.json().flatten_event(true).with_current_span(true).finish().try_init()?,
    }
    Ok(())
}

fn read_filter(text: Option<&str>) -> Result<EnvFilter, LogError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty()).unwrap_or(USUAL);
    EnvFilter::try_new(text).map_err(|error| LogError::Filter { text: text.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_read_and_an_empty_one_is_the_usual() {
        let shown = |text| read_filter(text).map(|filter| filter.to_string());
        assert_eq!(shown(None).unwrap(), shown(Some(" ")).unwrap());
        assert_eq!(shown(Some("debug")).unwrap(), "debug");
        assert!(read_filter(Some("doorward=loud")).is_err());
    }
}
