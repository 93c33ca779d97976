use super::*;
use crate::model::{KeyId, Level, MemberId, MemberKind, Slot, Timestamp, VendorId};
use std::path::Path;

fn store_with(names: &[&str]) -> (Store, Vec<MemberId>) {
    let store = Store::in_memory().unwrap();
    let ids = names.iter().map(|name| add(&store, name)).collect();
    (store, ids)
}

fn add(store: &Store, name: &str) -> MemberId {
    let id = MemberId::random();
    let row = MemberRow {
        id,
        name: name.to_owned(),
        kind: MemberKind::Adult,
        placeholder: false,
        created: Timestamp(1),
    };
    store.insert_member(&row, b"wrapped").unwrap();
    id
}

fn issued(member: MemberId, vendor: &str, value: u8) -> IssuedRow {
    IssuedRow {
        member,
        vendor: vendor.into(),
        epoch: 1,
        slot: Slot::parse("email.primary").unwrap(),
        format: 1,
        how: "derived".to_owned(),
        sealed: vec![value; 3],
        blind: [value; 32],
        created: Timestamp(1_795_305_600_123),
        recorded: false,
    }
}

#[test]
fn a_claim_is_made_once_and_kept_as_it_was() {
    let (store, ids) = store_with(&["ann"]);
    let row = issued(ids[0], "shop", 1);
    assert_eq!(store.claim_pseudonym(&row, true).unwrap(), Claim::Claimed);
    let second = issued(ids[0], "shop", 2);
    assert_eq!(store.claim_pseudonym(&second, true).unwrap(), Claim::Exists(row.clone()));
    assert_eq!(store.pseudonyms(ids[0]).unwrap(), [row]);
}

#[test]
fn a_unique_value_is_never_claimed_twice() {
    let (store, ids) = store_with(&["ann", "ben"]);
    let row = issued(ids[0], "shop", 1);
    store.claim_pseudonym(&row, true).unwrap();
    assert_eq!(store.claim_pseudonym(&issued(ids[0], "forum", 1), true).unwrap(), Claim::Taken);
    // Not after something else took its place, nor after its owner is gone.
    store.adopt_pseudonym(&issued(ids[0], "shop", 9)).unwrap();
    assert_eq!(store.claim_pseudonym(&issued(ids[1], "forum", 1), true).unwrap(), Claim::Taken);
    store.delete_member(ids[0]).unwrap();
    assert_eq!(store.claim_pseudonym(&issued(ids[1], "forum", 1), true).unwrap(), Claim::Taken);
    assert!(store.pseudonyms(ids[1]).unwrap().is_empty());
}

#[test]
fn values_that_may_repeat_do() {
    let (store, ids) = store_with(&["ann", "ben"]);
    for member in ids {
        assert_eq!(store.claim_pseudonym(&issued(member, "shop", 1), false).unwrap(), Claim::Claimed);
    }
}

#[test]
fn a_race_for_one_value_has_one_winner() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("state.db")).unwrap();
    // A second handle has a connection of its own, as another process would.
    let other = Store::open(&dir.path().join("state.db")).unwrap();
    let ids = [add(&store, "ann"), add(&store, "ben")];
    for round in 0..20 {
        let outcomes: Vec<Claim> = std::thread::scope(|scope| {
            let claims = [(&store, ids[0]), (&other, ids[1])].map(|(store, member)| {
                let row = issued(member, &format!("vendor-{round}"), round);
                scope.spawn(move || store.claim_pseudonym(&row, true).unwrap())
            });
            claims.map(|claim| claim.join().unwrap()).into()
        });
        let count = |want: Claim| outcomes.iter().filter(|claim| **claim == want).count();
        assert_eq!((count(Claim::Claimed), count(Claim::Taken)), (1, 1), "round {round}");
    }
}

#[test]
fn a_new_epoch_keeps_the_old_identity_on_record() {
    let (store, ids) = store_with(&["ann"]);
    let shop = VendorId::from("shop");
    assert_eq!(store.epoch(ids[0], &shop).unwrap(), 1);
    store.claim_pseudonym(&issued(ids[0], "shop", 1), true).unwrap();
    store.set_terms(ids[0], &shop, "accepted", Some("SD-BASE"), Timestamp(5)).unwrap();
    assert_eq!(store.next_epoch(ids[0], &shop).unwrap(), 2);
    assert_eq!(store.epoch(ids[0], &shop).unwrap(), 2);
    let relationship = store.relationships(ids[0]).unwrap().remove(0);
    assert_eq!((relationship.terms.as_str(), relationship.answer), ("none", None));
    let fresh = IssuedRow { epoch: 2, ..issued(ids[0], "shop", 2) };
    assert_eq!(store.claim_pseudonym(&fresh, true).unwrap(), Claim::Claimed);
    assert_eq!(store.pseudonyms(ids[0]).unwrap().len(), 2);
}

#[test]
fn a_relationship_begins_once() {
    let (store, ids) = store_with(&["ann"]);
    let shop = VendorId::from("shop");
    assert!(store.touch_relationship(ids[0], &shop, Timestamp(5)).unwrap());
    assert!(!store.touch_relationship(ids[0], &shop, Timestamp(9)).unwrap());
    let all = store.relationships(ids[0]).unwrap();
    assert_eq!(
        all,
        [Relationship {
            vendor: shop,
            epoch: 1,
            level: None,
            since: Timestamp(5),
            terms: "none".to_owned(),
            answer: None
        }]
    );
}

#[test]
fn vendor_settings_are_set_and_taken_back() {
    let (store, ids) = store_with(&["ann", "ben"]);
    let shop = VendorId::from("shop");
    store.set_vendor(ids[0], &shop, "level", Some("stranger")).unwrap();
    store.set_vendor(ids[0], &shop, "email", Some("real")).unwrap();
    store.set_vendor(ids[0], &shop, "email", Some("pseudonym")).unwrap();
    assert_eq!(store.relationships(ids[0]).unwrap()[0].level, Some(Level::Stranger));
    let settings = store.vendor_settings(ids[0], &shop).unwrap();
    assert_eq!(settings, [("email".to_owned(), "pseudonym".to_owned())]);
    assert_eq!(store.all_vendor_settings(ids[0]).unwrap().len(), 1);
    assert!(store.all_vendor_settings(ids[1]).unwrap().is_empty());
    store.set_vendor(ids[0], &shop, "level", None).unwrap();
    store.set_vendor(ids[0], &shop, "email", None).unwrap();
    assert_eq!(store.relationships(ids[0]).unwrap()[0].level, None);
    assert!(store.vendor_settings(ids[0], &shop).unwrap().is_empty());
    let refused = store.set_vendor(ids[0], &shop, "level", Some("friend"));
    assert!(matches!(refused, Err(StoreError::Setting { key: "level" })));
}

#[test]
fn nothing_is_kept_for_somebody_who_is_not_there() {
    let (store, _) = store_with(&[]);
    let gone = MemberId::random();
    let shop = VendorId::from("shop");
    assert!(matches!(store.claim_pseudonym(&issued(gone, "shop", 1), true), Err(StoreError::NoMember)));
    assert!(matches!(store.touch_relationship(gone, &shop, Timestamp(1)), Err(StoreError::NoMember)));
    // The failed claim left nothing behind.
    let ann = add(&store, "ann");
    assert_eq!(store.claim_pseudonym(&issued(ann, "shop", 1), true).unwrap(), Claim::Claimed);
}

#[test]
fn removing_a_member_removes_every_row_of_theirs() {
    let (store, ids) = store_with(&["ann", "ben"]);
    for member in &ids {
        let slot = Slot::parse("username").unwrap();
        let attribute = AttributeRow { slot, sealed: vec![1], derived: false };
        store.change_attributes(*member, &[attribute], &[]).unwrap();
        store.claim_pseudonym(&issued(*member, "shop", 1), false).unwrap();
        store.set_vendor(*member, &"shop".into(), "email", Some("real")).unwrap();
        let tag = tag_of(member);
        store.insert_token(&TokenRow { member: *member, tag, agent: false }, Timestamp(1), 4).unwrap();
        let key = KeyRow {
            id: KeyId(*member.0.as_bytes()),
            member: *member,
            vendor: None,
            month: 1,
            wrapped: vec![1],
        };
        store.insert_month_key(&key).unwrap();
    }
    assert!(store.delete_member(ids[0]).unwrap());
    assert!(!store.delete_member(ids[0]).unwrap());
    let connection = store.read();
    for table in
        ["holder", "member", "token", "attribute", "relationship", "vendor_setting", "pseudonym", "month_key"]
    {
        let rows: u32 =
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1, "{table}");
    }
}

/// A tag that differs by member.
fn tag_of(member: &MemberId) -> [u8; 32] {
    let mut tag = [0; 32];
    tag[..16].copy_from_slice(member.0.as_bytes());
    tag
}

#[test]
fn the_oldest_credential_makes_room() {
    let (store, ids) = store_with(&["ann"]);
    for number in 0..5 {
        store
            .insert_token(&TokenRow { member: ids[0], tag: [number; 32], agent: false }, Timestamp(1), 3)
            .unwrap();
    }
    let kept: Vec<u8> = store.tokens().unwrap().iter().map(|row| row.tag[0]).collect();
    assert_eq!(kept, [2, 3, 4]);
}

#[test]
fn names_are_unique() {
    let (store, _) = store_with(&["ann"]);
    let row = MemberRow {
        id: MemberId::random(),
        name: "ann".to_owned(),
        kind: MemberKind::Child,
        placeholder: false,
        created: Timestamp(1),
    };
    assert!(matches!(store.insert_member(&row, b"wrapped"), Err(StoreError::NameTaken)));
    assert_eq!(store.holders().unwrap().len(), 1, "the failed one leaves no key behind");
}

#[test]
fn marks_of_the_home_are_kept() {
    let (store, _) = store_with(&[]);
    assert_eq!(store.meta("lists").unwrap(), None);
    store.set_meta("lists", b"1").unwrap();
    store.set_meta("lists", b"2").unwrap();
    assert_eq!(store.meta("lists").unwrap().as_deref(), Some(b"2".as_slice()));
}

#[test]
fn the_file_is_private_durable_and_opens_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let ann = add(&Store::open(&path).unwrap(), "ann");
    let store = Store::open(&path).unwrap();
    assert_eq!(store.members().unwrap()[0].id, ann);
    let pragma = |name: &str| -> String {
        let connection = store.read();
        connection
            .pragma_query_value(None, name, |row| row.get_ref(0).map(|value| format!("{value:?}")))
            .unwrap()
    };
    assert_eq!(pragma("synchronous"), "Integer(2)");
    assert_eq!(pragma("secure_delete"), "Integer(1)");
    assert_eq!(pragma("foreign_keys"), "Integer(1)");
    assert_eq!(pragma("journal_mode"), format!("{:?}", rusqlite::types::ValueRef::Text(b"wal")));
    private(&path);
    private(&dir.path().join("state.db-wal"));
}

#[cfg(unix)]
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
}

#[cfg(not(unix))]
fn private(_path: &Path) {}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    Store::open(&path).unwrap().read().pragma_update(None, "user_version", 999).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Newer { found: 999, .. })));
}

#[test]
fn what_is_no_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    std::fs::write(&path, "not a database, but long enough to be looked at".repeat(40)).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Sqlite(_))));
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Open { .. })));
}

#[test]
fn an_erased_key_leaves_no_bytes_behind() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("state.db")).unwrap();
    let ann = add(&store, "ann");
    let wrapped = b"the wrapped key's bytes".to_vec();
    let key =
        KeyRow { id: KeyId([1; 16]), member: ann, vendor: None, month: 202_611, wrapped: wrapped.clone() };
    store.insert_month_key(&key).unwrap();
    assert!(on_disk(dir.path(), &wrapped));
    assert_eq!(store.delete_month_keys(ann, None).unwrap(), 1);
    assert!(!on_disk(dir.path(), &wrapped));
}

/// Whether any file of the directory holds these bytes.
fn on_disk(dir: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        memchr::memmem::find(&bytes, needle).is_some()
    })
}
