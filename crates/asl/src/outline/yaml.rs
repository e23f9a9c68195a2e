//! The outline of YAML, from the events of its parser.

use std::ops::Range;

use saphyr_parser::{Event, Parser, Span};

use super::{Builder, Content, Entries, Outline};

pub(super) fn outline(text: &str) -> Outline {
    let offsets = Offsets::of(text);
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else {
            break;
        };
        let place = offsets.range(text, &span);
        match event {
            Event::Scalar(name, ..) if builder.expects_key() => {
                builder.key(name.into_owned(), place);
            }
            Event::Scalar(..) | Event::Alias(_) => builder.scalar(place),
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                // A collection as a name is nothing that a definition has.
                if builder.expects_key() {
                    builder.key(String::new(), place.clone());
                }
                let content = match event {
                    Event::MappingStart(..) => Content::Mapping(Entries::default()),
                    _ => Content::Sequence(Vec::new()),
                };
                builder.begin(place.start, content);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                builder.end(text[..place.end].trim_end().len());
            }
            // One document is the definition; a second one is refused where the text is parsed.
            Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
    }
    builder.finish(text.trim_end().len())
}

/// The byte at which each character begins: the parser counts characters.
struct Offsets(Vec<usize>);

impl Offsets {
    fn of(text: &str) -> Self {
        let begins = text.char_indices().map(|(at, _)| at);
        Self(begins.chain([text.len()]).collect())
    }

    fn range(&self, text: &str, span: &Span) -> Range<usize> {
        let byte = |index: usize| self.0.get(index).copied().unwrap_or(text.len());
        let (start, end) = (byte(span.start.index()), byte(span.end.index()));
        // A plain scalar may be said to end where the next token begins.
        let end = start + text.get(start..end).map_or(0, |part| part.trim_end().len());
        start..end
    }
}
