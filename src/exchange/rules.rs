//! `[[vendor.NAME.rule]]`: which fields hold which slot by the owner's word, whatever stands in them.

use crate::config::schema::{Rule as Written, Select, Settings, TermsState};
use crate::model::{Slot, VendorId};
use crate::rewrite::{Field, Selection};
use serde_json::Value;
use serde_json_path::JsonPath;
use std::collections::HashMap;
use std::sync::Arc;

/// The rules of a policy, by the vendor they are written for.
#[derive(Debug, Default)]
pub struct Rules(HashMap<VendorId, Vec<Rule>>);

/// One rule.
#[derive(Debug)]
pub struct Rule {
    method: Option<String>,
    path: Option<String>,
    terms: Option<&'static str>,
    selects: Selects,
    slot: Slot,
}

/// A field, or what leads to one once the body is there.
#[derive(Debug)]
enum Selects {
    /// By its name.
    Field(Field),
    /// By a JSONPath (RFC 9535).
    Json(JsonPath),
}

impl Rules {
    /// Those of `settings`. One that does not read is none: the check of the configuration has refused it.
    pub fn of(settings: &Settings) -> Self {
        let vendors = settings.vendor.iter().filter(|(_, vendor)| !vendor.rule.is_empty());
        Self(
            vendors
                .map(|(name, vendor)| {
                    (VendorId::from(name.as_str()), vendor.rule.iter().filter_map(Rule::of).collect())
                })
                .collect(),
        )
    }

    /// Whether there are any for `vendor`.
    pub fn has(&self, vendor: &VendorId) -> bool {
        self.0.contains_key(vendor)
    }

    /// Those that bear on a request to `vendor`; `terms` says how the vendor stands to the member's.
    pub fn bearing_on<'r>(
        &'r self,
        vendor: &VendorId,
        method: &str,
        path: &str,
        terms: impl Fn() -> String,
    ) -> Vec<&'r Rule> {
        let Some(rules) = self.0.get(vendor) else { return Vec::new() };
        let terms = terms();
        let bears = |rule: &&Rule| {
            rule.method.as_deref().is_none_or(|wanted| wanted == method)
                && rule.path.as_deref().is_none_or(|pattern| is_path_like(path, pattern))
                && rule.terms.is_none_or(|wanted| wanted == terms)
        };
        rules.iter().filter(bears).collect()
    }
}

impl Rule {
    fn of(written: &Written) -> Option<Self> {
        let selects = match &written.select {
            Select::Json(path) => Selects::Json(JsonPath::parse(path).ok()?),
            Select::Form(name) => Selects::Field(Field::Form(name.clone())),
            Select::Query(name) => Selects::Field(Field::Query(name.clone())),
            Select::Segment(number) => Selects::Field(Field::Segment(*number)),
            Select::Header(name) => Selects::Field(Field::Header(name.to_ascii_lowercase())),
            Select::Cookie(name) => Selects::Field(Field::Cookie(name.clone())),
            Select::Multipart(name) => Selects::Field(Field::Part(name.clone())),
        };
        Some(Self {
            method: written.when.method.clone(),
            path: written.when.path.clone(),
            terms: written.when.terms.map(|state| match state {
                TermsState::Offered => "offered",
                TermsState::Accepted => "accepted",
                TermsState::Countered => "countered",
                TermsState::Refused => "refused",
                TermsState::Ended => "ended",
            }),
            selects,
            slot: written.slot.clone(),
        })
    }
}

/// Whether a path is like `pattern`, whole: `*` stands for anything within a segment, `**` for any rest.
fn is_path_like(path: &str, pattern: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return path == pattern };
    let Some(rest) = path.strip_prefix(before) else { return false };
    if after.starts_with('*') {
        return true;
    }
    let end = rest.find('/').unwrap_or(rest.len());
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).take_while(|at| *at <= end);
    ends.filter_map(|at| rest.get(at..)).any(|rest| is_path_like(rest, after))
}

/// The fields of one request that hold a value of its member's by the owner's word.
#[derive(Debug, Default)]
pub struct Chosen<'r> {
    fields: Vec<(Field, usize)>,
    paths: Vec<(&'r JsonPath, usize)>,
}

impl<'r> Chosen<'r> {
    /// Of these rules, with the identifier of each slot. A slot without a value of the member's holds nothing.
    pub fn of(rules: &[&'r Rule], identifier_of: impl Fn(&Slot) -> Option<usize>) -> Self {
        let mut chosen = Self::default();
        for rule in rules {
            let Some(identifier) = identifier_of(&rule.slot) else { continue };
            match &rule.selects {
                Selects::Field(field) => chosen.fields.push((field.clone(), identifier)),
                Selects::Json(path) => chosen.paths.push((path, identifier)),
            }
        }
        chosen
    }

    /// Those that are known by their names.
    pub fn named(&self) -> Arc<Selection> {
        Arc::new(Selection::new(self.fields.clone()))
    }

    /// Whether some are only known once the whole body is there.
    pub fn needs_whole_body(&self) -> bool {
        !self.paths.is_empty()
    }

    /// Those that a JSON body has, with their pointers.
    ///
    /// # Errors
    /// [`Lost`] where nobody knows.
    pub fn in_json(&self, body: &[u8]) -> Result<Vec<(String, usize)>, Lost> {
        pointers(&self.paths, body)
    }
}

/// Why nobody knows what a JSONPath leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The body is not JSON.
    NotJson,
    /// It leads to an object or a list.
    NoValue,
}

/// The pointers (RFC 6901) of what `paths` lead to in a body of one document or several, with what stands there. What is
/// empty, true, false or null is nobody's value.
fn pointers(paths: &[(&JsonPath, usize)], body: &[u8]) -> Result<Vec<(String, usize)>, Lost> {
    let mut found = Vec::new();
    for document in serde_json::Deserializer::from_slice(body).into_iter::<Value>() {
        let document = document.map_err(|_| Lost::NotJson)?;
        for (path, identifier) in paths {
            for node in path.query_located(&document).iter() {
                match node.node() {
                    Value::String(text) if !text.is_empty() => {}
                    Value::Number(_) => {}
                    Value::Object(_) | Value::Array(_) => return Err(Lost::NoValue),
                    Value::String(_) | Value::Bool(_) | Value::Null => continue,
                }
                found.push((node.location().to_json_pointer(), *identifier));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_like_its_pattern_or_not() {
        for (pattern, path, want) in [
            ("/signup", "/signup", true),
            ("/signup", "/signup/", false),
            ("/users/*", "/users/7", true),
            ("/users/*", "/users/7/mail", false),
            ("/users/*/mail", "/users/7/mail", true),
            ("/users/*/mail", "/users/mail", false),
            ("/v*/x", "/v12/x", true),
            ("/v*/x", "/v/x", true),
            ("/*-*.json", "/a-b-c.json", true),
            ("/api/**", "/api/", true),
            ("/api/**", "/api/a/b", true),
            ("/api/**", "/ap", false),
            ("*", "/a", false),
        ] {
            assert_eq!(is_path_like(path, pattern), want, "{pattern} {path}");
        }
    }

    #[test]
    fn a_json_path_leads_to_pointers() {
        let body =
            br#"{"user":{"mail":"a","~x/y":"b","tags":[]},"users":[{"mail":"c"},{"mail":""},{"mail":7}]}"#;
        for (path, want) in [
            ("$.user.mail", Ok(vec!["/user/mail"])),
            ("$..mail", Ok(vec!["/user/mail", "/users/0/mail", "/users/2/mail"])),
            ("$.user['~x/y']", Ok(vec!["/user/~0x~1y"])),
            ("$.users[?@.mail == 'c'].mail", Ok(vec!["/users/0/mail"])),
            ("$.users[-1].mail", Ok(vec!["/users/2/mail"])),
            ("$.nobody", Ok(vec![])),
            ("$.user", Err(Lost::NoValue)),
        ] {
            let path = JsonPath::parse(path).unwrap();
            let found = pointers(&[(&path, 0)], body);
            let found = found.map(|found| found.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>());
            assert_eq!(found, want.map(|want| want.into_iter().map(str::to_owned).collect()), "{path}");
        }
        let path = JsonPath::parse("$.m").unwrap();
        assert_eq!(pointers(&[(&path, 0)], b"{\"m\":\"a\"}\n{\"m\":\"b\"}").unwrap().len(), 2);
        assert_eq!(pointers(&[(&path, 0)], b"mail=a"), Err(Lost::NotJson));
    }
}
