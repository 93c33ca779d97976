//! Whole files: what is taken, what is refused and in which words.

mod errors;
mod lookups;

use super::*;
use std::path::Path;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("doorward.toml"), Path::new("/etc/doorward"))
}

#[track_caller]
fn taken(text: &str) -> Config {
    match parse(text) {
        Ok(config) => config,
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn findings(text: &str) -> Vec<String> {
    match parse(text) {
        Ok(config) => config.findings().iter().map(Finding::to_string).collect(),
        Err(ConfigError::Invalid(findings)) => findings.iter().map(Finding::to_string).collect(),
        Err(error) => panic!("{error}"),
    }
}

const WHOLE: &str = include_str!("whole.toml");

#[test]
fn a_file_with_every_key_is_taken() {
    let config = taken(WHOLE);
    let settings = &config.settings;
    assert_eq!(settings.limits.per_member.map(|quota| quota.to_string()).as_deref(), Some("200/s"));
    assert_eq!(settings.upstream.extra_ca, [Path::new("/etc/doorward/vendor-test-ca.pem")]);
    assert_eq!(settings.vendor.get("shop").map(|vendor| vendor.rule.len()), Some(1));
    assert_eq!(settings.test.len(), 1);
    let errors = config.findings().iter().filter(|finding| finding.severity == Severity::Error);
    assert_eq!(errors.count(), 0);
}

#[test]
fn the_samples_are_taken_as_they_are() {
    for name in ["household", "organisation", "personal"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("config/{name}.toml"));
        let config = Config::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.settings.profile.as_str(), name);
        assert_eq!(config.findings(), [], "{name}");
        // A sample says no more than its profile where the contract has a table of defaults.
        let defaults = Config::defaults(config.settings.profile);
        assert_eq!(config.settings.identity.new_vendor, defaults.settings.identity.new_vendor);
        assert_eq!(config.settings.intercept.mode, defaults.settings.intercept.mode);
        assert_eq!(config.settings.trackers.lists, defaults.settings.trackers.lists);
        assert_eq!(config.settings.ledger.detail, defaults.settings.ledger.detail);
    }
}

#[test]
fn profiles_give_what_is_not_written() {
    use crate::model::Level;
    use schema::{Detail, InterceptMode, UnknownDevice};
    let row = |profile: &str| {
        let config = taken(&format!("profile = \"{profile}\""));
        let settings = config.settings;
        (
            settings.identity.new_vendor,
            settings.intercept.mode,
            settings.profile.unknown_device(),
            settings.trackers.lists.len(),
            settings.ledger.detail,
            settings.ledger.keep_days,
        )
    };
    let (all, guest) = (InterceptMode::All, UnknownDevice::Guest);
    let (chosen, refuse) = (InterceptMode::Chosen, UnknownDevice::Refuse);
    assert_eq!(row("household"), (Level::Alias, all, guest, 2, Detail::Metadata, 30));
    assert_eq!(row("organisation"), (Level::Alias, chosen, refuse, 1, Detail::Counts, 14));
    assert_eq!(row("personal"), (Level::Stranger, all, refuse, 2, Detail::Metadata, 90));
}

#[test]
fn what_is_written_wins_over_the_profile_key_by_key() {
    let config = taken("profile = \"organisation\"\n[ledger]\nkeep_days = 7\n");
    assert_eq!(config.settings.ledger.keep_days, 7);
    assert_eq!(config.settings.ledger.detail, schema::Detail::Counts);
    assert_eq!(config.settings.intercept.mode, schema::InterceptMode::Chosen);
}

#[test]
fn defaults_are_those_of_an_empty_file() {
    for profile in [schema::Profile::Household, schema::Profile::Organisation, schema::Profile::Personal] {
        let written = taken(&format!("profile = \"{}\"", profile.as_str()));
        assert_eq!(Config::defaults(profile).settings, written.settings);
    }
    assert_eq!(taken("").settings, Config::defaults(schema::Profile::Household).settings);
}

#[test]
fn what_is_shown_reads_back_to_the_same() {
    let config = taken(WHOLE);
    let shown = config.to_toml();
    assert_eq!(taken(&shown).settings, config.settings, "{shown}");
}

#[test]
fn a_next_hop_reads_back_with_and_without_its_user() {
    for written in [
        r#""socks5://127.0.0.1:9050""#,
        r#"{ url = "https://hop.test:3128", user = "ann", password = { file = "hop.pass" } }"#,
    ] {
        let config = taken(&format!("[upstream]\nproxy = {written}\n"));
        assert_eq!(taken(&config.to_toml()).settings, config.settings, "{}", config.to_toml());
    }
}

#[test]
fn every_value_says_where_it_comes_from() {
    let config = taken("profile = \"personal\"\n\n[ledger]\ndetail = \"counts\"\n");
    let origin = |key: &str| {
        let values = config.values();
        values.iter().find(|value| value.key == key).map(|value| value.origin.clone()).unwrap_or_default()
    };
    assert_eq!(origin("ledger.detail"), "doorward.toml:4");
    assert_eq!(origin("ledger.keep_days"), "profile personal");
    assert_eq!(origin("identity.new_vendor"), "profile personal");
    assert_eq!(origin("upstream.ports"), "default");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nowhere/doorward.toml")).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/doorward.toml: "), "{error}");
    assert!(matches!(error, ConfigError::Read { .. }));
}

#[test]
fn the_json_schema_knows_every_table() {
    let schema = json_schema();
    let properties = schema.get("properties").and_then(|value| value.as_object()).unwrap();
    for table in ["listen", "limits", "intercept", "upstream", "identity", "trackers", "terms", "ledger"] {
        assert!(properties.contains_key(table), "{table}");
    }
    for table in ["store", "mail", "vendor", "member", "test", "schema", "profile"] {
        assert!(properties.contains_key(table), "{table}");
    }
}
