//! Accounts that exist already: values that are adopted, and kept as they are.

use super::*;

#[test]
fn an_adopted_value_stands_in_place_of_an_issued_one() {
    let home = Home::new();
    let ann = home.ann();
    let vendor = VendorId::from("shop");
    home.issue(&ann, "shop", 1, &["email.primary"]);
    let record =
        ann.wardrobe.adopt(&vendor, 1, &slot("email.primary"), " old@mail.example ", false, NOW).unwrap();
    assert!(
        matches!(&record.event, Event::Issue { how, value, .. } if how == "adopted" && value == "old@mail.example")
    );
    let worn = home.load(ann.wardrobe.member()).wardrobe.worn(&vendor, 1);
    assert_eq!(value(&worn, "email.primary"), "old@mail.example");
    for bad in ["", "  ", "a\nb", &"x".repeat(300)] {
        assert!(matches!(
            ann.wardrobe.adopt(&vendor, 1, &slot("username"), bad, false, NOW),
            Err(IssueError::Unfit(_))
        ));
    }
}

#[test]
fn an_adopted_real_value_stays_out_of_the_log_and_is_not_put_back_from_it() {
    let home = Home::new();
    let ann = home.ann();
    let vendor = VendorId::from("shop");
    let mut records = home.issue(&ann, "shop", 1, &["phone.primary"]).records;
    for real in ["ann@home.example", "Ann Realname <ANN@home.example>", "0151 12345678", "ann realname"] {
        assert!(ann.identity.reveals(real), "{real}");
    }
    assert!(!ann.identity.reveals("someone@home.example"));
    let phone = slot("phone.primary");
    let later = Timestamp(NOW.0 + 1);
    let record = ann.wardrobe.adopt(&vendor, 1, &phone, "0151 12345678", true, later).unwrap();
    ann.wardrobe.adopted(&vendor, 1, &phone, later).unwrap();
    assert!(!format!("{record:?}").contains("12345678"));
    records.push(record);
    for record in &records {
        assert!(!ann.wardrobe.restore(record).unwrap(), "what was put in its place later stays");
    }
    let worn = home.load(ann.wardrobe.member()).wardrobe.worn(&vendor, 1);
    assert_eq!(value(&worn, "phone.primary"), "0151 12345678");
    assert!(ann.identity.is_real(&phone, "0151 12345678"), "so it is not replaced by itself");
}

#[test]
fn an_adopted_real_name_does_not_get_into_the_address() {
    let home = Home::new();
    let ann = home.ann();
    ann.wardrobe.adopt(&VendorId::from("shop"), 1, &slot("name.full"), "Ann Realname", true, NOW).unwrap();
    let worn = home.issue(&ann, "shop", 1, &["email.primary"]).worn;
    let address = value(&worn, "email.primary");
    assert!(!address.contains("ann.") && !address.contains("realname"), "{address}");
}

/// Two exchanges need an address for one vendor at once, and one of them looks like a login: what was claimed first stands,
/// in the store as well, so that no restart brings out the other.
#[test]
fn what_is_real_never_takes_the_place_of_what_was_made() {
    let home = Home::new();
    let ann = home.ann();
    let login = home.load(ann.wardrobe.member());
    let made = value(&home.claim(&ann, "shop", 1, &["email.primary"]), "email.primary");
    let mask = home.mask(&login, "shop");
    let order = Order { existing: true, ..home.order(&mask, &login, "shop", 1) };
    let worn = login.wardrobe.issue(&order, &slots(&["email.primary"]), NOW).unwrap();
    assert_eq!(value(&worn, "email.primary"), made);
    let again = home.load(ann.wardrobe.member());
    assert_eq!(value(&again.wardrobe.worn(&"shop".into(), 1), "email.primary"), made);
    // Where nothing was made, it is kept as it is.
    let order = Order { existing: true, ..home.order(&mask, &login, "shop", 2) };
    let worn = login.wardrobe.issue(&order, &slots(&["email.primary"]), NOW).unwrap();
    assert_eq!(value(&worn, "email.primary"), "ann@home.example");
}
