//! Times as `NumericDate` (RFC 7519 §2): whole seconds.

use serde::{Deserialize, Deserializer, Serializer, de};

use crate::time::UnixTime;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
pub(crate) fn serialize<S: Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(time.as_secs())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixTime, D::Error> {
    known(i64::deserialize(deserializer)?)
}

fn known<E: de::Error>(secs: i64) -> Result<UnixTime, E> {
    UnixTime::from_secs(secs).ok_or_else(|| E::custom("not a time between 1970 and 9999"))
}

pub(crate) mod option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::time::UnixTime;

    #[expect(clippy::ref_option, reason = "the signature is serde's")]
    pub(crate) fn serialize<S: Serializer>(time: &Option<UnixTime>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(UnixTime::as_secs).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnixTime>, D::Error> {
        Option::<i64>::deserialize(deserializer)?.map(super::known).transpose()
    }
}
