use std::str::FromStr;

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};

use crate::bundle::Copy;
use crate::{root, run};

/// Cedar's own validator accepts the policies under the schema that is printed.
#[test]
fn cedars_own_tools_understand_the_bundle() {
    for (bundle, policies) in [("projects", "roles/people.cedar"), ("assistant", "ceilings/agents.cedar")] {
        let ran = run(&format!("schema policies/{bundle}")).ends_with(0);
        let (schema, warnings) = Schema::from_cedarschema_str(&ran.out).unwrap();
        assert_eq!(warnings.count(), 0);
        let text = std::fs::read_to_string(root().join("policies").join(bundle).join(policies)).unwrap();
        let policies = PolicySet::from_str(&text).unwrap();
        let result = Validator::new(schema).validate(&policies, ValidationMode::Strict);
        assert!(result.validation_passed(), "{result}");
    }
}

#[test]
fn a_schema_that_cannot_be_read_is_shown_where() {
    let copy = Copy::of("projects", "schema-broken").with("schema.cedarschema", "entity Api", "entty Api");
    let ran = copy.run("schema", &[]).ends_with(3);
    assert!(ran.err.contains("schema.cedarschema:") && ran.err.contains("| entty Api"), "{}", ran.err);
}
