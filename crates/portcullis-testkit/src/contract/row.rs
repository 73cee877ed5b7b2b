use http::Method;

use super::app::Settings;

/// The rows of one file: requests to one service, in this order, and what is answered.
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) settings: Settings,
    pub(super) rows: Vec<Row>,
}

/// A request, and the answer to it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) target: String,
    /// Names in lower case. Values may have placeholders.
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: String,
    /// What the server says of the connection.
    pub(super) connection: Vec<(String, String)>,
    /// The same question over gRPC.
    pub(super) grpc: Option<Grpc>,
    /// Rows with the same label have the same answer.
    pub(super) alike: Option<String>,
    /// The answer as it is stored.
    pub(super) answer: String,
}

/// What a row asks for over gRPC.
#[derive(Debug, Clone)]
pub(super) struct Grpc {
    pub(super) action: String,
    pub(super) id: String,
    /// The status code, where it does not follow from the status of HTTP.
    pub(super) code: Option<u8>,
}

/// Reads a file of the contract.
///
/// # Errors
///
/// What is wrong, and in which row.
pub(super) fn parse(name: &'static str, text: &str) -> Result<File, String> {
    let (head, rows) = text.split_once("\n### ").ok_or_else(|| format!("{name}: no row"))?;
    let settings = head.lines().find_map(|line| line.strip_prefix("service: "));
    let settings =
        settings.and_then(Settings::named).ok_or_else(|| format!("{name}: the first line names no service"))?;
    let rows = rows.split("\n### ").map(|row| parse_row(row).map_err(|problem| format!("{name}: {problem}: {row}")));
    Ok(File { name, settings, rows: rows.collect::<Result<_, _>>()? })
}

fn parse_row(text: &str) -> Result<Row, String> {
    let (name, rest) = text.split_once('\n').ok_or("no request")?;
    let (head, answer) = rest.split_once("\n\n").unwrap_or((rest, ""));
    let mut lines = head.lines().filter(|line| !line.starts_with('#')).peekable();
    let mut row = Row {
        name: name.to_owned(),
        method: Method::GET,
        target: String::new(),
        fields: Vec::new(),
        body: String::new(),
        connection: Vec::new(),
        grpc: None,
        alike: None,
        answer: answer.trim_end().to_owned(),
    };
    while let Some(line) = lines.next_if(|line| line.starts_with('@')) {
        let (word, rest) = line.split_once(' ').ok_or("a line with `@` has no value")?;
        match word {
            "@peer" | "@certificate" => row.connection.push((word.to_owned(), rest.to_owned())),
            "@body" => rest.clone_into(&mut row.body),
            "@alike" => row.alike = Some(rest.to_owned()),
            "@grpc" => row.grpc = Some(parse_grpc(rest).ok_or("`@grpc` takes an action, an id, and perhaps a code")?),
            _ => return Err(format!("`{word}` means nothing")),
        }
    }
    let (method, target) = lines.next().and_then(|line| line.split_once(' ')).ok_or("no method and target")?;
    row.method = Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
    target.clone_into(&mut row.target);
    for line in lines {
        let (name, value) = line.split_once(": ").ok_or_else(|| format!("`{line}` is no field"))?;
        row.fields.push((name.to_lowercase(), value.to_owned()));
    }
    Ok(row)
}

fn parse_grpc(text: &str) -> Option<Grpc> {
    let mut words = text.split(' ').map(str::to_owned);
    let (action, id) = (words.next()?, words.next()?);
    let code = words.next().map(|code| code.parse()).transpose().ok()?;
    Some(Grpc { action, id, code })
}
