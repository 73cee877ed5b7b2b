//! Serde's side of [`Node`].

use serde::ser::{Serialize, Serializer};

use super::compound::{Compound, in_variant};
use super::error::{ValueError, ValueProblem};
use super::node::{Node, deeper};

/// Serializes one value, `depth` levels below the whole.
#[derive(Clone, Copy)]
pub(super) struct Capture {
    pub(super) depth: u8,
}

impl Capture {
    pub(super) fn deeper(self) -> Result<Self, ValueError> {
        deeper(self.depth).map(|depth| Self { depth })
    }

    fn compound(self, variant: Option<&'static str>) -> Result<Compound, ValueError> {
        let inner = self.deeper()?;
        Ok(Compound::new(variant, if variant.is_some() { inner.deeper()? } else { inner }))
    }
}

impl Serializer for Capture {
    type Ok = Node;
    type Error = ValueError;
    type SerializeSeq = Compound;
    type SerializeTuple = Compound;
    type SerializeTupleStruct = Compound;
    type SerializeTupleVariant = Compound;
    type SerializeMap = Compound;
    type SerializeStruct = Compound;
    type SerializeStructVariant = Compound;

    fn serialize_bool(self, v: bool) -> Result<Node, ValueError> {
        Ok(Node::Bool(v))
    }

    fn serialize_i8(self, v: i8) -> Result<Node, ValueError> {
        Ok(Node::Int(v.into()))
    }

    fn serialize_i16(self, v: i16) -> Result<Node, ValueError> {
        Ok(Node::Int(v.into()))
    }

    fn serialize_i32(self, v: i32) -> Result<Node, ValueError> {
        Ok(Node::Int(v.into()))
    }

    fn serialize_i64(self, v: i64) -> Result<Node, ValueError> {
        Ok(Node::Int(v))
    }

    fn serialize_i128(self, v: i128) -> Result<Node, ValueError> {
        i64::try_from(v).map(Node::Int).map_err(|_| ValueProblem::IntegerRange.into())
    }

    fn serialize_u8(self, v: u8) -> Result<Node, ValueError> {
        Ok(Node::Int(v.into()))
    }

    fn serialize_u16(self, v: u16) -> Result<Node, ValueError> {
        Ok(Node::Int(v.into()))
    }

    fn serialize_u32(self, v: u32) -> Result<Node, ValueError> {
        Ok(Node::Int(v.into()))
    }

    fn serialize_u64(self, v: u64) -> Result<Node, ValueError> {
        i64::try_from(v).map(Node::Int).map_err(|_| ValueProblem::IntegerRange.into())
    }

    fn serialize_u128(self, v: u128) -> Result<Node, ValueError> {
        i64::try_from(v).map(Node::Int).map_err(|_| ValueProblem::IntegerRange.into())
    }

    fn serialize_f32(self, _: f32) -> Result<Node, ValueError> {
        Err(ValueProblem::Float.into())
    }

    fn serialize_f64(self, _: f64) -> Result<Node, ValueError> {
        Err(ValueProblem::Float.into())
    }

    fn serialize_char(self, v: char) -> Result<Node, ValueError> {
        Ok(Node::Str(v.into()))
    }

    fn serialize_str(self, v: &str) -> Result<Node, ValueError> {
        Ok(Node::Str(v.to_owned()))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Node, ValueError> {
        Err(ValueProblem::Bytes.into())
    }

    fn serialize_none(self) -> Result<Node, ValueError> {
        Ok(Node::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Node, ValueError> {
        value.serialize(self.deeper()?)
    }

    fn serialize_unit(self) -> Result<Node, ValueError> {
        Ok(Node::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Node, ValueError> {
        Ok(Node::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Node, ValueError> {
        Ok(Node::Str(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Node, ValueError> {
        value.serialize(self.deeper()?)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Node, ValueError> {
        let node = value.serialize(self.deeper()?).map_err(|e| e.in_field(variant))?;
        Ok(in_variant(variant, node))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound, ValueError> {
        self.compound(None)
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound, ValueError> {
        self.compound(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound, ValueError> {
        self.compound(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound, ValueError> {
        self.compound(Some(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound, ValueError> {
        self.compound(None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound, ValueError> {
        self.compound(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound, ValueError> {
        self.compound(Some(variant))
    }
}
