//! The files of a bundle, before anything is made of them.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};

use super::problem::{LoadError, Problem};

/// The text of every file that makes up a bundle, by path relative to the bundle, with `/` between folders.
///
/// ```
/// use portcullis_core::BundleFiles;
///
/// let files = BundleFiles::new()
///     .with_file("schema.cedarschema", "entity User;")
///     .with_file("roles/people.cedar", "");
/// assert_eq!(files.get("schema.cedarschema"), Some("entity User;"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BundleFiles {
    files: BTreeMap<String, String>,
}

impl BundleFiles {
    /// No files yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces one file.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<String>, text: impl Into<String>) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    /// Takes one file away.
    #[must_use]
    pub fn without_file(mut self, path: &str) -> Self {
        self.files.remove(path);
        self
    }

    /// Reads the files of a bundle from the directory `dir`.
    ///
    /// `README.md`, `cases/`, `invariants/` and hidden files are not part of a bundle and are left alone.
    ///
    /// # Errors
    ///
    /// Every file that cannot be read, is not UTF-8, or has no place in a bundle: a policy file outside the four
    /// layers would otherwise be lost without a word.
    #[cfg(feature = "fs")]
    pub fn from_dir(dir: impl AsRef<std::path::Path>) -> Result<Self, LoadError> {
        let mut reader = directory::Reader::default();
        reader.read(dir.as_ref(), "");
        if reader.problems.is_empty() { Ok(Self { files: reader.files }) } else { Err(LoadError::new(reader.problems)) }
    }

    /// The text of the file at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// The files with their texts, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files below the folder `folder`, with their texts.
    pub(crate) fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let inside = move |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        self.iter().filter(move |(path, _)| inside(path))
    }

    /// The hash that identifies this content.
    #[must_use]
    pub fn hash(&self) -> BundleHash {
        let mut hasher = Sha256::new();
        for (path, text) in self.files.iter().filter(|(path, _)| *path != MANIFEST) {
            // Lengths in front, so that no two sets of files run together to the same bytes.
            for part in [path, text] {
                hasher.update((part.len() as u64).to_be_bytes());
                hasher.update(part.as_bytes());
            }
        }
        BundleHash(hasher.finalize().into())
    }

    /// The content of a `MANIFEST` that fits these files: one line `sha256  path` for each.
    #[must_use]
    pub fn manifest(&self) -> String {
        let content = self.files.iter().filter(|(path, _)| *path != MANIFEST);
        content.map(|(path, text)| format!("{}  {path}\n", sha256_hex(text))).collect()
    }

    /// Whether these are all files of a bundle as it was packed, and none else.
    ///
    /// # Errors
    ///
    /// If there is no `MANIFEST`, or if a file differs from what it lists, is missing, or is not listed.
    pub fn require_manifest(&self) -> Result<(), LoadError> {
        let problems = match self.get(MANIFEST) {
            Some(_) => self.check_manifest(),
            None => vec![Problem::new(MANIFEST, "is missing").with_help(
                "write what `BundleFiles::manifest` says: only that tells a whole bundle from one that is half copied",
            )],
        };
        if problems.is_empty() { Ok(()) } else { Err(LoadError::new(problems)) }
    }

    /// Compares the files with the `MANIFEST`, where there is one.
    pub(crate) fn check_manifest(&self) -> Vec<Problem> {
        let Some(manifest) = self.get(MANIFEST) else {
            return Vec::new();
        };
        let listed: BTreeMap<&str, &str> =
            manifest.lines().filter_map(|line| line.split_once("  ").map(|(hash, path)| (path, hash))).collect();
        let mut problems = Vec::new();
        let help = "copy the whole bundle again, or run `portcullis pack` if the change is meant";
        for (path, text) in self.files.iter().filter(|(path, _)| *path != MANIFEST) {
            let message = match listed.get(path.as_str()) {
                None => "is not listed in the MANIFEST",
                Some(hash) if *hash != sha256_hex(text) => "differs from what the MANIFEST lists",
                Some(_) => continue,
            };
            problems.push(Problem::new(path, message).with_help(help));
        }
        for path in listed.keys().filter(|path| self.get(path).is_none()) {
            problems.push(Problem::new(*path, "is listed in the MANIFEST but missing").with_help(help));
        }
        problems
    }
}

/// SHA-256 over all files of a bundle: two bundles with one hash decide alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BundleHash([u8; 32]);

/// Lower-case hexadecimal.
impl fmt::Display for BundleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BundleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BundleHash({self})")
    }
}

fn sha256_hex(text: &str) -> String {
    BundleHash(Sha256::digest(text.as_bytes()).into()).to_string()
}

#[cfg(feature = "fs")]
mod directory {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::super::Layer;
    use super::super::problem::Problem;
    use super::{ENTITIES, MANIFEST, SCHEMA, SETTINGS};

    #[derive(Default)]
    pub(super) struct Reader {
        pub(super) files: BTreeMap<String, String>,
        pub(super) problems: Vec<Problem>,
    }

    impl Reader {
        /// Reads `dir`, which is the folder `prefix` (empty, or ending in `/`) of the bundle.
        pub(super) fn read(&mut self, dir: &Path, prefix: &str) {
            let entries = match std::fs::read_dir(dir) {
                Ok(entries) => entries,
                Err(error) => {
                    return self.refuse(&dir.display().to_string(), format!("cannot be read: {error}"), None);
                }
            };
            for entry in entries {
                match entry {
                    Ok(entry) => {
                        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
                        self.entry(&entry.path(), path);
                    }
                    Err(error) => self.refuse(prefix, format!("cannot be listed: {error}"), None),
                }
            }
        }

        fn entry(&mut self, file: &Path, path: String) {
            let in_layer = Layer::ALL.iter().any(|layer| {
                path.strip_prefix(layer.folder()).is_some_and(|rest| rest.starts_with('/') && !rest.contains("/."))
            });
            if path.starts_with('.') || path.contains("/.") || path.ends_with("README.md") {
                return;
            }
            if file.is_dir() {
                if !OUTSIDE.contains(&path.as_str()) {
                    self.read(file, &format!("{path}/"));
                }
            } else if [SCHEMA, ENTITIES, SETTINGS, MANIFEST].contains(&path.as_str())
                || (in_layer && path.ends_with(".cedar"))
            {
                match std::fs::read_to_string(file) {
                    Ok(text) => drop(self.files.insert(path, text)),
                    Err(error) => self.refuse(&path, format!("cannot be read: {error}"), None),
                }
            } else if in_layer || path.ends_with(".cedar") || path.ends_with(".cedarschema") {
                let help = "policies are files `*.cedar` in `consent/`, `roles/`, `ceilings/` or `guardrails/`, the schema is \
                            `schema.cedarschema`";
                self.refuse(&path, "has no place in a bundle".to_owned(), Some(help));
            }
        }

        fn refuse(&mut self, path: &str, message: String, help: Option<&str>) {
            let problem = Problem::new(path, message);
            self.problems.push(match help {
                Some(help) => problem.with_help(help),
                None => problem,
            });
        }
    }

    /// Folders beside the bundle's own: tests of its policies.
    const OUTSIDE: [&str; 2] = ["cases", "invariants"];
}

pub(crate) const SCHEMA: &str = "schema.cedarschema";
pub(crate) const ENTITIES: &str = "entities.json";
pub(crate) const SETTINGS: &str = "portcullis.toml";
pub(crate) const MANIFEST: &str = "MANIFEST";
