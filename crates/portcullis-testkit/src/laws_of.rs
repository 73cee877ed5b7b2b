//! All laws on one bundle: [`laws!`](crate::laws!).

use std::cell::Cell;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use portcullis_core::{Bundle, BundleFiles, BundleSettings, Layer, LoadError, Problem, Source};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::decider::{Decider, Product};
use crate::derive::DeriveError;
use crate::explanation_laws::ExplanationLaws;
use crate::invariants::Invariants;
use crate::laws::{self, Violation};
use crate::reference::{Reference, ReferenceError};
use crate::scenario::Scenario;
use crate::strategies::World;

/// One test that checks all laws on a bundle.
///
/// ```
/// portcullis_testkit::laws!("../../policies/projects");
/// # fn main() {}
/// ```
///
/// The path begins in the directory of the package. The test is called `laws_hold`, so a file with two bundles has a module for
/// each. Scenarios are [derived](World::of_bundle) from the bundle, 256 of them, or as many as the environment variable
/// `PROPTEST_CASES` says. A law that does not hold is reported with the simplest scenario that shows it.
///
/// # Invariants
///
/// What holds for every request of one bundle stands in `invariants/*.toml` beside its policies:
///
/// ```toml
/// [[never]]                       # nothing that fits is ever allowed
/// why = "what is deleted is gone" # optional
/// kind = "agent"
/// action = "DeleteProject"
///
/// [[only]]                        # what fits `action` and `scope` is allowed to nobody else
/// role = "billing"
/// scope = "manage:billing"
/// ```
///
/// | Key | Meaning |
/// |---|---|
/// | `kind` | what the subject or the actor is: `user`, `service`, `agent`. `never`: one of the two is; `only`: both are |
/// | `class` | the class of an agent that is subject or actor. `never`: one of the two is of it; `only`: all that are agents are |
/// | `role` | a role of the subject, by itself or through another |
/// | `action` | an action, or a group that it is in |
/// | `scope` | a scope that covers the action, itself or through another |
/// | `vacuous` | why no request that can be made up is about it |
///
/// A list of values means any of them, and different keys join by AND. Names that the bundle does not know are errors. So are
/// public actions, of which it does not matter who asks, and an invariant that no request puts to the test, unless it says why.
///
/// A policy that denies because of a fact allows more if the fact is taken away, such as a role of those who are suspended. That
/// is against a law, so it is waived for the policy, with the reason:
///
/// ```toml
/// [waived]
/// suspended = "our directory states the role, and no token can leave it out"
/// ```
///
/// What TOML cannot say is said in Rust. The invariant holds where the closure answers `true`:
///
/// ```
/// portcullis_testkit::laws!("../../policies/projects",
///     "archived projects are not shared" => |decider, scenario| {
///         let archived = scenario.resource.attributes.as_ref().is_some_and(|project| project["archived"] == true);
///         !(archived && scenario.action == "ShareProject" && decider.decide(scenario).allowed)
///     },
/// );
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! laws {
    ($dir:literal $(, $name:literal => $invariant:expr)* $(,)?) => {
        #[test]
        fn laws_hold() -> ::std::result::Result<(), $crate::LawsError> {
            $crate::Laws::of_dir(::std::concat!(::std::env!("CARGO_MANIFEST_DIR"), "/", $dir))?
                $(.with_invariant($name, $invariant))*
                .check()
        }
    };
}

/// All laws on one bundle, for those who need more than [`laws!`](crate::laws!).
pub struct Laws {
    product: Product,
    reference: Reference,
    reloaded: Product,
    poorer: Vec<Product>,
    explanations: ExplanationLaws,
    world: World,
    invariants: Option<Invariants>,
    own: Vec<(String, OwnInvariant)>,
}

type OwnInvariant = Box<dyn Fn(&dyn Decider, &Scenario) -> bool>;

impl Laws {
    /// The laws on the bundle in the directory `dir`, with its invariants, on scenarios that are derived from it.
    ///
    /// # Errors
    ///
    /// If the bundle or its invariants do not load, or scenarios cannot be derived.
    pub fn of_dir(dir: impl AsRef<Path>) -> Result<Self, LawsError> {
        let dir = dir.as_ref();
        let bundle = portcullis::load_dir(dir)?.bundle;
        let files = BundleFiles::from_dir(dir)?;
        let invariants = Invariants::from_dir(dir, &files, &bundle).map_err(LawsError::Invariants)?;
        let world = World::of_bundle(&files, &bundle)?;
        Ok(Self { invariants: Some(invariants), ..Self::new(&files, bundle, world)? })
    }

    /// The laws on the bundle in `files`, which loaded as `bundle`, on scenarios of `world`.
    ///
    /// # Errors
    ///
    /// If the bundle does not load again.
    pub fn new(files: &BundleFiles, bundle: Arc<Bundle>, world: World) -> Result<Self, LawsError> {
        let settings = settings(files, &bundle);
        let reference = Reference::new(files, &settings)?;
        let reloaded = Product::new(bundle.load_next(files, settings.clone())?);
        let poorer = poorer(files, &bundle, &settings);
        let explanations = ExplanationLaws::new(files, &bundle, &world);
        let product = Product::new(bundle);
        Ok(Self { product, reference, reloaded, poorer, explanations, world, invariants: None, own: Vec::new() })
    }

    /// Adds an invariant: `holds` must be true for every scenario.
    #[must_use]
    pub fn with_invariant(
        mut self,
        name: impl Into<String>,
        holds: impl Fn(&dyn Decider, &Scenario) -> bool + 'static,
    ) -> Self {
        self.own.push((name.into(), Box::new(holds)));
        self
    }

    /// Checks everything on `PROPTEST_CASES` scenarios, 256 unless stated.
    ///
    /// # Errors
    ///
    /// What does not hold, on the simplest scenario that was found.
    pub fn check(&self) -> Result<(), LawsError> {
        let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
        if let Some(invariants) = &self.invariants {
            self.check_invariants(invariants, cases.saturating_mul(FOCUS))?;
        }
        run(&self.world, cases, |scenario| self.one(&self.product, scenario))
    }

    /// Each of them on requests that it is about: a small part of all that can be asked, and asking costs little.
    fn check_invariants(&self, invariants: &Invariants, cases: u32) -> Result<(), LawsError> {
        let mut untested = Vec::new();
        for (invariant, world) in invariants.focused(&self.world) {
            let is_tested = Cell::new(false);
            let look = |scenario: &Scenario| {
                is_tested.set(is_tested.get() || invariants.is_tested(invariant, &self.product, scenario));
            };
            if !world.requests.is_empty() {
                run(&world, cases, |scenario| {
                    look(scenario);
                    invariants.check(&self.product, scenario)
                })?;
                samples(&world, LOOK_FOR).take_while(|_| !is_tested.get()).for_each(|scenario| look(&scenario));
            }
            untested.extend(invariant.untested(&world).filter(|_| !is_tested.get()));
        }
        if untested.is_empty() { Ok(()) } else { Err(LawsError::Untested(untested)) }
    }

    /// Everything, on one scenario.
    fn one(&self, product: &Product, scenario: &Scenario) -> Result<(), Violation> {
        for (_, law) in laws::LAWS {
            let waives = |violation: &Violation| {
                self.invariants.as_ref().is_some_and(|invariants| invariants.waive(product, violation))
            };
            law(product, scenario).or_else(|violation| if waives(&violation) { Ok(()) } else { Err(violation) })?;
        }
        laws::equals_reference(product, &self.reference, scenario)?;
        product.replays(scenario)?;
        laws::reloading(product, &self.reloaded, scenario)?;
        self.poorer.iter().try_for_each(|poorer| laws::emptying(product, poorer, scenario))?;
        self.explanations.check(product, scenario)?;
        self.invariants.iter().try_for_each(|invariants| invariants.check(product, scenario))?;
        match self.own.iter().find(|(_, holds)| !holds(product, scenario)) {
            None => Ok(()),
            Some((name, _)) => Err(Violation {
                law: "the invariants of the test hold",
                message: name.clone(),
                scenario: Box::new(scenario.clone()),
                neighbour: None,
            }),
        }
    }
}

impl fmt::Debug for Laws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Laws").field("world", &self.world).finish_non_exhaustive()
    }
}

/// Why the laws do not hold, or could not be checked. Its `Debug` form is its text, so that a test can return it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum LawsError {
    /// The bundle or its settings do not load.
    #[error(transparent)]
    Bundle(#[from] LoadError),
    /// `invariants/*.toml` cannot be read.
    #[error("the invariants cannot be read{}", .0.iter().map(|problem| format!("\n{problem}")).collect::<String>())]
    Invariants(Vec<Problem>),
    /// No scenarios can be derived.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// There is no reference model.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Invariants that no request puts to the test: whatever the policies are, they hold.
    #[error("there are invariants that nothing tests{}", .0.iter().map(|problem| format!("\n{problem}")).collect::<String>())]
    Untested(Vec<Problem>),
    /// A law or an invariant does not hold.
    #[error("{violation}\nfound by scenario {scenario} of {cases}")]
    Broken {
        /// What does not hold.
        violation: Box<Violation>,
        /// How many scenarios it took.
        scenario: u32,
        /// How many there would have been.
        cases: u32,
    },
    /// Scenarios ran out.
    #[error("the laws could not be checked: {reason}")]
    Aborted {
        /// Why.
        reason: String,
    },
}

impl fmt::Debug for LawsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Puts `cases` scenarios of `world` to `law`.
fn run(world: &World, cases: u32, law: impl Fn(&Scenario) -> Result<(), Violation>) -> Result<(), LawsError> {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    // Simpler scenarios are tried once one has failed.
    let (tried, has_failed) = (Cell::new(0), Cell::new(false));
    let found = TestRunner::new(config).run(&world.scenarios(), |scenario| {
        tried.set(tried.get() + u32::from(!has_failed.get()));
        law(&scenario).map_err(|violation| {
            has_failed.set(true);
            TestCaseError::fail(violation.to_string())
        })
    });
    match found {
        Ok(()) => Ok(()),
        // What is reported belongs to the scenario that is shown.
        Err(TestError::Fail(reason, scenario)) => Err(match law(&scenario) {
            Err(violation) => LawsError::Broken { violation: Box::new(violation), scenario: tried.get(), cases },
            Ok(()) => LawsError::Aborted { reason: reason.to_string() },
        }),
        Err(TestError::Abort(reason)) => Err(LawsError::Aborted { reason: reason.to_string() }),
    }
}

/// `count` scenarios of `world`.
fn samples(world: &World, count: u32) -> impl Iterator<Item = Scenario> + use<> {
    let (scenarios, mut runner) = (world.scenarios(), TestRunner::default());
    (0..count).map_while(move |_| Some(scenarios.new_tree(&mut runner).ok()?.current()))
}

/// The settings that `files` load under: what `portcullis.toml` must say of them.
pub(crate) fn settings(files: &BundleFiles, bundle: &Bundle) -> BundleSettings {
    let sources = bundle.sources();
    let sources: Vec<Source> = sources.aliases().filter_map(|alias| sources.get(alias).cloned()).collect();
    let mut settings = bundle.supplied().fold(BundleSettings::new(sources), BundleSettings::with_supplied);
    settings.without_entities = files.get("entities.json").is_none();
    for layer in Layer::ALL {
        let inside = |path: &str| path.split('/').next() == Some(layer.folder());
        let mut below = files.iter().filter(|(path, _)| inside(path)).peekable();
        if below.peek().is_none() {
            settings.empty_layers.insert(layer);
        }
        let denying = below.filter(|(_, text)| text.contains("forbid"));
        settings.required_files.extend(denying.map(|(path, _)| path.to_owned()));
    }
    settings
}

/// The bundle without each layer that permits, and without each file that may be lost unnoticed.
fn poorer(files: &BundleFiles, bundle: &Bundle, settings: &BundleSettings) -> Vec<Product> {
    let mut found = Vec::new();
    for layer in [Layer::Consent, Layer::Ceilings, Layer::Roles] {
        let inside = |path: &str| path.split('/').next() == Some(layer.folder());
        let paths = files.iter().map(|(path, _)| path).filter(|path| inside(path));
        let fewer = paths.fold(files.clone(), BundleFiles::without_file);
        let mut settings = settings.clone().with_empty_layer(layer);
        settings.required_files.retain(|path| !inside(path));
        found.push((fewer, settings));
    }
    for (path, _) in files.iter() {
        found.push((files.clone().without_file(path), settings.clone()));
    }
    // What does not load without the file needs no law: its loss is noticed.
    let loaded = found.into_iter().filter_map(|(files, settings)| bundle.load_next(&files, settings).ok());
    loaded.map(Product::new).collect()
}

/// So that all laws on a bundle take seconds.
const CASES: u32 = 256;

/// How many times as many scenarios each invariant gets for itself: one question costs little.
const FOCUS: u32 = 4;

/// How many more scenarios are looked at before it is said that none is about an invariant.
const LOOK_FOR: u32 = 4_096;
