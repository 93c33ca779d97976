//! Taking up a configuration: compiled, put to its own tests, then swapped whole.

use super::house::{House, HouseError, scope};
use super::lists;
use crate::config::value::ListenAddr;
use crate::config::{Config, Finding};
use crate::exchange::explain::{Question, explain_under};
use crate::exchange::{Generation, Who};
use crate::model::MemberId;
use crate::upstream::Trust;
use crate::vault::Home;
use bytes::Bytes;
use http::HeaderMap;
use std::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;

/// Where a running gateway listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doors {
    /// The proxy port.
    pub proxy: SocketAddr,
    /// The console.
    pub console: Option<SocketAddr>,
    /// Metrics.
    pub metrics: Option<SocketAddr>,
    /// Where a router hands connections over.
    pub transparent: Option<SocketAddr>,
}

impl Doors {
    /// A proxy port alone.
    pub fn only(proxy: SocketAddr) -> Self {
        Self { proxy, console: None, metrics: None, transparent: None }
    }

    fn addresses(self) -> Vec<SocketAddr> {
        [Some(self.proxy), self.console, self.metrics, self.transparent].into_iter().flatten().collect()
    }
}

/// Where sockets are that somebody else opened for the gateway: these addresses hold, whatever the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handed {
    /// The proxy port.
    pub proxy: Option<SocketAddr>,
    /// The console.
    pub console: Option<SocketAddr>,
    /// Metrics.
    pub metrics: Option<SocketAddr>,
    /// Where a router hands connections over.
    pub transparent: Option<SocketAddr>,
}

impl Handed {
    /// `config` as it holds for these sockets.
    pub fn applied_to(self, config: Config) -> Config {
        config.adjusted(|settings| {
            let listen = &mut settings.listen;
            listen.proxy = self.proxy.map_or(listen.proxy, ListenAddr);
            listen.console = self.console.map_or(listen.console, ListenAddr);
            listen.metrics = self.metrics.map(ListenAddr).or(listen.metrics);
            listen.transparent = self.transparent.map(ListenAddr).or(listen.transparent);
        })
    }
}

/// Why a new configuration is not taken.
#[derive(Debug, Error)]
pub enum AdoptError {
    /// Its own tests fail, or it asks for what this version cannot keep.
    #[error("{}", .0.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n"))]
    Findings(Vec<Finding>),
    /// It cannot be recorded or its members cannot be read.
    #[error(transparent)]
    House(#[from] HouseError),
}

impl House {
    /// Says where the gateway listens, and puts its start into the log. The lists are those that opening compiled.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn start(&self, doors: Doors) -> Result<(), HouseError> {
        let rooms = self.rooms();
        let generation = rooms.generation.load_full();
        rooms.generation.store(Arc::new(generation.listening_on(doors.addresses())));
        // Said once: a second start in one process would be another house.
        let _ = self.doors.set(doors);
        self.conditions.listeners.holds();
        self.record_change(MemberId::GATEWAY, None, "started".to_owned()).await
    }

    /// Where it listens; `None` for a home that is only opened.
    pub fn doors(&self) -> Option<Doors> {
        self.doors.get().copied()
    }

    /// Takes `config` for every exchange from now on; those under way keep the one they began with, connections their
    /// bounds. Listeners stay as they were at the start.
    ///
    /// # Errors
    /// [`AdoptError::Findings`] where the configuration is not to be had, [`AdoptError::House`] where a certificate it
    /// names cannot be read; nothing has changed then.
    pub async fn adopt(self: &Arc<Self>, config: Config) -> Result<(), AdoptError> {
        let _alone = self.adopting.lock().await;
        let promises = config.check_promises();
        if !promises.is_empty() {
            return Err(AdoptError::Findings(promises));
        }
        let generation = Arc::new(self.compile(config).await?);
        let failed = self.failing_tests(&generation).await;
        if !failed.is_empty() {
            return Err(AdoptError::Findings(failed));
        }
        self.renew_trust(&generation.config)?;
        self.rooms().generation.store(generation);
        self.sources_changed.notify_one();
        self.regroup();
        let house = Arc::clone(self);
        let renewed = tokio::task::spawn_blocking(move || house.renew_members()).await;
        renewed.map_err(|_| HouseError::Cut)??;
        Ok(self.record_change(MemberId::GATEWAY, None, "reloaded".to_owned()).await?)
    }

    /// Whom vendors are held against, and for which hosts the authority signs, where `config` changes either.
    fn renew_trust(&self, config: &Config) -> Result<(), HouseError> {
        let rooms = self.rooms();
        let extra_ca = &config.settings.upstream.extra_ca;
        let trust = match rooms.generation.load().config.settings.upstream.extra_ca == *extra_ca {
            true => None,
            false => Some(Trust::platform(extra_ca, rooms.upstream.revocations())?),
        };
        let scope = scope(config);
        if scope != *self.front.leaves.certificates().scope() {
            self.front.leaves.rescope(scope)?;
        }
        if let Some(trust) = trust {
            rooms.upstream.trust(trust);
        }
        Ok(())
    }

    /// A generation as `config` would have it, not yet in force.
    ///
    /// # Errors
    /// When the gateway is ending.
    pub async fn compile(&self, config: Config) -> Result<Generation, HouseError> {
        let before = self.rooms().generation.load_full();
        let home = Home::beside(self.home.dir());
        let compiled = tokio::task::spawn_blocking(move || {
            let trackers = lists::compile(&home, &config);
            Generation::new(Arc::new(config), Arc::new(trackers), before.own().to_vec()).after(&before)
        });
        compiled.await.map_err(|_| HouseError::Cut)
    }

    /// The `[[test]]` entries of a generation that come out otherwise than wanted. Those that speak of somebody who is
    /// no member yet are passed over.
    pub async fn failing_tests(&self, generation: &Arc<Generation>) -> Vec<Finding> {
        let mut failed = Vec::new();
        for (index, test) in generation.config.settings.test.iter().enumerate() {
            let roster = self.front.roster.load();
            let who = match &test.member {
                Some(name) => roster.named(name),
                None => roster.owner(),
            };
            let Some(question) =
                who.cloned().and_then(|who| question(who, &test.url, test.method.as_deref()))
            else {
                continue;
            };
            match explain_under(self.rooms(), generation, question).await {
                Ok(explained) if explained.verdict == test.want => {}
                Ok(explained) => {
                    failed.push(generation.config.failed_test(index, explained.verdict.as_str()));
                }
                Err(error) => failed.push(generation.config.failed_test(index, &error.to_string())),
            }
        }
        failed
    }
}

fn question(who: Who, url: &str, method: Option<&str>) -> Option<Question> {
    Some(Question {
        who,
        uri: url.parse().ok()?,
        method: method.unwrap_or("GET").parse().ok()?,
        headers: HeaderMap::new(),
        body: Bytes::new(),
    })
}
