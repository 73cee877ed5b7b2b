//! Bundles that are wrong in one place: good cases notice each of them.

mod original;
mod policies;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use portcullis_core::{Bundle, BundleFiles, Engine, LoadError};

use super::{Cases, CasesError, FOLDER, run};
use original::{Edit, Original};

/// One change that makes a bundle wrong. `Display` is its name, under which cases may say that it survives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Mutation {
    /// A policy is not there.
    PolicyDropped {
        /// Its id.
        policy: String,
    },
    /// A policy applies to more than it says.
    PolicyWidened {
        /// Its id.
        policy: String,
        /// What does not count any more.
        without: Part,
    },
    /// An action or scope is not in a scope or group.
    EdgeDropped {
        /// The action or scope.
        member: String,
        /// The scope or group.
        of: String,
    },
    /// An action is covered by every scope.
    ActionInEveryScope {
        /// The action.
        action: String,
    },
}

/// A part of a policy that narrows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Part {
    /// What its head says of the principal.
    Principal,
    /// What its head says of the action.
    Action,
    /// What its head says of the resource.
    Resource,
    /// One `when` or `unless`, counted from 1.
    Condition(usize),
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PolicyDropped { policy } => write!(f, "{policy}: dropped"),
            Self::PolicyWidened { policy, without: Part::Principal } => write!(f, "{policy}: any principal"),
            Self::PolicyWidened { policy, without: Part::Action } => write!(f, "{policy}: any action"),
            Self::PolicyWidened { policy, without: Part::Resource } => write!(f, "{policy}: any resource"),
            Self::PolicyWidened { policy, without: Part::Condition(number) } => {
                write!(f, "{policy}: without condition {number}")
            }
            Self::EdgeDropped { member, of } => write!(f, "{member}: not in {of}"),
            Self::ActionInEveryScope { action } => write!(f, "{action}: in every scope"),
        }
    }
}

/// A bundle with its cases, and everything that is tried on it.
///
/// ```no_run
/// portcullis_testkit::cases::Mutants::of_dir("policies/projects")?.run(|_| ()).assert_none_survives();
/// # Ok::<(), portcullis_testkit::cases::CasesError>(())
/// ```
#[derive(Debug)]
pub struct Mutants {
    directory: PathBuf,
    original: Original,
    bundle: Arc<Bundle>,
    cases: Cases,
    mutants: Vec<(Mutation, Edit)>,
}

impl Mutants {
    /// Reads the bundle in the directory `dir` with the cases in its folder `cases`.
    ///
    /// # Errors
    ///
    /// If the bundle does not load, the cases cannot be read, or one of them fails as it is.
    pub fn of_dir(dir: impl AsRef<Path>) -> Result<Self, CasesError> {
        let directory = dir.as_ref().to_owned();
        // A list of the right files would notice every change.
        let files = BundleFiles::from_dir(&directory)?.without_file("MANIFEST");
        portcullis::load_files(&files, &directory)?;
        let original = Original::of(files)?;
        // If what is written anew did not load, no change would, and nothing would survive.
        let loaded = portcullis::load_files(original.files(), &directory)?;
        let cases = Cases::from_dir(directory.join(FOLDER))?.with_verifier(&loaded.verifier);
        let report = cases.run(&Engine::new(loaded.bundle.clone()));
        if !report.is_success() {
            return Err(CasesError::Failing(Box::new(report)));
        }
        let mut mutants = policies::mutants(&original)?;
        mutants.extend(schema::mutants(&original));
        Ok(Self { directory, original, bundle: loaded.bundle, cases, mutants })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.mutants.len()
    }

    /// Tries each, on all processors, and tells `progress` how many were tried. Policies that are the same are not validated
    /// again.
    pub fn run(&self, progress: impl Fn(usize) + Sync) -> MutationReport {
        let (next, tried) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            let mut fates = Vec::new();
            while let Some((mutation, edit)) = self.mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
                fates.push((mutation, self.fate(edit)));
                progress(tried.fetch_add(1, Ordering::Relaxed) + 1);
            }
            fates
        };
        let workers = thread::available_parallelism().map_or(1, NonZero::get);
        let fates = thread::scope(|scope| {
            let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
            let mut fates = work();
            // One that ended early left mutants without a fate, which counts as survival below.
            fates.extend(others.into_iter().filter_map(|worker| worker.join().ok()).flatten());
            fates
        });
        self.report(&fates.into_iter().collect())
    }

    fn fate(&self, edit: &Edit) -> Fate {
        match self.original.edited(edit).map(|files| portcullis::load_changed(&self.bundle, &files, &self.directory)) {
            Ok(Ok(mutant)) if self.cases.fail(&Engine::new(mutant.bundle.clone())) => Fate::Noticed,
            Ok(Ok(_)) => Fate::Survived,
            Ok(Err(_)) | Err(_) => Fate::Refused,
        }
    }

    fn report(&self, fates: &BTreeMap<&Mutation, Fate>) -> MutationReport {
        let surviving = &self.cases.suite.surviving;
        let survived = self.mutants.iter().map(|(mutation, _)| mutation);
        let survived = survived.filter(|mutation| fates.get(mutation).is_none_or(|fate| *fate == Fate::Survived));
        let excused = |mutation: &Mutation| surviving.contains_key(&mutation.to_string());
        let (excused, survivors): (Vec<_>, Vec<_>) = survived.cloned().partition(excused);
        let used: BTreeSet<String> = excused.iter().map(Mutation::to_string).collect();
        MutationReport {
            mutants: self.mutants.len(),
            refused: fates.values().filter(|fate| **fate == Fate::Refused).count(),
            unexcused: surviving.keys().filter(|name| !used.contains(*name)).cloned().collect(),
            survivors,
            excused,
        }
    }
}

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Noticed,
    Survived,
    /// It did not load.
    Refused,
}

/// Which wrong bundles the cases took for right. `Display` lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MutationReport {
    /// How many were tried.
    pub mutants: usize,
    /// How many of them did not even load.
    pub refused: usize,
    /// Those that no case noticed.
    pub survivors: Vec<Mutation>,
    /// Those that no case noticed, and of which `[surviving]` says why.
    pub excused: Vec<Mutation>,
    /// Names in `[surviving]` that nothing has which survives.
    pub unexcused: Vec<String>,
}

impl MutationReport {
    /// Whether every wrong bundle was noticed, or is known not to be.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.survivors.is_empty() && self.unexcused.is_empty()
    }

    /// For tests: every wrong bundle was noticed.
    ///
    /// # Panics
    ///
    /// With the whole report, if one was not.
    #[track_caller]
    pub fn assert_none_survives(&self) {
        assert!(self.is_success(), "{self}");
    }
}

impl fmt::Display for MutationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mutants, refused, survivors, excused, unexcused } = self;
        write!(f, "{mutants} mutants, {refused} did not load, {} survived", survivors.len())?;
        if !excused.is_empty() {
            write!(f, ", {} more with a reason", excused.len())?;
        }
        survivors.iter().try_for_each(|mutation| write!(f, "\nsurvived: {mutation}"))?;
        unexcused.iter().try_for_each(|name| write!(f, "\nlisted as surviving, but it does not: {name}"))
    }
}

impl Cases {
    /// Whether one of them fails.
    fn fail(&self, engine: &Engine) -> bool {
        let mut cases = self.suite.cases.iter();
        cases.any(|case| run::run(case, engine, self.service.as_ref()).failure(case).is_some())
    }
}

/// Cedar could read the bundle before.
fn unexpected(file: &str, error: impl fmt::Display) -> CasesError {
    LoadError::new(vec![portcullis_core::Problem::new(file, error.to_string())]).into()
}
