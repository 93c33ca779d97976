//! `demo`: the whole idea in one command, offline. Real sockets, the real stack, a sample shop on loopback.

mod person;
mod shop;

use super::ask::Context;
use super::flows::{describe, record};
use super::output::{Done, Exit, Failure, items, print, print_json, say, text};
use crate::cli::ask::block_on;
use crate::config::Config;
use crate::config::schema::{InterceptMode, MemberConfig, Policies, SendTerms, Settings, VendorConfig};
use crate::console::{Call, Speaker, router};
use crate::gateway::{Doors, House, listen};
use crate::ledger::verify::{Against, verify_dir};
use crate::ledger::{Filter, FsDisk};
use crate::model::{FlowId, Level, MemberId, MemberKind, Secret, Slot};
use crate::vault::{Holder, Home, HomeError};
use person::SignUp;
use serde_json::{Value, json};
use shop::Shop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Who does not exist. Kept beside the home's own members, so that its flow can be looked at afterwards.
const MEMBER: &str = "demo";
const VALUES: [(&str, &str); 3] =
    [("email.primary", "ann@home.example"), ("name.full", "Ann Real"), ("phone.primary", "+4915112345678")];
/// The domain of aliases, where the home has none.
const DOMAIN: &str = "alias.example";
/// How often the log is asked whether the flow has ended, and how long it waits in between.
const LOOKS: usize = 250;
const LOOK: Duration = Duration::from_millis(20);

/// Shows it, in the given home, else in one that is thrown away.
pub fn demo(context: &Context) -> Done {
    let throw_away = ThrowAway::new()?;
    let home = if context.named { context.home.clone() } else { throw_away.0.join("home") };
    let context = Context { home: home.clone(), speaker: None, ..context.clone() };
    let owned = Home::open(&home).map_err(|error| match error {
        HomeError::InUse { dir } => {
            let dir = dir.display();
            Failure::failed(format!(
                "{dir} is in use: leave --home and $DOORWARD_HOME out, and the demo makes a home of its own"
            ))
        }
        other => Failure::because(&other),
    })?;
    let shown = block_on(show(&context, owned, &throw_away.0))?;
    let against = Against::default();
    let report = verify_dir(&Home::beside(&home).ledger_dir(), &FsDisk, &against);
    let report = serde_json::to_value(report.map_err(|error| Failure::because(&error))?).unwrap_or_default();
    tell(&context, &shown, &report);
    if report.get("failure").is_some_and(|failure| !failure.is_null()) {
        return Err(Failure::new(Exit::Verification, "the log does not hold"));
    }
    Ok(())
}

/// What came of it: what was typed, what arrived, what the log says.
struct ShownFlow {
    typed: SignUp,
    arrived: Value,
    flow: FlowId,
    records: Value,
}

async fn show(context: &Context, home: Home, scratch: &Path) -> Result<ShownFlow, Failure> {
    let shop = Shop::open(scratch).await?;
    let config = adjusted(&context.load_config()?, &shop)?;
    let house = context.open(home, config)?;
    let shown = sign_up(&house, shop).await;
    house.close(Duration::from_secs(5)).await;
    shown
}

async fn sign_up(house: &Arc<House>, shop: Shop) -> Result<ShownFlow, Failure> {
    let member = member(house)?;
    let token =
        house.rooms().vault.new_token(member, Holder::Device).map_err(|error| Failure::because(&error))?;
    let listening = listen("127.0.0.1:0".parse().map_err(Failure::failed)?).await.map_err(Failure::failed)?;
    let proxy = listening.address();
    house.start(Doors::only(proxy)).await.map_err(|error| Failure::because(&error))?;
    tokio::spawn(listening.serve(Arc::clone(&house.front)));
    let typed = SignUp::new(shop::HOST);
    let root = house.front.leaves.certificates().root().clone();
    typed.send(proxy, (MEMBER, token.expose()), root).await?;
    let arrived = shop.arrived().await?;
    let flow = flow_of(house, member).await?;
    let answer = Speaker::Here(router(Arc::clone(house))).ask(Call::get(format!("/flows/{flow}"))).await;
    let answer = answer.map_err(Failure::failed)?.whole().await.map_err(Failure::failed)?;
    let records = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    Ok(ShownFlow { typed, arrived, flow, records })
}

/// A shared member: no person of the home, and its owner may look at what it does.
fn member(house: &House) -> Result<MemberId, Failure> {
    let vault = &house.rooms().vault;
    let failed = |error| Failure::because(&error);
    let member = match vault.member(MEMBER).map_err(failed)? {
        Some(member) => member,
        None => vault.add_another(MEMBER, MemberKind::Shared).map_err(failed)?,
    };
    for (slot, value) in VALUES {
        if let Some(slot) = Slot::parse(slot) {
            vault.set_attribute(member.id, &slot, Some(&Secret::new(value.to_owned()))).map_err(failed)?;
        }
    }
    house.renew_members().map_err(|error| Failure::because(&error))?;
    Ok(member.id)
}

/// The home's own configuration, and what the sample shop needs beside it.
fn adjusted(config: &Config, shop: &Shop) -> Result<Config, Failure> {
    let loopback = "127.0.0.1/32".parse().map_err(Failure::failed)?;
    let host = shop::HOST.parse().map_err(Failure::failed)?;
    let terms = vec!["SD-BASE".parse().map_err(Failure::failed)?];
    let change = |settings: &mut Settings| {
        settings.test.clear();
        settings.upstream.proxy = None;
        settings.upstream.extra_ca.push(shop.ca.clone());
        settings.upstream.allow_private.push(loopback);
        settings.upstream.hosts.insert(shop::HOST.to_owned(), shop.address);
        settings.terms.send = SendTerms::Relationship;
        if settings.intercept.mode == InterceptMode::Off {
            settings.intercept.mode = InterceptMode::All;
        }
        if settings.identity.domain.is_none() {
            settings.identity.domain = DOMAIN.parse().ok();
        }
        settings.vendor.insert(
            "demo-shop".to_owned(),
            VendorConfig {
                hosts: vec![host],
                level: Some(Level::Stranger),
                identity: Policies::default(),
                federated_login: None,
                reveal: None,
                terms: None,
                limit: None,
                rule: Vec::new(),
            },
        );
        settings
            .member
            .insert(MEMBER.to_owned(), MemberConfig { terms: Some(terms), ..MemberConfig::default() });
    };
    Ok(config.adjusted(change))
}

/// The flow, once its end is in the log.
async fn flow_of(house: &House, member: MemberId) -> Result<FlowId, Failure> {
    let filter = Filter { member: Some(member), limit: 1, ..Filter::default() };
    for _ in 0..LOOKS {
        let listed = house.rooms().ledger.reader().list(&filter).map_err(|error| Failure::because(&error))?;
        let ended = listed.into_iter().find(|listed| listed.end.is_some());
        if let Some(flow) = ended.and_then(|listed| listed.head.outer.flow) {
            return Ok(flow);
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(Failure::failed("the flow did not come to its end"))
}

fn tell(context: &Context, shown: &ShownFlow, report: &Value) {
    if context.json {
        print_json(&json!({
            "typed": shown.typed.json(),
            "received": shown.arrived,
            "flow": shown.flow,
            "records": shown.records.get("records"),
            "verification": report,
            "home": context.named.then_some(&context.home),
        }));
        return;
    }
    print("Ann does not exist, and neither does the shop; all else is the real thing.\n");
    print(&format!("What Ann typed: POST {}", shown.typed.url));
    fields(&shown.typed.fields());
    print(&format!("\nWhat the shop saw: {}", text(&shown.arrived, "line")));
    for field in items(&shown.arrived, "headers") {
        let part = |index| field.get(index).and_then(Value::as_str).unwrap_or_default();
        print(&format!("  {}: {}", part(0), part(1)));
    }
    let body = text(&shown.arrived, "body");
    let decoded: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    fields(&decoded);
    print(&format!("\nWhat the log says of flow {}", shown.flow));
    items(&shown.records, "records").iter().for_each(record);
    print("");
    describe(report, false);
    if context.named {
        print(&format!("\nagain: doorward --home {} ledger show {}", context.home.display(), shown.flow));
        print("the member `demo` stays, so that its log can be read: doorward member remove demo");
    } else {
        say("\nthe home was thrown away; with --home DIR it is kept");
    }
}

fn fields(pairs: &[(String, String)]) {
    for (name, value) in pairs {
        print(&format!("  {name:<8} {value}"));
    }
}

/// A folder that goes with the demonstration.
struct ThrowAway(PathBuf);

impl ThrowAway {
    fn new() -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("doorward-demo-{}", uuid::Uuid::new_v4()));
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(Failure::failed)?;
        Ok(Self(path))
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
