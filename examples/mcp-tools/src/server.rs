//! What the library calls: it only does what was permitted for the request that it read.

use std::sync::Arc;

use http::request::Parts;
use portcullis_axum::Allowed;
use rmcp::ErrorData;
use rmcp::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};

use crate::notes::{Notebook, Notes};
use crate::tools::{self, Call};

/// What the caller may have of this request. It travels in the extensions of the request, where no client writes.
#[derive(Debug)]
pub(crate) enum Permitted {
    /// To speak the protocol.
    Protocol,
    /// To see these tools.
    Tools(Vec<&'static str>),
    /// To call a tool with these arguments on this notebook. What was judged is what is run: the library's own reading of the
    /// call is not looked at.
    Call(Call, Allowed<Notebook>),
}

/// The server, as the library wants it.
#[derive(Debug, Clone)]
pub(crate) struct NotesServer(pub(crate) Notes);

impl ServerHandler for NotesServer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        match permitted(&context) {
            Some(Permitted::Tools(names)) => {
                let tools = names.iter().filter_map(|name| tools::describe(name)).collect();
                // One caller's list is not the next one's.
                Ok(ListToolsResult::with_all_items(tools).with_cache_scope(CacheScope::Private).with_ttl_ms(0))
            }
            _ => Err(not_permitted()),
        }
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(Permitted::Call(call, notebook)) = permitted(&context) else {
            return Err(not_permitted());
        };
        let result = match call.run(&self.0, notebook) {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(text) => CallToolResult::error(vec![ContentBlock::text(text)]),
        };
        Ok(result.into())
    }
}

fn permitted(context: &RequestContext<RoleServer>) -> Option<&Permitted> {
    context.extensions.get::<Parts>()?.extensions.get::<Arc<Permitted>>().map(AsRef::as_ref)
}

/// The library reads a request that nobody has judged, or otherwise than it was judged. This cannot be; if it is, nothing is done.
fn not_permitted() -> ErrorData {
    ErrorData::internal_error("nothing of this kind was permitted", None)
}
