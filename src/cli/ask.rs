//! From a command to an answer: through the running gateway, or by opening the home.

use super::args::Cli;
use super::output::{Exit, Failure};
use crate::config::schema::Profile;
use crate::config::Config;
use crate::console::{Call, Speaker, router};
use crate::gateway::{House, Seams};
use crate::vault::Home;
use serde_json::Value;
use std::future::Future;
use std::path::PathBuf;
use tokio::runtime::Runtime;

/// What every command works with.
pub struct Context {
    /// The home's folder.
    pub home: PathBuf,
    /// The configuration file, where one is named or lies in the home.
    pub config: Option<PathBuf>,
    /// Whether a program reads the answer.
    pub json: bool,
    /// Whether questions are skipped.
    pub yes: bool,
}

impl Context {
    /// From the command line.
    pub fn new(cli: &Cli) -> Result<Self, Failure> {
        let home = match &cli.home {
            Some(home) => home.clone(),
            None => Home::default_dir().map_err(Failure::failed)?,
        };
        let in_home = || Some(Home::beside(&home).config_file()).filter(|file| file.exists());
        Ok(Self { config: cli.config.clone().or_else(in_home), home, json: cli.json, yes: cli.yes })
    }

    /// The configuration: the file's, else the household's defaults.
    pub fn load_config(&self) -> Result<Config, Failure> {
        match &self.config {
            Some(file) => Config::load(file).map_err(|error| Failure::new(Exit::Configuration, error)),
            None => Ok(Config::defaults(Profile::Household)),
        }
    }

    /// Puts a question to the running gateway, else to the home opened here; gives the JSON answer of a success.
    pub fn ask(&self, call: Call) -> Result<Value, Failure> {
        let answer = self.ask_raw(call)?;
        serde_json::from_slice(&answer).map_err(|_| Failure::failed("the answer is not JSON"))
    }

    /// Likewise; gives the answer's bytes.
    pub fn ask_raw(&self, call: Call) -> Result<bytes::Bytes, Failure> {
        block_on(async {
            let socket = Home::beside(&self.home).control_sock();
            let (speaker, house) = match Speaker::running(&socket).await {
                Some(speaker) => (speaker, None),
                None => {
                    let house = self.open()?;
                    (Speaker::Here(Box::new(router(house.clone()))), Some(house))
                }
            };
            let answer = speaker.ask(call).await.map_err(Failure::failed)?;
            if let Some(house) = house {
                house.close(std::time::Duration::ZERO).await;
            }
            if answer.status.is_success() {
                return Ok(answer.body);
            }
            let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
            Err(Failure::of(answer.status, &body))
        })
    }

    /// Opens the home in this process.
    pub fn open(&self) -> Result<std::sync::Arc<House>, Failure> {
        let config = self.load_config()?;
        let home = Home::open(&self.home).map_err(Failure::failed)?;
        House::open(home, config, Seams::default()).map_err(Failure::failed)
    }
}

/// Runs `future` to its end on a small runtime.
pub fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime: Runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    runtime.block_on(future)
}

/// A path segment or query value with everything reserved percent-encoded.
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// `?a=x&b=y` of what is there.
pub fn query(pairs: &[(&str, Option<&str>)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if let Some(value) = value {
            text.push(if text.is_empty() { '?' } else { '&' });
            text.push_str(name);
            text.push('=');
            text.push_str(&encoded(value));
        }
    }
    text
}
