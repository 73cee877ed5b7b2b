//! Public actions: nobody stands behind them, and guardrails alone judge.

use std::collections::BTreeMap;

use cedar_policy::Request;
use portcullis_core::{Layer, LayerAnswer};

use super::store::Unfit;
use super::{Reference, uid};
use crate::decider::{LayerVerdict, Verdict};
use crate::scenario::Scenario;

impl Reference {
    /// The answer to everybody.
    pub(super) fn answer_public(&self, scenario: &Scenario) -> Result<Verdict, Unfit> {
        let open = || LayerVerdict::new(LayerAnswer::Allow, [].into());
        let mut verdict = Verdict::refused();
        verdict.layers = Layer::ALL.map(|layer| (layer, open())).into_iter().collect::<BTreeMap<_, _>>();
        verdict.allowed = true;
        // No policy can name an action that applies to nothing.
        let Some(types) = self.declared.applies_to(&scenario.action, "resourceTypes") else { return Ok(verdict) };
        if !types.contains(scenario.resource.entity_type.as_str()) {
            return Err(Unfit::Request);
        }
        let action = uid("Action", &scenario.action)?;
        let resource = uid(&scenario.resource.entity_type, &scenario.resource.id)?;
        let nobody = uid("Portcullis::Anonymous", "anonymous")?;
        let schema = self.declared.schema(Layer::Guardrails);
        let entities = self.entities(None, scenario, schema)?;
        let context = self.context(Layer::Guardrails, None, scenario, &action)?;
        let request = Request::new(nobody, action, resource, context, Some(schema)).map_err(|_| Unfit::Request)?;
        let guardrails = self.policies(Layer::Guardrails).or_allow().map_err(|_| Unfit::Request)?;
        let guardrails = guardrails.ask(&request, &entities);
        if !guardrails.allows() {
            verdict.allowed = false;
            let broken = guardrails.verdict.answer == LayerAnswer::Error;
            let kind = || self.forbidden(Some(&guardrails.verdict.policies));
            verdict.kind = Some(if broken { portcullis_core::DenialKind::Error } else { kind() });
        }
        verdict.layers.insert(Layer::Guardrails, guardrails.verdict);
        Ok(verdict)
    }
}
