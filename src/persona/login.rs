//! Whether a form signs somebody in who has an account, or makes a new one. By the words that sites use in addresses and
//! names of fields, in the languages that Doorward speaks; where both or neither are seen it is no login.

/// Parts of a path segment that say that an account is made.
const SIGN_UP: [&str; 9] = [
    "signup",
    "register",
    "registration",
    "registrieren",
    "inscription",
    "registro",
    "newaccount",
    "createaccount",
    "createuser",
];
/// Whole segments that do.
const SIGN_UP_WHOLE: [&str; 7] = ["join", "create", "enroll", "subscribe", "newsletter", "new", "users"];
/// Parts of a path segment that say that somebody with an account comes.
const SIGN_IN: [&str; 8] =
    ["login", "logon", "signin", "anmelden", "einloggen", "connexion", "authenticate", "identifier"];
/// Whole segments that do.
const SIGN_IN_WHOLE: [&str; 4] = ["auth", "session", "sessions", "token"];
/// Parts of the name of a field for a password.
const PASSWORD: [&str; 7] =
    ["password", "passwd", "passwort", "kennwort", "motdepasse", "contrasena", "passphrase"];
/// Parts of the name of a field that only who is new fills in.
const NEWCOMER: [&str; 15] = [
    "confirm",
    "repeat",
    "again",
    "verify",
    "password2",
    "newpassword",
    "firstname",
    "lastname",
    "givenname",
    "familyname",
    "fullname",
    "birth",
    "terms",
    "newsletter",
    "optin",
];

/// Most bytes of a body that are looked at: a login is short.
const MOST: usize = 8 << 10;

/// Whether a request to this target with this body, a form or JSON, is a login.
pub fn is_login(target: &str, body: &[u8]) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<String> = path.split(['/', '.']).map(bare).collect();
    let says = |parts: &[&str], wholes: &[&str]| {
        segments.iter().any(|segment| {
            parts.iter().any(|part| segment.contains(part)) || wholes.contains(&segment.as_str())
        })
    };
    if body.is_empty() || body.len() > MOST || says(&SIGN_UP, &SIGN_UP_WHOLE) {
        return false;
    }
    let names = names(body);
    let named =
        |parts: &[&str]| names.iter().filter(|name| parts.iter().any(|part| name.contains(part))).count();
    let passwords =
        named(&PASSWORD) + names.iter().filter(|name| matches!(name.as_str(), "pass" | "pwd" | "pw")).count();
    named(&NEWCOMER) == 0 && passwords <= 1 && (passwords == 1 || says(&SIGN_IN, &SIGN_IN_WHOLE))
}

/// Letters and digits alone, in lower case: `first_name` and `firstName` are one.
fn bare(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect()
}

/// The names of a form's fields, or of JSON's members.
fn names(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    if text.trim_start().starts_with('{') {
        let mut names = Vec::new();
        for (at, _) in text.match_indices("\":").chain(text.match_indices("\" :")) {
            let before = text.get(..at).unwrap_or_default();
            names.push(bare(before.rsplit('"').next().unwrap_or_default()));
        }
        return names;
    }
    text.split('&').map(|pair| bare(pair.split('=').next().unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_and_what_is_none() {
        for (target, body, want) in [
            ("/login", "email=a&password=b", true),
            ("/account", "email=a&pass=b&remember=1", true),
            ("/api/v2/sessions", r#"{"user":{"email":"a","password":"b"}}"#, true),
            ("/signin/identifier", r#"{"email" : "a"}"#, true),
            ("/auth?next=/register", "username=a&pwd=b", true),
            ("/anmelden", "mail=a&kennwort=b", true),
            ("/signup", "email=a&password=b", false),
            ("/auth/register", "email=a&password=b", false),
            ("/users", r#"{"email":"a","password":"b"}"#, false),
            ("/account", "email=a&password=b&password_confirm=b", false),
            ("/account", "firstName=A&email=a&password=b", false),
            ("/change", "password=b&new_password=c", false),
            ("/contact", "email=a&message=b", false),
            ("/login", "", false),
        ] {
            assert_eq!(is_login(target, body.as_bytes()), want, "{target} {body}");
        }
    }
}
