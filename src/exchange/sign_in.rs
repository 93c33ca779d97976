//! Requests that have somebody sign the person in at another vendor.

use memchr::memmem;
use std::collections::BTreeSet;
use url::{Host, Url, form_urlencoded};

/// Most scopes that are read of one request.
const SCOPES: usize = 32;
/// Longest scope in bytes; a longer one is not told.
const SCOPE: usize = 128;

/// What the target of such a request says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Asked {
    /// The host that gets the answer, where it names one on the web.
    pub(super) client: Option<String>,
    /// What is asked for.
    pub(super) scopes: BTreeSet<String>,
}

/// What a request-target asks for, if it begins a sign-in.
pub(super) fn asked(target: &str) -> Option<Asked> {
    let (_, query) = target.split_once('?')?;
    let telling: [&[u8]; 4] = [b"client_id=", b"openid", b"SAMLRequest=", b"wsignin1.0"];
    if !telling.iter().any(|sign| memmem::find(query.as_bytes(), sign).is_some()) {
        return None;
    }
    let mut said = Query::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        said.read(&name, &value);
    }
    said.begins().then_some(Asked { client: said.client, scopes: said.scopes })
}

#[derive(Default)]
struct Query {
    client: Option<String>,
    scopes: BTreeSet<String>,
    oauth: bool,
    authorizes: bool,
    other: bool,
    is_program: bool,
}

impl Query {
    fn read(&mut self, name: &str, value: &str) {
        match name {
            "client_id" => self.oauth = true,
            // RFC 6749 section 4.1.1: "client_id REQUIRED", "redirect_uri OPTIONAL"; many require it and not "response_type
            // REQUIRED". RFC 9126 and RFC 9101 have the rest in what `request_uri` or `request` holds.
            "response_type" | "request_uri" | "request" => self.authorizes = true,
            "redirect_uri" => {
                self.authorizes = true;
                self.answers_to(value);
            }
            "scope" => self.asks_for(value),
            // RFC 6749 section 4.1.3: what a program sends to the token endpoint.
            "client_secret" | "grant_type" | "code" => self.is_program = true,
            // OpenID Authentication 2.0 section 9.1.
            "openid.mode" => self.other |= value.starts_with("checkid_"),
            // WS-Federation 1.2 section 13.2.2.
            "wa" => self.other |= value == "wsignin1.0",
            "openid.return_to" | "wreply" | "wtrealm" => self.answers_to(value),
            // SAML 2.0 Bindings section 3.4.4: who asks stands inside.
            "SAMLRequest" => self.other = true,
            _ => {}
        }
    }

    fn begins(&self) -> bool {
        self.other || self.oauth && self.authorizes && !self.is_program
    }

    /// Programs on the person's own machine have no host of their own (RFC 8252 section 7).
    fn answers_to(&mut self, url: &str) {
        let Ok(url) = Url::parse(url) else { return };
        if let (None, "https" | "http", Some(Host::Domain(host))) = (&self.client, url.scheme(), url.host())
            && host != "localhost"
        {
            self.client = Some(host.to_owned());
        }
    }

    /// RFC 6749 section 3.3: "a list of space-delimited, case-sensitive strings"; some take commas.
    fn asks_for(&mut self, scope: &str) {
        let is_token = |text: &&str| {
            (1..=SCOPE).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
        };
        let room = SCOPES.saturating_sub(self.scopes.len());
        let scopes = scope.split([' ', ',']).filter(is_token).take(room);
        self.scopes.extend(scopes.map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_sign_in_and_for_whom() {
        let oauth =
            "/authorize?response_type=code&client_id=7&redirect_uri=https%3A%2F%2Fshop.test%2Fback&state=x";
        for (target, want) in [
            (oauth, Some((Some("shop.test"), ""))),
            (
                "/o/oauth2/v2/auth?scope=openid%20email+profile%20email&client_id=7&redirect_uri=https://shop.test/b",
                Some((Some("shop.test"), "email openid profile")),
            ),
            (
                "/login/oauth/authorize?client_id=7&scope=repo,user:email&redirect_uri=https://ci.shop.test:8443",
                Some((Some("ci.shop.test"), "repo user:email")),
            ),
            // Pushed (RFC 9126), and as a signed object (RFC 9101).
            ("/as?client_id=7&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Ax", Some((None, ""))),
            ("/as?client_id=7&request=eyJ.e.s", Some((None, ""))),
            // Programs.
            ("/a?client_id=7&response_type=code&redirect_uri=http://127.0.0.1:5000/", Some((None, ""))),
            ("/a?client_id=7&response_type=code&redirect_uri=http://localhost/", Some((None, ""))),
            ("/a?client_id=7&response_type=code&redirect_uri=com.shop.app:/back", Some((None, ""))),
            (
                "/openid/login?openid.mode=checkid_setup&openid.return_to=https://shop.test/steam",
                Some((Some("shop.test"), "")),
            ),
            ("/adfs/ls?wa=wsignin1.0&wtrealm=https://shop.test/", Some((Some("shop.test"), ""))),
            ("/sso?SAMLRequest=fZJ&RelayState=x", Some((None, ""))),
            // Not these.
            ("/a?client_id=7", None),
            ("/analytics?client_id=7.8&page=x", None),
            ("/token?client_id=7&client_secret=x&redirect_uri=https://shop.test/&code=1", None),
            ("/back?code=7&state=x&scope=openid", None),
            ("/logout?client_id=7&post_logout_redirect_uri=https://shop.test/", None),
            ("/search?q=client_id%3D7", None),
            ("/authorize", None),
            ("/?openid.mode=id_res&openid.return_to=https://shop.test/", None),
        ] {
            let got = asked(target);
            let got = got.map(|asked| (asked.client, asked.scopes.into_iter().collect::<Vec<_>>().join(" ")));
            let want = want.map(|(client, scopes)| (client.map(str::to_owned), scopes.to_owned()));
            assert_eq!(got, want, "{target}");
        }
    }

    #[test]
    fn scopes_are_bounded_and_clean() {
        let many: Vec<_> = (0..100).map(|number| format!("s{number}")).collect();
        let target = format!("/a?client_id=7&response_type=code&scope={}", many.join("+"));
        assert_eq!(asked(&target).unwrap().scopes.len(), SCOPES);
        let target =
            format!("/a?client_id=7&response_type=code&scope={}+%22x%22+%C3%A4+%00+ok", "s".repeat(200));
        assert_eq!(asked(&target).unwrap().scopes, BTreeSet::from(["ok".to_owned()]));
    }
}
