//! A home opened: every room assembled, ready to be run or asked.

use super::authority::{AuthorityError, Certificates, Leaves, warm_up};
use super::front::Front;
use super::lists;
use super::who::Roster;
use crate::config::Config;
use crate::exchange::{Generation, Rooms};
use crate::ledger::{Disk, FsDisk, Ledger, LedgerError, Observer, Options};
use crate::model::record::{Event, Record};
use crate::model::{Clock, MemberId, SystemClock};
use crate::persona::Personas;
use crate::store::{Store, StoreError};
use crate::telemetry::{Metrics, Readiness};
use crate::trackers::Trackers;
use crate::upstream::{Patience, Resolve, SystemResolver, TlsError, Trust, Upstream};
use crate::vault::{Home, HomeError, Vault, VaultError};
use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// Quotas, idle connections and the authority are looked after this often.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

/// Why a home cannot be opened.
#[derive(Debug, Error)]
pub enum HouseError {
    /// The folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The state database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The log.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The certificate authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Trust in vendors.
    #[error(transparent)]
    Trust(#[from] TlsError),
    /// Pseudonyms.
    #[error(transparent)]
    Persona(#[from] crate::persona::PersonaError),
}

/// What `main` hands in, and a test may set.
#[derive(Clone)]
pub struct Seams {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The disk the log is written to.
    pub disk: Arc<dyn Disk>,
    /// Names to addresses.
    pub resolver: Arc<dyn Resolve>,
}

impl Default for Seams {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), disk: Arc::new(FsDisk), resolver: Arc::new(SystemResolver) }
    }
}

/// A home with its rooms.
pub struct House {
    /// The folder, owned by this process.
    pub home: Home,
    /// The front door with the rooms behind it.
    pub front: Arc<Front>,
    /// What `/readyz` says.
    pub readiness: Arc<Readiness>,
    /// The owner's values and keys.
    pub store: Store,
}

impl House {
    /// Opens the rooms of `home` under `config`. What is missing is made: keys, the authority, a placeholder member.
    pub fn open(home: Home, config: Config, seams: Seams) -> Result<Arc<Self>, HouseError> {
        let store = Store::open(&home.state_db())?;
        let vault = Vault::open(&home.keys_dir(), store.clone())?;
        vault.ensure_member()?;
        let metrics = Arc::new(Metrics::new());
        let observer: Arc<dyn Observer> = Arc::new(Commits(Arc::clone(&metrics)));
        let mut options =
            Options::new(home.ledger_dir(), log_name(&vault)?, Arc::new(vault.clone()), vault.signing_seed()?);
        options.disk = seams.disk;
        options.clock = Arc::clone(&seams.clock);
        options.observer = Some(observer);
        let (ledger, recovery) = Ledger::start(options)?;
        tracing::debug!(?recovery, "log opened");
        let personas = Personas::open(vault.clone(), store.clone(), Arc::clone(&seams.clock))?;
        let trust = Trust::platform(&config.settings.upstream.extra_ca)?;
        let leaves = Leaves::new(Certificates::open(&home.ca_dir(), &vault)?)?;
        let trackers = lists::compile(&home, &config);
        let roster = Roster::new(&vault.members()?);
        let rooms = Arc::new(Rooms {
            upstream: Upstream::new(seams.resolver, &trust, patience(&config)),
            generation: ArcSwap::from_pointee(Generation::new(Arc::new(config), Arc::new(trackers), Vec::new())),
            admission: Default::default(),
            clock: seams.clock,
            vault,
            ledger,
            personas,
            metrics,
        });
        let front = Front::new(rooms, leaves, roster);
        Ok(Arc::new(Self { home, front, readiness: Arc::new(Readiness::new()), store }))
    }

    /// The rooms.
    pub fn rooms(&self) -> &Arc<Rooms> {
        &self.front.rooms
    }

    /// One throw-away handshake, so that the first real one is quick.
    pub fn warm_up(&self) -> Result<(), HouseError> {
        Ok(warm_up(&self.front.leaves)?)
    }

    /// Takes `config` for every exchange from now on; those under way keep the one they began with. `own` are the addresses
    /// the gateway listens on.
    pub async fn adopt(&self, config: Config, own: Vec<SocketAddr>, reason: &str) -> Result<(), HouseError> {
        let digest = digest_of(&config);
        let rooms = Arc::clone(self.rooms());
        let compiled = {
            let home = Home::beside(self.home.dir());
            let config = config.clone();
            tokio::task::spawn_blocking(move || lists::compile(&home, &config)).await
        };
        let trackers = compiled.unwrap_or_else(|_| Trackers::build(&[]).0);
        rooms.personas.forget_policies();
        rooms.generation.store(Arc::new(Generation::new(Arc::new(config), Arc::new(trackers), own)));
        let event = Event::Config { digest, reason: reason.to_owned() };
        self.note(event).await
    }

    /// The members as they are now, for the front door.
    pub fn renew_roster(&self) -> Result<(), HouseError> {
        self.front.roster.store(Arc::new(Roster::new(&self.rooms().vault.members()?)));
        self.rooms().personas.forget_identities();
        Ok(())
    }

    /// Puts a record of the gateway's own into the log.
    pub async fn note(&self, event: Event) -> Result<(), HouseError> {
        let record = Record { time: self.rooms().clock.now(), member: MemberId::GATEWAY, vendor: None, event };
        Ok(self.rooms().ledger.append(vec![record]).await?)
    }

    /// Looks after what ages, until the front door closes.
    pub async fn keep(self: Arc<Self>) {
        let mut tick = tokio::time::interval(HOUSEKEEPING);
        loop {
            tokio::select! {
                _ = tick.tick() => self.look_after(),
                () = self.front.stop.cancelled() => return,
            }
        }
    }

    fn look_after(&self) {
        let rooms = self.rooms();
        rooms.upstream.sweep();
        rooms.generation.load().limits.sweep();
        rooms.metrics.set_upstream_pool(rooms.upstream.idle());
        rooms.metrics.set_ledger_backlog(rooms.ledger.backlog());
        if self.front.leaves.certificates().is_due() {
            match Certificates::open(&self.home.ca_dir(), &rooms.vault) {
                Ok(certificates) => self.front.leaves.renew(certificates),
                Err(error) => tracing::error!(%error, "the intermediate could not be renewed"),
            }
        }
    }

    /// Closes the front door, lets what is under way finish for `patience`, and seals the log.
    pub async fn close(&self, patience: Duration) {
        self.front.stop.cancel();
        self.front.tasks.close();
        if tokio::time::timeout(patience, self.front.tasks.wait()).await.is_err() {
            tracing::warn!("some exchanges were cut off");
        }
        self.rooms().ledger.shutdown().await;
    }
}

/// The log's name: the first line of every checkpoint. Random per home, so that it says nothing about whose it is.
fn log_name(vault: &Vault) -> Result<String, VaultError> {
    let digest = Sha256::digest(vault.signing_seed()?.expose());
    let tag: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("doorward/{tag}"))
}

fn digest_of(config: &Config) -> String {
    let text = config.file().and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn patience(config: &Config) -> Patience {
    let limits = &config.settings.limits;
    Patience { connect: limits.connect.duration(), handshake: limits.connect.duration(), ..Patience::default() }
}

/// Tells the metrics of every commit.
struct Commits(Arc<Metrics>);

impl Observer for Commits {
    fn committed(&self, _records: usize, elapsed: Duration) {
        self.0.ledger_commit(elapsed);
    }
}
