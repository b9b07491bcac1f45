//! A server that speaks the chat-completions protocol of OpenAI's API and answers what a test says.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct LlmRequest {
    /// The request line: `POST /v1/chat/completions HTTP/1.1`.
    pub line: String,
    /// Header lines.
    pub headers: Vec<String>,
    /// The body.
    pub body: Value,
}

impl LlmRequest {
    /// What the message of that role says, empty when there is none.
    pub fn message(&self, role: &str) -> &str {
        let messages = self.body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let message = messages.iter().find(|message| message["role"] == role);
        message.and_then(|message| message["content"].as_str()).unwrap_or_default()
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum LlmReply {
    /// Answers with this status, these header lines and this body.
    Http(u16, Vec<String>, String),
    /// Keeps the connection open and never answers.
    Silence,
    /// Closes the connection.
    HangUp,
}

impl LlmReply {
    /// A completion with this text; 1,000 tokens in, 100 of them cached, and 50 out.
    pub fn completion(text: &str, finish_reason: &str) -> LlmReply {
        let body = json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1_777_636_800, "model": "a-model-2026-01-01",
            "choices": [{"index": 0, "finish_reason": finish_reason,
                         "message": {"role": "assistant", "content": text, "refusal": null}}],
            "usage": {"prompt_tokens": 1_000, "completion_tokens": 50, "total_tokens": 1_050,
                      "prompt_tokens_details": {"cached_tokens": 100}},
        });
        LlmReply::Http(200, Vec::new(), body.to_string())
    }

    /// A refusal, as the API has it.
    pub fn refusal() -> LlmReply {
        let body = json!({"choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": null, "refusal": "I'm sorry, I cannot help with that."}}]});
        LlmReply::Http(200, Vec::new(), body.to_string())
    }

    /// An answer of the schema with this topic.
    pub fn analysis(topic: &str) -> LlmReply {
        let answer = json!({
            "sentiment": "negative", "sentiment_description": "The parcel never came.",
            "csat": 1, "csat_description": "Nothing was resolved.", "topic": topic,
            "summary": "The customer asked for a zebra-striped parcel and got none.",
            "keywords": ["zebra parcel", "lost delivery"],
        });
        LlmReply::completion(&answer.to_string(), "stop")
    }

    /// An error with this status.
    pub fn error(status: u16, headers: &[&str]) -> LlmReply {
        let headers = headers.iter().map(ToString::to_string).collect();
        let body = json!({"error": {"message": "no", "type": "some_error", "code": null}});
        LlmReply::Http(status, headers, body.to_string())
    }
}

/// A running server on loopback; its thread ends with the process.
#[derive(Debug)]
pub struct LlmServer {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    next: VecDeque<LlmReply>,
    always: LlmReply,
    requests: Vec<LlmRequest>,
}

impl LlmServer {
    /// A server that gives each of `first` once, and then `always`.
    pub fn start(first: impl IntoIterator<Item = LlmReply>, always: LlmReply) -> Result<LlmServer> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on loopback")?;
        let address = listener.local_addr()?;
        let shared =
            Arc::new(Mutex::new(Shared { next: first.into_iter().collect(), always, requests: Vec::new() }));
        let served = Arc::clone(&shared);
        std::thread::Builder::new().name("llm-server".into()).spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&served);
                // One thread a connection: a silent one must not keep the others waiting.
                std::thread::spawn(move || serve(connection, &shared));
            }
        })?;
        Ok(LlmServer { address, shared })
    }

    /// The base of the API, for `analysis.openai.url`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Everything that was asked.
    pub fn requests(&self) -> Vec<LlmRequest> {
        lock(&self.shared).requests.clone()
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request, one reply, and the connection is closed; errors are the client's to see.
fn serve(mut connection: TcpStream, shared: &Mutex<Shared>) -> Option<()> {
    let request = read(&connection)?;
    let reply = {
        let mut shared = lock(shared);
        shared.requests.push(request);
        shared.next.pop_front().unwrap_or_else(|| shared.always.clone())
    };
    match reply {
        LlmReply::HangUp => {}
        LlmReply::Silence => {
            // Until the client gives up.
            let _ = connection.read(&mut [0]);
        }
        LlmReply::Http(status, headers, body) => {
            let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
            let head = format!(
                "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\nconnection: close\r\n\
                 content-length: {}\r\n{headers}\r\n",
                body.len()
            );
            connection.write_all((head + &body).as_bytes()).ok()?;
        }
    }
    Some(())
}

fn read(connection: &TcpStream) -> Option<LlmRequest> {
    let mut reader = BufReader::new(connection);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let length = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length?];
    reader.read_exact(&mut body).ok()?;
    let line = lines.remove(0);
    Some(LlmRequest { line, headers: lines, body: serde_json::from_slice(&body).ok()? })
}
