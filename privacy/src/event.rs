//! One event: which of its fields contain what people say or who they are.
//!
//! Left as they are: ids, which name things and must stay apart, the operator's own names (organization, agent, model,
//! integration), and the customer's address, of which `[privacy] ip` decides.

use std::borrow::Cow;

use hearken_model::{
    Assessment, End, Event, LlmAnalysis, MessageUpdate, PersonalData, Rating, Scalar, StartedFields,
};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::context::FieldHint;
use crate::redactor::Redactor;

impl Redactor {
    /// Takes personal data out of everything in the event that people said or wrote.
    pub fn redact(&self, event: &mut Event) {
        if !self.is_active() {
            return;
        }
        // Named one by one, so that a new field does not compile without a decision here.
        let Event {
            interaction_id: _,
            time: _,
            recorded_at: _,
            started,
            messages,
            end,
            rating,
            assessment,
            llm_analysis,
            erase: _,
            is_log_entry,
        } = event;
        self.started(started);
        for (_, message) in messages {
            if *is_log_entry { self.log_entry(&mut message.message) } else { self.message(message) }
        }
        if let Some(End { end_reason, recording_url, end_time: _, status: _, cost: _ }) = end {
            self.optional(end_reason);
            self.optional_url(recording_url);
        }
        if let Some(Rating { rating_comment, rating: _ }) = rating {
            self.optional(rating_comment);
        }
        self.assessment(assessment);
        if let Some(LlmAnalysis { by: _, version: _, of: _, assessment, usage: _ }) = llm_analysis {
            self.assessment(assessment);
        }
    }

    fn started(&self, started: &mut StartedFields) {
        let StartedFields {
            organization: _,
            agent: _,
            agent_version: _,
            llm_model: _,
            interaction_type: _,
            integration: _,
            direction: _,
            start_time: _,
            user_agent,
            ip_address: _,
            url,
            language: _,
            user_id,
            caller,
            metadata,
        } = started;
        self.optional(user_id);
        self.optional_url(url);
        if let Some(caller) = caller {
            self.owned_as(caller, FieldHint { is_phone: true, ..FieldHint::default() });
        }
        if let Some(user_agent) = user_agent {
            self.user_agent(user_agent);
        }
        *metadata = std::mem::take(metadata).into_iter().map(|(key, value)| self.entry(key, value)).collect();
    }

    /// Only e-mail addresses: bots give one to write to, and version numbers look like addresses and phone numbers.
    fn user_agent(&self, user_agent: &mut String) {
        let emails = Redactor::new([PersonalData::Email].into_iter().filter(|kind| self.looks_for(*kind)));
        emails.owned(user_agent);
    }

    /// A log entry is a JSON object and must stay one.
    fn log_entry(&self, text: &mut String) {
        match serde_json::from_str::<Value>(text) {
            Ok(mut entry) => {
                self.json(&mut entry, FieldHint::default());
                *text = entry.to_string();
            }
            Err(_) => self.owned(text),
        }
    }

    fn entry(&self, key: String, value: Scalar) -> (String, Scalar) {
        let hint = FieldHint::from_name(&key);
        let value = match value {
            Scalar::Bool(_) => value,
            Scalar::Number(number) => {
                let text = number.to_string();
                match self.text_as(&text, hint) {
                    Cow::Borrowed(_) => Scalar::Number(number),
                    Cow::Owned(redacted) => Scalar::Text(redacted),
                }
            }
            Scalar::Text(mut text) => {
                if is_url(&text) {
                    self.url(&mut text);
                } else {
                    self.owned_as(&mut text, hint);
                }
                Scalar::Text(text)
            }
        };
        (self.text(&key).into_owned(), value)
    }

    fn message(&self, message: &mut MessageUpdate) {
        let MessageUpdate {
            position: _,
            time: _,
            role: _,
            message: text,
            end_offset_ms: _,
            sentiment: _,
            sentiment_score: _,
            llm_model: _,
            usage: _,
            billable: _,
            interrupted: _,
            confidence: _,
            tool,
        } = message;
        self.owned(text);
        if let Some(tool) = tool {
            for value in [&mut tool.arguments, &mut tool.result].into_iter().flatten() {
                self.json(value, FieldHint::default());
            }
        }
    }

    fn assessment(&self, assessment: &mut Assessment) {
        let Assessment {
            csat: _,
            csat_description,
            topic,
            summary,
            sentiment: _,
            sentiment_description,
            keywords,
        } = assessment;
        for text in [csat_description, topic, summary, sentiment_description] {
            self.optional(text);
        }
        keywords.iter_mut().flatten().for_each(|keyword| self.owned(keyword));
    }

    /// A JSON value. Its depth was bounded when it was parsed.
    fn json(&self, value: &mut Value, hint: FieldHint) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                if let Cow::Owned(redacted) = self.text_as(&number.to_string(), hint) {
                    *value = Value::String(redacted);
                }
            }
            Value::String(text) => self.owned_as(text, hint),
            Value::Array(values) => values.iter_mut().for_each(|value| self.json(value, hint)),
            Value::Object(object) => {
                let redacted: Map<String, Value> = std::mem::take(object)
                    .into_iter()
                    .map(|(key, mut value)| {
                        match &mut value {
                            Value::String(text) if key == "user_agent" => self.user_agent(text),
                            value => self.json(value, FieldHint::from_name(&key)),
                        }
                        (self.text(&key).into_owned(), value)
                    })
                    .collect();
                *object = redacted;
            }
        }
    }

    /// A page's address: its host stays, for it is a facet; a user name before it goes.
    fn url(&self, url: &mut String) {
        let Some((scheme, rest)) = url.split_once("://") else { return self.owned(url) };
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(authority_end);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let mut redacted = format!("{scheme}://{}", self.host(host));
        let mut name = "";
        // Each part alone, decoded: `%2B49%20170…` is a phone number.
        for part in tail.split_inclusive(['/', '?', '#', '&', '=', ';']) {
            let (text, end) = match part.char_indices().next_back() {
                Some((at, c)) if "/?#&=;".contains(c) => part.split_at(at),
                _ => (part, ""),
            };
            let hint = FieldHint::from_name(name);
            let decoded = percent_decode_str(text).decode_utf8_lossy();
            let with_spaces = decoded.replace('+', " ");
            let changed = |text: &str| match self.text_as(text, hint) {
                Cow::Owned(redacted) => Some(redacted),
                Cow::Borrowed(_) => None,
            };
            match changed(&decoded).or_else(|| changed(&with_spaces)) {
                Some(text) => redacted.push_str(&text.trim().replace(['&', '=', '#', '?', '/'], "_")),
                None => redacted.push_str(text),
            }
            redacted.push_str(end);
            name = if end == "=" { text } else { "" };
        }
        *url = redacted;
    }

    fn host<'t>(&self, host: &'t str) -> Cow<'t, str> {
        if self.looks_for(PersonalData::Ip) { self.text(host) } else { Cow::Borrowed(host) }
    }

    fn optional(&self, text: &mut Option<String>) {
        if let Some(text) = text {
            self.owned(text);
        }
    }

    fn optional_url(&self, url: &mut Option<String>) {
        if let Some(url) = url {
            self.url(url);
        }
    }

    fn owned(&self, text: &mut String) {
        self.owned_as(text, FieldHint::default());
    }

    fn owned_as(&self, text: &mut String, hint: FieldHint) {
        if let Cow::Owned(redacted) = self.text_as(text, hint) {
            *text = redacted;
        }
    }
}

fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hearken_model::{InteractionId, MessageTime, Role, Timestamp, ToolCall};
    use serde_json::json;

    use super::*;

    fn event() -> Event {
        Event::new(InteractionId::try_new("i-1").unwrap(), Timestamp::EPOCH, Timestamp::EPOCH)
    }

    #[test]
    fn an_entry_of_a_log_stays_an_object_of_the_same_shape() {
        let user_agent = "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0.0.0";
        let entry = json!({"event": "user", "text": "write to jane.doe@example.com",
            "metadata": {"user_agent": user_agent, "phone": 2_127_365_000_u64, "plan": "pro"}});
        let mut event = event();
        event.is_log_entry = true;
        event.messages.push((
            "m-1".into(),
            MessageUpdate::new(MessageTime::OffsetMs(0), Role::System, entry.to_string()),
        ));
        Redactor::new(PersonalData::ALL).redact(&mut event);
        let redacted: Value = serde_json::from_str(&event.messages[0].1.message).unwrap();
        let expected = json!({"event": "user", "text": "write to [email]",
            "metadata": {"user_agent": user_agent, "phone": "[phone]", "plan": "pro"}});
        assert_eq!(redacted, expected);
    }

    #[test]
    fn nothing_that_people_said_is_left_in_any_field() {
        let secret = "write to jane.doe@example.com, +49 30 901820, card 5555 5555 5555 4444";
        let shown = "write to [email], [phone], card [card]";
        let mut event = event();
        let mut message = MessageUpdate::new(MessageTime::OffsetMs(0), Role::User, secret);
        message.tool = Some(ToolCall {
            name: "refund".into(),
            arguments: Some(
                json!({"to": secret, "card": 5_555_555_555_554_444_u64, "jane@example.com": [secret]}),
            ),
            result: Some(json!(secret)),
            ok: Some(true),
        });
        event.messages.push(("m-1".into(), message));
        event.started.user_id = Some("jane.doe@example.com".into());
        event.started.caller = Some("030 901820".into());
        event.started.url = Some(
            "https://jane:pw@shop.example/u/jane%40example.com?phone=5550100&tel=%2B49+30+901820&q=a+b#x"
                .into(),
        );
        event.started.metadata = [
            ("note".to_owned(), Scalar::Text(secret.into())),
            ("customer.phone".to_owned(), Scalar::Number(2_127_365_000_u64.into())),
            ("order".to_owned(), Scalar::Number(2_127_365_000_u64.into())),
        ]
        .into();
        event.rating = Some(Rating { rating: 1, rating_comment: Some(secret.into()) });
        event.end = Some(End {
            end_time: None,
            status: hearken_model::Status::Finished,
            end_reason: Some(secret.into()),
            recording_url: Some("https://calls.example/jane@example.com.wav".into()),
            cost: None,
        });
        event.assessment.topic = Some(secret.into());
        event.assessment.summary = Some(secret.into());
        event.assessment.csat_description = Some(secret.into());
        event.assessment.sentiment_description = Some(secret.into());
        event.assessment.keywords = Some(vec![secret.into()]);

        Redactor::new(PersonalData::ALL).redact(&mut event);

        let printed = format!("{event:?}");
        for planted in ["jane", "901820", "5555", "2127365000, \"customer", "5550100"] {
            let others = printed.replace("\"order\": Number(2127365000)", "");
            assert!(!others.contains(planted), "`{planted}` is left in {others}");
        }
        assert_eq!(event.messages[0].1.message, shown);
        assert_eq!(event.started.user_id.as_deref(), Some("[email]"));
        assert_eq!(event.started.caller.as_deref(), Some("[phone]"));
        assert_eq!(event.started.metadata["customer.phone"], Scalar::Text("[phone]".into()));
        assert_eq!(event.started.metadata["order"], Scalar::Number(2_127_365_000_u64.into()));
        assert_eq!(
            event.started.url.as_deref(),
            Some("https://shop.example/u/[email]?phone=[phone]&tel=[phone]&q=a+b#x")
        );
        let arguments = event.messages[0].1.tool.as_ref().unwrap().arguments.as_ref().unwrap();
        assert_eq!(arguments, &json!({"to": shown, "card": "[card]", "[email]": [shown]}));
    }

    #[test]
    fn only_the_kinds_that_were_asked_for_go() {
        let mut event = event();
        let text = "jane@example.com +49 30 901820";
        event.messages.push(("m".into(), MessageUpdate::new(MessageTime::OffsetMs(0), Role::User, text)));
        Redactor::new([PersonalData::Phone]).redact(&mut event);
        assert_eq!(event.messages[0].1.message, "jane@example.com [phone]");
        let before = event.clone();
        Redactor::default().redact(&mut event);
        assert_eq!(event, before);
    }
}
