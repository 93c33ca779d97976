use super::*;
use crate::model::{KeyId, MemberId, MemberKind, Secret, Slot, VendorId};
use crate::store::Store;
use std::path::Path;

#[cfg(unix)]
mod key_files;

const MONTH: u32 = 202_611;

/// A home in a folder of its own that goes with it.
struct Fixture {
    dir: tempfile::TempDir,
    vault: Vault,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vault = open(dir.path()).unwrap();
        Self { dir, vault }
    }

    fn member(&self, name: &str) -> MemberId {
        self.vault.add_member(name, MemberKind::Adult).unwrap().id
    }

    /// The same home as the next process finds it.
    fn reopened(self) -> Self {
        drop(self.vault);
        let vault = open(self.dir.path()).unwrap();
        Self { dir: self.dir, vault }
    }

    fn set(&self, member: MemberId, slot: &str, value: &str) {
        self.vault.set_attribute(member, &slot_of(slot), Some(&Secret::new(value.to_owned()))).unwrap();
    }

    fn get(&self, member: MemberId, slot: &str) -> Option<String> {
        let all = self.vault.attributes(member).unwrap();
        all.into_iter().find(|(there, _)| there.as_str() == slot).map(|(_, value)| value.expose().clone())
    }
}

fn open(dir: &Path) -> Result<Vault, VaultError> {
    Vault::open(&dir.join("keys"), Store::open(&dir.join("state.db"))?)
}

fn slot_of(name: &str) -> Slot {
    Slot::parse(name).unwrap()
}

#[test]
fn the_first_member_takes_the_place_of_the_placeholder() {
    let home = Fixture::new();
    let owner = home.vault.ensure_member().unwrap();
    assert_eq!((owner.name.as_str(), owner.placeholder), ("owner", true));
    assert_eq!(home.vault.ensure_member().unwrap().id, owner.id);
    let ann = home.vault.add_member("Ann", MemberKind::Adult).unwrap();
    assert_eq!((ann.id, ann.name.as_str(), ann.placeholder), (owner.id, "ann", false));
    let ben = home.vault.add_member("ben", MemberKind::Child).unwrap();
    assert_ne!(ben.id, ann.id);
    let home = home.reopened();
    let names: Vec<_> = home.vault.members().unwrap().into_iter().map(|member| member.name).collect();
    assert_eq!(names, ["ann", "ben"]);
    assert_eq!(home.vault.ensure_member().unwrap().name, "ann");
    assert_eq!(home.vault.member("BEN").unwrap().unwrap().kind, MemberKind::Child);
    assert!(home.vault.member("owner").unwrap().is_none());
}

#[test]
fn bad_and_taken_names_are_refused() {
    let home = Fixture::new();
    home.member("ann");
    assert!(matches!(home.vault.add_member("ANN", MemberKind::Adult), Err(VaultError::NameTaken)));
    for name in ["", "ann real", "guest", "ann:x"] {
        assert!(matches!(home.vault.add_member(name, MemberKind::Adult), Err(VaultError::BadName)), "{name}");
    }
}

#[test]
fn only_the_right_credential_of_the_right_member_opens() {
    let home = Fixture::new();
    let (ann, ben) = (home.member("ann"), home.member("ben"));
    let token = home.vault.new_token(ann, Holder::Device).unwrap();
    assert_eq!(token.expose().len(), 32);
    let home = home.reopened();
    let authenticate = |name: &str, token: &str| home.vault.authenticate(name, token);
    assert_eq!(authenticate("ann", token.expose()), Some(ann));
    assert_eq!(authenticate("Ann", token.expose()), Some(ann));
    for (name, token) in [
        ("ben", token.expose().as_str()),
        ("nobody", token.expose()),
        ("guest", token.expose()),
        ("ann", ""),
        ("ann", "wrong"),
        ("ann", &token.expose().to_uppercase()),
        ("ann", &token.expose()[..31]),
        ("ann", &"a".repeat(10_000)),
    ] {
        assert_eq!(authenticate(name, token), None, "{name}");
    }
    let second = home.vault.new_token(ann, Holder::Device).unwrap();
    assert_eq!(authenticate("ann", token.expose()), Some(ann), "a second device leaves the first alone");
    assert_eq!(authenticate("ann", second.expose()), Some(ann));
    let third = home.vault.new_token(ben, Holder::Device).unwrap();
    assert_eq!(authenticate("ben", third.expose()), Some(ben));
    assert!(matches!(home.vault.new_token(MemberId::GUEST, Holder::Device), Err(VaultError::NoMember)));
}

#[test]
fn two_members_share_no_key() {
    let home = Fixture::new();
    let (ann, ben) = (home.member("ann"), home.member("ben"));
    let vault = &home.vault;
    let shop = VendorId::from("shop");
    let mut keys = Vec::new();
    for member in [ann, ben, MemberId::GUEST, MemberId::GATEWAY] {
        keys.push(vault.persona_key(member).unwrap());
        keys.push(vault.digest_key(member).unwrap());
        for vendor in [None, Some(&shop)] {
            for month in [MONTH, MONTH + 1] {
                keys.push(vault.month_key(member, vendor, month).unwrap().key);
            }
        }
    }
    keys.push(vault.blind_key().unwrap());
    keys.push(vault.signing_seed().unwrap());
    let distinct: std::collections::HashSet<[u8; 32]> = keys.iter().map(|key| *key.expose()).collect();
    assert_eq!(distinct.len(), keys.len());
    let sealed = vault.seal(ann, "persona", b"x").unwrap();
    assert_eq!(vault.open_sealed(ann, "persona", &sealed).unwrap().expose(), b"x");
    assert!(matches!(vault.open_sealed(ben, "persona", &sealed), Err(VaultError::Sealed)));
    assert!(matches!(vault.open_sealed(ann, "other", &sealed), Err(VaultError::Sealed)));
    assert!(matches!(vault.open_home("persona", &sealed), Err(VaultError::Sealed)));
}

#[test]
fn every_key_is_the_same_next_time() {
    let home = Fixture::new();
    let ann = home.member("ann");
    let keys = |vault: &Vault| {
        let month = vault.month_key(ann, None, MONTH).unwrap();
        [
            vault.persona_key(ann).unwrap(),
            vault.digest_key(ann).unwrap(),
            vault.blind_key().unwrap(),
            vault.signing_seed().unwrap(),
            month.key,
        ]
    };
    let before = keys(&home.vault);
    let sealed = home.vault.seal_home("ca", b"private").unwrap();
    let home = home.reopened();
    assert_eq!(keys(&home.vault), before);
    assert_eq!(home.vault.open_home("ca", &sealed).unwrap().expose(), b"private");
    assert!(matches!(home.vault.open_home("log", &sealed), Err(VaultError::Sealed)));
}

#[test]
fn an_erased_month_is_gone_and_the_next_record_gets_a_new_key() {
    let home = Fixture::new();
    let (ann, ben) = (home.member("ann"), home.member("ben"));
    let (shop, forum) = (VendorId::from("shop"), VendorId::from("forum"));
    let key = |member, vendor| home.vault.month_key(member, vendor, MONTH).unwrap();
    let (at_shop, at_forum, at_none, other) =
        (key(ann, Some(&shop)), key(ann, Some(&forum)), key(ann, None), key(ben, Some(&shop)));
    assert_eq!(key(ann, Some(&shop)).id, at_shop.id);
    assert_eq!(home.vault.erase_month_keys(ann, Some(&shop)).unwrap(), 1);
    let opens = |id: KeyId| home.vault.open_month_key(id).unwrap().is_some();
    assert!(!opens(at_shop.id));
    assert!(opens(at_forum.id) && opens(at_none.id) && opens(other.id));
    let again = key(ann, Some(&shop));
    assert_ne!(again.key, at_shop.key);
    assert_eq!(home.vault.erase_month_keys(ann, None).unwrap(), 3);
    assert!(![again.id, at_forum.id, at_none.id].into_iter().any(opens));
    assert!(opens(other.id));
    assert_eq!(home.vault.open_month_key(KeyId([0; 16])).unwrap().map(|key| key.id), None);
}

#[test]
fn retention_lets_old_months_go() {
    let home = Fixture::new();
    let ann = home.member("ann");
    let (old, new) = (
        home.vault.month_key(ann, None, MONTH).unwrap(),
        home.vault.month_key(ann, None, MONTH + 1).unwrap(),
    );
    assert_eq!(home.vault.erase_months_before(MONTH + 1).unwrap(), 1);
    assert!(home.vault.open_month_key(old.id).unwrap().is_none());
    assert_eq!(home.vault.open_month_key(new.id).unwrap().unwrap().key, new.key);
}

#[test]
fn a_removed_member_leaves_nothing_that_opens() {
    let home = Fixture::new();
    let (ann, ben) = (home.member("ann"), home.member("ben"));
    let token = home.vault.new_token(ann, Holder::Device).unwrap();
    let month = home.vault.month_key(ann, None, MONTH).unwrap();
    let sealed = home.vault.seal(ann, "x", b"x").unwrap();
    assert!(home.vault.remove_member(ann).unwrap());
    assert!(!home.vault.remove_member(ann).unwrap());
    assert!(!home.vault.remove_member(MemberId::GATEWAY).unwrap(), "the gateway is no member");
    assert_eq!(home.vault.authenticate("ann", token.expose()), None);
    assert!(home.vault.open_month_key(month.id).unwrap().is_none());
    assert!(matches!(home.vault.open_sealed(ann, "x", &sealed), Err(VaultError::NoMember)));
    assert!(matches!(home.vault.month_key(ann, None, MONTH), Err(VaultError::NoMember)));
    assert!(matches!(home.vault.persona_key(ann), Err(VaultError::NoMember)));
    // The name is free; who takes it is somebody else.
    let next = home.member("ann");
    assert_ne!(next, ann);
    assert!(home.vault.attributes(next).unwrap().is_empty());
    assert_eq!(home.vault.members().unwrap()[0].id, ben);
}

#[test]
fn a_full_name_fills_what_its_owner_left_open() {
    let home = Fixture::new();
    let ann = home.member("ann");
    home.set(ann, "name.full", "Ann Maria Real");
    assert_eq!(home.get(ann, "name.given").as_deref(), Some("Ann"));
    assert_eq!(home.get(ann, "name.family").as_deref(), Some("Real"));
    home.set(ann, "name.family", "Maria Real");
    home.set(ann, "name.full", "Anna Maria Real");
    assert_eq!(home.get(ann, "name.given").as_deref(), Some("Anna"));
    assert_eq!(home.get(ann, "name.family").as_deref(), Some("Maria Real"), "written by its owner");
    home.vault.set_attribute(ann, &slot_of("name.full"), None).unwrap();
    assert_eq!(home.get(ann, "name.given"), None);
    assert_eq!(home.get(ann, "name.family").as_deref(), Some("Maria Real"));
}

#[test]
fn attributes_belong_to_their_member_and_come_back() {
    let home = Fixture::new();
    let (ann, ben) = (home.member("ann"), home.member("ben"));
    home.set(ann, "email.primary", "Ann@HOME.example");
    home.set(ben, "email.primary", "ben@home.example");
    let national = Secret::new("0151 12345678".to_owned());
    let phone = slot_of("phone.primary");
    assert!(matches!(
        home.vault.set_attribute(ann, &phone, Some(&national)),
        Err(VaultError::Attribute(AttributeError { .. }))
    ));
    home.vault.set_attribute_in(ann, &phone, Some(&national), Some("de-DE")).unwrap();
    let before = home.vault.revision();
    home.set(ann, "username", "annreal");
    assert!(home.vault.revision() > before);
    let home = home.reopened();
    assert_eq!(home.get(ann, "email.primary").as_deref(), Some("Ann@home.example"));
    assert_eq!(home.get(ann, "phone.primary").as_deref(), Some("+4915112345678"));
    assert_eq!(home.get(ben, "email.primary").as_deref(), Some("ben@home.example"));
    let nobody = home.vault.set_attribute(MemberId::GUEST, &phone, None);
    assert!(matches!(nobody, Err(VaultError::NoMember)));
}

#[test]
fn no_real_value_credential_or_key_reaches_the_disk_in_the_clear() {
    let home = Fixture::new();
    let ann = home.member("ann");
    home.set(ann, "email.primary", "canary@home.example");
    home.set(ann, "name.full", "Canaria Vogelsang");
    let token = home.vault.new_token(ann, Holder::Device).unwrap();
    let month = home.vault.month_key(ann, None, MONTH).unwrap();
    let seed = home.vault.signing_seed().unwrap();
    let needles: [&[u8]; 6] = [
        b"canary@home",
        b"Canaria",
        b"Vogelsang",
        token.expose().as_bytes(),
        month.key.expose(),
        seed.expose(),
    ];
    let mut seen = 0;
    for dir in [home.dir.path().to_owned(), home.dir.path().join("keys")] {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                seen += 1;
                let bytes = std::fs::read(&path).unwrap();
                for needle in needles {
                    assert_eq!(memchr::memmem::find(&bytes, needle), None, "{path:?}");
                }
            }
        }
    }
    assert!(seen >= 4, "state, its log and two key files");
    let shown = format!("{:?} {:?} {:?}", home.vault, home.vault.attributes(ann).unwrap(), month);
    assert!(!shown.to_lowercase().contains("canar"), "{shown}");
}

#[test]
fn an_erased_key_never_comes_back_from_memory() {
    let home = Fixture::new();
    let ann = home.member("ann");
    for _ in 0..50 {
        let key = home.vault.month_key(ann, None, MONTH).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| home.vault.open_month_key(key.id).unwrap());
            scope.spawn(|| home.vault.month_key(ann, None, MONTH).unwrap());
            scope.spawn(|| home.vault.erase_month_keys(ann, None).unwrap());
        });
        assert!(home.vault.open_month_key(key.id).unwrap().is_none());
    }
}

#[test]
fn many_threads_asking_for_one_month_get_one_key() {
    let home = Fixture::new();
    let ann = home.member("ann");
    let ids: Vec<KeyId> = std::thread::scope(|scope| {
        let asking: Vec<_> =
            (0..8).map(|_| scope.spawn(|| home.vault.month_key(ann, None, MONTH).unwrap().id)).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn a_value_moved_to_another_slot_or_member_does_not_open() {
    let home = Fixture::new();
    let (ann, ben) = (home.member("ann"), home.member("ben"));
    home.set(ann, "username", "annreal");
    let store = &home.vault.inner.store;
    let row = store.attributes(ann).unwrap().remove(0);
    store.change_attributes(ben, std::slice::from_ref(&row), &[]).unwrap();
    assert!(matches!(home.vault.attributes(ben), Err(VaultError::Sealed)));
    let moved = crate::store::AttributeRow { slot: slot_of("custom.x"), ..row };
    store.change_attributes(ann, &[moved], &[]).unwrap();
    assert!(matches!(home.vault.attributes(ann), Err(VaultError::Sealed)));
}
