use std::collections::{BTreeMap, HashMap};

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::typed::{Node, ValueError, ValueProblem};

#[track_caller]
fn node<T: Serialize + ?Sized>(value: &T) -> Node {
    Node::of(value).unwrap()
}

/// Place and problem.
#[track_caller]
fn refused<T: Serialize + ?Sized>(value: &T) -> (String, ValueProblem) {
    let error: ValueError = Node::of(value).unwrap_err();
    (error.path(), error.problem().clone())
}

#[derive(Serialize)]
enum Shape {
    Unit,
    Newtype(u8),
    Tuple(u8, u8),
    Struct { side: u8 },
}

#[derive(Serialize)]
struct Id(u32);

#[derive(Serialize)]
struct Nest(Option<Box<Nest>>);

#[test]
fn the_tree_is_the_json_form() {
    #[derive(Serialize)]
    struct All {
        id: Id,
        none: Option<u8>,
        some: Option<char>,
        unit: (),
        tuple: (i8, bool),
        shapes: Vec<Shape>,
        map: BTreeMap<Letter, u8>,
        wide: u128,
    }
    #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
    enum Letter {
        A,
    }
    let all = All {
        id: Id(7),
        none: None,
        some: Some('é'),
        unit: (),
        tuple: (-1, true),
        shapes: vec![Shape::Unit, Shape::Newtype(1), Shape::Tuple(2, 3), Shape::Struct { side: 4 }],
        map: BTreeMap::from([(Letter::A, 1)]),
        wide: 9,
    };
    let json = serde_json::to_value(&all).unwrap();
    assert!(sorted(node(&all)) == sorted(Node::of_json(&json).unwrap()));
    assert!(node(&json) == Node::of_json(&json).unwrap());
}

/// Whether JSON objects keep the order of their members is up to the build.
fn sorted(node: Node) -> Node {
    let Node::Map(mut members) = node else { panic!("not a map") };
    members.sort_by(|(a, _), (b, _)| a.cmp(b));
    Node::Map(members)
}

#[test]
fn what_cedar_does_not_have_is_refused_with_its_place() {
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("the value is hunter2"))
        }
    }
    struct Bytes;
    impl Serialize for Bytes {
        fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.serialize_bytes(b"x")
        }
    }
    #[derive(Serialize)]
    enum Deep {
        List(u8, f64),
        Record { x: f32 },
        One(f64),
    }
    let map = |value: f64| HashMap::from([("a", vec![value])]);
    assert_eq!(refused(&map(1.0)), ("a[0]".to_owned(), ValueProblem::Float));
    assert_eq!(refused(&(1_u8, u64::MAX)), ("[1]".to_owned(), ValueProblem::IntegerRange));
    assert_eq!(refused(&u128::MAX), (String::new(), ValueProblem::IntegerRange));
    assert_eq!(refused(&i128::MIN), (String::new(), ValueProblem::IntegerRange));
    assert_eq!(refused(&[Bytes]), ("[0]".to_owned(), ValueProblem::Bytes));
    assert_eq!(refused(&HashMap::from([(1, 1)])), (String::new(), ValueProblem::Key));
    assert_eq!(refused(&Deep::List(0, 1.0)), ("List[1]".to_owned(), ValueProblem::Float));
    assert_eq!(refused(&Deep::Record { x: 1.0 }), ("Record.x".to_owned(), ValueProblem::Float));
    assert_eq!(refused(&Deep::One(1.0)), ("One".to_owned(), ValueProblem::Float));
    assert_eq!(refused(&[Fails]), ("[0]".to_owned(), ValueProblem::Unserialisable));
    assert!(!Node::of(&[Fails]).unwrap_err().to_string().contains("hunter2"));
}

#[test]
fn json_numbers_are_64_bit_integers() {
    let problem = |json: serde_json::Value| Node::of_json(&json).unwrap_err().problem().clone();
    assert_eq!(problem(json!(1.0)), ValueProblem::Float);
    assert_eq!(problem(json!(u64::MAX)), ValueProblem::IntegerRange);
    assert!(Node::of_json(&json!(i64::MIN)).unwrap() == Node::Int(i64::MIN));
    assert_eq!(Node::of_json(&json!({ "a": [true, 1.5] })).unwrap_err().path(), "a[1]");
}

#[test]
fn depth_is_bounded_however_it_comes_about() {
    let nest = |levels| (0..levels).fold(Nest(None), |inner, _| Nest(Some(Box::new(inner))));
    let array = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert!(Node::of(&nest(7)).is_ok());
    assert_eq!(refused(&nest(8)).1, ValueProblem::TooDeep);
    assert_eq!(refused(&nest(10_000)).1, ValueProblem::TooDeep);
    assert!(Node::of(&array(16)).is_ok());
    assert_eq!(refused(&array(17)).1, ValueProblem::TooDeep);
    assert!(Node::of_json(&array(16)).is_ok());
    assert_eq!(Node::of_json(&array(17)).unwrap_err().problem(), &ValueProblem::TooDeep);
    let object = (0..17).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert_eq!(Node::of_json(&object).unwrap_err().problem(), &ValueProblem::TooDeep);
}

#[test]
fn keys_in_errors_are_short_and_escaped() {
    let error = Node::of_json(&json!({ "a\nb": 1.5 })).unwrap_err();
    assert_eq!(error.path(), "a\\nb");
    let error = Node::of_json(&json!({ "x".repeat(1_000): 1.5 })).unwrap_err();
    assert_eq!(error.path().len(), 64);
}

#[test]
fn a_tree_does_not_print_its_values() {
    assert_eq!(format!("{:?}", node("hunter2")), "a string");
}
