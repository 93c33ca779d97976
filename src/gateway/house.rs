//! A home opened: every room assembled, ready to be run or asked.

use super::authority::{Authority, AuthorityError, Leaves, Scope, warm_up};
use super::catch_up::{catch_up, mark_now};
use super::front::Front;
use super::lists;
use super::passing::Passing;
use super::policy::{Doors, Handed};
use super::reload::{Print, print_of};
use super::revocations;
use super::who::Roster;
use crate::config::Config;
use crate::config::schema::{InterceptMode, Profile, WriteMode};
use crate::config::value::{HostPattern, PolicyKey};
use crate::exchange::exceptions::Exceptions;
use crate::exchange::questions::Questions;
use crate::exchange::reveal::Revealed;
use crate::exchange::{Generation, OwnSettings, Rooms, Spools};
use crate::ledger::note::{NoteError, Signer};
use crate::ledger::{Disk, FsDisk, Ledger, LedgerError, Observer, Options};
use crate::model::record::{Event, Record};
use crate::model::{Clock, FederatedLogin, Host, MemberId, Policy, Reveal, SystemClock, VendorId};
use crate::persona::{IssueError, Locale, Personas, VendorSettings};
use crate::store::{LogIndex, Store, StoreError};
use crate::telemetry::{Condition, Metrics, MetricsError, Readiness};
use crate::upstream::revocation::Revocations;
use crate::upstream::{Resolve, SystemResolver, TlsError, Trust, Upstream};
use crate::vault::{Home, HomeError, Vault, VaultError};
use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::Notify;

/// Quotas, idle connections and the authority are looked after this often.
const HOUSEKEEPING: Duration = Duration::from_secs(30);
/// What is ended at the deadline has this long to let go.
const LAST_RECORDS: Duration = Duration::from_secs(2);

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
    Persona(#[from] IssueError),
    /// The key that signs the log.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Counters.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The gateway is ending.
    #[error("the gateway is ending")]
    Cut,
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
    pub readiness: Readiness,
    /// The owner's values and keys.
    pub store: Store,
    /// Whose addresses hold whatever the configuration says.
    pub handed: OnceLock<Handed>,
    pub(super) doors: OnceLock<Doors>,
    /// One change of policy at a time.
    pub(super) adopting: tokio::sync::Mutex<()>,
    /// Told when what is downloaded may come from elsewhere.
    pub(super) sources_changed: Notify,
    /// The state of the configuration file that was read last.
    pub(super) seen: Mutex<Option<Print>>,
    pub(super) conditions: Conditions,
}

/// What must hold before the gateway is ready.
pub(super) struct Conditions {
    pub(super) listeners: Condition,
    lists: Condition,
    ledger: Condition,
    authority: Condition,
}

impl Conditions {
    fn of(readiness: &Readiness) -> Self {
        Self {
            listeners: readiness.condition("listeners"),
            lists: readiness.condition("lists"),
            ledger: readiness.condition("ledger"),
            authority: readiness.condition("authority"),
        }
    }
}

impl House {
    /// Opens the rooms of `home` under `config`. What is missing is made: keys, the authority, a placeholder member.
    pub fn open(home: Home, config: Config, seams: Seams) -> Result<Arc<Self>, HouseError> {
        let store = Store::open(&home.state_db())?;
        let vault = Vault::open(&home.keys_dir(), store.clone())?;
        vault.ensure_member()?;
        let metrics = Metrics::new()?;
        let observer: Arc<dyn Observer> = Arc::new(Commits(metrics.clone()));
        let (log, keys) = (log_name(&vault)?, Arc::new(vault.clone()));
        let mut options = Options::new(home.ledger_dir(), log, keys, vault.signing_seed()?);
        options.index = index_of(&home, &options.log_name);
        if config.settings.ledger.write == WriteMode::Batched {
            options = options.batched();
        }
        options.disk = seams.disk;
        options.clock = Arc::clone(&seams.clock);
        options.observer = Some(observer);
        let (ledger, recovery) = Ledger::start(options)?;
        tracing::debug!(?recovery, "log opened");
        let personas = Personas::new(vault.clone(), store.clone());
        let revocations = Revocations::default();
        revocations.store(revocations::read(&home, &config));
        let trust = Trust::platform(&config.settings.upstream.extra_ca, revocations)?;
        let authority =
            Authority { dir: home.ca_dir(), vault: vault.clone(), clock: Arc::clone(&seams.clock) };
        let leaves = Leaves::open(authority, scope(&config))?;
        let trackers = lists::compile(&home, &config);
        let seen = Mutex::new(config.file().and_then(print_of));
        let roster = Roster::new(&vault.members()?, &config);
        let rooms = Arc::new(Rooms {
            upstream: Upstream::new(seams.resolver, trust, Arc::clone(&seams.clock), metrics.clone()),
            generation: ArcSwap::from_pointee(Generation::new(
                Arc::new(config),
                Arc::new(trackers),
                Vec::new(),
            )),
            admission: Default::default(),
            spools: Spools::new(home.dir().to_owned()),
            questions: Questions::new(Arc::clone(&seams.clock)),
            revealed: Revealed::default(),
            exceptions: Arc::new(Exceptions::new(store.clone())),
            own_settings: ArcSwap::default(),
            clock: seams.clock,
            vault,
            ledger,
            personas,
            metrics,
        });
        let passing = Passing::load(store.clone(), rooms.clock.now())?;
        let front = Front::new(rooms, leaves, roster, passing);
        let readiness = Readiness::new();
        let conditions = Conditions::of(&readiness);
        conditions.lists.holds();
        let house = Self {
            home,
            front,
            store,
            readiness,
            conditions,
            seen,
            handed: OnceLock::new(),
            doors: OnceLock::new(),
            adopting: tokio::sync::Mutex::default(),
            sources_changed: Notify::new(),
        };
        house.renew_members()?;
        catch_up(house.rooms(), &house.store)?;
        house.measure();
        Ok(Arc::new(house))
    }

    /// The rooms.
    pub fn rooms(&self) -> &Arc<Rooms> {
        &self.front.rooms
    }

    /// What signs the log, for an export.
    pub fn signer(&self) -> Result<Signer, HouseError> {
        let vault = &self.rooms().vault;
        Ok(Signer::new(&log_name(vault)?, vault.signing_seed()?.expose())?)
    }

    /// One throw-away handshake, so that the first real one is quick.
    pub fn warm_up(&self) -> Result<(), HouseError> {
        Ok(warm_up(&self.front.leaves)?)
    }

    /// Takes up members, their values and their own settings as they are in the store now. Blocks: compiles matchers.
    pub fn renew_members(&self) -> Result<(), HouseError> {
        let rooms = self.rooms();
        let members = rooms.vault.members()?;
        let generation = rooms.generation.load();
        let mut own = OwnSettings::new();
        for member in &members {
            let locale = generation.config.member(&member.name).and_then(|written| written.locale.as_deref());
            rooms.personas.refresh(member.id, Locale::nearest(locale.unwrap_or_default()))?;
            own.extend(settings_of(&self.store, member.id)?);
        }
        rooms.personas.acquaint(generation.config.settings.profile != Profile::Organisation)?;
        rooms.own_settings.store(Arc::new(own));
        rooms.exceptions.renew(rooms.clock.now())?;
        self.regroup();
        self.front.roster.store(Arc::new(Roster::new(&members, &generation.config)));
        self.front.look_again();
        Ok(())
    }

    /// Vendors may be called otherwise: who they know stays.
    pub(super) fn regroup(&self) {
        let rooms = self.rooms();
        let generation = rooms.generation.load();
        rooms.personas.regroup(|host| match Host::parse(host) {
            Some(host) => generation.config.vendor_of(&host).id,
            None => VendorId::from(host),
        });
    }

    /// Puts a change that somebody made into the log, sealed to whom it is about ([`MemberId::GATEWAY`] for the home's
    /// own). Durable when this returns.
    pub async fn record_change(
        &self,
        member: MemberId,
        vendor: Option<VendorId>,
        reason: String,
    ) -> Result<(), HouseError> {
        let digest = digest_of(&self.rooms().generation.load().config);
        let event = Event::Config { digest, reason };
        let record = Record { time: self.rooms().clock.now(), member, vendor, event };
        Ok(self.rooms().ledger.append(vec![record]).await?)
    }

    /// Reads what is only known by looking: gauges, and conditions of readiness.
    pub fn measure(&self) {
        let rooms = self.rooms();
        rooms.metrics.upstream_pool(rooms.upstream.idle());
        rooms.metrics.ledger_backlog(rooms.ledger.backlog());
        let set = |condition: &Condition, holds, reason| {
            if holds { condition.holds() } else { condition.fails(reason) }
        };
        set(&self.conditions.ledger, rooms.ledger.healthy(), "the log cannot be written");
        set(&self.conditions.authority, self.front.leaves.are_valid(), "its certificates have ended");
        if self.front.stop.is_cancelled() {
            self.conditions.listeners.fails("closing");
        }
    }

    /// Looks after what ages, until the front door closes.
    pub async fn keep(self: Arc<Self>) {
        tokio::join!(self.keep_house(), self.keep_downloads(), self.keep_config());
    }

    async fn keep_house(self: &Arc<Self>) {
        let mut tick = tokio::time::interval(HOUSEKEEPING);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    let house = Arc::clone(self);
                    tokio::task::spawn_blocking(move || house.look_after());
                    self.front.tell_untold().await;
                }
                () = self.front.stop.cancelled() => return,
            }
        }
    }

    async fn keep_downloads(&self) {
        let refresh = async || self.refresh_lists().await.min(self.refresh_revocations().await);
        while let Some(next) = self.front.stop.run_until_cancelled(refresh()).await {
            tokio::select! {
                () = tokio::time::sleep(next) => {}
                () = self.sources_changed.notified() => {}
                () = self.front.stop.cancelled() => return,
            }
        }
    }

    /// Looks after what ages, now. Blocks.
    pub fn look_after(&self) {
        let rooms = self.rooms();
        let generation = rooms.generation.load();
        rooms.upstream.sweep(generation.config.settings.limits.idle.get());
        generation.limits.sweep();
        self.measure();
        if let Err(error) = mark_now(rooms, &self.store) {
            tracing::warn!(%error, "the next start reads more of the log");
        }
        if let Err(error) = self.front.leaves.renew() {
            tracing::error!(%error, "the intermediate could not be renewed");
        }
    }

    /// Closes the front door, lets what is under way finish for `patience`, ends the rest, and seals the log.
    pub async fn close(&self, patience: Duration) {
        self.front.stop.cancel();
        self.front.tasks.close();
        if tokio::time::timeout(patience, self.front.tasks.wait()).await.is_err() {
            tracing::warn!("what was still under way is ended");
            self.front.cut.cancel();
            // Each still has its end to write.
            let _ = tokio::time::timeout(LAST_RECORDS, self.front.tasks.wait()).await;
        }
        self.front.tell_untold().await;
        self.rooms().ledger.shutdown().await;
    }
}

/// The log's index. A home without one works as well, only slower.
fn index_of(home: &Home, log: &str) -> Option<Arc<LogIndex>> {
    match LogIndex::open(&home.index_db(), log) {
        Ok(index) => Some(Arc::new(index)),
        Err(error) => {
            tracing::warn!(%error, "the log has no index: listings read all of it");
            None
        }
    }
}

/// For which hosts the authority may sign: with `mode = "chosen"`, the listed vendors' alone, and for the gateway itself,
/// which has TLS on its own ports.
pub(super) fn scope(config: &Config) -> Scope {
    if config.settings.intercept.mode != InterceptMode::Chosen {
        return Scope::All;
    }
    let patterns = config.settings.vendor.values().flat_map(|vendor| &vendor.hosts);
    let vendors = patterns.map(|pattern| match pattern {
        HostPattern::Exact(host) => host.clone(),
        HostPattern::Below(name) => Host::Name(Arc::clone(name)),
    });
    let listen = &config.settings.listen;
    let addresses = [listen.proxy, listen.console].map(|address| address.0.ip().to_canonical());
    let addresses = addresses.into_iter().filter(|address| !address.is_unspecified()).map(Host::Address);
    let names = listen.names.iter().map(String::as_str).chain(["localhost"]).filter_map(Host::parse);
    Scope::Only(vendors.chain(addresses).chain(names).collect())
}

/// What a member set for vendors: `level`, `federated_login`, `reveal`, and `identity.SLOT` policies.
fn settings_of(store: &Store, member: MemberId) -> Result<OwnSettings, HouseError> {
    let mut own = OwnSettings::new();
    for relationship in store.relationships(member)? {
        let mut settings = VendorSettings { level: relationship.level, ..VendorSettings::default() };
        for (key, value) in store.vendor_settings(member, &relationship.vendor)? {
            match key.as_str() {
                "federated_login" => settings.federated_login = FederatedLogin::parse(&value),
                "reveal" => settings.reveal = Reveal::parse(&value),
                _ => {}
            }
            let policy = PolicyKey::from_str(key.strip_prefix("identity.").unwrap_or_default())
                .ok()
                .zip(Policy::parse(&value));
            settings.slots.extend(policy.map(|(key, policy)| (key.to_string(), policy)));
        }
        if settings != VendorSettings::default() {
            own.insert((member, relationship.vendor), settings);
        }
    }
    Ok(own)
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

/// Tells the metrics of every commit.
struct Commits(Metrics);

impl Observer for Commits {
    fn committed(&self, _records: usize, elapsed: Duration) {
        self.0.ledger_commit(elapsed);
    }
}
