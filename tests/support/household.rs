//! A household with a running gateway, in this process.

use super::client::Client;
use super::{TestCa, Vendor, crypto};
use doorward::config::Config;
use doorward::exchange::explain::{Question, explain};
use doorward::gateway::{Door, Doors, House, Seams, listen};
use doorward::ledger::FsDisk;
use doorward::ledger::export::ndjson;
use doorward::ledger::verify::{Against, Report, verify_dir};
use doorward::model::{MemberId, MemberKind, Secret, Slot};
use doorward::vault::{Holder, Home};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The roots of fake vendors, in the home.
const VENDORS: &str = "vendors.pem";

/// A running household.
pub struct Household {
    /// Its folder.
    pub dir: TempDir,
    /// Its rooms.
    pub house: Arc<House>,
    /// Its proxy port.
    pub proxy: SocketAddr,
    /// Names to ports of fake vendors.
    pub hosts: Vec<(String, SocketAddr)>,
    config: String,
}

/// A household that does not run: its folder is all there is.
pub struct Stopped {
    /// The folder.
    pub dir: TempDir,
    hosts: Vec<(String, SocketAddr)>,
    config: String,
}

/// A member to be added: name, kind, real values.
type Newcomer = (String, MemberKind, Vec<(String, String)>);

/// A household before it runs.
pub struct HouseholdBuilder {
    dir: TempDir,
    hosts: Vec<(String, SocketAddr)>,
    config: String,
    members: Vec<Newcomer>,
    seams: Seams,
    transparent: Option<SocketAddr>,
}

impl Household {
    /// One that trusts vendors of `ca`.
    pub fn trusting(ca: &TestCa) -> HouseholdBuilder {
        crypto();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(VENDORS), ca.pem()).unwrap();
        HouseholdBuilder {
            dir,
            hosts: Vec::new(),
            config: String::new(),
            members: Vec::new(),
            seams: Seams::default(),
            transparent: None,
        }
    }

    /// A client on loopback: the first member, without a credential.
    pub fn client(&self) -> Client {
        Client::new(self.proxy, self.house.front.leaves.certificates().root().clone())
    }

    /// A client with that member's credential.
    pub fn client_of(&self, member: &str) -> Client {
        self.holding(member, Holder::Device)
    }

    /// A program of that member's, with a credential of its own.
    pub fn agent_of(&self, member: &str) -> Client {
        self.holding(member, Holder::Agent)
    }

    fn holding(&self, member: &str, holder: Holder) -> Client {
        let vault = &self.house.rooms().vault;
        let id = vault.member(member).unwrap().expect("a member").id;
        let token = vault.new_token(id, holder).unwrap();
        self.client().with_credential(member, token.expose())
    }

    /// A client that comes from `peer`, which is no address of this machine.
    pub async fn client_at(&self, peer: &str) -> Client {
        let peer = peer.parse().unwrap();
        let door = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = door.local_addr().unwrap();
        let front = Arc::clone(&self.house.front);
        tokio::spawn(async move {
            while let Ok((stream, _)) = door.accept().await {
                Arc::clone(&front).attend(stream, peer, Door::Proxy);
            }
        });
        Client::new(proxy, self.house.front.leaves.certificates().root().clone())
    }

    /// One line of `/metrics`, without its name.
    pub fn metric(&self, name: &str) -> f64 {
        self.house.measure();
        let text = self.house.rooms().metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// What `explain --json` prints.
    pub async fn explain(&self, method: &str, url: &str, headers: &[(&str, &str)], data: &str) -> Value {
        let roster = self.house.front.roster.load();
        let question = Question {
            who: roster.owner().expect("a member").clone(),
            uri: url.parse().unwrap(),
            method: method.parse().unwrap(),
            headers: headers
                .iter()
                .map(|(name, value)| {
                    (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
                })
                .collect::<HeaderMap>(),
            body: data.to_owned().into(),
        };
        serde_json::to_value(explain(self.house.rooms(), question).await.unwrap()).unwrap()
    }

    /// Every record of the log, oldest first, as exported. Waits until every flow has ended.
    pub async fn records(&self) -> Vec<Value> {
        for _ in 0..100 {
            let records = self.export().await;
            let count = |kind: &str| records.iter().filter(|record| record["kind"] == kind).count();
            if count("open") + count("tunnel") == count("close") {
                return records;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("a flow did not end: {:#?}", self.export().await);
    }

    /// The log as it is now, as `ledger export` writes it.
    pub async fn export(&self) -> Vec<Value> {
        let rooms = Arc::clone(self.house.rooms());
        let signer = self.house.signer().unwrap();
        let text = tokio::task::spawn_blocking(move || {
            let members = rooms.vault.members().unwrap();
            let name = |record: &doorward::model::record::Record| {
                let named = members.iter().find(|member| member.id == record.member);
                Some(named.map_or_else(|| "gateway".to_owned(), |member| member.name.clone()))
            };
            let mut out = Vec::new();
            ndjson(&rooms.ledger.reader(), &signer, rooms.clock.now(), name, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        });
        let text = text.await.unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line.get("seq").is_some()).collect()
    }

    /// The records of one kind.
    pub async fn of_kind(&self, kind: &str) -> Vec<Value> {
        self.records().await.into_iter().filter(|record| record["kind"] == kind).collect()
    }

    /// The records of one kind once there are `count` of them: what ends without having been sent is not waited for.
    pub async fn awaited(&self, kind: &str, count: usize) -> Vec<Value> {
        for _ in 0..200 {
            let found = self.of_kind(kind).await;
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no {count} of {kind}: {:#?}", self.export().await);
    }

    /// The OPEN of a flow to that path, once it is durable.
    pub async fn of_open(&self, path: &str) -> Option<Value> {
        let records = self.export().await;
        let to = |record: &Value| record["url"].as_str().is_some_and(|url| url.ends_with(path));
        records.into_iter().find(|record| record["kind"] == "open" && to(record))
    }

    /// Every byte below the home, joined: for looking for what must not be there.
    pub fn every_file(&self) -> Vec<u8> {
        fn walk(dir: &Path, all: &mut Vec<u8>) {
            for entry in std::fs::read_dir(dir).unwrap().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    walk(&entry.path(), all);
                } else if let Ok(bytes) = std::fs::read(entry.path()) {
                    all.extend(bytes);
                }
            }
        }
        let mut all = Vec::new();
        walk(self.dir.path(), &mut all);
        all
    }

    /// The folder of the log.
    pub fn log_dir(&self) -> PathBuf {
        self.house.home.ledger_dir()
    }

    /// What `ledger verify` says of the stopped gateway's log, with the key from outside.
    pub async fn verify_stopped(self) -> Report {
        let (dir, key) = (self.log_dir(), self.house.signer().unwrap().verifier().clone());
        let _kept = self.stop().await;
        verify_dir(&dir, &FsDisk, &Against { key: Some(key), ..Against::default() }).unwrap()
    }

    /// Another value of a member's, as `member set` does it.
    pub fn set(&self, member: &str, slot: &str, value: &str) {
        let vault = &self.house.rooms().vault;
        let id = vault.member(member).unwrap().expect("a member").id;
        let slot = Slot::parse(slot).unwrap();
        vault.set_attribute(id, &slot, Some(&Secret::new(value.to_owned()))).unwrap();
        self.house.renew_members().unwrap();
    }

    /// A member's id.
    pub fn id(&self, member: &str) -> MemberId {
        self.house.rooms().vault.member(member).unwrap().expect("a member").id
    }

    /// Other lines of configuration, taken up while it runs.
    pub async fn reload(&self, lines: &str) {
        let file = self.dir.path().join("doorward.toml");
        std::fs::write(&file, toml(&self.dir, &self.hosts, lines)).unwrap();
        self.house.adopt(Config::load(&file).unwrap()).await.unwrap();
    }

    /// Ends in good order.
    pub async fn pauses(self) -> Stopped {
        let (hosts, config) = (self.hosts.clone(), self.config.clone());
        Stopped { dir: self.stop().await, hosts, config }
    }

    /// Ends as the power goes: another gateway goes on with what lies on the disk at this moment.
    pub async fn dies(self) -> Self {
        fn copy(from: &Path, to: &Path) {
            for entry in std::fs::read_dir(from).unwrap().flatten() {
                let target = to.join(entry.file_name());
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    std::fs::create_dir(&target).unwrap();
                    std::fs::set_permissions(&target, entry.metadata().unwrap().permissions()).unwrap();
                    copy(&entry.path(), &target);
                } else if kind.is_file() {
                    std::fs::copy(entry.path(), target).unwrap();
                }
            }
        }
        let dir = tempfile::tempdir().unwrap();
        copy(self.dir.path(), dir.path());
        let stopped = Stopped { dir, hosts: self.hosts.clone(), config: self.config.clone() };
        drop(self.stop().await);
        stopped.start().await
    }

    /// Stops the gateway; the folder stays until dropped.
    pub async fn stop(self) -> TempDir {
        self.house.close(Duration::from_secs(5)).await;
        self.dir
    }
}

impl Stopped {
    /// No longer knows how to reach this host.
    pub fn forget(&mut self, host: &str) {
        self.hosts.retain(|(known, _)| known != host);
    }

    /// Goes on as it was.
    pub async fn start(self) -> Household {
        let config = self.config.clone();
        self.start_with(&config).await
    }

    /// Goes on with other lines of configuration.
    pub async fn start_with(self, lines: &str) -> Household {
        let (hosts, config) = (self.hosts, lines.to_owned());
        let seams = Seams::default();
        let members = Vec::new();
        let builder = HouseholdBuilder { dir: self.dir, hosts, config, members, seams, transparent: None };
        builder.start().await
    }
}

fn toml(dir: &TempDir, hosts: &[(String, SocketAddr)], lines: &str) -> String {
    let ca = dir.path().join(VENDORS);
    let mut upstream = format!("extra_ca = [{ca:?}]\nallow_private = [\"127.0.0.1/32\"]\nhosts = {{");
    for (index, (host, address)) in hosts.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(upstream, "{comma} {host:?} = \"{address}\"").unwrap();
    }
    upstream.push_str(" }\n");
    if !lines.contains("revocations =") {
        upstream.push_str("revocations = \"off\"\n");
    }
    let own = lines.replace("[upstream]", "[upstream]\n#upstream#");
    if own.contains("#upstream#") {
        format!("schema = 1\n{}", own.replace("#upstream#", &upstream))
    } else {
        // Top-level keys of a test's own lines must stand before any table.
        format!("schema = 1\n{own}\n[upstream]\n{upstream}")
    }
}

impl HouseholdBuilder {
    /// Knows how to reach `vendor`.
    pub fn knowing(mut self, vendor: &Vendor) -> Self {
        self.hosts.push((vendor.host.clone(), vendor.address));
        self
    }

    /// Knows this name by that address.
    pub fn host(mut self, host: &str, address: SocketAddr) -> Self {
        self.hosts.push((host.to_owned(), address));
        self
    }

    /// Knows another name of `vendor`.
    pub fn alias(mut self, host: &str, vendor: &Vendor) -> Self {
        self.hosts.push((host.to_owned(), vendor.address));
        self
    }

    /// Further lines of the configuration.
    pub fn config(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self.config.push('\n');
        self
    }

    /// A grown-up with these real values.
    pub fn member(self, name: &str, values: &[(&str, &str)]) -> Self {
        self.member_of_kind(name, MemberKind::Adult, values)
    }

    /// A member of that kind.
    pub fn member_of_kind(mut self, name: &str, kind: MemberKind, values: &[(&str, &str)]) -> Self {
        let values = values.iter().map(|(slot, value)| ((*slot).to_owned(), (*value).to_owned())).collect();
        self.members.push((name.to_owned(), kind, values));
        self
    }

    /// A file beside the configuration.
    pub fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.dir.path().join(name), text).unwrap();
        self
    }

    /// Other time, disk or resolver.
    pub fn seams(mut self, seams: Seams) -> Self {
        self.seams = seams;
        self
    }

    /// Takes what a router hands over at this address.
    pub fn transparent(mut self, address: &str) -> Self {
        self.transparent = Some(address.parse().unwrap());
        self
    }

    /// Starts the gateway on an ephemeral port.
    pub async fn start(self) -> Household {
        let file = self.dir.path().join("doorward.toml");
        let text = toml(&self.dir, &self.hosts, &self.config);
        std::fs::write(&file, &text).unwrap();
        let config = Config::load(&file).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let home = Home::open(self.dir.path()).unwrap();
        let house = House::open(home, config, self.seams).unwrap();
        for (name, kind, values) in &self.members {
            let vault = &house.rooms().vault;
            let member = vault.add_member(name, *kind).unwrap();
            for (slot, value) in values {
                let slot = Slot::parse(slot).unwrap_or_else(|| panic!("{slot} is no slot"));
                vault.set_attribute(member.id, &slot, Some(&Secret::new(value.clone()))).unwrap();
            }
        }
        house.renew_members().unwrap();
        let listening = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let proxy = listening.address();
        house.start(Doors { transparent: self.transparent, ..Doors::only(proxy) }).await.unwrap();
        tokio::spawn(listening.serve(Arc::clone(&house.front)));
        if let Some(address) = self.transparent {
            let listening = listen(address).await.unwrap().transparent();
            tokio::spawn(listening.serve(Arc::clone(&house.front)));
        }
        Household { dir: self.dir, house, proxy, hosts: self.hosts, config: self.config }
    }
}
