use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

const FILES: [&str; 2] = ["root.key", "log-signing.key"];

#[test]
fn only_their_owner_reads_them() {
    let home = Fixture::new();
    let keys = home.dir.path().join("keys");
    assert_eq!(fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o700);
    for name in FILES {
        let path = keys.join(name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        match open(home.dir.path()) {
            Err(VaultError::TooOpen { path: named, mode: 0o640 }) => assert_eq!(named, path),
            other => panic!("{other:?}"),
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        open(home.dir.path()).unwrap();
    }
    assert_eq!(fs::read_dir(keys).unwrap().count(), 2, "no unfinished file stays");
}

#[test]
fn a_missing_one_is_never_made_anew_over_what_it_opens() {
    for name in FILES {
        let home = Fixture::new();
        fs::remove_file(home.dir.path().join("keys").join(name)).unwrap();
        assert!(matches!(open(home.dir.path()), Err(VaultError::KeyFileMissing { .. })), "{name}");
        assert!(!home.dir.path().join("keys").join(name).exists());
    }
}

#[test]
fn a_damaged_or_foreign_one_is_refused() {
    let (home, other) = (Fixture::new(), Fixture::new());
    let path = |home: &Fixture, name: &str| home.dir.path().join("keys").join(name);
    fs::copy(path(&other, "root.key"), path(&home, "root.key")).unwrap();
    assert!(matches!(open(home.dir.path()), Err(VaultError::WrongRootKey)));
    fs::copy(path(&other, "log-signing.key"), path(&home, "log-signing.key")).unwrap();
    assert!(matches!(open(home.dir.path()), Err(VaultError::WrongRootKey)));
    for content in [b"".as_slice(), b"doorward root 1\nshort", b"doorward root 2\n", &[b'x'; 5000]] {
        fs::write(path(&home, "root.key"), content).unwrap();
        assert!(matches!(open(home.dir.path()), Err(VaultError::KeyFileDamaged { .. })));
    }
}

#[test]
fn an_unfinished_one_of_a_crash_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("keys")).unwrap();
    fs::write(dir.path().join("keys/root.new"), "half").unwrap();
    open(dir.path()).unwrap();
}
