//! Maps that every request looks into.

use std::collections::HashMap;

/// A hash map that is quick with short keys. Its hash is keyed anew in each process, so that whoever chooses the keys, as
/// vendors choose host names, cannot choose ones that collide.
pub type QuickMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
