//! The tools: what they are called, what they take, what they do. Each is the action of the same name.

use std::sync::Arc;

use portcullis_axum::Allowed;
use rmcp::model::{JsonObject, Tool};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::mcp::{Message, ProtocolError};
use crate::notes::{Notebook, Notes};

/// A call of a tool, with arguments of the right types. `notebook` names whose notes are meant; without it, the caller's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "name", content = "arguments", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Call {
    ListNotes { notebook: Option<String> },
    ReadNote { notebook: Option<String>, title: String },
    WriteNote { notebook: Option<String>, title: String, text: String },
    DeleteNote { notebook: Option<String>, title: String },
    ExportNotes { notebook: Option<String> },
}

impl Call {
    /// The call in a message `tools/call`.
    pub(crate) fn of(message: &Message) -> Result<Self, ProtocolError> {
        let name = message.param("name").and_then(Value::as_str);
        let name = name.filter(|name| TOOLS.iter().any(|(known, ..)| known == name));
        let name = name.ok_or(ProtocolError::invalid_params("the server has no such tool"))?;
        let arguments = message.param("arguments").cloned().unwrap_or_else(|| json!({}));
        let call = serde_json::from_value(json!({ "name": name, "arguments": arguments }));
        call.map_err(|_| ProtocolError::invalid_params("the arguments are not those of the tool"))
    }

    /// The tool, which is also the action.
    pub(crate) fn tool(&self) -> &'static str {
        match self {
            Self::ListNotes { .. } => "list_notes",
            Self::ReadNote { .. } => "read_note",
            Self::WriteNote { .. } => "write_note",
            Self::DeleteNote { .. } => "delete_note",
            Self::ExportNotes { .. } => "export_notes",
        }
    }

    /// Whose notebook is meant, if it is not the caller's.
    pub(crate) fn notebook(&self) -> Option<&str> {
        let (Self::ListNotes { notebook }
        | Self::ReadNote { notebook, .. }
        | Self::WriteNote { notebook, .. }
        | Self::DeleteNote { notebook, .. }
        | Self::ExportNotes { notebook }) = self;
        notebook.as_deref()
    }

    /// Does it, on the notebook that it was allowed on. `Err` is for the model that called.
    pub(crate) fn run(&self, notes: &Notes, notebook: &Allowed<Notebook>) -> Result<String, &'static str> {
        let permit = notebook.permit();
        match self {
            Self::ListNotes { .. } => Ok(notes.titles(permit, notebook).join("\n")),
            Self::ReadNote { title, .. } => notes.read(permit, notebook, title).ok_or("there is no such note"),
            Self::WriteNote { title, text, .. } => {
                notes.write(permit, notebook, title, text);
                Ok("written".to_owned())
            }
            Self::DeleteNote { title, .. } => match notes.delete(permit, notebook, title) {
                true => Ok("deleted".to_owned()),
                false => Err("there is no such note"),
            },
            Self::ExportNotes { .. } => Ok(notes.export(permit, notebook)),
        }
    }
}

/// The names of all tools.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|(name, ..)| *name)
}

/// What clients are told of the tool `name`.
pub(crate) fn describe(name: &str) -> Option<Tool> {
    let (name, description, needed) = TOOLS.iter().find(|(known, ..)| *known == name)?;
    let optional = [("notebook", "whose notes: the id of a person; yours, if you leave it out")];
    let properties = needed.iter().chain(&optional);
    let properties =
        properties.map(|(name, text)| ((*name).to_owned(), json!({ "type": "string", "description": text })));
    let required: Vec<&str> = needed.iter().map(|(name, _)| *name).collect();
    let schema = [
        ("type", json!("object")),
        ("properties", Value::Object(properties.collect())),
        ("required", json!(required)),
        ("additionalProperties", json!(false)),
    ];
    let schema: JsonObject = schema.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Some(Tool::new(*name, *description, Arc::new(schema)))
}

/// The name of a parameter, and what it is.
type Parameter = (&'static str, &'static str);

/// Name, description, and the parameters that must be there.
const TOOLS: &[(&str, &str, &[Parameter])] = &[
    ("list_notes", "Lists the titles of notes", &[]),
    ("read_note", "Reads one note", &[TITLE]),
    ("write_note", "Writes a note, in place of the one with the same title", &[TITLE, TEXT]),
    ("delete_note", "Deletes a note for good", &[TITLE]),
    ("export_notes", "Puts all notes into one text", &[]),
];

const TITLE: Parameter = ("title", "the title of the note");
const TEXT: Parameter = ("text", "what the note says");
