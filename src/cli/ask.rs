//! From a command to an answer: through the running gateway, or by opening the home.

use super::args::Cli;
use super::output::{Exit, Failure};
use crate::config::Config;
use crate::config::schema::Profile;
use crate::console::{Call, SpeakError, Speaker, Spoken, router};
use crate::gateway::{House, HouseError, Seams};
use crate::ledger::LedgerError;
use crate::model::Secret;
use crate::vault::{Home, HomeError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use serde_json::Value;
use std::fmt::Write as _;
use std::future::Future;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long another command may have the home, or a gateway may take between its lock and its socket, starting or
/// stopping.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// What every command works with.
#[derive(Clone)]
pub struct Context {
    /// The home's folder.
    pub home: PathBuf,
    /// Whether somebody named it.
    pub named: bool,
    /// The configuration file, where one is named or lies in the home.
    pub config: Option<PathBuf>,
    /// Whether a program reads the answer.
    pub json: bool,
    /// Whether questions are skipped.
    pub yes: bool,
    /// The member it speaks for, where not the owner.
    pub speaker: Option<String>,
    /// Their token, once it is known.
    pub token: Arc<OnceLock<Secret<String>>>,
}

impl Context {
    /// From the command line.
    pub fn new(cli: &Cli) -> Result<Self, Failure> {
        let home = match &cli.home {
            Some(home) => home.clone(),
            None => Home::default_dir().map_err(Failure::failed)?,
        };
        let home = std::path::absolute(home).map_err(Failure::failed)?;
        let in_home = || Some(Home::beside(&home).config_file()).filter(|file| file.exists());
        Ok(Self {
            config: cli.config.clone().or_else(in_home),
            home,
            named: cli.home.is_some(),
            json: cli.json,
            yes: cli.yes,
            speaker: cli.speaker.clone(),
            token: Arc::default(),
        })
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
        let mut answer = Vec::new();
        self.ask_into(call, &mut answer)?;
        serde_json::from_slice(&answer).map_err(|_| Failure::failed("the answer is not JSON"))
    }

    /// Likewise; writes the answer to `out` as it comes.
    pub fn ask_into(&self, call: Call, out: &mut dyn Write) -> Result<(), Failure> {
        let call = self.sign(call)?;
        block_on(async {
            match self.reach().await? {
                Reached::Running(speaker) => hear(speaker.ask(call).await, out).await,
                Reached::Here(house) => {
                    let answer = Speaker::Here(router(Arc::clone(&house))).ask(call).await;
                    let heard = hear(answer, out).await;
                    house.close(Duration::ZERO).await;
                    heard
                }
            }
        })
    }

    /// Whether the gateway runs.
    pub fn is_running(&self) -> bool {
        let socket = Home::beside(&self.home).control_sock();
        block_on(async { Ok(Speaker::running(&socket).await.is_some()) }).unwrap_or(false)
    }

    async fn reach(&self) -> Result<Reached, Failure> {
        let socket = Home::beside(&self.home).control_sock();
        let start = tokio::time::Instant::now();
        loop {
            if let Some(speaker) = Speaker::running(&socket).await {
                return Ok(Reached::Running(speaker));
            }
            match Home::open(&self.home) {
                Ok(home) => return Ok(Reached::Here(self.open(home, self.load_config()?)?)),
                Err(HomeError::InUse { .. }) if start.elapsed() < PATIENCE => {
                    tokio::time::sleep(LOOK).await;
                }
                Err(HomeError::InUse { dir }) => {
                    let dir = dir.display();
                    let message =
                        format!("{dir} is held by another process that does not answer on control.sock");
                    return Err(Failure::failed(message));
                }
                Err(error) => return Err(Failure::because(&error)),
            }
        }
    }

    /// Opens the rooms of a home that this process owns.
    pub fn open(&self, home: Home, config: Config) -> Result<Arc<House>, Failure> {
        House::open(home, config, Seams::default()).map_err(|error| {
            let exit = match &error {
                HouseError::Trust(_) => Exit::Configuration,
                HouseError::Ledger(LedgerError::Corrupt { .. } | LedgerError::Foreign(_)) => {
                    Exit::Verification
                }
                _ => Exit::Failed,
            };
            Failure { exit, ..Failure::because(&error) }
        })
    }

    /// Member and token, where this command speaks for somebody. Asked for once at most.
    pub fn credential(&self) -> Result<Option<(&str, &str)>, Failure> {
        let Some(member) = &self.speaker else { return Ok(None) };
        let token = match (self.token.get(), std::env::var("DOORWARD_TOKEN")) {
            (Some(token), _) => token,
            (None, Ok(token)) if !token.is_empty() => self.token.get_or_init(|| Secret::new(token)),
            (None, _) => {
                let token = ask_token(member)?;
                self.token.get_or_init(|| Secret::new(token))
            }
        };
        Ok(Some((member, token.expose())))
    }

    /// Adds the credential of the member this command speaks for.
    fn sign(&self, call: Call) -> Result<Call, Failure> {
        let Some((member, token)) = self.credential()? else { return Ok(call) };
        let basic = format!("Basic {}", STANDARD.encode(format!("{member}:{token}")));
        let mut credential =
            HeaderValue::try_from(basic).map_err(|_| Failure::new(Exit::Usage, "that is no credential"))?;
        credential.set_sensitive(true);
        Ok(Call { credential: Some(credential), ..call })
    }
}

/// Where a question goes.
enum Reached {
    Running(Speaker),
    Here(Arc<House>),
}

async fn hear(answer: Result<Spoken, SpeakError>, out: &mut dyn Write) -> Result<(), Failure> {
    let mut answer = answer.map_err(Failure::failed)?;
    if !answer.status.is_success() {
        let answer = answer.whole().await.map_err(Failure::failed)?;
        let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        return Err(Failure::of(answer.status, &body));
    }
    while let Some(bytes) = answer.chunk().await.map_err(Failure::failed)? {
        let bytes: Bytes = bytes;
        out.write_all(&bytes).map_err(Failure::failed)?;
    }
    out.flush().map_err(Failure::failed)
}

fn ask_token(member: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Usage, format!("set DOORWARD_TOKEN to {member}'s token")));
    }
    let token = rpassword::prompt_password(format!("{member}'s token: ")).map_err(Failure::failed)?;
    Ok(token.trim().to_owned())
}

/// Runs `future` to its end on a small runtime.
pub fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::failed)?.block_on(future)
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
            let joint = if text.is_empty() { '?' } else { '&' };
            let _ = write!(text, "{joint}{name}={}", encoded(value));
        }
    }
    text
}
