//! The targets: each takes any octets, and panics if what it states of them does not hold.

/// A target.
pub type Target = fn(&[u8]);

macro_rules! targets {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+

        /// All targets, by name.
        pub const TARGETS: &[(&str, Target)] = &[$((stringify!($name), $name::run)),+];
    };
}

targets! {
    api_keys,
    approval,
    audit,
    bundle,
    certificate,
    challenge,
    claims,
    discovery,
    introspection,
    key_set,
    profile,
    proof,
    proxy,
    request,
    routes,
    scopes,
    settings,
    signed_token,
    status_list,
    target_uri,
    token,
}
