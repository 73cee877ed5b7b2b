//! What runs on the server. Each script is one step there: nothing comes between its first and its last command.

pub(crate) const CONNECT: &str = concat!(include_str!("lua/memory.lua"), include_str!("lua/connect.lua"));
pub(crate) const REPLAY: &str = concat!(include_str!("lua/memory.lua"), include_str!("lua/replay.lua"));
pub(crate) const LIMIT: &str = concat!(include_str!("lua/memory.lua"), include_str!("lua/limit.lua"));
pub(crate) const REVOKE: &str =
    concat!(include_str!("lua/memory.lua"), include_str!("lua/revocations.lua"), include_str!("lua/revoke.lua"));
pub(crate) const CHANGES: &str =
    concat!(include_str!("lua/memory.lua"), include_str!("lua/revocations.lua"), include_str!("lua/changes.lua"));
