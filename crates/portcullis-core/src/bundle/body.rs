//! What remains of a policy once its head is known to match.

use std::sync::Arc;

use cedar_policy::{Entities, EvalResult, Expression, Policy, Request, eval_expression, pst};

/// The conditions of a policy as one expression.
///
/// It carries no source locations: threads that evaluate the same policy would otherwise share the reference count of its
/// text, and two threads would be no faster than one.
#[derive(Debug, Clone)]
pub(crate) struct Body(Expression);

impl Body {
    /// The body of `policy`; `None` if its head alone decides.
    ///
    /// # Errors
    ///
    /// If Cedar cannot take the policy apart, which it can for every policy without slots.
    pub(super) fn of(policy: &Policy) -> Result<Option<Self>, String> {
        if !policy.has_non_scope_constraint() {
            return Ok(None);
        }
        let pst::Policy::Static(policy) = policy.to_pst().map_err(|error| error.to_string())? else {
            return Err("it is linked to a template".to_owned());
        };
        let mut conditions = policy.body().clauses().iter().map(condition).rev();
        let last = conditions.next();
        let all = last.map(|last| conditions.fold(last, |rest, first| and(first, rest)));
        Ok(all.map(|all| Self(expression(all))))
    }

    /// Whether the conditions are met.
    ///
    /// # Errors
    ///
    /// What Cedar says of a policy that fails to evaluate.
    pub(crate) fn holds(&self, request: &Request, entities: &Entities) -> Result<bool, String> {
        match eval_expression(request, entities, &self.0) {
            Ok(EvalResult::Bool(holds)) => Ok(holds),
            Ok(_) => Err("its condition is no Boolean".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn condition(clause: &pst::Clause) -> pst::Expr {
    match clause {
        pst::Clause::When(condition) => (**condition).clone(),
        pst::Clause::Unless(condition) => pst::Expr::UnaryOp { op: pst::UnaryOp::Not, expr: Arc::clone(condition) },
    }
}

fn and(left: pst::Expr, right: pst::Expr) -> pst::Expr {
    pst::Expr::BinaryOp { op: pst::BinaryOp::And, left: Arc::new(left), right: Arc::new(right) }
}

/// Cedar's public way to an [`Expression`] is to parse its text, which leaves a location on every node. The two
/// conversions that avoid it are there, but undocumented; should they go, this no longer compiles.
pub(super) fn expression(body: pst::Expr) -> Expression {
    fn like<E: From<pst::Expr>>(_: &E, body: pst::Expr) -> E {
        body.into()
    }
    let any = Expression::new_bool(true);
    like(any.as_ref(), body).into()
}
