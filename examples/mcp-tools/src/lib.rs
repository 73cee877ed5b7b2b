//! An MCP server whose tools are actions of Portcullis: [`mcp`] is what any such server needs, the rest is this one.

pub mod mcp;
mod notes;
mod server;
pub mod service;
mod tools;
