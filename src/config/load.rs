//! From a file to a [`Config`]: read, parse, lay over the profile, check.

use super::check;
use super::explain::explain;
use super::finding::{ConfigError, Finding, Severity};
use super::merge::{cut, lay_over};
use super::origins::{Lines, Origins, join};
use super::schema::{Profile, Settings};
use super::snapshot::Config;
use super::value::{ListSource, SecretSource};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

/// No configuration is larger, in bytes.
const LARGEST: u64 = 1024 * 1024;
/// So many errors are told at once.
const MOST_ERRORS: usize = 20;

impl Config {
    /// Reads and checks a file. Relative paths in it count from its folder.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unread = |error| ConfigError::Read { path: path.to_owned(), error };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(unread)?;
        file.take(LARGEST + 1).read_to_string(&mut text).map_err(unread)?;
        if text.len() as u64 > LARGEST {
            return Err(unread(std::io::Error::other("larger than 1 MiB: this is not a configuration")));
        }
        let folder = std::path::absolute(path).map_err(unread)?;
        Self::parse(&text, path, folder.parent().unwrap_or(Path::new("/")))
    }

    /// Checks the text of a file called `file`, whose relative paths count from `folder`.
    pub fn parse(text: &str, file: &Path, folder: &Path) -> Result<Self, ConfigError> {
        let lines = Lines::new(file, text);
        let table = syntax(text, &lines)?;
        let origins = Origins::of(table.get_ref(), &lines);
        let written = every_error(table.clone(), &lines, &origins)?;
        let mut settings = over_profile(written.profile, table, &lines, &origins)?;
        from_folder(&mut settings, folder);
        let mut findings = check::settings(&settings, &origins);
        findings.sort_by_key(|finding| finding.severity);
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Err(ConfigError::Invalid(findings));
        }
        Ok(Self::resolve(settings, Some(file.into()), origins, findings))
    }

    /// The configuration of a home without a file.
    pub fn defaults(profile: Profile) -> Self {
        let mut settings = Settings { profile, ..Settings::default() };
        // The overlays are part of the program; a unit test reads each of them.
        let lines = Lines::new(Path::new("profile"), profile.overlay());
        if let Ok(table) = syntax(profile.overlay(), &lines)
            && let Ok(overlaid) = every_error(table, &lines, &Origins::default())
        {
            settings = Settings { profile, ..overlaid };
        }
        Self::resolve(settings, None, Origins::default(), Vec::new())
    }
}

fn syntax<'t>(text: &'t str, lines: &Lines<'_>) -> Result<Spanned<DeTable<'t>>, ConfigError> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(table);
    }
    let findings =
        errors.iter().take(MOST_ERRORS).map(|error| finding(error, "", lines, &Origins::default()));
    Err(ConfigError::Invalid(findings.collect()))
}

/// Reads the table; after an error its entry is taken out and the rest read again, so that all errors are told.
fn every_error(
    mut table: Spanned<DeTable<'_>>,
    lines: &Lines<'_>,
    origins: &Origins,
) -> Result<Settings, ConfigError> {
    let mut findings: Vec<Finding> = Vec::new();
    loop {
        let error = match read(table.clone()) {
            Ok(settings) if findings.is_empty() => return Ok(settings),
            Ok(_) => break,
            Err(error) => error,
        };
        let path = error.path().to_string();
        let path = if path == "." { "" } else { &path };
        let error = error.into_inner();
        // What was taken out above is not missing.
        let cut_before = error.message().strip_prefix("missing field `").is_some_and(|rest| {
            let field = join(path, rest.trim_end_matches('`'));
            let inside = |key: &String| key.strip_prefix(&field).is_some_and(|rest| !rest.starts_with('_'));
            findings.iter().any(|finding| finding.key.as_ref().is_some_and(inside))
        });
        if !cut_before {
            findings.push(finding(&error, path, lines, origins));
        }
        let span = error.span().unwrap_or_default();
        if findings.len() == MOST_ERRORS || !cut(table.get_mut(), &span) {
            break;
        }
    }
    findings.sort_by_key(|finding| finding.location.as_ref().map(|place| (place.line, place.column)));
    Err(ConfigError::Invalid(findings))
}

fn read(table: Spanned<DeTable<'_>>) -> Result<Settings, serde_path_to_error::Error<toml::de::Error>> {
    serde_path_to_error::deserialize(Deserializer::from(table))
}

fn over_profile(
    profile: Profile,
    table: Spanned<DeTable<'_>>,
    lines: &Lines<'_>,
    origins: &Origins,
) -> Result<Settings, ConfigError> {
    let mut whole = syntax(profile.overlay(), &Lines::new(Path::new("profile"), profile.overlay()))?;
    lay_over(whole.get_mut(), table.into_inner());
    every_error(whole, lines, origins)
}

fn finding(error: &toml::de::Error, path: &str, lines: &Lines<'_>, origins: &Origins) -> Finding {
    let (message, help) = explain(error.message(), path);
    // An error in an item of a list carries the span of the list.
    let item = path.ends_with(']').then(|| origins.get(path)).flatten().cloned();
    Finding {
        severity: Severity::Error,
        key: (!path.is_empty()).then(|| path.to_owned()),
        location: item.or_else(|| error.span().map(|span| lines.locate(&span))),
        message,
        help,
    }
}

/// Makes every path of the settings absolute.
fn from_folder(settings: &mut Settings, folder: &Path) {
    let absolute = |path: &mut PathBuf| *path = folder.join(&*path);
    settings.upstream.extra_ca.iter_mut().for_each(absolute);
    for list in &mut settings.trackers.lists {
        if let ListSource::File(path) = list {
            absolute(path);
        }
    }
    let mail = &mut settings.mail;
    let next_hop = settings.upstream.proxy.as_mut();
    let secrets = [
        next_hop.and_then(|next_hop| next_hop.password.as_mut()),
        mail.smarthost.as_mut().and_then(|smarthost| smarthost.password.as_mut()),
        mail.dkim.as_mut().map(|dkim| &mut dkim.key),
        mail.provider.as_mut().map(|provider| &mut provider.token),
    ];
    for secret in secrets.into_iter().flatten() {
        if let SecretSource::File(path) = secret {
            absolute(path);
        }
    }
}
