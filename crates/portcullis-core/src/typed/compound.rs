//! Lists and records on their way into a [`Node`].

use std::borrow::Cow;

use serde::ser::{self, Serialize};

use super::capture::Capture;
use super::error::{ValueError, ValueProblem};
use super::node::{Field, Node};

/// A list or record in the making.
pub(super) struct Compound {
    /// The enum variant that holds it, which becomes a record of one member.
    variant: Option<&'static str>,
    inner: Capture,
    items: Vec<Node>,
    members: Vec<(Cow<'static, str>, Field)>,
    key: Option<String>,
}

impl Compound {
    pub(super) fn new(variant: Option<&'static str>, inner: Capture) -> Self {
        Self { variant, inner, items: Vec::new(), members: Vec::new(), key: None }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let node = value.serialize(self.inner).map_err(|e| self.placed(e.in_item(self.items.len())))?;
        self.items.push(node);
        Ok(())
    }

    fn member<T: Serialize + ?Sized>(&mut self, key: Cow<'static, str>, value: &T) -> Result<(), ValueError> {
        let node = value.serialize(self.inner).map_err(|e| self.placed(e.in_field(&key)))?;
        self.members.push((key, Field::Present(node)));
        Ok(())
    }

    fn skipped(&mut self, key: &'static str) {
        self.members.push((Cow::Borrowed(key), Field::Skipped));
    }

    fn placed(&self, error: ValueError) -> ValueError {
        match self.variant {
            Some(variant) => error.in_field(variant),
            None => error,
        }
    }

    fn into_seq(self) -> Node {
        Self::wrapped(self.variant, Node::Seq(self.items))
    }

    fn into_map(self) -> Node {
        Self::wrapped(self.variant, Node::Map(self.members))
    }

    fn wrapped(variant: Option<&'static str>, node: Node) -> Node {
        match variant {
            Some(variant) => in_variant(variant, node),
            None => node,
        }
    }
}

/// Serde's externally tagged form of an enum variant with content.
pub(super) fn in_variant(variant: &'static str, node: Node) -> Node {
    Node::Map(vec![(Cow::Borrowed(variant), Field::Present(node))])
}

impl ser::SerializeSeq for Compound {
    type Ok = Node;
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.item(value)
    }

    fn end(self) -> Result<Node, ValueError> {
        Ok(self.into_seq())
    }
}

impl ser::SerializeTuple for Compound {
    type Ok = Node;
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.item(value)
    }

    fn end(self) -> Result<Node, ValueError> {
        Ok(self.into_seq())
    }
}

impl ser::SerializeTupleStruct for Compound {
    type Ok = Node;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.item(value)
    }

    fn end(self) -> Result<Node, ValueError> {
        Ok(self.into_seq())
    }
}

impl ser::SerializeTupleVariant for Compound {
    type Ok = Node;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.item(value)
    }

    fn end(self) -> Result<Node, ValueError> {
        Ok(self.into_seq())
    }
}

impl ser::SerializeMap for Compound {
    type Ok = Node;
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        match key.serialize(self.inner) {
            Ok(Node::Str(key)) => {
                self.key = Some(key);
                Ok(())
            }
            _ => Err(self.placed(ValueProblem::Key.into())),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let key = self.key.take().ok_or(ValueProblem::Unserialisable)?;
        self.member(Cow::Owned(key), value)
    }

    fn end(self) -> Result<Node, ValueError> {
        Ok(self.into_map())
    }
}

impl ser::SerializeStruct for Compound {
    type Ok = Node;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), ValueError> {
        self.member(Cow::Borrowed(key), value)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), ValueError> {
        self.skipped(key);
        Ok(())
    }

    fn end(self) -> Result<Node, ValueError> {
        Ok(self.into_map())
    }
}

impl ser::SerializeStructVariant for Compound {
    type Ok = Node;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), ValueError> {
        self.member(Cow::Borrowed(key), value)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), ValueError> {
        self.skipped(key);
        Ok(())
    }

    fn end(self) -> Result<Node, ValueError> {
        Ok(self.into_map())
    }
}
