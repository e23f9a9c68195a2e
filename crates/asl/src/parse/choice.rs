//! The Choice state and its rules.

use serde_json::{Number, Value};
use vocab::Timestamp;

use crate::definition::{Choice, ChoiceOption};
use crate::parse::fields::Fields;
use crate::parse::workflow::{Language, Siblings};
use crate::parse::{assign, flow, matrix};
use crate::query::{Allowed, Check, ChoiceRule, Comparison, Miss, Operand, Pattern, Rule};

/// What a rule may have beside its one operator.
const RULE_FIELDS: [&str; 4] = ["Variable", "Next", "Comment", "Assign"];

const CONDITION_FIELDS: [&str; 5] = ["Condition", "Next", "Comment", "Assign", "Output"];

const COMPARISONS: [(&str, Comparison); 5] = [
    ("Equals", Comparison::Equals),
    ("GreaterThan", Comparison::GreaterThan),
    ("GreaterThanEquals", Comparison::GreaterThanEquals),
    ("LessThan", Comparison::LessThan),
    ("LessThanEquals", Comparison::LessThanEquals),
];

pub(crate) fn choice(fields: &Fields<'_>, siblings: &Siblings<'_>) -> Option<Choice> {
    let flow = flow::in_and_out(fields);
    let default = fields.text("Default");
    let assign = assign::assign(fields);
    if !fields.require(&["Choices"]) {
        return None;
    }
    let rules = fields.some_objects("Choices")?;
    let choices: Vec<_> = rules.iter().map(|rule| top_rule(rule, siblings)).collect();
    let default = match default {
        Some(name) => Some(siblings.find(name)?),
        None => None,
    };
    Some(Choice {
        flow,
        choices: choices.into_iter().collect::<Option<_>>()?,
        default,
        assign,
    })
}

fn top_rule(fields: &Fields<'_>, siblings: &Siblings<'_>) -> Option<ChoiceOption> {
    if fields.language() == Language::Jsonata {
        return condition_rule(fields, siblings);
    }
    for name in ["Condition", "Output"] {
        if fields.has(name) {
            matrix::refuse_language(fields, name, Language::JsonPath);
        }
    }
    let assign = assign::assign(fields);
    let has_next = fields.require(&["Next"]);
    let rule = rule(fields);
    let next = if has_next {
        fields.text("Next").and_then(|name| siblings.find(name))
    } else {
        None
    };
    Some(ChoiceOption {
        rule: ChoiceRule(rule?),
        next: next?,
        output: None,
        assign,
    })
}

/// Reads a rule of JSONata: a `Condition`, which is an expression or a constant.
fn condition_rule(fields: &Fields<'_>, siblings: &Siblings<'_>) -> Option<ChoiceOption> {
    for name in fields.names() {
        if name == "Variable" || is_operator(name) {
            matrix::refuse_language(fields, name, Language::Jsonata);
        } else if !CONDITION_FIELDS.contains(&name) {
            matrix::refuse_unknown(fields, name);
        }
    }
    fields.text("Comment");
    let (assign, output) = (assign::assign(fields), fields.template("Output"));
    let is_whole = fields.require(&["Next", "Condition"]);
    let rule = match fields.expression("Condition") {
        Some(expression) => expression.map(Rule::Expression),
        None => fields.flag("Condition").map(Rule::Constant),
    };
    let next = fields.text("Next").and_then(|name| siblings.find(name));
    if !is_whole {
        return None;
    }
    Some(ChoiceOption {
        rule: ChoiceRule(rule?),
        next: next?,
        output,
        assign,
    })
}

fn inner_rule(fields: &Fields<'_>) -> Option<Rule> {
    for name in fields.names() {
        match name {
            "Next" | "Assign" => matrix::refuse_unknown(fields, name),
            "Condition" | "Output" => matrix::refuse_language(fields, name, Language::JsonPath),
            _ => {}
        }
    }
    rule(fields)
}

/// Reads a rule; rules nest no deeper than the JSON does.
fn rule(fields: &Fields<'_>) -> Option<Rule> {
    let operators: Vec<&str> = fields
        .names()
        .filter(|name| !RULE_FIELDS.contains(name) && is_operator(name))
        .collect();
    for name in fields.names() {
        let is_jsonata = matches!(name, "Condition" | "Output");
        if !RULE_FIELDS.contains(&name) && !is_operator(name) && !is_jsonata {
            fields.refuse(format!("Field '{name}' is not supported"));
        }
    }
    fields.text("Comment");
    let operator = match operators[..] {
        [operator] => operator,
        [] => {
            fields.refuse("A choice rule needs one comparison operator");
            return None;
        }
        _ => {
            let names = operators.join(", ");
            fields.refuse(format!(
                "There should only be one of the following fields: [{names}]"
            ));
            return None;
        }
    };
    if matches!(operator, "And" | "Or" | "Not") && fields.has("Variable") {
        matrix::refuse_unknown(fields, "Variable");
    }
    match operator {
        "And" => rules(fields, "And").map(Rule::And),
        "Or" => rules(fields, "Or").map(Rule::Or),
        "Not" => inner_rule(&fields.object("Not")?).map(|inner| Rule::Not(Box::new(inner))),
        _ => {
            let has_variable = fields.require(&["Variable"]);
            let check = check(fields, operator);
            let variable =
                has_variable.then(|| fields.path("Variable", Allowed::Context, Miss::Choice))??;
            Some(Rule::Test {
                variable,
                check: check?,
            })
        }
    }
}

fn rules(fields: &Fields<'_>, name: &str) -> Option<Vec<Rule>> {
    let inner = fields.some_objects(name)?;
    let rules: Vec<_> = inner.iter().map(inner_rule).collect();
    rules.into_iter().collect()
}

/// A comparison's name taken apart: `NumericLessThanPath` is `Numeric`, less than, by path.
struct Named {
    kind: &'static str,
    comparison: Comparison,
    by_path: bool,
}

fn named(operator: &str) -> Option<Named> {
    let (stem, by_path) = match operator.strip_suffix("Path") {
        Some(stem) => (stem, true),
        None => (operator, false),
    };
    let kind = ["Boolean", "String", "Numeric", "Timestamp"]
        .into_iter()
        .find(|kind| stem.starts_with(kind))?;
    let (_, comparison) = COMPARISONS
        .iter()
        .find(|(name, _)| *name == &stem[kind.len()..])?;
    (kind != "Boolean" || *comparison == Comparison::Equals).then_some(Named {
        kind,
        comparison: *comparison,
        by_path,
    })
}

fn is_operator(name: &str) -> bool {
    matches!(
        name,
        "And"
            | "Or"
            | "Not"
            | "IsPresent"
            | "IsNull"
            | "IsBoolean"
            | "IsNumeric"
            | "IsString"
            | "IsTimestamp"
            | "StringMatches"
    ) || named(name).is_some()
}

fn check(fields: &Fields<'_>, operator: &str) -> Option<Check> {
    match operator {
        "IsPresent" => return fields.flag(operator).map(Check::IsPresent),
        "IsNull" => return fields.flag(operator).map(Check::IsNull),
        "IsBoolean" => return fields.flag(operator).map(Check::IsBoolean),
        "IsNumeric" => return fields.flag(operator).map(Check::IsNumeric),
        "IsString" => return fields.flag(operator).map(Check::IsString),
        "IsTimestamp" => return fields.flag(operator).map(Check::IsTimestamp),
        "StringMatches" => {
            return fields
                .text(operator)
                .map(|text| Check::Matches(Pattern::parse(text)));
        }
        _ => {}
    }
    let Named {
        kind,
        comparison,
        by_path,
    } = named(operator)?;
    match kind {
        "Boolean" => operand(fields, operator, by_path, Fields::flag).map(Check::BooleanEquals),
        "String" => operand(fields, operator, by_path, text)
            .map(|operand| Check::String(comparison, operand)),
        "Numeric" => operand(fields, operator, by_path, number)
            .map(|operand| Check::Numeric(comparison, operand)),
        _ => operand(fields, operator, by_path, timestamp)
            .map(|operand| Check::Timestamp(comparison, operand)),
    }
}

fn operand<'j, T>(
    fields: &Fields<'j>,
    name: &str,
    by_path: bool,
    literal: impl FnOnce(&Fields<'j>, &str) -> Option<T>,
) -> Option<Operand<T>> {
    if by_path {
        fields
            .path(name, Allowed::Context, Miss::Choice)
            .map(Operand::Path)
    } else {
        literal(fields, name).map(Operand::Literal)
    }
}

fn text(fields: &Fields<'_>, name: &str) -> Option<Box<str>> {
    fields.text(name).map(Box::from)
}

fn timestamp(fields: &Fields<'_>, name: &str) -> Option<i128> {
    fields.timestamp(name)?;
    Timestamp::rfc3339_nanos(fields.text(name)?)
}

fn number(fields: &Fields<'_>, name: &str) -> Option<Number> {
    let number = fields.get(name).and_then(Value::as_number).cloned();
    if number.is_none() {
        fields.refuse_field(name, "Expected value of type Number");
    }
    number
}
