//! The Merkle tree of RFC 6962 (proofs as RFC 9162 section 2.1 words them). Pure: hashes in, hashes out.

use sha2::{Digest, Sha256};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// `MTH({d}) = SHA-256(0x00 || d)`
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// `SHA-256(0x01 || left || right)`
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The roots of the full subtrees a tree of some size consists of: enough to grow it and to tell its root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    /// Largest subtree first: one for each bit that is set in `size`.
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// Takes up a range again; `None` where the number of peaks does not fit the size.
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The subtree roots, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds a leaf's hash at the end.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each trailing one bit of the old size is a full subtree that the new one merges with.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The tree's root.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => Sha256::digest([]).into(),
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

/// The root over these leaf hashes.
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut range = CompactRange::default();
    leaves.iter().for_each(|leaf| range.push(*leaf));
    range.root()
}

/// The largest power of two smaller than `size` (which is at least 2).
fn split_point(size: usize) -> usize {
    1 << (usize::BITS - 1 - (size - 1).leading_zeros())
}

/// `PATH(index, leaves)`: what leads from a leaf to the root. `None` where the index is outside.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let split = split_point(leaves.len());
    let (left, right) = leaves.split_at_checked(split)?;
    let (mut path, other) = if index < split {
        (inclusion_proof(left, index)?, right)
    } else {
        (inclusion_proof(right, index - split)?, left)
    };
    path.push(root_of(other));
    Some(path)
}

/// `PROOF(old, leaves)`: that the tree of `old` leaves is a beginning of this one. `None` where it is larger.
pub fn consistency_proof(leaves: &[Hash], old: usize) -> Option<Vec<Hash>> {
    if old > leaves.len() {
        return None;
    }
    if old == 0 || old == leaves.len() {
        return Some(Vec::new());
    }
    subproof(leaves, old, true)
}

fn subproof(leaves: &[Hash], old: usize, whole: bool) -> Option<Vec<Hash>> {
    if old == leaves.len() {
        return Some(if whole { Vec::new() } else { vec![root_of(leaves)] });
    }
    let split = split_point(leaves.len());
    let (left, right) = leaves.split_at_checked(split)?;
    let (mut path, other) = if old <= split {
        (subproof(left, old, whole)?, right)
    } else {
        (subproof(right, old - split, false)?, left)
    };
    path.push(root_of(other));
    Some(path)
}

/// RFC 9162 section 2.1.3.2.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for step in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(step, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, step);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// RFC 9162 section 2.1.4.2, with the trivial cases of equal sizes and of an empty first tree.
pub fn verify_consistency(old: u64, new: u64, old_root: &Hash, new_root: &Hash, proof: &[Hash]) -> bool {
    if old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return proof.is_empty() && *old_root == root_of(&[]);
    }
    let mut steps = proof.iter();
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    // A first tree that is a full power of two is its own first step.
    let first = if old.is_power_of_two() { Some(old_root) } else { steps.next() };
    let Some(first) = first else { return false };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(step, &old_hash);
            new_hash = node_hash(step, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, step);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    /// The leaves and roots of certificate-transparency's merkle tree tests.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|at| leaf_hash(&[at as u8])).collect()
    }

    #[test]
    fn known_roots() {
        let mut range = CompactRange::default();
        assert_eq!(range.root().to_vec(), hex(ROOTS[0]));
        for (leaf, root) in LEAVES.iter().zip(&ROOTS[1..]) {
            range.push(leaf_hash(&hex(leaf)));
            assert_eq!(range.root().to_vec(), hex(root));
        }
    }

    #[test]
    fn known_inclusion_proof() {
        // certificate-transparency: leaf 1 of 1, leaf 6 of 8 (counted from 1), leaf 3 of 3.
        let all: Vec<Hash> = LEAVES.iter().map(|leaf| leaf_hash(&hex(leaf))).collect();
        let path = inclusion_proof(&all, 5).unwrap();
        let want = [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(path, want.map(|text| Hash::try_from(hex(text)).unwrap()));
        assert_eq!(inclusion_proof(&all[..3], 2).unwrap(), [Hash::try_from(hex(ROOTS[2])).unwrap()]);
    }

    #[test]
    fn every_proof_of_small_trees_holds_and_no_other_does() {
        for size in 1..=33_usize {
            let all = leaves(size);
            let root = root_of(&all);
            for index in 0..size {
                let proof = inclusion_proof(&all, index).unwrap();
                let holds = |index: usize, size: usize, proof: &[Hash]| {
                    verify_inclusion(&all[index % all.len()], index as u64, size as u64, proof, &root)
                };
                assert!(holds(index, size, &proof), "{index} of {size}");
                assert!(!verify_inclusion(&[7; 32], index as u64, size as u64, &proof, &root));
                assert!(!holds(size, size, &proof));
                if let Some((_, short)) = proof.split_last() {
                    assert!(!holds(index, size, &proof[..short.len()]));
                }
                let long: Vec<Hash> = proof.iter().copied().chain([root]).collect();
                assert!(!holds(index, size, &long));
            }
        }
    }

    #[test]
    fn every_beginning_of_small_trees_is_consistent_and_nothing_else() {
        for size in 1..=33_usize {
            let all = leaves(size);
            let new_root = root_of(&all);
            for old in 0..=size {
                let old_root = root_of(&all[..old]);
                let proof = consistency_proof(&all, old).unwrap();
                let holds = |old_root: &Hash, new_root: &Hash, proof: &[Hash]| {
                    verify_consistency(old as u64, size as u64, old_root, new_root, proof)
                };
                assert!(holds(&old_root, &new_root, &proof), "{old} in {size}");
                assert!(!holds(&[1; 32], &new_root, &proof));
                if old != 0 {
                    assert!(!holds(&old_root, &[1; 32], &proof));
                }
                let long: Vec<Hash> = proof.iter().copied().chain([[3; 32]]).collect();
                assert!(!holds(&old_root, &new_root, &long));
                for flipped in 0..proof.len() {
                    let mut other = proof.clone();
                    other[flipped][0] ^= 1;
                    assert!(!holds(&old_root, &new_root, &other));
                }
            }
            assert!(consistency_proof(&all, size + 1).is_none());
        }
    }

    #[test]
    fn a_range_is_taken_up_where_it_stopped() {
        let all = leaves(100);
        for stop in 0..100 {
            let mut first = CompactRange::default();
            all[..stop].iter().for_each(|leaf| first.push(*leaf));
            let mut second = CompactRange::from_parts(first.size(), first.peaks().to_vec()).unwrap();
            all[stop..].iter().for_each(|leaf| second.push(*leaf));
            assert_eq!(second.root(), root_of(&all));
        }
        assert_eq!(CompactRange::from_parts(3, vec![[0; 32]]), None);
    }
}
