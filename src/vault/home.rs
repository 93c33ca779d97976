//! The folder that holds everything.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Why a home cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// Another process owns it.
    #[error("{dir} is in use by a running gateway")]
    InUse {
        /// The home.
        dir: PathBuf,
    },
    /// The folder or a file in it cannot be made or opened.
    #[error("cannot use {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The platform names no data folder.
    #[error("there is no data folder for this user: name one with --home or DOORWARD_HOME")]
    Nowhere,
}

/// A home. One process owns it, for as long as the value lives.
#[derive(Debug)]
pub struct Home {
    dir: PathBuf,
    /// Released when closed.
    _lock: Option<File>,
}

impl Home {
    /// Takes the home for this process. Makes the folder (mode 0700) with `keys/`, `ca/` and `ledger/` where missing.
    ///
    /// # Errors
    /// [`HomeError::InUse`] where another process has it, [`HomeError::Io`] where it cannot be made.
    pub fn open(dir: &Path) -> Result<Self, HomeError> {
        let failed = |source| HomeError::Io { path: dir.to_owned(), source };
        let home = Self { dir: std::path::absolute(dir).map_err(failed)?, _lock: None };
        make(&home.dir, false)?;
        let lock = take(&home.lock(), &home.dir)?;
        for part in [home.keys_dir(), home.ca_dir(), home.ledger_dir()] {
            make(&part, true)?;
        }
        Ok(Self { _lock: Some(lock), ..home })
    }

    /// The same paths without owning the home: for looking at the files beside a running gateway. Makes nothing.
    pub fn beside(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), _lock: None }
    }

    /// Where the home is if nobody says: `$DOORWARD_HOME`, else systemd's `$STATE_DIRECTORY`, else the platform's data
    /// folder.
    ///
    /// # Errors
    /// [`HomeError::Nowhere`] where the platform has none.
    pub fn default_dir() -> Result<PathBuf, HomeError> {
        let data = || {
            directories::ProjectDirs::from("", "", "doorward").map(|dirs| dirs.data_local_dir().to_owned())
        };
        choose(std::env::var_os("DOORWARD_HOME"), std::env::var_os("STATE_DIRECTORY"), data)
            .ok_or(HomeError::Nowhere)
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Key files.
    pub fn keys_dir(&self) -> PathBuf {
        self.dir.join("keys")
    }

    /// The local CA.
    pub fn ca_dir(&self) -> PathBuf {
        self.dir.join("ca")
    }

    /// The log.
    pub fn ledger_dir(&self) -> PathBuf {
        self.dir.join("ledger")
    }

    /// Members, personas, agreements and wrapped keys.
    pub fn state_db(&self) -> PathBuf {
        self.dir.join("state.db")
    }

    /// Where in the log what is found; made from the log, and anew where it is missing.
    pub fn index_db(&self) -> PathBuf {
        self.dir.join("index.db")
    }

    /// The configuration, where no other is named.
    pub fn config_file(&self) -> PathBuf {
        self.dir.join("doorward.toml")
    }

    /// The socket over which commands reach a running gateway.
    pub fn control_sock(&self) -> PathBuf {
        self.dir.join("control.sock")
    }

    /// The file whose lock says who owns the home.
    pub fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }
}

/// Empty variables count as unset; systemd separates several folders by colons.
fn choose(
    home: Option<OsString>,
    state: Option<OsString>,
    data: impl FnOnce() -> Option<PathBuf>,
) -> Option<PathBuf> {
    if let Some(home) = home.filter(|home| !home.is_empty()) {
        return Some(home.into());
    }
    let first = state.as_ref().and_then(|state| std::env::split_paths(state).next());
    first.filter(|first| !first.as_os_str().is_empty()).or_else(data)
}

/// Makes a folder that only its owner may enter. `ours` is tightened where it exists; the home itself may be a folder
/// its owner made and shares on purpose.
fn make(path: &Path, ours: bool) -> Result<(), HomeError> {
    let failed = |source| HomeError::Io { path: path.to_owned(), source };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed)?;
    if ours {
        tighten(path).map_err(failed)?;
    }
    Ok(())
}

#[cfg(unix)]
fn tighten(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn tighten(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn take(path: &Path, dir: &Path) -> Result<File, HomeError> {
    let failed = |source| HomeError::Io { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HomeError::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_has_one_owner_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Home::open(dir.path()).unwrap();
        assert!(matches!(Home::open(dir.path()), Err(HomeError::InUse { .. })));
        drop(first);
        Home::open(dir.path()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_enter_what_it_makes() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(&dir.path().join("deep/home")).unwrap();
        for path in [home.dir(), &home.keys_dir(), &home.ca_dir(), &home.ledger_dir()] {
            assert_eq!(mode(path), 0o700, "{path:?}");
        }
        assert_eq!(mode(&home.lock()), 0o600);
        fs::set_permissions(home.keys_dir(), fs::Permissions::from_mode(0o755)).unwrap();
        let (dir, keys) = (home.dir().to_owned(), home.keys_dir());
        drop(home);
        Home::open(&dir).unwrap();
        assert_eq!(mode(&keys), 0o700);
    }

    #[test]
    fn the_environment_goes_before_the_platform() {
        let data = || Some(PathBuf::from("/data"));
        let text = |text: &str| Some(OsString::from(text));
        for (home, state, want) in [
            (text("/h"), text("/s"), "/h"),
            (text(""), text("/s:/t"), "/s"),
            (None, text(""), "/data"),
            (None, None, "/data"),
        ] {
            assert_eq!(choose(home, state, data), Some(PathBuf::from(want)));
        }
        assert_eq!(choose(None, None, || None), None);
    }
}
