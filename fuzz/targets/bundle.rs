//! A schema and a policy load or are refused; what loads cannot lose the policy without being refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::{Bundle, BundleFiles, Layer};

fuzz_target!(|text: &str| {
    let (schema, policy) = text.split_once(SEPARATOR).unwrap_or((text, ""));
    let files = BundleFiles::new().with_file("schema.cedarschema", schema).with_file(POLICY, policy);
    let empty = [Layer::Ceilings, Layer::Guardrails];
    let settings =
        empty.into_iter().fold(portcullis_fuzz::settings(), |settings, layer| settings.with_empty_layer(layer));
    match Bundle::load(&files, settings.clone()) {
        Ok(bundle) => {
            assert_eq!(bundle.hash(), files.hash());
            assert!(Bundle::load(&files.without_file(POLICY), settings).is_err(), "a lost file went unnoticed");
        }
        Err(refused) => assert!(!refused.problems().is_empty(), "refused without a reason"),
    }
});

/// Between schema and policy.
const SEPARATOR: &str = "\n---\n";

const POLICY: &str = "roles/people.cedar";
