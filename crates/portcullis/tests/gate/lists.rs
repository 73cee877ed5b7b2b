//! Lists, and what a caller may do.

use http::StatusCode;
use portcullis::{AllowedAction, Answer};
use serde_json::{Value, json};

use crate::library::{Book, Library};
use crate::log::Log;
use crate::service::Noon;

fn library() -> Library {
    Library::new(Noon, |gate| gate)
}

#[tokio::test]
async fn a_list_shows_only_items_that_may_be_seen() {
    let log = Log::start();
    let admission = library().open("GET /shelf", &json!({})).await.unwrap();
    let items =
        [Book::new("a"), Book { sealed: true, ..Book::new("b") }, Book { pages: 1, ..Book::new("c") }, Book::new("d")];
    let shown = admission.filter(items).unwrap();
    assert_eq!(shown.iter().map(|book| book.id).collect::<Vec<_>>(), ["a", "d"]);
    assert!(admission.conclude(StatusCode::OK).is_none());
    let [broken, end] = log.take().try_into().unwrap();
    // The guard of `c` overflows: it is hidden like `b`, and somebody has to look.
    assert_eq!((broken["level"].as_str(), broken["action"].as_str()), ("ERROR", "\"GetBook\""));
    assert!(broken["reason"].contains("overflow"), "{broken:?}");
    assert_eq!((end["shown"].as_str(), end["hidden"].as_str()), ("2", "2"));
}

#[tokio::test]
async fn a_list_that_was_not_filtered_is_withheld() {
    let admission = library().open("GET /shelf", &json!({})).await.unwrap();
    assert!(admission.permit().is_some());
    let answer = admission.conclude(StatusCode::OK).unwrap();
    assert_eq!(answer.status(), 500);
    assert!(answer.body().contains("internal-error"), "{}", answer.body());
    // An empty list is a list, and an error is no list.
    let admission = library().open("GET /shelf", &json!({})).await.unwrap();
    assert_eq!(admission.filter(Vec::<Book>::new()).unwrap(), []);
    assert!(admission.conclude(StatusCode::OK).is_none());
    let admission = library().open("GET /shelf", &json!({})).await.unwrap();
    assert!(admission.conclude(StatusCode::NOT_FOUND).is_none());
}

#[tokio::test]
async fn filtering_decides_nothing_about_the_list_itself() {
    let library = library();
    assert_eq!(library.open("GET /shelf", &json!({ "scope": "w" })).await.unwrap_err().status(), 403);
    // The handler names the action, and forgot to.
    let admission = library.open("POST /rpc", &json!({})).await.unwrap();
    assert_eq!(admission.filter([Book::new("a")]).unwrap_err().status(), 500);
    assert_eq!(admission.conclude(StatusCode::OK).unwrap().status(), 500);
}

#[tokio::test]
async fn a_route_of_several_actions_lists_by_the_one_that_was_allowed_last() {
    let library = library();
    let admission = library.open("POST /rpc", &json!({})).await.unwrap();
    admission.check_as("ListBooks", &shelf()).unwrap();
    assert_eq!(admission.clone().conclude(StatusCode::OK).unwrap().status(), 500);
    let admission = library.open("POST /rpc", &json!({})).await.unwrap();
    admission.check_as("ListBooks", &shelf()).unwrap();
    assert_eq!(admission.filter([Book { sealed: true, ..Book::new("a") }, Book::new("b")]).unwrap().len(), 1);
    assert!(admission.conclude(StatusCode::OK).is_none());
    // What else is allowed does not make up for the filter.
    let admission = library.open("POST /rpc", &json!({})).await.unwrap();
    admission.check_as("ListBooks", &shelf()).unwrap();
    admission.check_as("GetBook", &Book::new("a")).unwrap();
    assert_eq!(admission.clone().conclude(StatusCode::OK).unwrap().status(), 500);
    // What is no list is not filtered.
    let admission = library.open("POST /rpc", &json!({})).await.unwrap();
    admission.check_as("GetBook", &Book::new("a")).unwrap();
    assert_eq!(admission.filter([Book::new("a")]).unwrap_err().status(), 500);
}

#[tokio::test]
async fn an_item_that_does_not_say_what_the_schema_declares_is_a_defect() {
    #[derive(serde::Serialize)]
    struct Half {
        owner: &'static str,
    }
    impl portcullis::Resource for Half {
        const TYPE: &'static str = "Book";
        fn id(&self) -> std::borrow::Cow<'_, str> {
            "h".into()
        }
    }
    let admission = library().open("GET /shelf", &json!({})).await.unwrap();
    // One that is read in full does not make up for it.
    let shown = admission.filter([Half { owner: "ann" }]);
    assert!(shown.is_err() || shown.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_caller_may_do_names_what_is_obtainable_and_nothing_else() {
    let admission = library().open("POST /rpc", &json!({})).await.unwrap();
    let actions = admission.allowed_actions(&Book::new("a")).unwrap();
    let expected = json!([
        { "action": "CountPages" },
        { "action": "EditBook", "needs": { "scope": ["w"] } },
        { "action": "GetBook" },
        { "action": "LendBook", "needs": { "confirmation": true } },
        { "action": "ScanBook" },
        { "action": "SellBook", "needs": { "scope": ["w"], "acr_values": ["mfa"], "max_age": 300 } },
    ]);
    assert_eq!(serde_json::to_value(&actions).unwrap(), expected);
    // It is no decision.
    assert_eq!(admission.conclude(StatusCode::OK).unwrap().status(), 500);
    let admission = library().open("POST /rpc", &json!({})).await.unwrap();
    assert_eq!(admission.allowed_actions(&Book { sealed: true, ..Book::new("a") }).unwrap(), []);
}

#[tokio::test]
async fn what_a_caller_may_do_is_what_the_check_answers() {
    let library = library();
    let names = [
        "GetBook",
        "EditBook",
        "BurnBook",
        "SellBook",
        "LendBook",
        "CopyBook",
        "ScanBook",
        "PrintBook",
        "CountPages",
        "MoveBook",
    ];
    let scopes = ["", "read:books", "w", "read:books w", "BurnBook write:books"];
    let logins = [json!({}), json!({ "acr": "mfa" }), json!({ "acr": "mfa", "auth_time": crate::service::NOW - 10 })];
    let books = [Book::new("a"), Book { sealed: true, ..Book::new("b") }, Book { pages: 1, ..Book::new("c") }];
    let mut seen = [0; 3];
    for (scope, login) in scopes.iter().flat_map(|scope| logins.iter().map(move |login| (scope, login))) {
        for roles in [json!(["reader"]), json!([])] {
            let mut claims = json!({ "scope": scope, "roles": roles });
            claims.as_object_mut().unwrap().extend(login.as_object().unwrap().clone());
            for book in &books {
                let admission = library.open("POST /rpc", &claims).await.unwrap();
                let listed = admission.allowed_actions(book).unwrap();
                for name in names {
                    let entry = listed.iter().find(|entry| entry.action == name);
                    let checked = if name == "LendBook" {
                        admission.check_as_with(name, book, &()).await.map(drop)
                    } else {
                        admission.check_as(name, book).map(drop)
                    };
                    assert_eq!(kind(entry), answered(&checked), "{name} {claims} {book:?}: {entry:?} {checked:?}");
                    seen[usize::from(kind(entry))] += 1;
                }
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
}

/// 0 if it is absent, 1 if it is obtainable, 2 if it is allowed.
fn kind(entry: Option<&AllowedAction>) -> u8 {
    match entry {
        None => 0,
        Some(AllowedAction { needs: Some(_), .. }) => 1,
        Some(_) => 2,
    }
}

fn answered(checked: &Result<(), Answer>) -> u8 {
    match checked {
        Ok(()) => 2,
        Err(answer) => {
            let problem: Value = serde_json::from_str(answer.body()).unwrap();
            let confirm = problem["type"].as_str().unwrap().ends_with("confirmation-required");
            u8::from(answer.headers().contains_key("www-authenticate") || confirm)
        }
    }
}

fn shelf() -> impl portcullis::Resource {
    #[derive(serde::Serialize)]
    struct Shelf {}
    impl portcullis::Resource for Shelf {
        const TYPE: &'static str = "Shelf";
        fn id(&self) -> std::borrow::Cow<'_, str> {
            "main".into()
        }
    }
    Shelf {}
}
