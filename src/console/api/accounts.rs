//! Accounts: those that exist already, from a password manager, and all of them, for one.

use super::error::ApiError;
use super::read::{Given, Wanted};
use super::vendors::About;
use super::who::Asker;
use super::{Api, off_worker};
use crate::model::{Host, Slot, SlotKind};
use crate::persona::Persona;
use crate::vault::VaultError;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

/// Most accounts of one import.
const MOST: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    accounts: Vec<Account>,
}

/// An account somewhere: never its password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    site: String,
    user: String,
}

/// What became of an account.
enum Found {
    /// Its vendor knows what is real, and goes on doing so.
    Kept,
    /// Its vendor knows something already.
    Known,
    /// Its user name is nothing that is protected.
    Foreign,
    /// Its site is no address of a host.
    NoSite,
}

/// Keeps each account whose user name is a protected value as it is.
pub async fn import(
    State(api): State<Api>,
    asker: Asker,
    Wanted(about): Wanted<About>,
    Given(import): Given<Import>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    if import.accounts.len() > MOST {
        return Err(ApiError::usage("more than 10,000 accounts at once"));
    }
    let persona = api.house.rooms().personas.of(who.member).ok_or(VaultError::NoMember)?;
    let (mut kept, mut known, mut foreign, mut unread) = (0, 0, 0, 0);
    for account in import.accounts {
        match keep(&api, &persona, &account).await? {
            Found::Kept => kept += 1,
            Found::Known => known += 1,
            Found::Foreign => foreign += 1,
            Found::NoSite => unread += 1,
        }
    }
    Ok(Json(json!({
        "member": &*who.name, "kept": kept, "known": known, "foreign": foreign, "without_site": unread,
    })))
}

async fn keep(api: &Api, persona: &Persona, account: &Account) -> Result<Found, ApiError> {
    let Some(host) = host_of(&account.site) else { return Ok(Found::NoSite) };
    let user = account.user.trim();
    let Some(slot) = persona.identity.slot_of(user).cloned() else { return Ok(Found::Foreign) };
    let vendor = api.house.rooms().generation.load().config.vendor_of(&host).id;
    let member = persona.wardrobe.member();
    let sector = api.house.sector_of(member, &vendor);
    let epoch = persona.wardrobe.standing(&sector).epoch;
    if persona.wardrobe.issued(&sector, epoch, &slot).is_some() {
        return Ok(Found::Known);
    }
    api.house.adopt_pseudonym(member, &vendor, &slot, user).await?;
    Ok(Found::Kept)
}

/// The host of a web address, or of what is only a name.
fn host_of(site: &str) -> Option<Host> {
    let site = site.trim();
    match url::Url::parse(site) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Host::parse(url.host_str()?),
        // Applications of a phone and the like have addresses of other schemes.
        Ok(url) if url.has_host() => None,
        _ => Host::parse(site.split('/').next().filter(|name| name.contains('.'))?),
    }
}

/// What each vendor knows the member as: what to log in with.
pub async fn export(
    State(api): State<Api>,
    asker: Asker,
    Wanted(about): Wanted<About>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    off_worker(move || {
        let persona = api.house.rooms().personas.of(who.member).ok_or(VaultError::NoMember)?;
        let wardrobe = &persona.wardrobe;
        let mut accounts = Vec::new();
        for (vendor, epoch) in wardrobe.vendors() {
            if wardrobe.standing(&vendor).epoch != epoch {
                continue;
            }
            let worn = wardrobe.worn(&vendor, epoch);
            let is_login = |slot: &Slot| matches!(slot.kind(), SlotKind::Email | SlotKind::Username);
            let sites = wardrobe.hosts_of(&vendor);
            let site = sites.first().map_or_else(|| vendor.to_string(), Clone::clone);
            for (slot, issued) in worn.iter().filter(|(slot, _)| is_login(slot)) {
                accounts.push(json!({
                    "vendor": vendor.as_str(),
                    "site": format!("https://{site}/"),
                    "slot": slot.as_str(),
                    "user": issued.value.expose(),
                    "how": issued.how,
                }));
            }
        }
        Ok(Json(json!({ "member": &*who.name, "accounts": accounts })))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_in_the_ways_that_password_managers_write_them() {
        for (site, want) in [
            ("https://shop.example/login?next=/", Some("shop.example")),
            ("http://www.shop.example:8080", Some("www.shop.example")),
            ("shop.example", Some("shop.example")),
            ("shop.example/login", Some("shop.example")),
            ("android://hash@com.shop.app/", None),
            ("", None),
            ("Shop", None),
        ] {
            assert_eq!(host_of(site).map(|host| host.to_string()).as_deref(), want, "{site}");
        }
    }
}
