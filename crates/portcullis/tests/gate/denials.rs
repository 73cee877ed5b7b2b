//! Denials that are explained to whoever develops a service.

use std::sync::{Arc, Mutex};

use portcullis::{Answer, GateBuilder};
use serde_json::json;

use crate::library::{Book, Library};
use crate::service::{Noon, Service};

type Told = Arc<Mutex<Vec<String>>>;

fn listening(told: &Told) -> impl FnOnce(GateBuilder) -> GateBuilder + use<> {
    let told = Arc::clone(told);
    move |gate| gate.explain_denials(move |denial| told.lock().unwrap().push(denial.to_string()))
}

fn wire(answer: &Answer) -> String {
    format!("{:?} {}", answer.headers(), answer.body())
}

#[tokio::test]
async fn a_denial_is_explained_with_values_and_the_caller_sees_nothing_of_it() {
    let told = Told::default();
    let library = Library::new(Noon, listening(&told));
    let admission = library.open("POST /rpc", &json!({})).await.unwrap();
    let sealed = Book { sealed: true, ..Book::new("a") };
    let answer = admission.check_as("GetBook", &sealed).unwrap_err();
    let [text] = told.lock().unwrap().clone().try_into().unwrap();
    assert!(text.starts_with("deny (guardrail): GetBook on Book::\"a\"\n"), "{text}");
    assert!(
        text.contains("sealed forbids\n") && text.contains("resource.sealed: true, resource.sealed = true"),
        "{text}"
    );
    assert_eq!(answer.status(), 403);
    assert!(!wire(&answer).contains("sealed"), "{}", wire(&answer));
    let _ = admission.conclude(http::StatusCode::OK);
}

#[tokio::test]
async fn an_early_denial_is_explained_once_and_an_allow_never() {
    let told = Told::default();
    let service = Service::new(listening(&told));
    service.open(&json!({})).await.unwrap();
    assert_eq!(*told.lock().unwrap(), [""; 0]);
    let put = format!("Bearer {}", service.token(&json!({ "roles": [] })));
    service.open_as(&http::Method::PUT, &put).await.unwrap_err();
    let [text] = told.lock().unwrap().clone().try_into().unwrap();
    assert!(text.starts_with("deny (role): PutNote on Note::\"\"\n"), "{text}");
    assert!(text.contains("readers would permit, but not: principal in Role::\"reader\""), "{text}");
}
