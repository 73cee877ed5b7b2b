//! What the author of a policy wrote, taken apart for those who ask why it decided. Nothing of it is needed to decide.

use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{Entities, EvalResult, Expression, Policy, Request, eval_expression, pst};
use pst::{BinaryOp, Clause, Expr, Var};

use super::body::expression;
use super::head::HeadPart;

/// Where a policy stands in its file, whose text all of its policies share.
#[derive(Debug, Clone)]
pub(crate) struct PolicyText {
    file: Arc<str>,
    range: Range<usize>,
}

impl PolicyText {
    pub(super) fn new(file: Arc<str>, range: Range<usize>) -> Self {
        Self { file, range }
    }

    /// Takes the policy apart, from its text: this is slow. `None` if Cedar cannot, which it could when the bundle was loaded.
    pub(crate) fn anatomy(&self) -> Option<Anatomy> {
        let policy = Policy::parse(None, self.file.get(self.range.clone())?).ok()?;
        let pst::Policy::Static(taken_apart) = policy.to_pst().ok()? else { return None };
        let body = taken_apart.body();
        let head = [
            (HeadPart::Principal, "principal", body.principal.to_string()),
            (HeadPart::Action, "action", body.action.to_string()),
            (HeadPart::Resource, "resource", body.resource.to_string()),
        ];
        Some(Anatomy {
            doc: policy.annotation("doc").filter(|doc| !doc.is_empty()).map(str::to_owned),
            head: head.map(|(part, name, asked)| (part, format!("{name} {asked}"))),
            clauses: body.clauses().iter().map(ConditionClause::of).collect(),
        })
    }
}

/// A policy in the parts that can be told about.
#[derive(Debug)]
pub(crate) struct Anatomy {
    pub(crate) doc: Option<String>,
    /// As text: `principal in Role::"editor"`.
    head: [(HeadPart, String); 3],
    pub(crate) clauses: Vec<ConditionClause>,
}

impl Anatomy {
    /// What the head asks of `part`.
    pub(crate) fn head(&self, part: HeadPart) -> Option<&str> {
        self.head.iter().find(|(known, _)| *known == part).map(|(_, text)| text.as_str())
    }
}

/// A `when` or an `unless`.
#[derive(Debug)]
pub(crate) struct ConditionClause {
    pub(crate) keyword: ClauseKeyword,
    /// What is joined by `&&` in it, in this order: each is evaluated only if those before it hold.
    pub(crate) conjuncts: Vec<Conjunct>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClauseKeyword {
    When,
    Unless,
}

impl ConditionClause {
    fn of(clause: &Clause) -> Self {
        let (keyword, condition) = match clause {
            Clause::When(condition) => (ClauseKeyword::When, condition),
            Clause::Unless(condition) => (ClauseKeyword::Unless, condition),
        };
        let mut conjuncts = Vec::new();
        split(condition, &mut conjuncts);
        Self { keyword, conjuncts }
    }
}

/// A part of a condition.
#[derive(Debug)]
pub(crate) struct Conjunct {
    pub(crate) text: String,
    pub(crate) condition: Evaluable,
    /// The attributes that it reads, and the variables that it compares; none where it only asks whether something is there.
    pub(crate) reads: Vec<Read>,
}

/// An attribute, as a path from a variable, or a variable alone.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) path: Vec<String>,
    pub(crate) value: Evaluable,
}

/// What Cedar evaluates.
#[derive(Debug)]
pub(crate) struct Evaluable(Expression);

impl Evaluable {
    fn of(expr: &Expr) -> Self {
        Self(expression(expr.clone()))
    }

    /// Its value.
    ///
    /// # Errors
    ///
    /// What Cedar says if it fails to evaluate.
    pub(crate) fn evaluate(&self, request: &Request, entities: &Entities) -> Result<EvalResult, String> {
        eval_expression(request, entities, &self.0).map_err(|error| error.to_string())
    }
}

fn split(condition: &Expr, conjuncts: &mut Vec<Conjunct>) {
    match condition {
        Expr::BinaryOp { op: BinaryOp::And, left, right } => {
            split(left, conjuncts);
            split(right, conjuncts);
        }
        one => {
            let mut reads = Vec::new();
            if !matches!(one, Expr::HasAttr { .. }) {
                find_reads(one, &mut reads);
            }
            conjuncts.push(Conjunct { text: one.to_string(), condition: Evaluable::of(one), reads });
        }
    }
}

/// Adds what `expr` reads, each once, in the order in which it stands there.
fn find_reads(expr: &Expr, reads: &mut Vec<Read>) {
    if let Some(path) = path(expr) {
        // The action is known, and the context as a whole is too much to show.
        let shown = path.len() > 1 || ["principal", "resource"].contains(&path.first().map_or("", String::as_str));
        if shown && !reads.iter().any(|read| read.path == path) {
            reads.push(Read { path, value: Evaluable::of(expr) });
        }
        return;
    }
    match expr {
        Expr::HasAttr { expr, attrs } => {
            let attribute =
                attrs.iter().fold(Arc::clone(expr), |expr, attr| Arc::new(Expr::GetAttr { expr, attr: attr.clone() }));
            find_reads(&attribute, reads);
        }
        Expr::UnaryOp { expr, .. } | Expr::GetAttr { expr, .. } | Expr::Like { expr, .. } => find_reads(expr, reads),
        Expr::BinaryOp { left, right, .. } => [left, right].into_iter().for_each(|side| find_reads(side, reads)),
        Expr::Is { expr, in_expr, .. } => [expr].into_iter().chain(in_expr).for_each(|part| find_reads(part, reads)),
        Expr::IfThenElse { cond, then_expr, else_expr } => {
            [cond, then_expr, else_expr].into_iter().for_each(|part| find_reads(part, reads));
        }
        Expr::Set(elements) => elements.iter().for_each(|element| find_reads(element, reads)),
        Expr::Record(members) => members.values().for_each(|member| find_reads(member, reads)),
        _ => {}
    }
}

/// `context.auth.acr` as its parts.
fn path(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::Var(variable) => Some(vec![variable_name(variable).to_owned()]),
        Expr::GetAttr { expr, attr } => {
            let mut path = path(expr)?;
            path.push(attr.to_string());
            Some(path)
        }
        _ => None,
    }
}

fn variable_name(variable: &Var) -> &'static str {
    match variable {
        Var::Principal => "principal",
        Var::Action => "action",
        Var::Resource => "resource",
        Var::Context => "context",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anatomy(text: &str) -> Anatomy {
        PolicyText::new(text.into(), 0..text.len()).anatomy().unwrap()
    }

    fn conjuncts(body: &str) -> Vec<(String, Vec<String>)> {
        let anatomy = anatomy(&format!("permit (principal, action, resource) {body};"));
        let conjuncts = anatomy.clauses.into_iter().flat_map(|clause| clause.conjuncts);
        conjuncts.map(|c| (c.text, c.reads.iter().map(|read| read.path.join(".")).collect())).collect()
    }

    #[test]
    fn a_condition_is_taken_apart_where_its_author_joined_it() {
        let cases: [(&str, &[&str]); 6] = [
            ("when { resource.open }", &["resource.open"]),
            (
                "when { resource.a && (resource.b && resource.c) } unless { resource.d }",
                &["resource.a", "resource.b", "resource.c", "resource.d"],
            ),
            // Not a conjunction.
            ("when { resource.a || resource.b && resource.c }", &["resource.a || (resource.b && resource.c)"]),
            ("when { !(resource.a && resource.b) }", &["!(resource.a && resource.b)"]),
            // As it was written, and not as it is evaluated.
            ("when { context.now > resource.start }", &["context.now > resource.start"]),
            ("", &[]),
        ];
        for (body, texts) in cases {
            let found: Vec<String> = conjuncts(body).into_iter().map(|(text, _)| text).collect();
            assert_eq!(found, texts, "{body}");
        }
    }

    #[test]
    fn what_a_part_reads_is_found_wherever_it_stands() {
        let cases: [(&str, &[&str]); 7] = [
            ("resource.owner == principal", &["resource.owner", "principal"]),
            ("[\"a\", \"b\"].contains(context.auth.acr)", &["context.auth.acr"]),
            (
                "(if principal has level then principal.level else 0) > resource.level",
                &["principal.level", "resource.level"],
            ),
            ("resource.a == resource.a", &["resource.a"]),
            ("action in Action::\"a\"", &[]),
            ("principal in resource.readers", &["principal", "resource.readers"]),
            // The answer says it all.
            ("context.auth has acr", &[]),
        ];
        for (body, reads) in cases {
            assert_eq!(conjuncts(&format!("when {{ {body} }}"))[0].1, reads, "{body}");
        }
    }

    #[test]
    fn heads_and_documentation_are_what_was_written() {
        let anatomy = anatomy(
            "@id(\"a\") @doc(\"why\") forbid (principal is User in Role::\"x\", action in [Action::\"a\"], resource);",
        );
        assert_eq!(anatomy.doc.as_deref(), Some("why"));
        assert_eq!(anatomy.head(HeadPart::Principal), Some("principal is User in Role::\"x\""));
        assert_eq!(anatomy.head(HeadPart::Action), Some("action in [Action::\"a\"]"));
    }
}
