//! Requests whose query is never touched: a byte less and a sign-in, a payment or a signature fails.

const BUILTIN: &str = include_str!("../../../config/lists/untouched.txt");

/// What leaves a query alone, each with its reason.
#[derive(Debug, Default)]
pub(super) struct Untouched(Vec<(Guard, &'static str)>);

#[derive(Debug, PartialEq, Eq)]
enum Guard {
    Host(&'static str),
    Path { host: &'static str, prefix: &'static str },
    Word(&'static str),
    Names(Vec<&'static str>),
}

impl Untouched {
    pub(super) fn builtin() -> Self {
        Self::read(BUILTIN)
    }

    /// Reads the format that `untouched.txt` explains; a line of another form is passed over.
    fn read(text: &'static str) -> Self {
        let mut guards = Vec::new();
        let mut reason = "built in";
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('!')) {
            if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                reason = heading;
            } else if let Some(guard) = Guard::read(line) {
                guards.push((guard, reason));
            }
        }
        Self(guards)
    }

    /// Why the query of this request stays as it is; `None` where it need not. `names` as sent, in any order.
    pub(super) fn reason<'a>(
        &self,
        host: &str,
        target: &str,
        names: impl Iterator<Item = &'a str> + Clone,
    ) -> Option<&'static str> {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let applies = |guard: &Guard| match guard {
            Guard::Host(name) => is_below(host, name),
            Guard::Path { host: name, prefix } => is_below(host, name) && path.starts_with(prefix),
            Guard::Word(word) => contains_folded(path, word),
            Guard::Names(wanted) => wanted.iter().all(|wanted| {
                names.clone().any(|name| {
                    percent_encoding::percent_decode_str(name)
                        .map(|byte| byte.to_ascii_lowercase())
                        .eq(wanted.bytes().map(|byte| byte.to_ascii_lowercase()))
                })
            }),
        };
        self.0.iter().find(|(guard, _)| applies(guard)).map(|(_, reason)| *reason)
    }
}

impl Guard {
    fn read(line: &'static str) -> Option<Self> {
        let (kind, rest) = line.split_once(' ')?;
        let rest = rest.trim();
        Some(match kind {
            "host" => Self::Host(rest),
            "path" => {
                let (host, prefix) = rest.split_at_checked(rest.find('/')?)?;
                Self::Path { host, prefix }
            }
            "word" => Self::Word(rest),
            "names" => Self::Names(rest.split_whitespace().collect()),
            _ => return None,
        })
    }
}

/// Whether `host` is `name` or stands below it.
fn is_below(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn contains_folded(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len().max(1)).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_built_in_list_is_read() {
        let rules = BUILTIN.lines().filter(|line| !line.trim().is_empty() && !line.starts_with(['!', '[']));
        assert_eq!(Untouched::builtin().0.len(), rules.count());
    }

    #[test]
    fn what_must_not_change_is_known() {
        let untouched = Untouched::builtin();
        for (host, target, names, want) in [
            ("www.google.com", "/recaptcha/api2/anchor?k=1", vec!["k"], Some("captcha")),
            ("www.google.com", "/search?q=1", vec!["q"], None),
            ("js.hcaptcha.com", "/1/api.js", vec![], Some("captcha")),
            ("nothcaptcha.com", "/", vec![], None),
            ("shop.example", "/cb", vec!["state", "code"], Some("sign-in")),
            ("shop.example", "/cb", vec!["code"], None),
            ("shop.example", "/acs", vec!["samlresponse"], Some("sign-in")),
            ("bucket.example", "/f", vec!["X-Amz-Signature"], Some("signed address")),
            ("cdn.example", "/f", vec!["se", "sig"], Some("signed address")),
            ("shop.example", "/reset", vec!["%74oken"], Some("signed address")),
            ("news.example", "/User/UnSubscribe/1", vec![], Some("unsubscribe link")),
            ("hooks.stripe.com", "/3ds", vec![], Some("payment")),
            ("shop.example", "/token", vec!["tokens"], None),
        ] {
            assert_eq!(untouched.reason(host, target, names.into_iter()), want, "{host}{target}");
        }
    }
}
