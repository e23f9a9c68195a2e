//! Expressions and inputs, made from a seed.

use serde_json::{Map, Value, json};
use vocab::Entropy;

/// Makes expressions over an input whose members are a few short names.
pub struct Generator {
    entropy: Entropy,
    /// The variables that are bound where the next part goes.
    bound: Vec<&'static str>,
}

const NAMES: [&str; 6] = ["a", "b", "c", "n", "s", "list"];
const VARIABLES: [&str; 3] = ["x", "y", "z"];
const TEXTS: [&str; 8] = [
    "",
    "a",
    "b c",
    "10",
    "-1.5",
    "2024-02-29T12:00:00Z",
    "größe",
    "A,b;A",
];
const NUMBERS: [&str; 9] = ["0", "1", "2", "3", "-1", "0.5", "10", "1e3", "123.456"];
const PATTERNS: [&str; 5] = ["/a/", "/[a-z]+/i", "/(b) (c)/", "/,|;/", "/^1/"];

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self {
            entropy: Entropy::from_seed(seed),
            bound: Vec::new(),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.entropy.below(bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Makes an input: an object of the known names.
    pub fn input(&mut self) -> Value {
        let mut object = Map::new();
        for name in NAMES {
            if self.below(5) > 0 {
                object.insert(name.to_owned(), self.value(3));
            }
        }
        Value::Object(object)
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 5 } else { 9 }) {
            0 => Value::Null,
            1 => Value::Bool(self.below(2) == 0),
            2 => json!(self.below(20)),
            3 => json!(self.below(400) as f64 / 8.0 - 20.0),
            4 => self.pick(&TEXTS).into(),
            5 | 6 => {
                let length = self.below(4);
                (0..length).map(|_| self.value(depth - 1)).collect()
            }
            _ => {
                let mut object = Map::new();
                for _ in 0..self.below(4) {
                    let name = self.pick(&NAMES);
                    object.insert(name.to_owned(), self.value(depth - 1));
                }
                Value::Object(object)
            }
        }
    }

    /// Makes a text of JSONata's symbols and words, which is an expression by luck only.
    pub fn soup(&mut self) -> String {
        const WORDS: [&str; 44] = [
            "$x",
            "$y",
            "$states.input",
            "$count(1)",
            "1",
            "2.5",
            "\"s\"",
            "'q",
            "\"\\q\"",
            "`n`",
            "/r/i",
            "//",
            "/[/",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ",",
            ";",
            ":",
            ":=",
            "?",
            "??",
            "?:",
            ".",
            "..",
            "~>",
            "@$i",
            "#$j",
            "^(",
            "%",
            "*",
            "**",
            "|",
            "function($a)",
            "and",
            "in",
            "=",
            "!=",
            "!",
            "null",
            "/* c */",
        ];
        let words: Vec<&str> = (0..1 + self.below(7)).map(|_| self.pick(&WORDS)).collect();
        words.join(" ")
    }

    /// Makes an expression that reads the input as `$states.input`.
    pub fn expression(&mut self) -> String {
        self.bound.clear();
        let depth = 1 + self.below(4);
        self.part(depth, false)
    }

    /// Makes a part; `inside` says that names may be read from a context.
    fn part(&mut self, depth: usize, inside: bool) -> String {
        if depth == 0 {
            return self.leaf(inside);
        }
        let depth = depth - 1;
        match self.below(20) {
            0 | 1 => self.leaf(inside),
            2..=5 => self.path(depth, inside),
            6 => {
                let operator = self.pick(&["+", "-", "*", "/", "%"]);
                self.binary(operator, depth, inside)
            }
            7 => {
                let operator = self.pick(&["=", "!=", "<", "<=", ">", ">=", "in"]);
                self.binary(operator, depth, inside)
            }
            8 => {
                let operator = self.pick(&["&", "and", "or"]);
                self.binary(operator, depth, inside)
            }
            9 => self.condition(depth, inside),
            10 => self.array(depth, inside),
            11 => self.object(depth, inside),
            12 => self.block(depth, inside),
            13..=16 => self.call(depth, inside),
            17 => self.higher_order(depth, inside),
            18 => self.apply(depth, inside),
            _ => format!("-{}", self.part(depth, inside)),
        }
    }

    fn leaf(&mut self, inside: bool) -> String {
        match self.below(8) {
            0 => self.pick(&NUMBERS).to_owned(),
            1 => format!("{:?}", self.pick(&TEXTS)),
            2 => self.pick(&["true", "false", "null", "[]", "{}"]).to_owned(),
            3 if !self.bound.is_empty() => {
                let bound = self.bound.clone();
                format!("${}", self.pick(&bound))
            }
            4 | 5 if inside => self.pick(&NAMES).to_owned(),
            6 if inside => "$".to_owned(),
            7 => "$nothing".to_owned(),
            _ => format!("$states.input.{}", self.pick(&NAMES)),
        }
    }

    fn path(&mut self, depth: usize, inside: bool) -> String {
        let mut path = match self.below(4) {
            0 => format!("({})", self.part(depth, inside)),
            _ => self.leaf(inside),
        };
        if !path.starts_with(['$', '(', 'a', 'b', 'c', 'n', 's', 'l']) || path == "null" {
            path = "$states.input".to_owned();
        }
        for _ in 0..1 + self.below(3) {
            let step = match self.below(14) {
                0..=4 => format!(".{}", self.pick(&NAMES)),
                5 => ".*".to_owned(),
                6 => ".**".to_owned(),
                7 => format!("[{}]", self.pick(&["0", "-1", "1", "[0..1]"])),
                8 => format!("[{}]", self.part(depth.min(1), true)),
                9 => format!(".({})", self.part(depth, true)),
                10 => format!(".{{{:?}: {}}}", self.pick(&NAMES), self.part(depth, true)),
                11 => format!("^({}{})", self.pick(&["", ">", "<"]), self.pick(&NAMES)),
                12 => "[]".to_owned(),
                _ => format!(".[{}]", self.part(depth, true)),
            };
            path.push_str(&step);
        }
        if self.below(12) == 0 {
            let (key, value) = (self.pick(&NAMES), self.part(depth.min(1), true));
            path.push_str(&format!("{{$string({key}): {value}}}"));
        }
        path
    }

    fn binary(&mut self, operator: &str, depth: usize, inside: bool) -> String {
        let (left, right) = (self.part(depth, inside), self.part(depth, inside));
        format!("({left} {operator} {right})")
    }

    fn condition(&mut self, depth: usize, inside: bool) -> String {
        let (test, then) = (self.part(depth, inside), self.part(depth, inside));
        match self.below(3) {
            0 => format!("({test} ? {then})"),
            _ => format!("({test} ? {then} : {})", self.part(depth, inside)),
        }
    }

    fn array(&mut self, depth: usize, inside: bool) -> String {
        if self.below(4) == 0 {
            return self
                .pick(&["[1..3]", "[0..-1]", "[1, 3..5]", "[-1..1]"])
                .to_owned();
        }
        let items: Vec<String> = (0..self.below(4))
            .map(|_| self.part(depth, inside))
            .collect();
        format!("[{}]", items.join(", "))
    }

    fn object(&mut self, depth: usize, inside: bool) -> String {
        let names = &NAMES[..self.below(4)];
        let members: Vec<String> = names
            .iter()
            .map(|name| format!("{name:?}: {}", self.part(depth, inside)))
            .collect();
        format!("{{{}}}", members.join(", "))
    }

    fn block(&mut self, depth: usize, inside: bool) -> String {
        let variable = self.pick(&VARIABLES);
        let value = self.part(depth, inside);
        self.bound.push(variable);
        let body = self.part(depth, inside);
        self.bound.pop();
        format!("(${variable} := {value}; {body})")
    }

    fn call(&mut self, depth: usize, inside: bool) -> String {
        let (name, kinds) = self.pick(&FUNCTIONS);
        let arguments: Vec<String> = kinds
            .bytes()
            .map(|kind| self.argument(kind, depth, inside))
            .collect();
        format!("${name}({})", arguments.join(", "))
    }

    /// Makes an argument of the kind that the function takes, most of the time.
    fn argument(&mut self, kind: u8, depth: usize, inside: bool) -> String {
        if self.below(6) == 0 {
            return self.part(depth, inside);
        }
        match kind {
            b'n' => self.pick(&NUMBERS).to_owned(),
            b'm' => self.pick(&["0", "1", "2", "-1"]).to_owned(),
            b's' => format!("{:?}", self.pick(&TEXTS)),
            b'r' => self.pick(&PATTERNS).to_owned(),
            b'p' => format!("{:?}", self.pick(&["#,##0.00", "0", "00.0#", "1", "#%"])),
            b'i' => format!(
                "{:?}",
                self.pick(&["0", "w", "W", "I", "A", "#,##0", "001", "Ww"])
            ),
            b'd' => format!(
                "{:?}",
                self.pick(&["[Y]-[M01]-[D01]", "[H01]:[m01]", "[FNn], [D1o] [MNn]"])
            ),
            b'o' => format!("$states.input.{}", self.pick(&NAMES)),
            b'a' => self.array(depth, inside),
            _ => self.part(depth, inside),
        }
    }

    fn higher_order(&mut self, depth: usize, inside: bool) -> String {
        let over = match self.below(3) {
            0 => self.array(depth, inside),
            1 => format!("$states.input.{}", self.pick(&NAMES)),
            _ => self.part(depth, inside),
        };
        let (name, parameters): (&str, &[&'static str]) = self.pick(&[
            ("map", &["x"][..]),
            ("map", &["x", "y"]),
            ("filter", &["x"]),
            ("reduce", &["x", "y"]),
            ("single", &["x"]),
            ("sort", &["x", "y"]),
            ("each", &["x", "y"]),
            ("sift", &["x"]),
        ]);
        self.bound.extend(parameters);
        let body = self.part(depth, inside);
        self.bound.truncate(self.bound.len() - parameters.len());
        let parameters: Vec<String> = parameters.iter().map(|name| format!("${name}")).collect();
        format!(
            "${name}({over}, function({}){{ {body} }})",
            parameters.join(", ")
        )
    }

    fn apply(&mut self, depth: usize, inside: bool) -> String {
        let value = self.part(depth, inside);
        let function = self.pick(&[
            "$count()",
            "$string()",
            "$sum()",
            "$keys()",
            "$uppercase()",
            "$type()",
            "$reverse()",
            "$map($type)",
            "|$|{'t': 1}|",
            "|a|{'t': n}, ['b']|",
        ]);
        format!("({value} ~> {function})")
    }
}

/// Functions with the kinds of their arguments.
const FUNCTIONS: [(&str, &str); 64] = [
    ("string", "x"),
    ("string", "ox"),
    ("length", "s"),
    ("substring", "sn"),
    ("substring", "snn"),
    ("substringBefore", "ss"),
    ("substringAfter", "ss"),
    ("uppercase", "s"),
    ("lowercase", "s"),
    ("trim", "s"),
    ("pad", "sn"),
    ("pad", "sns"),
    ("contains", "ss"),
    ("contains", "sr"),
    ("split", "ss"),
    ("split", "sr"),
    ("split", "ssn"),
    ("join", "a"),
    ("join", "as"),
    ("match", "sr"),
    ("match", "srn"),
    ("replace", "sss"),
    ("replace", "srs"),
    ("replace", "srsn"),
    ("base64encode", "s"),
    ("encodeUrl", "s"),
    ("encodeUrlComponent", "s"),
    ("decodeUrlComponent", "s"),
    ("number", "s"),
    ("number", "x"),
    ("abs", "n"),
    ("floor", "n"),
    ("ceil", "n"),
    ("round", "n"),
    ("round", "nm"),
    ("power", "nn"),
    ("sqrt", "n"),
    ("formatNumber", "np"),
    ("formatBase", "n"),
    ("formatBase", "nn"),
    ("formatInteger", "ni"),
    ("parseInteger", "si"),
    ("sum", "a"),
    ("max", "a"),
    ("min", "a"),
    ("average", "a"),
    ("boolean", "x"),
    ("not", "x"),
    ("exists", "x"),
    ("count", "x"),
    ("append", "xx"),
    ("sort", "a"),
    ("reverse", "a"),
    ("distinct", "a"),
    ("zip", "aa"),
    ("keys", "o"),
    ("lookup", "os"),
    ("spread", "o"),
    ("merge", "a"),
    ("type", "x"),
    ("fromMillis", "n"),
    ("fromMillis", "nd"),
    ("toMillis", "s"),
    ("assert", "xs"),
];
