//! Typed access to the fields of one JSON object, which reports what it does not like.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::{Map, Value};
use vocab::Timestamp;

use crate::diagnostic::{Diagnostic, SCHEMA_VALIDATION_FAILED};
use crate::parse::workflow::Language;
use crate::query::{Allowed, Dialect, Expression, Miss, Path, Place, Readable, Refusal, Template};

/// Where findings are collected while a definition is read.
#[derive(Default)]
pub(crate) struct Report {
    findings: RefCell<Vec<Diagnostic>>,
    /// The variables that the state reads whose fields are being looked at.
    variables: RefCell<BTreeSet<Arc<str>>>,
}

impl Report {
    pub(crate) fn add(&self, finding: Diagnostic) {
        self.findings.borrow_mut().push(finding);
    }

    /// Puts other names into the place of the variables read so far, and returns these.
    pub(crate) fn exchange_variables(&self, names: BTreeSet<Arc<str>>) -> BTreeSet<Arc<str>> {
        self.variables.replace(names)
    }

    /// Returns the findings.
    pub(crate) fn into_findings(self) -> Vec<Diagnostic> {
        self.findings.into_inner()
    }
}

/// The fields of one JSON object.
pub(crate) struct Fields<'j> {
    object: &'j Map<String, Value>,
    /// Empty for the definition itself.
    location: String,
    /// How much of the location is that of the state that the object is part of.
    state_at: usize,
    language: Language,
    dialect: Dialect,
    report: &'j Report,
}

impl<'j> Fields<'j> {
    pub(crate) fn new(
        object: &'j Map<String, Value>,
        location: String,
        report: &'j Report,
    ) -> Self {
        Self {
            object,
            location,
            state_at: 0,
            language: Language::JsonPath,
            dialect: Dialect::Aws,
            report,
        }
    }

    /// Returns the same fields as those of a state that speaks `language`.
    pub(crate) fn of_state(&self, language: Language, dialect: Dialect) -> Self {
        Self {
            object: self.object,
            location: self.location.clone(),
            state_at: self.location.len(),
            language,
            dialect,
            report: self.report,
        }
    }

    /// Returns the fields of an object within this one.
    fn within(&self, object: &'j Map<String, Value>, name: &str) -> Self {
        Self {
            object,
            location: self.at(name),
            ..*self
        }
    }

    /// Returns the language of the state that the object is part of.
    pub(crate) fn language(&self) -> Language {
        self.language
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'j Value> {
        self.object.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'j str> {
        self.object.keys().map(String::as_str)
    }

    /// Returns the place of a field, such as `/States/X/Next`.
    pub(crate) fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.location)
    }

    /// Reports something about the object itself.
    pub(crate) fn refuse(&self, message: impl Into<String>) {
        let location = if self.location.is_empty() {
            "/".to_owned()
        } else {
            self.location.clone()
        };
        self.report.add(Diagnostic::error(
            SCHEMA_VALIDATION_FAILED,
            message,
            Some(location),
        ));
    }

    /// Reports something about one field.
    pub(crate) fn refuse_field(&self, name: &str, message: impl Into<String>) {
        self.report.add(Diagnostic::error(
            SCHEMA_VALIDATION_FAILED,
            message,
            Some(self.at(name)),
        ));
    }

    /// Reports something about one field, with a code of its own.
    pub(crate) fn refuse_as(&self, code: &'static str, name: &str, message: impl Into<String>) {
        self.report
            .add(Diagnostic::error(code, message, Some(self.at(name))));
    }

    /// Reports the names that are not there; says whether all are.
    pub(crate) fn require(&self, names: &[&str]) -> bool {
        let missing: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !self.has(name))
            .collect();
        if !missing.is_empty() {
            self.refuse(format!(
                "These fields are required: [{}]",
                missing.join(", ")
            ));
        }
        missing.is_empty()
    }

    /// Reports when more than one of `names` is there; returns the first that is.
    pub(crate) fn at_most_one<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        let present: Vec<&'n str> = names
            .iter()
            .copied()
            .filter(|name| self.has(name))
            .collect();
        if present.len() > 1 {
            let present = present.join(", ");
            self.refuse(format!(
                "There should only be one of the following fields: [{present}]"
            ));
        }
        present.first().copied()
    }

    /// Like [`at_most_one`](Self::at_most_one), and reports when none is there.
    pub(crate) fn exactly_one<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        let found = self.at_most_one(names);
        if found.is_none() {
            self.refuse(format!(
                "One of these fields is required: [{}]",
                names.join(", ")
            ));
        }
        found
    }

    /// Reports every field whose name is in none of the lists.
    pub(crate) fn allow_only(&self, lists: &[&[&str]]) {
        for name in self.names() {
            if !lists.iter().any(|list| list.contains(&name)) {
                self.refuse(format!("Field '{name}' is not supported"));
            }
        }
    }

    fn refuse_type(&self, name: &str, expected: &str) {
        self.refuse_field(name, format!("Expected value of type {expected}"));
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'j str> {
        let value = self.get(name)?;
        if value.as_str().is_none() {
            self.refuse_type(name, "String");
        }
        value.as_str()
    }

    pub(crate) fn comment(&self) -> Option<String> {
        self.text("Comment").map(str::to_owned)
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        if !value.is_boolean() {
            self.refuse_type(name, "Boolean");
        }
        value.as_bool()
    }

    /// Returns a whole number within `range`.
    pub(crate) fn integer(&self, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.get(name)?;
        if value.as_u64().is_none() && value.as_i64().is_none() {
            self.refuse_type(name, "Integer");
            return None;
        }
        match value.as_u64() {
            Some(number) if range.contains(&number) => Some(number),
            Some(number) if number > *range.end() => {
                self.refuse_field(name, format!("Maximum value is {}", range.end()));
                None
            }
            _ => {
                self.refuse_field(name, format!("Minimum value is {}", range.start()));
                None
            }
        }
    }

    /// Returns a number that is at least `least`.
    pub(crate) fn float(&self, name: &str, least: f64) -> Option<f64> {
        let Some(number) = self.get(name)?.as_f64() else {
            self.refuse_type(name, "Number");
            return None;
        };
        if number < least {
            self.refuse_field(name, format!("Minimum value is {least:?}"));
        }
        Some(number)
    }

    /// Returns one of `words`.
    pub(crate) fn word(&self, name: &str, words: &[&str]) -> Option<&'j str> {
        let value = self.get(name)?;
        let word = value.as_str().filter(|word| words.contains(word));
        if word.is_none() {
            let words = words.join(", ");
            self.refuse_field(
                name,
                format!("The field '{name}' should have one of these values: [{words}]"),
            );
        }
        word
    }

    pub(crate) fn timestamp(&self, name: &str) -> Option<Timestamp> {
        let moment = Timestamp::parse_rfc3339(self.text(name)?);
        if moment.is_none() {
            self.refuse_field(name, "String does not match RFC3339 timestamp");
        }
        moment
    }

    /// Returns a path; any path over the input, and what else `allowed` lets in.
    pub(crate) fn path(&self, name: &str, allowed: Allowed, miss: Miss) -> Option<Path> {
        let text = self.text(name)?;
        match Path::parse(text, allowed, miss) {
            Ok(path) => {
                path.add_variables(&mut self.report.variables.borrow_mut());
                Some(path)
            }
            Err(_) => {
                self.refuse_field(name, invalid_path(text, allowed, miss));
                None
            }
        }
    }

    /// Returns a template in the language of the state.
    pub(crate) fn template(&self, name: &str) -> Option<Template> {
        self.template_reading(name, Readable::default())
    }

    /// Like [`template`](Self::template), where JSONata may read more of `$states` than everywhere.
    pub(crate) fn template_reading(&self, name: &str, readable: Readable) -> Option<Template> {
        match self.language {
            Language::JsonPath => self.json_path_template(name),
            Language::Jsonata => self.jsonata_template(name, readable),
        }
    }

    fn jsonata_template(&self, name: &str, readable: Readable) -> Option<Template> {
        let json = self.get(name)?;
        let location = self.at_in_state(name);
        match Template::parse_jsonata(json, self.place(&location, readable)) {
            Ok(template) => {
                template.add_variables(&mut self.report.variables.borrow_mut());
                Some(template)
            }
            Err(refused) => {
                for (location, refusal) in refused {
                    self.refuse_expression(&location, refusal);
                }
                None
            }
        }
    }

    /// Says whether the state speaks JSONata and the field holds an expression.
    pub(crate) fn holds_expression(&self, name: &str) -> bool {
        let text = self.get(name).and_then(Value::as_str);
        self.language == Language::Jsonata && text.and_then(Expression::written).is_some()
    }

    /// Returns the expression in a field, if the state speaks JSONata and there is one: the outer
    /// `None` says that the field holds something else.
    pub(crate) fn expression(&self, name: &str) -> Option<Option<Expression>> {
        if self.language != Language::Jsonata {
            return None;
        }
        let text = Expression::written(self.get(name)?.as_str()?)?;
        let location = self.at_in_state(name);
        match Expression::parse(text, self.place(&location, Readable::default())) {
            Ok(expression) => {
                expression.add_variables(&mut self.report.variables.borrow_mut());
                Some(Some(expression))
            }
            Err(refusals) => {
                for refusal in refusals {
                    self.refuse_expression(&location, refusal);
                }
                Some(None)
            }
        }
    }

    fn place<'p>(&self, location: &'p str, readable: Readable) -> Place<'p> {
        Place {
            location,
            readable,
            dialect: self.dialect,
        }
    }

    /// Returns the place of a field within its state: `Catch[0]/Output`.
    fn at_in_state(&self, name: &str) -> String {
        match self.location[self.state_at..].strip_prefix('/') {
            Some(inside) => format!("{inside}/{name}"),
            None => name.to_owned(),
        }
    }

    fn refuse_expression(&self, location: &str, refusal: Refusal) {
        let state = &self.location[..self.state_at];
        self.report.add(Diagnostic::error(
            refusal.code,
            refusal.message,
            Some(format!("{state}/{location}")),
        ));
    }

    fn json_path_template(&self, name: &str) -> Option<Template> {
        let json = self.get(name)?;
        match Template::parse(json) {
            Ok(template) => {
                template.add_variables(&mut self.report.variables.borrow_mut());
                Some(template)
            }
            Err(invalid) => {
                for field in invalid {
                    self.refuse_field(&format!("{name}{}", field.location), field.message());
                }
                None
            }
        }
    }

    /// Returns the object in a field.
    pub(crate) fn object(&self, name: &str) -> Option<Fields<'j>> {
        let value = self.get(name)?;
        if !value.is_object() {
            self.refuse_type(name, "Object");
        }
        Some(self.within(value.as_object()?, name))
    }

    /// Returns the objects of the array in a field, whose other members are reported.
    pub(crate) fn objects(&self, name: &str) -> Option<Vec<Fields<'j>>> {
        let Some(items) = self.get(name)?.as_array() else {
            self.refuse_type(name, "Array");
            return None;
        };
        let fields = items.iter().enumerate().filter_map(|(place, item)| {
            let name = format!("{name}[{place}]");
            let Some(object) = item.as_object() else {
                self.refuse_type(&name, "Object");
                return None;
            };
            Some(self.within(object, &name))
        });
        Some(fields.collect())
    }

    /// Like [`objects`](Self::objects), and reports an empty array.
    pub(crate) fn some_objects(&self, name: &str) -> Option<Vec<Fields<'j>>> {
        let objects = self.objects(name)?;
        if self
            .get(name)
            .and_then(Value::as_array)
            .is_some_and(Vec::is_empty)
        {
            self.refuse_field(name, "Value cannot be empty");
        }
        Some(objects)
    }
}

/// What AWS says about a path that cannot be read depends on what the field may hold.
fn invalid_path(text: &str, allowed: Allowed, miss: Miss) -> &'static str {
    match (allowed, miss) {
        (Allowed::Call, _) => "Value must be a valid JSONPath or a valid intrinsic function call",
        (_, Miss::Choice) if !text.starts_with('$') => {
            "Value is not a Reference Path: Reference path didn't start with '$'"
        }
        (Allowed::Input, _) | (_, Miss::Items | Miss::Parameter(_)) => {
            "Value is not a Reference Path"
        }
        (Allowed::Context, _) => "Value must be a valid JSONPath.",
    }
}
