//! The words of the deserialiser into words for the owner.

use super::suggest::closest;

/// What to say about an error at `path` (empty at the top): the message, and what was probably meant.
pub(crate) fn explain(message: &str, path: &str) -> (String, Option<String>) {
    if let Some((message, help)) = message.split_once('\n') {
        return (message.to_owned(), Some(help.to_owned()));
    }
    let (what, expected) = match message.split_once(", expected ") {
        Some((what, expected)) => (what, Some(expected)),
        None => (message, None),
    };
    let known: Vec<&str> = expected.map(quoted).unwrap_or_default();
    if let Some(found) = within(what, "unknown field ") {
        let table = table_of(path, found);
        let place = if table.is_empty() { "at the top".to_owned() } else { format!("in [{table}]") };
        return (format!("unknown key `{found}` {place}"), suggestion(found, &known));
    }
    if let Some(found) = within(what, "unknown variant ") {
        let subject = if path.is_empty() { String::new() } else { format!(" for `{path}`") };
        return (format!("`{found}` is not a value{subject}"), suggestion(found, &known));
    }
    if let Some(field) = within(what, "missing field ") {
        return (format!("`{field}` is missing in [{path}]"), None);
    }
    match (what.strip_prefix("invalid type: ").or_else(|| what.strip_prefix("invalid value: ")), expected) {
        // The found value is not repeated: `integer` says enough, and it may be something private.
        (Some(found), Some(expected)) => {
            let kind = found.split([' ', ',']).next().unwrap_or(found);
            (format!("`{path}` takes {}, this is {}", wanted(expected), article(kind)), None)
        }
        _ => (message.to_owned(), None),
    }
}

fn within<'a>(what: &'a str, prefix: &str) -> Option<&'a str> {
    what.strip_prefix(prefix)?.split('`').nth(1)
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn table_of<'a>(path: &'a str, key: &str) -> &'a str {
    match path.strip_suffix(key) {
        Some(table) => table.strip_suffix('.').unwrap_or(table),
        None => path,
    }
}

fn wanted(expected: &str) -> &str {
    match expected {
        "u16" | "u32" | "u64" => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        expected if expected.starts_with("struct ") => "a table",
        expected => expected,
    }
}

fn article(kind: &str) -> String {
    match kind {
        "integer" | "array" => format!("an {kind}"),
        "sequence" => "a list".to_owned(),
        "map" => "a table".to_owned(),
        "floating" => "a number with a fraction".to_owned(),
        "boolean" => "true or false".to_owned(),
        kind => format!("a {kind}"),
    }
}

fn suggestion(found: &str, known: &[&str]) -> Option<String> {
    match closest(found, known) {
        Some(word) => Some(format!("did you mean `{word}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", known.join(", "))),
    }
}
