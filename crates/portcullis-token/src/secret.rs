//! Secrets of this service: read from where the settings point, and never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// A text that never prints.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that needs it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([elided])")
    }
}

/// Where a secret is: `{ file = "…" }` or `{ env = "…" }`. Settings are copied, committed and printed, so the secret
/// itself never stands in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretSource {
    File(PathBuf),
    Env(String),
}

impl SecretSource {
    /// Reads the secret now. A relative file is looked for in `directory`; white space around the text is cut off,
    /// because editors end files with a line break.
    pub(crate) fn read(&self, directory: &Path) -> Result<Secret, SecretError> {
        let text = match self {
            Self::File(path) => {
                let path = directory.join(path);
                std::fs::read_to_string(&path).map_err(|error| SecretError::File { path, error })?
            }
            // The error of the standard library would quote a value that is not Unicode.
            Self::Env(name) => std::env::var(name).map_err(|_| SecretError::Env { name: name.clone() })?,
        };
        match text.trim() {
            "" => Err(SecretError::Empty { place: self.to_string() }),
            text => Ok(Secret::new(text)),
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file `{}`", path.display()),
            Self::Env(name) => write!(f, "environment variable `{name}`"),
        }
    }
}

/// Written by hand, because the errors that serde derives quote the value at fault: the secret of whoever wrote it
/// into the settings.
impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Place)
    }
}

struct Place;

impl<'de> Visitor<'de> for Place {
    type Value = SecretSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`{ file = \"…\" }` or `{ env = \"…\" }`")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretSource, E> {
        Err(E::custom(NOT_INLINE))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<SecretSource, E> {
        Err(E::custom(NOT_INLINE))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<SecretSource, E> {
        Err(E::custom(NOT_INLINE))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<SecretSource, E> {
        Err(E::custom(NOT_INLINE))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretSource, A::Error> {
        let only_one = || de::Error::custom("write exactly one of `file` and `env`");
        let place = match map.next_key::<String>()?.as_deref() {
            Some("file") => SecretSource::File(map.next_value::<PathBuf>()?),
            Some("env") => SecretSource::Env(map.next_value::<String>()?),
            _ => return Err(de::Error::custom(NOT_INLINE)),
        };
        match map.next_key::<String>()? {
            None => Ok(place),
            Some(_) => Err(only_one()),
        }
    }
}

/// Why a secret cannot be had. The operator must change a setting, or what it points to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// There is nothing but white space.
    #[error("the {place} is empty")]
    Empty {
        /// Where the secret should be.
        place: String,
    },
    /// The environment variable is not set, or is not Unicode.
    #[error("the environment variable `{name}` is not set to a text")]
    Env {
        /// The variable.
        name: String,
    },
    /// The file cannot be read.
    #[error("the file `{}` cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
}

const NOT_INLINE: &str =
    "a secret never stands in the settings; write where it is: `{ file = \"…\" }` or `{ env = \"…\" }`";

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Result<SecretSource, String> {
        #[derive(Deserialize)]
        struct Settings {
            secret: SecretSource,
        }
        let read: Result<Settings, toml::de::Error> = toml::from_str(&format!("secret = {text}"));
        read.map(|settings| settings.secret).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_secret_in_the_settings_is_refused_and_not_quoted() {
        // GEN-04
        for text in [
            "4242",
            "42.42",
            r#""canary""#,
            r#"{ inline = "canary" }"#,
            r#"{ value = "canary", file = "a" }"#,
            r#"["canary"]"#,
        ] {
            let error = source(text).unwrap_err();
            assert!(!error.contains("canary") && !error.contains("42"), "{text}: {error}");
            assert!(error.contains("file") && error.contains("env"), "{text}: {error}");
        }
        assert!(source(r#"{ file = "a", env = "B" }"#).unwrap_err().contains("exactly one"));
        assert!(source("{}").is_err());
    }

    #[test]
    fn a_secret_that_is_not_there_is_named_by_its_place() {
        let directory = Path::new("/nowhere");
        let read = |text: &str| source(text).unwrap().read(directory).unwrap_err().to_string();
        assert_eq!(read(r#"{ file = "secret" }"#), "the file `/nowhere/secret` cannot be read");
        let name = "PORTCULLIS_TEST_NO_SUCH_VARIABLE";
        assert!(read(&format!(r#"{{ env = "{name}" }}"#)).contains(name));
        assert!(read(r#"{ file = "/dev/null" }"#).contains("is empty"));
    }

    #[test]
    fn a_secret_does_not_print() {
        // GEN-04
        assert!(!format!("{:?}", Secret::new("canary")).contains("canary"));
    }
}
