//! What a confirmed action owes, and what becomes of the approval.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis::{Grant, Obligation, ObligationError};

use super::{Draft, Post, claire_for_ann, confirmation, to_bob};

/// The confirmed permit carries a duty: to note what was sent. Roles carry another one.
const CONSENT: &str = r#"
@id("confirmed-by-the-person") @confirm("user") @obligation("note:confirmed")
permit (principal, action in Action::"send:email:requires-confirmation", resource)
when { context.auth has approval && context.auth.approval.by == principal };
"#;
const ROLES: &str = r#"
@id("own-drafts") @obligation("sign:footer")
permit (principal is User, action == Action::"SendEmail", resource is Draft) when { resource.owner == principal };
@id("own-approvals")
permit (principal is User, action in [Action::"ListPending", Action::"ApproveAction"], resource is User);
"#;

/// How often each duty was discharged.
#[derive(Debug, Clone, Default)]
struct Done {
    noted: Arc<AtomicUsize>,
    signed: Arc<AtomicUsize>,
}

impl Done {
    fn counts(&self) -> (usize, usize) {
        (self.noted.load(Ordering::SeqCst), self.signed.load(Ordering::SeqCst))
    }
}

fn post(done: &Done, signs: bool) -> Post {
    let (noted, signed) = (Arc::clone(&done.noted), Arc::clone(&done.signed));
    Post::with(
        |files| files.with_file("consent/email.cedar", CONSENT).with_file("roles/own.cedar", ROLES),
        |gate| {
            let gate = gate.obligation("note", move |_: &Obligation, _: &Grant| {
                noted.fetch_add(1, Ordering::SeqCst);
                Ok(())
            });
            gate.obligation("sign", move |obligation: &Obligation, _: &Grant| {
                signed.fetch_add(1, Ordering::SeqCst);
                if signs { Ok(()) } else { Err(ObligationError::new(obligation, "no ink")) }
            })
        },
    )
}

#[tokio::test]
async fn the_duties_of_all_layers_are_done_once_the_approval_is_used_and_not_before() {
    let done = Done::default();
    let post = post(&done, true);
    let approval = post.approved(&Draft::new(), &to_bob()).await;
    assert_eq!(done.counts(), (0, 0), "a ticket and an approval have no effects");
    let permit = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.unwrap();
    let names: Vec<&str> = permit.obligations().iter().map(Obligation::name).collect();
    assert_eq!(names, ["note", "sign"]);
    assert_eq!(done.counts(), (1, 1));
    // Who comes second has no effects.
    post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.unwrap_err();
    assert_eq!(done.counts(), (1, 1));
}

#[tokio::test]
async fn a_duty_that_nobody_knows_denies_and_the_others_are_done() {
    let done = Done::default();
    let noted = Arc::clone(&done.noted);
    let post = Post::with(
        |files| files.with_file("consent/email.cedar", CONSENT).with_file("roles/own.cedar", ROLES),
        |gate| {
            gate.obligation("note", move |_: &Obligation, _: &Grant| {
                noted.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        },
    );
    let approval = post.approved(&Draft::new(), &to_bob()).await;
    let answer = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.unwrap_err();
    assert_eq!((answer.status().as_u16(), done.counts()), (500, (1, 0)));
}

#[tokio::test]
async fn a_duty_that_fails_denies_and_the_approval_is_spent() {
    let done = Done::default();
    let post = post(&done, false);
    let approval = post.approved(&Draft::new(), &to_bob()).await;
    let answer = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.unwrap_err();
    assert_eq!(answer.status(), 500);
    // The other duty was done all the same.
    assert_eq!(done.counts(), (1, 1));
    let answer = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.unwrap_err();
    assert_eq!(confirmation(&answer)["rejected"], "used");
    assert_eq!(done.counts(), (1, 1));
}
