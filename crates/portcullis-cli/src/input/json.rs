//! Arguments that hold JSON, or say where it is.

use std::io::Read;

use serde_json::Value;

use crate::failure::Failure;

/// The JSON that `text` is, or that the file with this name holds; `-` is standard input.
pub(crate) fn value(argument: &str, text: &str) -> Result<Value, Failure> {
    let inline = text.trim_start().starts_with('{');
    let content = if inline { text.to_owned() } else { read(text)? };
    serde_json::from_str(&content).map_err(|error| {
        let whence = if inline || text == "-" { String::new() } else { format!("`{text}` ") };
        Failure::usage(argument, format!("{whence}is not JSON: {error}"))
    })
}

/// The text in the file called `name`, or on standard input for `-`, without spaces around it. Secrets are read like this: what
/// stands on a command line, every process of the machine can see.
pub(crate) fn secret(name: &str) -> Result<String, Failure> {
    Ok(read(name)?.trim().to_owned())
}

fn read(name: &str) -> Result<String, Failure> {
    if name == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|error| Failure::cannot("standard input", error))?;
        return Ok(text);
    }
    std::fs::read_to_string(name).map_err(|error| Failure::cannot(name, error))
}
