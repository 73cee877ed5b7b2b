//! One schema, and what becomes of values under it.

mod capture;
mod facts;
mod resource;
mod types;
mod values;

use cedar_policy::{Entities, Entity, Schema, SchemaFragment};
use serde_json::Value;

use super::Types;

const PRELUDE: &str = r#"
namespace Portcullis {
  entity Kind enum ["user", "service", "agent"];
  type Party = { kind: Kind, id: String };
  type Auth = { issuer: String, subject: Party };
  type Context = { auth: Auth, now: datetime };
}
"#;

const SCHEMA: &str = r#"
type Address = { street: String, lines?: Set<String> };
@doc("A person") @hide
entity User in [Role] { @claim("org_id") tenant?: String };
entity Role in [Role];
entity Team enum ["red", "blue"];
entity Folder in [Folder, Team];
entity Doc in [Folder] {
  owner: User,
  readers?: Set<User>,
  locked?: Bool,
  size: Long,
  due?: datetime,
  address?: Address,
};
entity Health;
entity Api enum ["self"];
entity Tagged { a: Long } tags String;
entity Every {
  bool?: Bool, long?: Long, string?: String, datetime?: datetime, duration?: duration, decimal?: decimal,
  ip?: ipaddr, user?: User, team?: Team, kind?: Portcullis::Kind, set?: Set<Long>, record?: Address,
};
namespace Shop {
  type Size = Long;
  entity Crate { size: Size, owner: User, raw: __cedar::String };
  entity Item in [Crate];
}
namespace Depot {
  type Size = String;
  entity Crate { size: Size, other: Shop::Size };
}
@scope action "read:docs";
action "GetDoc" in ["read:docs"] appliesTo { principal: [User], resource: [Doc], context: Portcullis::Context };
action "PayDoc" in ["read:docs"] appliesTo {
  principal: [User], resource: [Doc],
  context: { auth: Portcullis::Auth, now: datetime, amount: Long, note?: String, window?: { from: datetime } },
};
action "Ping" appliesTo { principal: [User], resource: [Health] };
"#;

fn fragments() -> Vec<SchemaFragment> {
    [PRELUDE, SCHEMA].map(|text| SchemaFragment::from_cedarschema_str(text).unwrap().0).into()
}

fn json() -> Vec<Value> {
    fragments().into_iter().map(|fragment| fragment.to_json_value().unwrap()).collect()
}

fn types() -> Types {
    Types::from_json(&json().iter().collect::<Vec<_>>()).unwrap()
}

/// Cedar's own check of an entity against the schema.
#[track_caller]
fn assert_cedar_accepts(entity: &Entity) {
    let schema = Schema::from_schema_fragments(fragments()).unwrap();
    Entities::from_entities([entity.clone()], Some(&schema)).unwrap();
}
