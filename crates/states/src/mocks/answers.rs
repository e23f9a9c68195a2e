//! What AWS's services answer: the shapes of the outputs of their operations, as `models/trim.py` packs
//! them.
//!
//! Nothing of it is unpacked before a mocked result is checked, and then only the texts of the one
//! service.

use flate2::{Decompress, FlushDecompress};

/// See `pack` in `models/trim.py`.
static PACKED: &[u8] = include_bytes!("../../../../models/responses.bin");

/// The outputs of one service.
pub(super) struct Answers {
    text: String,
    /// The bounds of the lines: one of operations, then one a shape.
    lines: Vec<(usize, usize)>,
}

/// What an operation answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// An object of this shape.
    Shape(usize),
    /// Nothing.
    Empty,
}

/// A shape, with the numbers of the shapes inside it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape<'a> {
    Structure(Vec<Member<'a>>),
    List(usize),
    Map(usize),
    /// A text, out of a set where the set is not empty.
    Text(Vec<&'a str>),
    Number {
        min: Option<f64>,
        max: Option<f64>,
    },
    Boolean,
    Moment,
    Bytes,
}

/// A member of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member<'a> {
    pub name: &'a str,
    pub always: bool,
    pub shape: usize,
}

impl Answers {
    /// Returns the outputs of the service that `aws-sdk` calls `name`; `None` where they are not known.
    pub fn of(name: &str) -> Option<Self> {
        let (length, rest) = PACKED.split_first_chunk::<4>()?;
        let (directory, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let mut from = 0;
        for line in std::str::from_utf8(directory).ok()?.lines() {
            let mut parts = line.split(' ');
            let known = parts.next()?;
            let packed: usize = parts.next()?.parse().ok()?;
            let unpacked: usize = parts.next()?.parse().ok()?;
            if known == name {
                return Self::unpacked(rest.get(from..from + packed)?, unpacked);
            }
            from += packed;
        }
        None
    }

    fn unpacked(packed: &[u8], length: usize) -> Option<Self> {
        let mut bytes = Vec::with_capacity(length + 1);
        Decompress::new(true)
            .decompress_vec(packed, &mut bytes, FlushDecompress::Finish)
            .ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let mut lines = Vec::new();
        let mut from = 0;
        for line in text.split('\n') {
            lines.push((from, from + line.len()));
            from += line.len() + 1;
        }
        Some(Self { text, lines })
    }

    fn line(&self, number: usize) -> &str {
        let bounds = self.lines.get(number).copied();
        bounds.map_or("", |(from, to)| &self.text[from..to])
    }

    /// Returns what `operation` answers; `None` where the service has no such operation.
    pub fn output_of(&self, operation: &str) -> Option<Output> {
        self.line(0).split(' ').find_map(|entry| {
            let (name, shape) = match entry.split_once('=') {
                Some((name, shape)) => (name, Output::Shape(shape.parse().ok()?)),
                None => (entry, Output::Empty),
            };
            name.eq_ignore_ascii_case(operation).then_some(shape)
        })
    }

    /// Returns the shape called `number`.
    pub fn shape(&self, number: usize) -> Shape<'_> {
        let line = self.line(number + 1);
        let Some(kind) = line.chars().next() else {
            return Shape::Moment;
        };
        let rest = &line[kind.len_utf8()..];
        let inner = || rest.parse().unwrap_or(usize::MAX - 1);
        match kind {
            '{' => Shape::Structure(rest.split(' ').filter_map(member).collect()),
            '[' => Shape::List(inner()),
            '%' => Shape::Map(inner()),
            '"' => Shape::Text(
                rest.split('\u{1f}')
                    .filter(|word| !word.is_empty())
                    .collect(),
            ),
            '#' => {
                let mut bounds = rest.split(' ').map(|bound| bound.parse().ok());
                Shape::Number {
                    min: bounds.next().flatten(),
                    max: bounds.next().flatten(),
                }
            }
            '?' => Shape::Boolean,
            '*' => Shape::Bytes,
            _ => Shape::Moment,
        }
    }
}

fn member(entry: &str) -> Option<Member<'_>> {
    let (name, shape) = entry.split_once(':')?;
    let always = name.ends_with('!');
    Some(Member {
        name: name.strip_suffix('!').unwrap_or(name),
        always,
        shape: shape.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_can_be_read_to_its_last_shape() {
        let (length, rest) = PACKED.split_first_chunk::<4>().expect("a length");
        let directory = &rest[..u32::from_be_bytes(*length) as usize];
        let directory = std::str::from_utf8(directory).expect("text");
        let mut shapes = 0;
        for line in directory.lines() {
            let name = line.split(' ').next().expect("a name");
            let answers = Answers::of(name).expect("a known service");
            for number in 0..answers.lines.len() - 1 {
                let known =
                    |shape: usize| assert!(shape < answers.lines.len() - 1, "{name} {number}");
                match answers.shape(number) {
                    Shape::Structure(members) => {
                        members.iter().for_each(|member| known(member.shape))
                    }
                    Shape::List(inner) | Shape::Map(inner) => known(inner),
                    Shape::Text(_)
                    | Shape::Number { .. }
                    | Shape::Boolean
                    | Shape::Moment
                    | Shape::Bytes => {}
                }
                shapes += 1;
            }
        }
        assert!(shapes > 10_000, "{shapes} shapes");
    }

    #[test]
    fn an_operation_is_found_by_its_name() {
        let sfn = Answers::of("sfn").expect("Step Functions");
        let Some(Output::Shape(shape)) = sfn.output_of("StartExecution") else {
            panic!("StartExecution answers");
        };
        let Shape::Structure(members) = sfn.shape(shape) else {
            panic!("an object");
        };
        let names: Vec<_> = members
            .iter()
            .map(|member| (member.name, member.always))
            .collect();
        assert_eq!(names, [("executionArn", true), ("startDate", true)]);
        assert_eq!(sfn.output_of("StartNothing"), None);
        assert!(Answers::of("nothing").is_none());
    }
}
