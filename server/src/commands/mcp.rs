//! `hearken mcp`: the tools of a server's `/mcp`, for agents that run a program. Each line of standard input is a
//! message for the server to answer, so that the tools, and which of them a key may use, are defined in one place.

use std::io::{BufRead, Write};

use serde_json::{Value, json};

use crate::client::Client;

/// Where a message states its protocol version; older versions state it once, in the handshake.
const VERSION_OF_MESSAGE: &str = "/params/_meta/io.modelcontextprotocol~1protocolVersion";
/// JSON-RPC's code for an internal error.
const INTERNAL_ERROR: i32 = -32603;

/// Relays messages until standard input ends.
///
/// # Errors
/// Standard input or output fails. If the server cannot be reached, the message gets an error as its answer.
pub fn run(client: &Client) -> anyhow::Result<()> {
    hand_over(client, std::io::stdin().lock(), std::io::stdout().lock())
}

fn hand_over(client: &Client, messages: impl BufRead, mut answers: impl Write) -> anyhow::Result<()> {
    let mut version = None;
    for line in messages.lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let message: Value = serde_json::from_str(&line).unwrap_or_default(); // the server reports what is wrong
        if let Some(answer) = answer(client, &message, line, version.as_deref()) {
            if message["method"] == "initialize" {
                let agreed: Value = serde_json::from_str(&answer).unwrap_or_default();
                version = agreed["result"]["protocolVersion"].as_str().map(str::to_owned);
            }
            writeln!(answers, "{answer}")?;
            answers.flush()?;
        }
    }
    Ok(())
}

/// The answer as one line; `None` if the message expects none.
fn answer(client: &Client, message: &Value, line: String, version: Option<&str>) -> Option<String> {
    let version = message.pointer(VERSION_OF_MESSAGE).and_then(Value::as_str).or(version);
    let named = [
        ("mcp-protocol-version", version),
        ("mcp-method", message["method"].as_str()),
        ("mcp-name", message["params"]["name"].as_str().or(message["params"]["uri"].as_str())),
    ];
    let is_plain = |value: &&str| value.bytes().all(|byte| byte.is_ascii_graphic());
    let headers: Vec<_> =
        named.into_iter().filter_map(|(name, value)| Some((name, value.filter(is_plain)?))).collect();
    let asked = client.post_message("/mcp", &headers, line);
    let answered = asked.map_err(anyhow::Error::new).and_then(|response| Ok(response.text()?));
    // The error has no id if the input was not a message.
    let id = if message.is_null() { Some(&Value::Null) } else { message.get("id") };
    match (answered, id) {
        (Ok(text), _) => Some(text).filter(|text| !text.is_empty()),
        (Err(_), None) => None,
        (Err(error), Some(id)) => {
            let error = json!({"code": INTERNAL_ERROR, "message": format!("{error:#}")});
            Some(json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string())
        }
    }
}
