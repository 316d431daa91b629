//! The identity of a pathway: 64-bit FNV-1 over the service and the tags of its edges, chained.
//!
//! A hash has to be stable only inside one service: receivers work on the (parent, hash) pairs as reported, and the
//! hash of another implementation is an opaque parent. Ours equals that of dd-trace-py and dd-trace-dotnet with their
//! process tags off. Process and container tags are not hashed: they make new pathways at every deploy.

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// FNV-1 (multiply, then xor) continued from `state`.
#[inline]
#[must_use]
pub const fn fnv1_from(mut state: u64, bytes: &[u8]) -> u64 {
    let mut at = 0;
    while at < bytes.len() {
        state = state.wrapping_mul(PRIME) ^ bytes[at] as u64;
        at += 1;
    }
    state
}

/// FNV-1 of `bytes`.
#[must_use]
pub const fn fnv1(bytes: &[u8]) -> u64 {
    fnv1_from(OFFSET, bytes)
}

/// Tags that are left out of the hash: a pathway is not split by partition.
#[must_use]
pub fn is_hashed(tag: &str) -> bool {
    tag.split_once(':').map_or(tag, |(key, _)| key) != "partition"
}

/// The hash of an edge in a service: service, environment, primary tag and the tags in bytewise order, with nothing
/// between them. The order of `tags` does not matter and they are not changed.
#[must_use]
pub fn node<T: AsRef<str>>(service: &str, env: &str, primary_tag: &str, tags: &[T]) -> u64 {
    let mut hashed: Vec<&str> = tags.iter().map(AsRef::as_ref).filter(|tag| is_hashed(tag)).collect();
    hashed.sort_unstable();
    [service, env, primary_tag].into_iter().chain(hashed).fold(OFFSET, |state, text| fnv1_from(state, text.as_bytes()))
}

/// The hash of the pathway that goes on from `parent` (0: none) over the edge with the hash `node`.
#[inline]
#[must_use]
pub const fn pathway(node: u64, parent: u64) -> u64 {
    extend(prefix(node), parent)
}

/// The half of [`pathway`] that depends on the edge alone: computed once when the edge is interned.
#[must_use]
pub const fn prefix(node: u64) -> u64 {
    fnv1(&node.to_le_bytes())
}

/// The other half of [`pathway`], for each message.
#[inline]
#[must_use]
pub const fn extend(prefix: u64, parent: u64) -> u64 {
    fnv1_from(prefix, &parent.to_le_bytes())
}

/// Spreads a hash over all 64 bits (the finalizer of splitmix64, by Steele, Lea and Flood).
#[inline]
#[must_use]
pub const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_constant_of_system_tests() {
        let node = node("weblog", "system-tests", "", &["type:http", "direction:in"]);
        assert_eq!(node, 5_179_352_108_816_558_794);
        assert_eq!(pathway(node, 0), 3_883_033_147_046_472_598);
    }

    #[test]
    fn the_partition_is_never_hashed() {
        let with = ["direction:in", "partition:3", "type:kafka"];
        assert_eq!(node("s", "e", "", &with), node("s", "e", "", &["direction:in", "type:kafka"]));
        assert_ne!(node("s", "e", "", &["partitions:3"]), node("s", "e", "", &[] as &[&str]));
    }
}
