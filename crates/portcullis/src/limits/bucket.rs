//! The names of buckets.

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use aws_lc_rs::rand::SystemRandom;

use super::limit::{Counted, Limit};

/// Names buckets by a keyed hash, so that a name says nothing about who is counted.
#[derive(Debug)]
pub(super) struct BucketNames(Key);

impl BucketNames {
    /// Names that mean something to this gate alone.
    pub(super) fn own() -> Self {
        // Without randomness the names are still hashes.
        Key::generate(HMAC_SHA256, &SystemRandom::new()).map_or_else(|_| Self::shared(), Self)
    }

    /// Names that all replicas have in common. Who reads the store can try out whom a name may be for.
    pub(super) fn shared() -> Self {
        Self(Key::new(HMAC_SHA256, SHARED))
    }

    /// The bucket of `limit` for `counted`.
    pub(super) fn name(&self, limit: &Limit, counted: &Counted<'_>) -> [u8; 32] {
        let mut hash = Context::with_key(&self.0);
        write(&mut hash, limit.name.as_bytes());
        for part in &limit.per {
            let pieces = counted.value(*part);
            write(&mut hash, part.as_str().as_bytes());
            hash.update(&[u8::try_from(pieces.len()).unwrap_or(u8::MAX)]);
            pieces.iter().for_each(|piece| write(&mut hash, piece));
        }
        // SHA-256 has 32 octets.
        hash.sign().as_ref().try_into().unwrap_or_default()
    }
}

/// With its length before it, so that no two sequences of texts are one sequence of octets.
fn write(hash: &mut Context, octets: &[u8]) {
    hash.update(&(octets.len() as u64).to_be_bytes());
    hash.update(octets);
}

/// It tells these hashes from others of the same text, and is no secret.
const SHARED: &[u8] = b"portcullis limits 1";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::limits::limit::{Counts, OnStoreFailure, Part};
    use crate::limits::store::Quota;

    fn limit(name: &str, per: &[Part]) -> Limit {
        Limit {
            name: name.into(),
            class: None,
            per: per.iter().copied().collect::<BTreeSet<_>>(),
            quota: Quota { interval: Duration::from_secs(1), burst: NonZeroU32::MIN },
            costs: [].into(),
            counts: Counts::Requests,
            on_store_failure: OnStoreFailure::Deny,
        }
    }

    fn counted<'a>(action: Option<&'a str>, peer: Option<&str>) -> Counted<'a> {
        Counted { caller: None, action, peer: peer.map(|peer| peer.parse().unwrap()) }
    }

    #[test]
    fn what_differs_has_a_bucket_of_its_own() {
        // RLM-09
        let names = BucketNames::own();
        let both = [Part::Action, Part::Peer];
        let rows = [
            ("a", &both[..], counted(Some("Get"), Some("10.0.0.1"))),
            ("b", &both[..], counted(Some("Get"), Some("10.0.0.1"))),
            ("a", &both[..1], counted(Some("Get"), Some("10.0.0.1"))),
            ("a", &both[1..], counted(Some("Get"), Some("10.0.0.1"))),
            ("a", &[], counted(Some("Get"), Some("10.0.0.1"))),
            // An absent part is a value of its own, and not the empty one.
            ("a", &both[..], counted(None, Some("10.0.0.1"))),
            ("a", &both[..], counted(Some(""), Some("10.0.0.1"))),
            ("a", &both[..], counted(Some("Get"), None)),
            ("a", &both[..], counted(None, None)),
            ("a", &both[..], counted(Some("Get"), Some("10.0.0.2"))),
            ("a", &both[..], counted(Some("Get"), Some("2001:db8::1"))),
            ("a", &both[..], counted(Some("Get"), Some("2001:db8:0:1::1"))),
        ];
        let found: BTreeSet<_> = rows.iter().map(|(name, per, who)| names.name(&limit(name, per), who)).collect();
        assert_eq!(found.len(), rows.len());
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer() {
        let names = BucketNames::own();
        let name = |peer| names.name(&limit("a", &[Part::Peer]), &counted(None, Some(peer)));
        assert_eq!(name("2001:db8::1"), name("2001:db8::ffff:2"));
        assert_eq!(name("10.0.0.1"), name("::ffff:10.0.0.1"));
    }

    #[test]
    fn names_of_one_process_mean_nothing_to_another_unless_they_share_a_store() {
        // RLM-09
        let name = |names: BucketNames| names.name(&limit("a", &[Part::Peer]), &counted(None, Some("10.0.0.1")));
        assert_ne!(name(BucketNames::own()), name(BucketNames::own()));
        assert_eq!(name(BucketNames::shared()), name(BucketNames::shared()));
    }
}
