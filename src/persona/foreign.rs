//! An address made for another vendor, or for an identity that was reset, must not get to this one: by it the two would
//! know that they talk about the same person. It is treated as the real one is: where a vendor gets an alias it gets its
//! own, a third party gets none, and where a vendor gets what is typed it goes and is recorded. User names and device ids
//! of other identities are not looked for, nor are addresses in bodies that flow.
//!
//! Looking is cheap because every alias stands in front of one of few domains. Found are those whose letters stand as
//! they are before an `@` in any usual spelling, in heads, in whole bodies and in text messages of a WebSocket.

use super::wardrobe::{State, Wardrobe};
use crate::model::{Secret, Slot, SlotKind, VendorId};
use memchr::memmem;
use std::collections::BTreeMap;

/// Spellings of `@`, lower-case.
const AT: &[&str] = &["@", "%40", "%2540", "\\u0040", "&#64;", "&#064;", "&#x40;", "&commat;"];

impl Wardrobe {
    /// The aliases of other identities that stand in these texts, with their slots; never those this vendor knows.
    pub fn foreign<'t>(
        &self,
        texts: impl IntoIterator<Item = &'t [u8]>,
        sector: &VendorId,
        epoch: u32,
    ) -> Vec<(Slot, Secret<String>)> {
        let state = self.read();
        let mut found = BTreeMap::new();
        for text in texts {
            // No domain is shorter than what a look at it costs.
            if state.aliases.is_empty() || text.len() < 4 {
                continue;
            }
            let text = text.to_ascii_lowercase();
            for (domain, locals) in &state.aliases {
                for at in memmem::find_iter(&text, domain.as_bytes()) {
                    let Some(local) = local_part(text.get(..at).unwrap_or_default()) else { continue };
                    let Some((slot, vendor, of)) = locals.get(local) else { continue };
                    if (vendor, *of) != (sector, epoch) {
                        found.insert(format!("{local}@{domain}"), slot.clone());
                    }
                }
            }
        }
        found.into_iter().map(|(address, slot)| (slot, Secret::new(address))).collect()
    }
}

impl State {
    /// Notes an address made here.
    pub(super) fn note_alias(&mut self, slot: &Slot, address: &str, vendor: &VendorId, epoch: u32) {
        let address = address.to_ascii_lowercase();
        let Some((local, domain)) = address.rsplit_once('@').filter(|_| slot.kind() == SlotKind::Email)
        else {
            return;
        };
        let locals = self.aliases.entry(domain.to_owned()).or_default();
        locals.insert(local.to_owned(), (slot.clone(), vendor.clone(), epoch));
    }
}

/// The letters, digits and dots that end before an `@` that ends `text`.
fn local_part(text: &[u8]) -> Option<&str> {
    let before = AT.iter().find_map(|at| text.strip_suffix(at.as_bytes()))?;
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'.';
    let mut start = before.iter().rposition(|byte| !is_local(byte)).map_or(0, |at| at + 1);
    if start > 0 && before.get(start - 1) == Some(&b'%') {
        // `%3d` and its like stand before the first letter, not in the name.
        start += 2;
    }
    std::str::from_utf8(before.get(start..)?).ok().filter(|local| !local.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_part_ends_at_an_at_sign_in_any_spelling() {
        for (text, want) in [
            ("to maria.keller42abcd@", Some("maria.keller42abcd")),
            ("m=maria.keller42abcd%40", Some("maria.keller42abcd")),
            ("{\"m\":\"x1\\u0040", Some("x1")),
            ("<a href=\"mailto:x1&#64;", Some("x1")),
            ("u%3dhttps%3a%2f%2fx%3fm%3dx1%40", Some("x1")),
            ("mail.", None),
            ("@", None),
        ] {
            assert_eq!(local_part(text.as_bytes()), want, "{text}");
        }
    }
}
