//! What can only be said where the home is known: its members and their credentials.

use super::Findings;
use crate::config::finding::{Finding, Severity};
use crate::config::origins::join;
use crate::config::schema::Profile;
use crate::config::snapshot::Config;
use crate::config::suggest::closest;

impl Config {
    /// What can only be said where the home's members are known: names in the file that nobody bears.
    pub fn check_members(&self, names: &[&str]) -> Vec<Finding> {
        let mut findings = Findings::new(&self.origins);
        let mentioned = self.settings.member.keys().map(|name| (join("member", name), name.as_str()));
        for (key, name) in mentioned.filter(|(_, name)| !names.contains(name)) {
            let help = match closest(name, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it waits for `member add {name}`"),
            };
            findings.add(Severity::Note, &key, format!("`{name}` is not a member yet"), Some(help));
        }
        for (index, test) in self.settings.test.iter().enumerate() {
            if let Some(name) = test.member.as_deref().filter(|name| !names.contains(name)) {
                let message = format!("the test speaks of `{name}`, who is not a member yet");
                findings.add(Severity::Note, &format!("test[{index}].member"), message, None);
            }
        }
        findings.into_list()
    }

    /// What to say of the `[[test]]` at `index` that came to `got`, in place of what it wants.
    pub fn failed_test(&self, index: usize, got: &str) -> Finding {
        let key = format!("test[{index}].want");
        let (url, want) = match self.settings.test.get(index) {
            Some(test) => (test.url.as_str(), test.want.as_str()),
            None => ("", ""),
        };
        let message = format!("the test of {url} wants \"{want}\" and gets \"{got}\"");
        Finding {
            severity: Severity::Error,
            location: self.origins.nearest(&key).cloned(),
            key: Some(key),
            message,
            help: Some("`explain` says which rule decides".to_owned()),
        }
    }

    /// Whether listeners may open: one that others reach needs members with a credential, or trusted networks.
    /// `credentials` says whether any member has one. Errors only.
    pub fn check_doors(&self, credentials: bool) -> Vec<Finding> {
        let mut findings = Findings::new(&self.origins);
        let listen = &self.settings.listen;
        if !listen.proxy.is_loopback() && !credentials && listen.trust_network.is_empty() {
            let message = format!("the proxy would listen on {} for everybody", listen.proxy);
            let help = match self.settings.profile {
                Profile::Personal => "give yourself a credential with `member token NAME`",
                Profile::Household | Profile::Organisation => {
                    "give members a credential with `member token NAME`, or name `listen.trust_network`"
                }
            };
            findings.error("listen.proxy", message, help);
        }
        if !listen.console.is_loopback() && !credentials {
            let message = format!("the console would listen on {} without a login", listen.console);
            findings.error("listen.console", message, "give members a credential with `member token NAME`");
        }
        findings.into_list()
    }
}
