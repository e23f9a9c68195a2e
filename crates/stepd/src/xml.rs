//! Answers of services that speak XML, read as the JSON that their models would have.

use anyhow::{Context as _, bail};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// Deepest nesting of an answer.
const DEPTH_MAX: usize = 32;

/// An element that is open.
#[derive(Default)]
struct Open {
    text: String,
    members: Map<String, Value>,
    /// Of a list: what is called `member`.
    items: Vec<Value>,
}

impl Open {
    fn close(self) -> Value {
        if !self.items.is_empty() {
            return self.items.into();
        }
        if !self.members.is_empty() {
            return self.members.into();
        }
        self.text.into()
    }
}

/// Reads what is in the root element: elements by name, lists of `member`, and text.
///
/// # Errors
/// When it is not XML.
pub fn read(text: &str) -> anyhow::Result<Value> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Open> = Vec::new();
    loop {
        match reader.read_event()? {
            Event::Start(_) if open.len() >= DEPTH_MAX => bail!("the answer is nested too deep"),
            Event::Start(_) => open.push(Open::default()),
            Event::End(end) => {
                let value = open.pop().context("an element ends that is not open")?;
                let Some(outer) = open.last_mut() else {
                    return Ok(value.close());
                };
                let name = String::from_utf8_lossy(end.name().as_ref()).into_owned();
                match name.as_str() {
                    "member" => outer.items.push(value.close()),
                    _ => {
                        outer.members.insert(name, value.close());
                    }
                }
            }
            Event::Text(text) => {
                if let Some(open) = open.last_mut() {
                    open.text.push_str(&text.decode()?);
                }
            }
            Event::GeneralRef(entity) => {
                let letter = match entity.resolve_char_ref()? {
                    Some(letter) => letter.to_string(),
                    None => {
                        let name = entity.decode()?;
                        let known = quick_xml::escape::resolve_predefined_entity(&name);
                        known
                            .context("the answer has an unknown entity")?
                            .to_owned()
                    }
                };
                if let Some(open) = open.last_mut() {
                    open.text.push_str(&letter);
                }
            }
            Event::Eof => bail!("the answer is not XML, or not all of it"),
            Event::Empty(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn answers_become_json() {
        for (xml, json) in [
            ("<A><B>x &amp; y&#13;</B></A>", "{\"B\":\"x & y\\r\"}"),
            (
                "<A><L><member><K>1</K></member><member><K>2</K></member></L><E/></A>",
                "{\"L\":[{\"K\":\"1\"},{\"K\":\"2\"}],\"E\":\"\"}",
            ),
            ("<A xmlns=\"u\"><B></B></A>", "{\"B\":\"\"}"),
        ] {
            assert_eq!(read(xml).expect("XML").to_string(), json, "{xml}");
        }
        for bad in ["", "{}", "<A>", "<A></B>", "<A>&x;</A>", &"<A>".repeat(40)] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
