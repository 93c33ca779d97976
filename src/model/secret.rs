//! A value that never prints.

use std::fmt;
use zeroize::Zeroize;

/// Wraps a real value or a key: no `Display`, a `Debug` that shows nothing, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. The caller keeps it out of logs, errors and records.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("ann@home.example".to_owned());
        assert!(!format!("{secret:?}").contains("ann"));
    }
}
